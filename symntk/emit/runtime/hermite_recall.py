"""Hermite coefficients that were computed a moment ago: an iteration asks for nearly the same laws again and again.

A step of a two-time recursion, of a fixed point or of an optimizer has one law or a few that the step before had not.
What is kept for a function are the rows of its last call, and those before them while all together are few.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.hermite import _hermite_coefficients

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Shape = tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[tuple[float, float]], Sequence[float]]
    Key = tuple[Callable[..., np.ndarray], int, tuple[float, ...]]

# Numbers of a function's rows up to which older ones stay beside those of the last call (2 MB), and numbers of all
# that are kept: 32 MB.
_RECALL_FEW = 2**18
_RECALL_HELD = 2**22
_RECALLED: dict[Key, tuple[np.ndarray, ...]] = {}


def _recalled_coefficients(
    f: Callable[[np.ndarray], np.ndarray], shape: Shape, mean: np.ndarray, variance: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `_hermite_coefficients` returns, for the same arguments.

    >>> shape = (), (), (), (0.0,)
    >>> first = _recalled_coefficients(np.square, shape, np.zeros(1), np.ones(1), 4)
    >>> again = _recalled_coefficients(np.square, shape, np.zeros(2), np.array([1.0, 4.0]), 4)
    >>> print(first[0].round(6) + 0.0, again[0][1].round(6) + 0.0)
    [[1.       0.       1.414214 0.      ]] [4.       0.       5.656854 0.      ]
    """
    key = f, count, tuple(shape[3])
    law = _recall_law(mean, variance)
    held = _RECALLED.get(key)
    if held is None:
        found = _hermite_coefficients(f, shape, mean, variance, count)
        _recall_keep(key, law, found)
        return found
    place, fresh = _recall_places(held[0], law)
    new = np.flatnonzero(fresh)
    coefficients, second, loss = (array[place] for array in held[1:])
    if new.size:
        rows = _hermite_coefficients(f, shape, mean[new], variance[new], count)
        coefficients[new], second[new], loss[new] = rows
        if held[1].size + rows[0].size <= _RECALL_FEW:
            joined = (np.concatenate(pair) for pair in zip(held[1:], rows, strict=True))
            _recall_keep(key, np.concatenate([held[0], law[new]]), tuple(joined))
        else:
            _recall_keep(key, law, (coefficients, second, loss))
    return coefficients, second, loss


def _recall_law(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Mean and variance as one complex number: these are sorted much faster than rows."""
    law = np.empty(len(mean), dtype=np.complex128)
    law.real, law.imag = mean, variance
    return law


def _recall_places(held: np.ndarray, law: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each law is among those that are kept, and whether it is not."""
    place = np.minimum(np.searchsorted(held, law), len(held) - 1)
    return place, held[place] != law


def _recall_keep(key: Key, law: np.ndarray, rows: tuple[np.ndarray, ...]) -> None:
    """Keep rows, sorted by their laws; those of other functions are forgotten where there is no room."""
    good = np.flatnonzero(np.isfinite(rows[2]))
    if not good.size or rows[0].size > _RECALL_HELD:
        return
    if rows[0].size + sum(other[1].size for name, other in list(_RECALLED.items()) if name != key) > _RECALL_HELD:
        _RECALLED.clear()
    order = good[np.argsort(law[good])]
    _RECALLED[key] = law[order], *(array[order] for array in rows)
