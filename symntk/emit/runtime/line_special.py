"""E[s(Y)] for one normal variable in float64: what the closed forms in one dimension need, without cancellation.

Where the function is smooth on the scale of the standard deviation, its closed form is a small difference of large
terms, and a Gauss rule for e^{−t²} is exact to rounding; where it is sharp, the closed form is. The rules are computed
when first used.

Copied verbatim into exported modules, which import NumPy and SciPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.special as special

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ROOT_PI = 1.7724538509055160273
# Nodes on the half line, and pairs ±t on the line; both reach rounding where singularities are `_REACH` units away.
_HALF_NODES = 28
_LINE_PAIRS = 28
_REACH = 1.9
# Entries that are computed together: their arrays stay in the cache.
_CHUNK = 8192
_GAUSS_RULES: dict[bool, tuple[list[float], list[float]]] = {}


def _gauss_rule(half: bool) -> tuple[list[float], list[float]]:
    """Positive nodes and their weights for e^{−t²}, on the half line or as pairs ±t on the line."""
    if half not in _GAUSS_RULES:
        nodes, weights = _half_line_rule(_HALF_NODES) if half else np.polynomial.hermite.hermgauss(2 * _LINE_PAIRS)
        kept = nodes > 0.0
        _GAUSS_RULES[half] = (nodes[kept].tolist(), weights[kept].tolist())
    return _GAUSS_RULES[half]


def _half_line_rule(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss rule of e^{−t²} on t > 0: Lanczos on a fine composite Gauss–Legendre rule, then Golub and Welsch (1969)."""
    places, masses = np.polynomial.legendre.leggauss(20)
    points = np.concatenate([(places + 1.0) / 4.0 + panel / 2.0 for panel in range(14)])
    density = np.tile(masses / 4.0, 14) * np.exp(-points * points)
    basis = [np.sqrt(density / density.sum())]
    diagonal, beside = [], []
    for _ in range(count):
        vector = points * basis[-1]
        diagonal.append(float(vector @ basis[-1]))
        for _ in range(2):  # the second pass makes the vectors orthogonal to rounding
            for known in basis:
                vector = vector - (vector @ known) * known
        beside.append(float(np.sqrt(vector @ vector)))
        basis.append(vector / beside[-1])
    off = beside[:-1]
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return nodes, vectors[0] ** 2 * (_ROOT_PI / 2.0)


def _on_line(
    mean: np.ndarray | float,
    variance: np.ndarray | float,
    value: Callable[[Any], Any],
    closed: Callable[[Any, Any], Any],
    pair: Callable[[Any, Any], Any] | None = None,
    reach: Callable[[Any], Any] | None = None,
    half: bool = False,
) -> np.ndarray:
    """E[s(Y)]: s(mean) at variance 0, a Gauss rule where √(2 variance) is small against `reach`, `closed` elsewhere.

    value(x) is s(x); closed(mean, root) the closed form, root = √(2 variance); pair(mean, t) is s(mean + t) +
    s(mean − t); reach(mean) is the distance of the nearest singularity. `half`: s has a kink at the mean.
    """
    centre, spread = np.broadcast_arrays(np.asarray(mean, np.float64), np.asarray(variance, np.float64))
    shape, centre, spread = spread.shape, centre.ravel(), spread.ravel()
    out = np.empty(spread.shape)
    with np.errstate(all="ignore"):
        for first in range(0, spread.size, _CHUNK):
            part = slice(first, first + _CHUNK)
            m, root = centre[part], np.sqrt(2.0 * spread[part])
            smooth = np.zeros(root.shape, bool) if reach is None else root * _REACH <= reach(m)
            still = root == 0.0
            own = out[part]
            if pair is not None and smooth.any():
                own[smooth] = _gauss_sum(pair, m[smooth], root[smooth], half)
            sharp = ~(smooth | still)
            if sharp.all():
                own[:] = closed(m, root)
            elif sharp.any():
                own[sharp] = closed(m[sharp], root[sharp])
            if still.any():
                own[still] = value(m[still])
    return out.reshape(shape)


