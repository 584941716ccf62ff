"""Gaussian expectations of functions that are polynomials between edges: what no closed form reaches.

Between two neighbouring edges a function is a polynomial of degree 24 to rounding (`symntk.emit.partition`), so that
16 Gauss–Legendre nodes integrate it against anything as smooth. A ladder of coarser and coarser panels goes with it:
a panel that holds several intervals has the 16 weights that integrate the function times any polynomial of degree
15 exactly. A Gaussian far wider than the function's structure sees a few such panels, one far narrower sees a
polynomial, and the cost is bounded in both cases.

In two dimensions the outer variable is u; given u, v is Gaussian with a smaller variance, the blur. The mean of g
given u is smooth on the scale of the blur, or of g's own intervals where those are larger. What windows leave out is
below 1e-13 · √(E f² · E g²) by Cauchy–Schwarz: u outside the bulk of f² φ, or v over 11 blurs from its mean.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.ladder import _ORDER, _hard, _ladder, _legendre, _locate, _points, _spread, _widths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from symntk.emit.runtime.ladder import Ladder

# Widths, in standard deviations of the Gaussian over it, of a panel where the function is a polynomial (32 degrees are
# left for the product), and of one of several intervals (16 degrees are left for the Gaussian).
_LEAF = 5.5
_MERGED = 1.8
# Half a window, and half of one where the bulk is more than _NEAR standard deviations from the mean:
# √P(|z| > 11) = 1e-14.
_HALF = 8.4
_HALF_FAR = 11.0
_NEAR = 3.0
# A panel this many standard deviations out is narrower in proportion where the bulk is there: φ is as steep as that.
_STEEP = 2.5
# Beyond this many standard deviations the density is below the smallest normal number.
_FARTHEST = 38.0
# Gauss–Hermite rules: (nodes, the standard deviations that fit into the narrowest interval in reach).
_HERMITE_RULES = ((12, 10.0), (24, 5.0))
# Neighbouring intervals of g whose widths differ by more are told apart.
_UNEQUAL = 3.0
# Outer nodes with weight·f² below this fraction of the largest are dropped: by Cauchy–Schwarz they hold less than
# about 1e-13 √(E f² · E g²).
_DROPPED = 1e-28
# Rows treated at once: entries, and outer nodes.
_ENTRY_ROWS = 128
_NODE_ROWS = 1024


def _edge_expectation(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    f_knots: Sequence[tuple[float, float]],
    g_knots: Sequence[tuple[float, float]],
    entries: np.ndarray,
    f_rates: Sequence[float],
    g_rates: Sequence[float],
    f_edges: Sequence[float],
    g_edges: Sequence[float],
    inner: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
) -> np.ndarray:
    """`_panel_expectation` for finite entries (a, b, c, d, m1, m2) of shape (6, n), given edges."""
    f_points, g_points = _points(f_knots, f_rates, f_edges), _points(g_knots, g_rates, g_edges)
    if inner is None and _zeros(g, g_points) > _zeros(f, f_points):
        turned = entries[[1, 0, 2, 3, 5, 4]]
        return _edge_expectation(g, f, g_knots, f_knots, turned, g_rates, f_rates, g_edges, f_edges, None)
    a, b, c, d, m1, m2 = entries
    sigma = np.sqrt(a)
    slope, blur = c / sigma, d / sigma
    at_f, at_g = _bulk(f, f_points, 2.0, m1, sigma), _bulk(g, g_points, 2.0, m2, np.sqrt(b))
    far = (np.abs(at_f) > _NEAR) | (np.abs(at_g) > _NEAR)
    steep = np.where(far, np.maximum(np.abs(at_f), np.abs(at_g)) / _STEEP, 1.0).clip(1.0)
    # the finest structure of u ↦ φ · E[g | u]
    own = 0.35 * np.min(np.diff(g_points), initial=np.inf) if not _hard(g_knots) else 0.0
    finest = sigma / np.sqrt(1.0 + (slope / np.maximum(blur, own)) ** 2)
    widths, levels = _widths(f_points, [_MERGED * np.where(np.isnan(finest), 0.0, finest) / steep])
    f_ladder = _ladder(f, f_points, _hard(f_knots), widths)
    widths, g_levels = _widths(g_points, [_MERGED * blur / steep, _LEAF * blur])
    g_ladder = _ladder(g, g_points, _hard(g_knots), widths)
    f_low, f_high = _tilts(f_rates, sigma)
    g_low, g_high = _tilts(g_rates, slope)
    half = np.where(far, _HALF_FAR, _HALF)
    low = np.minimum(0.0, np.where(far, at_f, 0.0)) - half + f_low + g_low
    high = np.maximum(0.0, np.where(far, at_f, 0.0)) + half + f_high + g_high
    calm = ~far & (f_high + g_high - f_low - g_low < 1.0)
    room = np.minimum(_room(f_ladder, m1, sigma), _room(g_ladder, m2, np.sqrt(b)))
    rates = max((abs(rate) for rate in f_rates), default=0.0), max((abs(rate) for rate in g_rates), default=0.0)
    rule = _legendre()
    result = np.empty(len(a))
    for start in range(0, len(a), _ENTRY_ROWS):
        rows = slice(start, start + _ENTRY_ROWS)
        law = m1[rows], sigma[rows], m2[rows], slope[rows], blur[rows]
        window = low[rows], high[rows]
        parts = _hermite_nodes(f, law, np.where(calm[rows], 0.66 * room[rows], 0.0))
        rough = np.flatnonzero(~(calm[rows] & (0.66 * room[rows] >= _HERMITE_RULES[-1][1])))
        growth = steep[rows] + np.abs(rates[0] * sigma[rows]) + np.abs(rates[1] * slope[rows])
        cut = _cut(rough, law, window, f_ladder, levels[0][rows], g_ladder, g_levels[1][rows], growth)
        parts += _outer_nodes(f, law, window, f_ladder, levels[0][rows], rough, cut, rule)
        owner, node, weight, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        square = (np.sqrt(np.abs(weight)) * np.abs(values)) ** 2  # the factors may be beyond float64 alone
        largest = np.zeros(len(law[0]))
        np.maximum.at(largest, owner, np.nan_to_num(square))
        kept = ~(square <= _DROPPED * largest[owner])
        owner, node, weight = owner[kept], node[kept], weight[kept] * values[kept]
        mean, scale = law[2][owner] + law[3][owner] * node, law[4][owner]
        if inner is not None:
            weight *= inner(mean, scale**2)
        else:
            reach, level = half[rows][owner], g_levels[0][rows][owner]
            low_g, high_g = _tilts(g_rates, scale)
            narrow = steep[rows][owner] + rates[1] * scale
            for first in range(0, len(owner), _NODE_ROWS):
                at = slice(first, first + _NODE_ROWS)
                bounds = low_g[at] - reach[at], high_g[at] + reach[at]
                weight[at] *= _ladder_means(g, g_ladder, level[at], mean[at], scale[at], bounds, narrow[at], rule)
        result[rows] = np.bincount(owner, weight, len(law[0]))
    return result


def _edge_mean(
    g: Callable[[np.ndarray], np.ndarray],
    g_knots: Sequence[tuple[float, float]],
    mean: np.ndarray,
    scale: np.ndarray,
    g_rates: Sequence[float],
    g_edges: Sequence[float],
) -> np.ndarray:
    """`_panel_mean` for finite means and standard deviations of shape (n,), given edges; relative to E|g|."""
    points = _points(g_knots, g_rates, g_edges)
    at = _bulk(g, points, 1.0, mean, scale)
    far = np.abs(at) > _NEAR
    steep = np.where(far, np.abs(at) / _STEEP, 1.0).clip(1.0)
    widths, levels = _widths(points, [_MERGED * scale / steep])
    ladder = _ladder(g, points, _hard(g_knots), widths)
    half, at = np.where(far, _HALF_FAR, _HALF), np.where(far, at, 0.0)
    low, high = _tilts(g_rates, scale)
    low, high = low + np.minimum(0.0, at) - half, high + np.maximum(0.0, at) + half
    steep += max((abs(rate) for rate in g_rates), default=0.0) * scale
    rule, result = _legendre(), np.empty(len(mean))
    for start in range(0, len(mean), _NODE_ROWS):
        rows = slice(start, start + _NODE_ROWS)
        bounds = low[rows], high[rows]
        result[rows] = _ladder_means(g, ladder, levels[0][rows], mean[rows], scale[rows], bounds, steep[rows], rule)
    return result


def _ladder_means(
    g: Callable[[np.ndarray], np.ndarray],
    ladder: Ladder,
    level: np.ndarray,
    mean: np.ndarray,
    scale: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    steep: np.ndarray,
    rule: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """E[g(mean + scale · z)], z between the bounds, row by row, on panels of the ladder's rung `level`."""
    left, right, merged, _, _, weights = ladder
    low, high = bounds
    total = np.where(scale == 0.0, g(mean), 0.0)
    reach = np.maximum(np.abs(low), np.abs(high))
    law = mean, scale
    room = np.where((reach <= _HALF_FAR) & (steep < 2.0), _room(ladder, mean, scale), 0.0)
    room[scale == 0.0] = -1.0
    for owner, _, weight, values in _hermite_nodes(g, law, room):
        total += np.bincount(owner, weight * values, len(mean))
    rows = np.flatnonzero((room >= 0.0) & (room < _HERMITE_RULES[-1][1]))
    if not rows.size:
        return total
    mean, scale, low, high, level, steep = (array[rows] for array in (mean, scale, low, high, level, steep))
    owner, panel = _spread(_locate(ladder, level, mean + scale * low), _locate(ladder, level, mean + scale * high))
    begin, end = (left[panel] - mean[owner]) / scale[owner], (right[panel] - mean[owner]) / scale[owner]
    whole = merged[panel] | (end - begin <= _LEAF / steep[owner])
    chosen = np.flatnonzero(whole)
    centre, half = 0.5 * (begin[chosen] + end[chosen]), 0.5 * (end[chosen] - begin[chosen])
    z = centre[:, None] + half[:, None] * rule[0]
    share = np.einsum("ij,ij->i", np.exp(-0.5 * z * z), weights[panel[chosen]]) / np.sqrt(2.0 * np.pi)
    total[rows] += np.bincount(owner[chosen], share / scale[owner[chosen]], len(rows))
    chosen = np.flatnonzero(~whole)
    owner = owner[chosen]
    begin, end = np.maximum(begin[chosen], low[owner]), np.minimum(end[chosen], high[owner])
    piece, begin, length = _divided(begin, end, (end - begin) * steep[owner])
    owner = owner[piece]
    z = begin[:, None] + length[:, None] * (0.5 + 0.5 * rule[0])
    values = g((mean[owner, None] + scale[owner, None] * z).ravel()).reshape(z.shape)
    share = np.einsum("ij,ij,j->i", values, np.exp(-0.5 * z * z), rule[1]) * length * (0.5 / np.sqrt(2.0 * np.pi))
    total[rows] += np.bincount(owner, share, len(rows))
    return total


