"""How a function grows next to a place: the power p of |x − t|^p, by which it is integrable, or its square is."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp
from mpmath import mp

from symntk.language.forms.order import place
from symntk.language.numbers import number_function

SMOOTH = -0.05
"""A logarithm is like a power of about −1/30; what grows faster is a power."""
LEAST = -0.99
"""What is steeper is hardly told from a pole, and its mean hardly from an infinite one."""
_NEAR = (10, 20)  # −log10 of distances; and where a power is seen, farther in, where a logarithm counts for less
_NEARER = (100, 200)
_LARGEST_DENOMINATOR = 1000


def power_next_to(part: sp.Expr, x: sp.Symbol, point: sp.Expr, side: int) -> float | None:
    """The power p where the part is like |x − t|^p on one side of t, 0 for what is bounded; None where it is not real.

    >>> x = sp.Symbol("x", real=True)
    >>> power_next_to((x - 1) ** sp.Rational(-7, 10), x, sp.S.One, 1)
    -0.7
    """
    with mp.workdps(40):
        far, near = (exactly(part, x, place(point) + side * mp.mpf(10) ** -k) for k in _NEAR)
    if far is None or near is None:
        return None
    if not far or not near or abs(near) < 1.001 * abs(far):
        return 0.0
    found = float(mp.log10(abs(far / near))) / (_NEAR[1] - _NEAR[0])
    if found >= SMOOTH:
        return found
    with mp.workdps(_NEARER[1] + 60):
        at = exact_place(point)
        far, near = (exactly(part, x, at + side * mp.mpf(10) ** -k) for k in _NEARER)
        if not far or not near:
            return found
        return round(float(mp.log10(abs(far / near)) / (_NEARER[1] - _NEARER[0])), 12)


def leading(part: sp.Expr, x: sp.Symbol, point: sp.Expr, side: int) -> tuple[sp.Expr, sp.Rational]:
    """(A, p) where the part is like A |x − t|^p next to t with p < 0; (0, 0) where it is bounded or not known.

    >>> x = sp.Symbol("x", real=True)
    >>> leading(3 / sp.sqrt(1 - x), x, sp.S.One, -1)
    (3, -1/2)
    """
    if part.free_symbols - {x} or place(point) is None:
        return sp.S.Zero, sp.S.Zero
    found = power_next_to(part, x, point, side)
    if found is None or found >= SMOOTH:
        return sp.S.Zero, sp.S.Zero
    power = sp.Rational(found).limit_denominator(_LARGEST_DENOMINATOR)
    if abs(float(power) - found) > 1e-9:
        power = sp.Rational(found)
    distance = sp.Symbol("y", positive=True)
    factor = sp.powsimp(part.subs(x, point + side * distance) * distance**-power)
    if factor.has(distance):
        with mp.workdps(_NEARER[1] + 60):
            step = mp.mpf(10) ** -_NEARER[0]
            value = exactly(part, x, exact_place(point) + side * step)
            factor = sp.Float(value * step ** -mp.mpf(found), 17)
    return factor, power


def exact_place(point: sp.Expr) -> Any:
    """A number of SymPy's at mpmath's working precision."""
    value = sp.N(point, mp.dps + 5)
    return mpmath.mpf(value.p) / value.q if value.is_Rational else mpmath.mpf(value._to_mpmath(mp.prec + 16))


def exactly(part: sp.Expr, x: sp.Symbol, point: Any) -> Any:
    """The value at the working precision, or None where it is not a finite real number."""
    try:
        value = number_function(part, x)(point)
    except (ArithmeticError, ValueError):
        return None
    return value if isinstance(value, int | mp.mpf) and mp.isfinite(value) else None
