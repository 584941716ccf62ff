"""Functions of the lag on a row of Chebyshev grids: what the equations of the autocovariance are solved on.

Each grid holds half a period of an input, as what an autocovariance does within short lags it does again at every
multiple of the period; the grids' points are dense there. Where grids join, the function and its slope are continuous;
it is flat at both ends.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sparse
import scipy.sparse.linalg

from symntk.dynamics.spectral import Grid, exponent
from symntk.errors import DomainError

_DENSE = 200  # points up to which full matrices are faster
_BESIDE, _RESTARTS = 1e-6, 200  # of the search for eigenvalues: how far from a bound it looks, and how often


class Elements:
    """`count` grids of the same length one after another, from lag 0.

    Args:
        length: of one of them, in units of τ.
        count: how many.
        points: of one of them; neighbours share one.

    >>> row = Elements(1.0, 3, 12)
    >>> c = row.smoothed(np.ones(len(row.points)))  # c − c'' = 1, flat at both ends
    >>> print(len(c), bool(np.allclose(c, 1.0)))
    34 True
    """

    def __init__(self, length: float, count: int, points: int) -> None:
        self.grid, self.count = Grid(length, points), count
        starts = np.arange(count) * (points - 1)
        size = count * (points - 1) + 1
        self.points = np.append((np.arange(count)[:, None] * length + self.grid.points[:-1]).ravel(), count * length)
        self.joints = np.append(starts, size - 1)
        self.inside = np.ones(size)
        self.inside[self.joints] = 0.0
        # rows of c − c'' inside; at joints the slope from the left less that from the right, at the ends the slope
        block = -self.grid.second
        block[0], block[-1] = -self.grid.derivative[0], self.grid.derivative[-1]
        rows, columns = (np.asarray(one) for one in np.indices(block.shape))
        entries = (np.tile(block.ravel(), count), (_shifted(rows, starts), _shifted(columns, starts)))
        curvature = sparse.csr_matrix(entries, (size, size))
        self.curvature: Any = curvature.toarray() if size <= _DENSE else curvature

    def solve(self, diagonal: np.ndarray, border: tuple[Any, ...], right: np.ndarray, odd: bool = False) -> np.ndarray:
        """Solve for a function c and one number m.

        Args:
            diagonal: what multiplies c inside, beside −c''.
            border: columns that c(0) and m add, and the last row's coefficients of c(0) and m.
            right: right-hand sides; those of the joints are jumps of the slope.
            odd: whether c changes its sign from end to end, and m is 0; on one grid.
        """
        by_first, by_number, first, number = border
        size = len(self.points)
        if size <= _DENSE or odd:
            matrix = np.zeros((size + 1, size + 1))
            matrix[:-1, :-1] = self.curvature if size <= _DENSE else self.curvature.toarray()
            matrix[np.arange(size), np.arange(size)] += self.inside * diagonal
            matrix[:-1, 0] += self.inside * by_first
            matrix[:-1, -1] = self.inside * by_number
            matrix[-1, 0], matrix[-1, -1] = first, number
            if odd:
                part = slice(size // 2)
                half = np.linalg.solve((matrix[:size, :size] - matrix[:size, size - 1 :: -1])[part, part], right[part])
                return np.concatenate([half, np.zeros(size % 2), -half[::-1], [0.0]])
            return np.asarray(np.linalg.solve(matrix, right))
        column = sparse.csr_matrix((self.inside * by_first, (np.arange(size), np.zeros(size, int))), (size, size))
        whole = sparse.bmat(
            [
                [self.curvature + sparse.diags(self.inside * diagonal) + column, (self.inside * by_number)[:, None]],
                [sparse.csr_matrix(([first], ([0], [0])), (1, size)), np.array([[number]])],
            ],
            format="csc",
        )
        return np.asarray(sparse.linalg.splu(whole).solve(right))

    def smoothed(self, source: np.ndarray) -> np.ndarray:
        """The solution of c − c'' = source, flat at both ends."""
        return np.asarray(self._smoothing(self.inside * source))

    @cached_property
    def _smoothing(self) -> Any:
        if len(self.points) <= _DENSE:
            factors = scipy.linalg.lu_factor(self.curvature + np.diag(self.inside))
            return lambda source: scipy.linalg.lu_solve(factors, source)
        return sparse.linalg.splu((self.curvature + sparse.diags(self.inside)).tocsc()).solve

    def exponent(self, potential: np.ndarray, below: float | None = None) -> float:
        """λ τ, as `spectral.exponent`; `below` is a number that E_0 is not below, the least of the potential or more.

        Raises:
            DomainError: the grids do not resolve the ground state.
        """
        if self.count == 1:
            return exponent(self.grid, potential)
        operator = sparse.csc_matrix(self.curvature) + sparse.diags(self.inside * potential)
        try:
            found = sparse.linalg.eigs(
                operator.tocsc(),
                k=1,
                M=sparse.diags(self.inside).tocsc(),
                sigma=(float(np.min(potential)) if below is None else below) - _BESIDE,
                v0=np.ones(len(self.points)),
                maxiter=_RESTARTS,
                return_eigenvectors=False,
            )
        except sparse.linalg.ArpackNoConvergence:
            found = np.array([1j])
        lowest = complex(found[0])
        if abs(lowest.imag) > 1e-6 * (1.0 + abs(lowest.real)):
            raise DomainError("the Lyapunov exponent", "the grid has no real eigenvalue", "more points")
        return float(np.sqrt(1.0 - lowest.real) - 1.0) if lowest.real < 1.0 else -1.0


def _shifted(indices: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.asarray((starts[:, None] + indices.ravel()).ravel())
