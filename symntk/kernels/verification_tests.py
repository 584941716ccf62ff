"""All tests of an expectation of general functions: those of `verification_general`, and what is stated in formulas.

What is published as a formula is tested as a formula: the integral that remains, the value at full correlation, the
conditions. Where there is a rigorous enclosure, the float64 code must lie in it up to its stated bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any

import sympy as sp
from mpmath import mp

from symntk.derive.integral import Integral
from symntk.errors import SymntkError
from symntk.kernels.function import Function
from symntk.kernels.verification_general import (
    GeneralClaim,
    compare_float64,
    exchange,
    float64_check,
    formula_check,
    independence,
    price_quotient,
    result,
)
from symntk.language.symbols import cov, mean_u, var_u, var_v
from symntk.language.terms import Delta, NormalForm, Term
from symntk.verify.agreement import Agreement, LeftOut
from symntk.verify.certificate import Check
from symntk.verify.enclosure.check import DIGITS, Case, rigorous_check
from symntk.verify.evaluate import evaluate
from symntk.verify.existence import existence_check
from symntk.verify.oracle.general.fast import regular
from symntk.verify.oracle.general.functions import realized
from symntk.verify.oracle.general.layout import panels
from symntk.verify.oracle.general.oracle import fast_reference
from symntk.verify.oracle.stated import mixture_differences, stated_value
from symntk.verify.points import Law, Point, at_state, edge_points, random_points
from symntk.verify.timing import timely

if TYPE_CHECKING:
    from symntk.kernels.expectation import Expectation

_STATED_DIGITS = 8  # of a published integral, by a fixed rule in double precision
_HEAT_DIGITS = 6  # a difference quotient of values with 12 digits
_STEP = 1e-3
# where a mixture is compared with its function: to ±52, beyond which nothing is left
_PLACES = tuple(sense * 0.02 * 1.37**k for k in range(26) for sense in (1, -1))
_MILD = 0.5  # the correlation at which two functions outside the class are enclosed
Tests = Iterator[tuple[str, Callable[[], Check]]]


class GeneralTests:
    """The tests of one expectation, with the points at which they are made."""

    def __init__(
        self, E: Expectation, dps: int, points: int, seed: int, given: dict[str, Any], at: Sequence[Law] | None = None
    ) -> None:
        rng = Random(seed)
        self.E, self.dps = E, dps
        self.claim = GeneralClaim(E, given, rng)
        self.values = self.claim.values
        chosen = random_points(rng, points, means=E.means)
        self.tested = chosen if at is None else [Point("a random point", law) for law in at]
        self.edges = edge_points(means=E.means)

    def __iter__(self) -> Tests:
        E, claim, tested, dps = self.E, self.claim, self.tested, self.dps
        if E.expression is not None:
            yield "random points", lambda: formula_check("random points", claim, tested, dps)
            yield "edge points", lambda: formula_check("edge points", claim, self.edges, dps)
        else:
            yield "stated integral", lambda: stated_check(claim, tested[0])
            if E.method == "mixture":
                yield "stated mixture", lambda: mixture_check(claim)
        yield "Price's theorem", lambda: price_quotient(claim, tested)
        yield "independence", lambda: independence(claim, tested)
        yield "exchange symmetry", lambda: exchange(claim, tested)
        yield "full correlation", lambda: _full(claim, tested)
        yield "float64", lambda: float64_check(claim, [*tested, *self.edges])
        yield "heat equations", lambda: heat_check(claim, tested)
        yield "where it exists", lambda: conditions_check(claim, [point.law for point in tested])
        yield "rigorous enclosure", lambda: enclosure_check(claim, tested)


def _full(claim: GeneralClaim, points: list[Point]) -> Check:
    """At v = u the float64 code, the stated limit and the oracle agree, or all say that it diverges, with its rate."""
    laws = [(a, a, a, m1, m1) for a, _, _, m1, _ in (point.law for point in points)]
    if not claim.E.diagonal.diverges:
        agreement, absent = compare_float64(claim, [Point("v = u", law) for law in laws])
        check = result("full correlation", agreement, "E(...) and the oracle at v = u", absent)
        if not claim.E.diagonal.is_finite or absent:
            return check
        try:
            return combined(check, limit_check(claim, laws[0]))
        except SymntkError as error:
            return combined(check, Check.skipped(check.name, error.wrong))
    agreement = Agreement(4, 16)
    for a, _, _, m1, _ in timely(laws):
        # a difference of two values, in which what stays finite cancels
        seen, expected = mp.zero, mp.zero
        for gap, sense in ((1e-12, 1), (1e-10, -1)):
            c = a * (1 - gap)
            law = {var_u: a, var_v: a, cov: c, mean_u: m1}
            rate = sp.sympify(claim.E.diagonal.rate, strict=True)
            stated = rate.subs({s: sp.Rational(value) for s, value in law.items()} | claim.values)
            expected += sense * mp.mpmathify(sp.N(stated, 30))
            seen += sense * claim.value((a, a, c, m1, m1))
        agreement.add(seen, expected, 0, "1 − ρ = 1e-12")
    return result("full correlation", agreement, f"{claim.E.diagonal} at 1 − ρ = 1e-12")


def limit_check(claim: GeneralClaim, law: Law) -> Check:
    """The stated value at v = u, a formula that may hold an integral, and the oracle there."""
    a, _, _, m1, _ = law
    values = {var_u: sp.Rational(a), mean_u: sp.Rational(m1)} | claim.values
    stated = stated_value(
        sp.sympify(claim.E.diagonal.limit, strict=True), values, {"u": (m1, a)}, _kinks(claim), _cuts(claim, law)
    )
    return _against_oracle(claim, "full correlation", stated, law, "the stated limit")


def stated_check(claim: GeneralClaim, point: Point) -> Check:
    """The integral that is published where no closed form exists, and the oracle."""
    a, b, _, m1, m2 = point.law
    exact = {symbol: sp.Rational(number) for symbol, number in at_state(point.law).items()}
    spans = {"u": (m1, a), "v": (m2, b)}
    stated = stated_value(claim.E.integral, exact | claim.values, spans, _kinks(claim), _cuts(claim, point.law))
    return _against_oracle(claim, "stated integral", stated, point.law, "its panels in double precision")


def mixture_check(claim: GeneralClaim) -> Check:
    """The bound that is stated of |f(x) − Σ w h(x; p)|, and the difference on both sides of 0, in high precision."""
    plan, wrong, parts, points = claim.E.derivation, False, [], 0
    assert isinstance(plan, Integral) and plan.mixture is not None
    found = plan.mixture
    for name, side, function in (("f", found.f, claim.f), ("g", found.g, claim.g)):
        if isinstance(side, NormalForm):
            continue
        kernels = [
            (w, side.kernel.subs({side.node: sp.Rational(p)})) for p, w in zip(side.nodes, side.weights, strict=True)
        ]
        largest = max(abs(d) for d in mixture_differences(function.general, kernels, _PLACES))
        wrong = wrong or not largest <= side.error
        points += len(_PLACES)
        parts.append(f"|{name} − Σ w h| ≤ {mp.nstr(mp.mpf(float(side.error)), 3)}, seen {mp.nstr(largest, 3)}")
    return Check("stated mixture", "; ".join(parts), None, None, not wrong, points)


def _against_oracle(claim: GeneralClaim, name: str, stated: float, law: Law, what: str) -> Check:
    agreement = Agreement(_STATED_DIGITS, 16)
    reference = mp.mpf(fast_reference(claim.f.general, claim.g.general, *law)[0])
    agreement.add(mp.mpf(stated), reference, lambda: claim.scale(law))
    return result(name, agreement, f"{what} and the oracle")


def _kinks(claim: GeneralClaim) -> list[float]:
    """Kinks, and the places over which roots and poles lie in the plane."""
    return sorted({float(mark) for one in (claim.f, claim.g) for mark in realized(one.general).marks})


def _cuts(claim: GeneralClaim, law: Law) -> list[float]:
    """Where the oracle's search, which finds what is narrow, ends its panels; nothing where it has none."""
    a, b, _, m1, m2 = law
    found: list[float] = []
    for one, mean, variance in ((claim.f, m1, a), (claim.g, m2, b)):
        with suppress(SymntkError):
            found += panels(regular(one.general), float(mean), math.sqrt(variance)).edges.tolist()
    return found


