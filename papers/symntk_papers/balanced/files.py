"""Files of the experiments with balanced networks: tables in Markdown and as comma-separated values, and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from symntk.errors import FormulaError
from symntk.runs import Options, Table, checkpoint, write_tables
from symntk_papers.balanced import activity as activity
from symntk_papers.balanced import critical as critical
from symntk_papers.balanced import exponents as exponents
from symntk_papers.balanced import figures as figures
from symntk_papers.balanced.setting import FREQUENCY, GAIN, STEP
from symntk_papers.drawing import need_matplotlib

_UNITS = f"Threshold-linear units, I_0 = J_0 = 1, g = {GAIN:g}; time in units of τ. "
_STEP = (
    f"Theory is extrapolated to continuous time; simulations take Euler's steps of τ/{round(1 / STEP)}, and "
    "“at the step” is the theory of such networks{order}. Independent input: sinusoids with random phases, over which "
    "“phases” averages; “Gaussian” takes them as a Gaussian process. "
)
_FINITE = (
    "Theory holds for N → ∞: exponents of networks of N units lie below it by about 20/N at g = 2 "
    "(results/dynamics_lyapunov.md), so that points of small networks lie below the lines. "
)
_NUMERICAL = "Numerical errors are those of solving the theory's equations, not its distance from networks. "
_PANELS = (
    "Panel A: over N. Panel B: over K, in networks of N units with I_0 = J_0 = √(K/N), so that mean coupling and mean "
    "input are scaled by √K instead of √N. Panel C: over g. Simulated I_1^crit: where λ₁ over no input and seven "
    "amplitudes falls through 0 for the last time; median and quartiles of the networks that have such a root, which "
    "the tables count. A network without a root is either never chaotic, with λ₁ ≤ 0 also without input, which is "
    "common among small networks, or still chaotic at the largest amplitude; medians leave both out. Simulated: "
)
_Parts = tuple[str, Table, Table, Callable[[Path], list[Path]]]


def write(
    name: str,
    options: Options,
    output: Path,
    *,
    figure: bool = True,
    N: int | None = None,
    realizations: int | None = None,
    sizes: Any = None,
) -> Iterator[str]:
    """Run an experiment and write its files, of figure 3 after each panel.

    Args:
        name: "fig2", "fig3" or "fig9".
        options: those of all experiments.
        output: folder of the files, made where it is missing.
        figure: draw the figure.
        N: units of the simulated networks, other than the fast and the full number.
        realizations: how many networks, likewise.
        sizes: all of the sizes of the experiment instead.

    Yields:
        The table, and the names of the files, as text.

    Raises:
        FormulaError: there is no experiment of this name.
        SymntkError: a figure without matplotlib, or a folder that cannot be written to.
    """
    if name not in _EXPERIMENTS:
        raise FormulaError(f"the figure {name!r}", "there is none of this name", ", ".join(_EXPERIMENTS))
    if figure:
        need_matplotlib()
    checkpoint.need_folder(output)
    stem = output / f"dynamics_{name}"
    table, files = Table((), ()), []
    module, parts = _EXPERIMENTS[name]
    sizes = sizes or module.sizes_of(options.full, N, realizations)
    for text, table, curves, draw in parts(options, sizes):
        files = write_tables(stem, text, table, curves) + (draw(stem) if figure else [])
    yield table.markdown()
    yield from (str(path) for path in files)


def _fig2(options: Options, sizes: exponents.Sizes) -> Iterator[_Parts]:
    found = exponents.run(options, sizes)
    run = found.simulation
    roots = "; ".join(
        f"{kind} {one.amplitude:.4g} (numerical error {one.error:.1g})" for kind, one in found.critical.items()
    )
    over = "of the mean over networks" if len(run.lyapunov) > 1 else "over ten windows of the run"
    text = (
        "λ₁ of balanced networks over the amplitude of common and of independent input\n\n"
        f"{_UNITS}N = {run.N}, f = {FREQUENCY:g}. {_STEP.format(order=', to first order')}"
        f"{_count(len(run.lyapunov))} of {sizes.time:g} τ after {sizes.burn:g} τ (seed {options.seed}); standard "
        f"errors {over}, which are the bars of the figure. {_FINITE}{_NUMERICAL.rstrip()}\n\n"
        f"I_1^crit of the theory: {roots}."
    )
    yield text, exponents.table(found), exponents.curves(found), lambda stem: figures.draw_exponents(stem, found)


def _fig3(options: Options, sizes: critical.Sizes) -> Iterator[_Parts]:
    for _, panels in critical.run(options, sizes):
        reasons = [
            f"- {panel.name}, {kind}, {value:g}: {why}" for panel in panels for kind, value, why in panel.reasons
        ]
        text = (
            "I_1^crit of balanced networks over size, tightness of balance and gain\n\n"
            f"{_UNITS.replace(f'g = {GAIN:g}', f'g = {GAIN:g} in A and B')}f = {FREQUENCY:g} in A and B, "
            f"{sizes.frequency:g} in C; N = {sizes.N} in B and C. {_STEP.format(order='')}{_PANELS}"
            f"{_count(sizes.realizations)} of {sizes.time:g} τ after {sizes.burn:g} τ (seed {options.seed}). "
            f"{_FINITE}{_NUMERICAL.rstrip()}"
        )
        if reasons:
            text += "\n\nNo answer:\n\n" + "\n".join(reasons)
        made = critical.table(sizes, panels)

        def draw(stem: Path, panels: list[critical.Panel] = panels) -> list[Path]:
            return figures.draw_critical(stem, panels, sizes)

        yield text, made, critical.curves(panels), draw


def _fig9(options: Options, sizes: activity.Sizes) -> Iterator[_Parts]:
    found = activity.run(options, sizes)
    run = found.simulation
    text = (
        "Activity, rate and autocovariance of balanced networks with independent input\n\n"
        f"{_UNITS}N = {run.N}, f = {activity.FREQUENCY:g}. {_STEP.format(order='')}"
        "c is the autocovariance of the units' inputs h less their mean, averaged over units and time, with the "
        f"units' own sinusoids. {_count(len(run.lyapunov))} of {sizes.time:g} τ after {sizes.burn:g} τ (seed "
        f"{options.seed}); the figure shows three units and the rate of one of them, and the mean of c over networks "
        f"± 1 standard error. {_FINITE.rstrip()}"
    )
    yield text, activity.table(found), activity.curves(found), lambda stem: figures.draw_activity(stem, found)


def _count(networks: int) -> str:
    """How many, in words."""
    return f"{networks} network{'s' * (networks != 1)}"


_EXPERIMENTS: dict[str, tuple[Any, Callable[[Options, Any], Iterator[_Parts]]]] = {
    "fig2": (exponents, _fig2),
    "fig3": (critical, _fig3),
    "fig9": (activity, _fig9),
}
