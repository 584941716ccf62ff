"""Tables of a layer map for Gram matrices: E[f(u) g(v)] between the values at a few variances and correlations.

With means 0 the map is a function of log a, log b and the angle θ = arcsin ρ. Its values at Chebyshev points of the box
that holds all pairs of a layer, some hundred, become a Chebyshev series in three variables, and an entry costs a few
products of small matrices. That the series is short is no accident: in log a it is analytic at |Im log a| < π/2 (rotate
the path of the Gaussian), in ρ at |ρ| < 1 (Mehler's series), and with θ for ρ the root that kinks and jumps leave at
ρ = ±1 is gone. Whether it is long enough is seen from its last terms and at points that are not its nodes.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _product_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

# Points in θ, and in a logarithm of a variance, that are tried in turn on a few lines.
_TABLE_ANGLES = (24, 64, 192)
_TABLE_VARIANCES = (12, 24, 48)
# What the last terms may be, relative to the map's root mean square over θ, unless the caller allows more; and the
# differences at points that are not nodes, in multiples of that. Together a tenth of what maps promise.
_TABLE_TAIL = 4e-12
_TABLE_CHECK = 2.5
# Entries per number that a table computes, below which it is not made; variances within which products are normal.
_TABLE_GAIN = 8
_TABLE_RANGE = 1e100


def _table(
    direct: Callable[..., np.ndarray],
    parity: int,
    same: bool,
    a: np.ndarray,
    b: np.ndarray,
    tail: float = _TABLE_TAIL,
    reach: float = 0.5 * np.pi,
) -> _Table | None:
    """A table of direct(a, b, cov, det) for all pairs of the flat variances a and b; None where it would not pay.

    parity is 1 for a map that is even in the covariance, −1 for an odd one, 0 else; `same` says that the map is
    symmetric; |θ| goes up to `reach`.
    """
    most = a.size * b.size * (2 if same else 1) // _TABLE_GAIN
    ranges = [_table_range(variances) for variances in ((np.concatenate([a, b]),) * 2 if same else (a, b))]
    if any(low > high for low, high in ranges) or most < 8 * _TABLE_ANGLES[0]:
        return None
    number = _table_angles(direct, parity, ranges, most, tail, reach)
    if not number:
        return None
    each = int(np.sqrt(most / number)) * (1 if same else 2)
    counts = [_table_count(direct, ranges, axis, each, tail, reach) for axis in ((0,) if same else (0, 1))]
    for more in (0, 4):
        some = [count + (more if count > 2 else 0) for count in (counts * 2 if same else counts)]
        if 0 in counts or some[0] * some[1] * (number + 2 * more) > most:
            break
        table = _table_trial(direct, parity, same, ranges, some, number + 2 * more, tail, reach)
        if table is not None:
            return table
    return None


def _table_range(variances: np.ndarray) -> tuple[float, float]:
    """Least and largest log-variance of those that are neither huge nor tiny; (inf, −inf) where there are none."""
    logs = np.log(variances[(variances > 1.0 / _TABLE_RANGE) & (variances < _TABLE_RANGE)])
    return float(np.min(logs, initial=np.inf)), float(np.max(logs, initial=-np.inf))


def _table_nodes(count: int, low: float, high: float) -> np.ndarray:
    """Chebyshev points of an interval."""
    points = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    return np.asarray(0.5 * (low + high) + 0.5 * (high - low) * points)


def _table_angle_nodes(number: int, parity: int, reach: float) -> np.ndarray:
    """Angles of a table: Chebyshev points in θ, or in T_2(θ/reach) where θ > 0 is enough."""
    points = _table_nodes(number, -1.0, 1.0)
    return np.asarray(reach * (np.sqrt(0.5 + 0.5 * points) if parity else points))


def _table_direct(direct: Callable[..., np.ndarray], u: np.ndarray, v: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The map at log-variances u and v (n,) and angles θ (n, m) or (m,)."""
    full = np.exp(0.5 * (u + v))[:, None]
    return np.asarray(direct(np.exp(u)[:, None], np.exp(v)[:, None], full * np.sin(theta), (full * np.cos(theta)) ** 2))


