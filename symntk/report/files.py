"""Tables of an experiment as files."""

from __future__ import annotations

from pathlib import Path

from symntk.networks.experiments import Table


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
