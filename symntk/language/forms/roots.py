"""Where a smooth function of one variable changes its sign: every such point, with certainty.

Real intervals show where a function keeps its sign or is monotone; where its derivatives of low order keep theirs, the
roots are counted. A touch without a change of sign is no root. Points come out exact where they are simple (rational
numbers and multiples of π), else as a `Root`, which is a number of any precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mp

from symntk.errors import SymntkError, shown_place
from symntk.language.forms.order import place
from symntk.language.forms.root import VARIABLE, Root, refined
from symntk.language.intervals import interval
from symntk.language.numbers import number_function
from symntk.language.stable import slope

MOST_ROOTS = 256
"""As many are told apart; a function with more of them has a reach."""

_DIGITS = 60
_ZERO = mp.mpf(10) ** -50  # what is smaller, next to the function's size nearby, is 0
_NEGLIGIBLE = 1e-290
_SHARES = ("0.5", "0.3819", "0.6180", "0.1459", "0.8541", "0.0213", "0.9787")  # of a gap between roots
_WITNESSES = 3
_WIDE = 1e3
_MOST_INTERVALS = 6000
_HIGHEST = 4  # derivatives looked at
_FARTHEST = 40  # the outermost zone begins at 2^40
_UNBOUNDED = 31
_INNER = 6  # up to 2^6 an undecided place is an error, beyond it ends the reach


@dataclass(frozen=True)
class Changes:
    """Increasing `points` where the sign changes, the `signs` between them, and |x| up to which that is all."""

    points: tuple[sp.Expr, ...]
    signs: tuple[int, ...]
    reach: float = np.inf


def sign_changes(expr: sp.Expr, x: sp.Symbol, low: sp.Expr = -sp.oo, high: sp.Expr = sp.oo) -> Changes:
    """The sign changes of a smooth function without parameters inside an interval.

    Raises:
        SymntkError: a place where it cannot be decided whether there is one; it is named.

    >>> from symntk.language.symbols import x
    >>> sign_changes(sp.cos(x) - 1 + x**2, x)
    Changes(points=(), signs=(1,), reach=inf)
    >>> sign_changes(sp.tanh(x) - x / 2, x).points[1]
    0
    """
    expr = expr.xreplace({x: VARIABLE})
    found = _Search(expr, low, high).result()
    if np.isfinite(found.reach) and expr.is_Add and len(found.points) < MOST_ROOTS // 2:
        # far out a sum of exponentials is 0 in float64, but not where one of them is taken out
        for factor in sorted(expr.atoms(sp.exp), key=sp.default_sort_key):
            try:
                other = _Search(sp.expand(expr / factor), low, high).result()
            except SymntkError:
                continue
            if other.reach > found.reach:
                return other
    return found


class _Search:
    """One search, zone by zone outwards."""

    def __init__(self, expr: sp.Expr, low: sp.Expr, high: sp.Expr) -> None:
        self.expr = expr
        self.ends = (low, high)
        self.low, self.high = float(low), float(high)
        self.derivatives = [expr]
        self.exact = number_function(expr, VARIABLE)
        self.value, self.slope = (interval(e, VARIABLE) for e in (expr, self.derivative(1)))
        self.continuous = _has_no_pole(expr)
        self.reach = np.inf
        self.brackets: list[tuple[Any, Any]] = []

    def derivative(self, order: int) -> sp.Expr:
        while len(self.derivatives) <= order:
            self.derivatives.append(slope(self.derivatives[-1], VARIABLE))
        return self.derivatives[order]

    def result(self) -> Changes:
        for zone in range(_FARTHEST + 1):
            pieces = list(self.zone(zone))
            if not pieces:
                continue
            try:
                self.isolate(pieces)
            except _Undecided as place:
                if zone <= _INNER:
                    wrong = f"whether it changes its sign near x = {shown_place(place.args[0])} cannot be decided"
                    raise SymntkError(
                        f"the sign of {sp.sstr(self.expr)}", wrong, "a Piecewise with the places"
                    ) from None
                # quadrature takes a function beyond 1e9 for what it is there
                self.reach = 2.0 ** (zone - 1) if zone <= _UNBOUNDED else np.inf
                break
            if len(self.brackets) > MOST_ROOTS:
                break
        return self.changes()

    def zone(self, number: int) -> Iterator[tuple[float, float]]:
        """[−1, 1], then what lies between powers of 2 on both sides, at last all the rest."""
        top = 2.0**number if number < _FARTHEST else np.inf
        ends = [(-1.0, 1.0)] if number == 0 else [(-top, -(2.0 ** (number - 1))), (2.0 ** (number - 1), top)]
        for low, high in ends:
            low, high = max(low, self.low), min(high, self.high)
            if low < high:
                yield low, high

    def isolate(self, pieces: list[tuple[float, float]]) -> None:
        """Brackets of all roots in the given intervals."""
        low, high = (np.array(ends) for ends in zip(*pieces, strict=True))
        seen = 0
        while low.size:
            seen += low.size
            if seen > _MOST_INTERVALS:
                raise _Undecided(float(low[0]))
            value = self.value(low, high)
            slope = self.slope(low, high)
            middle = np.where(np.isinf(low), 2.0 * high, np.where(np.isinf(high), 2.0 * low, 0.5 * (low + high)))
            at = self.value(middle, middle)
            with np.errstate(all="ignore"):
                half = np.maximum(high - middle, middle - low)
                steep = np.maximum(np.abs(slope.low), np.abs(slope.high))
                lower, upper = (
                    np.maximum(value.low, at.low - steep * half),
                    np.minimum(value.high, at.high + steep * half),
                )
            lower, upper = (np.where(np.isnan(a), b, a) for a, b in ((lower, value.low), (upper, value.high)))
            # one-sided: a sum of a monotone function and its least value keeps its sign
            decided = (lower >= 0.0) | (upper <= 0.0) | ((upper < _NEGLIGIBLE) & (lower > -_NEGLIGIBLE))
            joined = np.isfinite(value.low) & np.isfinite(value.high) | self.continuous
            monotone = ~decided & joined & ((slope.low >= 0.0) | (slope.high <= 0.0))
            for a, b in zip(low[monotone], high[monotone], strict=True):
                self.between(a, b)
            rest = ~decided & ~monotone
            small = rest & (high - low < 1e-6 * np.maximum(1.0, np.abs(low)))
            for a, b in zip(low[small], high[small], strict=True):
                self.by_derivatives(a, b)
            ray = rest & (np.isinf(low) | np.isinf(high))
            if np.any(ray):
                raise _Undecided(float(middle[ray][0]))
            rest &= ~small
            low, high = (
                np.concatenate([low[rest], middle[rest]]),
                np.concatenate([middle[rest], high[rest]]),
            )

    def between(self, a: float, b: float) -> None:
        """A monotone function: one root where its ends have two signs."""
        if np.isinf(a) or np.isinf(b):
            end, far = (b, a) if np.isinf(a) else (a, b)
            ends = self.value(np.array(far), np.array(far))
            sign = 1 if ends.low > 0 else -1 if ends.high < 0 else 0
            if sign and sign == -self.sign(mp.mpf(end)):
                raise _Undecided(end)
            return
        first, second = (self.sign(mp.mpf(end)) for end in (a, b))
        if first * second < 0:
            self.brackets.append((mp.mpf(a), mp.mpf(b)))
        elif first == 0 or second == 0:
            # a root at an end: it is a change where the function has another sign beyond
            place = mp.mpf(a if first == 0 else b)
            if self.low < place < self.high:
                self.brackets.append((place, place))

    def sign(self, point: Any, order: int = 0) -> int:
        """The sign at a point, 0 for what is 0 to 50 digits."""
        function = self.exact if order == 0 else number_function(self.derivative(order), VARIABLE)
        with mp.workdps(_DIGITS):
            try:
                value = function(point)
            except (ArithmeticError, ValueError):
                raise _Undecided(float(point)) from None
            if isinstance(value, mpmath.mpc) or not mp.isfinite(value):
                raise _Undecided(float(point))
            return 0 if abs(value) < _ZERO else int(mp.sign(value))

    def by_derivatives(self, a: float, b: float) -> None:
        """Roots in a short interval from the first derivative that keeps its sign there."""
        ends = np.array([a]), np.array([b])
        if not self.continuous and not np.all(np.isfinite(self.value(*ends))):
            raise _Undecided(a)
        for order in range(1, _HIGHEST + 1):
            found = interval(self.derivative(order), VARIABLE)(*ends)
            if found.low[0] >= 0 or found.high[0] <= 0:
                break
        else:
            raise _Undecided(a)
        cuts: list[Any] = []
        for lower in range(order - 1, -1, -1):
            places = [mp.mpf(a), *cuts, mp.mpf(b)]
            if lower == 0:
                break
            cuts = sorted({*cuts, *(root for p, q in pairwise(places) for root in self.crossing(p, q, lower))})
        signs = [self.sign(place) for place in places]
        for (p, q), (first, second) in zip(pairwise(places), pairwise(signs), strict=True):
            if first * second < 0:
                self.brackets.append((p, q))
        # multiple roots, or roots at an end: changes where the signs around differ
        self.brackets += [(place, place) for place, sign in zip(places, signs, strict=True) if sign == 0]

    def crossing(self, p: Any, q: Any, order: int) -> list[Any]:
        """The root of a derivative between two points where it is monotone, to 60 digits."""
        first, second = self.sign(p, order), self.sign(q, order)
        if first * second >= 0:
            return []
        function = number_function(self.derivative(order), VARIABLE)
        with mp.workdps(_DIGITS + 10):
            return [mp.findroot(function, (p, q), solver="anderson", tol=mp.mpf(10) ** (-2 * _DIGITS), verify=False)]

    def changes(self) -> Changes:
        """The brackets as points, each once, and the signs between them."""
        found: list[sp.Expr] = []
        places: list[Any] = []
        certain: list[bool] = []
        if len(self.brackets) > MOST_ROOTS:
            self.brackets.sort(key=lambda one: min(abs(one[0]), abs(one[1])))
            self.reach = min(self.reach, float(min(map(abs, self.brackets[MOST_ROOTS]))))
            self.brackets = [one for one in self.brackets if max(map(abs, one)) <= self.reach]
        for low, high in sorted(self.brackets):
            if places and low == high and abs(low - places[-1]) <= _ZERO * (1 + abs(low)):
                continue
            point = _point(self.expr, low, high)
            if any(end.is_finite and abs(sp.N(point - end, 50)) < 1e-45 for end in self.ends):
                continue  # at the ends nothing changes inside
            found.append(point)
            places.append(high)
            certain.append(low < high)
        return self.with_signs(found, certain)

    def with_signs(self, points: list[sp.Expr], certain: list[bool]) -> Changes:
        """The signs between the points, by values there; a simple root that is no change of sign was not alone."""
        with mp.workdps(_DIGITS):
            ends = [mp.mpf(max(self.low, -self.reach)), *map(place, points), mp.mpf(min(self.high, self.reach))]
            signs = [self.sign_between(a, b) for a, b in pairwise(ends)]
        # what is 0 to all digits, as a difference far out, goes on as its neighbour
        known = [sign for sign in signs if sign]
        if not known:
            raise _undecided(self.expr, float(ends[1]))
        for index in range(1, len(signs)):
            signs[index] = signs[index] or signs[index - 1]
        signs = [sign or known[0] for sign in signs]
        for point, simple, first, second in zip(points, certain, signs[:-1], signs[1:], strict=True):
            if simple and first == second:
                raise _undecided(self.expr, float(point))
        kept = [i for i, (first, second) in enumerate(pairwise(signs)) if first != second]
        signs = [signs[0], *(signs[i + 1] for i in kept)]
        return Changes(tuple(points[i] for i in kept), tuple(signs), self.reach)

    def sign_between(self, a: Any, b: Any) -> int:
        """The sign between two neighbouring roots, at several points."""
        # far out a difference may be 0 to all digits
        if a < -_WIDE and b > _WIDE:
            a, b = mp.mpf(-1), mp.mpf(1)
        elif a < -_WIDE:
            a = max(a, b - max(1, abs(b)))
        elif b > _WIDE:
            b = min(b, a + max(1, abs(a)))
        seen: list[int] = []
        for share in _SHARES:
            try:
                sign = self.sign(a + mp.mpf(share) * (b - a))
            except _Undecided:
                continue
            if sign:
                seen.append(sign)
            if len(seen) == _WITNESSES:
                break
        if len(set(seen)) > 1:
            raise _undecided(self.expr, float((a + b) / 2))
        return seen[0] if seen else 0


def _has_no_pole(expr: sp.Expr) -> bool:
    """Whether the formula shows that it is continuous."""
    return not any(
        isinstance(node, sp.tan | sp.log)
        or (node.is_Pow and not node.exp.is_nonnegative and node.base.has(VARIABLE) and not node.base.is_positive)
        for node in sp.preorder_traversal(expr)
    )


def _undecided(expr: sp.Expr, at: float) -> SymntkError:
    wrong = f"whether it changes its sign near x = {shown_place(at)} cannot be decided"
    return SymntkError(f"the sign of {sp.sstr(expr)}", wrong, "a Piecewise with the places")


class _Undecided(Exception):
    """A place where nothing could be shown."""


def _point(expr: sp.Expr, low: Any, high: Any) -> sp.Expr:
    """The root in a bracket: exact where a simple number is one, else a Root."""
    function = number_function(expr, VARIABLE)
    with mp.workdps(_DIGITS):
        if low == high:
            near = low
        else:
            near = refined(Root(expr, *_rational_ends(low, high)), 64)
        for candidate in _simple(float(near)):
            try:
                value = function(mp.mpf(sp.N(candidate, _DIGITS)))
            except (ArithmeticError, ValueError):
                continue
            if abs(value) < _ZERO:
                return candidate
    if low == high:  # a multiple root, or one at a float
        return sp.Rational(*_ratio(near))
    return Root(expr, *_rational_ends(low, high))


def _simple(near: float) -> Iterator[sp.Expr]:
    """Simple numbers next to a float."""
    for unit in (sp.S.One, sp.pi):
        scaled = near / float(unit)
        close = Fraction(scaled).limit_denominator(720)
        if abs(float(close) - scaled) <= 4e-15 * max(1.0, abs(scaled)) and (close or unit == 1):
            yield sp.Rational(close.numerator, close.denominator) * unit


def _rational_ends(low: Any, high: Any) -> tuple[sp.Rational, sp.Rational]:
    return sp.Rational(*_ratio(low)), sp.Rational(*_ratio(high))


def _ratio(value: Any) -> tuple[int, int]:
    sign, mantissa, exponent, _ = value._mpf_
    whole = int(-mantissa if sign else mantissa)
    return (whole * 2**exponent, 1) if exponent >= 0 else (whole, 2**-exponent)