def _table_enough(values: np.ndarray, tail: float) -> int:
    """How many Chebyshev points the columns need that are given at so many of them; 0 where these are not enough."""
    size = np.sqrt(np.mean(np.square(values), axis=0))
    if not (np.all(np.isfinite(values)) and np.all(size > 0.0)):
        return 0
    largest = np.max(np.abs(_table_transform(len(values)) @ values) / size, axis=1)
    enough = int(np.flatnonzero(largest > 0.5 * tail)[-1]) + 3
    return enough if enough <= len(values) else 0


def _table_angles(
    direct: Callable[..., np.ndarray],
    parity: int,
    ranges: list[tuple[float, float]],
    most: int,
    tail: float,
    reach: float,
) -> int:
    """How many angles the pairs of least and of largest variances need; 0 for too many."""
    u, v = np.array(ranges)
    for number in _TABLE_ANGLES:
        if number > most:
            break
        angle = _table_angle_nodes(number, parity, reach)
        values = _table_direct(direct, u, v, angle).T
        enough = _table_enough(values / angle[:, None] if parity < 0 else values, tail)
        if enough:
            return enough
    return 0


def _table_count(
    direct: Callable[..., np.ndarray],
    ranges: list[tuple[float, float]],
    axis: int,
    most: int,
    tail: float,
    reach: float,
) -> int:
    """How many variances u (axis 0) or v are needed at the ends of the other's range; 0 for more than `most`."""
    low, high = ranges[axis]
    width = high - low
    if width <= 1e-14:
        return 1
    # enough for a function that is analytic at |Im| < 1.3, with growth; most functions need less
    safe = int(28.0 / np.arcsinh(2.6 / width) + 3.0)
    if safe <= 4:
        return safe
    most = min(most, max(safe, _TABLE_VARIANCES[0]))
    for count in (*(x for x in _TABLE_VARIANCES if x < most), min(most, _TABLE_VARIANCES[-1])):
        here = np.tile(_table_nodes(count, low, high), 2)
        there = np.repeat(ranges[1 - axis], count)
        u, v = (here, there) if axis == 0 else (there, here)
        values = _table_direct(direct, u, v, np.array([0.25, 0.7, 0.95]) * reach)
        values /= np.sqrt(np.mean(np.square(values), axis=1, keepdims=True))
        enough = _table_enough(np.concatenate([values[:count], values[count:]], axis=1), tail)
        if enough:
            return enough
    return 0


