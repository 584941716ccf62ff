"""What an expectation does at full correlation: b = a, m2 = m1 and c → a, where v becomes u.

Every factor of every term is followed to its leading power of e = a − c; a sum that grows is reported with its rate
in ab − c² ≈ 2ae.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp

from symntk.derive.moves.algebra import Algebra, Element
from symntk.derive.moves.publish import FUNCTIONS
from symntk.derive.moves.value import Key, Surd, Value
from symntk.language.forms.order import sign_of
from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v

_GAP = sp.Symbol("e", positive=True)


@dataclass(frozen=True)
class Diagonal:
    """The behaviour at full correlation.

    `limit` is the finite value, or None; where it diverges, the expectation is about
    `coefficient` · (ab − c²)^`power`, with power < 0. Both are None where the leading terms cancel.
    """

    limit: sp.Expr | None
    coefficient: sp.Expr | None = None
    power: sp.Rational | None = None

    @property
    def is_finite(self) -> bool:
        """Whether the limit exists."""
        return self.limit is not None

    @property
    def diverges(self) -> bool:
        """Whether it is known to diverge."""
        return self.power is not None

    @property
    def rate(self) -> sp.Expr | None:
        """The leading behaviour as an expression in a, b and c, where it diverges."""
        if self.power is None:
            return None
        return self.coefficient * (var_u * var_v - cov**2) ** self.power

    def __str__(self) -> str:
        if self.is_finite:
            return f"finite: {self.limit}"
        if self.diverges:
            return f"diverges like {self.rate}"
        return "not known: leading terms cancel, or the order of two thresholds is not decided"


class _Unknown(Exception):
    """The leading behaviour of a factor depends on a sign that the assumptions do not decide."""


Leading = tuple[sp.Expr, sp.Rational]  # coefficient and power of e; coefficient 0 for what vanishes faster


def diagonal(value: Value) -> Diagonal:
    """The behaviour of a value at full correlation."""
    sums: dict[sp.Rational, sp.Expr] = {}
    try:
        for key, coefficient in _untangled(value):
            factor, power = _term(key, coefficient, value.algebra)
            if factor != 0 and power <= 0:
                sums[power] = sums.get(power, sp.S.Zero) + factor
    except _Unknown:
        return Diagonal(None)
    growing = sorted(power for power in sums if power < 0)
    if not growing:
        return Diagonal(_tidy(sums.get(sp.S.Zero, sp.S.Zero)))
    leading = _tidy(sums[growing[0]])
    if leading == 0 or leading.equals(0):
        return Diagonal(None)
    return Diagonal(None, _tidy(leading * (2 * var_u) ** -growing[0]), growing[0])


def _tidy(expr: sp.Expr) -> sp.Expr:
    """Collect a sum of constants and few functions without a general simplifier."""
    plain = sp.expand(expr)
    return min((plain, sp.factor_terms(plain)), key=sp.count_ops)


def _untangled(value: Value) -> Iterator[tuple[Key, Element]]:
    """The terms; cosh and sinh that grow without bound as two exponentials, which the term's own may outweigh."""
    algebra = value.algebra
    for key, coefficient in value:
        phase = key.phase
        if phase is None or phase.kind not in ("cosh", "sinh") or _ratio(phase.argument, algebra)[1] >= 0:
            yield key, coefficient
            continue
        for sense in (1, -1):
            exponent = algebra.reduce(key.exponent + sense * phase.argument)
            weight = coefficient / 2 if sense == 1 or phase.kind == "cosh" else -coefficient / 2
            yield key._replace(exponent=exponent, phase=None), weight


def _term(key: Key, coefficient: Element, algebra: Algebra) -> Leading:
    factor, power = _surd(Surd(coefficient, key.number, key.radicand), algebra)
    exponent, order = _ratio(key.exponent, algebra)
    if order < 0 and exponent != 0:
        if sign_of(exponent) != -1:
            raise _Unknown
        return sp.S.Zero, power
    if order == 0:
        factor *= sp.exp(exponent)
    if key.phase is not None:
        angle, order = _ratio(key.phase.argument, algebra)
        if order > 0 and key.phase.kind in ("sin", "sinh"):
            factor, power = factor * angle, power + order
        else:
            factor *= FUNCTIONS[key.phase.kind](angle if order == 0 else sp.S.Zero)
    if key.base.kind != "one":
        factor *= FUNCTIONS[key.base.kind](*(_argument(a, algebra) for a in key.base.arguments))
    return factor, power


def _argument(surd: Surd, algebra: Algebra) -> sp.Expr:
    """The limit of an argument, ±∞ included."""
    factor, power = _surd(surd, algebra)
    if factor == 0 or power > 0:
        return sp.S.Zero
    if power == 0:
        return sp.radsimp(factor) if factor.is_number else factor
    sense = sign_of(factor)
    if sense is None:
        raise _Unknown
    return sense * sp.oo


def _surd(surd: Surd, algebra: Algebra) -> Leading:
    factor, power = _ratio(surd.element, algebra)
    below, order = _polynomial(surd.radicand.numer, algebra)
    return surd.number * factor / sp.sqrt(below), power - sp.Rational(order, 2)


def _ratio(element: Element, algebra: Algebra) -> Leading:
    above, high = _polynomial(element.numer, algebra)
    below, low = _polynomial(element.denom, algebra)
    return above / below, sp.Integer(high - low)


def _polynomial(poly: object, algebra: Algebra) -> tuple[sp.Expr, int]:
    """The lowest coefficient in e, and its power."""
    expr = algebra.restore(poly.as_expr())  # type: ignore[attr-defined]
    expr = expr.subs({var_v: var_u, mean_v: mean_u, cov: var_u - _GAP})
    terms = sp.Poly(expr, _GAP).terms()
    if not terms:
        return sp.S.Zero, 0
    (order,), lowest = terms[-1]
    return (sp.factor(lowest) if lowest != 0 else sp.S.Zero), order if lowest != 0 else 0