def combined(first: Check, second: Check) -> Check:
    """Both under the first one's name; the digits are those of the one that is closer to what it owes."""
    if not first.passed or not second.passed:
        worse = second if first.passed else first
        return Check(first.name, worse.detail, worse.digits, worse.required, False, worse.points)
    said = (
        f"skipped, because {second.detail}" if second.is_skipped else f"{second.detail} to {second.digits:.1f} digits"
    )
    detail = f"{first.detail}; {said}"
    return Check(first.name, detail, first.digits, first.required, True, first.points)


def heat_check(claim: GeneralClaim, points: Sequence[Point]) -> Check:
    """∂F/∂a = ½ E[f'' g] and ∂F/∂b = ½ E[f g''], by difference quotients of the float64 code, and the oracle.

    Where a second derivative holds derivatives of deltas, for which there is no oracle here, the equation is left out.
    """
    agreement, absent = Agreement(_HEAT_DIGITS, 16), LeftOut()
    for index, one, name in ((0, claim.f, "∂/∂a"), (1, claim.g, "∂/∂b")):
        try:
            curved = one.derivative.derivative.general
            for point in timely(points):
                left, right, size = _heat(claim, index, curved, point.law)
                agreement.add(mp.mpf(left), mp.mpf(right), size, name)
        except SymntkError as error:
            absent.add(error.wrong, name)
    return result("heat equations", agreement, "difference quotients of E(...), and ½ E[f'' g], ½ E[f g'']", absent)


