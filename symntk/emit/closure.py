"""Which numerical helpers a piece of code needs, and their source, so that it can stand alone."""

from __future__ import annotations

import ast
import re
from functools import cache, lru_cache
from importlib import import_module, resources
from itertools import pairwise
from typing import Any, NamedTuple

_BEGINS = re.compile(r"(?:def|class) (\w+)|(\w+)(?:: [^=]*)? = |(?:from|import|if) ")
"""What a statement of a runtime file begins with, and the name that it defines."""


_WIDTH = 120


class Definition(NamedTuple):
    """A top-level name of a runtime file: its text, its place among all, and the file's name."""

    text: str
    place: int
    file: str


@cache
def _definitions() -> dict[str, Definition]:
    out: dict[str, Definition] = {}
    files = sorted(
        (f for f in resources.files("symntk.emit.runtime").iterdir() if f.name.endswith(".py")), key=lambda f: f.name
    )
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        after = next(i for i, line in enumerate(lines) if line.endswith('"""') and (i or line.count('"""') == 2))
        found = [(i, _BEGINS.match(line)) for i, line in enumerate(lines) if i > after]
        begins = [(i, match[1] or match[2]) for i, match in found if match]
        for (first, name), (last, _) in pairwise([*begins, (len(lines), "")]):
            if name:
                out[name] = Definition("\n".join(_block(lines, first, last)), len(out), file.name)
    return out


def _block(lines: list[str], first: int, last: int) -> list[str]:
    """The statement with the comments above it, and without those above the next."""
    while lines[first - 1].startswith("#"):
        first -= 1
    while not lines[last - 1] or lines[last - 1].startswith("#"):
        last -= 1
    return lines[first:last]


@lru_cache(maxsize=1024)
def _plain(text: str) -> tuple[str, frozenset[str]]:
    """A definition's text without types, and the names that it uses."""
    node = next(iter(ast.parse(text).body))
    source = _without_annotations(node, text.splitlines())
    return source, frozenset(n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name))


def _without_annotations(node: ast.stmt, lines: list[str]) -> str:
    """The text of a statement without types: their names are not imported where it goes."""
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
    return _with_short_signatures("\n".join(line.decode() for line in encoded))


def _with_short_signatures(text: str) -> str:
    """Definitions with their arguments in one line, where they fit without their types."""
    lines = text.split("\n")
    for node in reversed([n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]):
        short = f"{' ' * node.col_offset}def {node.name}({ast.unparse(node.args)}):"
        if len(short) <= _WIDTH:
            lines[node.lineno - 1 : node.body[0].lineno - 1] = [short]
    return "\n".join(lines)


def runtime_names(code: str) -> dict[str, Any]:
    """What `code` uses of the runtime's files, by name.

    >>> list(runtime_names("_exp_cosh(p, q)"))
    ['_exp_cosh']
    """
    known = _definitions()
    wanted = sorted({n.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name)} & known.keys())
    files = {name: known[name].file.removesuffix(".py") for name in wanted}
    return {name: getattr(import_module(f"symntk.emit.runtime.{file}"), name) for name, file in files.items()}


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


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
        wanted |= (_plain(known[name].text)[1] & known.keys()) - found
    blocks = [_plain(known[name].text)[0] for name in sorted(found, key=lambda name: known[name].place)]
    functions = [b for b in blocks if "def " in b]
    constants = [b for b in blocks if "def " not in b]
    return "\n\n\n".join((["\n".join(constants)] if constants else []) + functions)


def imports(code: str) -> str:
    """The imports of what assembled code and its helpers name.

    >>> print(imports("y = np.sqrt(special.erf(x))"))
    import numpy as np
    import scipy.special as special
    """
    named = {n.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name)}
    lines = ["import math", ""] if "math" in named else []
    lines += ["import numpy as np"] if "np" in named else []
    return "\n".join([*lines, *(["import scipy.special as special"] if "special" in named else [])])
