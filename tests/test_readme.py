"""The README is true: its commands print what it shows, its Python runs, and CI sets up as it says."""

from __future__ import annotations

import doctest
import os
import re
import runpy
import shlex
from itertools import groupby
from pathlib import Path

import pytest
from click.testing import CliRunner

from symntk.cli import main

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for language, text in BLOCK.findall(TEXT) if language == kind]


def console() -> list[tuple[str, str]]:
    """Commands with the output that the README shows; an ellipsis stands for anything."""
    found = []
    for block in blocks("console"):
        command = ""
        for starts, lines in groupby(block.splitlines(), key=lambda line: line.startswith("$ ")):
            if starts:
                *silent, command = (line[2:] for line in lines)
                assert not silent, f"{silent} shows no output"
            else:
                found.append((command, "\n".join(lines)))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_blocks_are_found():
    assert len(console()) >= 6
    assert len(blocks("sh")) == 2
    assert len(blocks("python")) >= 4


@pytest.mark.parametrize(("command", "shown"), console(), ids=[command for command, _ in console()])
def test_commands_print_what_is_shown(command: str, shown: str, folder: Path):
    program, *arguments = shlex.split(command)
    assert program == "symntk"
    result = CliRunner().invoke(main, arguments)
    pattern = ".*".join(re.escape(part) for part in shown.split("…"))
    assert re.fullmatch(pattern, result.output.strip(), re.DOTALL), result.output


def test_the_first_command_runs(folder: Path):
    """The symntk part of it; the virtual environment is made by CI."""
    commands = [part for part in blocks("sh")[0].strip().split(" && ") if part.startswith("symntk ")]
    assert len(commands) == 2
    for command in commands:
        assert CliRunner().invoke(main, shlex.split(command)[1:]).exit_code == 0
    assert (folder / "sign_erf.py").exists()


def test_the_doctests(folder: Path):
    names: dict[str, object] = {}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    parser = doctest.DocTestParser()
    for number, text in enumerate(block for block in blocks("python") if ">>>" in block):
        test = parser.get_doctest(text, names, f"README {number}", "README.md", 0)
        runner.run(test, clear_globs=False)
        names = test.globs
    assert runner.tries >= 8
    assert runner.failures == 0


def test_the_python_code_runs(folder: Path, monkeypatch: pytest.MonkeyPatch):
    CliRunner().invoke(main, ["export", "sign", "--surrogate", "erf", "-o", "sign_erf.py"])
    monkeypatch.syspath_prepend(str(folder))
    plain = [block for block in blocks("python") if ">>>" not in block]
    assert len(plain) >= 2
    for number, block in enumerate(plain):
        path = folder / f"snippet{number}.py"
        path.write_text(block, encoding="utf-8")
        runpy.run_path(str(path))


def test_files_that_are_named_exist():
    named = re.findall(r"`((?:symntk|tests|benchmarks|docs|results|papers)/[\w./]+)`", TEXT)
    for path in named + re.findall(r"\]\(([^):]+)\)", TEXT):
        assert (ROOT / path).exists(), path


def test_ci_runs_what_the_readme_says():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "README.md" in script.read_text(encoding="utf-8")
    setup = blocks("sh")[1].strip()
    assert setup.count("\n") == 0
    assert setup.split(" && ")[-1].startswith("pytest")
