"""An exported module, which may have been edited, beside what is written today.

The texts are compared as Python reads them, so that layout and comments do not count, then values. A file is data of
others: code that is not, word for word, what symntk writes is not run, unless that is asked for.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from symntk.errors import SymntkError
from symntk.verify.files.module import ModuleFile
from symntk.version import VERSION

_SHOWN = 100
_RELATIVE = 1e-9
"""What values may differ by, relative to the value or, at moderate variances, to 1."""
_SAME = 1e-12
"""Constants in the code may differ by this, relatively: edges that are computed do between machines."""
_DIGITS = re.compile(r"(?m)^(    \w+: )\d+$")  # of the certificate in a docstring; those of float64 code vary
Names = dict[str, Any]
Values = Iterator[tuple[str, Any, Any]]
"""What was asked, what was found, what was expected; for one function."""


@dataclass(frozen=True)
class ModuleCheck:
    """What became of the comparison.

    Attributes:
        title: the module's first line.
        differences: what is not as it is derived, in words, the first one first; empty where all agrees.
        remarks: what differs without being a disagreement, and what was left out.
        values: how many values were compared.
    """

    title: str
    differences: tuple[str, ...]
    remarks: tuple[str, ...]
    values: int

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def table(self) -> str:
        """Plain text for a terminal."""
        head = "agrees with what it was derived from" if self.agrees else "DIFFERS from what it was derived from"
        lines = [self.title, *(f"  {line}" for line in (*self.differences, *self.remarks))]
        return "\n".join([*lines, f"the module {head}; {self.values} values were compared"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {
            "agrees": self.agrees,
            "title": self.title,
            "differences": list(self.differences),
            "remarks": list(self.remarks),
            "values": self.values,
        }


def compared(
    file: ModuleFile,
    fresh: str,
    differences: list[str],
    values: Callable[[Names, Names], Iterator[Values]],
    namespace: Callable[[str], Names],
    *,
    run: bool,
) -> ModuleCheck:
    """A module beside what is written today.

    Args:
        file: the module.
        fresh: what is written today.
        differences: those that are known already.
        values: gives for the names of the file's code and for those of today's code, for one function after another,
            what was asked, what the file's code says, and what it should say.
        namespace: the names of code that symntk wrote.
        run: compare values also where the code is not what symntk writes; this runs the file's code.
    """
    found, remarks = list(differences), []
    other = None if file.text == fresh else _other_code(file.tree, ast.parse(fresh))
    if other is not None:
        found.append(other)
        if f"written by symntk {VERSION}" not in file.docstring:
            remarks.append(f"it was written by another version; this is symntk {VERSION}")
    elif file.text != fresh:
        remarks.append(f"the text differs in layout or comments only, first in line {_first_line(file.text, fresh)}")
    count = 0
    if other is None or run:
        count, wrong = _compared_values(None if other is None else file.path, namespace(fresh), values)
        found += wrong
    else:
        remarks.append("its code was not run, since it is not what symntk writes; --run compares its values, too")
    return ModuleCheck(_shown(file.docstring.partition("\n")[0]), tuple(found), tuple(remarks), count)


def _other_code(tree: ast.Module, wanted: ast.Module) -> str | None:
    """The first difference of two modules as Python reads them, in words; None where there is none."""
    for now, then in zip_longest(tree.body, wanted.body):
        if now is None:
            return f"{_name(then)} is missing at the end"
        if then is None:
            return f"line {now.lineno}: {_name(now)} was added"
        if _alike(now, then):
            continue
        if _name(now) != _name(then):
            return f"line {now.lineno}: {_name(now)} stands where {_name(then)} was written"
        for one, other in zip_longest(ast.unparse(now).split("\n"), ast.unparse(then).split("\n"), fillvalue=""):
            if _DIGITS.sub(r"\1", one) != _DIGITS.sub(r"\1", other):
                said = f"{_shown(one.strip())!r} was written as {_shown(other.strip())!r}"
                return f"{_name(now)}, which begins in line {now.lineno}: {said}"
        return f"line {now.lineno}: {_name(now)} is not as it was written"
    return None


def _alike(one: Any, other: Any) -> bool:
    """Whether two parts of a syntax tree are the same but for the rounding of constants."""
    if type(one) is not type(other):
        return False
    if isinstance(one, ast.AST):
        fields = [name for name in one._fields if name not in ("ctx", "type_comment", "kind")]
        return all(_alike(getattr(one, name, None), getattr(other, name, None)) for name in fields)
    if isinstance(one, list):
        return len(one) == len(other) and all(_alike(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, float):
        return one == other or math.isclose(one, other, rel_tol=_SAME)
    if isinstance(one, str):
        return _DIGITS.sub(r"\1", one) == _DIGITS.sub(r"\1", other)
    return bool(one == other)


def _name(node: ast.stmt) -> str:
    """A statement of a module, in a few words."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return "the docstring"
    return f"`{_shown(ast.unparse(node))}`"


