"""Where an integrand lives: windows that hold every place that matters, from bounds on every interval.

The line, in standard deviations z of the law over it, is covered with cells: the intervals between a function's edges,
and a grid for what is wider. A cell has the largest log|f| on it. With F(z) = log|f| − z²/4 and the norm ½ log E f²,
the deficit D_f = norm − F says how little of √E f² lies there; likewise D_g. For independent standardized z (outer),
t (inner) and their rotation (z_v, s), v's own deviation and what is independent of it, z² + t² = z_v² + s², so that

    log |f(u) g(v) φ(z) φ(t)| = norms − D_f(z) − D_g(z_v) − (s² + t²)/4.

What has D_f + D_g + (s² + t²)/4 above a budget of 32 is below e^-32 √(E f² · E g²) and left out.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.ladder import _LEGENDRE

if TYPE_CHECKING:
    from collections.abc import Callable

    from symntk.emit.runtime.ladder import Leaves

    # (left, right, log of the largest |f|), each of shape (rows, cells)
    Cells = tuple[np.ndarray, np.ndarray, np.ndarray]

# What is below e^-budget of the norms is left out.
_BUDGET = 32.0
# Beyond this many standard deviations the density is below the smallest normal number.
_FARTHEST = 38.0
# The grid, and how far a cell of it reaches to both sides.
_GRID = np.concatenate([np.arange(-38.0, -12.0), np.arange(-12.0, 12.25, 0.5), np.arange(13.0, 39.0)])
_GRID_STEP = np.where(np.abs(_GRID) > 12.0, 1.0, 0.5)
# Intervals wider than this, in standard deviations, are left to the grid; masses are taken of those below the other.
_WIDE = 4.0
_NARROW = 1.0
_UNSEEN = 1e-9
# A panel of the full width is resolved up to this many standard deviations from the mean (φ is as steep as that),
# e^{1/32} farther for each unit of deficit; relative to itself, a panel needs no more than _RELATIVE_STEEP times less.
_STEEP = 3.4
_RELATIVE_STEEP = 1.5
_STEEP_SCALE = 32.0
# Numbers treated at once: rows times cells.
_WINDOW_NUMBERS = 65536


def _cells(
    f: Callable[[np.ndarray], np.ndarray], leaves: Leaves, mean: np.ndarray, scale: np.ndarray
) -> tuple[Cells, np.ndarray, np.ndarray, np.ndarray]:
    """The cells of each row; log E|f| and log E f², up to a constant; whether f has both signs; shapes (rows,).

    Where E f² comes from what is narrower than a billionth of a deviation, (E|f|)² takes its place.
    """
    points, values = leaves
    centre, width = mean[:, None], scale[:, None]
    z = np.broadcast_to(_GRID, (len(mean), len(_GRID)))
    left, right = z - _GRID_STEP, z + _GRID_STEP
    step = np.broadcast_to(_GRID_STEP, z.shape)
    if len(points):  # a tail may begin at an outermost edge: it is 1/|z| long
        ends = (points[[0, -1]] - centre) / width
        reach = np.array([-1.0, 1.0]) / (1.0 + np.abs(ends))
        z = np.concatenate([z, ends + 0.5 * reach], axis=1)
        left = np.concatenate([left, np.minimum(ends, ends + reach)], axis=1)
        right = np.concatenate([right, np.maximum(ends, ends + reach)], axis=1)
        step = np.concatenate([step, np.abs(reach)], axis=1)
    x = centre + width * z
    samples = f(x.ravel()).reshape(z.shape)
    # one sample of what is narrower stands for no more than that
    between = np.append(np.insert(np.diff(points), 0, np.inf), np.inf) if len(points) else np.full(1, np.inf)
    step = np.minimum(step, between[np.searchsorted(points, x)] / width)
    height = _logarithm(samples)
    if np.any(np.isnan(samples)):  # where the function is not known it may be as large as anywhere else
        most = np.max(_logarithm(values), initial=-np.inf)
        height = np.where(np.isnan(samples), np.maximum(np.max(height, axis=1, keepdims=True), most), height)
    signed = _two_signs(samples) | bool(_two_signs(values.reshape(1, -1))[0])
    height = np.where(np.abs(z) < _FARTHEST + 2.0, height, -np.inf)
    density = 0.5 * z * z - np.log(step)
    first = np.max(height - density, axis=1)
    second = np.max(2.0 * height - density, axis=1)
    unseen = np.full(len(mean), -np.inf)
    if len(points) > 1:
        low, high = (points[:-1] - centre) / width, (points[1:] - centre) / width
        largest = _logarithm(np.max(np.abs(values), axis=1))
        share = 0.5 * _LEGENDRE[1]
        means = [_logarithm(np.abs(values / np.exp(largest)[:, None]) ** power @ share) for power in (1, 2)]
        middle = 0.5 * (low + high)
        near = (np.abs(middle) < _FARTHEST + 2.0) & (high - low < _NARROW)
        density = np.where(near, 0.5 * middle * middle - np.log(high - low), np.inf)
        first = np.maximum(first, np.max(largest + means[0] - density, axis=1))
        share = 2.0 * largest + means[1] - density
        fine = high - low < _UNSEEN
        unseen = np.max(np.where(fine, share, -np.inf), axis=1)
        second = np.maximum(second, np.max(np.where(fine, -np.inf, share), axis=1))
        # only what is in reach of some row, and narrow enough for one
        chosen = np.any((low < _FARTHEST) & (high > -_FARTHEST) & (high - low < _WIDE), axis=0)
        low, high = low[:, chosen], high[:, chosen]
        within = np.where(high - low < _WIDE, largest[chosen], -np.inf)
        left, right = np.concatenate([left, low], axis=1), np.concatenate([right, high], axis=1)
        height = np.concatenate([height, within], axis=1)
    # the norm of what is infinite at a place, and integrable, is E|f|: E f² may be infinite too
    return (left, right, height), first, np.where(unseen > second, 2.0 * first, second), signed


def _blocks(count: int, points: int) -> list[slice]:
    """The rows in blocks of bounded memory, for so many points between cells."""
    step = max(_WINDOW_NUMBERS // (len(_GRID) + points), 1)
    return [slice(start, start + step) for start in range(0, count, step)]


def _logarithm(values: np.ndarray) -> np.ndarray:
    """log|values|; −∞ for what is not finite."""
    found = np.log(np.abs(values))
    return np.where(np.isfinite(found), found, -np.inf)


def _deficits(cells: Cells, norm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least deficit of every cell, and its point next to the mean."""
    near = np.clip(0.0, cells[0], cells[1])
    return norm[:, None] - cells[2] + 0.25 * near * near, near


