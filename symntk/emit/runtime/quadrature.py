"""Gaussian expectations of piecewise smooth functions by quadrature: the route for entries where a closed form cancels.

One and two dimensions, over many entries at once. Every variable is standardized, so that nodes keep their relative
precision next to a mean whatever the variance. A row (one Gaussian) is cut at its knots and Gauss–Legendre panels lie
between; a row that no knot reaches has Gauss–Hermite nodes. In two dimensions the outer variable is u; given u, v is
Gaussian with a smaller variance, and the inner mean switches, as a function of u, where its centre crosses a knot of g.
Both orders are equally accurate; outer nodes where f vanishes cost nothing, so f is better the factor with more zeros.
An entry takes some 30 to 200 microseconds.

Knots are pairs (location, width): width 0 is a kink or a jump; width τ > 0 is a smooth feature of that scale, such as
Φ((x − location)/τ) or exp(−(x − location)²/2τ²). Rates are the real β of pieces e^{βx}, on a side of a knot or
everywhere; a complex rate is not understood. Variation that neither names, on a scale smaller than the Gaussian's, is
not resolved.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.panels import _FARTHEST, _edge_expectation, _edge_mean, _tilts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# (largest width, nodes): a Gauss–Legendre panel of this width, in units of the local scale, is exact to rounding for
# z² φ(z) (measured).
_PANEL_RULES = ((1.0, 8), (2.7, 12), (4.7, 16), (9.5, 24))
# Half a window in standard deviations: P(|z| > 9) = 2e-19, which leaves a factor of 100 for polynomials.
_WINDOW = 9.0
# A smooth feature at least this many standard deviations wide is left to the Gauss–Hermite rule (24 nodes: 5^-24).
_SMOOTH = 2.0
# On the side of a knot where e^{βx} decays, panels end at these multiples of 1/|β|; the second number of each is the
# panel's length in units of the local scale, which shrinks with what is left of the exponential (e^-8, e^-18).
_DECAY_PANELS = ((8.0, 4.0), (18.0, 4.0), (36.0, 2.5))
# Outer nodes with weight·f² below this fraction of the largest are dropped: by Cauchy–Schwarz they hold less than
# about 1e-15 √(E f² · E g²).
_NEGLIGIBLE = 1e-32
# Rows treated at once: a row has some 20 to 150 nodes and a node some eight numbers, 20 MB in all.
_ROWS = 2048


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
    f_rates: Sequence[float] = (0.0,),
    g_rates: Sequence[float] = (0.0,),
    f_edges: Sequence[float] = (),
    g_edges: Sequence[float] = (),
    inner: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """E[f(u) g(v)] for (u, v) ~ N((m1, m2), [[a, c], [c, b]]), d = √(a·b − c²), to 1e-12 · √(E f² · E g²).

    f and g map a flat float64 array to one of its shape; knots and rates as at the top of this file. a to m2 are flat
    float64 arrays of one length n, with a, b > 0; d = 0 is full correlation. Edges are where one polynomial gives way
    to another (`panels`); a function with edges needs no knots but its kinks and jumps. inner(mean, variance), if
    given, is E[g(Y)] of Y ~ N(mean, variance), element by element. Returns shape (n,); an entry with a NaN or an
    infinity is NaN. Memory stays below some 64 MB for any n.

    >>> a, zero = np.ones(2), np.zeros(2)
    >>> relu, knots = lambda x: np.maximum(x, 0.0), [(0.0, 0.0)]
    >>> print(_panel_expectation(relu, relu, knots, knots, a, a, np.array([1.0, -1.0]), zero, zero, zero).round(14))
    [0.5 0. ]
    """
    entries = np.array([a, b, c, d, m1, m2], dtype=np.float64)
    result = np.full(entries.shape[1], np.nan)
    finite = np.flatnonzero(np.all(np.isfinite(entries), axis=0))
    rules = _gauss_rules()
    with np.errstate(all="ignore"):
        if len(f_edges) or len(g_edges):
            law = entries[:, finite]
            result[finite] = _edge_expectation(f, g, f_knots, g_knots, law, f_rates, g_rates, f_edges, g_edges, inner)
            return result
        for start in range(0, len(finite), _ROWS // 8):
            rows = finite[start : start + _ROWS // 8]
            result[rows] = _outer_sums(f, g, f_knots, g_knots, f_rates, g_rates, entries[:, rows], rules, inner)
    return result


def _panel_mean(
    g: Callable[[np.ndarray], np.ndarray],
    g_knots: Sequence[tuple[float, float]],
    mean: np.ndarray,
    variance: np.ndarray,
    g_rates: Sequence[float] = (0.0,),
    g_edges: Sequence[float] = (),
) -> np.ndarray:
    """E[g(Y)] for Y ~ N(mean, variance), to 1e-13 · √(E g²); g(mean) where the variance is 0.

    Arguments as in `_panel_expectation`; flat arrays of length n in, shape (n,) out, NaN where an entry is not finite.

    >>> print(_panel_mean(np.abs, [(0.0, 0.0)], np.array([0.0, -3.0]), np.array([np.pi / 2, 0.0])).round(14))
    [1. 3.]
    """
    entries = np.array([mean, variance], dtype=np.float64)
    result = np.full(entries.shape[1], np.nan)
    finite = np.flatnonzero(np.all(np.isfinite(entries), axis=0))
    with np.errstate(all="ignore"):
        centre, scale = entries[0, finite], np.sqrt(entries[1, finite])
        if len(g_edges):
            result[finite] = _edge_mean(g, g_knots, centre, scale, g_rates, g_edges)
            return np.asarray(result)
        far = _half_window(g_knots, centre, scale) > _WINDOW
        result[finite] = _inner_means(g, g_knots, g_rates, centre, scale, far, _gauss_rules())
    return result


def _outer_sums(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    f_knots: Sequence[tuple[float, float]],
    g_knots: Sequence[tuple[float, float]],
    f_rates: Sequence[float],
    g_rates: Sequence[float],
    entries: np.ndarray,
    rules: list[tuple[np.ndarray, np.ndarray]],
    closed: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
) -> np.ndarray:
    """`_panel_expectation` for finite entries (6, n): a rule over u, then the mean of g at the nodes that matter."""
    a, b, c, d, m1, m2 = entries
    sigma = np.sqrt(a)
    # v = m2 + slope · z + inner · noise, z the standardized u.
    slope, inner = c / sigma, d / sigma
    features = _features(f_knots, f_rates, m1, sigma, 0.0 * sigma) + _features(g_knots, g_rates, m2, slope, inner)
    half_f, half_g = _half_window(f_knots, m1, sigma), _half_window(g_knots, m2, np.sqrt(b))
    f_low, f_high = _tilts(f_rates, sigma)
    g_low, g_high = _tilts(g_rates, slope)
    half = half_f + half_g - _WINDOW
    parts = _gaussian_rule(features, f_low + g_low - half, f_high + g_high + half, rules)
    owner = np.concatenate([np.repeat(row, z.shape[1]) for row, z, _ in parts])
    node, weight = (np.concatenate([part[index].ravel() for part in parts]) for index in (1, 2))
    values = f(m1[owner] + sigma[owner] * node)
    square = weight * values**2
    largest = np.zeros(len(a))
    np.maximum.at(largest, owner, np.nan_to_num(square))
    kept = ~(square <= _NEGLIGIBLE * largest[owner])
    owner, node, weight = owner[kept], node[kept], weight[kept] * values[kept]
    mean, scale, far = m2[owner] + slope[owner] * node, inner[owner], (half_g > _WINDOW)[owner]
    if closed is not None:
        return np.asarray(np.bincount(owner, weight * closed(mean, scale**2), len(a)))
    for start in range(0, len(owner), _ROWS):
        rows = slice(start, start + _ROWS)
        weight[rows] *= _inner_means(g, g_knots, g_rates, mean[rows], scale[rows], far[rows], rules)
    return np.bincount(owner, weight, len(a))


def _inner_means(
    g: Callable[[np.ndarray], np.ndarray],
    g_knots: Sequence[tuple[float, float]],
    g_rates: Sequence[float],
    mean: np.ndarray,
    scale: np.ndarray,
    far: np.ndarray,
    rules: list[tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
    """E[g(mean + scale · z)], row by row; where `far`, windows reach a knot that is many standard deviations away."""
    result = np.empty(len(mean))
    for start in range(0, len(mean), _ROWS):
        block = np.arange(start, min(start + _ROWS, len(mean)))
        fixed = scale[block] == 0.0
        result[block[fixed]] = g(mean[block[fixed]])
        rows = block[~fixed]
        centre, spread = mean[rows], scale[rows]
        half = np.where(far[rows], _half_window(g_knots, centre, spread), _WINDOW)
        low, high = _tilts(g_rates, spread)
        features = _features(g_knots, g_rates, centre, spread, 0.0 * spread)
        total = np.zeros(len(rows))
        for owner, node, weight in _gaussian_rule(features, low - half, high + half, rules):
            values = g((centre[owner, None] + spread[owner, None] * node).ravel())
            total += np.bincount(owner, np.einsum("ij,ij->i", values.reshape(node.shape), weight), len(rows))
        result[rows] = total
    return result


def _gauss_rules() -> list[tuple[np.ndarray, np.ndarray]]:
    """The Gauss–Legendre rules on (0, 1) of `_PANEL_RULES`, and last the Gauss–Hermite rule of 24 nodes for φ."""
    rules = []
    for _, count in _PANEL_RULES:
        nodes, weights = np.polynomial.legendre.leggauss(count)
        rules.append((0.5 + 0.5 * nodes, 0.5 * weights))
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    return [*rules, (nodes, weights / np.sqrt(2.0 * np.pi))]


def _half_window(knots: Sequence[tuple[float, float]], centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Standard deviations from the centre to integrate over: 9, or more where every knot is far but one is in reach.

    A function may vanish up to its nearest knot, z standard deviations away; the tail beyond √(z² + 81) is negligible
    against the one beyond z. A feature of width w there draws the bulk only to z/(1 + w²), and narrows it.
    """
    half = np.full(len(centre), np.inf)
    for location, width in knots:
        square = (width / scale) ** 2
        drawn = np.abs((location - centre) / scale) / (1.0 + square)
        needed = np.maximum(np.where(drawn > 6.0, np.hypot(drawn, _WINDOW), _WINDOW), drawn + _narrowed(square))
        half = np.fmin(half, np.where(drawn < _FARTHEST, needed, np.inf))
    return np.where(np.isfinite(half), half, _WINDOW)


