"""A ladder of coarser and coarser panels under a function that is a polynomial between edges.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # (points, values): edges, and the function at the nodes of each interval between two of them
    Leaves = tuple[np.ndarray, np.ndarray]
    # (left, right, merged, hard, start, weights), see `_ladder`
    Ladder = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]

# Nodes of a panel, and their Gauss–Legendre rule on (−1, 1): exact to degree 47.
_ORDER = 24
_LEGENDRE = np.polynomial.legendre.leggauss(_ORDER)
# An interval is halved while what is left of the function beyond degree 16, or 12, is above these fractions of its
# largest value there: the other degrees of the rule are for what it is multiplied by. So often at most.
_BEYOND = ((17, 1e-9), (13, 1e-6))
_HALVINGS = 3
# Of the largest value anywhere: what is smaller needs no resolution.
_NOTHING = 1e-75


def _hard(knots: Sequence[tuple[float, float]]) -> list[float]:
    """Where there is a kink or a jump."""
    return [x for x, width in knots if width == 0.0]


def _leaves(function: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> Leaves:
    """The points, with more of them where an interval has too high a degree; values at the nodes of every interval."""
    nodes, weights = _LEGENDRE
    if len(points) < 2:
        return points, np.zeros((0, _ORDER))
    project = np.polynomial.legendre.legvander(nodes, _ORDER - 1) * weights[:, None] * (np.arange(_ORDER) + 0.5)
    left, right = points[:-1], points[1:]
    values = _at_nodes(function, left, right, nodes)
    largest = np.max(np.abs(values), axis=1)
    floor = _NOTHING * np.max(largest, initial=0.0, where=np.isfinite(largest))
    fresh = np.arange(len(left))
    for _ in range(_HALVINGS):
        size = np.max(np.abs(values[fresh]), axis=1)
        coefficients = np.abs(values[fresh] @ project)
        rough = np.zeros(len(fresh), dtype=bool)
        for degree, share in _BEYOND:
            rough |= np.max(coefficients[:, degree:], axis=1) > share * np.maximum(size, floor)
        cut = fresh[rough & np.isfinite(size)]
        middle = 0.5 * (left[cut] + right[cut])
        cut, middle = (
            cut[(middle > left[cut]) & (middle < right[cut])],
            middle[(middle > left[cut]) & (middle < right[cut])],
        )
        if not cut.size:
            break
        fresh = np.concatenate([cut, len(left) + np.arange(len(cut))])
        left, right = np.concatenate([left, middle]), np.concatenate([right, right[cut]])
        right[cut] = middle
        values = np.concatenate([values, np.empty((len(cut), _ORDER))])
        values[fresh] = _at_nodes(function, left[fresh], right[fresh], nodes)
    order = np.argsort(left)
    return np.append(left[order], points[-1]), values[order]


def _at_nodes(
    function: Callable[[np.ndarray], np.ndarray], left: np.ndarray, right: np.ndarray, nodes: np.ndarray
) -> np.ndarray:
    """The function at the nodes of each interval."""
    x = left[:, None] + 0.5 * (right - left)[:, None] * (1.0 + nodes)
    return function(x.ravel()).reshape(x.shape)


def _widths(points: np.ndarray, wanted: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The widths of the ladder's rungs, powers of 2 that serve the widths wanted, and the rung of each row."""
    if len(points) < 2:
        return np.zeros(1), [np.zeros(len(width), dtype=np.int64) for width in wanted]
    least, most = np.min(np.diff(points)), 2.0 * (points[-1] - points[0])
    rounded = [np.exp2(np.floor(np.log2(np.clip(width, least, most)))) for width in wanted]
    rounded = [np.where(width < 2.0 * least, 0.0, size) for width, size in zip(wanted, rounded, strict=True)]
    widths = np.unique(np.concatenate([np.zeros(1), *rounded]))
    return widths, [np.searchsorted(widths, size) for size in rounded]


def _ladder(leaves: Leaves, hard: Sequence[float], widths: np.ndarray) -> Ladder:
    """Panels on every rung, as flat arrays: left and right ends, whether it is merged of several intervals, weights.

    Rung 0 has the intervals between the points; on the others neighbours are merged up to the rung's width. Rung l is
    start[l] ≤ index < start[l + 1], and begins and ends with an unbounded panel. The weights of a bounded panel at its
    24 nodes integrate function · polynomial of degree 23 over it.
    """
    points, values = leaves
    nodes, weights = _LEGENDRE
    half = 0.5 * np.diff(points)
    x = points[:-1, None] + half[:, None] * (1.0 + nodes)
    shares = values * half[:, None] * weights
    degrees = np.arange(_ORDER)
    back = ((degrees + 0.5)[:, None] * np.polynomial.legendre.legvander(nodes, _ORDER - 1).T) * weights
    lefts, rights, merges, start = [], [], [], [0]
    tables: list[np.ndarray] = []
    for width in widths:
        reached = (np.searchsorted(points, points + width, side="right") - 1).tolist()
        ends = [0] if len(points) else []
        while ends and ends[-1] < len(points) - 1:
            ends.append(max(reached[ends[-1]], ends[-1] + 1))
        at = points[ends]
        count = np.diff(ends)
        table = shares[ends[:-1]]
        several = np.flatnonzero(count > 1)
        if several.size:
            panel = np.repeat(np.arange(len(count)), count)
            inside = np.flatnonzero(count[panel] > 1)
            middle, radius = 0.5 * (at[1:] + at[:-1])[panel[inside]], 0.5 * np.diff(at)[panel[inside]]
            local = (x[inside] - middle[:, None]) / radius[:, None]
            moments = np.einsum("ij,ijm->im", shares[inside], np.polynomial.legendre.legvander(local, _ORDER - 1))
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
