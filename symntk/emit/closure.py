"""Which numerical helpers a piece of code needs, and their source, so that it can stand alone."""

from __future__ import annotations

import ast
from functools import cache
from importlib import resources
from typing import NamedTuple


class Definition(NamedTuple):
    """A top-level name of a runtime file: its text, the names it uses, and its place among all."""

    text: str
    uses: frozenset[str]
    place: int


@cache
def _definitions() -> dict[str, Definition]:
    out: dict[str, Definition] = {}
    files = sorted(
        (f for f in resources.files("symntk.emit.runtime").iterdir() if f.name.endswith(".py")), key=lambda f: f.name
    )
    for file in files:
        text = file.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.parse(text).body:
            for name in _names(node):
                first = node.lineno - 1
                while first and lines[first - 1].startswith("#"):
                    first -= 1
                source = _without_annotations(node, lines, first)
                uses = frozenset(n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name))
                out[name] = Definition(source, uses, len(out))
    return out


def _without_annotations(node: ast.stmt, lines: list[str], first: int) -> str:
    """The text from line `first` to the end of the node without types: their names are not imported where it goes."""
    encoded = [line.encode() for line in lines]  # columns count bytes
    spans = []
    for part in ast.walk(node):
        if isinstance(part, ast.arg) and part.annotation is not None:
            spans.append(((part.lineno, part.col_offset + len(part.arg.encode())), _end(part.annotation)))
        if isinstance(part, ast.AnnAssign) and part.value is not None:
            spans.append((_end(part.target), _end(part.annotation)))
        if isinstance(part, ast.FunctionDef) and part.returns is not None:
            line = encoded[part.returns.lineno - 1]
            arrow = line.rindex(b"->", 0, part.returns.col_offset)
            spans.append(((part.returns.lineno, len(line[:arrow].rstrip())), _end(part.returns)))
    for (row, column), (last_row, last_column) in sorted(spans, reverse=True):
        encoded[row - 1] = encoded[row - 1][:column] + encoded[last_row - 1][last_column:]
        encoded[row:last_row] = [b""] * (last_row - row)
    return "\n".join(line.decode() for line in encoded[first : node.end_lineno])


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def helpers(code: str) -> str:
    """The source of every helper that `code` uses, directly or through others: constants first, then functions.

    >>> print(helpers("_exp_cosh(p, q)").splitlines()[0])
    def _exp_cosh(p, q):
    """
    known = _definitions()
    wanted = {n.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name)} & known.keys()
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted |= (known[name].uses & known.keys()) - found
    blocks = [known[name].text for name in sorted(found, key=lambda name: known[name].place)]
    functions = [b for b in blocks if "def " in b]
    constants = [b for b in blocks if "def " not in b]
    return "\n\n\n".join((["\n".join(constants)] if constants else []) + functions)
