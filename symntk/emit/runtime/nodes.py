"""Nodes and weights on the panels of a ladder: for one Gaussian per row, and for the outer variable of two.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.ladder import _LEGENDRE, _ORDER, _locate, _spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from symntk.emit.runtime.ladder import Ladder

# Widths, in standard deviations of the Gaussian over it, of a panel where the function is a polynomial, of effective
# degree 16 (32 are left for the Gaussian), and of one of several intervals (24 are left for the Gaussian).
_LEAF = 6.0
_MERGED = 3.6
# Standard deviations within which the Gauss–Hermite rules ask for wide intervals, and the rules: (the standard
# deviations that fit into the narrowest interval, nodes, weights). They do not serve where panels must be narrower than
# usual by _UNEVEN.
_AROUND = 11.5
_HERMITE_RULES = [(least, *np.polynomial.hermite_e.hermegauss(count)) for count, least in ((12, 10.0), (24, 5.0))]
_UNEVEN = 1.6
# Neighbouring intervals of g whose widths differ by more are told apart, as far from their edge as the blur carries
# what is there: to where e^{-x²/2}, at x blurs, is below e^-budget by this exponent.
_UNEQUAL = 3.0
_CARRIED = 3.3


def _ladder_means(
    g: Callable[[np.ndarray], np.ndarray],
    ladder: Ladder,
    level: np.ndarray,
    mean: np.ndarray,
    scale: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    steep: np.ndarray,
) -> np.ndarray:
    """E[g(mean + scale · z)], z between the bounds, row by row, on panels of the ladder's rung `level`."""
    left, right, merged, _, _, weights = ladder
    nodes, rule = _LEGENDRE
    low, high = bounds
    total = np.where(scale == 0.0, g(mean), 0.0)
    wide = (steep < _UNEVEN) & (low >= -_AROUND) & (high <= _AROUND)
    room = np.where(wide & (scale > 0.0), _room(ladder, mean, scale), 0.0)
    parts, rows = _hermite_nodes(g, (mean, scale), room)
    for owner, _, weight, values in parts:
        total += np.bincount(owner, weight * values, len(mean))
    rows = rows[(scale[rows] > 0.0) & (low[rows] < high[rows])]
    if not rows.size:
        return total
    mean, scale, low, high, level, steep = (array[rows] for array in (mean, scale, low, high, level, steep))
    owner, panel = _spread(_locate(ladder, level, mean + scale * low), _locate(ladder, level, mean + scale * high))
    begin, end = (left[panel] - mean[owner]) / scale[owner], (right[panel] - mean[owner]) / scale[owner]
    whole = merged[panel] | (end - begin <= _LEAF / steep[owner])
    chosen = np.flatnonzero(whole)
    centre, half = 0.5 * (begin[chosen] + end[chosen]), 0.5 * (end[chosen] - begin[chosen])
    z = centre[:, None] + half[:, None] * nodes
    share = np.einsum("ij,ij->i", np.exp(-0.5 * z * z), weights[panel[chosen]]) / np.sqrt(2.0 * np.pi)
    total[rows] += np.bincount(owner[chosen], share / scale[owner[chosen]], len(rows))
    chosen = np.flatnonzero(~whole)
    owner = owner[chosen]
    begin, end = np.maximum(begin[chosen], low[owner]), np.minimum(end[chosen], high[owner])
    piece, begin, length = _divided(begin, end, (end - begin) * steep[owner])
    owner = owner[piece]
    z = begin[:, None] + length[:, None] * (0.5 + 0.5 * nodes)
    values = g((mean[owner, None] + scale[owner, None] * z).ravel()).reshape(z.shape)
    share = np.einsum("ij,ij,j->i", values, np.exp(-0.5 * z * z), rule) * length * (0.5 / np.sqrt(2.0 * np.pi))
    total[rows] += np.bincount(owner, share, len(rows))
    return total


def _hermite_nodes(
    f: Callable[[np.ndarray], np.ndarray], law: tuple[np.ndarray, ...], room: np.ndarray
) -> tuple[list[tuple[np.ndarray, ...]], np.ndarray]:
    """Gauss–Hermite (row, z, weight, value) of the rows with room for a rule, and the rows without."""
    parts: list[tuple[np.ndarray, ...]] = []
    rows = np.arange(len(room))
    for least, nodes, weights in _HERMITE_RULES:
        wide = room[rows] >= least
        chosen, rows = rows[wide], rows[~wide]
        if chosen.size:
            owner, node = np.repeat(chosen, len(nodes)), np.tile(nodes, len(chosen))
            values = f(law[0][owner] + law[1][owner] * node)
            parts.append((owner, node, np.tile(weights / np.sqrt(2.0 * np.pi), len(chosen)), values))
    return parts, rows


