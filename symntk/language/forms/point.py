"""The value of a function at one point, as a variable of variance 0 asks for it.

Where the function jumps, or has no value, this is the mean of its one-sided limits: f(m + √v z) tends to it as v → 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sympy as sp
from mpmath import mp, mpf

from symntk.language.forms.general_form import GeneralForm
from symntk.language.special.table import numbers

_NEAR = (100, 200, 400)  # powers of ten, in which distances from a point are measured
_DIGITS = 1000  # in which the values there are computed
_MOST = 800  # digits that may cancel in a value
_SAME = 420  # digits to which a point and a break agree that are one


def value_at(form: GeneralForm, x: sp.Symbol, point: Any, dps: int = 30) -> mpf:
    """The value of `form`, which has no free parameters, at an exact real `point`, to `dps` digits.

    At a break, or where the formula has no value, the mean of the one-sided limits; ±inf at a delta or where the limits
    are infinite; NaN where there is no such mean: limits of both signs, or a derivative of a delta.

    >>> from symntk.language.forms.general_form import derivative, general_form
    >>> x = sp.Symbol("x", real=True)
    >>> relu = general_form(sp.Max(0, x), x)
    >>> print(value_at(derivative(relu, x), x, 0), value_at(general_form(sp.log(sp.Abs(x)), x), x, 0))
    0.5 -inf
    >>> print(value_at(general_form(sp.sin(x) / x, x), x, 0), value_at(general_form(sp.DiracDelta(x), x), x, 0))
    1.0 +inf
    """
    at = _exact(point)
    weights = [(weight, delta.order) for weight, delta in form.deltas if _same(at, delta.threshold)]
    if any(order for _, order in weights):
        return mp.nan
    singular = mp.fsum(mp.sign(_exact(weight)) * mp.inf for weight, _ in weights)
    for index, place in enumerate(form.breaks):
        if _same(at, place):
            sides = [one_sided(form.parts[index + side], x, place, 2 * side - 1, dps) for side in (0, 1)]
            return singular + (sides[0] + sides[1]) / 2
    with mp.workdps(_SAME):
        part = form.parts[sum(1 for place in form.breaks if _exact(place) < at)]
    found = _value(part, x, at, dps)
    if found is None:
        sides = [one_sided(part, x, point, side, dps) for side in (-1, 1)]
        found = (sides[0] + sides[1]) / 2
    return singular + found


def one_sided(part: sp.Expr, x: sp.Symbol, point: Any, side: int, dps: int = 30) -> mpf:
    """The limit of a smooth part at `point` from the left (side −1) or the right (1): a number, ±inf, or NaN.

    From values at distances 10^−100, 10^−200 and 10^−400, which settle, fall or grow; from SymPy where they do neither.

    >>> x = sp.Symbol("x", real=True)
    >>> print(one_sided(x * sp.log(x), x, 0, 1), one_sided((1 - x)**sp.Rational(-3, 10), x, 1, -1))
    0.0 +inf
    """
    at = _exact(point)
    value = _value(part, x, at, dps)
    if value is not None:
        return value
    function = _function(part, x)
    with mp.workdps(_DIGITS):
        found = (_real(function, at + side * mpf(10) ** -power) for power in _NEAR)
        near = [value for value in found if value is not None]
        if len(near) == len(_NEAR):
            first, second, third = near
            if abs(third - second) <= mpf(10) ** (-dps - 5) * abs(third):
                return _rounded(third, dps)
            if abs(third) >= 1.5 * abs(second) >= 2.25 * abs(first) > 0:
                return mp.sign(third) * mp.inf
            if 2.25 * abs(third) <= 1.5 * abs(second) <= abs(first):
                return mp.zero
    limit = sp.limit(part, x, point if isinstance(point, sp.Expr) else sp.Float(at, _MOST), "+" if side > 0 else "-")
    if limit in (sp.oo, -sp.oo):
        return mp.inf if limit is sp.oo else -mp.inf
    return _exact(limit) if limit.is_number and limit.is_finite else mp.nan


def _value(part: sp.Expr, x: sp.Symbol, at: mpf, dps: int) -> mpf | None:
    """The value of the formula to `dps` digits, or None where it has none; what shrinks with the precision is 0."""
    if not part.has(x):
        return _exact(part) if part.is_finite is not False else None
    function, previous = _function(part, x), None
    for digits in range(dps + 15, _MOST, 60):
        with mp.workdps(digits):
            value = _real(function, at)
        if value is None:
            return None
        if previous is not None and abs(value - previous) <= mpf(10) ** (-dps - 2) * abs(value):
            return _rounded(value, dps)
        previous = value
    return mp.zero


def _real(function: Callable[[Any], Any], at: mpf) -> mpf | None:
    """A finite real value, or None."""
    try:
        value = mp.mpmathify(function(at))
    except (ArithmeticError, ValueError, TypeError):
        return None
    if isinstance(value, mp.mpc) and value.imag == 0:
        value = value.real
    return value if isinstance(value, mpf) and mp.isfinite(value) else None


@lru_cache(maxsize=512)
def _function(part: sp.Expr, x: sp.Symbol) -> Callable[[Any], Any]:
    made: Callable[[Any], Any] = sp.lambdify(x, part, modules=[numbers(), "mpmath"])
    return made


@lru_cache(maxsize=8192)
def _exact(value: Any) -> mpf:
    """A real number to more digits than are asked for."""
    with mp.workdps(_DIGITS):
        return mpf(value._to_mpmath(mp.prec)) if isinstance(value, sp.Expr) else mpf(value)


def _same(at: mpf, place: sp.Expr) -> bool:
    """Whether a point is a break: all digits agree."""
    other = _exact(place)
    if abs(float(at) - float(other)) > 1e-12 * abs(float(other)):
        return False
    with mp.workdps(_SAME):
        return bool(abs(at - other) <= mpf(10) ** (20 - _SAME) * abs(other))


def _rounded(value: mpf, dps: int) -> mpf:
    with mp.workdps(dps + 5):
        return +value
