"""A ladder of coarser and coarser panels under a function that is a polynomial between edges.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # (left, right, merged, hard, start, weights), see `_ladder`
    Ladder = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]

# Nodes of a panel.
_ORDER = 16


def _points(knots: Sequence[tuple[float, float]], rates: Sequence[float], edges: Sequence[float]) -> np.ndarray:
    """All edges, sorted; without any, those of what knots and rates say: soft steps and decaying exponentials."""
    points = [*edges, *(x for x, _ in knots)]
    if not len(edges):
        points += [x + step * width for x, width in knots for step in (-9.0, -6.0, -3.0, 3.0, 6.0, 9.0)]
        points += [x - step / rate for x, _ in knots for rate in rates if rate for step in (9.0, 18.0, 27.0, 38.0)]
    return np.unique(np.array(points, dtype=np.float64))


def _hard(knots: Sequence[tuple[float, float]]) -> list[float]:
    """Where there is a kink or a jump."""
    return [x for x, width in knots if width == 0.0]


def _widths(points: np.ndarray, wanted: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The widths of the ladder's rungs, powers of 2 that serve the widths wanted, and the rung of each row."""
    if len(points) < 2:
        return np.zeros(1), [np.zeros(len(width), dtype=np.int64) for width in wanted]
    least, most = np.min(np.diff(points)), 2.0 * (points[-1] - points[0])
    rounded = [np.exp2(np.floor(np.log2(np.clip(width, least, most)))) for width in wanted]
    rounded = [np.where(width < 2.0 * least, 0.0, size) for width, size in zip(wanted, rounded, strict=True)]
    widths = np.unique(np.concatenate([np.zeros(1), *rounded]))
    return widths, [np.searchsorted(widths, size) for size in rounded]


def _ladder(
    function: Callable[[np.ndarray], np.ndarray], points: np.ndarray, hard: Sequence[float], widths: np.ndarray
) -> Ladder:
    """Panels on every rung, as flat arrays: left and right ends, whether it is merged of several intervals, weights.

    Rung 0 has the intervals between the points; on the others neighbours are merged up to the rung's width. Rung l is
    start[l] ≤ index < start[l + 1], and begins and ends with an unbounded panel. The weights of a bounded panel at its
    16 nodes integrate function · polynomial of degree 15 over it.
    """
    nodes, weights = _legendre()
    half = 0.5 * np.diff(points)
    x = points[:-1, None] + half[:, None] * (1.0 + nodes)
    leaves = function(x.ravel()).reshape(x.shape) * half[:, None] * weights
    degrees = np.arange(_ORDER)
    back = ((degrees + 0.5)[:, None] * np.polynomial.legendre.legvander(nodes, _ORDER - 1).T) * weights
    lefts, rights, merges, tables, start = [], [], [], [], [0]
    for width in widths:
        ends = [0] if len(points) else []
        while ends and ends[-1] < len(points) - 1:
            reached = int(np.searchsorted(points, points[ends[-1]] + width, side="right")) - 1
            ends.append(max(reached, ends[-1] + 1))
        at = points[ends]
        count = np.diff(ends)
        table = leaves[ends[:-1]]
        several = np.flatnonzero(count > 1)
        if several.size:
            panel = np.repeat(np.arange(len(count)), count)
            inside = np.flatnonzero(count[panel] > 1)
            middle, radius = 0.5 * (at[1:] + at[:-1])[panel[inside]], 0.5 * np.diff(at)[panel[inside]]
            local = (x[inside] - middle[:, None]) / radius[:, None]
            moments = np.einsum("ij,ijm->im", leaves[inside], np.polynomial.legendre.legvander(local, _ORDER - 1))
            table[several] = np.add.reduceat(moments, np.cumsum(count[several]) - count[several]) @ back
        none = np.zeros((1, _ORDER))
        lefts.append(np.concatenate([[-np.inf], at]))
        rights.append(np.concatenate([at, [np.inf]]))
        merges.append(np.concatenate([[False], count > 1, [False]] if len(points) else [[False]]))
        tables += [none, table, none] if len(points) else [none]
        start.append(start[-1] + len(at) + 1)
    left, right, merged = np.concatenate(lefts), np.concatenate(rights), np.concatenate(merges)
    return left, right, merged, np.array(hard), np.array(start), np.concatenate(tables)


def _locate(ladder: Ladder, level: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The index of the panel of the rung `level` that holds x."""
    left, start = ladder[0], ladder[4]
    low, high = start[level], start[level + 1] - 1
    while np.any(low < high):
        middle = (low + high + 1) // 2
        beyond = left[middle] <= x
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle - 1)
    return np.asarray(low)


def _spread(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The integers first … last of each row, flat, with their rows."""
    count = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(count)), count)
    return owner, np.arange(owner.size) - np.repeat(np.cumsum(count) - count - first, count)


def _legendre() -> tuple[np.ndarray, np.ndarray]:
    """The Gauss–Legendre rule on (−1, 1)."""
    return np.polynomial.legendre.leggauss(_ORDER)