def _varied(
    rows: np.ndarray,
    law: tuple[np.ndarray, ...],
    scales: tuple[np.ndarray, ...],
    f_ladder: Ladder,
    f_level: np.ndarray,
    g_ladder: Ladder,
    g_level: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Panels (row, begin, length) in z that no merged panel of f covers, cut at the edges of f and of the blurred g.

    `scales` are the window's ends, how much narrower panels must be, for the Gaussian and for the blur, and the budget.
    """
    m1, sigma, m2, slope, blur = (array[rows] for array in law)
    low, high, steep, g_steep, budget = (array[rows] for array in scales)
    carried = np.sqrt(2.0 * (budget + _CARRIED)) * blur
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
        moved = g_ladder[0][panel[chosen]] + side * carried[owner[chosen]]
        owners.append(owner[chosen])
        cuts.append((moved - m2[owner[chosen]]) / slope[owner[chosen]])
    hard = g_ladder[3]
    for x in hard:
        for side in (-1.0, 1.0):
            owners.append(every)
            cuts.append((x + side * carried - m2) / slope)
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
        reached = np.abs(centre - g_ladder[side][panel]) < carried[owner]
        narrowest = np.where(reached | (near * _UNEQUAL >= width[panel]), np.minimum(narrowest, near), narrowest)
    for x in hard:
        narrowest = np.where(np.abs(centre - x) < carried[owner], 0.0, narrowest)
    # what is finer than the rounding of its place is a point
    rounded = 1e-14 * (np.abs(centre) + np.abs(m2[owner]))
    narrowest = np.where(narrowest > 0.0, np.maximum(narrowest, rounded), 0.0)
    length = end - begin
    moved = length * np.abs(slope[owner])
    varies = np.fmin(moved / blur[owner], _LEAF * moved / narrowest)
    piece, begin, length = _divided(begin, end, np.hypot(length * steep[owner], varies * g_steep[owner]))
    return rows[owner[piece]], begin, length


def _outer_nodes(
    f: Callable[[np.ndarray], np.ndarray],
    law: tuple[np.ndarray, ...],
    scales: tuple[np.ndarray, ...],
    ladder: Ladder,
    level: np.ndarray,
    rows: np.ndarray,
    cut: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> list[tuple[np.ndarray, ...]]:
    """(row, z, weight · φ(z), value of f) on the panels that were cut, and on merged panels of f."""
    left, right, merged, _, _, weights = ladder
    nodes, rule = _LEGENDRE
    m1, sigma, low, high = law[0], law[1], scales[0], scales[1]
    owner, begin, length = cut
    z = begin[:, None] + length[:, None] * (0.5 + 0.5 * nodes)
    density = np.exp(-0.5 * z * z) * (length[:, None] * (rule * (0.5 / np.sqrt(2.0 * np.pi))))
    owner, z = np.repeat(owner, _ORDER), z.ravel()
    parts: list[tuple[np.ndarray, ...]] = [(owner, z, density.ravel(), f(m1[owner] + sigma[owner] * z))]
    first = _locate(ladder, level[rows], m1[rows] + sigma[rows] * low[rows])
    last = _locate(ladder, level[rows], m1[rows] + sigma[rows] * high[rows])
    owner, panel = _spread(first, last)
    owner, panel = rows[owner[merged[panel]]], panel[merged[panel]]
    begin, end = (left[panel] - m1[owner]) / sigma[owner], (right[panel] - m1[owner]) / sigma[owner]
    half = 0.5 * (end - begin)
    z = (0.5 * (begin + end))[:, None] + half[:, None] * nodes
    density = np.exp(-0.5 * z * z) * (half[:, None] * (rule / np.sqrt(2.0 * np.pi)))
    values = weights[panel] / (rule * (0.5 * (right[panel] - left[panel]))[:, None])
    parts.append((np.repeat(owner, _ORDER), z.ravel(), density.ravel(), values.ravel()))
    return parts


def _room(ladder: Ladder, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standard deviations in the narrowest interval that the window reaches; 0 with a kink or many intervals."""
    left, right, _, hard, _, _ = ladder
    zero = np.zeros(len(mean), dtype=np.int64)
    first, last = (_locate(ladder, zero, mean + side * _AROUND * scale) for side in (-1.0, 1.0))
    narrowest = np.where(last - first > 4, 0.0, np.inf)
    for step in range(5):
        panel = np.minimum(first + step, last)
        narrowest = np.minimum(narrowest, right[panel] - left[panel])
    for x in hard:
        narrowest = np.where(np.abs(x - mean) <= _AROUND * scale, 0.0, narrowest)
    return narrowest / np.where(scale > 0.0, scale, np.inf)


def _divided(begin: np.ndarray, end: np.ndarray, effective: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intervals in equal pieces of effective width `_LEAF` at most: (interval, begin, length) of each piece."""
    count = np.maximum(np.ceil(effective / _LEAF), 1.0).astype(np.int64)
    owner, step = _spread(np.zeros(len(count), dtype=np.int64), count - 1)
    length = ((end - begin) / count)[owner]
    return owner, begin[owner] + step * length, length
