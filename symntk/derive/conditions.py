"""Conditions of existence: a growing exponential of a square must not outgrow the Gaussian."""

from __future__ import annotations

import sympy as sp

from symntk.language.symbols import cov, var_u, var_v
from symntk.language.terms import Delta, NormalForm


def conditions(f: NormalForm, g: NormalForm) -> tuple[sp.Basic, ...]:
    """I − 2Σ diag(α, γ) must have positive eigenvalues for every exp(αu²) of f and exp(γv²) of g.

    >>> from symntk.language.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> conditions(normal_form(sp.exp(x**2 / 3), x), normal_form(sp.S.One, x))
    (2*a/3 < 1,)
    """
    found: dict[sp.Basic, None] = {}
    for alpha in _rates(f):
        for gamma in _rates(g):
            found |= dict.fromkeys(_pair(alpha, gamma))
    return tuple(found)


def _pair(alpha: sp.Expr, gamma: sp.Expr) -> list[sp.Basic]:
    """For exp(αu²) exp(γv²); a delta is the limit of a rate −∞."""
    det = var_u * var_v - cov**2
    if all(rate == -sp.oo or rate.is_nonpositive for rate in (alpha, gamma)):
        return []
    if alpha == -sp.oo:
        return [sp.Lt(2 * gamma * det, var_u)]
    if gamma == -sp.oo:
        return [sp.Lt(2 * alpha * det, var_v)]
    first, second = 2 * alpha * var_u, 2 * gamma * var_v
    both = sp.Gt((1 - first) * (1 - second), 4 * alpha * gamma * cov**2)
    if alpha.is_negative or gamma.is_negative:
        return [both]
    single = [sp.Lt(first, 1)] * (alpha != 0) + [sp.Lt(second, 1)] * (gamma != 0)
    return [*single, both] if len(single) == 2 else single


def _rates(form: NormalForm) -> list[sp.Expr]:
    return list(dict.fromkeys(-sp.oo if isinstance(t.window, Delta) else t.quadratic for t in form.terms))
