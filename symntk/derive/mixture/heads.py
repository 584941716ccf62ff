"""A formula as an affine combination of the derivatives of logistic functions, where it is one.

With s = logistic(w): tanh(w/2) = 2s − 1, cosh(w/2)^−2 = 4 s(1 − s), logistic(−w) = 1 − s and, for its integral,
softplus(−w) = softplus(w) − w.
A polynomial in s is a combination of s, s', s'', …, since the n-th derivative is a polynomial in s of degree n + 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from symntk.language.forms.order import sign_of
from symntk.language.special import logistic, softplus

HIGHEST_ORDER = 4
HIGHEST_POWER = 4

_HEADS = (logistic, softplus, sp.tanh, sp.cosh)
_S = sp.Dummy("s")


@dataclass(frozen=True)
class Heads:
    """rest + Σ coefficients[(w, n)] · (d/dw)^n logistic(w); order −1 is softplus; w = slope·x + offset, slope > 0."""

    rest: sp.Expr
    coefficients: dict[tuple[sp.Expr, int], sp.Expr]


def heads(part: sp.Expr, x: sp.Symbol) -> Heads | None:
    """The part as such a combination with coefficients that are polynomials in x, or None where it is none.

    >>> x = sp.Symbol("x", real=True)
    >>> heads(sp.tanh(x) ** 2, x)
    Heads(rest=1, coefficients={(2*x, 1): -4})
    >>> heads(sp.tanh(softplus(x)), x) is None
    True
    """
    dummies: dict[sp.Expr, tuple[sp.Dummy, sp.Dummy]] = {}
    swap: dict[sp.Expr, sp.Expr] = {}
    powers = {e for e in part.atoms(sp.Pow) if isinstance(e.base, sp.cosh)}
    for found in sorted((powers | part.atoms(*_HEADS[:3])) & _with(part, x), key=sp.default_sort_key):
        written = _written(found, x, dummies)
        if written is None:
            return None
        swap[found] = written
    if not dummies:
        return Heads(part, {})
    generators = [d for pair in dummies.values() for d in pair]
    try:
        poly = sp.Poly(sp.expand(part.xreplace(swap)), *generators)
    except sp.PolynomialError:  # a head inside of another function
        return None
    return _sorted_out(poly, dummies, x)


def _with(part: sp.Expr, x: sp.Symbol) -> set[sp.Expr]:
    """What depends on x among the functions and powers of the part."""
    return {e for e in part.atoms(sp.Function, sp.Pow) if e.has(x)}


def _written(found: sp.Expr, x: sp.Symbol, dummies: dict[sp.Expr, tuple[sp.Dummy, sp.Dummy]]) -> sp.Expr | None:
    """A head in the dummies that stand for logistic(w) and softplus(w)."""
    function, power = (found.base, found.exp) if found.is_Pow else (found, sp.S.One)
    double = isinstance(function, sp.tanh | sp.cosh)
    w = sp.expand(2 * function.args[0] if double else function.args[0])
    poly = w.as_poly(x)
    sense = sign_of(poly.LC()) if poly is not None and poly.degree() == 1 else None
    if not sense:
        return None
    s, integral = dummies.setdefault(sp.expand(sense * w), (sp.Dummy("s"), sp.Dummy("S")))
    if isinstance(function, sp.cosh):
        even = power.is_Integer and power < 0 and power % 2 == 0
        return (4 * s * (1 - s)) ** (-power / 2) if even else None
    if isinstance(function, sp.tanh):
        return sense * (2 * s - 1)
    if isinstance(function, softplus):
        return integral if sense > 0 else integral + w
    return s if sense > 0 else 1 - s


def _sorted_out(poly: sp.Poly, dummies: dict[sp.Expr, tuple[sp.Dummy, sp.Dummy]], x: sp.Symbol) -> Heads | None:
    """The monomials by head; None where one holds two heads, or a coefficient is no polynomial in x."""
    rest = sp.S.Zero
    logistics: dict[sp.Expr, dict[int, sp.Expr]] = {}
    out: dict[tuple[sp.Expr, int], sp.Expr] = {}
    owners = [(w, i) for w in dummies for i in range(2)]
    for monomial, coefficient in poly.terms():
        used = [(owner, power) for owner, power in zip(owners, monomial, strict=True) if power]
        if not used:
            rest += coefficient
            continue
        ((w, integral), power), *more = used
        if more or (integral and power > 1) or not _is_short_polynomial(coefficient, x):
            return None
        if integral:
            out[(w, -1)] = coefficient
        else:
            logistics.setdefault(w, {})[power] = coefficient
    for w, coefficients in logistics.items():
        if max(coefficients) > HIGHEST_ORDER + 1:
            return None
        out |= {(w, order): value for order, value in _by_order(coefficients).items()}
    return Heads(rest, out)


def _is_short_polynomial(coefficient: sp.Expr, x: sp.Symbol) -> bool:
    poly = coefficient.as_poly(x) if coefficient.has(x) else None
    if not coefficient.has(x):
        return True
    return poly is not None and poly.degree() <= HIGHEST_POWER and not any(c.has(x) for c in poly.all_coeffs())


def _by_order(powers: dict[int, sp.Expr]) -> dict[int, sp.Expr]:
    """Σ coefficient · s^k as Σ coefficient · s^(n), highest order first."""
    left, out = dict(powers), {}
    for order in range(max(powers) - 1, -1, -1):
        derivative = derivative_in_s(order)
        value = sp.expand(left.get(order + 1, sp.S.Zero) / derivative[order + 1])
        if value == 0:
            continue
        out[order] = value
        for k, number in derivative.items():
            left[k] = left.get(k, sp.S.Zero) - value * number
    return out


@cache
def derivative_in_s(order: int) -> dict[int, sp.Expr]:
    """The derivative of the logistic function as a polynomial in s: its coefficients by power.

    >>> derivative_in_s(1)
    {2: -1, 1: 1}
    """
    value = _S
    for _ in range(order):
        value = sp.expand(sp.diff(value, _S) * (_S - _S**2))
    return {m: c for (m,), c in sp.Poly(value, _S).terms()}
