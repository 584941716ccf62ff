"""Files of an experiment: tables in Markdown and as comma-separated values, and the figure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from symntk.networks import experiments_fit
from symntk.networks.experiments import RATE, TRAINING_POINTS, Options, Table
from symntk.networks.experiments_fit import Sizes
from symntk.report import experiment_figures as figures

_SETTING = (
    "Inputs on the unit circle, 2 inputs, depth 3, σ_w = 1, σ_b = 0.1, surrogate erf of slope 1; full-batch steps with "
    f"η = {RATE} on ½ · mean (f − y)², {TRAINING_POINTS} training points without noise, one drawn from each of "
    f"{TRAINING_POINTS} equal arcs (seed {{seed}})."
)


def write(
    name: str, options: Options, output: Path, *, figure: bool = True, sizes: Sizes | None = None
) -> Iterator[str]:
    """Run an experiment and write its files, after each ensemble what is known so far.

    Args:
        name: "sgntk-fig3".
        options: those of all experiments.
        output: folder of the files, made where it is missing.
        figure: draw the figure.
        sizes: of figure 3, other than the fast and the full ones.

    Yields:
        The table, and the names of the files, as text.
    """
    if figure:
        figures.need_matplotlib()
    output.mkdir(parents=True, exist_ok=True)
    yield from _fit(options, output, figure, sizes)


def _fit(options: Options, output: Path, figure: bool, sizes: Sizes | None) -> Iterator[str]:
    stem = output / "sgntk_fig3"
    files: list[Path] = []
    found = None
    for known, done in experiments_fit.run(options, sizes):
        found = experiments_fit.table(known, done)
        text = (
            "# Sign networks trained by surrogate gradients, against the process of the SG-NTK\n\n"
            f"{_SETTING.format(seed=options.seed)} sd is the process's standard deviation at a test point, distance "
            "the ensemble's mean minus the process's at the same training time; rms are over 100 test points.\n"
        )
        files = _write_tables(stem, text, found)
        curves = stem.with_name(f"{stem.name}_curves.csv")
        curves.write_text(experiments_fit.curves(known, done).csv(), encoding="utf-8")
        files.append(curves)
        if figure:
            files += figures.draw_fit(stem, known, done, options.seed)
    if found is not None:
        yield found.markdown()
    yield from (str(path) for path in files)


def _write_tables(stem: Path, text: str, table: Table) -> list[Path]:
    files = [stem.with_suffix(".md"), stem.with_suffix(".csv")]
    files[0].write_text(f"{text}\n{table.markdown()}\n", encoding="utf-8")
    files[1].write_text(table.csv(), encoding="utf-8")
    return files
