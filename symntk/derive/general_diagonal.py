"""An expectation of general functions at full correlation: one integral, or the rate at which deltas diverge."""

from __future__ import annotations

import sympy as sp

from symntk.derive.diagonal import Diagonal
from symntk.language.general_form import GeneralForm
from symntk.language.special import normal_pdf
from symntk.language.symbols import mean_u, var_u, x

_U = sp.Symbol("u", real=True)


def general_diagonal(f: GeneralForm, g: GeneralForm, *, means: bool) -> Diagonal:
    """The behaviour at v = u: E[f(u) g(u)], or the rate at which deltas at one place diverge.

    >>> from symntk.language.general_form import derivative, general_form
    >>> jump = derivative(general_form(sp.Heaviside(x) * (1 + sp.tanh(x)), x), x)
    >>> print(general_diagonal(jump, jump, means=False))
    diverges like 1/(2*pi*sqrt(a*b - c**2))
    """
    mean = mean_u if means else sp.S.Zero
    meeting = sum(
        (
            w * v * sp.exp(-((d.threshold - mean) ** 2) / (2 * var_u)) / (2 * sp.pi)
            for w, d in f.deltas
            for v, e in g.deltas
            if sp.expand(d.threshold - e.threshold) == 0
        ),
        start=sp.S.Zero,
    )
    if meeting != 0:
        return Diagonal(None, meeting, sp.Rational(-1, 2))
    limit = sp.S.Zero
    for one, other in ((f, g), (g, f)):
        for weight, delta in one.deltas:
            limit += weight * at_jump(other, delta.threshold) * _density(delta.threshold, mean)
    if f.has_regular_part and g.has_regular_part:
        product = (f.regular(x) * g.regular(x)).subs(x, _U)
        limit += sp.Integral(product * _density(_U, mean), (_U, -sp.oo, sp.oo))
    return Diagonal(limit)


def at_jump(form: GeneralForm, point: sp.Expr) -> sp.Expr:
    """The regular part's value; the mean of both sides at a jump."""
    index = sum(1 for b in form.breaks if sp.expand(b - point).is_negative)
    here = index < len(form.breaks) and sp.expand(form.breaks[index] - point) == 0
    sides = form.parts[index : index + 2] if here else form.parts[index : index + 1]
    return sp.Add(*(part.subs(x, point) for part in sides)) / len(sides)


def _density(at: sp.Expr, mean: sp.Expr) -> sp.Expr:
    return normal_pdf((at - mean) / sp.sqrt(var_u)) / sp.sqrt(var_u)
