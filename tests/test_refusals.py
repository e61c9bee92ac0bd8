"""What a person is told first about a file that nobody reads."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline import readers
from pipeline.errors import ReadError
from pipeline.readers.refusals import NearMiss, describe, explain


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "to do: buy milk")
    return content.getvalue()


def tarred(name: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return content.getvalue()


#: What a lab finds among its soundings: content, and what a person calls it.
CONTENTS = {
    "gzip": (gzip.compress(b"%TITLE%"), "packed by gzip: unpack it first"),
    "zip": (zipped("todo.txt"), "a zip archive, or a document such as Excel's: unpack it first"),
    "tar": (tarred("a.txt"), "a tar archive: unpack it first"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0", "a picture (PNG)"),
    "page": (
        b"\n<!DOCTYPE HTML><head>\n<title>404\n Not&nbsp;Found</title>",
        "a web page titled '404 Not Found': fetch the file again",
    ),
    "page without a title": (b"<html><body>oh</body>", "a web page: fetch the file again"),
    "XML": (b'<?xml version="1.0"?>\n<a/>', "XML that begins with '<?xml version=\"1.0\"?>'"),
    "JSON": (b'{"a": 1}', "JSON that begins with '{\"a\": 1}'"),
    "UTF-16": ("%TITLE%\n".encode("utf-16"), "text in UTF-16: save it as UTF-8"),
    "text": (b"to do:\r\nbuy milk\r\n", "text that begins with 'to do:'"),
    "Latin-1": ("Höhe über NN\n".encode("latin-1"), "text that begins with 'Höhe über NN'"),
    "zeros": (bytes(400), r"binary data that begin with b'\x00\x00"),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_what_is_of_no_format_is_called_what_it_is(kind: str, tmp_path: Path) -> None:
    content, words = CONTENTS[kind]
    assert words in describe(content)
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ReadError) as caught:
        readers.pick(tmp_path / "file")
    assert str(caught.value).startswith(f"no reader knows this file, {words}")


def test_what_is_amiss_with_a_file_of_a_format_is_told_first() -> None:
    declined = {
        "igra2": "no header",
        "gsd_text": NearMiss("a list of stations"),
        "table": "no columns",
    }
    assert explain(declined, b"x") == (
        "no reader knows this file; gsd_text: a list of stations. "
        "Tried igra2: no header; gsd_text: a list of stations; table: no columns"
    )


def test_every_reader_that_was_asked_has_its_say(tmp_path: Path) -> None:
    (tmp_path / "todo").write_text("to do: buy milk")
    with pytest.raises(ReadError) as caught:
        readers.pick(tmp_path / "todo")
    for name in readers.names():
        assert f"{name}: " in str(caught.value)
