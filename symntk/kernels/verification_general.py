"""Checks of expectations of general functions: a closed mean on a line, or an integral with a stated error bound.

Where an integral remains `evalf` is the oracle itself, so what is tested is the float64 code: against the oracle in
extended precision, which is right to 1e-12, and by identities among expectations. Errors count relative to
√(E f² · E g²), as the stated bound does.
"""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Any

from mpmath import mp

from symntk.errors import DivergenceError, DomainError, SymntkError, VerificationError
from symntk.kernels.function import Function, as_function
from symntk.verify.agreement import Agreement, LeftOut
from symntk.verify.certificate import Check
from symntk.verify.oracle.general.oracle import fast_reference, general_scale, oracle_to_scale
from symntk.verify.points import Law, Point, parameter_values
from symntk.verify.timing import OutOfTime, late, timely

if TYPE_CHECKING:
    from symntk.kernels.expectation import Expectation

_GUARD = 5
_PRICE_DIGITS = 6  # a difference quotient of values with 12 digits
_SLOPE_STEP = 1e-3
_TINY = 1e-290


class GeneralClaim:
    """An expectation with numbers for its parameters, and the oracle for its two functions."""

    def __init__(self, E: Expectation, given: dict[str, Any], rng: Random) -> None:
        values = parameter_values(E.parameters, given, rng)
        self.E, self.f, self.g = E, E.f.at(values), E.g.at(values)
        self.values = values
        self.numbers = {s.name: float(v) for s, v in values.items()}
        self._found: dict[tuple[Law, int], Any] = {}

    def of(self, f: Function, g: Function) -> Expectation:
        """The expectation of two other functions, with means and tolerance as here."""
        return type(self.E)(f, g, means=self.E.means, tol=self.E.tol)

    def value(self, law: Law) -> float:
        """What the float64 code says."""
        return float(self.E(*law_arguments(law, self.E.means), **self.numbers))

    def evalf(self, law: Law, dps: int) -> Any:
        """What the formula says; parameters are exact."""
        exact = {symbol.name: value for symbol, value in self.values.items()}
        return self.E.evalf(*law_arguments(law, self.E.means), dps=dps, **exact)

    def oracle(self, law: Law, dps: int) -> Any:
        """What quadrature says."""
        if (law, dps) not in self._found:
            self._found[law, dps] = oracle_to_scale(self.f.general, self.g.general, law, dps)
        return self._found[law, dps]

    def scale(self, law: Law) -> float:
        """√(E f² · E g²)."""
        return general_scale(self.f.general, self.g.general, law)


def required_digits(E: Expectation) -> float:
    """What the error bound promises; ten digits for a closed form."""
    return 10.0 if E.error_bound == 0.0 else -math.log10(E.error_bound)


def compare_float64(claim: GeneralClaim, points: list[Point]) -> tuple[Agreement, LeftOut]:
    """E(...) against the oracle at each point, and those where there is nothing to compare.

    Where the oracle says that the expectation is infinite, a finite number from E counts as no agreement.
    """
    agreement, absent = Agreement(required_digits(claim.E), 16), LeftOut()
    for point in timely(points):
        try:
            _compare(claim, point, agreement, absent)
        except OutOfTime:
            if not agreement.points:
                raise
            absent.add(late(), f"{point.label} and what follows")
            break
    return agreement, absent


def _compare(claim: GeneralClaim, point: Point, agreement: Agreement, absent: LeftOut) -> None:
    try:
        reference = mp.mpf(fast_reference(claim.f.general, claim.g.general, *point.law)[0])
    except DivergenceError as error:
        absent.add(f"it is {error.wrong}", point.label)
        if _is_finite(claim, point.law):
            agreement.add(mp.zero, mp.one, 1, f"{point.label}, where it is infinite")
        return
    except VerificationError as error:
        absent.unresolved(error, point.label)
        return
    try:
        value = mp.mpf(claim.value(point.law))
    except SymntkError as error:
        absent.add(f"E(...) refuses: {error.wrong}", point.label)
        return
    agreement.add(value, reference, lambda law=point.law: claim.scale(law), point.label)


def _is_finite(claim: GeneralClaim, law: Law) -> bool:
    try:
        return math.isfinite(claim.value(law))
    except DomainError:
        return False


def law_arguments(law: Law, means: bool) -> tuple[float, ...]:
    """The numbers that an expectation takes: five with means, three without."""
    return law if means else law[:3]


