"""`symntk theorems`."""

from __future__ import annotations

import json

from click.testing import CliRunner

from symntk.cli import main


def run(*arguments: str):
    return CliRunner().invoke(main, ["theorems", *arguments])


def test_text_and_exit_status():
    done = run("T4", "--activation", "sign")
    assert done.exit_code == 0
    assert "T4" in done.stdout and "ok" in done.stdout


def test_what_does_not_apply_is_exit_status_1():
    done = run("T2", "--activation", "relu")
    assert done.exit_code == 1
    assert "its NTK exists" in done.stdout.replace("\n", " ").replace("         ", "")


def test_json():
    done = run("T4", "--activation", "sign", "--dps", "30", "--json")
    (report,) = json.loads(done.stdout)
    assert report["passed"] and report["findings"][0]["digits"] >= 6


def test_mistakes_are_exit_status_2():
    assert run("T9").exit_code == 2
    assert run("T2", "--activation", "gellu").exit_code == 2
