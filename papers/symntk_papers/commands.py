"""Commands that `symntk` offers where this package is installed; each imports what it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from symntk.cli.options import with_options

_THEOREMS = """\b
T1  the maps of erf(m x) in closed form    T2  no NTK for the limit, which jumps
T3  the limit as a classifier              T4  the singularity of the limit's NTK
T5  the SG-NTK of the limit exists         T6  kernels of finite width at initialization
T7  kernels of finite width in training    T8  trained networks and the SG-NTK process
"""
WORKERS = click.option("--workers", default=2, show_default=True, type=click.IntRange(0), help="Processes; 0 for none.")


def is_experiment(command: Callable[..., None]) -> Callable[..., None]:
    """The options of all experiments, which write tables and a figure."""
    path = click.Path(path_type=Path, file_okay=False)
    options = [
        click.option("--full", is_flag=True, help="The paper's sizes, instead of some that take a minute or two."),
        click.option("--output", "-o", default=".", type=path, help="Folder of the files, by default this one."),
        click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all random numbers."),
        click.option("--checkpoints", type=path, help="Their folder, by default OUTPUT/checkpoints."),
        click.option("--no-figure", is_flag=True, help="Write the tables alone; matplotlib is not needed."),
    ]
    return with_options(command, options)


@click.command("theorems", epilog=_THEOREMS, short_help="Verify the theorems of surrogate gradient learning.")
@click.argument("ids", nargs=-1, metavar="[IDS]")
@click.option("--activation", default="erf(m*x)", show_default=True, help="A family with one parameter, or a jump.")
@click.option("--surrogate", "-s", metavar="S", help="Name of a surrogate, or its primitive's formula; by default erf.")
@click.option("--surrogate-derivative", metavar="F", help="Formula of the surrogate derivative itself.")
@click.option("--limit", metavar="F", help="Limit of the family; by default it is found.")
@click.option("--dps", default=50, show_default=True, type=click.IntRange(30, 200), help="Digits.")
@click.option("--full", is_flag=True, help="More depths, wider networks and more of them.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of points, weights and data.")
@click.option("--checkpoints", type=click.Path(path_type=Path, file_okay=False), help="Folder of training to continue.")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
@click.pass_context
def theorems(ctx: click.Context, /, ids: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Verify T1 to T8 numerically, or those named.

    The exit status is 1 where one fails, is not decided or does not apply.
    """
    from tqdm import tqdm

    from symntk_papers.sgntk.theorems import THEOREMS
    from symntk_papers.sgntk.theorems import theorems as reports_of

    reports = []
    # disable=None: no bar where the error stream is no terminal
    with tqdm(total=len(ids or THEOREMS), disable=None, leave=False, bar_format="{l_bar}{bar}| {elapsed}") as bar:
        for report in reports_of(ids, progress=bar.set_description_str, **options):
            reports.append(report)
            bar.update()
            if not as_json:
                bar.write(report.text() + "\n", file=sys.stdout)
    if as_json:
        import json

        click.echo(json.dumps([report.to_dict() for report in reports], indent=2, ensure_ascii=False))
    ctx.exit(0 if all(report.passed for report in reports) else 1)


@click.group(short_help="Repeat an experiment of the surrogate-gradient NTK paper.")
def experiment() -> None:
    """Repeat an experiment of Eilers, Memmesheimer & Goedeke 2024 (arXiv 2405.15539): a figure and tables of numbers.

    An experiment that was interrupted continues from its checkpoints when it is started again with the same options.
    """


def _experiment(
    name: str, full: bool, output: Path, workers: int, seed: int, checkpoints: Path | None, no_figure: bool
) -> None:
    from symntk.runs import Options
    from symntk_papers.sgntk.files import write

    options = Options(full, seed, workers, checkpoints or output / "checkpoints", sys.stderr.isatty())
    for line in write(name, options, output, figure=not no_figure):
        click.echo(line)


