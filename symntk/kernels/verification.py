"""Expectations and kernels verified: the claims that they make, and the suite of checks over these.

Nothing here computes an expectation: the formulas are derived by the rooms below, and believed only where the oracle,
which shares no code with them, says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import sympy as sp

from symntk.derive.integral import Integral
from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import publish
from symntk.errors import DomainError, VerificationError
from symntk.kernels.expectation import Expectation
from symntk.kernels.function import Function
from symntk.kernels.kernels import Kernels
from symntk.kernels.pair import derive_again, other_functions, pair_record
from symntk.kernels.solution import ClosedForm
from symntk.language.forms.terms import NormalForm, derivative
from symntk.language.tables.registry import exact
from symntk.verify.certificate import Certificate
from symntk.verify.checks import float_check, formula_check
from symntk.verify.claim import Claim, Stated
from symntk.verify.clock import LIMIT, Clock
from symntk.verify.files import again
from symntk.verify.files.read import rational, read_certificate
from symntk.verify.points import Law, Point, parameter_values, random_points
from symntk.verify.suite import Suite, Verification
from symntk.version import VERSION

_TESTS = 10  # of one expectation, about
Progress = Callable[[str, str], None]
"""Called with the subject and the check that comes next."""


def claim_of(E: Expectation, values: dict[sp.Symbol, sp.Expr]) -> Claim:
    """What an expectation claims, with a number for each of its parameters."""
    f, g = E.f.at(values), E.g.at(values)
    numbers, precise = {s.name: float(v) for s, v in values.items()}, {s.name: v for s, v in values.items()}

    def arguments(law: Law) -> tuple[float, ...]:
        return law if E.means else law[:3]

    shared: dict[str, Any] = {
        "means": E.means,
        "values": values,
        "bound": E.error_bound,
        "code": lambda law: float(E(*arguments(law), **numbers)),
        "closed": None if E.expression is None else lambda law, dps: E.evalf(*arguments(law), dps=dps, **precise),
        "conditions": E.conditions,
        "diagonal": Stated(E.diagonal.limit, E.diagonal.coefficient, E.diagonal.power, str(E.diagonal)),
    }
    if isinstance(E.solution, ClosedForm):
        related, exchanged = _derived(E.f.form, E.g.form, E.means)
        f_form, g_form = E.f.form.subs(values), E.g.form.subs(values)
        return Claim(f_form, g_form, E.expression, **shared, related=related, exchanged=exchanged)
    mixture = E.derivation.mixture if isinstance(E.derivation, Integral) else None
    return Claim(
        f.general,
        g.general,
        **shared,
        related=lambda m, n: Claim(_differentiated(f, m).general, _differentiated(g, n).general),
        exchanged=lambda: claim_of(type(E)(g, f, means=E.means, tol=E.tol), {}),
        integral=None if E.expression is not None else E.integral,
        mixture=None if mixture is None else (mixture.f, mixture.g),
        forms=(f.normal or f.general, g.normal or g.general),
        reduced=E.method == "one-dimensional",
    )


def _derived(f: NormalForm, g: NormalForm, means: bool) -> tuple[Callable[[int, int], Claim], Callable[[], Claim]]:
    """The claims that identities need, derived anew by the moves."""

    def claim(one: NormalForm, other: NormalForm) -> Claim:
        return Claim(one, other, publish(derive_pair(one, other, means=means).value), means)

    def related(m: int, n: int) -> Claim:
        one, other = f, g
        for _ in range(m):
            one = derivative(one)
        for _ in range(n):
            other = derivative(other)
        return claim(one, other)

    return related, lambda: claim(g, f)


def _differentiated(function: Function, times: int) -> Function:
    return _differentiated(function.derivative, times - 1) if times else function


def suite_of(
    E: Expectation, dps: int, points: int, seed: int, given: dict[str, Any], at: Sequence[Law] | None = None
) -> Suite:
    """All checks of an expectation, none of them made; arguments as in `verify_expectation`."""
    rng = Random(seed)
    claim = claim_of(E, parameter_values(E.parameters, given, rng))
    drawn = random_points(rng, points, means=E.means)
    return Suite(claim, drawn if at is None else [Point("a random point", law) for law in at], dps)


def verify_kernels(
    kernels: Kernels,
    *,
    dps: int = 50,
    points: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
    limit: float = LIMIT,
    **parameters: Any,
) -> Verification:
    """Check every kernel that exists for the pair.

    Args:
        kernels: what `derive` returned.
        dps: digits of oracle and identities; some formulas take a minute at the edges with 50, and seconds with 20.
        points: random points per check.
        seed: of the random points and of parameters without a value.
        progress: called with the kernel's name and the next check's.
        limit: seconds for all checks together; one check has a fifth of them. What is not done by then is skipped.
        parameters: a number for each free parameter, by name; random in their domains where not given.

    Raises:
        DomainError: a parameter that no kernel has, or fewer than one point or ten digits.
    """
    known = {symbol.name for _, E in kernels.items() for symbol in E.parameters}
    _refuse_unknown(str(kernels.activation.name), known, parameters)
    done, clock = {}, Clock(limit, _TESTS * len(list(kernels.items())))
    for name, E in kernels.items():
        own = {key: value for key, value in parameters.items() if key in {s.name for s in E.parameters}}
        done[name] = verify_expectation(
            E, dps=dps, points=points, seed=seed, progress=progress, subject=name, clock=clock, **own
        )
    given = {name: str(exact(value, f"the value of {name}")) for name, value in parameters.items()}
    return Verification(done, pair_record(kernels), dps, points, seed, given, limit)


def export_certificate(kernels: Kernels, *, points: int = 3, dps: int = 20, seed: int = 0) -> list[str]:
    """What an exported module says of its own verification: each formula against the oracle at random points.

    Raises:
        VerificationError: a formula that the oracle contradicts.
    """
    lines = [f"Certificate: at {points} random covariances each formula, in mpmath with {dps} digits, and each map"]
    lines.append("without one, in float64, was compared with an independent quadrature. Digits of agreement:")
    for name, E in kernels.items():
        rng = Random(seed)
        claim = claim_of(E, parameter_values(E.parameters, {}, rng))
        drawn = random_points(rng, points, means=E.means)
        if claim.is_elementary:
            check = formula_check("random points", claim, drawn, dps=dps)
        else:
            check = float_check(claim, drawn)
        if not check.passed:
            raise VerificationError(f"{name} of {kernels.activation.name}", f"the oracle differs: {check.detail}")
        shown = f"skipped, because {check.detail}" if check.digits is None else f"{check.digits:.0f}"
        lines.append(f"    {name}: {shown}")
    return lines


def verify_expectation(
    E: Expectation,
    *,
    dps: int = 50,
    points: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
    subject: str = "",
    at: Sequence[Law] | None = None,
    limit: float = LIMIT,
    clock: Clock | None = None,
    **parameters: Any,
) -> Certificate:
    """Check one expectation against the oracle and the identities that it must obey, and its float64 code against it.

    Args:
        E: the expectation.
        dps: digits of oracle and identities; some formulas take a minute at the edges with 50, and seconds with 20.
        points: random points per check.
        seed: of the random points and of parameters without a value.
        progress: called with the subject and the next check's name.
        subject: what the progress is told; the expectation itself by default.
        at: var_u, var_v, cov, mean_u, mean_v of the points, in place of random ones.
        limit: seconds for all checks together; one check has a fifth of them. What is not done by then is skipped.
        clock: in place of `limit`, one that other checks share.
        parameters: a number for each free parameter, by name; random in their domains where not given.

    Raises:
        DomainError: a parameter that E does not have, or fewer than one point or ten digits.
    """
    _refuse_unknown(str(E), {s.name for s in E.parameters}, parameters)
    if dps < 10 or points < 1:
        raise DomainError(f"a verification with {points} points at {dps} digits", "that shows nothing", "points=3")
    clock = Clock(limit) if clock is None else clock
    with clock.preparing():
        tests = suite_of(E, dps, points, seed, parameters, at)
    checks = []
    for name, check in tests:
        if progress is not None:
            progress(subject or str(E), name)
        checks.append(clock.made(name, check))
    return Certificate(
        str(E),
        tuple(checks),
        dps,
        VERSION,
        method=E.method,
        formula=None if E.expression is None else str(E.expression),
        error_bound=E.error_bound,
        diagonal=str(E.diagonal),
        conditions=tuple(str(condition) for condition in E.conditions),
        parameters={symbol.name: str(value) for symbol, value in tests.claim.values.items()},
        laws=tuple(point.law for point in tests.tested),
        edges=tuple((point.label, point.law) for point in tests.edges),
    )


def replay(path: str | Path, progress: Progress | None = None) -> again.Replay:
    """Read a certificate, derive its pair again, make all its checks again at the same points, and compare everything.

    The kernels that the pair has, the points that the seed draws, the edges, the list of checks, what each of them
    requires and how many points it has must be those of the file; digits may differ by `again.DIGITS_APART`, as those
    of float64 do between machines, and numbers in remarks may differ.

    Raises:
        OSError: the file cannot be read.
        FormulaError: it is no certificate, or its formulas cannot be read.
    """
    recorded = read_certificate(Path(path))
    kernels = derive_again(recorded["pair"], "a certificate")
    settings, done = recorded["settings"], {}
    remarks = again.other_versions(recorded["versions"])
    differences = other_functions(recorded["pair"], kernels)
    differences += [f"the file has no {name}" for name in kernels.names if name not in recorded["kernels"]]
    given = {key: rational(text) for key, text in settings["parameters"].items()}
    known = {symbol.name for _, E in kernels.items() for symbol in E.parameters}
    differences += [f"no kernel has the parameter {name}" for name in sorted(given.keys() - known)]
    clock = Clock(LIMIT, sum(len(one["checks"]) for one in recorded["kernels"].values()))
    for name, one in recorded["kernels"].items():
        if name not in kernels.names:
            differences.append(f"{name}: the pair has no such kernel")
            continue
        E = getattr(kernels, name)
        at: list[Law] = [tuple(law) for law in one["points"]]
        values = {key: rational(text) for key, text in one["parameters"].items()}
        wrong = again.unfit(E.parameters, E.means, at, values)
        if wrong:
            differences.append(f"{name}: {wrong}")
            continue
        own = {symbol.name: given[symbol.name] for symbol in E.parameters if symbol.name in given}
        chosen = suite_of(E, settings["dps"], settings["points"], settings["seed"], own)
        differences += again.other_points(name, one, settings["seed"], chosen)
        done[name] = verify_expectation(
            E, dps=settings["dps"], points=len(at), progress=progress, subject=name, at=at, clock=clock, **values
        )
        differences += again.compared(name, one, done[name])
        remarks += again.made_in_part(name, one, done[name])
    chosen_by = (settings["dps"], settings["points"], settings["seed"], settings["parameters"])
    found = Verification(done, recorded["pair"], *chosen_by)
    return again.Replay(recorded, found, tuple(map(again.shown, differences)), tuple(map(again.shown, remarks)))


def _refuse_unknown(asked: str, known: set[str], parameters: dict[str, Any]) -> None:
    unknown = sorted(set(parameters) - known)
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise DomainError(f"the verification of {asked}", f"no parameter {', '.join(unknown)}", f"parameters: {names}")
