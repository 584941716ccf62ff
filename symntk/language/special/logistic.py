"""The logistic function σ(x) = 1/(1 + e^{−x}) and its integral, as SymPy functions that do not overflow."""

from __future__ import annotations

from typing import Any

import sympy as sp
from mpmath import mp

from symntk.language.special.head import SpecialFunction


class logistic(SpecialFunction):
    """The logistic function 1/(1 + e^{−x}).

    >>> from sympy.abc import x
    >>> logistic(x).diff(x)
    logistic(-x)*logistic(x)
    >>> logistic(sp.S.Zero)
    1/2
    """

    @classmethod
    def eval(cls, x: Any) -> Any:
        """The value at 0."""
        return sp.Rational(1, 2) if x.is_zero else None

    def fdiff(self, argindex: int = 1) -> Any:
        """σ' = σ(x)·σ(−x)."""
        return logistic(self.args[0]) * logistic(-self.args[0])

    def _eval_rewrite_as_exp(self, x: Any, **_: Any) -> Any:
        return 1 / (1 + sp.exp(-x))

    @staticmethod
    def number(w: Any) -> Any:
        """By the formula."""
        return 1 / (1 + mp.exp(-w))


class softplus(SpecialFunction):
    """The integral of the logistic function, log(1 + e^x).

    >>> from sympy.abc import x
    >>> softplus(2 * x).diff(x)
    2*logistic(2*x)
    """

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative σ(x)."""
        return logistic(self.args[0])

    def _eval_rewrite_as_exp(self, x: Any, **_: Any) -> Any:
        return sp.log(1 + sp.exp(x))

    @staticmethod
    def number(w: Any) -> Any:
        """Without a large exponential."""
        w = mp.convert(w)
        return mp.log1p(mp.exp(w)) if w.real <= 0 else w + mp.log1p(mp.exp(-w))
