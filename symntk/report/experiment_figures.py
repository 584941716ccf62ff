"""Figures of the paper's experiments; the only file that uses matplotlib, which is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from symntk.errors import SymntkError
from symntk.networks.experiments import circle_angles, target, training_angles
from symntk.networks.experiments_fit import Fit, Theory

_COLOURS = ("#9ecae1", "#4292c6", "#08519c", "black")
_SAMPLES = 8  # single networks that are drawn


def need_matplotlib() -> None:
    """Say now what would otherwise be said after a long computation.

    Raises:
        SymntkError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        advice = 'pip install "symntk[figures]", or --no-figure for the tables alone'
        raise SymntkError("a figure", "matplotlib is not installed", advice) from error


def draw_fit(path: Path, known: Theory, done: list[Fit], seed: int) -> list[Path]:
    """Figure 3: one panel per width; returns the files, path.svg and path.png."""
    step = max(known.surrogate)
    process, angles = known.surrogate[step], circle_angles()

    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(done), sharey=True, squeeze=False)[0]
        for ax, fit in zip(axes, done, strict=True):
            outputs = fit.outputs[step].astype(np.float64)
            low, high = process.mean - 2 * process.std, process.mean + 2 * process.std
            ax.fill_between(angles, low, high, color="#fdae6b", alpha=0.5, lw=0, label="SG-NTK, mean ± 2 sd")
            for i, one in enumerate(outputs[:_SAMPLES]):
                ax.plot(angles, one, color="0.6", lw=0.5, label="networks" if i == 0 else None)
            ax.plot(angles, process.mean, color="#d94801", lw=2.2, label="SG-NTK, mean")
            ax.plot(angles, known.bayes.mean, color="#31a354", lw=1.4, ls="--", label="NNGP, mean")
            ax.plot(angles, outputs.mean(axis=0), color="#08519c", lw=1.4, label=f"mean of {len(outputs)} networks")
            ax.plot(angles, target(known.test), color="black", lw=0.8, ls=":", label="target")
            ax.plot(training_angles(seed), known.y, "k.", ms=6, label="training points")
            ax.set(title=f"width {fit.width}, {step} steps", xlabel="angle", xlim=(-np.pi, np.pi))
            _angles(ax)
        axes[0].set_ylabel("output")
        axes[-1].legend(fontsize=7, loc="best")

    return _save(path, (1.0 + 4.2 * len(done), 4.2), draw)


def _angles(ax: Any) -> None:
    ax.set_xticks([-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi], ["−π", "−π/2", "0", "π/2", "π"])


def _save(path: Path, size: tuple[float, float], draw: Callable[[Any], None]) -> list[Path]:
    """Draw once and write both formats, without dates or random names, so that equal numbers give equal files."""
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
