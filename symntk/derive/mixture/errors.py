"""How wrong a mixture is: three certified norms of its error, and the bound of √E (f − f̃)² that they give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp

from symntk.derive.mixture.heads import Heads
from symntk.derive.mixture.rule import LogisticMixture

_SAFETY = sp.Float(1 + 1e-12)  # the rounding of a sum of bounds


@dataclass(frozen=True)
class Errors:
    """Upper bounds for r = f − f̃: numbers, or formulas in the parameters of f.

    Attributes:
        largest: of sup |r(x)|.
        slope: of sup |r(x)/x|; infinite where r(0) = 0 is not known.
        square: of the root of ∫ r(x)² dx.
    """

    largest: sp.Expr
    slope: sp.Expr
    square: sp.Expr

    def of_variance(self, variance: np.ndarray) -> np.ndarray:
        """A bound of √E r(u)² for u ~ N(0, variance): whichever of the three is the best; shape of `variance`.

        The density is at most 1/√(2π variance). With another mean the first and the third hold as well.

        >>> bounds = Errors(sp.Float(1e-9), sp.Float(2e-9), sp.Float(3e-9))
        >>> print(bounds.of_variance(np.array([1e-4, 1.0, 1e8])).round(14))
        [2.000e-11 1.000e-09 1.895e-11]
        """
        spread = float(self.square) / (2.0 * np.pi * variance) ** 0.25
        best: np.ndarray = np.minimum(np.minimum(float(self.largest), float(self.slope) * np.sqrt(variance)), spread)
        return best

    def of_interval(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """A bound of √E r(u)² for all variances between `low` and `high`: each of the three at its worse end."""
        spread = float(self.square) / (2.0 * np.pi * low) ** 0.25
        best: np.ndarray = np.minimum(np.minimum(float(self.largest), float(self.slope) * np.sqrt(high)), spread)
        return best


def certified_errors(parts: list[Heads], x: sp.Symbol, rule: LogisticMixture) -> Errors:
    """The errors of a function from those of the logistic function, its derivatives and its integral.

    Each is Σ |coefficient of wᵏ| · norm of wᵏ times the n-th derivative's error, and the largest over the parts (the
    root of the sum of squares over the parts for the L² norm).
    """
    largest, slopes, squares = [], [], []
    for part in parts:
        total = slope_total = square_total = sp.S.Zero
        for (w, order), coefficient in part.coefficients.items():
            slope, offset = w.as_poly(x).all_coeffs()
            y = sp.Dummy("y", real=True)
            in_w = sp.Poly(sp.expand(coefficient.subs(x, (y - offset) / slope)), y)
            for (power,), value in in_w.terms():
                size = _size(value)
                total += size * sp.Float(rule.bound(order, power))
                square_total += size * sp.Float(rule.square_bound(order, power)) / _size(sp.sqrt(slope))
                slope_total += size * _size(slope) * _over_argument(rule, order, power) if offset == 0 else sp.oo
        largest.append(total * _SAFETY)
        slopes.append(slope_total * _SAFETY)
        squares.append(square_total * _SAFETY)
    return Errors(sp.Max(*largest), sp.Max(*slopes), sp.sqrt(sp.Add(*(s**2 for s in squares))) * _SAFETY)


def _over_argument(rule: LogisticMixture, order: int, power: int) -> sp.Expr:
    """A bound of |w^(power − 1) · error of the derivative|; the error is odd for even orders, so that it is 0 at 0."""
    if power:
        return sp.Float(rule.bound(order, power - 1))
    return sp.Float(rule.bound(order + 1)) if order % 2 == 0 else sp.oo


def _size(value: sp.Expr) -> sp.Expr:
    size = sp.Abs(value)
    return sp.N(size, 20) if size.is_number else size
