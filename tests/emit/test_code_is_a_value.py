"""Code is nodes until a target writes it: nothing in `emit` searches or edits text, or prints by SymPy."""

from __future__ import annotations

import ast
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from symntk.emit.code import Name
from symntk.emit.compile import function_of
from symntk.emit.functions import FunctionTranslator
from symntk.language.symbols import x
from symntk.language.text.parser import parse

EMIT = Path(str(resources.files("symntk.emit")))
# the runtime is copied, not generated, and `closure` reads its files
FILES = [path for path in sorted(EMIT.rglob("*.py")) if "runtime" not in path.parts and path.name != "closure.py"]
EDITS = {"replace", "sub", "translate", "removeprefix", "removesuffix", "partition", "rpartition", "find", "rfind"}
ALLOWED = {
    ("targets/base.py", "replace"): "backslashes in docstrings",
}
TEMPLATES = {"table.py"}  # what stands around the numbers of a table

MAKERS = [path for path in FILES if path.parent == EMIT and path.name not in TEMPLATES]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(EMIT)))
def test_nothing_edits_text(path: Path) -> None:
    place = path.relative_to(EMIT).as_posix()
    found = [
        node.func.attr
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and any(map(is_text, node.args))
    ]
    assert [name for name in found if name in EDITS and (place, name) not in ALLOWED] == []
    modules = {alias.name for node in ast.walk(tree(path)) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in modules if name == "re" or name.startswith("sympy.printing")}
    called = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    assert not called & {"pycode", "lambdify", "ccode", "doprint"}


@pytest.mark.parametrize("path", MAKERS, ids=lambda p: p.name)
def test_only_targets_write_numpy(path: Path) -> None:
    module = tree(path)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {ast.get_docstring(node, clean=False) for node in ast.walk(module) if isinstance(node, documented)}
    texts = {node.value for node in ast.walk(module) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert [text for text in texts - docs if "np." in text or "special." in text or "def " in text] == []


@pytest.mark.parametrize(
    "text",
    [
        "Max(0, x)*Min(x, 2)",
        "Piecewise((x, x < -1), (x**2, x < 1), (3, True))",
        "floor(x) + ceiling(x/2) + Mod(x, 2)",
        "Heaviside(x) + sign(x)*Abs(x)",
        "2**x + atan(x) + asinh(x) + sech(x)",
        "normal_cdf(x)*erf(x) - normal_pdf(2*x) + logistic(x)",
    ],
)
def test_every_function_of_the_language_has_a_node(text: str) -> None:
    expr, points = parse(text), [-2.3, -1.0, -0.4, 0.0, 0.6, 1.9]
    write = FunctionTranslator({x: Name("x")})
    result = write(expr)
    found = function_of(write.lines.definition("f", ["x"], [result]))(np.array(points))
    exact = [float(expr.subs(x, sp.Rational(str(point)))) for point in points]
    assert found == pytest.approx(exact, rel=1e-14)
