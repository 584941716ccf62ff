"""Functions with breaks, for mean 0: folded to the half line, where they are sums of tails h(x)·1[x > t].

A tail of a power is a Γ function. Other tails are closed where their pole is negative and t = 0 (Goodwin–Staton), where
it is 0 and t > 0 (exponential integral), and for what is even or odd in x on the whole half line.
"""

from __future__ import annotations

import sympy as sp

from symntk.derive.line.parts import Kind, Pole, Power, Split, Square
from symntk.derive.line.rules import (
    Fold,
    LaplaceMixture,
    LineStep,
    Moment,
    Parity,
    Unfold,
    elementary,
    gamma_mixture,
    pole_powers,
    s,
    square_power,
)
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.order import compare, insert_sorted
from symntk.language.symbols import x


def fold(form: GeneralForm, parts: list[Split], kinds: list[Kind]) -> LineStep | None:
    """E of the `kinds` in the parts of `form`, Y ~ N(0, b); None where a tail has no closed form.

    Errors: NotGaussianElementaryError where the assumptions do not decide the order of two places.
    """
    if not all(_is_finite(form.breaks, i, kind) for i, part in enumerate(parts) for kind in part.kinds):
        return None
    chosen = [sp.Add(*(part.kinds.get(k, sp.S.Zero) * k.as_expr(x) for k in kinds)) for part in parts]
    function = GeneralForm(form.breaks, tuple(chosen)).regular(x)
    points: list[sp.Expr] = [sp.S.Zero]
    for point in form.breaks:
        place = point * compare(point, sp.S.Zero)
        if place != 0:
            insert_sorted(points, place)
    sums = [_both_sides(form.breaks, parts, kinds, *ends) for ends in zip(points, [*points[1:], None], strict=True)]
    children: list[tuple[sp.Expr, LineStep]] = []
    for kind in dict.fromkeys(kind for part in sums for kind in part):
        before = sp.S.Zero
        for point, part in zip(points, sums, strict=True):
            jump, before = sp.expand(part.get(kind, sp.S.Zero) - before), part.get(kind, sp.S.Zero)
            if jump != 0:
                step = _tail(kind, point)
                if step is None:
                    return None
                children.append((jump, step))
    if not children:
        return Parity(function, None, False, ())
    return Fold(function, None, False, tuple(children))


def _is_finite(breaks: tuple[sp.Expr, ...], index: int, kind: Kind) -> bool:
    """Whether part `index` does not hold the pole, its ends included."""
    if not isinstance(kind, Pole):
        return True
    below = index > 0 and compare(kind.place, breaks[index - 1]) < 0
    return below or (index < len(breaks) and compare(kind.place, breaks[index]) > 0)


def _both_sides(
    breaks: tuple[sp.Expr, ...], parts: list[Split], kinds: list[Kind], low: sp.Expr, high: sp.Expr | None
) -> dict[Kind, sp.Expr]:
    """The coefficients of h(x) + h(−x) between `low` and `high` (None: ∞)."""
    right = parts[sum(compare(point, low) <= 0 for point in breaks)]
    left = parts[0 if high is None else sum(compare(point, -high) <= 0 for point in breaks)]
    sums: dict[Kind, sp.Expr] = {}
    for kind in kinds:
        if isinstance(kind, Power) and kind.side < 0:  # it lives on the left alone
            sums[kind.mirrored()[1]] = sums.get(kind.mirrored()[1], sp.S.Zero) + left.kinds.get(kind, sp.S.Zero)
            continue
        mirror_sign, mirror = kind.mirrored()
        sums[kind] = sums.get(kind, sp.S.Zero) + right.kinds.get(kind, sp.S.Zero)
        sums[mirror] = sums.get(mirror, sp.S.Zero) + mirror_sign * left.kinds.get(kind, sp.S.Zero)
    return {kind: value for kind, value in ((k, sp.expand(v)) for k, v in sums.items()) if value != 0}


def _tail(kind: Kind, start: sp.Expr) -> LineStep | None:
    """E[kind(Y) 1[Y > start]] for Y ~ N(0, b), start ≥ 0."""
    if isinstance(kind, Square):
        return _square_tail(kind, start)
    if isinstance(kind, Power):
        return Moment(x**kind.order, start, False, (), kind.order) if kind.side > 0 else None
    if start == 0 and compare(kind.place, sp.S.Zero) < 0:
        child = elementary(sp.exp(-s * x), False, start)
        first: LineStep = LaplaceMixture(1 / (x - kind.place), start, False, ((sp.S.One, child),), -kind.place)
    elif start != 0 and kind.place == 0:
        first = gamma_mixture(1, sp.S.Zero, sp.S.One, start)
    else:
        return None
    return pole_powers(first, kind.place, start, kind.order)[kind.order]


def _square_tail(kind: Square, start: sp.Expr) -> LineStep | None:
    if kind.centre != 0:
        return None
    if not kind.power and start == 0:
        return Unfold(kind.as_expr(x), start, False, ((sp.Rational(1, 2), square_power(kind.square, kind.order)),))
    if kind.power and kind.order == 1:
        return gamma_mixture(1, kind.square, kind.order, start)
    return None
