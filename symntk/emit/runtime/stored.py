"""Tables of a layer map that were made beforehand: E[f(u) g(v)] at any centred law in a box of variances.

With cos θ = d/√(ab) and sin θ = c/√(ab) the map is s(a) s(b) Σ C_ijk U_i(a) V_j(b) W_k(θ). U and V are polynomials in
x = (a^p − m)/(a^p + m), W polynomials in y = arsinh(K cos θ), those of the map's odd part times sin θ; C is small. Near
θ = ±π/2 maps change on the scale of cos θ, for which y is a logarithm; in a and b they are like powers at both ends.

Copied verbatim into exported modules, which import NumPy and what unpacks the numbers, of the standard library.
"""

from __future__ import annotations

import base64
import zlib
from typing import NamedTuple

import numpy as np

from symntk.emit.runtime.table import _clenshaw

# Laws treated at once; Chebyshev points in cos θ by which a layer's functions of the angle are written again.
_STORED_BLOCK = 4096
_STORED_POINTS = 40
# How far beyond its range a variance may be by rounding.
_STORED_SLACK = 1e-9


class _StoredSide(NamedTuple):
    """One variable: its range of variances, p, m, coefficients of U (n, r), and those of log s in powers of log a.

    At variance 0 the map is `at_zero` times its value at variance `twin` and θ = 0: both are those of f alone.
    """

    low: float
    high: float
    power: float
    middle: float
    columns: np.ndarray
    scale: tuple[float, ...]
    twin: float
    at_zero: float


class _Stored(NamedTuple):
    """A table: two sides, K, the least cos θ, coefficients of W's even and odd part (n, r), C, what may be left out."""

    u: _StoredSide
    v: _StoredSide
    sharpness: float
    least: float
    even: np.ndarray
    odd: np.ndarray
    core: np.ndarray
    tail: float


def _stored_numbers(columns: int, exponents: tuple[int, ...], text: str) -> np.ndarray:
    """A matrix from text: integers, their bytes of one weight together, packed, times powers of two."""
    planes = np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype=np.uint8).reshape(8, -1)
    folded = np.ascontiguousarray(planes.T).view("<u8")[:, 0]
    signed = (folded >> np.uint64(1)).astype(np.int64) ^ -(folded & np.uint64(1)).astype(np.int64)
    return np.ldexp(signed.astype(np.float64).reshape(-1, columns), exponents)


def _stored_mirrored(half: np.ndarray) -> np.ndarray:
    """C (r, r, k) of a map that is symmetric from its rows i <= j."""
    rank = int(np.sqrt(2 * len(half)))
    core = np.zeros((rank, rank, half.shape[1]))
    i, j = np.triu_indices(rank)
    core[i, j] = core[j, i] = half
    return core


