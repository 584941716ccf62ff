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
            if alpha.is_nonpositive and gamma.is_nonpositive:
                continue
            first, second = 2 * alpha * var_u, 2 * gamma * var_v
            parts = []
            if not alpha.is_nonpositive:
                parts.append(sp.Lt(first, 1))
            if not gamma.is_nonpositive:
                parts.append(sp.Lt(second, 1))
            if alpha != 0 and gamma != 0:
                parts.append(sp.Gt((1 - first) * (1 - second), 4 * alpha * gamma * cov**2))
            found |= dict.fromkeys(parts)
    return tuple(found)


def _rates(form: NormalForm) -> list[sp.Expr]:
    return list(dict.fromkeys(t.quadratic for t in form.terms if not isinstance(t.window, Delta)))
