"""Figures of the experiments with balanced networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from symntk_papers.balanced.activity import FREQUENCY as SLOW
from symntk_papers.balanced.activity import Activity
from symntk_papers.balanced.critical import AXES, Measured, Panel, Sizes
from symntk_papers.balanced.exponents import Exponents
from symntk_papers.balanced.setting import FREQUENCY, GAIN
from symntk_papers.drawing import save

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
        spread = np.nan_to_num(run.error)
        for common, colour in ((True, _COMMON), (False, _INDEPENDENT)):
            at = [i for i, one in enumerate(run.drives) if one.amplitude and one.common == common]
            amplitudes = [run.drives[i].amplitude for i in at]
            name = f"networks, {'common' if common else 'independent'}"
            ax.errorbar(
                amplitudes, run.lyapunov.mean(0)[at], spread[at], fmt="o", ms=4, color=colour, capsize=2, label=name
            )
        count = len(run.lyapunov)
        bars = "mean ± 1 standard error" if count > 1 else "± 1 standard error over windows"
        title = f"N = {run.N}, g = {run.g:g}, f = {FREQUENCY:g}/τ; {_networks(count)}, {bars}"
        ax.set_title(title, fontsize=10)
        ax.set(xlabel="amplitude $I_1 / I_0$", ylabel="largest Lyapunov exponent $\\lambda_1\\tau$")
        _logarithmic(ax.xaxis, *(f([drive.amplitude for drive in run.drives if drive.amplitude]) for f in (min, max)))
        ax.legend(fontsize=7)

    return save(path, (6.0, 4.2), draw)


def _networks(count: int) -> str:
    return f"{count} network{'s' * (count != 1)}"


def _logarithmic(axis: Any, least: float, most: float) -> None:
    """A logarithmic axis over the values and a margin, with plain numbers at its ticks."""
    margin = max((most / least) ** 0.06, 1.05)
    low, high = least / margin, most * margin
    digits = (1, 2, 3, 5) if high < 12.0 * low else (1, 3)
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in digits]
    ticks = [one for one in ticks if low <= one <= high]
    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})
    axis.set_ticks([], minor=True)
    axis.set_ticks(ticks, [f"{one:g}" for one in ticks])


def draw_critical(path: Path, panels: list[Panel], sizes: Sizes) -> list[Path]:
    """Figure 3: I_1^crit over N, K and g; returns the files, path.svg and path.png."""

    def draw(figure: Any) -> None:
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for ax, panel in zip(grid, panels, strict=True):
            _critical(ax, panel)
            fixed = {"A": f"g = {GAIN:g}", "B": f"N = {sizes.N}, g = {GAIN:g}", "C": f"N = {sizes.N}"}[panel.name]
            f = sizes.frequency if panel.name == "C" else FREQUENCY
            ax.set_title(f"{panel.name}: {fixed}, f = {f:g}/τ", fontsize=10)
        told = f"{_networks(sizes.realizations)} for each point: median and quartiles of those with a root"
        figure.suptitle(f"{told}; k/n: only k of n have one, see the table", fontsize=9)

    return save(path, (1.0 + 4.0 * len(panels), 5.0), draw)


def _critical(ax: Any, panel: Panel) -> None:
    for kind, found in panel.theory.items():
        ax.plot(panel.values, found[:, 0], _STYLES[kind], color=_COLOURS[kind], label=f"theory, {_NAMES[kind]}")
    if panel.limit is not None:
        ax.plot(panel.values, panel.limit, "--", color="0.5", label="common, quasi-static limit")
    for kind in ("common", "phase"):
        _points(ax, kind, {value: held for (value, name), held in panel.simulated.items() if name == kind})
    if panel.limit is None:
        drawn = [found[:, 0] for found in panel.theory.values()] + [one.known for one in panel.simulated.values()]
        amplitudes = np.concatenate(drawn)
        amplitudes = amplitudes[amplitudes > 0.0]
        _logarithmic(ax.xaxis, panel.values.min(), panel.values.max())
        if amplitudes.size:
            _logarithmic(ax.yaxis, amplitudes.min(), amplitudes.max())
    ax.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    ax.set(xlabel=f"${AXES[panel.name]}$", ylabel="critical amplitude $I_1^{crit}$")


def _points(ax: Any, kind: str, simulated: dict[float, Measured]) -> None:
    """Medians and quartiles of the roots of simulated networks; and how many have one, where not all do."""
    style = {"color": _COLOURS[kind], "fmt": "o", "ms": 4, "capsize": 2}
    known = {value: np.quantile(held.known, [0.25, 0.5, 0.75]) for value, held in simulated.items() if held.known.size}
    if known:
        low, middle, high = np.array(list(known.values())).T
        name = f"networks, {_NAMES[kind].split(',')[0]}"
        ax.errorbar(list(known), middle, [middle - low, high - middle], label=name, **style)
    for value, held in simulated.items():
        if held.known.size == len(held.roots):
            continue
        told = {"color": _COLOURS[kind], "fontsize": 6, "textcoords": "offset points"}
        text = f"{held.known.size}/{len(held.roots)}"
        if value in known:
            ax.annotate(text, (value, known[value][1]), (5, -3), **told)
        else:  # nothing to draw it at
            above = 3 if kind == "phase" else 11
            ax.annotate(text, (value, 0.0), (0, above), xycoords=ax.get_xaxis_transform(), ha="center", **told)


def draw_activity(path: Path, result: Activity) -> list[Path]:
    """Figure 9: activity, rate and autocovariance, a row per amplitude; returns the files, path.svg and path.png."""
    run, sizes = result.simulation, result.sizes
    bars = " ± 1 standard error" if len(run.lyapunov) > 1 else ""

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
            middle.margins(y=0.25)
            middle.ticklabel_format(axis="y", useOffset=False)
            c, error = result.autocovariance[i], np.nan_to_num(result.error[i])
            right.fill_between(run.lags, c - error, c + error, color=_INDEPENDENT, alpha=0.25, lw=0)
            right.plot(run.lags, c, color=_INDEPENDENT, lw=2.5, label=f"{_networks(len(run.lyapunov))}{bars}")
            right.plot(run.lags, result.theory["phase"][i].autocovariance, "k-", lw=1.2, label="theory, phases")
            gaussian = result.theory["gaussian"][i].autocovariance
            right.plot(run.lags, gaussian, color="#fdae61", ls=(0, (4, 5)), lw=1.2, label="theory, Gaussian")
            right.set_ylabel("autocovariance $c$")
        for ax, label in zip(grid[-1], ("time / τ", "time / τ", "lag / τ"), strict=True):
            ax.set_xlabel(label)
        figure.suptitle(
            f"N = {run.N}, g = {run.g:g}, f = {SLOW:g}/τ, independent input of amplitude $I_1$; "
            f"{_networks(len(run.lyapunov))}; time and lags in units of τ"
        )
        grid[0][1].legend(fontsize=7)
        grid[0][2].legend(fontsize=7)

    return save(path, (11.0, 1.0 + 2.3 * len(sizes.amplitudes)), draw)
