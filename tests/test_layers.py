"""Imports go one way: language ← derive ← {emit, verify} ← kernels ← networks ← finite ← dynamics ← report ← cli.

`symntk_papers` is a client: it imports names that a module of symntk lists as public, and nothing of symntk imports it.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import symntk.errors

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "symntk"
PAPERS = ROOT / "papers" / "symntk_papers"
RANK = {
    "errors": 0,
    "version": 0,
    "later": 0,
    "runs": 1,
    "language": 1,
    "derive": 2,
    "emit": 3,
    "verify": 3,
    "kernels": 4,
    "networks": 5,
    "finite": 6,
    "dynamics": 7,
    "report": 8,
    "cli": 9,
    "__main__": 10,
    "__init__": 10,  # it holds the public names, so it may import every room; `cli` and `report` may use it
}
REQUIRED = {"sympy", "mpmath", "numpy", "scipy", "click", "tqdm", "joblib"}
OPTIONAL = {"sklearn", "matplotlib", "jax", "torch", "dask", "distributed", "zarr", "flint", "neural_tangents"}
WHERE_OPTIONAL: dict[str, str] = {
    "torch": "finite/torch_arrays.py",
    "jax": "finite/jax_arrays.py",
    "sklearn": "networks/sklearn_adapter.py",
    "flint": "verify/enclosure/balls.py",
}
"""Optional package -> the one file, relative to the package, that adapts to it."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> tuple[tuple[str, int], ...]:
    """Absolute names of all modules that a file imports, those inside functions and type checks included."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            module = node.module or ""
            yield module, node.lineno
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def files_imported(path: Path) -> set[str]:
    """The files of the package that a file imports, relative to it; a package's own `__init__` is always read."""
    files = (Path(*module.split(".")[1:]).with_suffix(".py") for module, _ in imports(path) if "symntk." in module)
    return {str(file) for file in files if (PACKAGE / file).exists()}


def rooms_imported(path: Path) -> Iterator[tuple[str, int]]:
    for name, line in imports(path):
        parts = name.split(".")
        if parts[0] == "symntk" and len(parts) > 1 and parts[1] in RANK:
            yield parts[1], line


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_room_has_its_place():
    found = {room(path) for path in modules()}
    assert found <= set(RANK), f"state the place of {found - set(RANK)} in RANK"
    assert {"language", "derive", "emit", "verify", "kernels", "cli"} <= found


@pytest.mark.parametrize("path", modules(), ids=name)
def test_imports_go_one_way(path: Path):
    own = room(path)
    for other, line in rooms_imported(path):
        if other == own:
            continue
        assert RANK[other] < RANK[own], f"{name(path)}:{line}: {own} imports {other}"


MAY_TAKE_PRIVATE_NAMES = {"emit/runtime/": "what is copied into modules, where all but the maps is private"}
"""Where the names of a file are private to the modules that are written, not to the file."""
CIRCLES = {
    ("networks/network.py", "networks/regression.py"),
    ("networks/time/network.py", "networks/time/sampling.py"),
    ("kernels/expectation.py", "kernels/certain.py"),
    ("kernels/expectation.py", "kernels/differentiated.py"),
    ("kernels/expectation.py", "kernels/layers.py"),
    ("kernels/tables.py", "kernels/expectation.py"),
    ("kernels/kernels.py", "kernels/pair.py"),
    ("kernels/kernels.py", "kernels/verification.py"),
    ("verify/suite.py", "verify/files/write.py"),
    ("finite/arrays.py", "finite/jax_arrays.py"),
    ("finite/arrays.py", "finite/torch_arrays.py"),
}
"""Imports (by, of) that close a circle inside a room, and are to go; language, derive and emit have none."""


@pytest.mark.parametrize("path", modules(), ids=name)
def test_no_private_name_of_another_file_is_imported(path: Path):
    for module, line in imports(path):
        *owner, last = module.split(".")
        if owner[:1] == ["symntk"] and last.startswith("_") and not last.startswith("__"):
            file = "/".join(owner[1:]) + ".py"
            assert file.startswith(tuple(MAY_TAKE_PRIVATE_NAMES)), f"{name(path)}:{line} imports {last} of {file}"


def test_no_circles_inside_rooms():
    """Imports inside functions and for type checks count too."""
    graph = {str(path.relative_to(PACKAGE)): files_imported(path) for path in modules()}
    for by, of in CIRCLES:
        assert of in graph.get(by, ()), f"{by} does not import {of} any more: take it out of CIRCLES"
        graph[by].remove(of)
    rooms = {
        own: {other for other in others if Path(own).parts[0] == Path(other).parts[0]} for own, others in graph.items()
    }
    try:
        TopologicalSorter(rooms).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' imports '.join(reversed(error.args[1]))}")


def test_emit_and_verify_do_not_import_each_other():
    seen = {
        (room(path), other)
        for path in modules()
        for other, _ in rooms_imported(path)
        if room(path) in ("emit", "verify")
    }
    assert ("emit", "verify") not in seen
    assert ("verify", "emit") not in seen


def test_the_oracle_knows_nothing_of_the_derivation():
    for path in sorted((PACKAGE / "verify").rglob("*.py")):
        assert "derive" not in {other for other, _ in rooms_imported(path)}, name(path)


@pytest.mark.parametrize("path", modules(), ids=name)
def test_packages_are_declared(path: Path):
    for module, line in imports(path):
        top = module.split(".")[0]
        if top in OPTIONAL:
            allowed = WHERE_OPTIONAL.get(top)
            assert allowed == str(path.relative_to(PACKAGE)), f"{name(path)}:{line} imports {top}, which is optional"
        else:
            assert top in REQUIRED | {"symntk", "__future__"} or top in sys.stdlib_module_names, f"{name(path)}:{line}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "emit" / "runtime").glob("*.py")), ids=name)
def test_what_is_copied_into_modules_needs_numpy_and_scipy_only(path: Path):
    for module, line in imports(path):
        parts = module.split(".")
        inside = parts[:3] == ["symntk", "emit", "runtime"]
        assert parts[0] in {"numpy", "scipy"} | sys.stdlib_module_names or inside, (
            f"{name(path)}:{line} imports {module}"
        )


def test_required_packages_are_those_of_the_project():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {text.split(">")[0].split("=")[0].strip() for text in project["dependencies"]}
    assert declared == REQUIRED


@pytest.mark.parametrize("path", sorted(PAPERS.rglob("*.py")), ids=name)
def test_papers_use_public_names(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "symntk" for alias in node.names), f"{name(path)}:{node.lineno}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "symntk":
            module = importlib.import_module(node.module)
            for alias in node.names:
                public = getattr(module, "__all__", None) or [n for n in vars(module) if module is symntk.errors]
                assert alias.name in public, f"{name(path)}:{node.lineno} imports {alias.name} of {node.module}"


def test_no_file_but_that_of_their_commands_names_the_papers():
    found = [path for path in modules() if "symntk_papers" in path.read_text(encoding="utf-8")]
    assert {str(path.relative_to(PACKAGE)) for path in found} <= {"cli/papers.py", "cli/__init__.py"}
    assert not [path for path in modules() for module, _ in imports(path) if module.split(".")[0] == "symntk_papers"]
