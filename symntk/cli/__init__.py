"""The command line: derive, export, verify, list, dynamics, and what `symntk_papers` adds.

Only click is imported here; each command imports what it needs, so that none waits for what it does not use.
Errors go to the standard error stream in three lines, what was asked, what is wrong and what to try, with exit
status 2; a failed verification exits with 1, an interruption with 130.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symntk.cli.dynamics import dynamics
from symntk.cli.papers import add_papers
from symntk.cli.time import time
from symntk.errors import SymntkError
from symntk.version import VERSION

if TYPE_CHECKING:
    from symntk.kernels.kernels import Kernels

_FORMULAS = """
ACTIVATION is a name from `symntk list`, also with parameters, "leaky_relu(negative_slope=0.2)", or a formula in x with
SymPy's function names, "x*erf(x)". A formula that begins with a minus sign goes after `--`.
"""

_SECOND = 1.0  # after which a bar is drawn again
_ADVICE = "symntk list, which shows the functions that have names"


class _Commands(click.Group):
    """A group whose errors are messages and exit statuses, not tracebacks."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SymntkError as error:
            _complain(error.asked, error.wrong, error.advice or _ADVICE)
            ctx.exit(2)
        except BrokenPipeError:
            raise  # click closes the streams in silence: `symntk list | head` is no error
        except OSError as error:
            _complain(f"the file {error.filename}", error.strerror or str(error), "another path")
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo(
                "interrupted; a command that keeps checkpoints continues from them when it is started again", err=True
            )
            ctx.exit(130)