def _table_trial(
    direct: Callable[..., np.ndarray],
    parity: int,
    same: bool,
    ranges: list[tuple[float, float]],
    counts: list[int],
    number: int,
    tail: float,
    reach: float,
) -> _Table | None:
    """The table with so many variances and angles, or None where that is not enough."""
    logs = [_table_nodes(count, low, high) for count, (low, high) in zip(counts, ranges, strict=True)]
    p, q = np.triu_indices(counts[0]) if same else (x.ravel() for x in np.indices(counts))
    angle = _table_angle_nodes(number, parity, reach)
    # two tests: variances and angles between the nodes
    tests = np.array([low + (high - low) * np.array([0.381, 0.843]) for low, high in ranges])
    other = reach * np.sin(np.linspace(0.03 if parity else -1.5, 1.53, number))
    u, v = np.concatenate([logs[0][p], tests[0]]), np.concatenate([logs[1][q], tests[1][::-1]])
    theta = np.concatenate([np.broadcast_to(angle, (len(p), number)), np.broadcast_to(other, (2, number))])
    found = _table_direct(direct, u, v, theta)
    grid = np.empty((number, *counts))
    grid[:, p, q] = found[:-2].T
    if same:
        grid[:, q, p] = found[:-2].T
    size = np.sqrt(np.mean(np.square(grid), axis=0))
    if not (np.all(np.isfinite(grid)) and np.all(size > 0.0)):
        return None
    # the map is divided by smooth functions of a and of b, so that its digits are the same everywhere
    weight = np.log(size)
    scales = [weight.mean(axis=1) - 0.5 * weight.mean(), weight.mean(axis=0) - 0.5 * weight.mean()]
    grid /= np.exp(scales[0][:, None] + scales[1])
    if parity < 0:
        grid /= (angle / reach)[:, None, None]
    transforms = [_table_transform(count) for count in (*counts, number)]
    series = np.einsum("nm,mpq->npq", transforms[2], grid)
    series = np.einsum("ip,npq,jq->nij", transforms[0], series, transforms[1], optimize=True)
    limit = tail * float(np.min(size / np.exp(scales[0][:, None] + scales[1])))
    kept = []
    for axis, count in enumerate((number, *counts)):
        largest = np.max(np.abs(series), axis=tuple(other for other in range(3) if other != axis))
        if count > 2 and np.max(largest[-2:]) > limit:
            return None
        kept.append(int(np.flatnonzero(largest > 0.05 * limit)[-1]) + 1)
    series, *few = _table_few(series[: kept[0], : kept[1], : kept[2]], 0.02 * limit)
    coefficients = transforms[0] @ scales[0], transforms[1] @ scales[1]
    table = _Table(series, list(zip(few, coefficients, ranges, strict=True)), parity, reach)
    for row in (-2, -1):
        sides = np.exp(u[row, None]), np.full(number, np.exp(v[row]))
        wrong = _table_values(table, *sides, np.array(other[None]))[0] - found[row]
        if not np.max(np.abs(wrong)) <= _TABLE_CHECK * tail * np.sqrt(np.mean(np.square(found[row]))):
            return None
    return table


def _table_transform(count: int) -> np.ndarray:
    """The matrix from values at Chebyshev points to Chebyshev coefficients."""
    matrix = np.cos(np.arange(count)[:, None] * (np.pi * (np.arange(count) + 0.5) / count)) * (2.0 / count)
    matrix[0] *= 0.5
    return np.asarray(matrix)


class _Table:
    """A map as Σ_k T_k(θ/reach) p(a)·series[k]·q(b), p and q from few Chebyshev series in the variances' logarithms.

    series is (angles, r, s); `sides` has for u and for v (coefficients (n, r) of its functions, those of a logarithm
    (m,) of its scale, the range of the logarithm). For an even or odd map the angle's series is one in T_2(θ/reach),
    times θ/reach where it is odd.
    """

    def __init__(self, series: np.ndarray, sides: Sequence[tuple[Any, ...]], parity: int, reach: float) -> None:
        self.series, self.sides, self.parity, self.reach = series, sides, parity, reach

    def functions(self, axis: int, variance: np.ndarray) -> np.ndarray:
        """The functions of a variance (n,), with its scale: (n, r)."""
        few, scale, (low, high) = self.sides[axis]
        place = (2.0 * np.log(variance.astype(np.float64)) - (low + high)) / max(high - low, 1e-300)
        most = max(len(few), len(scale))
        basis = np.polynomial.chebyshev.chebvander(np.clip(place, -1.0, 1.0), most - 1)
        return np.asarray((basis[:, : len(few)] @ few) * np.exp(basis[:, : len(scale)] @ scale)[:, None])

    def narrowed(self, reach: float) -> _Table:
        """The same for smaller angles, with fewer terms."""
        share, count = reach / self.reach, len(self.series)
        points = np.cos(np.pi * (np.arange(count) + 0.5) / count)
        inside = share * share * (1.0 + points) - 1.0 if self.parity else share * points
        turned = _table_transform(count) @ np.polynomial.chebyshev.chebvander(inside, count - 1)
        series = np.tensordot(turned, self.series, 1) * (share if self.parity < 0 else 1.0)
        sizes = np.max(np.abs(series), axis=(1, 2))
        least = np.min(np.max(np.abs(self.series), axis=(1, 2)))
        kept = int(np.flatnonzero(sizes > 0.2 * least)[-1]) + 1
        return _Table(np.ascontiguousarray(series[:kept]), self.sides, self.parity, reach)


