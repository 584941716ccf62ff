"""Formulas as functions of mpmath numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sympy as sp
from mpmath import mp

from symntk.language.scaled import NUMBERS
from symntk.language.special import MPMATH_FUNCTIONS

_FARTHEST = 2.0**40  # of an exponent: reducing a larger one takes as many bits as it is long


def _exp(w: Any) -> Any:
    """e^w; 0 for e^−10¹² and less, as a tower of exponentials has, and OverflowError on the other side."""
    real = mp.re(w)
    if real < -_FARTHEST:
        return mp.zero
    if real > _FARTHEST:
        raise OverflowError("an exponential beyond all use")
    return mp.exp(w)


_EXACT_FUNCTIONS = {
    "exp": _exp,
    **MPMATH_FUNCTIONS,
    **NUMBERS,
    "logistic": lambda w: 1 / (1 + mp.exp(-w)),
    "softplus": lambda w: mp.log1p(mp.exp(w)) if w < 0 else w + mp.log1p(mp.exp(-w)),
}


@lru_cache(maxsize=512)
def number_function(expr: sp.Expr, x: sp.Symbol) -> Callable[[Any], Any]:
    """The formula as a function of mpmath numbers at the working precision."""
    made: Callable[[Any], Any] = sp.lambdify(x, expr, modules=[_EXACT_FUNCTIONS, "mpmath"])
    return made
