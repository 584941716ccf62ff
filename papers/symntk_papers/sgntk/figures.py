"""Figures of the surrogate-gradient NTK paper's experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from symntk_papers.drawing import save
from symntk_papers.sgntk.fit import Fit, Theory
from symntk_papers.sgntk.kernels import KernelResult, Panel
from symntk_papers.sgntk.setting import circle_angles, target, training_angles

_SAMPLES = 8  # single networks that are drawn


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

    return save(path, (1.0 + 4.2 * len(done), 4.2), draw)


def draw_kernels(path: Path, result: KernelResult) -> list[Path]:
    """Figures 1 and 2: a row of panels per slope, one per width; returns the files, path.svg and path.png."""
    slopes = [m for m in result.analytic if m != np.inf]
    widths = sorted({panel.width for panel in result.panels})

    def draw(figure: Any) -> None:
        grid = figure.subplots(len(slopes), len(widths), sharex=True, sharey=True, squeeze=False)
        for panel in result.panels:
            _kernel_panel(grid[slopes.index(panel.slope)][widths.index(panel.width)], panel, result)
        for ax in grid[:, 0]:
            ax.set_ylabel(f"{'NTK' if result.kernel == 'ntk' else 'SG-NTK'} with (0, 1), asinh axis")
        for ax in grid[-1]:
            ax.set_xlabel("angle")
        grid[0][0].legend(fontsize=7, loc="upper left")

    return save(path, (3.3 * len(widths) + 0.6, 2.9 * len(slopes) + 0.4), draw)


def _kernel_panel(ax: Any, panel: Panel, result: KernelResult) -> None:
    angles, last = circle_angles(), max(panel.kernels)
    for steps, colour in ((0, "#9ecae1"), (last, "#fdae6b")):
        for i, one in enumerate(panel.kernels[steps]):
            name = "before training" if steps == 0 else f"after {last} steps"
            ax.plot(angles, one, color=colour, lw=0.7, label=name if i == 0 else None)
    limit = result.analytic[np.inf]
    ax.plot(angles, np.where(np.isinf(limit), np.nan, limit), color="0.4", lw=1.2, ls="--", label="analytic, m = ∞")
    ax.plot(angles, result.analytic[panel.slope], color="black", lw=1.2, label=f"analytic, m = {panel.slope}")
    ax.set(title=f"m = {panel.slope}, width {panel.width}", xlim=(-np.pi, np.pi))
    ax.set_yscale("asinh", linear_width=0.1)
    _angles(ax)


def _angles(ax: Any) -> None:
    ax.set_xticks([-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi], ["−π", "−π/2", "0", "π/2", "π"])
