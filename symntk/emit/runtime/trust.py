"""Where a plain formula is as good as the map evaluated with care: found from both, at some thousand laws of a layer.

Plain formulas take a·b − c² as it comes and do not watch what cancels. Both cost digits at some correlations only,
which depend on the layer's variances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

# Distances of angles from ±90 degrees: even ones, and closer and closer ones.
_DISTANCES = (*np.arange(1.5, 0.4, -0.1).tolist(), *(0.43 * 0.72 ** np.arange(16)).tolist())
# Log-variances of rows and of columns: so far apart at most, and so many at most.
_LAW_STEP = 0.6
_LAW_COUNT = 7
# Variances within which plain formulas are tried.
_PLAIN_RANGE = {8: 1e30, 4: 1e8}
# What a plain value may be off: relative to the value in float64, where errors that are seen are at most some three
# times smaller than those that are not; in float32 to the map's largest value at angles below so many radians.
_PLAIN_ERROR = {8: 1.2e-14, 4: 8e-7}
_USUAL = 1.2


def _trusted(
    plain: Callable[..., tuple[np.ndarray, ...]],
    careful: Sequence[Callable[..., np.ndarray]],
    a: np.ndarray,
    b: np.ndarray,
    dtype: np.dtype,
) -> list[tuple[float, float]]:
    """Intervals of correlations in which plain(a, b, c) is as good as the maps careful(a, b, cov, det), one for each.

    a and b are the variances of a layer's rows and columns; the plain values are those of numbers of type `dtype`.

    >>> square = lambda a, b, c: (a * b - c * c,)
    >>> exact = lambda a, b, c, det: (np.sqrt(a * b) - c) * (np.sqrt(a * b) + c)
    >>> variances = np.array([0.5, 2.0])
    >>> [(low, high)] = _trusted(square, [exact], variances, variances, np.dtype(float))
    >>> print(round(low, 2), round(high, 2))
    -1.0 1.0
    """
    size = dtype.itemsize
    u, v = (grid.reshape(-1, 1).astype(dtype) for grid in np.meshgrid(_laws(a, size), _laws(b, size), indexing="ij"))
    if not u.size:
        return []
    ends = 0.5 * np.pi - np.array(_DISTANCES)
    nodes = np.concatenate([-ends[::-1], [0.0], ends])
    # each pair of variances has angles of its own between the nodes
    shares = (np.arange(1, len(u) + 1) * 0.6180339887498949) % 1.0
    theta = nodes + shares[:, None] * np.diff(nodes, append=0.5 * np.pi - 0.9 * _DISTANCES[-1])
    full = np.sqrt(u.astype(np.float64)) * np.sqrt(v.astype(np.float64))
    c = (full * np.sin(theta)).astype(dtype)
    exact = [x.astype(np.float64) for x in (u, v, c)]
    step = float(np.finfo(dtype).eps) * full
    good = np.ones(theta.shape, dtype=bool)
    try:
        true = [np.asarray(one(*exact, None)) for one in careful]
        # what the last digit of c decides is nobody's fault, such as a value next to a change of sign
        moved = [np.asarray(one(*exact[:2], exact[2] - np.copysign(step, c), None)) for one in careful]
    except ValueError:
        return []
    with np.errstate(all="ignore"):
        for shift in (0.0,) if size == 8 else (-1.0, 1.0):
            found = _plain_values(plain, u, v, (exact[2] + shift * step).astype(dtype))
            for value, right, other in zip(found, true, moved, strict=False):
                wrong = np.abs(value - right)
                if size == 8:
                    allowed = _PLAIN_ERROR[size] * np.abs(right) + np.abs(other - right)
                else:
                    usual = np.max(np.abs(right[:, np.abs(nodes) < _USUAL]), axis=1, keepdims=True)
                    allowed = _PLAIN_ERROR[size] * np.maximum(np.abs(right), usual)
                good &= wrong <= allowed
    whole = np.all(good, axis=0)
    # a node speaks for the angles from itself to the next one
    bounds = np.sin(nodes)
    first = np.flatnonzero(whole & ~np.concatenate([[False], whole[:-1]]))
    last = np.flatnonzero(whole & ~np.concatenate([whole[1:], [False]]))
    return [(float(bounds[i]), float(bounds[j])) for i, j in zip(first, last, strict=True) if j > i]


def _plain_values(plain: Callable[..., Any], a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[Any, ...]:
    """What a plain function returns, as a tuple of arrays."""
    found = plain(a, b, c)
    return tuple(np.asarray(one, c.dtype) for one in (found if isinstance(found, tuple) else (found,)))


def _laws(variances: np.ndarray, size: int) -> np.ndarray:
    """Variances from the least to the largest of those in range; none where there is none."""
    most = _PLAIN_RANGE[size]
    inside = variances[(variances > 1.0 / most) & (variances < most)]
    if not inside.size:
        return inside
    low, high = np.log(np.min(inside)), np.log(np.max(inside))
    return np.asarray(np.exp(np.linspace(low, high, int(min(2 + (high - low) / _LAW_STEP, _LAW_COUNT)))))


def _common(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The intersection of two sets of intervals.

    >>> _common([(-1.0, 0.2), (0.3, 0.9)], [(-0.5, 0.5)])
    [(-0.5, 0.2), (0.3, 0.5)]
    """
    pairs = [(max(p[0], q[0]), min(p[1], q[1])) for p in first for q in second]
    return [(low, high) for low, high in pairs if low < high]
