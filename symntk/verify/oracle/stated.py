"""The number that a published integral stands for: E[f(u) g(v)] as it is shown where no closed form exists.

Comes in: an expression with integrals over the whole line in u, in v, or in both, and numbers. Goes out: its value, by
Gauss–Legendre panels cut at the kinks, in double precision. The formula is taken as it stands; nothing of it is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import NormalForm
from symntk.language.special.table import functions_of_arrays
from symntk.verify.oracle.elementary.numeric import Branch, numeric, settled
from symntk.verify.oracle.general.functions import realized
from symntk.verify.oracle.numbers import Number, mp

_REACH = 12.0  # standard deviations
_PANELS, _NODES = 48, 16
_LONG = 10**6
_SHARP = tuple(range(4, 15))
_ROUGH = (*_SHARP, *range(15, 45, 3))
"""How often the distance from a kink is halved, the last panel beside it being that wide."""
_NEXT_TO = 2.0 ** -_SHARP[-1]


def stated_value(
    expr: sp.Expr,
    values: Mapping[sp.Symbol, Any],
    spans: Mapping[str, tuple[float, float]],
    kinks: Sequence[float],
    cuts: Sequence[float] = (),
) -> float:
    """The value of an expression that may hold integrals.

    Args:
        expr: the expression.
        values: a number for each free symbol.
        spans: mean and variance of each variable of integration, by its name.
        kinks: where integrands may be sharp or not smooth, in any variable.
        cuts: where else panels end, such as around a narrow feature.

    >>> u = sp.Symbol("u", real=True)
    >>> bell = sp.Integral(sp.Abs(u) * sp.exp(-u**2 / 2), (u, -sp.oo, sp.oo))
    >>> round(stated_value(bell, {}, {"u": (0.0, 1.0)}, [0.0]), 10)
    2.0
    """
    plain = expr.subs(dict(values))
    # the outermost integrals, each once
    integrals = sorted(plain.atoms(sp.Integral), key=sp.count_ops, reverse=True)
    numbers: dict[sp.Expr, sp.Expr] = {}
    for one in integrals:
        if not one.free_symbols and not any(other.has(one) for other in numbers):
            numbers[one] = sp.Float(_integrated(one, spans, kinks, cuts))
    return float(sp.N(plain.xreplace(numbers)))


def mixture_differences(
    form: GeneralForm, kernels: Sequence[tuple[float, NormalForm]], places: Sequence[float], dps: int = 30
) -> list[Number]:
    """f(x) − Σ weight · kernel(x) at some places, deltas left aside, as mpmath numbers.

    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.forms.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> kernels = [(0.5, normal_form(x, x)), (0.5, normal_form(x**2, x))]
    >>> mixture_differences(general_form(x, x), kernels, [3.0])
    [mpf('-3.0')]
    """
    function, found = realized(form), []
    with mp.workdps(dps):
        parts = [(mp.mpf(weight), numeric(kernel, dps).pieces) for weight, kernel in kernels]
        for place in map(mp.mpf, places):
            mixed = mp.fsum(weight * Branch(settled(pieces, place, mp.zero))(place) for weight, pieces in parts)
            found.append(function.number(place) - mixed)
    return found


def _integrated(
    one: sp.Integral, spans: Mapping[str, tuple[float, float]], kinks: Sequence[float], cuts: Sequence[float]
) -> float:
    variables = [limit[0] for limit in one.limits]
    closest = _ROUGH if _is_rough(one.function) else _SHARP
    axes = [_axis(*spans[symbol.name], kinks, cuts, closest) for symbol in variables]
    function = sp.lambdify(
        variables, _in_floats(one.function), modules=[functions_of_arrays(extended=True), "numpy"], cse=True
    )
    with np.errstate(all="ignore"):
        if len(axes) == 1:
            points, weights = axes[0]
            values = np.broadcast_to(function(points), points.shape)
            return float(weights @ np.where(np.isfinite(values), values, 0.0))
        (first, w), (second, v) = axes
        total = 0.0
        for block in np.array_split(np.arange(len(first)), math.ceil(len(first) * len(second) / 250_000)):
            shape = (len(block), len(second))  # arrays of one shape: a choice between pieces needs them
            grid = np.broadcast_arrays(first[block, None], second[None, :])
            values = np.broadcast_to(function(*grid), shape)
            total += float(w[block] @ np.where(np.isfinite(values), values, 0.0) @ v)
    return total


def _in_floats(expr: sp.Expr) -> sp.Expr:
    """Long fractions as floats: they came from floats, and arrays of long integers have no roots."""
    long = {r: sp.Float(r, 30) for r in expr.atoms(sp.Rational) if max(abs(r.p), r.q) > _LONG}
    return expr.xreplace(long)


def _is_rough(expr: sp.Expr) -> bool:
    """Whether there may be a logarithm or a root at a kink."""
    return bool(expr.has(sp.log)) or any(p.exp.is_integer is False and p.exp.is_number for p in expr.atoms(sp.Pow))


def _axis(
    mean: float, variance: float, kinks: Sequence[float], cuts: Sequence[float], closest: Sequence[int]
) -> tuple[Any, Any]:
    """Points and weights."""
    reach = _REACH * math.sqrt(variance)
    edges = np.linspace(mean - reach, mean + reach, _PANELS + 1)
    # towards a kink the panels shrink: what is sharp is sharp there
    close = reach * 2.0 ** -np.array(closest, float)
    places = [k + sense * gap for k in kinks for gap in (0.0, *close) for sense in (1, -1)]
    # next to a kink the panels there do for those that follow a logarithm or a root down to nothing
    others = [cut for cut in cuts if all(abs(cut - k) > reach * _NEXT_TO for k in kinks)]
    edges = np.unique([*edges, *(k for k in (*places, *others) if edges[0] < k < edges[-1])])
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    return (middle + half * nodes).ravel(), (half * weights).ravel()
