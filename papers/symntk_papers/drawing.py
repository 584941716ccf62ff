"""Pictures; the only file that uses matplotlib, which is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from symntk.errors import SymntkError


def need_matplotlib() -> None:
    """Say now what would otherwise be said after a long computation.

    Raises:
        SymntkError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        advice = "pip install matplotlib, or --no-figure for the tables alone"
        raise SymntkError("a figure", "matplotlib is not installed", advice) from error


def save(path: Path, size: tuple[float, float], draw: Callable[[Any], None]) -> list[Path]:
    """Draw once and write both formats, without dates or random names, so that equal numbers give equal files.

    Args:
        path: of the files, path.svg and path.png.
        size: width and height in inches.
        draw: takes the figure.

    Returns:
        The files.
    """
    need_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    files = [path.with_suffix(".svg"), path.with_suffix(".png")]
    with mpl.rc_context({"svg.hashsalt": "symntk", "svg.fonttype": "path"}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(files[0], metadata={"Date": None})
        figure.savefig(files[1], dpi=110)
    return files
