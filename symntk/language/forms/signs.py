"""Where an expression changes its sign: by its structure, also with parameters, else by certified isolation.

Products and powers by their factors; a monotone function of something by the inverse; sines by their periods;
polynomials by their roots. What is left has no parameters and goes to `roots`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from symntk.errors import NotGaussianElementaryError, SymntkError
from symntk.language.forms.order import compare, insert_sorted, merged, place, sign_of
from symntk.language.forms.roots import sign_changes as isolated
from symntk.language.special.table import row

MOST_PERIODS = 256
"""As many sign changes of a periodic function are told apart; beyond them ends its reach."""


@dataclass(frozen=True)
class Signs:
    """Increasing `points` inside an interval, what holds between them, and |x| up to which that is all."""

    points: tuple[sp.Expr, ...]
    signs: tuple[int, ...]
    reach: float = math.inf


def sign_changes(part: sp.Expr, x: sp.Symbol, low: sp.Expr, high: sp.Expr, whole: sp.Basic) -> Signs:
    """The sign changes of a smooth part between two thresholds.

    Raises:
        NotGaussianElementaryError: it depends on parameters in a way that the assumptions do not decide.
        SymntkError: a place where it cannot be decided; it is named.

    >>> x = sp.Symbol("x", real=True)
    >>> sign_changes(sp.tanh(x) - sp.Rational(1, 2), x, -sp.oo, sp.oo, x).points
    (atanh(1/2),)
    >>> found = sign_changes(sp.sin(x), x, -sp.oo, sp.oo, x)
    >>> found.points[126:129], round(found.reach)
    ((-pi, 0, pi), 402)
    """
    found = by_structure(part, x, low, high)
    if found is not None:
        return found
    if part.free_symbols - {x}:
        raise _unknown(part, x, whole)
    changes = isolated(part, x, low, high)
    return Signs(changes.points, changes.signs, changes.reach)


def by_structure(part: sp.Expr, x: sp.Symbol, low: sp.Expr, high: sp.Expr) -> Signs | None:
    """The sign changes where the structure of the formula tells them, else None."""
    line = _line(part, x)
    if line is not None:
        return restricted(*line, low, high)
    sign = sign_of(part)
    if sign is not None:
        return Signs((), (sign,))
    if not part.has(x):
        return None
    if part.is_Mul:
        return _product(part, x, low, high)
    if part.is_Pow and not part.exp.has(x):
        if not part.exp.is_Integer or part.exp % 2 == 0:
            return Signs((), (1,))
        return _nested(part.base, x, low, high)
    known = row(part)
    if known is not None and known.is_odd_and_rises:
        return _nested(part.args[0], x, low, high)
    poly = part.as_poly(x)
    if poly is not None and poly.gens == (x,) and all(c.is_real for c in poly.all_coeffs()):
        found = _polynomial(poly)
        return None if found is None else restricted(*found, low, high)
    return _inverted(part, x, low, high)


def straight(part: sp.Expr, x: sp.Symbol) -> tuple[sp.Expr, sp.Expr] | None:
    """(k, c) of k·x + c, None for what is written otherwise.

    >>> x = sp.Symbol("x", real=True)
    >>> straight((x - 1) / 2, x), straight(x**2, x)
    ((1/2, -1/2), None)
    """
    for form in (part, sp.expand(part) if part.is_polynomial(x) else part):
        constant, moving = form.as_independent(x, as_Add=True)
        slope, rest = moving.as_independent(x, as_Add=False)
        if rest == x:
            return slope, constant
    return None


def _line(part: sp.Expr, x: sp.Symbol) -> tuple[list[sp.Expr], list[int]] | None:
    """The root of k·x + c with numbers k and c, and the signs on both sides."""
    found = straight(part, x)
    if found is None or found[0].free_symbols or found[1].free_symbols:
        return None
    sense = place(found[0])
    if not sense:
        return None
    return [-found[1] / found[0]], [-1, 1] if sense > 0 else [1, -1]


def _nested(part: sp.Expr, x: sp.Symbol, low: sp.Expr, high: sp.Expr) -> Signs | None:
    """Of a part of the whole, in any way that works."""
    found = by_structure(part, x, low, high)
    if found is None and not part.free_symbols - {x}:
        return sign_changes(part, x, low, high, part)
    return found


def _product(part: sp.Expr, x: sp.Symbol, low: sp.Expr, high: sp.Expr) -> Signs | None:
    factors = [_nested(factor, x, low, high) for factor in part.args]
    if any(found is None for found in factors):
        return None
    known = [found for found in factors if found is not None]
    points = merged([found.points for found in known])
    signs = [math.prod(at(found, index, points) for found in known) for index in range(len(points) + 1)]
    kept = [i for i in range(len(points)) if signs[i] != signs[i + 1]]
    reach = min(found.reach for found in known)
    return Signs(tuple(points[i] for i in kept), (signs[0], *(signs[i + 1] for i in kept)), reach)


def at(found: Signs, index: int, points: Sequence[sp.Expr]) -> int:
    """What holds on interval `index` of a finer partition."""
    if index == 0:
        return found.signs[0]
    return found.signs[sum(compare(point, points[index - 1]) <= 0 for point in found.points)]


def _inverted(part: sp.Expr, x: sp.Symbol, low: sp.Expr, high: sp.Expr) -> Signs | None:
    """k·h(w) + c for an increasing h, a sine or a cosine: by the value of w where it is 0."""
    constant, moving = part.as_independent(x, as_Add=True)
    factor, head = moving.as_independent(x, as_Add=False)
    sense = sign_of(factor)
    if not sense or not isinstance(head, sp.Function) or len(head.args) != 1:
        return None
    level = -constant / factor
    if isinstance(head, sp.sin | sp.cos):
        return _periodic(head, level, sense, x, low, high)
    known = row(head)
    if known is None or known.inverse is None:
        return None
    bottom, top, inverse = known.inverse
    for end, side in ((bottom, 1), (top, -1)):
        if end.is_infinite:
            continue
        beyond = sign_of(level - end)
        if beyond is None:
            return None
        if beyond * side <= 0:  # never reached
            return Signs((), (sense * side,))
    found = _nested(head.args[0] - inverse(level), x, low, high)
    return None if found is None else Signs(found.points, tuple(sense * s for s in found.signs), found.reach)


def _periodic(head: sp.Expr, level: sp.Expr, sense: int, x: sp.Symbol, low: sp.Expr, high: sp.Expr) -> Signs | None:
    """sense·(sin w − level) or sense·(cos w − level) with w affine: two points a period."""
    poly = head.args[0].as_poly(x)
    if poly is None or poly.degree() != 1 or level.free_symbols or head.free_symbols != {x}:
        return None
    for end, side in ((sp.S.NegativeOne, 1), (sp.S.One, -1)):
        beyond = sign_of(level - end)
        if beyond is None:
            return None
        if beyond * side <= 0:
            return Signs((), (sense * side,))
    slope, offset = poly.all_coeffs()
    first = sp.asin(level) if isinstance(head, sp.sin) else -sp.acos(level)
    second = (sp.pi - first) if isinstance(head, sp.sin) else -first
    numbers = float(offset / slope), float(slope), float(first), float(second)
    near: list[tuple[float, int, int]] = []  # (|x|, which angle, which period)
    middle = round(numbers[0] * numbers[1] / (2 * math.pi))
    bounds = float(low), float(high)
    turns = sorted(numbers[1] * (bound + numbers[0]) / (2 * math.pi) for bound in bounds)
    first_turn = max(middle - MOST_PERIODS, int(max(turns[0], -1e15)) - 2)
    last_turn = min(middle + MOST_PERIODS, int(min(turns[1], 1e15)) + 2)
    for k in range(first_turn, last_turn + 1):
        for which, angle in enumerate(numbers[2:]):
            value = (angle + 2 * math.pi * k) / numbers[1] - numbers[0]
            if bounds[0] - 1e-9 < value < bounds[1] + 1e-9:
                near.append((abs(value), which, k))
    near.sort()
    reach = near[MOST_PERIODS][0] * (1 - 1e-12) if len(near) > MOST_PERIODS else math.inf
    found = [((first, second)[which] + 2 * sp.pi * k - offset) / slope for size, which, k in near if size < reach]
    points = tuple(p for p in merged([tuple(found)]) if compare(p, low) > 0 and compare(p, high) < 0)
    ends = [max(float(low), -reach), *map(float, points[:1]), min(float(high), reach)]
    a, b = ends[0], ends[1]
    a, b = (b - 1e-3 if math.isinf(a) else a), (a + 1e-3 if math.isinf(b) else b)
    value = sp.N(head.subs(x, sp.Rational((a + b) / 2)) - level, 20)
    sign = sense if value > 0 else -sense
    return Signs(points, tuple(sign * (-1) ** index for index in range(len(points) + 1)), reach)


def restricted(points: Sequence[sp.Expr], signs: Sequence[int], low: sp.Expr, high: sp.Expr) -> Signs:
    """What of sign changes on the whole line lies inside an interval."""
    first = 0
    inside: list[sp.Expr] = []
    for point in points:
        if low != -sp.oo and compare(point, low) <= 0:
            first += 1
        elif high == sp.oo or compare(point, high) < 0:
            inside.append(point)
    return Signs(tuple(inside), tuple(signs[first : first + len(inside) + 1]))


def _polynomial(poly: sp.Poly) -> tuple[list[sp.Expr], list[int]] | None:
    roots = _odd_roots(poly)
    sign = sign_of(poly.LC())
    if roots is None or sign is None:
        return None
    signs = [sign]
    for _ in roots:
        signs.insert(0, -signs[0])
    return roots, signs


def _odd_roots(poly: sp.Poly) -> list[sp.Expr] | None:
    """The increasing real roots of odd multiplicity, None where they are not known in a short form."""
    if poly.degree() == 1:
        slope, offset = poly.all_coeffs()
        return [-offset / slope]
    found = sp.roots(poly, multiple=False) if poly.degree() <= 4 else {}
    if sum(found.values()) != poly.degree() or not all(root.is_real is not None for root in found):
        return None
    breaks: list[sp.Expr] = []
    for root, multiplicity in found.items():
        if root.is_real and multiplicity % 2:
            insert_sorted(breaks, root)
    return breaks


def _unknown(part: sp.Expr, x: sp.Symbol, whole: sp.Basic) -> SymntkError:
    if not part.has(x):
        wrong, advice = f"the sign of {part} is not known", "declare its parameters positive"
    else:
        wrong, advice = f"the points where {part} changes sign are not known", "an affine argument, or numbers"
    return NotGaussianElementaryError(str(whole), str(part), wrong, advice)
