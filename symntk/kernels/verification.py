"""Verification of expectations and kernels: every check that applies, with the formulas that the identities need.

Comes in: an `Expectation` or a `Kernels`. Goes out: a `Verification`, which prints as a table and knows whether all
of it holds. Nothing here computes an expectation: the formulas are derived by the rooms below, and believed only
where the oracle, which shares no code with them, says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import sympy as sp
from mpmath import mp

from symntk.derive.engine import derive_pair
from symntk.derive.publish import publish
from symntk.errors import DivergenceError, DomainError, SymntkError, VerificationError
from symntk.kernels.solution import ClosedForm
from symntk.kernels.verification_general import GeneralClaim, float64_check, general_checks
from symntk.language.terms import NormalForm, derivative
from symntk.verify.agreement import Agreement
from symntk.verify.certificate import Certificate, Check
from symntk.verify.checks import Claim, edge_check, existing_points, limit_check, random_check, rate_check
from symntk.verify.identities import exchange_check, independence_check, price_check
from symntk.verify.points import Point, edge_points, parameter_values, random_points

if TYPE_CHECKING:
    from symntk.kernels.expectation import Expectation
    from symntk.kernels.kernels import Kernels

Progress = Callable[[str, str], None]
"""Called with the subject and the check that comes next."""
EDGE_DPS = 20
_TINY = 1e-290
FLOAT_DIGITS, FLOAT_MOST = 10, 16
"""What the exported float64 code owes for every pair of functions, relative to the value or to √(E f² E g²)."""


@dataclass(frozen=True)
class Verification:
    """Certificates by the name of the kernel."""

    certificates: dict[str, Certificate]

    @property
    def passed(self) -> bool:
        """Whether every certificate passed, and there is one."""
        return bool(self.certificates) and all(c.passed for c in self.certificates.values())

    @property
    def failures(self) -> tuple[tuple[str, Check], ...]:
        """The checks that failed, with their kernels."""
        return tuple((n, c) for n, cert in self.certificates.items() for c in cert.checks if not c.passed)

    def table(self) -> str:
        """Plain text for a terminal."""
        made = [c for cert in self.certificates.values() for c in cert.checks if not c.is_skipped]
        parts = [f"{name}: {certificate.table()}" for name, certificate in self.certificates.items()]
        summary = f"{sum(c.passed for c in made)} of {len(made)} checks passed"
        return "\n\n".join([*parts, summary if not self.failures else f"FAILED: {summary}"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {"passed": self.passed, "certificates": {n: c.to_dict() for n, c in self.certificates.items()}}

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"<Verification of {', '.join(self.certificates)}: {'passed' if self.passed else 'FAILED'}>"


def verify_kernels(
    kernels: Kernels,
    *,
    dps: int = 50,
    points: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
    **parameters: Any,
) -> Verification:
    """Check every kernel that exists for the pair.

    Args:
        kernels: what `derive` returned.
        dps: digits of the random points and of the identities; the edges are tested at 20.
        points: random points per check.
        seed: of the random points and of parameters without a value.
        progress: called with the kernel's name and the next check's.
        parameters: a number for each free parameter, by name; random in their domains where not given.

    Raises:
        DomainError: a parameter that no kernel has, or fewer than one point or ten digits.
    """
    known = {symbol.name for _, E in kernels.items() for symbol in E.parameters}
    _refuse_unknown(str(kernels.activation.name), known, parameters)
    done = {}
    for name, E in kernels.items():
        own = {key: value for key, value in parameters.items() if key in {s.name for s in E.parameters}}
        done[name] = verify_expectation(E, dps=dps, points=points, seed=seed, progress=progress, subject=name, **own)
    return Verification(done)


def export_certificate(kernels: Kernels, *, points: int = 3, dps: int = 20, seed: int = 0) -> list[str]:
    """What an exported module says of its own verification: each formula against the oracle at random points.

    Raises:
        VerificationError: a formula that the oracle contradicts.
    """
    lines = [f"Certificate: at {points} random covariances each formula, in mpmath with {dps} digits, and each map"]
    lines.append("without one, in float64, was compared with an independent quadrature. Digits of agreement:")
    for name, E in kernels.items():
        rng = Random(seed)
        if isinstance(E.solution, ClosedForm):
            values = parameter_values(E.parameters, {}, rng)
            claim = Claim(E.f.form, E.g.form, E.expression, E.means, values)
            check = random_check(claim, random_points(rng, points, means=E.means), dps=dps)
        else:
            check = float64_check(GeneralClaim(E, {}, rng), random_points(rng, points, means=E.means))
        if not check.passed:
            raise VerificationError(f"{name} of {kernels.activation.name}", f"the oracle differs: {check.detail}")
        shown = "no point where it exists" if check.digits is None else f"{check.digits:.0f}"
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
    **parameters: Any,
) -> Certificate:
    """Check one expectation against the oracle and the identities that it must obey, and its float64 code against it.

    Args:
        E: the expectation.
        dps: digits of the random points and of the identities; the edges are tested at 20.
        points: random points per check.
        seed: of the random points and of parameters without a value.
        progress: called with the subject and the next check's name.
        subject: what the progress is told; the expectation itself by default.
        parameters: a number for each free parameter, by name; random in their domains where not given.

    Raises:
        DomainError: a parameter that E does not have, or fewer than one point or ten digits.
    """
    _refuse_unknown(str(E), {s.name for s in E.parameters}, parameters)
    if dps < 10 or points < 1:
        raise DomainError(f"a verification with {points} points at {dps} digits", "that shows nothing", "points=3")
    checks = []
    for name, check in _checks(E, dps, points, seed, parameters):
        if progress is not None:
            progress(subject or str(E), name)
        try:
            checks.append(check())
        except SymntkError as error:
            checks.append(Check(name, f"{type(error).__name__}: {error}", None, None, False, 0))
    return Certificate(str(E), tuple(checks), dps, _version())


def _checks(
    E: Expectation, dps: int, points: int, seed: int, parameters: dict[str, Any]
) -> Iterator[tuple[str, Callable[[], Check]]]:
    """Name and test of every check, in the order of the table."""
    if not isinstance(E.solution, ClosedForm):
        yield from general_checks(E, dps, points, seed, parameters)
        return
    rng = Random(seed)
    values = parameter_values(E.parameters, parameters, rng)
    claim = Claim(E.f.form, E.g.form, E.expression, E.means, values)
    tested = existing_points(claim, random_points(rng, points, means=E.means), dps=dps)
    edges = edge_points(means=E.means, waves=claim.has_waves)
    laws = [point.law for point in tested]
    yield "random points", lambda: random_check(claim, tested, dps=dps)
    yield "edge points", lambda: edge_check(claim, edges, dps=min(dps, EDGE_DPS))
    yield (
        "Price's theorem",
        lambda: price_check(claim, _formula(derivative(E.f.form), derivative(E.g.form), E.means), tested, dps=dps),
    )
    yield "independence", lambda: independence_check(claim, tested, dps=dps)
    yield "exchange symmetry", lambda: exchange_check(claim, _formula(E.g.form, E.f.form, E.means), tested, dps=dps)
    yield "full correlation", lambda: _diagonal(E, claim, laws)
    yield "float64", lambda: float_check(E, claim, [*tested, *edges])


def float_check(E: Expectation, claim: Claim, points: list[Point]) -> Check:
    """E(...) in float64, which is what exported code evaluates, equals the formula at 20 digits."""
    agreement, absent = Agreement(FLOAT_DIGITS, FLOAT_MOST), 0
    numbers = {symbol.name: float(number) for symbol, number in claim.values.items()}
    for point in points:
        reference = _finite(claim, point)
        if reference is None:
            absent += 1
            continue
        a, b, c, m1, m2 = point.law
        value = E(a, b, c, *((m1, m2) if E.means else ()), **numbers)
        agreement.add(mp.mpf(float(value)), reference, lambda law=point.law: claim.scale(law), point.label)
    details = [f"E(...) and the formula at {EDGE_DPS} digits", f"fewest at {agreement.where}"]
    details += [f"no finite float64 at {absent} points"] * bool(absent) + [agreement.remark] * bool(agreement.remark)
    text = "; ".join(details)
    return Check("float64", text, agreement.digits, FLOAT_DIGITS, agreement.passed, agreement.points)


def _finite(claim: Claim, point: Point) -> Any:
    """The formula's value, or None where there is none that float64 could hold."""
    try:
        claim.oracle(point.law, EDGE_DPS)
    except DivergenceError:
        return None
    except VerificationError:
        pass  # the oracle gives up; what the formula says is compared all the same
    try:
        value = claim.formula(point.law, EDGE_DPS)
    except DomainError:  # the edge points have failed there
        return None
    return value if value == 0 or _TINY < abs(value) < 1 / _TINY else None


