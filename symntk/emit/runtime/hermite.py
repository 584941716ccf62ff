"""Hermite coefficients of functions under Gaussians, one row per Gaussian, for the series of `hermite_series`.

f_k = E[f(m + √a·z) h_k(z)], z standard normal, h_k the normalized probabilists' Hermite polynomials. With the Hermite
functions ψ_k = √φ·h_k, f_k = ∫ (f·√φ) ψ_k dz, in which nothing overflows. The half line z > 0 is cut into panels so
short that every ψ_k is a polynomial there; f·√φ, even and odd parts apart, is projected on the panels' Legendre
polynomials by Gauss–Legendre rules cut at the edges of f, and one matrix product makes Hermite coefficients of them. So
a row's own nodes meet some 20 polynomials and not some hundred Hermite functions.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.ladder import _leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Half windows in standard deviations, of which a row takes the smallest that leaves out 1e-13 of its norm √E f²:
# by Cauchy–Schwarz that is what a truncated expectation can lose. √P(|z| > 11.2) = 6e-15.
_HERMITE_WINDOWS = (11.2, 13.5, 17.0, 23.0, 30.0, 37.0)
_HERMITE_OUTSIDE = 1e-13
# Half a panel in radians of the fastest ψ_k, and the Legendre polynomials that hold it there: j_22(4) = 7e-16.
_HERMITE_PHASE = 4.0
_HERMITE_DEGREE = 22
# ψ_k grows or decays at most at the rate z/2 outside its turning points.
_HERMITE_SLOWEST = 6.0
# Nodes of a piece, a panel or a part of one, and pieces treated at once: 0.25 MB per array.
_HERMITE_NODES = 16
_HERMITE_PIECES = 2048
# Rounding of coefficients, as a fraction of √E f² over all of them: a few units, and some for each of √count.
_HERMITE_ROUNDING = 2e-15
# Tables of ψ_k by (panels, count, width), and Gauss–Legendre rules by number of nodes: found once. Optimizers ask for
# the same few again and again; of the tables the last 32 MB are held.
_HERMITE_TABLES: dict[tuple[int, int, float], tuple[np.ndarray, np.ndarray]] = {}
_HERMITE_GAUSS: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
_HERMITE_HELD = 2**25


def _hermite_coefficients(
    f: Callable[[np.ndarray], np.ndarray],
    shape: tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[tuple[float, float]], Sequence[float]],
    mean: np.ndarray,
    variance: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """f_k = E[f(u) h_k((u − m)/√a)] for k < count and each u ~ N(m, a); f is the regular part, without deltas.

    f maps a flat float64 array to one of its shape. shape is (knots, rates, deltas, edges), of which edges are used:
    between neighbours f is a polynomial that 16 Legendre nodes resolve. mean and variance are flat arrays of length n.

    Returns (coefficients (n, count), E f² (n,), loss (n,)): the Euclidean norm of the coefficients' errors is at most
    loss · √E f²; it counts what lies outside the window, what the nodes do not resolve, and rounding. It is infinite,
    and the numbers NaN, for a row that is not finite, whose variance is not positive or whose E f² is not normal.

    >>> cube = (), (), (), (0.0,)
    >>> found, square, _ = _hermite_coefficients(lambda x: x**3, cube, np.zeros(1), np.ones(1), 5)
    >>> print(found.round(12) + 0.0, square.round(12))  # x³ = 3·h_1 + √6·h_3
    [[0.         3.         0.         2.44948974 0.        ]] [15.]
    """
    mean, variance = np.asarray(mean, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    coefficients = np.full((len(mean), count), np.nan)
    second, loss = np.full(len(mean), np.nan), np.full(len(mean), np.inf)
    with np.errstate(all="ignore"):
        scale = np.sqrt(variance)
        known = np.flatnonzero(np.isfinite(mean) & np.isfinite(scale) & (scale > 0.0))
        kind, outside = _hermite_windows(f, shape[3], mean[known], scale[known])
        for index, window in enumerate(_HERMITE_WINDOWS):
            rows = known[kind == index]
            if rows.size:
                part = _hermite_projection(f, shape[3], mean[rows], scale[rows], window, count)
                coefficients[rows], second[rows], unresolved = part
                lost = np.sqrt(outside[kind == index] / second[rows]) + np.sqrt(unresolved / second[rows])
                loss[rows] = lost + _HERMITE_ROUNDING * (4.0 + np.sqrt(count))
        bad = ~(np.isfinite(loss) & (second > 1e-290) & (second < 1e290))
    coefficients[bad], second[bad], loss[bad] = np.nan, np.nan, np.inf
    return coefficients, second, loss


def _hermite_windows(
    f: Callable[[np.ndarray], np.ndarray], edges: Sequence[float], mean: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each row's window, as a place in `_HERMITE_WINDOWS`, and E f² outside of it.

    From samples of f²·φ, and from the largest f² on every interval between edges that is narrower than their distance.
    """
    step = 0.5
    points, values = _leaves(f, np.unique(np.asarray(edges, dtype=np.float64)))
    largest = 2.0 * np.log(np.max(np.abs(values), axis=1))
    z = np.arange(0.5 * step, 38.0, step)
    root = np.exp(-0.25 * z * z) * (2.0 * np.pi) ** -0.25
    last = np.searchsorted(z, _HERMITE_WINDOWS)
    kind, outside = np.empty(len(mean), dtype=np.int64), np.empty(len(mean))
    for start in range(0, len(mean), 256):
        rows = slice(start, start + 256)
        shift = scale[rows, None] * z
        density = np.zeros(shift.shape)
        for x in (mean[rows, None] + shift, mean[rows, None] - shift):
            density += np.square(f(x.ravel()).reshape(x.shape) * root)
        density = np.where(np.isfinite(density), density, np.inf)
        mass = np.cumsum(density[:, ::-1], axis=1)[:, ::-1] * step
        # where the density falls by e^-5 and more in a step, the midpoint rule sees a third of it
        tails = 4.0 * mass[:, last]
        if len(points) > 1:
            ends = (points - mean[rows, None]) / scale[rows, None]
            middle, width = 0.5 * np.abs(ends[:, 1:] + ends[:, :-1]), np.diff(ends, axis=1)
            share = np.where(width < step, np.exp(largest - 0.5 * middle * middle) * width, 0.0)
            for index, window in enumerate(_HERMITE_WINDOWS):
                tails[:, index] += np.sum(np.where(middle + 0.5 * width > window, share, 0.0), axis=1)
        enough = tails <= _HERMITE_OUTSIDE**2 * mass[:, :1]
        enough[:, -1] = True
        kind[rows] = np.argmax(enough, axis=1)
        outside[rows] = np.take_along_axis(tails, kind[rows, None], axis=1)[:, 0]
    return kind, outside


