"""Commands of the dynamic mean-field theory of rate networks; each imports what it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from symntk.cli.options import with_options
from symntk.cli.papers import add_papers
from symntk.errors import SymntkError

_NETWORK = """
The network: h_i' = −h_i + Σ_j J_ij φ(h_j) + √N I_0 + δI_i(t), with J_ij ~ N(−J_0/√N, g²/N); times are in units of its
time constant τ, exponents in 1/τ. I_1 is not scaled by √N. For centred networks, as of tanh units, --I0 0 --J0 0.
"""

_CRITICAL = {
    "common": ("common", "I_1^crit of I_1 sin 2πft for all units"),
    "phase": ("independent", "I_1^crit of I_1 sin(2πft + θ_i), averaged over the phases θ_i"),
    "gaussian": ("independent_gaussian", "the same taken as a Gaussian process"),
}


@click.group(short_help="Mean-field theory of rate networks.", epilog=_NETWORK)
def dynamics() -> None:
    """Rate networks in dynamic mean-field theory: chaos, and the inputs that suppress it (arXiv 2201.09916)."""


def _is_network(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which network."""
    options = [
        click.option("--g", default=2.0, show_default=True, help="Standard deviation of couplings times √N."),
        click.option("--N", "N", default=5000, show_default=True, help="Units."),
        click.option("--I0", "I_0", default=1.0, show_default=True, help="Mean input over √N."),
        click.option("--J0", "J_0", default=1.0, show_default=True, help="Mean coupling times −√N."),
        click.option("--activation", default="relu", show_default=True, metavar="F", help="A name, or a formula in x."),
        click.option("--json", "as_json", is_flag=True, help="Print the results as JSON."),
    ]
    return with_options(command, options)


def _net(g: float, N: int, I_0: float, J_0: float, activation: str) -> Any:
    from symntk.dynamics.theory import Balanced

    return Balanced(g, N, I_0, J_0, activation)


def _print(found: dict[str, tuple[Any, str]], as_json: bool) -> None:
    """Results, name -> value and what it is, as JSON or as lines."""
    if as_json:
        import json

        click.echo(json.dumps({name: value for name, (value, _) in found.items()}, indent=2))
        return
    width = max(len(name) for name in found)
    shown = {name: value if isinstance(value, str) else _number(value) for name, (value, _) in found.items()}
    column = max(len(value) for value in shown.values())
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {value:<{column}}  {found[name][1]}".rstrip())


def _number(value: Any) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else f"{value:.8g}"


@dynamics.command(short_help="The network without input that varies.")
@_is_network
def stationary(as_json: bool, **network: Any) -> None:
    """The fixed point and whether it is stable, where chaos sets in, and the chaotic state."""
    net = _net(**network)
    rest, state = net.static(), net.stationary()
    found = {
        "chaotic": (state.is_chaotic, ""),
        "lyapunov": (state.lyapunov, "λ₁ τ, the largest Lyapunov exponent"),
        "lyapunov_error": (state.lyapunov_error, "estimate of its error"),
        "onset": (_or_none(net.onset), "g above which the network is chaotic"),
        "mean": (state.mean, "of the units' inputs h"),
        "variance": (state.variance, "of h, over units and time"),
        "floor": (state.floor, "of the autocovariance of h, its limit at long lags"),
        "rate": (state.rate, "ν = E[φ(h)]"),
        "static_mean": (rest.mean, "of h at the fixed point"),
        "static_variance": (rest.variance, "of h at the fixed point"),
        "static_rate": (rest.rate, "ν at the fixed point"),
        "static_lyapunov": (rest.lyapunov, "g √E[φ'²] − 1, stable below 0"),
    }
    _print(found, as_json)


def _or_none(value: Callable[[], float]) -> float | None:
    """The value; None where the theory has none."""
    from symntk.errors import DomainError

    try:
        return value()
    except DomainError:
        return None


@dynamics.command(short_help="The largest Lyapunov exponent under an input.")
@_is_network
@click.option("--common", type=float, metavar="I_1", help="Amplitude of I_1 sin 2πft for all units.")
@click.option("--independent", type=float, metavar="I_1", help="Amplitude of I_1 sin(2πft + θ_i), θ_i random.")
@click.option("--f", "f", default=0.2, show_default=True, help="Frequency, in 1/τ.")
@click.option(
    "--average",
    default="phase",
    show_default=True,
    type=click.Choice(["phase", "gaussian"]),
    help="Of independent input: over random phases, or as a Gaussian process.",
)
@click.option("--dt", default=1 / 16, show_default=True, help="Finest step of common input, in τ.")
@click.option("--time", default=150.0, show_default=True, help="How long a chaotic course runs, common input; in τ.")
def lyapunov(
    common: float | None,
    independent: float | None,
    f: float,
    average: str,
    dt: float,
    time: float,
    as_json: bool,
    **network: Any,
) -> None:
    """The largest Lyapunov exponent λ₁ τ, with common or independent input or with none."""
    from symntk.dynamics.curves import common_curve, independent_curve

    if common is not None and independent is not None:
        raise SymntkError("a Lyapunov exponent", "the input is common or independent, not both", "one of them")
    net = _net(**network)
    if common:
        curve = common_curve(net, [common], f, dt=dt, time=time)
    elif independent:
        curve = independent_curve(net, [independent], f, average)
    else:
        state = net.stationary()
        value, error = state.lyapunov, state.lyapunov_error
    if common or independent:
        value, error = float(curve.exponents[0]), float(curve.errors[0])
        if value != value:
            wrong = "no stationary state is found; it is close to the onset of chaos, or the input is too strong"
            raise SymntkError(f"λ₁ at I_1 = {common or independent:g}", wrong, "another amplitude")
    known = None if error != error else error
    _print({"lyapunov": (value, "λ₁ τ"), "error": (known, "estimate of its error")}, as_json)


