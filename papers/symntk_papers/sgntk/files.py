"""Files of an experiment: tables in Markdown and as comma-separated values, and the figure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

from symntk.errors import FormulaError
from symntk.runs import Options, Table, checkpoint, write_tables
from symntk_papers.drawing import need_matplotlib
from symntk_papers.sgntk import figures as figures
from symntk_papers.sgntk import fit, kernels
from symntk_papers.sgntk.findings import findings
from symntk_papers.sgntk.fit import Sizes
from symntk_papers.sgntk.kernels import KernelSizes
from symntk_papers.sgntk.setting import RATE, TRAINING_POINTS

_KERNELS = {"sgntk-fig1": "ntk", "sgntk-fig2": "sg_ntk"}
_TITLES = {
    "ntk": "The NTK of erf(m x) networks trained by gradient descent: it diverges at angle 0 as m grows",
    "sg_ntk": "The SG-NTK of erf(m x) networks trained by surrogate gradients: it converges as m grows",
}
_RMS = (
    "The kernel is that of (0, 1) with the test point at an angle; rms are over networks and 100 test points, those "
    "away from 0 over angles of more than π/8. Width ∞ is the analytic kernel."
)
_FIT = (
    "sd is the process's standard deviation at a test point, distance the ensemble's mean minus the process's at the "
    "same training time; rms are over 100 test points. The share without bias is that of points at which Gaussian "
    "sampling error alone would be so small. Of a Gaussian, 95.45 % lie inside ±2 sd. Standard errors, also behind ±, "
    "are over networks, which are independent."
)


def write(
    name: str, options: Options, output: Path, *, figure: bool = True, sizes: Sizes | KernelSizes | None = None
) -> Iterator[str]:
    """Run an experiment and write its files, after each ensemble what is known so far.

    Args:
        name: "sgntk-fig1", "sgntk-fig2" or "sgntk-fig3".
        options: those of all experiments.
        output: folder of the files, made where it is missing.
        figure: draw the figure.
        sizes: other than the fast and the full ones.

    Yields:
        The table, and the names of the files, as text.

    Raises:
        FormulaError: there is no experiment of this name.
        SymntkError: a figure without matplotlib, or a folder that cannot be written to.
    """
    if name not in (*_KERNELS, "sgntk-fig3"):
        raise FormulaError(
            f"the experiment {name!r}", "there is none of this name", ", ".join([*_KERNELS, "sgntk-fig3"])
        )
    if figure:
        need_matplotlib()
    checkpoint.need_folder(output)
    stem = output / name.replace("-", "_")
    if name in _KERNELS:
        steps = _kernels(name, options, stem, figure, cast("KernelSizes | None", sizes))
    else:
        steps = _fit(options, stem, figure, cast("Sizes | None", sizes))
    *_, (table, files) = steps  # each writes its files over those of the one before
    yield table.markdown()
    yield from (str(path) for path in files)


def _kernels(
    name: str, options: Options, stem: Path, figure: bool, sizes: KernelSizes | None
) -> Iterator[tuple[Table, list[Path]]]:
    kernel = _KERNELS[name]
    for result in kernels.run(kernel, options, sizes):
        table = kernels.table(result)
        files = write_tables(stem, f"{_TITLES[kernel]}\n\n{_setting(options)} {_RMS}", table, kernels.curves(result))
        yield table, files + (figures.draw_kernels(stem, result) if figure else [])


def _fit(options: Options, stem: Path, figure: bool, sizes: Sizes | None) -> Iterator[tuple[Table, list[Path]]]:
    title = "Sign networks trained by surrogate gradients, against the process of the SG-NTK"
    for known, done in fit.run(options, sizes):
        table = fit.table(known, done)
        text = f"{title}\n\n{_setting(options)} {_FIT}\n\n{findings(known, done)}"
        files = write_tables(stem, text, table, fit.curves(known, done))
        yield table, files + (figures.draw_fit(stem, known, done, options.seed) if figure else [])


def _setting(options: Options) -> str:
    return (
        "Inputs on the unit circle, 2 inputs, depth 3, σ_w = 1, σ_b = 0.1, surrogate erf of slope 1; full-batch steps "
        f"with η = {RATE} on ½ · mean (f − y)², {TRAINING_POINTS} training points without noise, one drawn from each "
        f"of {TRAINING_POINTS} equal arcs (seed {options.seed})."
    )
