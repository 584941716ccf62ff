"""Where a function of one variable is a polynomial to rounding: edges that quadrature panels must not straddle.

Comes in: a vectorized float64 function, the points where it is not smooth, and enclosures of its parts between them.
Goes out: sorted edges. Between two neighbouring edges the function is its Legendre interpolant of 24 nodes to
`TOLERANCE` of its maximum there. Hence Gauss–Legendre rules of 24 nodes, exact to degree 47, integrate the product of
two such functions to rounding: what is left of each beyond degree 16 is below 1e-9, and the products of what is left
are what such a rule misses.

An interval is accepted by two witnesses. Its interpolant agrees with the function at 25 points between the nodes. And
the function is analytic and bounded by M in a Bernstein ellipse around the interval, shown by an enclosure: the
polynomial through all 49 points is then within 2M (1 + Λ) ρ^-48/(ρ − 1) of the function (Trefethen, Approximation
Theory and Approximation Practice, theorem 8.2), so that nothing hides between the points. What lacks one of the
witnesses is halved. Neighbours are joined where one interpolant serves both at the nodes of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from symntk.emit.interpolant import LEBESGUE, NODES, TESTS, Function, defects, joint_defects
from symntk.language.balls.ball import Enclosure

FARTHEST = 1e9  # beyond, the function is taken for what it is at the end
TOLERANCE = 1e-13  # relative; some functions' own rounding is 2e-14
NEGLIGIBLE = 1e-75  # of the supremum of |f| on |x| ≤ 10: what is smaller needs no resolution
MOST_EDGES = 700
_MOST_CELLS = 2 * MOST_EDGES
_SMALLEST, _NOTHING = 1e-300, 1e-200
_HUGE = 1e150  # beyond, squares overflow
_SHELLS = (32.0, FARTHEST)  # what is nearer comes first: edges may be used up
_STARTS = (0.0, 2.0, 8.0, *(32.0 * 4.0 ** np.arange(1.0, 13.0)))
_RHO = 2.2
_PROOF = 2.0 * (1.0 + LEBESGUE) * _RHO ** -float(len(NODES) + len(TESTS) - 1) / (_RHO - 1.0)
# after so many halvings of a proven interval its interpolant is exact to rounding: ρ has grown to 9
_SETTLED = 3
_MODEST = 1e6  # of the maximum: 2 M 9^-24 is then below rounding
_HALVINGS = 100  # of lengths towards a break where a part is singular
_ROUGH = 5  # halvings, after which an interval at a break is cut towards it on all scales at once
_SHORTEST = 2.0**-38  # of |x|, or of `_CLOSEST`: what is not resolved on such an interval is not resolved
_CLOSEST = 2.0**-40
_SPREAD = 100.0  # between the maxima of |f| on intervals that may be joined: one tolerance serves them all
_UNSEEN = 1e-15  # of the supremum: a proof need not be finer
_DOUBTED = 3  # after every so many halvings without a bound it is asked whether there is one anywhere in an interval


@dataclass(frozen=True)
class Partition:
    """Sorted edges; the largest relative defect between them; |x| up to which the edges reach what they promise.

    `unresolved` is a point next to which an interval was not resolved on any scale, or None.
    """

    edges: tuple[float, ...]
    defect: float
    reach: float
    unresolved: float | None = None


@dataclass
class _Cells:
    """Intervals: ends; the part that holds there; halvings since a proof, −1 without one, and that proof's M.

    `depth` counts all halvings; `loose` marks the interval that ends at a break where nothing is left to resolve;
    `noise` is what rounding does to the values of an accepted interval, `least` the least of the maxima of |f| on the
    intervals that were joined to it.
    """

    left: np.ndarray
    right: np.ndarray
    part: np.ndarray
    age: np.ndarray
    bound: np.ndarray
    depth: np.ndarray
    loose: np.ndarray
    noise: np.ndarray
    least: np.ndarray

    @classmethod
    def new(cls, ends: np.ndarray, part: np.ndarray, depth: int, loose: np.ndarray) -> _Cells:
        """Intervals of which nothing is known; `ends` holds left and right ends, of shape (2, n)."""
        count = ends.shape[1]
        whole, zero = np.ones(count, dtype=np.int64), np.zeros(count)
        return cls(ends[0], ends[1], part, -whole, np.full(count, np.inf), depth * whole, loose, zero, zero)

    def __len__(self) -> int:
        return len(self.left)

    def take(self, rows: np.ndarray) -> _Cells:
        """The intervals of these rows."""
        return _Cells(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def also(self, other: _Cells) -> _Cells:
        """These and the others."""
        both = ((getattr(self, name), getattr(other, name)) for name in self.__dataclass_fields__)
        return _Cells(*(np.concatenate(pair) for pair in both))


def partition(
    function: Function,
    parts: Sequence[Enclosure | None],
    breaks: Sequence[float] = (),
    nearest: Sequence[float] = (),
) -> Partition:
    """Cut the real line where `function` leaves its local polynomial.

    Args:
        function: maps a float64 array to one of its shape; it may be infinite at a break.
        parts: encloses what the function is between its breaks, one more than these; None for a polynomial of degree
            15 at most, which needs no edges.
        breaks: where the function or a derivative jumps, increasing.
        nearest: for each break, how long the interval next to it may be where a part is singular there; at 0, and
            without this, a hundred halvings and rounding end the search.

    Returns:
        The partition. Beyond the outermost edges the function is a polynomial, or |x| > 1e9. A function that
        oscillates without end has a finite reach: the first |x| at which `MOST_EDGES` were used up. Time: 3 to 50 ms.

    >>> import sympy as sp
    >>> from symntk.language.balls.enclosure import enclosure
    >>> x = sp.Symbol("x", real=True)
    >>> partition(lambda x: np.maximum(x, 0.0), [None, None], [0.0])
    Partition(edges=(0.0,), defect=0.0, reach=inf, unresolved=None)
    >>> found = partition(np.tanh, [enclosure(sp.tanh(x), x)])
    >>> len(found.edges) < 30, found.defect < 1e-13, found.reach
    (True, True, inf)
    """
    with np.errstate(all="ignore"):
        return _partition(function, parts, [*map(float, breaks)], [*nearest] or [0.0] * len(breaks))


def _partition(
    function: Function, parts: Sequence[Enclosure | None], breaks: list[float], nearest: list[float]
) -> Partition:
    anchors = np.array(breaks)
    near = np.abs(function(np.concatenate([np.linspace(-10.0, 10.0, 1001), anchors])))
    largest = max(float(np.max(near, initial=0.0, where=np.isfinite(near))), 1e-250)
    low, high = _last(function, -1.0), _last(function, 1.0)
    done, worst, reach, unresolved = None, 0.0, np.inf, None
    inner = 0.0
    for outer in _SHELLS:
        cells = _start(inner, outer, low, high, anchors)
        cells = cells.take(np.flatnonzero([parts[index] is not None for index in cells.part]))
        inner = outer
        if not len(cells):
            continue
        used = 0 if done is None else len(done)
        found, defect, stop, place = _refined(
            function, parts, cells, (anchors, np.array(nearest)), largest, _MOST_CELLS + _HALVINGS - used
        )
        worst, reach = max(worst, defect), min(reach, stop)
        unresolved = place if unresolved is None else unresolved
        done = found if done is None else done.also(found)
        if stop < outer:
            break
    for end in (low, high):
        reach = min(reach, abs(end)) if abs(end) < FARTHEST else reach
    if done is None:
        return Partition(tuple(breaks), worst, reach, unresolved)
    done, defect = _joined(function, done.take(np.argsort(done.left)), largest)
    ends = np.unique(np.concatenate([done.left, done.right]))
    size = np.sort(np.abs(ends))
    if len(ends) > MOST_EDGES:
        reach = min(reach, float(size[MOST_EDGES]))
    if unresolved is not None and abs(unresolved) > max(2.0 * reach, _SHELLS[0]):
        unresolved = None  # the edges were used up before it
    inside = ends[(np.abs(ends) < FARTHEST) & (np.abs(ends) <= reach)]
    kept = anchors[np.abs(anchors) <= reach]
    return Partition(tuple(map(float, np.union1d(inside, kept))), max(worst, defect), reach, unresolved)


def _last(function: Function, side: float) -> float:
    """How far the function and its square are finite."""
    points = np.append(2.0 ** np.arange(0.0, 30.0, 0.125), FARTHEST)
    good = np.flatnonzero(np.abs(function(side * points)) < _HUGE)
    # growth never comes back: a place that is infinite between good ones is no end, but a pole
    return side * float(points[good[-1]] if good.size else points[0])


def _start(inner: float, outer: float, low: float, high: float, anchors: np.ndarray) -> _Cells:
    """The intervals with inner ≤ |x| ≤ outer, cut at the anchors."""
    left, right = [], []
    for begin, end in ((inner, outer), (-outer, -inner)):
        begin, end = max(begin, low), min(end, high)
        if begin < end:
            cuts = [cut for start in _STARTS for cut in (start, -start)]
            inside = {cut for cut in (*anchors, *cuts) if begin < cut < end}
            points = sorted({begin, end, *map(float, inside)})
            left += points[:-1]
            right += points[1:]
    ends = np.array([left, right])
    part = np.asarray(np.searchsorted(anchors, 0.5 * (ends[0] + ends[1])))
    return _Cells.new(ends, part, 0, np.zeros(len(left), dtype=bool))


def _refined(
    function: Function,
    parts: Sequence[Enclosure | None],
    cells: _Cells,
    anchors: tuple[np.ndarray, np.ndarray],
    largest: float,
    room: int,
) -> tuple[_Cells, float, float, float | None]:
    """The cells halved until all are accepted; the defect; |x| where room ended; a place that stayed unresolved."""
    accepted, worst, stop, place = cells.take(np.arange(0)), 0.0, np.inf, None
    while len(cells):
        errors, halves = defects(function, cells.left, cells.right)
        if largest < _NOTHING:  # the function lives elsewhere: what is seen of it so far
            largest = float(np.max(halves, initial=largest, where=np.isfinite(halves)))
        floor = max(NEGLIGIBLE * largest, _SMALLEST)
        halves = np.maximum(halves, floor)
        sizes = np.max(halves, axis=1)
        seen = TOLERANCE / _PROOF * np.maximum(sizes, _UNSEEN * largest * np.maximum(1.0, np.abs(cells.left)))
        rows = np.flatnonzero(~(cells.bound <= seen) & ~cells.loose)
        if rows.size:
            cells.bound[rows] = _suprema(parts, cells.take(rows))
            cells.age[rows] = -1
        proven = cells.bound <= seen
        cells.age[proven & (cells.age < 0)] = 0
        relative = np.nan_to_num(np.max(errors / halves, axis=1), nan=np.inf)
        # what is left on a settled interval is the function's own rounding, which no interval resolves
        settled = (cells.age >= _SETTLED) & (relative > TOLERANCE)
        rows = np.flatnonzero(settled & (cells.bound > _MODEST * sizes))
        if rows.size:  # proven where the function was larger
            cells.bound[rows] = _suprema(parts, cells.take(rows))
            cells.age[rows] = np.where(cells.bound[rows] <= _MODEST * sizes[rows], 0, cells.age[rows])
            settled[rows] = False
        errors = np.max(errors, axis=1)
        relative = np.where(settled, errors / np.maximum(sizes, largest), relative)
        cells.noise, cells.least = np.where(settled, errors, 0.0), sizes
        good = (proven & ((relative <= TOLERANCE) | settled)) | cells.loose
        worst = max(worst, float(np.max(relative[good & ~cells.loose], initial=0.0)))
        accepted = accepted.also(cells.take(np.flatnonzero(good)))
        sizes, cells = sizes[~good], cells.take(np.flatnonzero(~good))
        near = np.minimum(np.abs(cells.left), np.abs(cells.right))
        lost = cells.right - cells.left < _SHORTEST * np.maximum(_CLOSEST, near)
        lost |= _unknown(parts, cells)
        if lost.any():
            stop = min(stop, float(np.min(near[lost])))
            row = np.argmax(np.where(lost, sizes, -1.0))
            place = float(0.5 * (cells.left[row] + cells.right[row]))
            cells, accepted = _below(cells, stop), _below(accepted, stop)
        cells = _halved(cells, *anchors)
        cells, accepted, stop = _nearest(cells, accepted, room, stop)
    return accepted, worst, stop, place


def _unknown(parts: Sequence[Enclosure | None], cells: _Cells) -> np.ndarray:
    """Where not even small discs inside a cell have a bound: the enclosure overflows, or the function is singular."""
    result = np.zeros(len(cells), dtype=bool)
    doubted = np.flatnonzero((cells.depth % _DOUBTED == 0) & (cells.depth > 0) & ~np.isfinite(cells.bound))
    for index in np.unique(cells.part[doubted]):
        part, rows = parts[int(index)], doubted[cells.part[doubted] == index]
        if part is not None:
            length = (cells.right[rows] - cells.left[rows])[:, None]
            points = cells.left[rows][:, None] + length * np.array([0.25, 0.5, 0.75])
            result[rows] = ~np.any(np.isfinite(part(points + 0j, 1e-9 * np.abs(points)).radius), axis=1)
    return result


def _below(cells: _Cells, stop: float) -> _Cells:
    return cells.take(np.flatnonzero(np.minimum(np.abs(cells.left), np.abs(cells.right)) < stop))


def _nearest(cells: _Cells, accepted: _Cells, room: int, stop: float) -> tuple[_Cells, _Cells, float]:
    """Where there are too many, the nearest to 0, and |x| up to which all are there."""
    over = len(cells) + len(accepted) - room
    if over <= 0 or not len(cells):
        return cells, accepted, stop
    near = np.minimum(np.abs(cells.left), np.abs(cells.right))
    stop = min(stop, float(np.sort(near)[-min(over, len(near))]))
    return _below(cells, stop), _below(accepted, stop), stop


def _halved(cells: _Cells, anchors: np.ndarray, nearest: np.ndarray) -> _Cells:
    """Both halves of each cell; towards an anchor where the cell is rough, on all scales."""
    at_left, at_right = np.isin(cells.left, anchors), np.isin(cells.right, anchors)
    rough = (cells.depth >= _ROUGH) & (at_left != at_right) & (cells.age < 0)
    plain = cells.take(np.flatnonzero(~rough))
    middle = 0.5 * (plain.left + plain.right)
    age = np.where(plain.age >= 0, plain.age + 1, -1)
    left = replace(plain, right=middle, age=age, depth=plain.depth + 1)
    right = replace(plain, left=middle, age=age, depth=plain.depth + 1)
    found = left.also(right)
    for row in np.flatnonzero(rough):
        end = cells.left[row] if at_left[row] else cells.right[row]
        found = found.also(_graded(cells, int(row), bool(at_left[row]), float(nearest[anchors == end][0])))
    return found


def _graded(cells: _Cells, row: int, at_left: bool, nearest: float) -> _Cells:
    """A cell cut towards its end at an anchor, each length half the last one; the shortest is loose."""
    left, right = float(cells.left[row]), float(cells.right[row])
    anchor = left if at_left else right
    lengths = (right - left) * 0.5 ** np.arange(_HALVINGS)
    lengths = np.append(lengths[lengths > max(2.0**-44 * abs(anchor), nearest)], 0.0)
    points = np.sort(anchor + (lengths if at_left else -lengths))
    points[[0, -1]] = left, right
    count = len(points) - 1
    loose = np.zeros(count, dtype=bool)
    loose[0 if at_left else -1] = True
    part = np.full(count, cells.part[row])
    return _Cells.new(np.array([points[:-1], points[1:]]), part, int(cells.depth[row]) + 1, loose)


def _cover() -> tuple[np.ndarray, float]:
    """Centres of discs that cover the upper half of the ellipse with foci ±1, and their radius."""
    side = 0.3
    long, short = 0.5 * (_RHO + 1.0 / _RHO), 0.5 * (_RHO - 1.0 / _RHO)
    count = int(np.ceil(2.0 * long / side))
    x = (np.arange(count) - 0.5 * (count - 1)) * side
    y = (np.arange(int(np.ceil(short / side))) + 0.5) * side
    centres = (x[:, None] + 1j * y).ravel()
    nearest_x = np.maximum(np.abs(centres.real) - 0.5 * side, 0.0)
    nearest_y = np.maximum(centres.imag - 0.5 * side, 0.0)
    inside = (nearest_x / long) ** 2 + (nearest_y / short) ** 2 < 1.0
    return centres[inside], side * np.sqrt(0.5)


_CENTRES, _RADIUS = _cover()


def _suprema(parts: Sequence[Enclosure | None], cells: _Cells) -> np.ndarray:
    """A bound of |f| in the ellipse around each cell, inf where the function may be singular there.

    The upper half is enough: a real function takes conjugate values in the lower one.
    """
    result = np.full(len(cells), np.inf)
    for index in np.unique(cells.part):
        part, rows = parts[int(index)], np.flatnonzero(cells.part == index)
        if part is not None:
            half = 0.5 * (cells.right[rows] - cells.left[rows])[:, None]
            middle = 0.5 * (cells.right[rows] + cells.left[rows])[:, None]
            balls = part(middle + half * _CENTRES, half * np.full(len(_CENTRES), _RADIUS))
            result[rows] = np.max(np.abs(balls.centre) + balls.radius, axis=1)
    return result


def _joined(function: Function, cells: _Cells, largest: float) -> tuple[_Cells, float]:
    """Sorted cells, neighbours of one part joined where one interpolant serves both; the largest defect of these."""
    worst, floor = 0.0, max(NEGLIGIBLE * largest, _SMALLEST)
    refused: set[tuple[float, float]] = set()
    while len(cells) > 1:
        meets = (cells.part[1:] == cells.part[:-1]) & (cells.left[1:] == cells.right[:-1])
        known = np.array([(p, q) in refused for p, q in zip(cells.left[:-1], cells.right[1:], strict=True)])
        rows = np.flatnonzero(meets & ~known)
        if not rows.size:
            break
        errors, sizes = joint_defects(function, cells.left[rows], cells.right[rows], cells.right[rows + 1])
        noise = np.maximum(cells.noise[rows], cells.noise[rows + 1])
        least = np.minimum(cells.least[rows], cells.least[rows + 1])
        largest_here = np.maximum(np.max(sizes, axis=1), floor)
        relative = (np.max(errors, axis=1) - 2.0 * noise).clip(0.0) / np.maximum(least, floor)
        good = (relative <= TOLERANCE) & (largest_here <= _SPREAD * np.maximum(least, noise / TOLERANCE))
        refused.update((float(cells.left[r]), float(cells.right[r + 1])) for r in rows[~good])
        keep, gone, last = np.ones(len(cells), dtype=bool), 0.0, -2
        for row, error in zip(rows[good], relative[good], strict=True):
            if row > last + 1:  # its left one is not joined already in this round
                cells.right[row], keep[row + 1], last = cells.right[row + 1], False, row
                cells.noise[row] = max(cells.noise[row], cells.noise[row + 1])
                cells.least[row] = min(cells.least[row], cells.least[row + 1])
                gone = max(gone, float(error))
        worst = max(worst, gone)
        if not keep.all():
            cells = cells.take(np.flatnonzero(keep))
    return cells, worst
