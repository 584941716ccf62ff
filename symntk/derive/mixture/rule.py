"""The logistic function as a finite mixture of normal distribution functions, with certified errors.

The logistic distribution is a scale mixture of normals (Andrews & Mallows 1974; Stefanski 1991):

    1/(1 + e^{−x}) = ∫ Φ(x/2s) dF(s),   F the Kolmogorov distribution.

A Gauss rule for dF in log s leaves Σ w_j Φ(p_j x) with positive weights. Nodes and weights are numbers; what is wrong
with them, rounding included, is measured afterwards by `symntk.derive.mixture.bound`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from symntk.derive.mixture.bound import Remainder
from symntk.errors import SymntkError

MOST_TERMS = 24
"""More terms do not help: the rounding of weights to float64 is all that is left."""

_QUANTUM = 2.0**-52  # weights are multiples of it: they and their sums up to 2 are exact in float64


@dataclass(frozen=True)
class LogisticMixture:
    """Positive nodes p_j (decreasing) and weights w_j with Σ w_j = 1 exactly: logistic(x) ≈ Σ w_j Φ(p_j x)."""

    nodes: tuple[float, ...]
    weights: tuple[float, ...]

    @cached_property
    def _remainder(self) -> Remainder:
        return Remainder(self.nodes, self.weights)

    @property
    def error(self) -> float:
        """A certified upper bound of sup |logistic(x) − Σ w_j Φ(p_j x)| over the real line."""
        return self.bound(0)

    def bound(self, order: int, power: int = 0) -> float:
        """A certified upper bound of sup |x^power · (d/dx)^order [logistic(x) − Σ w_j Φ(p_j x)]|.

        Order −1 is the integral: softplus(x) − Σ w_j (x Φ(p_j x) + φ(p_j x)/p_j). How it is certified is said in
        `symntk.derive.mixture.bound`.

        >>> rule = logistic_mixture(1e-9)
        >>> rule.bound(1, power=1) > rule.bound(1) / 10 > 0
        True
        """
        return self._remainder.bound(order, power)

    def square_bound(self, order: int, power: int = 0) -> float:
        """A certified upper bound of the L² norm over the real line of what `bound` bounds."""
        return self._remainder.square_bound(order, power)


@cache
def logistic_mixture(tol: float) -> LogisticMixture:
    """The shortest Gauss rule whose certified error for the logistic function itself is at most `tol`.

    Raises:
        SymntkError: `tol` is below what weights in float64 can give.

    >>> rule = logistic_mixture(1e-10)
    >>> sum(rule.weights) == 1.0 and min(rule.weights) > 0.0 and rule.error <= 1e-10
    True
    >>> len(logistic_mixture(1e-6).nodes) < len(rule.nodes)
    True
    """
    for count in range(1, MOST_TERMS + 1):
        rule = gauss_rule(count)
        # the certificate costs more than a look at some points, which refuses most of the rules
        if _seen_error(rule) <= tol and rule.error <= tol:
            return rule
    finest = gauss_rule(MOST_TERMS).error
    wrong = f"{MOST_TERMS} terms leave {finest:.1e}, and more do not help in float64"
    raise SymntkError(f"a mixture for the logistic function with an error of {tol:g}", wrong, "a larger tolerance")


@cache
def gauss_rule(count: int) -> LogisticMixture:
    """The Gauss rule with `count` nodes for the Kolmogorov distribution in log s, weights rounded to sum to 1.

    The orthogonal polynomials are those of the trapezoidal rule with 512 points, itself exact to rounding.
    """
    logs, masses = _kolmogorov_points()
    alpha, beta = _lanczos(logs, masses, count)
    jacobi = np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1)
    places, vectors = np.linalg.eigh(jacobi)
    weights = np.maximum(np.round(vectors[0] ** 2 / _QUANTUM), 1.0) * _QUANTUM
    weights[np.argmax(weights)] += 1.0 - weights.sum()  # exact: what the rounding has left over
    return LogisticMixture(tuple((0.5 * np.exp(-places)).tolist()), tuple(weights.tolist()))


def kolmogorov_density(s: np.ndarray) -> np.ndarray:
    """The density of Kolmogorov's distribution at s > 0, with a small relative error.

    One of the two theta series each for small and for large s; six terms of either are exact to rounding there.

    >>> points = np.linspace(0.05, 6.0, 4000)
    >>> bool(abs(kolmogorov_density(points).sum() * (points[1] - points[0]) - 1.0) < 1e-12)
    True
    """
    k = np.arange(1, 7)[:, None]
    odd = ((2 * k - 1) * np.pi) ** 2
    low = np.sqrt(2 * np.pi) * ((odd / (4 * s**4) - 1 / s**2) * np.exp(-odd / (8 * s**2))).sum(axis=0)
    high = 8 * s * ((-1.0) ** (k - 1) * k**2 * np.exp(-2 * (k * s) ** 2)).sum(axis=0)
    density: np.ndarray = np.where(s < 0.8, low, high)
    return density


def _kolmogorov_points() -> tuple[np.ndarray, np.ndarray]:
    """The trapezoidal rule for the distribution in log s: where its density is above 1e-22, and what sums to 1."""
    logs = np.linspace(np.log(0.155), np.log(5.1), 512)
    s = np.exp(logs)
    masses = kolmogorov_density(s) * s
    return logs, masses / masses.sum()


def _lanczos(points: np.ndarray, masses: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Recurrence coefficients of the orthonormal polynomials of a discrete measure (Golub & Meurant 2010, §4)."""
    basis = np.zeros((count, len(points)))
    alpha, beta = np.zeros(count), np.zeros(count)
    vector = np.sqrt(masses)
    for i in range(count):
        basis[i] = vector / np.linalg.norm(vector)
        vector = points * basis[i]
        alpha[i] = vector @ basis[i]
        for _ in range(2):  # once more, or orthogonality is lost to rounding
            vector = vector - basis[: i + 1].T @ (basis[: i + 1] @ vector)
        beta[i] = np.linalg.norm(vector)
    return alpha, beta[:-1]


def _seen_error(rule: LogisticMixture) -> float:
    """The largest error at some points, in float64: from below, and only there to choose."""
    from scipy.special import expit, ndtr

    x = np.linspace(0.0, 40.0, 800)
    mixed = np.array(rule.weights) @ ndtr(np.multiply.outer(rule.nodes, x))
    return float(np.abs(expit(x) - mixed).max()) - 2e-15