def formula_check(name: str, claim: GeneralClaim, points: list[Point], dps: int) -> Check:
    """The formula and the oracle at each point."""
    agreement, absent = Agreement(dps - _GUARD, dps), LeftOut()
    for point in timely(points):
        try:
            reference = claim.oracle(point.law, dps)
        except DivergenceError as error:
            absent.add(f"it is {error.wrong}", point.label)
            continue
        except VerificationError as error:
            absent.unresolved(error, point.label)
            continue
        value = claim.evalf(point.law, dps)
        # what float64 cannot hold counts as 0: the oracle works relative to a scale in float64
        agreement.add(value, reference, lambda law=point.law: max(claim.scale(law), _TINY), point.label)
    return result(name, agreement, f"formula and oracle at {dps} digits", absent)


def price_quotient(claim: GeneralClaim, points: list[Point]) -> Check:
    """∂E[f(u) g(v)]/∂c = E[f'(u) g'(v)] (Price 1958), by a difference quotient of the float64 code."""
    name, agreement = "Price's theorem", Agreement(_PRICE_DIGITS, 16)
    try:
        slope = claim.of(claim.f.derivative, claim.g.derivative)
        for point in timely(points):
            a, b, c, m1, m2 = point.law
            h = _SLOPE_STEP * math.sqrt(a * b)
            moved = [claim.value((a, b, c + k * h, m1, m2)) for k in (-2, -1, 1, 2)]
            quotient = (moved[0] - 8 * moved[1] + 8 * moved[2] - moved[3]) / (12 * h)
            right = float(slope(*law_arguments(point.law, claim.E.means)))
            agreement.add(mp.mpf(quotient), mp.mpf(right), claim.scale(point.law) / math.sqrt(a * b), point.label)
    except SymntkError as error:  # E[f' g'] may be no function, or infinite, which is no failure
        return Check.skipped(name, error.wrong)
    return result(name, agreement, "a difference quotient of E(...) and E[f' g'] in float64")


def independence(claim: GeneralClaim, points: list[Point]) -> Check:
    """At c = 0, E[f(u) g(v)] = E[f(u)] · E[g(v)]."""
    agreement, one = Agreement(required_digits(claim.E), 16), as_function(1)
    first, second = claim.of(claim.f, one), claim.of(claim.g, one)
    for point in timely(points):
        a, b, _, m1, m2 = point.law
        left = first(*law_arguments((a, 1.0, 0.0, m1, 0.0), claim.E.means))
        right = second(*law_arguments((b, 1.0, 0.0, m2, 0.0), claim.E.means))
        law = (a, b, 0.0, m1, m2)
        agreement.add(mp.mpf(claim.value(law)), mp.mpf(float(left * right)), claim.scale(law), point.label)
    return result("independence", agreement, "at c = 0, the product of E[f] and E[g]")


def exchange(claim: GeneralClaim, points: list[Point]) -> Check:
    """E[f(u) g(v)] at (a, b, c, m1, m2) is E[g(u) f(v)] at (b, a, c, m2, m1)."""
    agreement, turned = Agreement(required_digits(claim.E), 16), claim.of(claim.g, claim.f)
    for point in timely(points):
        a, b, c, m1, m2 = point.law
        other = float(turned(*law_arguments((b, a, c, m2, m1), claim.E.means)))
        agreement.add(mp.mpf(claim.value(point.law)), mp.mpf(other), claim.scale(point.law), point.label)
    return result("exchange symmetry", agreement, "the exchanged expectation in float64")


def float64_check(claim: GeneralClaim, points: list[Point]) -> Check:
    """E(...) against the oracle at every point."""
    agreement, absent = compare_float64(claim, points)
    return result("float64", agreement, "E(...) and the oracle in extended precision", absent)


def result(name: str, agreement: Agreement, detail: str, absent: LeftOut | None = None) -> Check:
    """The check of an agreement; `absent` holds the points where there was nothing to compare with."""
    where = agreement.where if agreement.where not in ("a random point", "v = u") else ""
    parts = [detail, f"fewest at {where}" if where else "", agreement.remark, str(absent) if absent else ""]
    text = "; ".join(part for part in parts if part)
    if not agreement.points:  # nothing compared is nothing shown
        return Check.skipped(name, absent.reasons if absent else "there is nothing to compare")
    return Check(name, text, agreement.digits, agreement.required, agreement.passed, agreement.points)