def _first_line(text: str, fresh: str) -> int:
    pairs = zip_longest(text.split("\n"), fresh.split("\n"))
    return next(number for number, (one, other) in enumerate(pairs, 1) if one != other)


def _shown(text: str) -> str:
    """A text of a file for a terminal: one short line without characters that steer it."""
    short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in short)


def _compared_values(
    edited: Path | None, own: Names, values: Callable[[Names, Names], Iterator[Values]]
) -> tuple[int, list[str]]:
    """How many values were compared, and the first that differs of each function.

    `edited` is a module that is to be imported; None where its code is that of today, whose names are `own`.
    """
    count, wrong = 0, []
    try:
        space = own if edited is None else _imported(edited)
    except Exception as error:  # noqa: BLE001  whatever an edited file does
        return 0, [f"it cannot be imported: {type(error).__name__}: {_shown(str(error))}"]
    for several in values(space, own):
        for asked, found, expected in several:
            count += 1
            if not _close(found, expected):
                wrong.append(f"{asked} is {_told(found)}, and should be {_told(expected)}")
                break
    return count, wrong


class _Loader(importlib.machinery.SourceFileLoader):
    """Reads the file itself, and neither reads nor leaves compiled code beside it."""

    def path_stats(self, path: Any) -> Any:
        raise OSError


def _imported(path: Path) -> dict[str, Any]:
    """The names of a module, imported as Python imports it."""
    spec = importlib.util.spec_from_loader("exported", _Loader("exported", str(path)))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def answer_of(space: dict[str, Any], name: str, *arguments: Any, **options: Any) -> Any:
    """What a function of a module says, or the name of the error for what has no value."""
    function = space.get(name)
    if not callable(function):
        return f"no function {name}"
    return answer(lambda: function(*arguments, **options))


def answer(compute: Callable[[], Any]) -> Any:
    """The values, or the name of the error for those that have none."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(compute(), dtype=float)
    except (ValueError, SymntkError):  # of the code that is written, and of the formulas
        return "an error: no value"
    except Exception as error:  # noqa: BLE001  whatever edited code does
        return f"{type(error).__name__}: {_shown(str(error))}"


def _close(found: Any, expected: Any) -> bool:
    if isinstance(found, str) or isinstance(expected, str):
        return isinstance(found, str) and isinstance(expected, str) and found == expected
    same = found.shape == expected.shape
    return same and bool(np.allclose(found, expected, rtol=_RELATIVE, atol=_atol(expected), equal_nan=True))


def _atol(expected: Any) -> float:
    finite = np.abs(expected[np.isfinite(expected)])
    return 1e-3 * _RELATIVE * float(np.max(finite, initial=0.0))


def _told(value: Any) -> str:
    return value if isinstance(value, str) else _shown(np.array2string(value, precision=12, threshold=9))
