"""CONTRIBUTING.md is true: each of its diffs applies to a copy of the package, and the lines below it run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = {
    title: (diff, script)
    for title, diff, script in re.findall(
        r"^## (Add [^\n]+)\n(?:(?!^## ).)*?^```diff\n(.*?)^```\n\n```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL
    )
}


def package(folder: Path, changed: set[Path]) -> None:
    """The package in a folder: links to what the changed files do not lie in, and copies of those that exist."""
    opened = {parent for path in changed for parent in path.parents if parent.name}

    def fill(place: Path) -> None:
        (folder / place).mkdir()
        for one in sorted((ROOT / place).iterdir()):
            inner = place / one.name
            if inner in opened:
                fill(inner)
            elif inner in changed:
                shutil.copy(one, folder / inner)
            elif one.name != "__pycache__":
                (folder / inner).symlink_to(one)

    for name in {"symntk", *(path.parts[0] for path in changed)}:
        fill(Path(name))


def test_there_is_an_example_of_each():
    added = ["an activation", "a rule of derivation", "a special function", "a target"]
    assert list(EXAMPLES) == [f"Add {one}" for one in added]


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_diff_applies_and_its_lines_run(title: str, tmp_path: Path):
    diff, script = EXAMPLES[title]
    package(tmp_path, {Path(path) for path in re.findall(r"^\+\+\+ b/(\S+)$", diff, re.MULTILINE)})
    alone = os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    subprocess.run(["git", "apply", "-"], input=diff, text=True, check=True, cwd=tmp_path, env=alone)
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    subprocess.run([sys.executable, "-W", "error", "script.py"], check=True, cwd=tmp_path)


def test_what_is_named_exists():
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    named = re.findall(r"`((?:symntk|tests|derivations|\.ci)/[\w./]*)`", prose) + re.findall(r"\]\(([^):#]+)", prose)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_set_up_is_that_of_the_readme():
    (first, *_), (*_, second) = (
        re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for text in (TEXT, (ROOT / "README.md").read_text(encoding="utf-8"))
    )
    assert first == second