def _heat(claim: GeneralClaim, index: int, curved: Any, law: Law) -> tuple[float, float, float]:
    """The quotient, half the expectation of the second derivative, and the size of F over the variance."""
    h = _STEP * law[index] * (1 - law[2] ** 2 / (law[0] * law[1]))

    def moved(k: int) -> float:
        numbers = list(law)
        numbers[index] += k * h
        a, b, c, m1, m2 = numbers
        return claim.value((a, b, c, m1, m2))

    quotient = (moved(-2) - 8 * moved(-1) + 8 * moved(1) - moved(2)) / (12 * h)
    first, second = (curved, claim.g.general) if index == 0 else (claim.f.general, curved)
    return quotient, 0.5 * fast_reference(first, second, *law)[0], float(claim.scale(law)) * _STEP / h


def conditions_check(claim: GeneralClaim, laws: Sequence[Law]) -> Check:
    """What the conditions say of where it exists; a function outside the class is bounded by exp(β|x|)."""
    E = claim.E

    def states(law: Law) -> set[bool]:
        at = at_state(law) | dict(claim.values)
        return {all(evaluate(c.gts - c.lts, at, dps=20) > 0 for c in E.conditions)}

    return existence_check(_calm(claim.f), _calm(claim.g), laws, states)


def _calm(function: Function) -> NormalForm:
    """The normal form, or 1 and a delta in place of what is outside the class."""
    if function.normal is not None:
        return function.normal
    form = function.general
    terms = [Term(sp.S.One)] * form.has_regular_part + [Term(sp.S.One, window=Delta(sp.S.Zero))] * bool(form.deltas)
    return NormalForm(tuple(terms))


def enclosure_check(claim: GeneralClaim, points: Sequence[Point]) -> Check:
    """The formula, or the float64 code up to its stated bound, in intervals that are proven to hold the expectation.

    Where one dimension remains, the oracle must lie there too, to 28 digits.
    """
    E, f, g = claim.E, claim.f.normal or claim.f.general, claim.g.normal or claim.g.general
    law = points[0].law
    if f is claim.f.general and g is claim.g.general:
        law = _milder(law)
    laws = [("a random point", law)]
    if E.diagonal.is_finite:
        laws.append(("v = u", (law[0], law[0], law[0], law[3], law[3])))
    cases = []
    for label, place in laws:
        if E.expression is not None:
            cases.append(_Case.of_formula(claim, label, place))
        else:
            cases.append(_Case.of_float64(claim, label, place))
            if E.method == "one-dimensional" or label == "v = u":
                cases.append(_Case.of_oracle(claim, label, place))
    return rigorous_check(f, g, cases, claim.scale)


class _Case:
    """The kinds of claims that an enclosure tests."""

    @staticmethod
    def of_formula(claim: GeneralClaim, label: str, law: Law) -> Case:
        """The formula, which is right to its own digits."""
        return Case(label, law, lambda: claim.evalf(law, DIGITS + 15), lambda v: abs(v) * mp.mpf(10) ** (-DIGITS - 10))

    @staticmethod
    def of_float64(claim: GeneralClaim, label: str, law: Law) -> Case:
        """The exported code, which is right to its bound and to rounding."""
        bound = claim.E.error_bound + 1e-13
        return Case(f"{label}, float64", law, lambda: claim.value(law), lambda _: mp.mpf(bound * claim.scale(law)))

    @staticmethod
    def of_oracle(claim: GeneralClaim, label: str, law: Law) -> Case:
        """The oracle, which says that it is right to `DIGITS` digits of √(E f² E g²)."""
        slack = 10.0 ** (2 - DIGITS)
        return Case(f"{label}, oracle", law, lambda: claim.oracle(law, DIGITS), lambda _: slack * claim.scale(law))


def _milder(law: Law) -> Law:
    """The same law, or one with a correlation that the series of the enclosure reaches."""
    a, b, c, m1, m2 = law
    largest = math.sqrt(a * b)
    return law if abs(c) <= _MILD * largest else (a, b, math.copysign(_MILD * largest, c), m1, m2)
