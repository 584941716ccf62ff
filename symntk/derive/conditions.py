"""Conditions of existence: a growing exponential of a square must not outgrow the Gaussian, where it is.

Whether E[f(u) g(v)] exists is decided far out: by the rates of f on both rays, those of g, and the four quadrants. A
function that grows on one ray alone meets one that does on one ray in one quadrant only; there the exponent
(α − b/2D)u² + (c/D)uv + (γ − a/2D)v², D = ab − c², must fall in every direction (the form is copositive), which a
covariance of the right sign brings about where the full plane has no mean. What is 0 on both rays has no condition.
"""

from __future__ import annotations

import sympy as sp

from symntk.language.forms.terms import Delta, NormalForm
from symntk.language.symbols import cov, var_u, var_v


def conditions(f: NormalForm, g: NormalForm) -> tuple[sp.Basic, ...]:
    """Where E[f(u) g(v)] exists.

    >>> from symntk.language.forms.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> conditions(normal_form(sp.exp(x**2 / 3), x), normal_form(sp.S.One, x))
    (2*a/3 < 1,)
    >>> conditions(normal_form(sp.Piecewise((sp.exp(x**2), sp.Abs(x) < 1), (0, True)), x), normal_form(x, x))
    ()
    """
    if _is_plain(f) and _is_plain(g):
        return formula_conditions(f, g)
    senses: dict[tuple[sp.Expr, sp.Expr], set[int]] = {}
    bounded = [[-sp.oo] if not (_rates_on(one, -1) or _rates_on(one, 1)) else [] for one in (f, g)]
    for side in (-1, 1):
        for other in (-1, 1):
            for alpha in _rates_on(f, side) + bounded[0]:
                for gamma in _rates_on(g, other) + bounded[1]:
                    senses.setdefault((alpha, gamma), set()).add(side * other)
    found: dict[sp.Basic, None] = {}
    for (alpha, gamma), both in senses.items():
        one_sided = len(both) == 1 and alpha != -sp.oo and gamma != -sp.oo
        found |= dict.fromkeys(_quadrant(alpha, gamma, min(both)) if one_sided else _pair(alpha, gamma))
    return tuple(found)


def formula_conditions(f: NormalForm, g: NormalForm) -> tuple[sp.Basic, ...]:
    """Where each term has a mean of its own: I − 2Σ diag(α, γ) positive definite for every exp(αu²) and exp(γv²)."""
    found: dict[sp.Basic, None] = {}
    for alpha in _rates(f):
        for gamma in _rates(g):
            found |= dict.fromkeys(_pair(alpha, gamma))
    return tuple(found)


def _pair(alpha: sp.Expr, gamma: sp.Expr) -> list[sp.Basic]:
    """For exp(αu²) exp(γv²) on the whole plane; a delta, or what is 0 far out, is the limit of a rate −∞."""
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


def _quadrant(alpha: sp.Expr, gamma: sp.Expr, sense: int) -> list[sp.Basic]:
    """For exp(αu²) exp(γv²) where u·v has the sign `sense`."""
    if alpha.is_nonpositive and gamma.is_nonpositive:
        return []
    det = var_u * var_v - cov**2
    first, second = var_v - 2 * alpha * det, var_u - 2 * gamma * det
    alone = [sp.Gt(value, 0) for value, rate in ((first, alpha), (second, gamma)) if not rate.is_nonpositive]
    return [*alone, sp.Gt(sp.sqrt(first * second), sense * cov)]


def _rates(form: NormalForm) -> list[sp.Expr]:
    return list(dict.fromkeys(-sp.oo if isinstance(t.window, Delta) else t.quadratic for t in form.terms))


def _is_plain(form: NormalForm) -> bool:
    """Whether what grows does so on both rays."""
    growing = {t.quadratic for t in form.terms if not isinstance(t.window, Delta) and not t.quadratic.is_nonpositive}
    return all(growing <= set(_rates_on(form, side)) for side in (-1, 1))


def _rates_on(form: NormalForm, side: int) -> list[sp.Expr]:
    """The rates α of exp(αx²) that remain at x → side·∞; −∞ for a delta."""
    net: dict[tuple[int, sp.Expr, sp.Expr], sp.Expr] = {}
    found: dict[sp.Expr, None] = {}
    for t in form.terms:
        if isinstance(t.window, Delta):
            found[-sp.oo] = None
        elif t.window is None or t.window.side == side:
            key = (t.power, t.quadratic, t.linear)
            net[key] = net.get(key, sp.S.Zero) + t.coefficient
        elif t.window.variance != 0:
            found[t.quadratic - 1 / (2 * t.window.variance)] = None
    found |= {quadratic: None for (_, quadratic, _), total in net.items() if sp.expand(total) != 0}
    return list(found)


def grows_far_out(form: NormalForm) -> bool:
    """Whether a rate on a ray is not known to be 0 or negative.

    >>> from symntk.language.forms.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> bump = sp.Piecewise((sp.exp(x**2), sp.Abs(x) < 1), (0, True))
    >>> grows_far_out(normal_form(bump, x)), grows_far_out(normal_form(sp.exp(x**2) * sp.Heaviside(x), x))
    (False, True)
    """
    return any(rate != -sp.oo and not rate.is_nonpositive for side in (-1, 1) for rate in _rates_on(form, side))
