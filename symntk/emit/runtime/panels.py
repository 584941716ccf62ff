"""Gaussian expectations of functions that are polynomials between edges: what no closed form reaches.

Between two neighbouring edges a function is a polynomial of degree 23 to rounding: by `symntk.emit.partition`, or, for
functions made of known blocks, by `edges`. So 24 Gauss–Legendre nodes integrate it against anything as smooth. A
ladder of coarser and coarser panels goes with it: a panel that holds several intervals has the 24 weights that
integrate the function times any polynomial of degree 23 exactly. A Gaussian far wider than the function's structure
sees a few such panels, one far narrower sees a polynomial, and the cost is bounded in both cases.

In two dimensions the outer variable is u; given u, v is Gaussian with a smaller variance, the blur. The mean of g
given u is smooth on the scale of the blur, or of g's own intervals where those are larger. What `windows` leave out is
below 1e-13 · √(E f² · E g²).

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.edges import _block_edges, _too_fast
from symntk.emit.runtime.ladder import _hard, _ladder, _leaves, _widths
from symntk.emit.runtime.nodes import _LEAF, _MERGED, _hermite_nodes, _ladder_means, _outer_nodes, _room, _varied
from symntk.emit.runtime.windows import _BUDGET, _FARTHEST, _line_windows, _plane_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from symntk.emit.runtime.ladder import Leaves

# The scale of g's intervals, as a fraction of the narrowest, on which its mean given u varies where there is no blur.
_OWN = 0.2
# Standard deviations in the narrowest interval, as far as that is of use for the Gauss–Hermite rules of the outer sum.
_OUTER_ROOM = 0.66
# Rows treated at once: entries, and outer nodes, of which there are fewer where functions have many edges and where
# panels are narrow; and edges of blocks, beyond which entries are taken apart.
_ENTRY_ROWS = 128
_MANY_EDGES = 128
_NODE_ROWS = 1024
_MOST_EDGES = 16384
# An integrand of one sign is integrated to e^-25 of itself, or again with a larger budget, up to what float64 holds.
_SLACK = 7.0
_LARGEST_BUDGET = 760.0
_ONE_SIGN = 0.1


def _panel_expectation(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    f_knots: Sequence[tuple[float, float]],
    g_knots: Sequence[tuple[float, float]],
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    d: np.ndarray,
    m1: np.ndarray,
    m2: np.ndarray,
    f_rates: Sequence[complex] = (0.0,),
    g_rates: Sequence[complex] = (0.0,),
    f_edges: Sequence[float] = (),
    g_edges: Sequence[float] = (),
    inner: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """E[f(u) g(v)] for (u, v) ~ N((m1, m2), [[a, c], [c, b]]), d = √(a·b − c²), to 1e-12 · √(E f² · E g²).

    Where the integrand has one sign the error is below 1e-11 of the value, however far in a tail that is.

    f and g map a flat float64 array to one of its shape. Knots are pairs (location, width): width 0 is a kink or a
    jump, a width τ > 0 a feature such as Φ((x − location)/τ) or exp(−(x − location)²/2τ²). Rates are the complex β of
    pieces e^{βx}. A function with edges, between which it is a polynomial, needs no knots but its kinks and jumps and
    no rates. a to m2 are flat float64 arrays of one length n, with a, b > 0; d = 0 is full correlation.
    inner(mean, variance), if given, is E[g(Y)] of Y ~ N(mean, variance), element by element. Returns shape (n,); an
    entry with a NaN or an infinity is NaN, and so is one whose waves are too fast. Memory stays below some 64 MB.

    >>> a, zero = np.ones(2), np.zeros(2)
    >>> relu, knots = lambda x: np.maximum(x, 0.0), [(0.0, 0.0)]
    >>> print(_panel_expectation(relu, relu, knots, knots, a, a, np.array([1.0, -1.0]), zero, zero, zero).round(14))
    [0.5 0. ]
    """
    entries = np.array([a, b, c, d, m1, m2], dtype=np.float64)
    result = np.full(entries.shape[1], np.nan)
    with np.errstate(all="ignore"):
        good = np.all(np.isfinite(entries), axis=0)
        if not len(f_edges):
            good &= ~_too_fast(f_rates, np.sqrt(entries[0]))
        if not len(g_edges):
            good &= ~_too_fast(g_rates, np.sqrt(entries[1]))
        first, second = (f, f_knots, f_rates, f_edges), (g, g_knots, g_rates, g_edges)
        chosen = np.flatnonzero(good)
        result[chosen] = _edge_expectation(first, second, entries[:, chosen], inner)
    return result


def _panel_mean(
    g: Callable[[np.ndarray], np.ndarray],
    g_knots: Sequence[tuple[float, float]],
    mean: np.ndarray,
    variance: np.ndarray,
    g_rates: Sequence[complex] = (0.0,),
    g_edges: Sequence[float] = (),
) -> np.ndarray:
    """E[g(Y)] for Y ~ N(mean, variance), to 1e-13 · E|g|; g(mean) where the variance is 0.

    Arguments as in `_panel_expectation`; flat arrays of length n in, shape (n,) out, NaN where an entry is not finite.

    >>> print(_panel_mean(np.abs, [(0.0, 0.0)], np.array([0.0, -3.0]), np.array([np.pi / 2, 0.0])).round(14))
    [1. 3.]
    """
    entries = np.array([mean, variance], dtype=np.float64)
    result = np.full(entries.shape[1], np.nan)
    with np.errstate(all="ignore"):
        good = np.all(np.isfinite(entries), axis=0)
        if not len(g_edges):
            good &= ~_too_fast(g_rates, np.sqrt(entries[1]))
        chosen = np.flatnonzero(good)
        result[chosen] = _edge_mean((g, g_knots, g_rates, g_edges), entries[0, chosen], np.sqrt(entries[1, chosen]))
    return result


def _points(
    shape: tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[float]],
    mean: np.ndarray,
    scale: np.ndarray,
) -> np.ndarray:
    """All edges, sorted: those given, or those of the blocks."""
    knots, rates, edges = shape
    if not len(edges):
        return _block_edges(knots, rates, mean, scale)
    return np.unique(np.array([*edges, *(x for x, _ in knots)], dtype=np.float64))


def _apart(count: int, mean: np.ndarray) -> tuple[np.ndarray, ...]:
    """Halves of the rows where laws far from each other have too many edges together, or nothing."""
    return tuple(np.array_split(np.argsort(mean), 2)) if count > _MOST_EDGES and len(mean) > 1 else ()


def _edge_expectation(
    first: tuple[Callable[..., np.ndarray], Sequence[tuple[float, float]], Sequence[complex], Sequence[float]],
    second: tuple[Callable[..., np.ndarray], Sequence[tuple[float, float]], Sequence[complex], Sequence[float]],
    entries: np.ndarray,
    inner: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
) -> np.ndarray:
    """`_panel_expectation` for (function, knots, rates, edges) and finite entries (a, b, c, d, m1, m2), (6, n)."""
    a, b, c, d, m1, m2 = entries
    sides = []
    for one, mean, scale in ((first, m1, np.sqrt(a)), (second, m2, np.sqrt(b))):
        points = _points(one[1:], mean, scale)
        halves = _apart(len(points), mean)
        if halves:
            result = np.empty(len(a))
            for rows in halves:
                result[rows] = _edge_expectation(first, second, entries[:, rows], inner)
            return result
        sides.append((one[0], _leaves(one[0], points), _hard(one[1])))
    if inner is None and _zeros(*sides[1][:2]) > _zeros(*sides[0][:2]):
        sides.reverse()
        entries = entries[[1, 0, 2, 3, 5, 4]]
    return _passes(sides[0], sides[1], entries, inner)


def _passes(
    first: tuple[Callable[[np.ndarray], np.ndarray], Leaves, list[float]],
    second: tuple[Callable[[np.ndarray], np.ndarray], Leaves, list[float]],
    entries: np.ndarray,
    inner: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
) -> np.ndarray:
    """The sum with a budget for √(E f² · E g²); again, for an integrand of one sign, where that leaves too little."""
    result = np.empty(entries.shape[1])
    rows, budget = np.arange(len(result)), None
    while rows.size:
        a, b, c, d, m1, m2 = law = entries[:, rows]
        sigma, other = np.sqrt(a), np.sqrt(b)
        deviations = m1, sigma, m2, other, c / (sigma * other), d / (sigma * other)
        found = _plane_windows((first[0], second[0]), (first[1], second[1]), deviations, budget)
        total, size = _one_pass(first, second, law, found, inner)
        result[rows] = total
        norm, spent, one_sign = found[4] + found[5], found[9], (~found[11], ~found[12])
        needed = np.where(size > 0.0, _BUDGET + norm - np.log(size), _LARGEST_BUDGET)
        again = (needed > spent + _SLACK) & (spent < _LARGEST_BUDGET) & (one_sign[1] | (d == 0.0)) & np.isfinite(size)
        again &= np.where(size > 0.0, np.abs(total) > _ONE_SIGN * size, one_sign[0] | (d == 0.0))
        # a size below what was left out says little
        needed = np.where((size > 0.0) & (needed > 2.0 * spent), 2.0 * spent, needed + 2.0)
        rows, budget = rows[again], np.minimum(needed[again], _LARGEST_BUDGET)
    return result


def _one_pass(
    first: tuple[Callable[[np.ndarray], np.ndarray], Leaves, list[float]],
    second: tuple[Callable[[np.ndarray], np.ndarray], Leaves, list[float]],
    entries: np.ndarray,
    windows: tuple[np.ndarray, ...],
    inner: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """E[f(u) g(v)] within the windows, and the sum of its outer terms' magnitudes."""
    (f, f_leaves, f_hard), (g, g_leaves, g_hard) = first, second
    a, b, c, d, m1, m2 = entries
    low, high, v_low, v_high, norm, _, above, steep, g_steep, budget, calm = windows[:11]
    sigma = np.sqrt(a)
    slope, blur = c / sigma, d / sigma
    v_low, v_high = m2 + np.sqrt(b) * v_low, m2 + np.sqrt(b) * v_high
    # the finest structure of u ↦ φ · E[g | u]
    own = _OWN * np.min(np.diff(g_leaves[0]), initial=np.inf) if not g_hard else 0.0
    finest = sigma / np.hypot(steep, g_steep * slope / np.maximum(blur, own))
    widths, (f_level,) = _widths(f_leaves[0], [_MERGED * np.where(np.isnan(finest), 0.0, finest)])
    f_ladder = _ladder(f_leaves, f_hard, widths)
    widths, (g_level, g_cuts) = _widths(g_leaves[0], [_MERGED * blur / g_steep, _LEAF * blur])
    g_ladder = _ladder(g_leaves, g_hard, widths)
    room = np.minimum(_room(f_ladder, m1, sigma), _room(g_ladder, m2, np.sqrt(b)))
    room = np.where(calm, _OUTER_ROOM * room, 0.0)
    total, size = np.empty(len(a)), np.empty(len(a))
    most = max(len(f_leaves[0]), len(g_leaves[0]), 1) * float(np.max(steep, initial=1.0))
    step = max(int(_ENTRY_ROWS * min(_MANY_EDGES / most, 1.0)), 8)
    stride = max(int(_NODE_ROWS / float(np.max(g_steep, initial=1.0))), 64)
    for start in range(0, len(a), step):
        rows = slice(start, start + step)
        law = m1[rows], sigma[rows], m2[rows], slope[rows], blur[rows]
        parts, rough = _hermite_nodes(f, law, room[rows])
        scales = low[rows], high[rows], steep[rows], g_steep[rows], budget[rows]
        cut = _varied(rough, law, scales, f_ladder, f_level[rows], g_ladder, g_cuts[rows])
        parts += _outer_nodes(f, law, scales, f_ladder, f_level[rows], rough, cut)
        owner, node, weight, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        # what is left of the budget at a node, in the square of v's distance from its mean given u
        spare = (budget - norm)[rows][owner] + np.log(np.abs(values)) - 0.25 * node * node
        square = np.minimum(4.0 * spare, 2.0 * (spare + above[rows][owner] - 0.25 * node * node))
        kept = ~(square <= 0.0)
        owner, node, weight, square = owner[kept], node[kept], weight[kept] * values[kept], square[kept]
        mean, scale = law[2][owner] + law[3][owner] * node, law[4][owner]
        if inner is not None:
            weight *= inner(mean, scale**2)
        else:
            reach = np.minimum(np.sqrt(np.where(np.isnan(square), 4.0 * _BUDGET, square)), _FARTHEST)
            level, narrow = g_level[rows][owner], g_steep[rows][owner]
            below = np.maximum(-reach, (v_low[rows][owner] - mean) / scale)
            beyond = np.minimum(reach, (v_high[rows][owner] - mean) / scale)
            for begin in range(0, len(owner), stride):
                at = slice(begin, begin + stride)
                bounds = below[at], beyond[at]
                weight[at] *= _ladder_means(g, g_ladder, level[at], mean[at], scale[at], bounds, narrow[at])
        total[rows] = np.bincount(owner, weight, len(law[0]))
        size[rows] = np.bincount(owner, np.abs(weight), len(law[0]))
    return total, size


