"""The linear system behind gradient flow: (1 − e^{−tA}) A⁻¹ for a matrix A that need not be symmetric."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg

_WELL_CONDITIONED = 1e4
"""Eigenvectors up to this condition number are used; they cost four digits."""


@dataclass(frozen=True)
class Convergence:
    """Where a gradient flow e' = −A e goes.

    Attributes:
        least_symmetric: least eigenvalue of the symmetric part (A + Aᵀ)/2; positive: |e| falls at every time, at least
            like e^{−t·least_symmetric}, from every start.
        least_real: least real part of A's eigenvalues; positive: e → 0 as t → ∞, though |e| may grow first.
        rounding: eigenvalues below it in magnitude cannot be told from 0 in float64.
    """

    least_symmetric: float
    least_real: float
    rounding: float

    @property
    def converges(self) -> bool:
        """Whether the flow tends to its fixed point from every start."""
        return self.least_real > self.rounding

    @property
    def sufficient_ridge(self) -> float:
        """A ridge above which the flow converges; 0 where it does without."""
        return 0.0 if self.converges else self.rounding - self.least_real

    @property
    def is_monotone(self) -> bool:
        """Whether the loss falls at every time from every start."""
        return self.least_symmetric > self.rounding

    def __str__(self) -> str:
        symmetric = f"least eigenvalue of the symmetric part {self.least_symmetric:.3g}"
        if self.is_monotone:
            return f"converges, and the loss falls at every time: {symmetric}"
        real = f"least real part of the eigenvalues {self.least_real:.3g}"
        if self.converges:
            return f"converges, but the loss need not fall at every time: {symmetric}, {real}"
        if self.least_real < -self.rounding:
            return f"does not converge: some errors grow like exp({-self.least_real:.3g} t); {symmetric}"
        return (
            f"does not converge: the matrix is singular to rounding ({real}, rounding {self.rounding:.1e}), "
            f"so some errors never fall; {symmetric}"
        )


class LinearFlow:
    """W(t) = A⁻¹ (1 − e^{−tA}) = ∫₀ᵗ e^{−sA} ds, the weights of the training errors; (n, n) for every t ≥ 0.

    Symmetric A by eigenvalues, others by eigenvectors where these are well conditioned, else by the exponential of an
    augmented matrix (Van Loan 1978, IEEE Trans. Automatic Control 23, 395, theorem 1); each is exact where A is
    singular, too.

    >>> print(LinearFlow(np.array([[1.0, 1.0], [0.0, 1.0]])).weights(1.0).round(6))  # no basis of eigenvectors
    [[ 0.632121 -0.264241]
     [ 0.        0.632121]]
    """

    def __init__(self, matrix: Any) -> None:
        self.matrix = np.asarray(matrix, dtype=np.float64)
        self.symmetric = bool(np.all(self.matrix == self.matrix.T))

    @cached_property
    def convergence(self) -> Convergence:
        """Least eigenvalues, and what follows."""
        if not len(self.matrix):
            return Convergence(np.inf, np.inf, 0.0)
        least = float(scipy.linalg.eigvalsh(0.5 * (self.matrix + self.matrix.T), subset_by_index=[0, 0])[0])
        values = self._spectrum[0] if self.symmetric else scipy.linalg.eigvals(self.matrix)
        rounding = 4.0 * len(values) * float(np.finfo(float).eps * scipy.linalg.norm(self.matrix, 2))
        return Convergence(least, float(np.min(values.real)), rounding)

    def weights(self, time: float) -> Any:
        """W(t); time may be inf where the flow converges. Where errors grow beyond float64 it is not finite."""
        if not len(self.matrix):
            return np.zeros((0, 0))
        if np.isinf(time):
            return scipy.linalg.inv(self.matrix)
        if self.symmetric:
            values, vectors = self._spectrum
            return (vectors * _integral(values, time)) @ vectors.T
        if self._condition <= _WELL_CONDITIONED:
            values, vectors = self._spectrum
            left = vectors * _integral(values, time)
            return np.ascontiguousarray(scipy.linalg.solve(vectors.T, left.T, check_finite=False).T.real)
        return self._augmented(time)

    @cached_property
    def _spectrum(self) -> Any:
        if self.symmetric:
            return scipy.linalg.eigh(self.matrix)
        return scipy.linalg.eig(self.matrix)

    @cached_property
    def _condition(self) -> float:
        return float(np.linalg.cond(self._spectrum[1]))

    def _augmented(self, time: float) -> Any:
        """The upper right block of exp([[−tA, t], [0, 0]])."""
        n = len(self.matrix)
        block = np.zeros((2 * n, 2 * n))
        block[:n, :n], block[:n, n:] = -time * self.matrix, time * np.eye(n)
        found = scipy.linalg.expm(block)[:n, n:]
        if not np.all(np.isfinite(found)) and self.convergence.converges:
            return scipy.linalg.inv(self.matrix)  # t·A is beyond float64, so e^{−tA} has vanished long since
        return found


def _integral(values: Any, time: float) -> Any:
    """∫₀ᵗ e^{−sλ} ds = (1 − e^{−tλ})/λ, t at λ = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values == 0, time, -np.expm1(-time * values) / values)
