"""Tables of results, in Markdown and as comma-separated values, and their files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers under headings; a number is written with as many digits as the reader is given.

    >>> table = Table(("n", "share"), [(20, 0.5), (100, float("inf"))])
    >>> print(table.markdown(3))
    | n | share |
    |---|---|
    | 20 | 0.5 |
    | 100 | ∞ |
    """

    headings: tuple[str, ...]
    rows: Sequence[tuple[str | int | float, ...]]

    def markdown(self, digits: int = 4) -> str:
        """The table in Markdown."""
        lines = [" | ".join(self.headings), None, *(" | ".join(_shown(v, digits) for v in row) for row in self.rows)]
        return "\n".join("|" + "---|" * len(self.headings) if line is None else f"| {line} |" for line in lines)

    def csv(self) -> str:
        """The table as comma-separated values, with all digits of a float32."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.headings)
        writer.writerows([f"{v:.9g}" if isinstance(v, float) else v for v in row] for row in self.rows)
        return file.getvalue()


def _shown(value: str | int | float, digits: int) -> str:
    if isinstance(value, float):
        return "∞" if value == math.inf else f"{value:.{digits}g}"
    return str(value)


def write_tables(stem: Path, text: str, table: Table, curves: Table) -> list[Path]:
    """Write stem.md with the text and the table, stem.csv, and stem_curves.csv.

    Args:
        stem: path without a suffix.
        text: title and explanation, Markdown.
        table: what people read.
        curves: what the figure shows.

    Returns:
        The files.
    """
    made = {
        stem.with_suffix(".md"): f"# {text}\n\n{table.markdown()}\n",
        stem.with_suffix(".csv"): table.csv(),
        stem.with_name(f"{stem.name}_curves.csv"): curves.csv(),
    }
    for path, content in made.items():
        path.write_text(content, encoding="utf-8")
    return list(made)
