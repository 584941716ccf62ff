"""Identities that tie a formula to a second one, derived separately: Price's theorem, heat equations, exchange,
independence.

Comes in: a claim and the second formula. Goes out: a `Check` each; a proof by symbols where one is found, else digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy as sp
from mpmath import mp

from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v
from symntk.language.terms import NormalForm, Term
from symntk.verify.agreement import Agreement
from symntk.verify.certificate import Check
from symntk.verify.checks import GUARD, Claim
from symntk.verify.evaluate import evaluate
from symntk.verify.oracle.elementary.oracle import expectation_oracle
from symntk.verify.points import Point, at_state
from symntk.verify.timing import timely

ONE = NormalForm((Term(sp.S.One),))
_LONG = 250  # operations beyond which no proof by symbols is tried


def price_check(claim: Claim, of_derivatives: sp.Expr, points: Iterable[Point], *, dps: int) -> Check:
    """∂E[f(u) g(v)]/∂c = E[f'(u) g'(v)] (Price 1958); the right side comes from its own derivation."""
    left = sp.diff(claim.expression, cov)
    if is_identically_zero(left - of_derivatives):
        return Check("Price's theorem", "symbolically: ∂E[f g]/∂c − E[f' g'] cancels to 0", None, None, True, 0)
    return _compare("Price's theorem", claim, left, of_derivatives, points, dps, "∂E[f g]/∂c and E[f' g']")


def heat_check(
    claim: Claim, sides: Mapping[sp.Symbol, Callable[[], sp.Expr]], points: Iterable[Point], *, dps: int
) -> Check:
    """∂F/∂a = ½ E[f'' g], ∂F/∂b = ½ E[f g''], ∂F/∂m1 = E[f' g], ∂F/∂m2 = E[f g'], as far as `sides` holds them.

    The density of a normal variable solves the heat equation in its variance; the right sides come from derivations of
    their own.
    """
    proven: list[str] = []
    tested: list[Check] = []
    for symbol, side in sides.items():
        left, right = sp.diff(claim.expression, symbol), side()
        if is_identically_zero(left - right):
            proven.append(f"∂/∂{symbol}")
        else:
            tested.append(_compare("heat equations", claim, left, right, points, dps, f"∂/∂{symbol}"))
    parts = [f"symbolically: {', '.join(proven)}"] if proven else []
    parts += [check.detail for check in tested]
    digits = min((check.digits for check in tested if check.digits is not None), default=None)
    passed = all(check.passed for check in tested)
    count = sum(check.points for check in tested)
    return Check("heat equations", "; ".join(parts), digits, dps - GUARD if tested else None, passed, count)


def exchange_check(claim: Claim, exchanged: sp.Expr, points: Iterable[Point], *, dps: int) -> Check:
    """E[f(u) g(v)] at (a, b, c, m1, m2) is E[g(u) f(v)] at (b, a, c, m2, m1)."""
    swap = {var_u: var_v, var_v: var_u, mean_u: mean_v, mean_v: mean_u}
    turned = exchanged.xreplace(swap)
    if is_identically_zero(claim.expression - turned):
        return Check("exchange symmetry", "symbolically: the exchanged derivation is equal", None, None, True, 0)
    return _compare("exchange symmetry", claim, claim.expression, turned, points, dps, "the exchanged derivation")


def independence_check(claim: Claim, points: Iterable[Point], *, dps: int) -> Check:
    """At c = 0, E[f(u) g(v)] = E[f(u)] · E[g(v)]; the means come from the oracle in one dimension."""
    agreement = Agreement(dps - GUARD, dps)
    f, g, _ = claim.numeric
    for point in timely(points):
        a, b, _, m1, m2 = point.law
        first = expectation_oracle(f, ONE, a, 1, 0, m1, 0, dps=dps)
        second = expectation_oracle(g, ONE, b, 1, 0, m2, 0, dps=dps)
        law = (a, b, 0.0, m1, m2)
        with mp.workdps(dps + 5):
            product = first * second
        agreement.add(claim.formula(law, dps), product, lambda law=law: claim.scale(law))
    return _result("independence", agreement, "at c = 0, the product of the oracle's E[f] and E[g]")


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


def _compare(
    name: str, claim: Claim, left: sp.Expr, right: sp.Expr, points: Iterable[Point], dps: int, what: str
) -> Check:
    values = dict(claim.values)
    left, right = left.subs(values), right.subs(values)
    agreement = Agreement(dps - GUARD, dps)
    for point in timely(points):
        at: Any = at_state(point.law)
        scale = claim.scale(point.law)
        agreement.add(evaluate(left, at, dps=dps), evaluate(right, at, dps=dps), scale)
    return _result(name, agreement, f"{what} at {dps} digits")


def _result(name: str, agreement: Agreement, detail: str) -> Check:
    text = "; ".join(part for part in (detail, agreement.remark) if part)
    if not agreement.points:
        return Check.skipped(name, "the expectation exists at no point that was tried")
    return Check(name, text, agreement.digits, agreement.required, agreement.passed, agreement.points)
