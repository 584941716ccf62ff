"""Rules that a machine keeps: short files, text that stays data, types for others, a quick start."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import symntk

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "symntk"
MODULES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "papers").rglob("*.py")])
MOST_LINES = 400
EVALUATES_TEXT = {"eval", "exec", "compile", "__import__"}
COMPILES_OWN_SOURCE = {PACKAGE / "emit" / "compile.py"}
"""The files that execute source which the package itself wrote; no text of a user is in it."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_files_are_short(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_text_is_evaluated(path: Path):
    """No eval, exec or compile; no parse_expr, no sympify that would run a text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        plain = isinstance(function, ast.Name)
        where = f"{name(path)}:{node.lineno} calls {called}"
        if path not in COMPILES_OWN_SOURCE:
            assert not (plain and called in EVALUATES_TEXT), where
        assert called != "parse_expr", where
        if called == "sympify":
            assert "strict" in {keyword.arg for keyword in node.keywords}, f"{where} without strict=True: it runs text"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_say_what_they_are(path: Path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")), clean=False)
    assert text, f"{name(path)} has no docstring"
    assert text == text.lstrip(" "), f"{name(path)}: its docstring begins with a space"


def test_types_are_offered_to_others():
    assert (PACKAGE / "py.typed").exists()


def test_one_version():
    """It is typed once; what is installed, what `symntk --version` says and what modules say reads it."""
    typed = [name(path) for path in MODULES if f'"{symntk.__version__}"' in path.read_text(encoding="utf-8")]
    assert typed == ["symntk/version.py"]
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in about["project"]["dynamic"]
    assert about["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "symntk.version.VERSION"}


def test_one_license():
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    first, _, owner, *_ = (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert first == "BSD 3-Clause License"
    assert owner.endswith("the symntk developers")
    assert f"license: {about['license']}" in citation
    assert about["license"] == "BSD-3-Clause"


def test_a_derivation_from_a_cold_start_is_quick():
    """Counted, not timed: all imports, SymPy's among them, and the derivation are 0.7 million calls, a second of them.

    benchmarks/speed measures the seconds.
    """
    code = (
        "import sys; from tests.work import calls; sys.argv = ['symntk', 'derive', 'sign', '--surrogate', 'erf']\n"
        "def run():\n    from symntk.cli import main\n    main(standalone_mode=False)\n"
        "calls(run, 1_500_000); print('done')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.endswith("done\n")


def test_a_formula_needs_no_code_generator():
    """What only some commands need is not imported by the others."""
    code = (
        "import sys, symntk; k = symntk.derive('sign', 'erf'); k.sg_ntk.expression; k.sg_ntk.diagonal\n"
        "heavy = [m for m in sys.modules if m.split('.')[0] in ('scipy', 'tqdm', 'sklearn', 'matplotlib')"
        " or m.startswith('symntk.emit.')]\n"
        "print(heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
