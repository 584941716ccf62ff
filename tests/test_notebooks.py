"""The notebooks run from top to bottom, as a newcomer runs them, in a small setting; and they hold no outputs."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


def code_cells(path: Path) -> list[tuple[str, str]]:
    """Name and source of each cell of code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        (f"{path.name}[{i}]", "".join(cell["source"])) for i, cell in enumerate(cells) if cell["cell_type"] == "code"
    ]


def run(path: Path) -> dict[str, object]:
    """The names that are defined after all cells."""
    names: dict[str, object] = {"__name__": "__main__"}
    for name, source in code_cells(path):
        exec(compile(source, name, "exec"), names)
    return names


def test_there_are_some():
    assert [path.name for path in NOTEBOOKS] == [
        "01_kernels.ipynb",
        "02_rate_networks.ipynb",
        "03_networks_in_time.ipynb",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib").use("agg")
    monkeypatch.setenv("SYMNTK_FAST", "1")
    monkeypatch.chdir(tmp_path)
    run(path)["plt"].close("all")
    assert capsys.readouterr().out  # some cells print what they found
    assert not list(tmp_path.iterdir())  # a notebook leaves nothing where it is run


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_clean(path: Path):
    """No outputs, no counts of a past run; plain Python, without magics."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    for _, source in code_cells(path):
        ast.parse(source)


def test_a_cell_that_fails_is_noticed(tmp_path):
    """The runner does not swallow what a cell raises, and says which cell it was."""
    path = tmp_path / "bad.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": ["x = 1\n", "assert x == 2"]}]}))
    with pytest.raises(AssertionError) as info:
        run(path)
    assert "bad.ipynb[0]" in str(info.traceback[-1].path)
