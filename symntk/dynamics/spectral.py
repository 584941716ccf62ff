"""Chebyshev collocation on lags 0 … L: derivatives, and the ground state that gives a Lyapunov exponent."""

from __future__ import annotations

from typing import Any

import numpy as np

from symntk.errors import DomainError


class Grid:
    """Chebyshev–Gauss–Lobatto points from 0 to `reach`, and differentiation there.

    Source: Trefethen 2000, Spectral Methods in MATLAB, chapter 6.

    >>> grid = Grid(2.0, 16)
    >>> print(np.abs(grid.derivative @ np.sin(grid.points) - np.cos(grid.points)).max() < 1e-12)
    True
    """

    def __init__(self, reach: float, points: int) -> None:
        self.reach = reach
        at = np.pi * np.arange(points) / (points - 1)
        x = -np.cos(at)
        signs = (-1.0) ** np.arange(points)
        signs[[0, -1]] *= 2.0
        # differences of cosines as products of sines: no digits are lost between neighbours
        gaps = 2.0 * np.sin(0.5 * np.add.outer(at, at)) * np.sin(0.5 * np.subtract.outer(at, at))
        matrix = np.outer(signs, 1.0 / signs) / (gaps + np.eye(points))
        matrix -= np.diag(matrix.sum(axis=1))
        self.points = 0.5 * reach * (x + 1.0)
        self.derivative = matrix * (2.0 / reach)
        self.second = self.derivative @ self.derivative


def exponent(grid: Grid, potential: Any) -> float:
    """λ τ = −1 + √(1 − E_0), E_0 the ground state of −∂² + potential on even functions, flat at both ends.

    Source: Engelken et al. 2022 (arXiv 2201.09916); Sompolinsky, Crisanti & Sommers 1988. The potential is given at the
    grid's points. At the far end the ground state is next to 0, or symmetric as where the potential is periodic.

    Raises:
        DomainError: the grid does not resolve the ground state.
    """
    inner = slice(1, -1)
    operator = -grid.second + np.diag(potential)
    # the two values at the ends follow from the derivatives there being 0
    ends = [0, -1]
    fixed = np.linalg.solve(grid.derivative[np.ix_(ends, ends)], -grid.derivative[ends, inner])
    reduced = operator[inner, inner] + operator[inner][:, ends] @ fixed
    values = np.linalg.eigvals(reduced)
    real = values[np.abs(values.imag) <= 1e-6 * (1.0 + np.abs(values.real))].real
    if not real.size:
        raise DomainError("the Lyapunov exponent", "the grid has no real eigenvalue", "more points")
    lowest = float(np.min(real))
    return float(np.sqrt(1.0 - lowest) - 1.0) if lowest < 1.0 else -1.0