def _table_few(series: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients (k, m, n) by fewer functions of each variable, which are (m, r) and (n, s), to `limit`."""
    few = []
    for axis in (1, 2):
        flat = np.moveaxis(series, axis, 0).reshape(series.shape[axis], -1)
        functions, sizes, _ = np.linalg.svd(flat, full_matrices=False)
        few.append(functions[:, : max(int(np.count_nonzero(sizes > limit)), 1)])
    return np.ascontiguousarray(np.einsum("kmn,mr,ns->krs", series, *few, optimize=True)), few[0], few[1]


def _table_values(table: _Table, a: np.ndarray, b: np.ndarray, theta: np.ndarray, swapped: bool = False) -> np.ndarray:
    """The map at variances a (n,) and b (m,) and angles θ (n, m), or with `swapped` at those of v and u."""
    left, right = table.functions(int(swapped), a), table.functions(int(not swapped), b)
    series = table.series.transpose(0, 2, 1) if swapped else table.series
    left = np.ascontiguousarray(left @ series, theta.dtype)
    right = np.ascontiguousarray(right.T, theta.dtype)
    theta = theta * theta.dtype.type(1.0 / table.reach)
    # Clenshaw's sum, in θ or in T_2(θ)
    double = theta * theta
    double *= 4.0
    double -= 2.0
    if not table.parity:
        np.multiply(theta, 2.0, out=double)
    value = _clenshaw(left, right, double)
    if table.parity < 0:
        value *= theta
    return np.asarray(value)


def _clenshaw(terms: np.ndarray, right: np.ndarray, double: np.ndarray) -> np.ndarray:
    """Σ (terms[k] @ right) T_k(x), double = 2x, of the shape of `double`.

    >>> x, one = np.array([[0.3]]), np.ones((1, 1))
    >>> print(_clenshaw(np.array([one, 0.0 * one, 2.0 * one]), one, 2.0 * x), 1.0 + 2.0 * (2.0 * x * x - 1.0))
    [[-0.64]] [[-0.64]]
    """
    value, before, term = np.zeros_like(double), np.zeros_like(double), np.empty_like(double)
    for k in range(len(terms) - 1, 0, -1):
        np.matmul(terms[k], right, out=term)
        term -= before
        np.multiply(double, value, out=before)
        before += term
        value, before = before, value
    value *= double
    value *= 0.5
    value -= before
    value += np.matmul(terms[0], right, out=term)
    return value


def _table_angle(
    a: np.ndarray, b: np.ndarray, cov: np.ndarray, det: np.ndarray | None, exact: bool = True
) -> np.ndarray:
    """The arcsine of the correlation; if `exact`, near ±1 from ab − c², where det has it, else from the covariances."""
    theta = cov / np.sqrt(a)
    theta /= np.sqrt(b)
    np.clip(theta, -1.0, 1.0, out=theta)
    near = np.nonzero(np.abs(theta) > 0.99) if exact else None
    np.arcsin(theta, out=theta)
    if near is None or not near[0].size:
        return np.asarray(theta)
    u, v, c = a[near[0], 0], b[0, near[1]], cov[near]
    rest = _product_difference(u, v, c, c)
    if det is not None:
        rest = np.where(np.isnan(det[near]), rest, det[near])
    theta[near] = np.arctan2(c, np.sqrt(np.maximum(rest, 0.0)))
    return np.asarray(theta)
