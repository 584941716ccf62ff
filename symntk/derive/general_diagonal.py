"""An expectation of general functions at full correlation: one integral, or the rate at which deltas diverge."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import mpmath
import sympy as sp

from symntk.derive.diagonal import Diagonal
from symntk.derive.moves.condition import normal_density
from symntk.derive.moves.problem import U
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.growth import leading
from symntk.language.forms.order import compare, merged, place
from symntk.language.forms.pieces import Pieces
from symntk.language.forms.terms import Delta
from symntk.language.symbols import cov, mean_u, var_u, var_v, x

_CLOSE = mpmath.mpf(10) ** -45
_MANY = 16
Weighted = tuple[tuple[sp.Expr, Delta], ...]


def general_diagonal(f: GeneralForm, g: GeneralForm, *, means: bool) -> Diagonal:
    """The behaviour at v = u: E[f(u) g(u)], or the rate at which deltas at one place diverge.

    >>> from symntk.language.forms.general_form import derivative, general_form
    >>> jump = derivative(general_form(sp.Heaviside(x) * (1 + sp.tanh(x)), x), x)
    >>> print(general_diagonal(jump, jump, means=False))
    diverges like 1/(2*pi*sqrt(a*b - c**2))
    """
    mean = mean_u if means else sp.S.Zero
    meeting = sp.Add(
        *(
            w * v * sp.exp(-((d.threshold - mean) ** 2) / (2 * var_u)) / (2 * sp.pi)
            for (w, d), (v, e) in _near(f.deltas, g.deltas)
            if _same(d.threshold, e.threshold)
        )
    )
    if meeting != 0:
        return Diagonal(None, meeting, sp.Rational(-1, 2))
    singular = _singular(f, g, mean)
    if singular is not None:
        return singular
    terms = [
        weight * at_jump(other, delta.threshold) * normal_density(delta.threshold - mean, var_u)
        for one, other in ((f, g), (g, f))
        for weight, delta in one.deltas
    ]
    if f.has_regular_part and g.has_regular_part:
        product = _product(f, g).subs(x, U)
        terms.append(sp.Integral(product * normal_density(U - mean, var_u), (U, -sp.oo, sp.oo)))
    return Diagonal(sp.Add(*terms))


def _product(f: GeneralForm, g: GeneralForm) -> sp.Expr:
    """f(x) g(x) without the deltas: by parts where there are many, which SymPy compares with each other."""
    if max(len(f.parts), len(g.parts)) < _MANY:
        return f.regular(x) * g.regular(x)
    breaks = merged([f.breaks, g.breaks])
    sides = (Pieces(one.breaks, one.parts).refined(breaks) for one in (f, g))
    parts = [p * q for p, q in zip(*sides, strict=True)]
    kept = [i for i, (left, right) in enumerate(pairwise(parts)) if left != right]
    return GeneralForm(tuple(breaks[i] for i in kept), (parts[0], *(parts[i + 1] for i in kept))).regular(x)


def _near(first: Weighted, second: Weighted) -> Iterator[tuple[tuple[sp.Expr, Delta], tuple[sp.Expr, Delta]]]:
    """The pairs of deltas whose places may be one."""
    floats = [[place(delta.threshold) for _, delta in deltas] for deltas in (first, second)]
    known = [[None if value is None else float(value) for value in values] for values in floats]
    for one, p in zip(first, known[0], strict=True):
        for other, q in zip(second, known[1], strict=True):
            if p is None or q is None or abs(p - q) <= 1e-9 * (1 + abs(p)):
                yield one, other


def _same(p: sp.Expr, q: sp.Expr) -> bool:
    """Whether two places are one."""
    first, second = place(p), place(q)
    if first is None or second is None:
        return bool(sp.expand(p - q) == 0)
    return p == q or bool(abs(first - second) <= _CLOSE * (1 + abs(first)))


def _singular(f: GeneralForm, g: GeneralForm, mean: sp.Expr) -> Diagonal | None:
    """The rate at which it diverges where f ~ A |u − t|^p, g ~ B |u − t|^q and p + q ≤ −1; None without such t.

    With ε² = (ab − c²)/a the variance of v − u, and P = p + q < −1, what is near t scales: u = t + εx, v = u + εw,

        E[f g] ~ N(t; m1, a) ε^(1 + P) E ∫ A_± |x|^p B_± |x + w|^q dx,   w ~ N(0, 1),

    where both are on one side of t, B(p + 1, −P − 1) + B(q + 1, −P − 1) times |w|^(1 + P), or on two, B(p + 1, q + 1).
    At P = −1 it is a logarithm. The most singular places count.
    """
    found: dict[sp.Rational, sp.Expr] = {}
    for point in f.breaks:
        if not any(compare(point, other) == 0 for other in g.breaks if place(other) is not None):
            continue
        first, second = (_sides(one, point) for one in (f, g))
        for s, (factor, p) in first.items():
            for t, (other, q) in second.items():
                total = p + q
                if total > -1 or factor * other == 0 or (total == -1 and s != t):
                    continue
                if total == -1:
                    weight = -sp.log(var_u * var_v - cov**2) / 2
                else:
                    beta = sp.beta(p + 1, -total - 1) + sp.beta(q + 1, -total - 1) if s == t else sp.beta(p + 1, q + 1)
                    moment = 2 ** ((total - 1) / 2) * sp.gamma(1 + total / 2) / sp.sqrt(sp.pi)
                    weight = moment * beta * var_u ** (-(1 + total) / 2)
                found[total] = found.get(total, sp.S.Zero) + factor * other * weight * normal_density(
                    point - mean, var_u
                )
    if not found:
        return None
    total = min(found)
    coefficient = sp.gammasimp(found[total].rewrite(sp.gamma)) if total != -1 else found[total]
    return Diagonal(None) if coefficient == 0 else Diagonal(None, coefficient, (1 + total) / 2)


def _sides(form: GeneralForm, point: sp.Expr) -> dict[int, tuple[sp.Expr, sp.Rational]]:
    """How the function grows on both sides of a break: (A, p) of A |x − t|^p."""
    index = next(i for i, other in enumerate(form.breaks) if compare(point, other) == 0)
    return {side: leading(form.parts[index + (side > 0)], x, point, side) for side in (-1, 1)}


def at_jump(form: GeneralForm, point: sp.Expr) -> sp.Expr:
    """The regular part's value; the mean of both sides at a jump."""
    index = sum(1 for b in form.breaks if _is_below(b, point))
    here = index < len(form.breaks) and _same(form.breaks[index], point)
    sides = form.parts[index : index + 2] if here else form.parts[index : index + 1]
    return sp.Add(*(part.subs(x, point) for part in sides)) / len(sides)


def _is_below(p: sp.Expr, q: sp.Expr) -> bool:
    first, second = place(p), place(q)
    if first is None or second is None:
        return bool(sp.expand(p - q).is_negative)
    return bool(first < second) and not _same(p, q)
