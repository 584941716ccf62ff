"""Where a formula divides by 0, so that a value may be missing or lose digits: roots of what it divides by."""

from __future__ import annotations

from functools import lru_cache

import sympy as sp

from symntk.errors import SymntkError
from symntk.language.forms.roots import sign_changes
from symntk.language.forms.signs import straight

_MOST = 16  # roots of one formula that are looked at
_HIGHEST = 8  # degree of a polynomial whose roots are taken exactly


@lru_cache(maxsize=512)
def divisor_roots(part: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, ...]:
    """The real roots other than 0 of the formula's divisors, as exact numbers; the first ones where there are many.

    A divisor's root at which it does not change its sign is seen in polynomials alone.

    >>> x = sp.Symbol("x", real=True)
    >>> divisor_roots(sp.sin(x - 1) / (x - 1) + x / (1 + x**2) + 1 / (x**2 - 2), x)
    (-sqrt(2), 1, sqrt(2))
    """
    bases = {power.base for power in part.atoms(sp.Pow) if power.exp.is_negative and power.base.has(x)}
    found = {root for base in bases if not base.is_positive for root in _roots(base, x)} - {sp.S.Zero}
    return tuple(sorted(found, key=float))[:_MOST]


def _roots(base: sp.Expr, x: sp.Symbol) -> list[sp.Expr]:
    line = straight(base, x)
    if line is not None:
        slope, shift = line
        return [-shift / slope] if slope != 0 else []
    poly = base.as_poly(x)
    if poly is not None and poly.gens == (x,) and all(c.is_Rational for c in poly.all_coeffs()):
        return list(dict.fromkeys(poly.real_roots())) if poly.degree() <= _HIGHEST else []
    try:
        return list(sign_changes(base, x).points)[: _MOST + 1]
    except (SymntkError, TypeError):
        return []
