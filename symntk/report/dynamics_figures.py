"""Figures of the experiments with balanced networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from symntk.dynamics.experiments_activity import Activity
from symntk.dynamics.experiments_critical import AXES, Panel
from symntk.dynamics.experiments_exponents import Exponents
from symntk.report.drawing import save

_COMMON, _INDEPENDENT = "#238b45", "#6a51a3"
_COLOURS = {"common": _COMMON, "phase": _INDEPENDENT, "gaussian": _INDEPENDENT}
_NAMES = {"common": "common", "phase": "independent, phases", "gaussian": "independent, Gaussian"}
_STYLES = {"common": "-", "phase": "-", "gaussian": ":"}


def draw_exponents(path: Path, result: Exponents) -> list[Path]:
    """Figure 2: λ₁ over I_1; returns the files, path.svg and path.png."""

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        ax.axhline(0.0, color="black", lw=0.6)
        ax.axhline(result.rest, color="0.6", lw=0.8, ls="--", label="no input")
        for name, curve in {"common": result.common, **result.independent}.items():
            known = ~np.isnan(curve.exponents)
            style = {"ls": _STYLES[name], "color": _COLOURS[name], "label": f"theory, {_NAMES[name]}"}
            ax.plot(curve.amplitudes[known], curve.exponents[known], **style)
        run = result.simulation
        spread = 2.0 * run.lyapunov.std(0, ddof=1) if len(run.lyapunov) > 1 else np.zeros(len(run.drives))
        for common, colour in ((True, _COMMON), (False, _INDEPENDENT)):
            at = [i for i, one in enumerate(run.drives) if one.amplitude and one.common == common]
            amplitudes = [run.drives[i].amplitude for i in at]
            name = f"networks, {'common' if common else 'independent'}"
            ax.errorbar(
                amplitudes, run.lyapunov.mean(0)[at], spread[at], fmt="o", ms=4, color=colour, capsize=2, label=name
            )
        title = f"N = {run.N}, g = {run.g:g}, {len(run.lyapunov)} networks, ± 2 sd"
        ax.set(
            xscale="log", xlabel="amplitude $I_1$", ylabel="largest Lyapunov exponent $\\lambda_1\\tau$", title=title
        )
        ax.legend(fontsize=7)

    return save(path, (6.0, 4.2), draw)


def draw_critical(path: Path, panels: list[Panel], frequencies: dict[str, float]) -> list[Path]:
    """Figure 3: I_1^crit over N, K and g; returns the files, path.svg and path.png."""

    def draw(figure: Any) -> None:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for ax, panel in zip(grid, panels, strict=True):
            _critical(ax, panel)
            ax.set_title(f"{panel.name}: f = {frequencies[panel.name]:g}/τ")
        grid[0].legend(fontsize=7)

    return save(path, (1.0 + 4.0 * len(panels), 3.9), draw)


def _critical(ax: Any, panel: Panel) -> None:
    for kind, found in panel.theory.items():
        ax.plot(panel.values, found[:, 0], _STYLES[kind], color=_COLOURS[kind], label=f"theory, {_NAMES[kind]}")
    if panel.limit is not None:
        ax.plot(panel.values, panel.limit, "--", color="0.5", label="common, quasi-static limit")
        ax.legend(fontsize=7)
    else:
        ax.set(xscale="log", yscale="log")
    for kind, colour in (("common", _COMMON), ("phase", _INDEPENDENT)):
        for value, held in panel.simulated:
            roots = panel.simulated[value, held].roots
            if held == kind and not np.all(np.isnan(roots)):
                low, middle, high = np.nanquantile(roots, [0.25, 0.5, 0.75])
                ax.errorbar(value, middle, [[middle - low], [high - middle]], fmt="o", ms=4, color=colour, capsize=2)
    ax.set(xlabel=f"${AXES[panel.name]}$", ylabel="critical amplitude $I_1^{crit}$")


def draw_activity(path: Path, result: Activity) -> list[Path]:
    """Figure 9: activity, rate and autocovariance, a row per amplitude; returns the files, path.svg and path.png."""
    run, sizes = result.simulation, result.sizes

    def draw(figure: Any) -> None:
        grid = figure.subplots(len(sizes.amplitudes), 3, squeeze=False, sharex="col")
        for i, amplitude in enumerate(sizes.amplitudes):
            left, middle, right = grid[i]
            for unit in result.activity[i]:
                left.plot(result.times, unit, lw=0.9)
            left.set_ylabel(f"$I_1$ = {amplitude:g}\n$\\phi(h_i)$")
            steps = min(len(result.times), run.rate.shape[-1])
            middle.plot(result.times[:steps], run.rate[0, i, :steps], color=_INDEPENDENT, lw=0.9, label="a network")
            middle.axhline(result.theory["phase"][i].rate, color="black", ls="--", lw=1.0, label="theory")
            middle.set_ylabel("rate $\\nu$")
            middle.set_ylim(bottom=0.0)
            right.plot(run.lags, np.median(run.autocorrelation[:, i], 0), color=_INDEPENDENT, lw=2.0, label="networks")
            right.plot(run.lags, result.theory["phase"][i].autocovariance, "k--", lw=1.0, label="theory, phases")
            right.plot(run.lags, result.theory["gaussian"][i].autocovariance, "k:", lw=1.0, label="theory, Gaussian")
            right.set_ylabel("autocovariance $c$")
        for ax, label in zip(grid[-1], ("time / τ", "time / τ", "lag / τ"), strict=True):
            ax.set_xlabel(label)
        grid[0][1].legend(fontsize=7)
        grid[0][2].legend(fontsize=7)

    return save(path, (11.0, 1.0 + 2.3 * len(sizes.amplitudes)), draw)
