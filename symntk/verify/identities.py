"""Identities that tie a claim to a second one, made separately: Price's theorem, heat equations, exchange.

Formulas are compared by symbols, and where that proves nothing at digits; float64 code by difference quotients.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import sympy as sp
from mpmath import mp

from symntk.errors import SymntkError
from symntk.language.symbols import STATE, cov, mean_u, mean_v, var_u, var_v
from symntk.verify.agreement import GUARD, Agreement, LeftOut, result
from symntk.verify.certificate import Check
from symntk.verify.claim import Claim, Number
from symntk.verify.evaluate import evaluate
from symntk.verify.points import Law, Point, at_state
from symntk.verify.timing import timely

_LONG = 250  # operations beyond which no proof by symbols is tried
_QUOTIENT_DIGITS = 6  # a difference quotient of values with 12 digits
_STEP = 1e-3


class Equation(NamedTuple):
    """∂E[f(u) g(v)]/∂symbol = factor · E[f^(m)(u) g^(n)(v)] with `orders` = (m, n)."""

    symbol: sp.Symbol
    factor: sp.Expr
    orders: tuple[int, int]


PRICE = Equation(cov, sp.S.One, (1, 1))
HEAT = (Equation(var_u, sp.S.Half, (2, 0)), Equation(var_v, sp.S.Half, (0, 2)))
SHIFT = (Equation(mean_u, sp.S.One, (1, 0)), Equation(mean_v, sp.S.One, (0, 1)))


def price_check(claim: Claim, points: Iterable[Point], *, dps: int) -> Check:
    """∂E[f(u) g(v)]/∂c = E[f'(u) g'(v)] (Price 1958); the right side comes from its own derivation, or the oracle."""
    name = "Price's theorem"
    if claim.is_elementary:
        left, right = _sides(claim, PRICE)
        if is_identically_zero(left - right):
            return Check(name, "symbolically: ∂E[f g]/∂c − E[f' g'] cancels to 0", None, None, True, 0)
        return _at_digits(name, claim, left, right, points, dps, "∂E[f g]/∂c and E[f' g']")
    agreement, absent = Agreement(_QUOTIENT_DIGITS, 16), LeftOut()
    try:
        _quotients(claim, PRICE, points, agreement)
    except SymntkError as error:  # E[f' g'] may be no function, or infinite, which is no failure
        return Check.skipped(name, error.wrong)
    return result(name, agreement, "a difference quotient of E(...) and the oracle's E[f' g']", absent)


def heat_check(claim: Claim, points: Iterable[Point], *, dps: int) -> Check:
    """∂F/∂a = ½ E[f'' g], ∂F/∂b = ½ E[f g''], and of formulas with means ∂F/∂m1 = E[f' g], ∂F/∂m2 = E[f g'].

    The density of a normal variable solves the heat equation in its variance. Where a second derivative holds
    derivatives of deltas, for which the oracle of general functions has no value, the equation is left out.
    """
    name = "heat equations"
    if not claim.is_elementary:
        agreement, absent = Agreement(_QUOTIENT_DIGITS, 16), LeftOut()
        for equation in HEAT:
            try:
                _quotients(claim, equation, points, agreement)
            except SymntkError as error:
                absent.add(error.wrong, f"∂/∂{equation.symbol}")
        return result(name, agreement, "difference quotients of E(...), and ½ E[f'' g], ½ E[f g'']", absent)
    proven: list[str] = []
    tested: list[Check] = []
    for equation in (*HEAT, *(SHIFT if claim.means else ())):
        left, right = _sides(claim, equation)
        if is_identically_zero(left - right):
            proven.append(f"∂/∂{equation.symbol}")
        else:
            tested.append(_at_digits(name, claim, left, right, points, dps, f"∂/∂{equation.symbol}"))
    parts = [f"symbolically: {', '.join(proven)}"] if proven else []
    parts += [check.detail for check in tested]
    digits = min((check.digits for check in tested if check.digits is not None), default=None)
    passed = all(check.passed for check in tested)
    count = sum(check.points for check in tested)
    return Check(name, "; ".join(parts), digits, dps - GUARD if tested else None, passed, count)


def exchange_check(claim: Claim, points: Iterable[Point], *, dps: int) -> Check:
    """E[f(u) g(v)] at (a, b, c, m1, m2) is E[g(u) f(v)] at (b, a, c, m2, m1)."""
    name, turned = "exchange symmetry", claim.exchanged()
    if claim.is_elementary:
        swap = {var_u: var_v, var_v: var_u, mean_u: mean_v, mean_v: mean_u}
        assert claim.expression is not None and turned.expression is not None
        other = turned.expression.xreplace(swap)
        if is_identically_zero(claim.expression - other):
            return Check(name, "symbolically: the exchanged derivation is equal", None, None, True, 0)
        return _at_digits(name, claim, claim.expression, other, points, dps, "the exchanged derivation")
    agreement = Agreement(claim.required, 16)
    for point in timely(points):
        a, b, c, m1, m2 = point.law
        other_way = mp.mpf(turned.code((b, a, c, m2, m1)))
        agreement.add(mp.mpf(claim.code(point.law)), other_way, claim.scale(point.law), point.label)
    return result(name, agreement, "the exchanged expectation in float64")


def is_identically_zero(expr: sp.Expr) -> bool:
    """Whether an algebraic calculation shows that `expr` is 0; False where it shows nothing.

    Roots of quotients become quotients of roots of polynomials, acos becomes asin, and the numerator is expanded.

    >>> a, c = sp.symbols("a c", positive=True)
    >>> is_identically_zero(sp.diff(sp.asin(c / a), c) - 1 / sp.sqrt(a**2 - c**2))
    True
    >>> is_identically_zero(sp.sqrt(a) - c)
    False
    """
    if expr == 0:
        return True
    if sp.count_ops(expr) > _LONG:
        return False
    plain = expr.replace(sp.acos, lambda z: sp.pi / 2 - sp.asin(z)).replace(_is_root, _split_root)
    if sp.expand(plain) == 0:
        return True
    # every root is one symbol, r² is its radicand: what is left is rational
    numerator = sp.fraction(sp.together(plain))[0]
    return bool(sp.expand(sp.expand(numerator)) == 0)


def _is_root(expr: sp.Basic) -> bool:
    return bool(expr.is_Pow and expr.exp.is_Rational and expr.exp.q == 2)


def _split_root(power: sp.Pow) -> sp.Expr:
    """(N/D)^(k/2) as N^⌊k/2⌋ √N / (…), where D and the factors taken out are positive."""
    numerator, denominator = sp.fraction(sp.together(power.base))
    if denominator.is_positive is not True:
        return power
    below = sp.sqrt(denominator)
    half = (power.exp.p - 1) // 2
    root = sp.sqrt(sp.expand(numerator))
    return (sp.expand(numerator) / denominator) ** half * root / below


def _sides(claim: Claim, equation: Equation) -> tuple[sp.Expr, sp.Expr]:
    """Both sides of an equation as formulas."""
    second = claim.related(*equation.orders).expression
    assert claim.expression is not None and second is not None
    return sp.diff(claim.expression, equation.symbol), equation.factor * second


def _at_digits(
    name: str, claim: Claim, left: sp.Expr, right: sp.Expr, points: Iterable[Point], dps: int, what: str
) -> Check:
    values = dict(claim.values)
    left, right = left.subs(values), right.subs(values)
    agreement = Agreement(dps - GUARD, dps)
    for point in timely(points):
        at = at_state(point.law)
        scale = claim.scale(point.law)
        agreement.add(evaluate(left, at, dps=dps), evaluate(right, at, dps=dps), scale, point.label)
    return result(name, agreement, f"{what} at {dps} digits")


def _quotients(claim: Claim, equation: Equation, points: Iterable[Point], agreement: Agreement) -> None:
    """The equation at each point: a difference quotient of the code, and the oracle for the derivatives."""
    second, index = claim.related(*equation.orders), STATE.index(equation.symbol)
    for point in timely(points):
        a, b, c, _, _ = point.law
        h = _STEP * math.sqrt(a * b) if index == 2 else _STEP * point.law[index] * (1 - c * c / (a * b))

        def moved(k: int, law: Law = point.law, h: float = h) -> float:
            return claim.code(tuple(v + k * h * (i == index) for i, v in enumerate(law)))  # type: ignore[arg-type]

        quotient: Number = mp.mpf((moved(-2) - 8 * moved(-1) + 8 * moved(1) - moved(2)) / (12 * h))
        right = equation.factor.p * second.reference(point.law) / equation.factor.q
        label = point.label if index == 2 else f"∂/∂{equation.symbol}"
        agreement.add(quotient, right, float(claim.scale(point.law)) * _STEP / h, label)
