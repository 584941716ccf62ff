"""The runtime's files can be copied, name by name, into a module that imports NumPy and scipy.special only.

Tables need what unpacks their numbers, of the standard library.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import symntk.emit.runtime
from symntk.emit.closure import _definitions

FILES = sorted(path for path in Path(symntk.emit.runtime.__file__).parent.glob("*.py") if path.name != "__init__.py")
UNPACKING = ["import base64", "import zlib", "from typing import NamedTuple"]
ALLOWED_IMPORTS = {
    *UNPACKING,
    "from __future__ import annotations",
    "from typing import TYPE_CHECKING",
    "from typing import TYPE_CHECKING, Any",
    "import math",
    "import numpy as np",
    "import scipy.special as special",
}


def statements(path):
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [node for node in body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]


def defined(path):
    for node in statements(path):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets)
        elif isinstance(node, ast.AnnAssign):
            yield node.target.id


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_holds_private_definitions_and_allowed_imports(path):
    for node in statements(path):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            own = isinstance(node, ast.ImportFrom) and str(node.module).startswith("symntk.emit.runtime.")
            assert own or ast.unparse(node) in ALLOWED_IMPORTS
        elif isinstance(node, ast.If):
            assert ast.unparse(node.test) == "TYPE_CHECKING"
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            assert not node.decorator_list
        else:
            assert isinstance(node, (ast.Assign, ast.AnnAssign))
    assert all(name.startswith("_") for name in defined(path))


def test_names_are_unique_across_files():
    counts = Counter(name for path in FILES for name in defined(path))
    assert counts and not [name for name, count in counts.items() if count > 1]


def test_all_files_run_as_one_module():
    lines = ["from __future__ import annotations", "import math", "import numpy as np"]
    lines += ["import scipy.special as special"]
    lines += UNPACKING
    for path in FILES:
        lines += [
            ast.unparse(node) for node in statements(path) if not isinstance(node, (ast.Import, ast.ImportFrom, ast.If))
        ]
    names: dict[str, object] = {}
    exec(compile("\n".join(lines), "standalone", "exec"), names)
    a, b, c, _, d = names["_covariance"]([1.0], [1.0], [1.0])
    relu, knots, zero = (lambda x: x * (x > 0)), [(0.0, 0.0)], [0.0]
    value = names["_panel_expectation"](relu, relu, knots, knots, a, b, c, d, zero, zero)
    assert value == pytest.approx(0.5, rel=1e-14)
    assert names["_orthant_moment"](1, 1, a, b, c, d) == pytest.approx(0.5, rel=1e-15)
    assert names["_t_exp"](1.0).error < 1e-14


def test_definitions_are_the_statements_that_python_sees():
    """The texts are found by how lines begin; parsed, they are all named statements of the files, in order."""
    expected = []
    for path in FILES:
        for node in statements(path):
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            name = node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else getattr(target, "id", None)
            if name:
                expected.append((name, ast.dump(node)))
    found = [(name, ast.dump(ast.parse(one.text).body[0])) for name, one in _definitions().items()]
    assert found == expected
    assert all(len(ast.parse(one.text).body) == 1 for one in _definitions().values())
