"""Edges of functions whose building blocks are known: soft steps, Gaussians, exponentials and waves, set at run time.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.ladder import _spread

if TYPE_CHECKING:
    from collections.abc import Sequence

# A block is looked at within so many standard deviations of a law's mean.
_LAW_REACH = 39.0
# e^{-x²/2} and Φ(x) are polynomials to rounding, relative to their largest value, on intervals of this length around 0
# and where x times the length is below the second number. Beyond the third, and the fourth where there are more such
# blocks than the fifth, they are nothing.
_SOFT_LENGTH = 2.8
_SOFT_STEEP = 9.0
_SOFT_END = 38.0
_SOFT_END_OF_MANY = 19.0
_MANY_BLOCKS = 8
# e^{βx} is one on intervals of this many 1/|β|, and a number in so many of them; a wave is one on so many radians.
_DECAYS = 9.5
_DECAY_COUNT = 160
_RADIANS = 5.0
# Waves faster than this many radians per standard deviation are refused.
_FASTEST = 120.0


def _block_edges(
    knots: Sequence[tuple[float, float]], rates: Sequence[complex], mean: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Edges between which any product of the blocks is a polynomial, or nearly, in reach of the laws: sorted.

    A knot (location, width) is a kink of width 0 or a soft step or Gaussian; rates are the complex β of e^{βx}.

    >>> one = np.ones(1)
    >>> print(_block_edges([(0.0, 0.0)], [0.0], 0.0 * one, one))
    [0.]
    >>> found = _block_edges([(0.0, 1.0)], [2.0], one, one)  # a soft step beside e^{2x}
    >>> bool(np.all(np.diff(found) > 0.0)), len(found) > 20
    (True, True)
    """
    if not len(mean):
        return np.zeros(0)
    low, high = mean - _LAW_REACH * scale, mean + _LAW_REACH * scale
    lowest, highest = np.min(low), np.max(high)
    hard = [x for x, width in knots if width == 0.0]
    soft = [(x, width) for x, width in knots if width > 0.0]
    parts = [np.array(hard, dtype=np.float64)]
    if soft:
        table = [_SOFT_LENGTH]
        while table[-1] < (_SOFT_END if len(soft) <= _MANY_BLOCKS else _SOFT_END_OF_MANY):
            table.append(table[-1] + _SOFT_STEEP / (table[-1] + 0.5 * _SOFT_STEEP / table[-1]))
        steps = np.concatenate([np.negative(table), [0.0], table])
        points = np.concatenate([x + width * steps for x, width in soft])
        parts.append(points[(points >= lowest) & (points <= highest)])
    for rate in rates:
        for size, length, most in ((abs(rate.real), _DECAYS, _DECAY_COUNT), (abs(rate.imag), _RADIANS, 2**50)):
            if size > 0.0:
                first, last = np.ceil(low * (size / length)), np.floor(high * (size / length))
                parts.append(_multiples(np.clip(first, -most, most), np.clip(last, -most, most)) * (length / size))
    return np.unique(np.concatenate(parts))


def _multiples(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """All integers in one of the ranges first … last at least."""
    order = np.argsort(first)
    first, last = first[order], np.maximum.accumulate(last[order])
    starts = np.concatenate([[0], np.flatnonzero(first[1:] > last[:-1] + 1.0) + 1])
    ends = np.append(starts[1:] - 1, len(first) - 1)
    _, found = _spread(np.zeros(len(starts), dtype=np.int64), (last[ends] - first[starts]).astype(np.int64))
    owner = np.repeat(starts, np.maximum((last[ends] - first[starts]).astype(np.int64) + 1, 0))
    return np.asarray(first[owner] + found)


def _too_fast(rates: Sequence[complex], scale: np.ndarray) -> np.ndarray:
    """Where a wave is too fast for the law."""
    return np.asarray(max((abs(rate.imag) for rate in rates), default=0.0) * scale > _FASTEST)