def _reached(cells: Cells, norm: np.ndarray, budget: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every cell cut to where its deficit is within the budget; low > high where that is nowhere."""
    left, right, height = cells
    radius = 2.0 * np.sqrt(np.maximum(height + (budget - norm)[:, None], 0.0))
    low, high = np.maximum(left, -radius), np.minimum(right, radius)
    empty = (radius == 0.0) | (low > high)
    return np.where(empty, np.inf, low), np.where(empty, -np.inf, high)


def _carried(
    cells: Cells, norm: np.ndarray, budget: np.ndarray, rho: np.ndarray, chord: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where u is when v is in a cell of g: u = ρ v + √(1 − ρ²) s in deviations, D_g + s²/4 within the budget."""
    low, high = _reached(cells, norm, budget)
    apart = 2.0 * chord[:, None] * np.sqrt(np.maximum(budget[:, None] - _deficits(cells, norm)[0], 0.0))
    ends = rho[:, None] * low, rho[:, None] * high
    empty = low > high
    lowest = np.where(empty, np.inf, np.minimum(*ends) - apart)
    highest = np.where(empty, -np.inf, np.maximum(*ends) + apart)
    return np.min(lowest, axis=1), np.max(highest, axis=1)


def _steepness(deficit: np.ndarray, z: np.ndarray, budget: np.ndarray) -> np.ndarray:
    """By how much a panel at z must be narrower, for an error of e^-budget of the norms."""
    allowed = np.exp((budget - _BUDGET - deficit) / _STEEP_SCALE)
    return np.asarray(np.abs(z) / _STEEP * np.minimum(allowed, _RELATIVE_STEEP))


def _line_windows(
    f: Callable[[np.ndarray], np.ndarray], leaves: Leaves, mean: np.ndarray, scale: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For E f of one variable, relative to E|f|: the window (low, high), and how much narrower panels must be."""
    low, high, steep = (np.zeros(len(mean)) for _ in range(3))
    for rows in _blocks(len(mean), len(leaves[0])):
        (left, right, height), norm, _, _ = _cells(f, leaves, mean[rows], scale[rows])
        norm = np.where(np.isfinite(norm), norm, 0.0)
        radius = np.sqrt(2.0 * np.maximum(height + (_BUDGET + 2.0 - norm)[:, None], 0.0))
        below, above = np.maximum(left, -radius), np.minimum(right, radius)
        empty = (radius == 0.0) | (below > above)
        below, above = np.where(empty, np.inf, below), np.where(empty, -np.inf, above)
        low[rows], high[rows] = np.min(below, axis=1), np.max(above, axis=1)
        near = np.where(empty, 0.0, np.clip(0.0, np.minimum(below, above), np.maximum(below, above)))
        deficit = np.maximum(norm[:, None] - height + 0.5 * near * near, 0.0)
        steep[rows] = np.max(_steepness(deficit, near, np.full((1, 1), _BUDGET)), axis=1)
    return *_filled(low, high), np.maximum(steep, 1.0)


def _filled(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Windows within ±_FARTHEST; the ordinary one where nothing was found."""
    none = ~(low < high)
    low, high = np.where(none, -8.0, low), np.where(none, 8.0, high)
    return np.clip(low, -_FARTHEST, _FARTHEST), np.clip(high, -_FARTHEST, _FARTHEST)


def _plane_windows(
    functions: tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]],
    leaves: tuple[Leaves, Leaves],
    law: tuple[np.ndarray, ...],
    budget: np.ndarray | None,
) -> tuple[np.ndarray, ...]:
    """Windows for E f(u) g(v): law is (m1, σ_u, m2, σ_v, ρ, √(1 − ρ²)) of shape (n,) each.

    Returns arrays of shape (n,): low, high of u's window and of v's, in standard deviations; the norms of f and g; the
    largest log|g| − norm; how much narrower the outer and the inner panels must be; the budget; whether f and g are of
    the size of their norms wherever they matter; whether f has both signs, and whether g has. Without a budget it is
    32, and more for functions of one sign.
    """
    count = len(law[0])
    found = [np.zeros(count) for _ in range(13)]
    for rows in _blocks(count, max(len(points) for points, _ in leaves)):
        m1, scale_u, m2, scale_v, rho, chord = (array[rows] for array in law)
        cells_f, first_f, second_f, signed_f = _cells(functions[0], leaves[0], m1, scale_u)
        cells_g, first_g, second_g, signed_g = _cells(functions[1], leaves[1], m2, scale_v)
        norm_f, norm_g = (0.5 * np.where(np.isfinite(norm), norm, 0.0) for norm in (second_f, second_g))
        if budget is not None:
            most = budget[rows]
        else:
            more = np.clip(np.nan_to_num(norm_f + norm_g - first_f - first_g) - 0.7, 0.0, 30.0)
            most = np.where(signed_f | signed_g, _BUDGET, _BUDGET + more)
        (deficit_f, near_f), (deficit_g, _) = _deficits(cells_f, norm_f), _deficits(cells_g, norm_g)
        # a narrow feature is higher than its norm
        excess_f, excess_g = (np.maximum(-np.min(deficit, axis=1), 0.0) for deficit in (deficit_f, deficit_g))
        low, high = _reached(cells_f, norm_f, most + excess_g)
        inside_f = low <= high
        low_u, high_u = np.min(low, axis=1), np.max(high, axis=1)
        low, high = _carried(cells_g, norm_g, most + excess_f, rho, chord)
        low_u, high_u = np.maximum(low_u, low), np.minimum(high_u, high)
        # if both deficits are above half the budget, their sum is above it
        half_low, half_high = _reached(cells_f, norm_f, 0.5 * most)
        low, high = _carried(cells_g, norm_g, 0.5 * most, rho, chord)
        low = np.minimum(low, np.min(half_low, axis=1))
        high = np.maximum(high, np.max(half_high, axis=1))
        found[0][rows], found[1][rows] = np.maximum(low_u, low), np.minimum(high_u, high)
        low, high = _reached(cells_g, norm_g, most + excess_f)
        found[2][rows], found[3][rows] = np.min(low, axis=1), np.max(high, axis=1)
        above_f, above_g = (
            np.maximum(np.max(np.where(inside, cells[2], -np.inf), axis=1) - norm, 0.0)
            for cells, norm, inside in ((cells_f, norm_f, inside_f), (cells_g, norm_g, low <= high))
        )
        deficit = np.maximum(deficit_f, 0.0) + np.maximum(0.25 * near_f * near_f - above_g[:, None], 0.0)
        found[4][rows], found[5][rows], found[6][rows] = norm_f, norm_g, above_g
        found[7][rows] = np.max(_steepness(deficit, near_f, most[:, None]), axis=1)
        z = np.minimum(np.linspace(0.0, 1.0, 41) * 2.0 * np.sqrt(most + excess_f + excess_g)[:, None], _FARTHEST)
        deficit = np.maximum(0.25 * z * z, 0.5 * z * z - above_g[:, None])
        found[8][rows] = np.max(_steepness(deficit, z, most[:, None]), axis=1)
        found[9][rows] = most
        found[10][rows] = (above_f < 6.0) & (above_g < 6.0) & (most < 45.0)
        found[11][rows], found[12][rows] = signed_f, signed_g
    return (
        *_filled(found[0], found[1]),
        *_filled(found[2], found[3]),
        *found[4:7],
        np.maximum(found[7], 1.0),
        np.maximum(found[8], 1.0),
        found[9],
        *(array > 0.0 for array in found[10:]),
    )