def _diagonal(E: Expectation, claim: Claim, laws: list[Any]) -> Check:
    """What E.diagonal states, tested; where it diverges, asking for the value there must say so."""
    if E.diagonal.is_finite:
        return limit_check(claim, E.diagonal.limit, laws, dps=EDGE_DPS)
    if not laws:
        return Check("full correlation", "no point where the expectation exists", None, None, False, 0)
    if not E.diagonal.diverges:
        return Check("full correlation", "skipped: the behaviour there is not stated", None, None, True, 0)
    check = rate_check(claim, E.diagonal.coefficient, E.diagonal.power, laws)
    numbers = {symbol.name: value for symbol, value in claim.values.items()}
    a, _, _, m1, _ = laws[0]
    try:
        E.evalf(a, a, a, *((m1, m1) if E.means else ()), dps=EDGE_DPS, **numbers)
    except DivergenceError as error:
        if str(E.diagonal) in str(error):
            return check
    text = f"{check.detail}; but E.evalf at full correlation does not say so"
    return Check(check.name, text, check.digits, check.required, False, check.points)


def _formula(f: NormalForm, g: NormalForm, means: bool) -> sp.Expr:
    return publish(derive_pair(f, g, means=means).value)


def _refuse_unknown(asked: str, known: set[str], parameters: dict[str, Any]) -> None:
    unknown = sorted(set(parameters) - known)
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise DomainError(f"the verification of {asked}", f"no parameter {', '.join(unknown)}", f"parameters: {names}")


def _version() -> str:
    from symntk import __version__

    return __version__