@experiment.command("sgntk-fig1", short_help="The NTK of erf(m x) networks diverges as m grows.")
@is_experiment
@WORKERS
def sgntk_fig1(**options: Any) -> None:
    """The NTK of erf(m x) networks before and after gradient descent, against the analytic one: it diverges."""
    _experiment("sgntk-fig1", **options)


@experiment.command("sgntk-fig2", short_help="The SG-NTK of erf(m x) networks converges as m grows.")
@is_experiment
@WORKERS
def sgntk_fig2(**options: Any) -> None:
    """The SG-NTK of erf(m x) networks before and after surrogate gradients, against the analytic one: it converges."""
    _experiment("sgntk-fig2", **options)


@experiment.command("sgntk-fig3", short_help="Trained sign networks, against the SG-NTK process.")
@is_experiment
@WORKERS
def sgntk_fig3(**options: Any) -> None:
    """Sign networks trained by surrogate gradients, against the SG-NTK's process and regression with the NNGP."""
    _experiment("sgntk-fig3", **options)


@click.command(short_help="What a network learns from a driven one.")
@click.option("--full", is_flag=True, help="The paper's size, instead of one that takes half a minute.")
@click.option("--common", multiple=True, type=float, metavar="I_1", help="Amplitudes of common input.")
@click.option("--independent", multiple=True, type=float, metavar="I_1", help="Amplitudes of independent input.")
@click.option("--realizations", default=3, show_default=True, help="Students of each teacher.")
@click.option("--checkpoints", type=click.Path(path_type=Path, file_okay=False), help="Folder of a run to continue.")
def learning(
    full: bool,
    common: tuple[float, ...],
    independent: tuple[float, ...],
    realizations: int,
    checkpoints: Path | None,
) -> None:
    """Test errors of students that are taught the currents of driven teachers, by full-FORCE.

    The error is the mean square of what the student's target misses over that of the target: 0 is perfect, 1 silence.
    """
    from symntk.dynamics.simulation import Drive
    from symntk_papers.balanced.learning import FULL, Task, teach

    if not common and not independent:
        common, independent = (2.0, 5.0, 17.0), (1.0, 3.0, 5.0)
    task = FULL if full else Task()
    drives = [Drive(one, True, task.frequency) for one in common]
    drives += [Drive(one, False, task.frequency) for one in independent]
    done = teach(drives, task, realizations=realizations, checkpoint_folder=checkpoints, progress=sys.stderr.isatty())
    click.echo(done.table())


def _is_figure(command: Callable[..., None]) -> Callable[..., None]:
    """The options of the figures."""
    options = [
        click.option("--N", "N", type=click.IntRange(16), help="Units that are simulated, instead of either size's."),
        click.option("--realizations", type=click.IntRange(1), help="Networks that are simulated, likewise."),
    ]
    return is_experiment(with_options(command, options))


def _figure(
    name: str,
    full: bool,
    output: Path,
    seed: int,
    checkpoints: Path | None,
    no_figure: bool,
    N: int | None,
    realizations: int | None,
    workers: int = 0,
) -> None:
    from symntk.runs import Options
    from symntk_papers.balanced.files import write

    options = Options(full, seed, workers, checkpoints or output / "checkpoints", sys.stderr.isatty())
    for line in write(name, options, output, figure=not no_figure, N=N, realizations=realizations):
        click.echo(line)


@click.command(short_help="λ₁ over the amplitude of an input.")
@_is_figure
def fig2(**options: Any) -> None:
    """λ₁ over the amplitude of common and of independent input: theory and simulated networks."""
    _figure("fig2", **options)


@click.command(short_help="I_1^crit over N, tightness of balance and g.")
@_is_figure
@WORKERS
def fig3(**options: Any) -> None:
    """I_1^crit over N, the tightness of balance K and g: theory and simulated networks.

    K scales mean couplings and mean input: √N is replaced by √K there. The workers share the theory.
    """
    _figure("fig3", **options)


@click.command(short_help="Activity and autocovariance, independent input.")
@_is_figure
def fig9(**options: Any) -> None:
    """Activity, rate and autocovariance under independent input: theory and simulated networks."""
    _figure("fig9", **options)