def _two_signs(values: np.ndarray) -> np.ndarray:
    """Whether a row has values of both signs, beyond rounding."""
    size = 1e-12 * np.max(np.abs(values), axis=1, keepdims=True, initial=0.0)
    return np.asarray(np.any(values > size, axis=1) & np.any(values < -size, axis=1))


def _keeps_sign(f: Callable[[np.ndarray], np.ndarray], mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Whether f has one sign as far as its law reaches, from samples."""
    found = np.empty(len(mean), dtype=bool)
    for rows in _blocks(len(mean), 0):
        x = mean[rows, None] + scale[rows, None] * _GRID
        found[rows] = ~_two_signs(f(x.ravel()).reshape(x.shape))
    return found


def _overflows(f: Callable[[np.ndarray], np.ndarray], mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Whether f leaves float64 on the way outwards where its law has not left E|f| behind, from samples."""
    found = np.empty(len(mean), dtype=bool)
    for rows in _blocks(len(mean), 0):
        x = mean[rows, None] + scale[rows, None] * _GRID
        samples = f(x.ravel()).reshape(x.shape)
        beyond = ~np.isfinite(samples)
        beyond &= beyond[:, :1] | beyond[:, -1:]
        height = _logarithm(samples) - 0.5 * _GRID * _GRID
        large = height > np.max(height, axis=1, keepdims=True) - _BUDGET
        beside = (beyond[:, 1:] & large[:, :-1]) | (beyond[:, :-1] & large[:, 1:])
        found[rows] = np.any(beside, axis=1) | np.all(beyond, axis=1)
    return found
