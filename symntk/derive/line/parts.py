"""A smooth part of a function as a sum of the kinds that the rules of one dimension know.

    Pole:    1/(x − p)^n, p real                      Square:  (x − μ)^k ((x − μ)² + A²)^{−ν}, k = 0 or 1
    Power:   (±x)^p on the side where ±x > 0          the rest: Gaussian-elementary

Partial fractions do it for rational functions; a product of x^k and one square root is split by x² = (x² + A²) − A².
"""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from symntk.errors import NotGaussianElementaryError
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.order import sign_of


class Pole(NamedTuple):
    """1/(x − place)^order."""

    place: sp.Expr
    order: int

    def as_expr(self, x: sp.Symbol) -> sp.Expr:
        """The function."""
        return (x - self.place) ** -self.order

    def mirrored(self) -> tuple[int, Pole]:
        """The function at −x, as a sign and one of the kind."""
        return (-1) ** self.order, Pole(-self.place, self.order)


class Square(NamedTuple):
    """(x − centre)^power · ((x − centre)² + square)^{−order}; square > 0, power 0 or 1, order half-integer."""

    power: int
    centre: sp.Expr
    square: sp.Expr
    order: sp.Expr

    def as_expr(self, x: sp.Symbol) -> sp.Expr:
        """The function."""
        shifted = x - self.centre
        return shifted**self.power * (shifted**2 + self.square) ** (-self.order)

    def mirrored(self) -> tuple[int, Square]:
        """The function at −x, as a sign and one of the kind."""
        return (-1) ** self.power, self._replace(centre=-self.centre)


class Power(NamedTuple):
    """(side·x)^order where side·x > 0; a real order above −1 that is no whole number, or a parameter."""

    side: int
    order: sp.Expr

    def as_expr(self, x: sp.Symbol) -> sp.Expr:
        """The function."""
        return (self.side * x) ** self.order

    def mirrored(self) -> tuple[int, Power]:
        """The function at −x, as a sign and one of the kind."""
        return 1, self._replace(side=-self.side)


Kind = Pole | Square | Power


class Split(NamedTuple):
    """A part as Σ coefficient · kind + elementary."""

    kinds: dict[Kind, sp.Expr]
    elementary: sp.Expr


def split(part: sp.Expr, x: sp.Symbol) -> Split | None:
    """The part in these kinds, or None where it has another.

    >>> x = sp.Symbol("x", real=True)
    >>> split(x / (1 + x), x)
    Split(kinds={Pole(place=-1, order=1): -1}, elementary=1)
    """
    rational, others = sp.S.Zero, []
    for term in sp.Add.make_args(part):
        if term.is_rational_function(x):
            rational += term
        else:
            others.append(term)
    kinds: dict[Kind, sp.Expr] = {}
    elementary = sp.S.Zero
    for term in _fractions(rational, x) + others:
        found = _term(term, x)
        if found is None:
            return None
        for kind, coefficient in found.kinds.items():
            kinds[kind] = sp.expand(kinds.get(kind, sp.S.Zero) + coefficient)
        elementary += found.elementary
    return Split({kind: c for kind, c in kinds.items() if c != 0}, elementary)


def _fractions(rational: sp.Expr, x: sp.Symbol) -> list[sp.Expr]:
    """Partial fractions, where it is not one fraction already."""
    numer, denom = sp.fraction(sp.together(rational))
    if not denom.has(x):
        return [rational] if rational != 0 else []
    if not numer.has(x) and len([f for f in sp.Mul.make_args(denom) if f.has(x)]) == 1:
        return [numer / denom]
    return list(sp.Add.make_args(sp.apart(rational, x)))


def _term(term: sp.Expr, x: sp.Symbol) -> Split | None:
    """One summand: constant · numerator in x · base^(−ν), or elementary."""
    numer, base, order = sp.S.One, None, sp.S.Zero
    for factor in sp.Mul.make_args(term):
        if factor.is_Pow and factor.base.is_polynomial(x) and factor.base.has(x) and not _is_count(factor.exp):
            if base is None and not factor.exp.is_integer and sp.cancel(factor.base / x).is_number:
                return _power(term / factor, factor.base, factor.exp, x)
            if base is not None or not factor.exp.is_number or not (2 * factor.exp).is_integer:
                return None
            base, order = factor.base, -factor.exp
        else:
            numer *= factor
    if base is None:
        try:
            normal_form(term, x)
        except NotGaussianElementaryError:
            return None
        return Split({}, term)
    below = sp.Poly(base, x)
    if not numer.is_polynomial(x) or order.is_negative and below.degree() != 2:
        return None
    if below.degree() == 1 and order.is_integer:
        lead, free = below.all_coeffs()
        return Split({Pole(-free / lead, int(order)): numer / lead**order}, sp.S.Zero) if not numer.has(x) else None
    return _square(sp.Poly(numer, x), below, order, x) if below.degree() == 2 else None


def _power(numer: sp.Expr, base: sp.Expr, order: sp.Expr, x: sp.Symbol) -> Split | None:
    """A polynomial times (slope·x)^order, on the side where the base is positive."""
    slope = sp.cancel(base / x)
    side = _sign(slope)
    if not side or not numer.is_polynomial(x) or not order.is_real:
        return None
    kinds: dict[Kind, sp.Expr] = {}
    for (power,), coefficient in sp.Poly(numer, x).terms():
        if not (order + power + 1).is_positive:
            return None
        kind = Power(side, order + power)
        kinds[kind] = kinds.get(kind, sp.S.Zero) + coefficient * side**power * (side * slope) ** order
    return Split(kinds, sp.S.Zero)


def _is_count(power: sp.Expr) -> bool:
    return bool(power.is_integer and power.is_nonnegative)


def _square(numer: sp.Poly, below: sp.Poly, order: sp.Expr, x: sp.Symbol) -> Split | None:
    """Numerator over the power of a quadratic without real zeros, in powers of that quadratic."""
    lead, linear, free = below.all_coeffs()
    centre = -linear / (2 * lead)
    square = sp.expand(free / lead - centre**2)
    if _sign(square) != 1 or _sign(lead) != 1:
        return None
    front = lead ** (-order)
    shifted = sp.Poly(numer.as_expr().subs(x, x + centre), x)
    kinds: dict[Kind, sp.Expr] = {}
    elementary = sp.S.Zero
    for (power,), coefficient in shifted.terms():
        half, odd = divmod(power, 2)
        for j in range(half + 1):  # (y²)^half by powers of y² + A²
            weight = sp.expand(front * coefficient * sp.binomial(half, j) * (-square) ** (half - j))
            if order - j == 0 or (order - j).is_integer and (order - j).is_negative:
                elementary += weight * (x - centre) ** odd * ((x - centre) ** 2 + square) ** (j - order)
            else:
                kind = Square(odd, centre, square, order - j)
                kinds[kind] = kinds.get(kind, sp.S.Zero) + weight
    return Split(kinds, elementary)


def _sign(expr: sp.Expr) -> int | None:
    try:
        return sign_of(expr)
    except NotGaussianElementaryError:
        return None