def _hermite_nodes(
    f: Callable[[np.ndarray], np.ndarray], law: tuple[np.ndarray, ...], room: np.ndarray
) -> list[tuple[np.ndarray, ...]]:
    """Gauss–Hermite (row, z, weight, value) of the rows with room for a rule."""
    parts: list[tuple[np.ndarray, ...]] = []
    most = np.nan
    for count, least in _HERMITE_RULES:
        rows = np.flatnonzero((room >= least) & ~(room >= most))
        if not rows.size:
            most = least
            continue
        nodes, weights = np.polynomial.hermite_e.hermegauss(count)
        owner, node = np.repeat(rows, count), np.tile(nodes, len(rows))
        values = f(law[0][owner] + law[1][owner] * node)
        parts.append((owner, node, np.tile(weights / np.sqrt(2.0 * np.pi), len(rows)), values))
        most = least
    return parts


def _cut(
    rows: np.ndarray,
    law: tuple[np.ndarray, ...],
    window: tuple[np.ndarray, np.ndarray],
    f_ladder: Ladder,
    f_level: np.ndarray,
    g_ladder: Ladder,
    g_level: np.ndarray,
    growth: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Panels (row, begin, length) in z that no merged panel of f covers, cut at the edges of f and of the blurred g."""
    m1, sigma, m2, slope, blur = (array[rows] for array in law)
    low, high = window[0][rows], window[1][rows]
    f_level, g_level = f_level[rows], g_level[rows]
    every = np.arange(len(rows))
    owners, cuts = [every, every], [low, high]
    first, last = _locate(f_ladder, f_level, m1 + sigma * low), _locate(f_ladder, f_level, m1 + sigma * high)
    owner, panel = _spread(first + 1, last)
    owners.append(owner)
    cuts.append((f_ladder[0][panel] - m1[owner]) / sigma[owner])
    v = np.sort([m2 + slope * low, m2 + slope * high], axis=0)
    owner, panel = _spread(_locate(g_ladder, g_level, v[0]) + 1, _locate(g_ladder, g_level, v[1]))
    owners.append(owner)
    cuts.append((g_ladder[0][panel] - m2[owner]) / slope[owner])
    width = g_ladder[1] - g_ladder[0]
    for side in (-1.0, 1.0):  # the blur carries what is finer over the edge, so far
        chosen = np.flatnonzero(width[panel - int(side < 0.0)] > _UNEQUAL * width[panel - int(side > 0.0)])
        moved = g_ladder[0][panel[chosen]] + side * _HALF * blur[owner[chosen]]
        owners.append(owner[chosen])
        cuts.append((moved - m2[owner[chosen]]) / slope[owner[chosen]])
    hard = g_ladder[3]
    for x in hard:
        for side in (-1.0, 1.0):
            owners.append(every)
            cuts.append((x + side * _HALF * blur - m2) / slope)
    owner, cut = np.concatenate(owners), np.concatenate(cuts)
    kept = (cut >= low[owner]) & (cut <= high[owner])
    owner, cut = owner[kept], cut[kept]
    order = np.lexsort((cut, owner))
    owner, cut = owner[order], cut[order]
    chosen = np.flatnonzero((owner[1:] == owner[:-1]) & (cut[1:] > cut[:-1]))
    owner, begin, end = owner[chosen], cut[chosen], cut[chosen + 1]
    middle = 0.5 * (begin + end)
    free = ~f_ladder[2][_locate(f_ladder, f_level[owner], m1[owner] + sigma[owner] * middle)]
    owner, begin, end, middle = owner[free], begin[free], end[free], middle[free]
    # E[g | u] is smooth on the scale of the blur, or of the intervals of g around its centre if they are wider
    centre = m2[owner] + slope[owner] * middle
    panel = _locate(g_ladder, g_level[owner], centre)
    narrowest = width[panel]
    for step, side in ((-1, 0), (1, 1)):
        near = width[np.clip(panel + step, g_ladder[4][g_level[owner]], g_ladder[4][g_level[owner] + 1] - 1)]
        reached = np.abs(centre - g_ladder[side][panel]) < _HALF * blur[owner]
        narrowest = np.where(reached | (near * _UNEQUAL >= width[panel]), np.minimum(narrowest, near), narrowest)
    for x in hard:
        narrowest = np.where(np.abs(centre - x) < _HALF * blur[owner], 0.0, narrowest)
    length = end - begin
    moved = length * np.abs(slope[owner])
    varies = np.fmin(moved / blur[owner], _LEAF * moved / narrowest)
    piece, begin, length = _divided(begin, end, np.hypot(length * growth[rows[owner]], varies))
    return rows[owner[piece]], begin, length


def _outer_nodes(
    f: Callable[[np.ndarray], np.ndarray],
    law: tuple[np.ndarray, ...],
    window: tuple[np.ndarray, np.ndarray],
    ladder: Ladder,
    level: np.ndarray,
    rows: np.ndarray,
    cut: tuple[np.ndarray, np.ndarray, np.ndarray],
    rule: tuple[np.ndarray, np.ndarray],
) -> list[tuple[np.ndarray, ...]]:
    """(row, z, weight · φ(z), value of f) on the panels that were cut, and on merged panels of f."""
    left, right, merged, _, _, weights = ladder
    m1, sigma = law[0], law[1]
    owner, begin, length = cut
    z = begin[:, None] + length[:, None] * (0.5 + 0.5 * rule[0])
    density = np.exp(-0.5 * z * z) * (length[:, None] * (rule[1] * (0.5 / np.sqrt(2.0 * np.pi))))
    owner, z = np.repeat(owner, _ORDER), z.ravel()
    parts: list[tuple[np.ndarray, ...]] = [(owner, z, density.ravel(), f(m1[owner] + sigma[owner] * z))]
    first = _locate(ladder, level[rows], m1[rows] + sigma[rows] * window[0][rows])
    last = _locate(ladder, level[rows], m1[rows] + sigma[rows] * window[1][rows])
    owner, panel = _spread(first, last)
    owner, panel = rows[owner[merged[panel]]], panel[merged[panel]]
    begin, end = (left[panel] - m1[owner]) / sigma[owner], (right[panel] - m1[owner]) / sigma[owner]
    half = 0.5 * (end - begin)
    z = (0.5 * (begin + end))[:, None] + half[:, None] * rule[0]
    density = np.exp(-0.5 * z * z) * (half[:, None] * (rule[1] / np.sqrt(2.0 * np.pi)))
    values = weights[panel] / (rule[1] * (0.5 * (right[panel] - left[panel]))[:, None])
    parts.append((np.repeat(owner, _ORDER), z.ravel(), density.ravel(), values.ravel()))
    return parts


def _room(ladder: Ladder, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standard deviations in the narrowest interval that the window reaches; 0 with a kink or many intervals."""
    left, right, _, hard, start, _ = ladder
    zero = np.zeros(len(mean), dtype=np.int64)
    first, last = (_locate(ladder, zero, mean + side * _HALF_FAR * scale) for side in (-1.0, 1.0))
    narrowest = np.where(last - first > 4, 0.0, np.inf)
    for step in range(5):
        panel = np.minimum(first + step, last)
        narrowest = np.minimum(narrowest, right[panel] - left[panel])
    for x in hard:
        narrowest = np.where(np.abs(x - mean) <= _HALF_FAR * scale, 0.0, narrowest)
    return narrowest / np.where(scale > 0.0, scale, np.inf)


def _bulk(
    f: Callable[[np.ndarray], np.ndarray], points: np.ndarray, power: float, mean: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Where |f|^power times the Gaussian is largest, in standard deviations from the mean; 0 without any."""
    ends = [points[0] - 1e-9 * abs(points[0]), points[-1] + 1e-9 * abs(points[-1])] if len(points) else []
    samples = np.concatenate([points, 0.5 * (points[1:] + points[:-1]), ends])
    height = power * np.log(np.abs(f(samples)))
    best, where = power * np.log(np.abs(f(mean))), np.zeros(len(mean))
    near = [np.full(len(mean), z) for z in (-2.0, -1.0, 1.0, 2.0)]  # the function may vanish at the mean
    for x in samples[~(height > -1e3)]:  # or at a kink, where the tail begins: it is 1/|z| long
        z = (x - mean) / scale
        near += [z - 1.0 / (1.0 + np.abs(z)), z + 1.0 / (1.0 + np.abs(z))]
    for z in near:
        value = power * np.log(np.abs(f(mean + z * scale))) - 0.5 * z * z
        best, where = np.fmax(best, value), np.where(value > best, z, where)
    for x, value in zip(samples, height, strict=True):
        z = (x - mean) / scale
        better = value - 0.5 * z * z > best
        best, where = np.where(better, value - 0.5 * z * z, best), np.where(better, z, where)
    return np.where(np.abs(where) < _FARTHEST, where, 0.0)


def _zeros(f: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> int:
    """On how many sides the function falls to nothing: outer nodes there cost nothing."""
    if len(points) < 2:
        return 0
    size = np.abs(f(np.concatenate([[2.0 * points[0] - points[1], 2.0 * points[-1] - points[-2]], points])))
    return int(np.count_nonzero(size[:2] <= 1e-8 * np.max(size)))


def _tilts(rates: Sequence[float], scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far e^{βx} moves a Gaussian's bulk down and up, in standard deviations.

    A rate that would move it beyond `_FARTHEST` belongs to a decaying piece: a growing one would overflow.
    """
    low, high = np.zeros(len(scale)), np.zeros(len(scale))
    for rate in rates:
        tilt = np.where(np.abs(rate * scale) < _FARTHEST, rate * scale, 0.0)
        low, high = np.minimum(low, tilt), np.maximum(high, tilt)
    return low, high


def _divided(begin: np.ndarray, end: np.ndarray, effective: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intervals in equal pieces of effective width `_LEAF` at most: (interval, begin, length) of each piece."""
    count = np.maximum(np.ceil(effective / _LEAF), 1.0).astype(np.int64)
    owner, step = _spread(np.zeros(len(count), dtype=np.int64), count - 1)
    length = ((end - begin) / count)[owner]
    return owner, begin[owner] + step * length, length