def _edge_mean(
    one: tuple[Callable[..., np.ndarray], Sequence[tuple[float, float]], Sequence[complex], Sequence[float]],
    mean: np.ndarray,
    scale: np.ndarray,
) -> np.ndarray:
    """`_panel_mean` for finite means and standard deviations of shape (n,) and (function, knots, rates, edges)."""
    g = one[0]
    points = _points(one[1:], mean, scale)
    result = np.empty(len(mean))
    halves = _apart(len(points), mean)
    for half in halves:
        result[half] = _edge_mean(one, mean[half], scale[half])
    if halves:
        return result
    leaves = _leaves(g, points)
    low, high, steep = _line_windows(g, leaves, mean, scale)
    widths, (level,) = _widths(leaves[0], [_MERGED * scale / steep])
    ladder = _ladder(leaves, _hard(one[1]), widths)
    stride = max(int(_NODE_ROWS / float(np.max(steep, initial=1.0))), 64)
    for start in range(0, len(mean), stride):
        rows = slice(start, start + stride)
        bounds = low[rows], high[rows]
        result[rows] = _ladder_means(g, ladder, level[rows], mean[rows], scale[rows], bounds, steep[rows])
    return result


def _zeros(f: Callable[[np.ndarray], np.ndarray], leaves: Leaves) -> int:
    """On how many sides the function falls to nothing: outer nodes there cost nothing."""
    points = leaves[0]
    if len(points) < 2:
        return 0
    size = np.abs(f(np.concatenate([[2.0 * points[0] - points[1], 2.0 * points[-1] - points[-2]], points])))
    return int(np.count_nonzero(size[:2] <= 1e-8 * np.max(size)))
