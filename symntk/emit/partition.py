"""Where a function of one variable is a polynomial to rounding: edges that quadrature panels must not straddle.

Comes in: a vectorized float64 function and the points where it is not smooth. Goes out: sorted edges. Between two
neighbouring edges the function is its Legendre interpolant of 24 nodes to `TOLERANCE` of its maximum there. Hence
Gauss–Legendre rules of 16 nodes, exact to degree 31, integrate the product of two such functions to rounding: what is
left of each beyond degree 16 is below 1e-9, and the products of what is left are what such a rule misses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

FARTHEST = 1e9  # beyond, the function is taken for what it is at the end
TOLERANCE = 1e-13  # relative; some functions' own rounding is 2e-14
NEGLIGIBLE = 1e-75  # of the supremum of |f| on |x| ≤ 10: what is smaller needs no resolution
MOST_EDGES = 400
_HUGE = 1e150  # beyond, squares overflow
_NODES = np.polynomial.legendre.leggauss(24)[0]
# between the nodes, and just inside the ends: at a break itself the function may have any value
_TESTS = np.concatenate([[-1.0 + 1e-6], 0.5 * (_NODES[1:] + _NODES[:-1]), [1.0 - 1e-6]])
_SHRINK = 0.5 ** np.arange(100.0)
# of the largest |x|: what the rounding of x moves a value by, times the interpolant's Lebesgue constant
_ROUNDING = 2e-15
_SHORTEST = 4  # candidates
# next to an anchor the first interval is at least this long, unless the function is this far from a polynomial there
_SMALL = 1e-7
_SINGULAR = 1e-6
# candidates for the next interval, in units of the last one
_GROWTH = np.concatenate([0.5 ** np.arange(12.0, 0.0, -1.0), np.linspace(0.6, 1.9, 14), 2.0 ** np.arange(1.0, 7.0)])


def _interpolation() -> np.ndarray:
    """The matrix from values at the nodes to values of the interpolant at the test points."""
    apart = _NODES[:, None] - _NODES + np.eye(len(_NODES))
    # barycentric: exact at polynomials, where sums over Legendre polynomials lose three digits at the ends
    terms = 1.0 / np.prod(2.0 * apart, axis=1) / (_TESTS[:, None] - _NODES)
    return np.asarray(terms / np.sum(terms, axis=1, keepdims=True))


_MATRIX = _interpolation()


@dataclass(frozen=True)
class Partition:
    """Sorted edges; the largest relative defect between them; |x| up to which the edges reach what they promise."""

    edges: tuple[float, ...]
    defect: float
    reach: float


def partition(
    function: Callable[[np.ndarray], np.ndarray], breaks: Sequence[float] = (), centres: Sequence[float] = ()
) -> Partition:
    """Cut the real line where `function` leaves its local polynomial.

    Args:
        function: maps a float64 array to one of its shape; it may be infinite at a break.
        breaks: where the function or a derivative jumps.
        centres: where the function changes on a small scale, such as the zero of k·x − t in tanh(k·x − t); without
            them a narrow feature far from every break and from 0 can be missed.

    Returns:
        The partition. Beyond the outermost edges the function is a polynomial, or |x| > 1e9. A function that
        oscillates without end has a finite reach: the first |x| at which `MOST_EDGES` were used up. Time: 1 to 30 ms.

    >>> partition(lambda x: np.maximum(x, 0.0), [0.0])
    Partition(edges=(0.0,), defect=0.0, reach=inf)
    >>> found = partition(np.tanh)
    >>> len(found.edges) < 30, found.defect < 1e-13, found.reach
    (True, True, inf)
    """
    points = sorted(map(float, breaks))
    apart = [c for c in map(float, centres) if all(abs(c - point) > 1e-6 * abs(c) for point in points)]
    anchors = sorted({*points, *apart}) or [0.0]
    edges, worst, reach = set(points), 0.0, np.inf
    with np.errstate(all="ignore"):
        near = np.abs(function(np.concatenate([np.linspace(-10.0, 10.0, 1001), anchors])))
        floor = NEGLIGIBLE * max(np.max(near, initial=0.0, where=np.isfinite(near)), 1e-250)
        low, high = _last(function, -1.0), _last(function, 1.0)
        middles = [0.5 * (p + q) for p, q in zip(anchors[:-1], anchors[1:], strict=True)]
        for index, anchor in enumerate(anchors):
            whole = True
            for end in (
                middles[index - 1] if index else min(low, anchor - 1.0),
                middles[index] if index < len(middles) else max(high, anchor + 1.0),
            ):
                steps, defect, stop = _march(function, anchor, end, floor)
                worst = max(worst, defect)
                whole &= not steps
                if steps and abs(end) < FARTHEST:
                    steps.append(end)
                edges.update(steps)
                if stop != end or end in (low, high) and abs(end) < FARTHEST:
                    reach = min(reach, abs(stop))
            if not whole:
                edges.add(anchor)
    return Partition(tuple(sorted(edges)), worst, reach)


def _last(function: Callable[[np.ndarray], np.ndarray], side: float) -> float:
    """How far the function and its square are finite."""
    points = np.append(2.0 ** np.arange(0.0, 30.0, 0.125), FARTHEST)
    values = function(side * points)
    bad = np.flatnonzero(~(np.abs(values) < _HUGE))
    return side * float(points[max(bad[0] - 1, 0)] if bad.size else FARTHEST)


def _march(
    function: Callable[[np.ndarray], np.ndarray], start: float, end: float, floor: float
) -> tuple[list[float], float, float]:
    """Edges from `start` towards `end`, as far apart as the tolerance allows; the defect; where it stopped."""
    edges: list[float] = []
    worst, here, length, far = 0.0, start, 0.0, False
    while True:
        candidates = _longer(length, end - here, far) if length else _first(function, start, end, floor)
        errors, largest = _defects(function, here, candidates, floor)
        # short intervals are resolved: what is left on the shortest is the function's own rounding, if it is small
        noise = 4.0 * np.max(np.nan_to_num(errors[:_SHORTEST], nan=np.inf))
        rounding = max(_SINGULAR * largest[0], TOLERANCE * floor / NEGLIGIBLE * max(1.0, abs(here)))
        defects = np.where((errors <= noise) & (noise <= rounding), 0.0, errors) / largest
        bad = np.flatnonzero(~(defects <= TOLERANCE))
        if not bad.size and not far and candidates[-1] != end - here:
            far = True  # resolved on all of them: on much longer ones too, perhaps to the end
            continue
        if not bad.size:
            return edges, max(worst, float(np.max(defects))), end
        # the smallest interval is taken even where nothing is resolved, as next to the root of |x|
        good = max(int(bad[0]) - 1, 0)
        if bad[0]:
            worst = max(worst, float(defects[good]))
        elif length:
            worst = max(worst, float(np.nan_to_num(defects[0], nan=1.0, posinf=1.0)))
        length = float(candidates[good])
        here, far = here + length, False
        edges.append(here)
        if len(edges) >= MOST_EDGES // 2:
            return edges, worst, here


def _first(function: Callable[[np.ndarray], np.ndarray], start: float, end: float, floor: float) -> np.ndarray:
    """Candidates for the interval next to an anchor, on all scales."""
    candidates = (end - start) * _SHRINK[::-1]
    candidates = candidates[np.abs(candidates) > 1e-8 * abs(start)]
    ordinary = candidates[np.abs(candidates) > _SMALL]
    errors, largest = _defects(function, start, ordinary[:1], floor)
    return ordinary if ordinary.size and errors[0] <= _SINGULAR * largest[0] else candidates


def _longer(length: float, left: float, far: bool) -> np.ndarray:
    """Candidates after an interval of this length; `far` adds much longer ones, up to all that is left."""
    sizes = abs(length) * _GROWTH
    if far:
        sizes = np.concatenate([sizes, 4.0 * sizes[-1] * 4.0 ** np.arange(40.0)])
    chosen = sizes[sizes < abs(left)] * np.sign(left)
    return np.append(chosen, left) if far or len(chosen) < len(sizes) else chosen


def _defects(
    function: Callable[[np.ndarray], np.ndarray], start: float, lengths: np.ndarray, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """How far the function is from its interpolant on [start, start + length], and its maximum there."""
    at = 1.0 + np.concatenate([_NODES, _TESTS])
    points = start + 0.5 * lengths[:, None] * at
    values = function(points.ravel()).reshape(points.shape)
    nodes, tests = values[:, : len(_NODES)], values[:, len(_NODES) :]
    largest = np.maximum(np.max(np.abs(values), axis=1), floor)
    slope = np.max(np.abs(np.diff(nodes) / np.diff(points[:, : len(_NODES)])), axis=1)
    rounding = _ROUNDING * np.max(np.abs(points), axis=1) * np.where(np.isfinite(slope), slope, 0.0)
    return (np.max(np.abs(tests - nodes @ _MATRIX.T), axis=1) - rounding).clip(0.0), largest
