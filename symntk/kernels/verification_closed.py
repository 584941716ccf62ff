"""Checks of expectations in closed form by the four moves: oracle, identities, existence, enclosure, float64 code.

Comes in: an `Expectation`. Goes out: name and test of each check. The formulas that identities need are derived anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import sympy as sp
from mpmath import mp

from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import publish
from symntk.errors import DivergenceError, DomainError, SymntkError, VerificationError
from symntk.language.symbols import mean_u, mean_v, var_u, var_v
from symntk.language.terms import NormalForm, derivative
from symntk.verify.agreement import Agreement, LeftOut
from symntk.verify.certificate import Check
from symntk.verify.checks import Claim, edge_check, existing_points, limit_check, random_check, rate_check
from symntk.verify.enclosure.check import DIGITS, Case, rigorous_check
from symntk.verify.evaluate import evaluate
from symntk.verify.existence import existence_check
from symntk.verify.identities import exchange_check, heat_check, independence_check, price_check
from symntk.verify.points import Law, Point, at_state, edge_points, parameter_values, random_points
from symntk.verify.timing import timely

if TYPE_CHECKING:
    from symntk.kernels.expectation import Expectation

_FEW_DPS = 20
"""Digits of what is compared with float64, and of limits."""
FLOAT_DIGITS, FLOAT_MOST = 10, 16
"""What the exported float64 code owes for every pair of functions, relative to the value or to √(E f² E g²)."""
ENCLOSED = 2
"""At how many of the random points a rigorous enclosure is computed, beside full correlation."""
_TINY = 1e-290
Tests = Iterator[tuple[str, Callable[[], Check]]]


class ClosedTests:
    """The tests of one expectation, with the points at which they are made."""

    def __init__(
        self, E: Expectation, dps: int, points: int, seed: int, given: dict[str, Any], at: Sequence[Law] | None = None
    ) -> None:
        self.E, self.dps = E, dps
        rng = Random(seed)
        self.values = parameter_values(E.parameters, given, rng)
        self.claim = Claim(E.f.form, E.g.form, E.expression, E.means, self.values)
        chosen = (
            random_points(rng, points, means=E.means) if at is None else [Point("a random point", law) for law in at]
        )
        self.tested = existing_points(self.claim, chosen, dps=dps)
        self.edges = edge_points(means=E.means, waves=self.claim.has_waves)

    def __iter__(self) -> Tests:
        E, claim, tested, dps = self.E, self.claim, self.tested, self.dps
        f, g = E.f.form, E.g.form
        yield "random points", lambda: random_check(claim, tested, dps=dps)
        yield "edge points", lambda: edge_check(claim, self.edges, dps=dps)
        yield (
            "Price's theorem",
            lambda: price_check(claim, _formula(derivative(f), derivative(g), E.means), tested, dps=dps),
        )
        yield "independence", lambda: independence_check(claim, tested, dps=dps)
        yield "exchange symmetry", lambda: exchange_check(claim, _formula(g, f, E.means), tested, dps=dps)
        yield "full correlation", lambda: self._diagonal([point.law for point in tested])
        yield "float64", lambda: float_check(E, claim, [*tested, *self.edges])
        yield "heat equations", lambda: heat_check(claim, self._heat_sides(), tested, dps=dps)
        yield "where it exists", self._existence
        yield "rigorous enclosure", self._enclosure

    def _heat_sides(self) -> dict[sp.Symbol, Callable[[], sp.Expr]]:
        """The right side of the equation in each variable, derived when it is asked for."""
        f, g, means = self.E.f.form, self.E.g.form, self.E.means
        half = sp.Rational(1, 2)
        sides = {
            var_u: lambda: half * _formula(derivative(derivative(f)), g, means),
            var_v: lambda: half * _formula(f, derivative(derivative(g)), means),
        }
        if means:
            sides[mean_u] = lambda: _formula(derivative(f), g, means)
            sides[mean_v] = lambda: _formula(f, derivative(g), means)
        return sides

    def _existence(self) -> Check:
        """What the conditions and the float64 code say of where it exists."""
        E, numbers = self.E, {symbol.name: float(number) for symbol, number in self.values.items()}

        def states(law: Law) -> set[bool]:
            at = at_state(law) | dict(self.values)
            said = {all(evaluate(c.gts - c.lts, at, dps=_FEW_DPS) > 0 for c in E.conditions)}
            if not E.conditions:
                return said
            try:
                E(*law[: 5 if E.means else 3], **numbers)
            except DomainError:
                return said | {False}
            return said | {True}

        f, g, _ = self.claim.numeric
        return existence_check(f, g, [point.law for point in self.tested], states)

    def _enclosure(self) -> Check:
        """The formula, and the stated limit, in intervals that are proven to hold the expectation."""
        claim, digits = self.claim, DIGITS + 15
        f, g, _ = claim.numeric

        def slack(value: Any) -> Any:
            return abs(value) * mp.mpf(10) ** (5 - digits)

        def of_formula(law: Law) -> Case:
            return Case("a random point", law, lambda: claim.formula(law, digits), slack)

        def of_limit(limit: sp.Expr, law: Law) -> Case:
            return Case("v = u", law, lambda: evaluate(limit, at_state(law), dps=digits), slack)

        cases = [of_formula(point.law) for point in self.tested[:ENCLOSED]]
        limit = self.E.diagonal.limit
        if limit is not None and self.tested:
            a, _, _, m1, _ = self.tested[0].law
            cases.append(of_limit(limit.subs(dict(claim.values)), (a, a, a, m1, m1)))
        return rigorous_check(f, g, cases, claim.scale)

    def _diagonal(self, laws: list[Law]) -> Check:
        """What E.diagonal states, tested; where it diverges, asking for the value there must say so."""
        E, claim = self.E, self.claim
        if E.diagonal.is_finite:
            return limit_check(claim, E.diagonal.limit, laws, dps=_FEW_DPS)
        if not laws:
            return Check.skipped("full correlation", "the expectation exists at no point that was tried")
        if not E.diagonal.diverges:
            return Check.skipped("full correlation", "the behaviour there is not stated")
        check = rate_check(claim, E.diagonal.coefficient, E.diagonal.power, laws)
        numbers = {symbol.name: value for symbol, value in claim.values.items()}
        a, _, _, m1, _ = laws[0]
        try:
            E.evalf(a, a, a, *((m1, m1) if E.means else ()), dps=_FEW_DPS, **numbers)
        except DivergenceError as error:
            if str(E.diagonal) in str(error):
                return check
        text = f"{check.detail}; but E.evalf at full correlation does not say so"
        return Check(check.name, text, check.digits, check.required, False, check.points)


def float_check(E: Expectation, claim: Claim, points: list[Point]) -> Check:
    """E(...) in float64, which is what exported code evaluates, equals the formula at 20 digits."""
    agreement, absent = Agreement(FLOAT_DIGITS, FLOAT_MOST), LeftOut()
    numbers = {symbol.name: float(number) for symbol, number in claim.values.items()}
    for point in timely(points):
        reference = _finite(claim, point)
        if reference is None:
            absent.add("there is no finite value, or none that float64 holds", point.label)
            continue
        a, b, c, m1, m2 = point.law
        try:
            value = E(a, b, c, *((m1, m2) if E.means else ()), **numbers)
        except SymntkError as error:
            absent.add(f"E(...) refuses: {error.wrong}", point.label)
            continue
        agreement.add(mp.mpf(float(value)), reference, lambda law=point.law: claim.scale(law), point.label)
    if not agreement.points:
        return Check.skipped("float64", absent.reasons or "there is nothing to compare")
    parts = [
        f"E(...) and the formula at {_FEW_DPS} digits",
        f"fewest at {agreement.where}",
        agreement.remark,
        str(absent),
    ]
    text = "; ".join(part for part in parts if part)
    return Check("float64", text, agreement.digits, FLOAT_DIGITS, agreement.passed, agreement.points)


def _finite(claim: Claim, point: Point) -> Any:
    """The formula's value, or None where there is none that float64 could hold."""
    try:
        claim.oracle(point.law, _FEW_DPS)
    except DivergenceError:
        return None
    except VerificationError:
        pass  # the oracle gives up; what the formula says is compared all the same
    try:
        value = claim.formula(point.law, _FEW_DPS)
    except DomainError:  # the edge points have failed there
        return None
    return value if value == 0 or _TINY < abs(value) < 1 / _TINY else None


def _formula(f: NormalForm, g: NormalForm, means: bool) -> sp.Expr:
    return publish(derive_pair(f, g, means=means).value)