@dynamics.command(short_help="The amplitudes above which input suppresses chaos.")
@_is_network
@click.option("--f", "f", default=0.2, show_default=True, help="Frequency, in 1/τ.")
@click.option("--dt", default=1 / 16, show_default=True, help="Finest step of common input, in τ.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(list(_CRITICAL)),
    help="Of common input, of independent input averaged over phases, or taken as Gaussian; by default all of them.",
)
def critical(f: float, dt: float, kinds: tuple[str, ...], as_json: bool, **network: Any) -> None:
    """I_1^crit of common input, and of independent input read in two ways.

    Units without closed forms take long: threshold-linear ones seconds, tanh and softplus many minutes.
    """
    from tqdm import tqdm

    from symntk.dynamics.critical import critical_common, critical_independent, quasi_static

    net = _net(**network)
    rest = net.stationary()
    if not as_json and not rest.is_chaotic:
        onset = _or_none(net.onset)
        above = "" if onset is None else f", chaos sets in at g = {onset:.6g}"
        click.echo(f"not chaotic without input: λ₁ τ = {rest.lyapunov:.6g}{above}; there is nothing to suppress")
        return
    found: dict[str, tuple[Any, str]] = {}
    with tqdm(unit=" periods", disable=not sys.stderr.isatty()) as bar:
        for kind in kinds or _CRITICAL:
            name, what = _CRITICAL[kind]
            bar.set_description(name)
            if kind == "common":
                one = critical_common(net, f, dt=dt, report=bar.update)
            else:
                one = critical_independent(net, f, average=kind)
            found[name] = one.amplitude, what
            found[f"{name}_error"] = one.error, "estimate of its error"
            if kind == "common":
                found["quasi_static"] = _or_none(lambda: quasi_static(net)), "its limit for f → 0"
    _print(found, as_json)


@dynamics.command("simulate", short_help="Simulate networks of N units.")
@_is_network
@click.option("--common", multiple=True, type=float, metavar="I_1", help="Amplitude of common input; any number.")
@click.option("--independent", multiple=True, type=float, metavar="I_1", help="Of independent input; any number.")
@click.option("--f", "f", default=0.2, show_default=True, help="Frequency, in 1/τ.")
@click.option("--dt", default=1 / 16, show_default=True, help="Euler's step, in τ.")
@click.option("--time", default=200.0, show_default=True, help="That is recorded, in τ.")
@click.option("--burn", default=100.0, show_default=True, help="Time before that, in τ.")
@click.option("--realizations", default=3, show_default=True, help="Networks.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all random numbers.")
@click.option("--checkpoints", type=click.Path(path_type=Path, file_okay=False), help="Folder of a run to continue.")
def simulate_(
    common: tuple[float, ...],
    independent: tuple[float, ...],
    f: float,
    dt: float,
    time: float,
    burn: float,
    realizations: int,
    seed: int,
    checkpoints: Path | None,
    as_json: bool,
    **network: Any,
) -> None:
    """Lyapunov exponents and rates of simulated networks, without input where none is given.

    Exponents of finite networks lie below those of the theory, which holds for N → ∞: by about 20/N at g = 2.
    """
    from symntk.dynamics.simulation import Drive, Run, simulate

    drives = [Drive(one, True, f) for one in common] + [Drive(one, False, f) for one in independent]
    steps, before = _steps("--time", time, dt), _steps("--burn", burn, dt)
    wanted = Run(steps, before, dt, realizations=realizations, seed=seed, checkpoint=checkpoints)
    run = simulate(inputs=drives or [0.0], run=wanted, progress=sys.stderr.isatty(), **network)
    if not as_json:
        click.echo(run.table())
        return
    import json

    rows = [
        {
            "input": ("common" if drive.common else "independent") if drive.amplitude else "none",
            "I_1": drive.amplitude,
            "lyapunov": float(run.lyapunov[:, i].mean()),
            "error": None if run.error[i] != run.error[i] else float(run.error[i]),
            "rate": float(run.rate[:, i].mean()),
        }
        for i, drive in enumerate(run.drives)
    ]
    click.echo(json.dumps(rows, indent=2))


def _steps(option: str, time: float, dt: float) -> int:
    """Steps in a time."""
    asked = "a simulation"
    if not 0.0 < dt < 1.0:
        raise SymntkError(asked, f"a step of {dt:g} τ", "--dt 0.0625")
    if not 0.0 <= time < 1e9:
        raise SymntkError(asked, f"{option} {time:g}", "a number of at least 0, in units of τ")
    return round(time / dt)


add_papers(
    dynamics,
    {
        "learning": "What a network learns from a driven one.",
        "fig2": "λ₁ over the amplitude of an input.",
        "fig3": "I_1^crit over N, tightness of balance and g.",
        "fig9": "Activity and autocovariance, independent input.",
    },
)