def _hermite_projection(
    f: Callable[[np.ndarray], np.ndarray],
    edges: Sequence[float],
    mean: np.ndarray,
    scale: np.ndarray,
    window: float,
    count: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, E f² and what the nodes do not resolve of it, all restricted to |z| ≤ window."""
    panels = int(np.ceil(window * max(np.sqrt(count), _HERMITE_SLOWEST) / (2.0 * _HERMITE_PHASE)))
    width = window / panels
    table, rule = _hermite_table(panels, width, count), _hermite_rule()
    inner = np.unique(np.asarray(edges, dtype=np.float64))
    coefficients = np.zeros((len(mean), count))
    second, unresolved = np.empty(len(mean)), np.empty(len(mean))
    step = max(1, _HERMITE_PIECES // (panels + len(inner)))
    for start in range(0, len(mean), step):
        rows = slice(start, start + step)
        cuts = np.minimum(np.abs((inner - mean[rows, None]) / scale[rows, None]), window)
        pieces = _hermite_pieces(cuts, panels, width)
        moments = _hermite_moments(f, mean[rows], scale[rows], pieces, panels, width, rule)
        second[rows], unresolved[rows] = moments[2:]
        for parity in (0, 1):
            if moments[parity].size:
                coefficients[rows, parity::2] = moments[parity] @ table[parity]
    return coefficients, second, unresolved


def _hermite_table(panels: int, width: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Legendre coefficients of ψ_k on each panel, for even and for odd k: shapes (panels · degree, k's)."""
    key = panels, count, width
    found = _HERMITE_TABLES.pop(key, None)
    if found is None:
        found = _hermite_new_table(panels, width, count)
    # the last asked for is the last to be forgotten; another thread may have forgotten it already
    held = sum(even.nbytes + odd.nbytes for even, odd in (*list(_HERMITE_TABLES.values()), found))
    while _HERMITE_TABLES and held > _HERMITE_HELD:
        oldest = _HERMITE_TABLES.pop(next(iter(_HERMITE_TABLES), key), found)
        held -= oldest[0].nbytes + oldest[1].nbytes
    _HERMITE_TABLES[key] = found
    return found


def _hermite_new_table(panels: int, width: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The table, computed."""
    nodes, weights, legendre = _hermite_gauss(_HERMITE_DEGREE + 8)
    project = (legendre * weights[:, None] * (np.arange(_HERMITE_DEGREE) + 0.5)).T
    z = (np.arange(panels)[:, None] + 0.5 * (nodes + 1.0)) * width
    previous, current = np.zeros(z.shape), np.exp(-0.25 * z * z) * (2.0 * np.pi) ** -0.25
    tables = tuple(np.empty((panels, _HERMITE_DEGREE, (count + 1 - parity) // 2)) for parity in (0, 1))
    for k in range(count):
        tables[k % 2][:, :, k // 2] = current @ project.T
        previous, current = current, (z * current - np.sqrt(k) * previous) / np.sqrt(k + 1.0)
    even, odd = (table.reshape(panels * _HERMITE_DEGREE, -1) for table in tables)
    return even, odd


def _hermite_pieces(
    cuts: np.ndarray, panels: int, width: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Panels cut where |z| is at an edge: flat arrays (row, panel, left end, length), in that order."""
    bounds = np.broadcast_to(np.arange(panels + 1) * width, (len(cuts), panels + 1))
    ends = np.sort(np.concatenate([bounds, np.minimum(cuts, panels * width)], axis=1), axis=1)
    length = np.diff(ends, axis=1)
    row, place = np.nonzero(length > 0.0)
    left, length = ends[row, place], length[row, place]
    panel = np.minimum((left / width + 0.5 * length / width).astype(np.int64), panels - 1)
    return row, panel, left, length


def _hermite_moments(
    f: Callable[[np.ndarray], np.ndarray],
    mean: np.ndarray,
    scale: np.ndarray,
    pieces: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    panels: int,
    width: float,
    rule: tuple[np.ndarray, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """∫ (f(z) ± f(−z)) √φ P_l dz over every panel, shapes (rows, panels · degree); E f²; its unresolved part."""
    row, panel, left, length = pieces
    nodes, weights, legendre, watch = rule
    z = left[:, None] + length[:, None] * (0.5 + 0.5 * nodes)
    root = np.exp(-0.25 * z * z) * (2.0 * np.pi) ** -0.25
    shift = scale[row, None] * z
    up = f((mean[row, None] + shift).ravel()).reshape(z.shape) * root
    down = f((mean[row, None] - shift).ravel()).reshape(z.shape) * root
    half = 0.5 * length
    second = np.bincount(row, half * ((up * up + down * down) @ weights), len(mean))
    unresolved = np.bincount(
        row, half * (_hermite_unresolved(up @ watch) + _hermite_unresolved(down @ watch)), len(mean)
    )
    place = row * panels + panel
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    whole = length >= width * (1.0 - 1e-13)
    # the nodes in the coordinate of their panel, from −1 to 1
    inside = (2.0 / width) * (z[~whole] - panel[~whole, None] * width) - 1.0
    weighted = weights * half[:, None]
    found = []
    for part, other in ((up + down, up - down), (up - down, up + down)):
        # a part that is rounding everywhere, as the even part of an odd function is
        if np.all(np.abs(part) <= 4e-16 * np.abs(other)):
            found.append(np.zeros((len(mean), 0)))
            continue
        part *= weighted
        sums = np.empty((len(row), _HERMITE_DEGREE))
        sums[whole] = part[whole] @ legendre
        sums[~whole] = _hermite_cut_moments(part[~whole], inside)
        found.append(np.add.reduceat(sums, starts).reshape(len(mean), -1))
    return found[0], found[1], second, unresolved


def _hermite_rule() -> tuple[np.ndarray, ...]:
    """Gauss–Legendre nodes and weights, P_l there, and the projection on orthonormal P_8, P_9, P_14, P_15."""
    nodes, weights, legendre = _hermite_gauss(_HERMITE_NODES)
    degrees = np.array([8, 9, _HERMITE_NODES - 2, _HERMITE_NODES - 1])
    return nodes, weights, legendre, legendre[:, degrees] * weights[:, None] * np.sqrt(degrees + 0.5)


def _hermite_gauss(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss–Legendre nodes and weights, and the Legendre polynomials below `_HERMITE_DEGREE` at the nodes."""
    if count not in _HERMITE_GAUSS:
        nodes, weights = np.polynomial.legendre.leggauss(count)
        _HERMITE_GAUSS[count] = nodes, weights, np.polynomial.legendre.legvander(nodes, _HERMITE_DEGREE - 1)
    return _HERMITE_GAUSS[count]


def _hermite_unresolved(watched: np.ndarray) -> np.ndarray:
    """An estimate of what the nodes miss of each piece, squared, in units of half its length; (pieces, 4) in.

    The rule sees products of degree 31. Legendre coefficients that fall by a factor q from the 9th to the 15th, and so
    on, enter it from about the 27th, by q² smaller than the 15th; those of a kink or a jump hardly fall.
    """
    squares = np.square(watched)
    middle, last = squares[:, 0] + squares[:, 1], squares[:, 2] + squares[:, 3]
    fall = 10.0 * last / np.maximum(middle, 1e-300)
    estimate: np.ndarray = last * np.minimum(fall * fall, 1.0)
    return estimate


def _hermite_cut_moments(part: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Σ_j part_ij P_l(inside_ij) for every piece i, shape (pieces, degree), by the three-term recurrence in place."""
    sums = np.empty((len(part), _HERMITE_DEGREE))
    previous, current = np.ones(inside.shape), inside.copy()
    turn = np.empty(inside.shape)
    sums[:, 0] = part.sum(axis=1)
    for degree in range(1, _HERMITE_DEGREE):
        np.einsum("ij,ij->i", part, current, out=sums[:, degree])
        np.multiply(inside, current, out=turn)
        turn *= (2.0 * degree + 1.0) / (degree + 1.0)
        previous *= -degree / (degree + 1.0)
        previous += turn
        previous, current = current, previous
    return sums