def _narrowed(square: np.ndarray) -> np.ndarray:
    """Half a window around a standard Gaussian times one of variance `square`."""
    return _WINDOW * np.sqrt(square / (1.0 + square))


def _features(
    knots: Sequence[tuple[float, float]],
    rates: Sequence[float],
    centre: np.ndarray,
    scale: np.ndarray,
    blur: np.ndarray,
) -> list[tuple[np.ndarray, np.ndarray, list[np.ndarray]]]:
    """The knots of h(centre + scale · z), h blurred by a Gaussian: (position, width, decay lengths) in z for each.

    A decay length has the sign of the side on which the exponential decays. Without knots, rates stand alone at an
    infinite position. All arrays have shape (rows,).
    """
    reach = np.abs(scale)
    # A blur of more than 9 decay lengths leaves nothing of the exponential but its blurred kink.
    decays = [np.where(np.abs(rate) * blur > 9.0, np.inf, -1.0 / (rate * scale)) for rate in rates if rate != 0.0]
    features = [((x - centre) / scale, np.hypot(blur, width) / reach, decays) for x, width in knots]
    return features or [(np.full(len(centre), np.inf), np.zeros(len(centre)), decays)]


def _gaussian_rule(
    features: list[tuple[np.ndarray, np.ndarray, list[np.ndarray]]],
    low: np.ndarray,
    high: np.ndarray,
    rules: list[tuple[np.ndarray, np.ndarray]],
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Nodes for ∫ h(z) φ(z) dz over [low, high] of each row, in parts of p panels with n nodes.

    A part is (row, z, weight · φ(z)), of shapes (p,), (p, n) and (p, n); a row may have many panels.
    """
    rough = np.zeros(len(low), dtype=bool)
    for position, width, decays in features:
        edge = _WINDOW * width
        rough |= (position > low - edge) & (position < high + edge) & (width < _SMOOTH)
        # A distant feature tilts the Gaussian, which the Gauss–Hermite rule follows for 3 standard deviations.
        drawn = np.abs(position) / (1.0 + width**2)
        rough |= (width > 0.0) & (drawn > 3.0) & (drawn < _FARTHEST)
        for decay in decays:
            rough |= np.abs(decay) * _SMOOTH < 1.0
    smooth_rows, rough_rows = np.flatnonzero(~rough), np.flatnonzero(rough)
    nodes, weights = rules[-1]
    shape = len(smooth_rows), len(nodes)
    parts = [(smooth_rows, np.broadcast_to(nodes, shape), np.broadcast_to(weights, shape))]
    chosen = [(z[rough_rows], width[rough_rows], [x[rough_rows] for x in decays]) for z, width, decays in features]
    panel, left, length, effective = _panels(chosen, low[rough_rows], high[rough_rows])
    kind = np.searchsorted([limit for limit, _ in _PANEL_RULES[:-1]], effective)
    for index, (nodes, weights) in enumerate(rules[:-1]):
        here = kind == index
        z = left[here, None] + length[here, None] * nodes
        density = np.exp(-0.5 * z * z) * (length[here, None] * (weights / np.sqrt(2.0 * np.pi)))
        parts.append((rough_rows[panel[here]], z, density))
    return parts


def _panels(
    features: list[tuple[np.ndarray, np.ndarray, list[np.ndarray]]], low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Panels that fill [low, high] of each row: flat arrays (row, left end, length, length in local scales).

    They end at the knots, at 9 widths of a narrow smooth one, and at a few decay lengths of exponential pieces.
    """
    cuts = [low, high]
    for position, width, decays in features:
        cuts.append(position)
        narrow = (width > 0.0) & (width < _SMOOTH)
        if np.any(narrow):
            edge = np.where(narrow, _WINDOW * width, 0.0)
            cuts += [position - edge, position + edge]
        for decay in decays:
            if np.any(np.abs(decay) < 1.0):
                cuts += [position + multiple * decay for multiple, _ in _DECAY_PANELS]
    stacked = np.stack(cuts)
    ends = np.sort(np.clip(np.where(np.isnan(stacked), high, stacked), low, high), axis=0)
    length, middle = np.diff(ends, axis=0), 0.5 * (ends[1:] + ends[:-1])
    curvature, smallest = np.ones(length.shape), np.zeros(length.shape)
    for position, width, decays in features:
        offset = middle - position
        curvature += np.where((width > 0.0) & (np.abs(offset) < _WINDOW * width), width**-2.0, 0.0)
        for decay in decays:
            multiple, start = np.where(np.abs(decay) < 1.0, offset / decay, np.inf), 0.0
            for stop, units in _DECAY_PANELS:
                share = np.where((multiple > start) & (multiple < stop), length / np.abs(decay) / (stop - start), 0.0)
                smallest, start = np.maximum(smallest, units * np.minimum(share, 1.0)), stop
    effective = np.maximum(length * np.sqrt(curvature), smallest)
    pieces = np.ceil(effective / _PANEL_RULES[-1][0]).astype(np.int64)
    count = pieces.ravel()
    chosen = np.repeat(np.arange(count.size), count)
    within = np.arange(chosen.size) - np.repeat(np.cumsum(count) - count, count)
    share = length.ravel()[chosen] / count[chosen]
    left = ends[:-1].ravel()[chosen] + within * share
    return chosen % len(low), left, share, effective.ravel()[chosen] / count[chosen]
