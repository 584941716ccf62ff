"""Piecewise functions of one variable: where the pieces are, and what each is.

Abs, sign, Heaviside, Max, Min and Piecewise are resolved into smooth pieces between sorted breakpoints.
Breakpoints may hold symbolic parameters as long as their assumptions decide the order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import sympy as sp

from symntk.errors import NotGaussianElementaryError

MOST_BREAKS = 64
SWITCHES = (sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.Piecewise)
_SIGN_OF_ARGUMENT = (sp.tanh, sp.atan, sp.erf, sp.sinh, sp.asinh)
_RELATIONS = {sp.StrictGreaterThan: 1, sp.GreaterThan: 1, sp.StrictLessThan: -1, sp.LessThan: -1}


@dataclass(frozen=True)
class Pieces:
    """`parts[i]` holds between `breaks[i-1]` and `breaks[i]` (the ends are ∓∞)."""

    breaks: tuple[sp.Expr, ...]
    parts: tuple[sp.Basic, ...]

    def refined(self, breaks: tuple[sp.Expr, ...]) -> tuple[sp.Basic, ...]:
        """The parts on the finer partition `breaks`, which contains this one's."""
        index, out = 0, [self.parts[0]]
        for point in breaks:
            if index < len(self.breaks) and point == self.breaks[index]:
                index += 1
            out.append(self.parts[index])
        return tuple(out)


def resolve(expr: sp.Basic, x: sp.Symbol) -> Pieces:
    """Split `expr` into pieces that hold no switch function.

    Raises:
        NotGaussianElementaryError: where a switch's zeros or the order of two thresholds are not known.

    >>> from sympy import Abs, Max, Symbol
    >>> x = Symbol("x", real=True)
    >>> resolve(Max(0, 1 - Abs(x)), x)
    Pieces(breaks=(-1, 0, 1), parts=(0, x + 1, 1 - x, 0))
    """
    return _merge_equal(_resolve(expr, x))


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
    if isinstance(expr, sp.Heaviside):
        return _by_sign(_resolve(expr.args[0], x), x, lambda q, s: sp.Rational(1 + s, 2), expr)
    return _combine([_resolve(arg, x) for arg in expr.args], expr.func)


def _resolve_extremum(expr: sp.Expr, x: sp.Symbol) -> Pieces:
    sense = 1 if isinstance(expr, sp.Max) else -1
    parts = [_resolve(arg, x) for arg in expr.args]
    best = parts[0]
    for other in parts[1:]:
        both = _combine([best, other], sp.Tuple)
        gap = Pieces(both.breaks, tuple(pair[0] - pair[1] for pair in both.parts))
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
    breaks: list[sp.Expr] = []
    for piece in pieces:
        for point in piece.breaks:
            insert_sorted(breaks, point)
    if len(breaks) > MOST_BREAKS:
        raise NotGaussianElementaryError("a piecewise function", "its pieces", f"it has more than {MOST_BREAKS} kinks")
    common = tuple(breaks)
    columns = zip(*(piece.refined(common) for piece in pieces), strict=True)
    return Pieces(common, tuple(func(*column) for column in columns))


def _merge_equal(pieces: Pieces) -> Pieces:
    """Drop breakpoints between equal parts."""
    kept = [i for i, (left, right) in enumerate(pairwise(pieces.parts)) if left != right]
    parts = (pieces.parts[0], *(pieces.parts[i + 1] for i in kept))
    return Pieces(tuple(pieces.breaks[i] for i in kept), parts)


def insert_sorted(breaks: list[sp.Expr], point: sp.Expr) -> None:
    """Insert `point` into the increasing list unless it is there."""
    for i, other in enumerate(breaks):
        sense = compare(point, other)
        if sense == 0:
            return
        if sense < 0:
            breaks.insert(i, point)
            return
    breaks.append(point)


def compare(p: sp.Expr, q: sp.Expr) -> int:
    """The sign of p − q, from the parameters' assumptions."""
    sense = sign_of(p - q)
    if sense is None:
        raise NotGaussianElementaryError(
            f"the order of the thresholds {p} and {q}",
            f"{p}, {q}",
            "the assumptions on the parameters do not decide which is larger",
            "values for the parameters, or the larger one as the smaller plus a positive parameter",
        )
    return sense


def sign_of(expr: sp.Expr) -> int | None:
    """−1, 0 or 1 where the assumptions decide it, else None."""
    for candidate in (expr, sp.factor_terms(sp.expand(expr))):
        if candidate.is_zero:
            return 0
        if candidate.is_positive:
            return 1
        if candidate.is_negative:
            return -1
    return None


def _by_sign(pieces: Pieces, x: sp.Symbol, value: Callable[[sp.Expr, int], sp.Basic], whole: sp.Basic) -> Pieces:
    """Split each part at its sign changes; `value(part, sign)` is the result between them."""
    breaks: list[sp.Expr] = []
    out: list[sp.Basic] = []
    ends = (None, *pieces.breaks, None)
    for part, low, high in zip(pieces.parts, ends[:-1], ends[1:], strict=True):
        roots, signs = _sign_changes(part, x, whole)
        first = 0
        inside: list[sp.Expr] = []
        for root in roots:
            if low is not None and compare(root, low) <= 0:
                first += 1
            elif high is None or compare(root, high) < 0:
                inside.append(root)
        if low is not None:
            breaks.append(low)
        breaks.extend(inside)
        out.extend(value(part, signs[first + i]) for i in range(len(inside) + 1))
    return Pieces(tuple(breaks), tuple(out))


def _sign_changes(part: sp.Expr, x: sp.Symbol, whole: sp.Basic) -> tuple[list[sp.Expr], list[int]]:
    """Increasing points where the sign of `part` changes, and its sign on the intervals between them."""
    known = sign_of(part)
    if known is not None:
        return [], [known]
    if not part.has(x):
        raise NotGaussianElementaryError(
            str(whole), str(part), f"the sign of {part} is not known", "declare its parameters positive"
        )
    if isinstance(part, _SIGN_OF_ARGUMENT):
        return _sign_changes(part.args[0], x, whole)
    poly = part.as_poly(x)
    if poly is None or not all(c.is_real for c in poly.all_coeffs()):
        raise NotGaussianElementaryError(
            str(whole), str(part), f"the points where {part} changes sign are not known", "an affine argument"
        )
    roots = _odd_roots(poly, whole)
    sign = sign_of(poly.LC())
    if sign is None:
        raise NotGaussianElementaryError(
            str(whole), str(part), f"the sign of the slope {poly.LC()} is not known", "declare its parameters positive"
        )
    signs = [sign]
    for _ in roots:
        signs.insert(0, -signs[0])
    return roots, signs


def _odd_roots(poly: sp.Poly, whole: sp.Basic) -> list[sp.Expr]:
    """The increasing real roots of odd multiplicity."""
    if poly.degree() == 1:
        slope, offset = poly.all_coeffs()
        return [-offset / slope]
    found = sp.roots(poly, multiple=False) if poly.degree() <= 4 else {}
    if sum(found.values()) != poly.degree() or not all(root.is_real is not None for root in found):
        raise NotGaussianElementaryError(
            str(whole), str(poly.as_expr()), f"the roots of {poly.as_expr()} are not known", "an affine argument"
        )
    breaks: list[sp.Expr] = []
    for root, multiplicity in found.items():
        if root.is_real and multiplicity % 2:
            insert_sorted(breaks, root)
    return breaks
