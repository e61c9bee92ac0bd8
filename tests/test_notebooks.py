"""The notebook runs from its first cell to its last, and shows what it promises."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from pipeline.config import load
from pipeline.run import run

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOK = FOLDER / "01-explore-season.ipynb"

#: Radiosondes and analyses, with and without a position, two of them the season's strongest, and
#: the three that end `suspect`.
FILES = (
    "03031400.TLH", "03031300.SHV", "03031500.OTX", "03040400.OUN", "03050821i_t.lw1",
    "03061223i_n.c11", "03050320i_t.bff", "03031218i_n.fpr", "03032821m_n.mbs", "03051019m_n.mlc",
    "03081202m_n.sep",
)  # fmt: skip


@pytest.fixture(scope="module")
def small_season(tmp_path_factory, season_folder) -> Path:
    """Run the pipeline over a few files of the season."""
    folder = tmp_path_factory.mktemp("season")
    config = folder / "small.yaml"
    config.write_text(
        "input:\n"
        + "".join(f"  - path: {season_folder / name}\n" for name in FILES)
        + f"stations: {season_folder.parent / 'stations.csv'}\n"
        + "executor: serial\noutput: small.nc\n"
    )
    return run(load(config)).path


def executed(path: Path) -> NotebookNode:
    """Execute the notebook on a season, in its own folder but never written there."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(FOLDER)}}
    client = NotebookClient(notebook, timeout=100, kernel_name="python3", resources=where)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PIPELINE_SEASON", str(path))
        client.execute()
    return notebook


@pytest.fixture(scope="module")
def notebook(small_season) -> NotebookNode:
    return executed(small_season)


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def pictures(notebook: NotebookNode) -> list[tuple[int, int]]:
    """Return width and height of every picture, in dots."""
    heads = [
        base64.b64decode(output["data"]["image/png"])[:24]
        for output in outputs(notebook)
        if "image/png" in output.get("data", {})
    ]
    return [struct.unpack(">II", head[16:24]) for head in heads]


def said(notebook: NotebookNode) -> str:
    return "\n".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for output in outputs(notebook)
    )


def test_the_notebook_runs_on_a_season_and_shows_what_it_promises(notebook):
    assert not [one for one in outputs(notebook) if one.get("name") == "stderr"], "no warnings"
    assert len(pictures(notebook)) == 4, "map, distributions and two soundings"
    text = said(notebook)
    assert "11 of 11 stations" in text
    assert "8 ok, 3 suspect" in text
    assert "read from" in text
    assert " SEP 030812/0200" in text, "the first lines of the flagged sounding's file"


def test_metpy_by_hand_gives_the_number_in_the_file(notebook):
    lines = said(notebook).splitlines()
    by_hand = next(line.split()[2] for line in lines if line.startswith("by hand"))
    in_file = next(line.split()[3] for line in lines if line.startswith("in the file"))
    assert by_hand == in_file
    assert float(by_hand) > 7000.0


def test_without_a_season_it_says_what_to_do(tmp_path):
    with pytest.raises(CellExecutionError, match=r"none\.nc is not there yet: run `make run`"):
        executed(tmp_path / "none.nc")


def test_the_notebook_in_the_repository_is_executed_and_small_enough_to_be_shown():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1)), "in order, from a fresh start"
    assert not [one for one in outputs(notebook) if one.output_type == "error"]
    assert len(pictures(notebook)) == 4
    assert max(width for width, _ in pictures(notebook)) <= 1200
    assert NOTEBOOK.stat().st_size < 1_500_000
    assert "340 of 211 stations" in said(notebook)
