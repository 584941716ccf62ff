"""Where a function crosses whole numbers: the kinks of floor, ceiling and Mod.

A function is cut where its slope changes its sign; between two cuts it meets each level at most once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mp

from symntk.errors import FormulaError
from symntk.language.forms.order import compare, merged, place
from symntk.language.forms.root import VARIABLE, Root
from symntk.language.forms.signs import Signs, by_structure, sign_changes, straight
from symntk.language.intervals import interval
from symntk.language.numbers import number_function
from symntk.language.stable import slope

MOST_LEVELS = 256
"""As many levels are told apart on a stretch without end; beyond them ends the reach."""

_MOST_FINITE = 1100
_FAR = mp.mpf(2) ** 40
_DIGITS = 60


def level_crossings(part: sp.Expr, x: sp.Symbol, low: sp.Expr, high: sp.Expr, whole: sp.Basic) -> Signs:
    """The floor of a smooth part between two thresholds: crossings of whole numbers, and the values between.

    Raises:
        FormulaError: it has parameters, or more levels than are told apart.

    >>> x = VARIABLE
    >>> level_crossings(3 * sp.tanh(x), x, sp.S.Zero, sp.oo, x).points
    (atanh(1/3), atanh(2/3))
    """
    if part.free_symbols - {x}:
        raise FormulaError(f"the pieces of {whole}", f"the kinks of {part} depend on parameters", "numbers for them")
    if not part.has(x):
        return Signs((), (int(sp.floor(part)),))
    part = sp.expand(part) if straight(part, x) else part
    ways = sign_changes(slope(part, x), x, low, high, whole)
    reach = ways.reach
    ends = [low, *ways.points, high]
    points: list[sp.Expr] = []
    stretches = [(a, b, ways.signs[i] > 0) for i, (a, b) in enumerate(pairwise(ends))]
    for a, b, rising in sorted(stretches, key=_distance):
        if len(points) > MOST_LEVELS and reach < math.inf:
            reach = min(reach, _distance((a, b, rising)))
            break
        found, far = _monotone(part, x, a, b, rising, whole)
        points += found
        reach = min(reach, far)
    # the extremes, too: a level may be touched there, and what is between them has one value
    inside = merged([tuple(points), ways.points])
    inside = tuple(p for p in inside if abs(place(p)) < reach)
    function = number_function(part, x)
    values = [_value(function, a, b, reach) for a, b in pairwise([low, *inside, high])]
    kept = [i for i, (first, second) in enumerate(pairwise(values)) if first != second]
    return Signs(tuple(inside[i] for i in kept), (values[0], *(values[i + 1] for i in kept)), reach)


def _distance(stretch: tuple[sp.Expr, sp.Expr, bool]) -> float:
    """Of a stretch from 0."""
    a, b = float(stretch[0]), float(stretch[1])
    return 0.0 if a < 0.0 < b else min(abs(a), abs(b))


def _value(function: Any, a: sp.Expr, b: sp.Expr, reach: float) -> int:
    """The floor in the middle of an interval that holds no crossing."""
    with mp.workdps(_DIGITS):
        first, second = max(place(a), -mp.mpf(reach)), min(place(b), mp.mpf(reach))
        if mp.isinf(first) and mp.isinf(second):
            middle = mp.mpf("0.3")
        elif mp.isinf(first):
            middle = second - max(1, abs(second))
        elif mp.isinf(second):
            middle = first + max(1, abs(first))
        else:
            middle = (first + second) / 2
        return int(mp.floor(function(middle)))


def _monotone(
    part: sp.Expr, x: sp.Symbol, a: sp.Expr, b: sp.Expr, rising: bool, whole: sp.Basic
) -> tuple[list[sp.Expr], float]:
    """The crossings on a stretch where the function is monotone, and how far they are complete."""
    bounds = [_end(part, x, end, rising == (end is b)) for end in (a, b)]
    least, most = min(bounds), max(bounds)
    if mp.isinf(least) and mp.isinf(most):  # both ways from the middle
        found, reach = _monotone(part, x, a, sp.S.Zero, rising, whole)
        more, far = _monotone(part, x, sp.S.Zero, b, rising, whole)
        at_zero = number_function(part, x)(mp.mpf(0))
        middle = [sp.S.Zero] if at_zero == mp.floor(at_zero) else []
        return [*found, *middle, *more], min(reach, far)
    if mp.isinf(least) or mp.isinf(most):
        levels = _outward(least, most)
    else:
        if most - least > _MOST_FINITE:
            raise FormulaError(f"the pieces of {whole}", f"it has more than {_MOST_FINITE} levels", "fewer levels")
        levels = iter(range(int(mp.floor(least)) + 1, int(mp.ceil(most))))
    endless = mp.isinf(least) or mp.isinf(most)
    found = []
    for count, level in enumerate(levels):
        point = _crossing(part - level, x, a, b)
        if point is None:
            continue
        if endless and count >= MOST_LEVELS // 2:
            return found, abs(float(point))
        found.append(point)
    return found, math.inf


def _outward(least: Any, most: Any) -> Iterator[int]:
    """Levels from the finite end on."""
    if mp.isinf(most):
        level = int(mp.floor(least)) + 1
        while True:
            yield level
            level += 1
    level = int(mp.ceil(most)) - 1
    while True:
        yield level
        level -= 1


def _end(part: sp.Expr, x: sp.Symbol, end: sp.Expr, above: bool) -> Any:
    """The value at an end; at an infinite one the bound towards which it goes."""
    with mp.workdps(_DIGITS):
        if end.is_finite:
            value = number_function(part, x)(place(end))
            nearest = mp.nint(value.real)
            return nearest if abs(value - nearest) < mp.mpf(10) ** -45 else value.real
        ray = (
            (np.array([2.0**40]), np.array([np.inf])) if end == sp.oo else (np.array([-np.inf]), np.array([-(2.0**40)]))
        )
        found = interval(part, x)(*ray)
        bound = found.high[0] if above else found.low[0]
        if np.isfinite(bound):
            nearest = round(float(bound))
            bound = nearest if abs(bound - nearest) < 1e-12 * max(1.0, abs(bound)) else bound
        return mp.mpf(float(bound))


def _crossing(gap: sp.Expr, x: sp.Symbol, a: sp.Expr, b: sp.Expr) -> sp.Expr | None:
    """Where a monotone function is 0, None where it is not inside."""
    known = by_structure(gap, x, a, b)
    if known is not None:
        return known.points[0] if known.points else None
    function = number_function(gap, x)
    with mp.workdps(_DIGITS):
        first, second = place(a), place(b)
        if mp.isinf(first):
            first = min(second, 0) - 1 if not mp.isinf(second) else mp.mpf(-1)
        if mp.isinf(second):
            second = max(first, 0) + 1
        while function(first) * function(second) > 0 and max(abs(first), abs(second)) < _FAR:
            if b == sp.oo:
                second *= 2
            if a == -sp.oo:
                first *= 2
            if a.is_finite and b.is_finite:
                return None
        if function(first) * function(second) >= 0:
            return None
    low, high = (sp.Rational(str(mpmath.nstr(end, 50))) for end in (first, second))
    found = Root(gap.xreplace({x: VARIABLE}), low, high)
    return found if compare(found, a) > 0 and compare(found, b) < 0 else None
