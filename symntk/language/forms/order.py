"""The order of thresholds: by the numbers that they are, or by the assumptions on their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import mpmath
import sympy as sp

from symntk.errors import NotGaussianElementaryError

_DIGITS = 60
_SAME = mpmath.mpf(10) ** -45


def sign_of(expr: sp.Expr) -> int | None:
    """−1, 0 or 1 where the assumptions decide it, else None."""
    value = place(expr) if not expr.free_symbols and expr.is_number else None
    if value is not None and abs(value) > _SAME:
        return 1 if value > 0 else -1
    for candidate in (expr, sp.factor_terms(sp.expand(expr))):
        if candidate.is_zero:
            return 0
        if candidate.is_positive:
            return 1
        if candidate.is_negative:
            return -1
    return None


@lru_cache(maxsize=8192)
def place(point: sp.Expr) -> Any:
    """A threshold as an mpmath number of 60 digits, None where it has parameters."""
    if point in (sp.oo, -sp.oo):
        return mpmath.mpf("inf") if point == sp.oo else -mpmath.mpf("inf")
    if point.free_symbols:
        return None
    with mpmath.workdps(_DIGITS):
        if point.is_Rational:
            return mpmath.mpf(point.p) / point.q
        value = sp.N(point, _DIGITS)
        return mpmath.mpf(value._to_mpmath(mpmath.mp.prec)) if value.is_Float or value.is_Integer else None


def compare(p: sp.Expr, q: sp.Expr) -> int:
    """The sign of p − q, from the numbers that they are or from the parameters' assumptions."""
    first, second = place(p), place(q)
    if first is not None and second is not None:
        with mpmath.workdps(_DIGITS):
            return _order(first, second)
    sense = sign_of(p - q)
    if sense is None:
        raise NotGaussianElementaryError(
            f"the order of the thresholds {p} and {q}",
            f"{p}, {q}",
            "the assumptions on the parameters do not decide which is larger",
            "values for the parameters, or the larger one as the smaller plus a positive parameter",
        )
    return sense


def _order(first: Any, second: Any) -> int:
    if first == second or abs(first - second) <= _SAME * (1 + abs(first)):
        return 0
    return 1 if first > second else -1


def insert_sorted(breaks: list[sp.Expr], point: sp.Expr) -> None:
    """Insert `point` into the increasing list unless it is there."""
    low, high = 0, len(breaks)
    while low < high:
        middle = (low + high) // 2
        sense = compare(point, breaks[middle])
        if sense == 0:
            return
        low, high = (low, middle) if sense < 0 else (middle + 1, high)
    breaks.insert(low, point)


def merged(several: Sequence[tuple[sp.Expr, ...]]) -> tuple[sp.Expr, ...]:
    """All thresholds of increasing tuples, increasing, each once."""
    points = {point for one in several for point in one}
    places = {point: place(point) for point in points}
    if any(value is None for value in places.values()):
        breaks: list[sp.Expr] = []
        for one in several:
            for point in one:
                insert_sorted(breaks, point)
        return tuple(breaks)
    found: list[sp.Expr] = []
    with mpmath.workdps(_DIGITS):
        for point in sorted(points, key=lambda one: (places[one], sp.default_sort_key(one))):
            if not found or _order(places[point], places[found[-1]]):
                found.append(point)
    return tuple(found)