def _stored_series(place: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Chebyshev series with coefficients (n, r) at places (m,) of [−1, 1]: (m, r)."""
    basis = np.ones((max(len(columns), 2), len(place)))
    basis[1] = place
    double = 2.0 * place
    for k in range(2, len(columns)):
        np.multiply(double, basis[k - 1], out=basis[k])
        basis[k] -= basis[k - 2]
    return np.asarray(basis[: len(columns)].T @ columns)


def _stored_side(side: _StoredSide, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The functions U (m, r) and the scale s (m,) at variances (m,) within the range."""
    root = variance**side.power
    x = (root - side.middle) / (root + side.middle)
    top = (side.high**side.power - side.middle) / (side.high**side.power + side.middle)
    log, power = np.log(variance), np.full(len(variance), side.scale[-1])
    for coefficient in side.scale[-2::-1]:
        power = power * log + coefficient
    return _stored_series(np.clip(x / top, -1.0, 1.0), side.columns), np.exp(power)


def _stored_turn(table: _Stored, cosine: np.ndarray, sine: np.ndarray | float) -> np.ndarray:
    """The functions W at angles (m,), the even ones first: (m, r); sine 1 for the odd ones over sin θ."""
    start, end = np.arcsinh(table.sharpness * np.array([table.least, 1.0]))
    place = (2.0 * np.arcsinh(table.sharpness * cosine) - start - end) / (end - start)
    place = np.clip(place, -1.0, 1.0)
    odd = _stored_series(place, table.odd) * np.reshape(sine, (-1, 1))
    return np.concatenate([_stored_series(place, table.even), odd], axis=1)


def _stored_inside(side: _StoredSide, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances within the range, and a factor: NaN for those outside of it, the value at 0 for 0."""
    good = (variance >= side.low * (1.0 - _STORED_SLACK)) & (variance <= side.high * (1.0 + _STORED_SLACK))
    factor = np.where(good, 1.0, np.where(variance == 0.0, side.at_zero, np.nan))
    return np.where(good, variance, side.twin), factor


def _stored_values(table: _Stored, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The map at flat arrays of variances, covariance and d = √(ab − c²); NaN outside of the table."""
    result = np.empty(len(a))
    core = table.core.reshape(len(table.core), -1)
    for start in range(0, len(a), _STORED_BLOCK):
        here = slice(start, start + _STORED_BLOCK)
        (u, first), (v, second) = _stored_inside(table.u, a[here]), _stored_inside(table.v, b[here])
        sure = (a[here] == 0.0) | (b[here] == 0.0)
        full = np.sqrt(u) * np.sqrt(v)
        cosine, sine = np.where(sure, 1.0, d[here] / full), np.where(sure, 0.0, c[here] / full)
        (left, scale), (right, other) = _stored_side(table.u, u), _stored_side(table.v, v)
        inner = (left @ core).reshape(len(u), *table.core.shape[1:])
        inner = np.matmul(right[:, None, :], inner)[:, 0]
        value = np.einsum("nk,nk->n", inner, _stored_turn(table, cosine, sine)) * (scale * first * other * second)
        result[here] = np.where(cosine < table.least * (1.0 - _STORED_SLACK), np.nan, value)
    return result


def _stored_layer(table: _Stored, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, int, float, float]:
    """The map for all pairs of the flat variances a (n,) and b (m,), in as few terms as they need.

    Returns left (k, n, r), right (r, m), how many of the k terms are even ones, and K and the least cos θ: with
    x = 2 (y − y0)/(y1 − y0) − 1, where y is cos θ for K = 0, else arsinh(K cos θ), and y0, y1 are y at the least
    cos θ and at 1, the map is the sum of left[k] right T_k(x), and of the others T_k(x) sin θ, k from 0 for both.
    """
    left, right, terms, sharpness = _stored_factors(table, a, b)
    return np.matmul(left, np.concatenate(terms)), right, len(terms[0]), sharpness, table.least


def _stored_factors(
    table: _Stored, a: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], float]:
    """Functions of a (n, p) and of b (q, m), even and odd coefficients (k, p, q), and K, all as in `_stored_layer`."""
    (u, first), (v, second) = _stored_inside(table.u, a), _stored_inside(table.v, b)
    (left, scale), (right, other) = _stored_side(table.u, u), _stored_side(table.v, v)
    # the functions as far as they differ at these variances, each with its weight in the map
    weights = [np.max(np.abs(table.core), axis=axes, initial=1e-300) for axes in ((1, 2), (0, 2))]
    (left, rows), (right, columns) = (
        _stored_basis(values * weight, 0.1 * table.tail) for values, weight in zip((left, right), weights, strict=True)
    )
    core = table.core / weights[0][:, None, None] / weights[1][:, None]
    core = np.einsum("pi,qj,ijk->pqk", rows, columns, core, optimize=True)
    sharpness, terms = _stored_terms(table, core, _stored_some(left), _stored_some(right))
    right = np.ascontiguousarray((right * (other * second)[:, None]).T)
    return left * (scale * first)[:, None], right, terms, sharpness


def _stored_some(values: np.ndarray) -> np.ndarray:
    """Some rows, the extreme ones in each column among them."""
    chosen = np.concatenate([np.argmin(values, axis=0), np.argmax(values, axis=0)])
    return np.asarray(values[np.unique(chosen)])


def _stored_basis(values: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    """Columns and a matrix whose product is values (n, r), with no more columns than it takes."""
    orthogonal, square = np.linalg.qr(values)
    left, sizes, rest = np.linalg.svd(square)
    rank = max(int(np.sum(sizes * np.max(np.abs(orthogonal @ left), axis=0) > tail)), 1)
    return orthogonal @ left[:, :rank], sizes[:rank, None] * rest[:rank]


def _stored_terms(
    table: _Stored, core: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    """K, and even and odd coefficients (k, p, q) for rows of left and of right: of cos θ, K = 0, or the table's.

    Those of cos θ serve where variances are moderate, and cost no logarithm.
    """
    count = _STORED_POINTS
    angles = np.pi * (np.arange(count) + 0.5) / count
    turn = _stored_turn(table, 0.5 * (1.0 + table.least) + 0.5 * (1.0 - table.least) * np.cos(angles), 1.0)
    matrix = np.cos(np.arange(count)[:, None] * angles) * (2.0 / count)
    matrix[0] *= 0.5
    even = table.even.shape[1]
    for sharpness in (0.0, table.sharpness):
        kept = []
        for columns, here in ((table.even, slice(0, even)), (table.odd, slice(even, None))):
            series = matrix @ turn[:, here] if sharpness == 0.0 else columns
            part = np.einsum("kt,pqt->kpq", series, core[:, :, here])
            sizes = np.max(np.abs(left @ part @ right.T), axis=(1, 2), initial=0.0)
            kept.append(part[: int(np.sum(np.cumsum(sizes[::-1])[::-1] > table.tail))])
        if sharpness or max(map(len, kept)) < count:
            break
    return sharpness, kept


def _stored_tile(
    left: np.ndarray, right: np.ndarray, even: int, sharpness: float, least: float, cosine: np.ndarray, sine: np.ndarray
) -> np.ndarray:
    """The map on a tile of pairs, from `_stored_layer` with the tile's rows of left, columns of right: (n, m)."""
    place = np.asarray(cosine if not sharpness else np.arcsinh(sharpness * cosine))
    ends = np.array([least, 1.0]) if not sharpness else np.arcsinh(sharpness * np.array([least, 1.0]))
    double = (place - 0.5 * (ends[0] + ends[1])) * (4.0 / (ends[1] - ends[0]))
    result = np.zeros(cosine.shape)
    for part, front in ((left[:even], None), (left[even:], sine)):
        if not len(part):
            continue
        value = _clenshaw(part, right, double)
        if front is not None:
            value *= front
        result += value
    return result
