"""Piecewise functions of one variable: where the pieces are, and what each is.

Abs, sign, Heaviside, Max, Min and Piecewise are resolved into smooth pieces between sorted breakpoints.
Breakpoints may hold symbolic parameters as long as their assumptions decide the order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import sympy as sp

from symntk.errors import NotGaussianElementaryError
from symntk.language.forms.levels import level_crossings
from symntk.language.forms.order import compare, insert_sorted, merged, place, sign_of
from symntk.language.forms.signs import Signs, sign_changes

__all__ = ["MOST_BREAKS", "Pieces", "compare", "insert_sorted", "resolve", "sign_of"]

MOST_BREAKS = 1024
SWITCHES = (sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.Piecewise, sp.floor, sp.ceiling, sp.Mod)
_ARCS = (sp.asin, sp.acos, sp.atan)
_RELATIONS = {sp.StrictGreaterThan: 1, sp.GreaterThan: 1, sp.StrictLessThan: -1, sp.LessThan: -1}


@dataclass(frozen=True)
class Pieces:
    """`parts[i]` holds between `breaks[i-1]` and `breaks[i]` (the ends are ∓∞), for |x| up to `reach`."""

    breaks: tuple[sp.Expr, ...]
    parts: tuple[sp.Basic, ...]
    reach: float = math.inf

    def refined(self, breaks: tuple[sp.Expr, ...]) -> tuple[sp.Basic, ...]:
        """The parts on the finer partition `breaks`, which contains this one's."""
        index, out = 0, [self.parts[0]]
        for point in breaks:
            if index < len(self.breaks) and compare(point, self.breaks[index]) == 0:
                index += 1
            out.append(self.parts[index])
        return tuple(out)


@lru_cache(maxsize=256)
def resolve(expr: sp.Basic, x: sp.Symbol) -> Pieces:
    """Split `expr` into pieces that hold no switch function.

    Raises:
        NotGaussianElementaryError: where a switch's zeros or the order of two thresholds are not known.

    >>> from sympy import Abs, Max, Symbol
    >>> x = Symbol("x", real=True)
    >>> resolve(Max(0, 1 - Abs(x)), x)
    Pieces(breaks=(-1, 0, 1), parts=(0, x + 1, 1 - x, 0), reach=inf)
    """
    return _merge_equal(_resolve(_without_arcs(expr), x))


def _resolve(expr: sp.Basic, x: sp.Symbol) -> Pieces:
    if not expr.has(x) or not expr.has(*SWITCHES):
        return Pieces((), (expr,))
    if isinstance(expr, sp.Piecewise):
        return _resolve_piecewise(expr, x)
    if isinstance(expr, sp.Max | sp.Min):
        return _resolve_extremum(expr, x)
    if isinstance(expr, sp.Abs):
        return _by_sign(_resolve(expr.args[0], x), x, lambda q, s: s * q if s else sp.S.Zero, expr)
    if isinstance(expr, sp.sign):
        return _by_sign(_resolve(expr.args[0], x), x, lambda q, s: sp.Integer(s), expr)
    if isinstance(expr, sp.floor):
        return _resolve_floor(expr.args[0], x, expr)
    if isinstance(expr, sp.ceiling):
        return _combine([_resolve_floor(-expr.args[0], x, expr)], lambda p: -p)
    if isinstance(expr, sp.Mod):
        return _resolve_mod(expr, x)
    if isinstance(expr, sp.Heaviside):
        return _by_sign(_resolve(expr.args[0], x), x, lambda q, s: sp.Rational(1 + s, 2), expr)
    return _combine([_resolve(arg, x) for arg in expr.args], expr.func)


def _resolve_extremum(expr: sp.Expr, x: sp.Symbol) -> Pieces:
    sense = 1 if isinstance(expr, sp.Max) else -1
    parts = [_resolve(arg, x) for arg in expr.args]
    best = parts[0]
    for other in parts[1:]:
        both = _combine([best, other], sp.Tuple)
        gap = Pieces(both.breaks, tuple(pair[0] - pair[1] for pair in both.parts), both.reach)
        larger = _by_sign(gap, x, lambda q, s: sp.Integer(s), expr)
        best = _combine([larger, best, other], lambda s, p, q: p if sense * s >= 0 else q)
    return best


def _resolve_piecewise(expr: sp.Piecewise, x: sp.Symbol) -> Pieces:
    values = [_resolve(value, x) for value, _ in expr.args]
    truths = [_resolve_condition(condition, x) for _, condition in expr.args]

    def select(*both: sp.Basic) -> sp.Basic:
        half = len(both) // 2
        for value, truth in zip(both[:half], both[half:], strict=True):
            if truth == sp.true:
                return value
        raise NotGaussianElementaryError(
            f"the pieces of {expr}", str(expr), "some x is in none of its pieces", "a last piece (…, True)"
        )

    return _combine(values + truths, select)


def _resolve_condition(condition: sp.Basic, x: sp.Symbol) -> Pieces:
    """The truth of a condition between its breakpoints; at a single point it does not matter."""
    if condition in (sp.true, sp.false):
        return Pieces((), (condition,))
    if isinstance(condition, sp.And | sp.Or | sp.Not):
        return _combine([_resolve_condition(arg, x) for arg in condition.args], condition.func)
    sense = _RELATIONS.get(type(condition))
    if sense is None or not condition.has(x):
        raise NotGaussianElementaryError(
            f"the condition {condition}", str(condition), "it is not an inequality in the variable", "x > t or x < t"
        )
    gap = _resolve(condition.lhs - condition.rhs, x)
    weak = isinstance(condition, sp.GreaterThan | sp.LessThan)
    # equality counts where both sides are equal on a whole interval; at a single point it does not matter
    return _by_sign(gap, x, lambda q, s: sp.true if s == sense or (weak and s == 0) else sp.false, condition)


