"""The file of an exported module, read and not run."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symntk.errors import FormulaError

_MOST_BYTES = 5_000_000


@dataclass(frozen=True)
class ModuleFile:
    """A file that is an exported module, read and not run.

    Attributes:
        path: where it is.
        text: its content.
        tree: the same as Python reads it.
        docstring: what it says of itself.
        asked: what an error calls it.
    """

    path: Path
    text: str
    tree: ast.Module
    docstring: str
    asked: str

    def record(self, origin: str) -> Any:
        """What the docstring says that it was derived from, from JSON in the line after `origin`.

        Raises:
            FormulaError: it says nothing, or it cannot be read.
        """
        lines = self.docstring.split("\n")
        at = next((number for number, line in enumerate(lines) if line.strip() == origin), None)
        if at is None or at + 1 >= len(lines):
            raise no_module(self.asked, "its docstring does not say which pair it was derived from")
        try:
            return json.loads(lines[at + 1])
        except (ValueError, RecursionError) as error:
            raise no_module(self.asked, "the record of its pair cannot be read") from error


def read_module(path: str | Path) -> ModuleFile:
    """Read a file as Python does, without running it.

    Raises:
        OSError: the file cannot be read.
        FormulaError: it is no Python, or too long.
    """
    asked = f"the module {Path(path).name}"
    text = _text(Path(path), asked)
    tree = _parsed(text, asked)
    return ModuleFile(Path(path), text, tree, ast.get_docstring(tree, clean=False) or "", asked)


def _text(path: Path, asked: str) -> str:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise no_module(asked, "it is longer than an exported module can be")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise no_module(asked, "it is no text") from error


def _parsed(text: str, asked: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f" at line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise no_module(asked, f"Python cannot read it{where}") from error


def no_module(asked: str, wrong: str) -> FormulaError:
    """The error that says why a file is no exported module."""
    return FormulaError(asked, wrong, "a file that `symntk export` wrote")
