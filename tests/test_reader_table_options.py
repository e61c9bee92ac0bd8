"""Options of a table that make no sense: each is named, with what would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ReadError
from pipeline.readers.table import read

UNITS = {"pressure": "hPa", "temperature": "degC"}


def refusal(folder: Path, **options: Any) -> str:
    path = folder / "table.csv"
    path.write_text("p,t\n1000,20\n")
    with pytest.raises(ReadError) as caught:
        list(read(path, {"units": UNITS, **options}))
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"collumns": {}}, "'collumns' is no option, did you mean 'columns'?"),
        ({"columns": {"presure": "p"}}, "'presure' is no column (of `columns`), did you mean"),
        ({"columns": {"temperature": "t"}}, "columns: pressure is not among them"),
        ({"columns": {"pressure": "q"}}, "columns: there is no column 'q', there are p, t"),
        ({"columns": {"pressure": 7}}, "columns: there is no column 7; 2 count from 0"),
        ({"columns": {"pressure": -1}}, "columns: pressure: -1 is negative; columns count from 0"),
        ({"columns": {"pressure": True}}, "columns: pressure: True is neither a name nor a number"),
        ({"columns": "p"}, "columns: 'p' is not a mapping"),
        ({"header": False}, "columns: without a header they must be given, by number"),
        ({"header": False, "columns": {"pressure": "p"}}, "without a header, 'p' must be a number"),
        ({"header": 0}, "header: 0 is neither true, false, nor a line number from 1"),
        ({"header": 9}, "header: there is no line 9, only 2"),
        ({"first_line": "2"}, "first_line: '2' is no line number from 1"),
        ({"units": {"pressure": "K"}}, "units: pressure: units 'K' cannot be converted to hPa"),
        ({"units": {"pressure": "x!"}}, "units: pressure: units 'x!' are not known"),
        ({"units": {"presure": "hPa"}}, "'presure' is no quantity (of `units`), did you mean"),
        ({"delimiter": "commas"}, "delimiter: 'commas' is neither one character nor whitespace"),
        ({"missing": [True]}, "missing: True is neither a number nor a text"),
        ({"station_id": 3005}, "station_id: 3005 is not a text; put it in quotes"),
        ({"latitude": "46N"}, "latitude: '46N' is not a number, in degree"),
        ({"time": "noon"}, "time: 'noon' is not such as 1999-05-03T23:00"),
        (
            {"columns": {"pressure": "p", "time": "t"}, "time": "2003-05-04"},
            "time is given twice: as a column and for the whole file",
        ),
    ],
)
def test_options_that_make_no_sense_are_named(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    assert said in refusal(tmp_path, **options)


def test_all_that_is_wrong_with_options_is_said_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, header=0, delimiter="commas", time="noon")
    assert said.count("; ") == 2