def _combine(pieces: list[Pieces], func: Callable[..., sp.Basic]) -> Pieces:
    """Apply `func` to the parts on the common refinement."""
    common = merged([piece.breaks for piece in pieces])
    reach = min(piece.reach for piece in pieces)
    if len(common) > MOST_BREAKS:
        raise NotGaussianElementaryError("a piecewise function", "its pieces", f"it has more than {MOST_BREAKS} kinks")
    columns = zip(*(piece.refined(common) for piece in pieces), strict=True)
    return _within(Pieces(common, tuple(func(*column) for column in columns), reach))


def _merge_equal(pieces: Pieces) -> Pieces:
    """Drop breakpoints between equal parts."""
    kept = [i for i, (left, right) in enumerate(pairwise(pieces.parts)) if left != right]
    parts = (pieces.parts[0], *(pieces.parts[i + 1] for i in kept))
    return Pieces(tuple(pieces.breaks[i] for i in kept), parts, pieces.reach)


def _by_sign(pieces: Pieces, x: sp.Symbol, value: Callable[[sp.Expr, int], sp.Basic], whole: sp.Basic) -> Pieces:
    """Split each part at its sign changes; `value(part, sign)` is the result between them."""
    breaks: list[sp.Expr] = []
    out: list[sp.Basic] = []
    reach = pieces.reach
    ends = (-_far(reach), *pieces.breaks, _far(reach))
    for index, (part, low, high) in enumerate(zip(pieces.parts, ends[:-1], ends[1:], strict=True)):
        found = sign_changes(part, x, low, high, whole)
        reach = min(reach, found.reach)
        if index:
            breaks.append(low)
        breaks.extend(found.points)
        out.extend(value(part, sign) for sign in found.signs)
    return _within(Pieces(tuple(breaks), tuple(out), reach))


def _far(reach: float) -> sp.Expr:
    """The reach as an end of an interval."""
    return sp.oo if reach == math.inf else sp.Rational(reach)


def _within(pieces: Pieces) -> Pieces:
    """Without the breaks beyond the reach."""
    if pieces.reach == math.inf:
        return pieces
    inside = [i for i, point in enumerate(pieces.breaks) if abs(place(point)) < pieces.reach]
    if len(inside) == len(pieces.breaks):
        return pieces
    if not inside:
        middle = sum(place(point) < 0 for point in pieces.breaks)
        return Pieces((), (pieces.parts[middle],), pieces.reach)
    first, last = inside[0], inside[-1]
    return Pieces(pieces.breaks[first : last + 1], pieces.parts[first : last + 2], pieces.reach)


def _resolve_floor(inside: sp.Expr, x: sp.Symbol, whole: sp.Basic) -> Pieces:
    """The floor of a function, constant between the points where it crosses whole numbers."""
    pieces = _resolve(inside, x)
    breaks: list[sp.Expr] = []
    out: list[sp.Basic] = []
    reach = pieces.reach
    ends = (-_far(reach), *pieces.breaks, _far(reach))
    for index, (part, low, high) in enumerate(zip(pieces.parts, ends[:-1], ends[1:], strict=True)):
        found: Signs = level_crossings(part, x, low, high, whole)
        reach = min(reach, found.reach)
        if index:
            breaks.append(low)
        breaks.extend(found.points)
        out.extend(map(sp.Integer, found.signs))
    return _within(Pieces(tuple(breaks), tuple(out), reach))


def _resolve_mod(expr: sp.Expr, x: sp.Symbol) -> Pieces:
    """The remainder p − m·floor(p/m)."""
    inside, period = expr.args
    if period.has(x) or not sign_of(period):
        raise NotGaussianElementaryError(str(expr), str(period), f"{period} is not a period of known sign", "Mod(x, 1)")
    value = _resolve(inside, x)
    return _combine([value, _resolve_floor(inside / period, x, expr)], lambda p, k: p - period * k)


def _without_arcs(expr: sp.Basic) -> sp.Basic:
    """Inverse sines and cosines of sines and cosines as the polygons that they are."""
    if not expr.has(*_ARCS):
        return expr
    return expr.replace(lambda e: isinstance(e, _ARCS), _polygon)


def _polygon(expr: sp.Expr) -> sp.Expr:
    """arccos(cos w) = |w − 2π·round(w/2π)|; arcsin is π/2 − arccos; arctan(tan w) = w − π·round(w/π)."""
    head = expr.args[0]
    w = head.args[0] if isinstance(head, sp.sin | sp.cos | sp.tan) else None
    if w is None or not w.free_symbols:
        return expr
    if isinstance(expr, sp.atan):
        return w - sp.pi * sp.floor(w / sp.pi + sp.S.Half) if isinstance(head, sp.tan) else expr
    if isinstance(head, sp.tan):
        return expr
    angle = w if isinstance(head, sp.cos) else w - sp.pi / 2
    found = sp.Abs(angle - 2 * sp.pi * sp.floor(angle / (2 * sp.pi) + sp.S.Half))
    return found if isinstance(expr, sp.acos) else sp.pi / 2 - found