def _complain(asked: str, wrong: str, advice: str) -> None:
    click.echo(f"asked: {asked}\nwrong: {wrong}\ntry:   {advice}", err=True)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"symntk {VERSION}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def main() -> None:
    """Kernels of infinitely wide networks: derived, exported as code, verified."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show σ gets a question mark, not a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _takes_a_pair(command: Callable[..., None], required: bool = True) -> Callable[..., None]:
    """The argument and the two options that say whose kernels are meant."""
    surrogate = click.option("--surrogate", "-s", metavar="S", help="Name of a surrogate, or its primitive's formula.")
    derivative = click.option("--surrogate-derivative", metavar="F", help="Formula of the surrogate derivative itself.")
    where = click.option(
        "--where", multiple=True, metavar="NAME=real", help="Declare a parameter real; positive where nothing is said."
    )
    tol = click.option("--tol", default=1e-10, show_default=True, help="Error bound where there is no closed form.")
    return click.argument("activation", required=required)(surrogate(derivative(where(tol(command)))))


def _takes_a_pair_or_none(command: Callable[..., None]) -> Callable[..., None]:
    """The same, where another option may stand in place of the activation."""
    return _takes_a_pair(command, required=False)


def _derive(
    activation: str, surrogate: str | None, surrogate_derivative: str | None, where: tuple[str, ...], tol: float
) -> Kernels:
    from symntk.kernels.kernels import derive as derive_kernels

    declared = None
    if where:
        pairs = [one.partition("=") for one in where]
        declared = {name.strip(): domain.strip() for name, _, domain in pairs}
    return derive_kernels(activation, surrogate, surrogate_derivative=surrogate_derivative, tol=tol, where=declared)


@main.command(epilog=_FORMULAS, short_help="Print the kernels of an activation.")
@_takes_a_pair
@click.option("--latex", "style", flag_value="latex", help="Print the formulas as LaTeX.")
@click.option("--json", "style", flag_value="json", help="Print everything as JSON.")
@click.option("--means", is_flag=True, help="For u and v that have means m1 and m2.")
@click.option("--steps", is_flag=True, help="Show the tree of steps of each derivation.")
def derive(
    activation: str,
    surrogate: str | None,
    surrogate_derivative: str | None,
    where: tuple[str, ...],
    tol: float,
    style: str | None,
    means: bool,
    steps: bool,
) -> None:
    """Print the kernels: formulas, methods, conditions, behaviour at full correlation."""
    from symntk.report import text

    kernels = _derive(activation, surrogate, surrogate_derivative, where, tol)
    if style == "latex":
        click.echo(text.kernels_latex(kernels, means=means))
    elif style == "json":
        import json

        click.echo(json.dumps(text.kernels_dict(kernels, means=means, steps=steps), indent=2, ensure_ascii=False))
    else:
        click.echo(text.kernels_text(kernels, means=means, steps=steps))


@main.command(epilog=_FORMULAS, short_help="Write the kernels as a module.")
@_takes_a_pair
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="The file; - is the terminal.")
@click.option("--target", default="numpy", show_default=True, help="What the code is written for.")
@click.option("--variances", nargs=2, type=float, metavar="LOW HIGH", help="What tables are to hold for.")
def export(
    activation: str,
    surrogate: str | None,
    surrogate_derivative: str | None,
    where: tuple[str, ...],
    tol: float,
    output: Path,
    target: str,
    variances: tuple[float, float] | None,
) -> None:
    """Write the kernels as a module that runs without symntk; an existing file is replaced."""
    kernels = _derive(activation, surrogate, surrogate_derivative, where, tol)
    if str(output) == "-":
        click.echo(kernels.source(target, variances=variances), nl=False)
        return
    if output.is_dir():
        raise SymntkError(f"the file {output}", "it is a directory", f"{output / 'kernels.py'}")
    written = kernels.export(output, target, variances=variances).read_text(encoding="utf-8")
    held = [name for name in kernels.names if f"def {name}_map(" in written]
    click.echo(f"{output}: {', '.join(f'{name}_map' for name in held)}")
    lacking = {name: f"no code for {target}" for name in kernels.names if name not in held}
    for name, reason in (kernels.absent | lacking).items():
        click.echo(f"without {name}_map: {reason}", err=True)


@main.command(epilog=_FORMULAS, short_help="Check the kernels against an oracle.")
@_takes_a_pair_or_none
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write the certificate: .json, or .txt to read.")
@click.option("--replay", type=click.Path(path_type=Path), metavar="FILE", help="Make a certificate's checks again.")
@click.option("--module", type=click.Path(path_type=Path), metavar="FILE", help="Compare an exported module.")
@click.option("--run", is_flag=True, help="With --module: run code that is not what symntk writes, for its values.")
@click.option("--dps", default=50, show_default=True, type=click.IntRange(10, 1000), help="Digits, where a formula is.")
@click.option("--points", default=3, show_default=True, type=click.IntRange(1), help="Random points per check.")
@click.option("--seed", default=0, show_default=True, help="Of the random points.")
@click.option(
    "--limit",
    default=100.0,
    show_default=True,
    type=click.FloatRange(1.0),
    help="Seconds for all checks; one check has a fifth of them. What is not done by then is skipped and named.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the certificates as JSON.")
@click.pass_context
def verify(
    ctx: click.Context,
    activation: str | None,
    surrogate: str | None,
    surrogate_derivative: str | None,
    where: tuple[str, ...],
    tol: float,
    output: Path | None,
    replay: Path | None,
    module: Path | None,
    run: bool,
    dps: int,
    points: int,
    seed: int,
    limit: float,
    as_json: bool,
) -> None:
    """Check the kernels against an independent oracle; the exit status is 1 where a value is wrong.

    A check that cannot be made is skipped, with the reason, and fails nothing.

    With --replay FILE the pair of a certificate is derived again, checked at the same points, and everything that the
    file holds is compared. With --module FILE an exported module is compared with what it was derived from: its code
    with what is written today, and the values of its maps and Gram functions.
    """
    from symntk.kernels.verification import replay as replay_file
    from symntk.verify.files.write import writer

    if [activation, replay, module].count(None) != 2:
        wrong = "it needs an activation, a certificate or a module, one of them"
        advice = "symntk verify sign --surrogate erf, or symntk verify --replay FILE, or symntk verify --module FILE"
        raise SymntkError("a verification", wrong, advice)
    if module is not None:
        ctx.exit(_verify_module(module, run, as_json))
    if output is not None:
        writer(output)  # refuses an ending before the work, not after it
    with _check_progress() as show:
        if replay is not None:
            again = replay_file(replay, show)
            found, table, passed = again.verification, again.table(), again.agrees
        else:
            kernels = _derive(str(activation), surrogate, surrogate_derivative, where, tol)
            found = kernels.verify(dps=dps, points=points, seed=seed, limit=limit, progress=show)
            table, passed = found.table(), not found.failures
    if output is not None:
        found.write(output)
    if as_json:
        import json

        click.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    else:
        click.echo(table)
    ctx.exit(0 if passed else 1)


def _verify_module(path: Path, run: bool, as_json: bool) -> int:
    """Compare and print; the exit status."""
    from symntk.networks.module_check import verify_module

    with _check_progress() as show:
        found = verify_module(path, run=run, progress=show)
    if as_json:
        import json

        click.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False))
    else:
        click.echo(found.table())
    return 0 if found.agrees else 1


@contextmanager
def _check_progress() -> Iterator[Callable[[str, str], None]]:
    """A bar that names the kernel and the check that is made, and moves while it is made."""
    from threading import Event, Thread

    from tqdm import tqdm

    # disable=None: no bar where the error stream is no terminal; one without a size gets a width all the same
    width = shutil.get_terminal_size((100, 24)).columns
    over = Event()
    with tqdm(disable=None, leave=False, bar_format="{desc}| {n_fmt} checks, {elapsed}", ncols=width) as bar:

        def show(name: str, check: str) -> None:
            bar.set_description_str(f"{name}: {check}", refresh=False)
            bar.update()

        def move() -> None:
            while not over.wait(_SECOND):
                bar.refresh()

        mover = Thread(target=move, daemon=True)
        if not bar.disable:
            mover.start()
        try:
            yield show
        finally:
            over.set()
            if mover.is_alive():
                mover.join()


@main.command(name="list", short_help="List the registered functions.")
@click.argument("table", required=False, metavar="[activations|surrogates]")
@click.argument("name", required=False)
def list_(table: str | None, name: str | None) -> None:
    """List the registered functions, or show one entry with its users and their defaults."""
    from symntk.language.tables.activations import ACTIVATIONS
    from symntk.language.tables.surrogates import SURROGATES
    from symntk.report.tables import entry_text, found, legend, table_text

    tables = {"activations": ACTIVATIONS, "surrogates": SURROGATES}
    if table is not None and table not in tables:
        if name is not None:
            raise SymntkError(f"the table {table}", "there is none of this name", "activations or surrogates")
        table, name = None, table
    chosen = tables if table is None else {table: tables[table]}
    if name is None:
        click.echo("\n\n".join([*(table_text(title, entries) for title, entries in chosen.items()), legend()]))
    else:
        entries = found(name, {title.removesuffix("s"): held for title, held in chosen.items()})
        click.echo("\n\n".join(entry_text(kind, entry) for kind, entry in entries))


main.add_command(dynamics)
main.add_command(time)
add_papers(
    main,
    {
        "experiment": "Repeat an experiment of the surrogate-gradient NTK paper.",
        "theorems": "Verify the theorems of surrogate gradient learning.",
    },
)
