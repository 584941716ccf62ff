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
    from collections.abc import Callable

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
) -> tuple[np.ndarray, ...] | None:
    """A table of direct(a, b, cov, det) for all pairs of the flat variances a and b; None where it would not pay.

    parity is 1 for a map that is even in the covariance, −1 for an odd one, 0 else; `same` says that the map is
    symmetric. Returns (coefficients (n, r, s), scale of u (r,), of v (s,), ranges (2, 2), parity), for `_table_values`.
    """
    most = a.size * b.size * (2 if same else 1) // _TABLE_GAIN
    ranges = [_table_range(variances) for variances in ((np.concatenate([a, b]),) * 2 if same else (a, b))]
    if any(low > high for low, high in ranges) or most < 8 * _TABLE_ANGLES[0]:
        return None
    number = _table_angles(direct, parity, ranges, most, tail)
    if not number:
        return None
    each = int(np.sqrt(most / number)) * (1 if same else 2)
    counts = [_table_count(direct, ranges, axis, each, tail) for axis in ((0,) if same else (0, 1))]
    for more in (0, 4):
        some = [count + (more if count > 2 else 0) for count in (counts * 2 if same else counts)]
        if 0 in counts or some[0] * some[1] * (number + 2 * more) > most:
            break
        table = _table_trial(direct, parity, same, ranges, some, number + 2 * more, tail)
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


def _table_angle_nodes(number: int, parity: int) -> np.ndarray:
    """Angles of a table: Chebyshev points in θ, or in T_2(2θ/π) where θ > 0 is enough."""
    points = _table_nodes(number, -1.0, 1.0)
    return np.asarray(0.5 * np.pi * (np.sqrt(0.5 + 0.5 * points) if parity else points))


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
    direct: Callable[..., np.ndarray], parity: int, ranges: list[tuple[float, float]], most: int, tail: float
) -> int:
    """How many angles the pairs of least and of largest variances need; 0 for too many."""
    u, v = np.array(ranges)
    for number in _TABLE_ANGLES:
        if number > most:
            break
        angle = _table_angle_nodes(number, parity)
        values = _table_direct(direct, u, v, angle).T
        enough = _table_enough(values / angle[:, None] if parity < 0 else values, tail)
        if enough:
            return enough
    return 0


def _table_count(
    direct: Callable[..., np.ndarray], ranges: list[tuple[float, float]], axis: int, most: int, tail: float
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
        values = _table_direct(direct, u, v, np.array([0.4, 1.1, 1.5]))
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
) -> tuple[np.ndarray, ...] | None:
    """The table with so many variances and angles, or None where that is not enough."""
    logs = [_table_nodes(count, low, high) for count, (low, high) in zip(counts, ranges, strict=True)]
    p, q = np.triu_indices(counts[0]) if same else (x.ravel() for x in np.indices(counts))
    angle = _table_angle_nodes(number, parity)
    # two tests: variances and angles between the nodes
    tests = np.array([low + (high - low) * np.array([0.381, 0.843]) for low, high in ranges])
    other = 0.5 * np.pi * np.sin(np.linspace(0.03 if parity else -1.5, 1.53, number))
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
        grid /= (angle / (0.5 * np.pi))[:, None, None]
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
    series = np.ascontiguousarray(series[: kept[0], : kept[1], : kept[2]])
    table = series, transforms[0] @ scales[0], transforms[1] @ scales[1], np.array(ranges), np.array(parity)
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


def _table_values(table: tuple[np.ndarray, ...], a: np.ndarray, b: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The map at variances a (n,) and b (m,) and angles θ (n, m), which are overwritten."""
    series, first, second, ranges, parity = table
    sides = []
    for variance, scale, (low, high) in zip((a, b), (first, second), ranges, strict=True):
        place = (2.0 * np.log(variance) - (low + high)) / max(high - low, 1e-300)
        basis = np.polynomial.chebyshev.chebvander(np.clip(place, -1.0, 1.0), len(scale) - 1)
        sides.append((basis, np.exp(basis @ scale)))
    left = np.ascontiguousarray((sides[0][0][:, : series.shape[1]] * sides[0][1][:, None]) @ series)
    right = np.ascontiguousarray((sides[1][0][:, : series.shape[2]] * sides[1][1][:, None]).T)
    theta *= 2.0 / np.pi
    # Clenshaw's sum, in θ or in T_2(θ)
    double = theta * theta
    double *= 4.0
    double -= 2.0
    if not parity:
        np.multiply(theta, 2.0, out=double)
    value, previous, term = np.zeros(theta.shape), np.zeros(theta.shape), np.empty(theta.shape)
    for k in range(len(series) - 1, 0, -1):
        np.matmul(left[k], right, out=term)
        term -= previous
        np.multiply(double, value, out=previous)
        previous += term
        value, previous = previous, value
    double *= value
    double *= 0.5
    double -= previous
    double += np.matmul(left[0], right, out=term)
    if parity < 0:
        double *= theta
    return np.asarray(double)


def _table_angle(a: np.ndarray, b: np.ndarray, cov: np.ndarray, det: np.ndarray | None) -> np.ndarray:
    """The arcsine of the correlation; near ±1 from ab − c², where det has it, else from the covariances."""
    theta = cov / np.sqrt(a)
    theta /= np.sqrt(b)
    np.clip(theta, -1.0, 1.0, out=theta)
    near = np.nonzero(np.abs(theta) > 0.99)
    np.arcsin(theta, out=theta)
    u, v, c = a[near[0], 0], b[0, near[1]], cov[near]
    rest = _product_difference(u, v, c, c)
    if det is not None:
        rest = np.where(np.isnan(det[near]), rest, det[near])
    theta[near] = np.arctan2(c, np.sqrt(np.maximum(rest, 0.0)))
    return np.asarray(theta)


def _tabulated(
    direct: Callable[..., np.ndarray],
    table: tuple[np.ndarray, ...],
    a: np.ndarray,
    b: np.ndarray,
    cov: np.ndarray,
    det: np.ndarray | None,
) -> np.ndarray:
    """The map by its table for a (n, 1), b (1, m), cov (n, m); rows and columns out of range by `direct`."""
    with np.errstate(all="ignore"):
        theta = _table_angle(a, b, cov, det)
        value = _table_values(table, a[:, 0], b[0], theta)
    outside = [~((x > 1.0 / _TABLE_RANGE) & (x < _TABLE_RANGE)) for x in (a[:, 0], b[0])]
    if np.any(outside[0]) or np.any(outside[1]):
        i, j = np.nonzero(outside[0][:, None] | outside[1])
        value[i, j] = direct(a[i, 0], b[0, j], cov[i, j], None if det is None else det[i, j])
    return value