def _gauss_sum(pair: Callable[[Any, Any], Any], mean: np.ndarray, root: np.ndarray, half: bool) -> np.ndarray:
    """(1/√π) Σ w (s(mean + root·t) + s(mean − root·t))."""
    total: np.ndarray = np.zeros(root.shape)
    for node, weight in zip(*_gauss_rule(half), strict=True):
        total += weight * pair(mean, node * root)
    return total / _ROOT_PI


def _half_line_pole(order: int, z: np.ndarray | float) -> np.ndarray:
    """S_n(z) = (1/√π) ∫_0^∞ e^{−t²} (1 + t/z)^{−n} dt: with root = √(2b), E[(1 + Y/p)^{−n} 1[Y > 0]] = S_n(p/root).

    For small z from the Goodwin–Staton integral by n S_{n+1} = z/√π + 2z² (S_n − S_{n−1}), S_0 = 1/2, which cancels
    more and more as z grows; from about 1 on by the Gauss rule, which needs a distance that grows with n.

    >>> print(_half_line_pole(2, np.array(1.0)).round(8))
    0.24700979
    """
    z = np.asarray(z, dtype=np.float64)
    sharp = ~(z >= 1.0 + 0.05 * max(order - 4, 0))
    if sharp.all():
        return _goodwin_staton_powers(order, z)
    if not sharp.any():
        return _smooth_pole(order, z)
    out = np.empty(z.shape)
    out[sharp] = _goodwin_staton_powers(order, z[sharp])
    out[~sharp] = _smooth_pole(order, z[~sharp])
    return out


def _goodwin_staton_powers(order: int, z: np.ndarray) -> np.ndarray:
    """S_n(z) by the recurrence in n."""
    square = z * z
    # DLMF 7.5.13; z·Ei(z²) is 0 at z = 0, where Ei is infinite
    integral = special.dawsn(z) - np.exp(-square) * special.expi(np.maximum(square, 1e-300)) / (2.0 * _ROOT_PI)
    before: np.ndarray | float = 0.5
    now: np.ndarray = z * integral
    for n in range(1, order):
        before, now = now, (z / _ROOT_PI + 2.0 * square * (now - before)) / n
    return now


def _smooth_pole(order: int, z: np.ndarray) -> np.ndarray:
    """S_n(z) by the Gauss rule."""
    total: np.ndarray = np.zeros(z.shape)
    inverse = 1.0 / z
    for node, weight in zip(*_gauss_rule(True), strict=True):
        base = 1.0 + node * inverse
        power = base
        for _ in range(order - 1):
            power = power * base
        total += weight / power
    return total / _ROOT_PI


def _piece_moment(power: float, low: float, high: float, root: np.ndarray) -> np.ndarray:
    """E[Y^k 1[low < Y < high]] for Y of mean 0, root = √(2 variance).

    >>> print(_piece_moment(2, -1.0, np.inf, np.sqrt(np.array(2.0))).round(8))
    0.59937402
    """
    if low < 0.0 < high:
        right = _piece_moment(power, 0.0, high, root)
        left = right if high == -low else _piece_moment(power, 0.0, -low, root)
        return np.asarray(right + (-1) ** power * left)
    if high <= 0.0:
        return np.asarray((-1) ** power * _piece_moment(power, -high, -low, root))
    if power == 0:
        if low == 0.0:
            return np.asarray(0.5 * special.erf(high / root))
        if high == np.inf:
            return np.asarray(0.5 * special.erfc(low / root))
        inner = special.erf(high / root) - special.erf(low / root)
        outer = special.erfc(low / root) - special.erfc(high / root)
        return np.asarray(0.5 * np.where(low > 0.5 * root, outer, inner))
    below, above = low / root, high / root
    half = (power + 1.0) / 2.0
    inner = special.gammainc(half, above**2) - special.gammainc(half, below**2)
    outer = special.gammaincc(half, below**2) - special.gammaincc(half, above**2)
    size = special.gamma(half) / (2.0 * _ROOT_PI) * root**power
    return np.asarray(size * np.where(below**2 > half, outer, inner))
