"""The brute force of `benchmarks.adversarial`: composite Gauss–Legendre on panels that the construction itself gives.

At correlation 0 and ±1 the integral is one-dimensional. Else it is a sum over orthonormal Hermite polynomials,
E f(u) g(v) = Σ ρⁿ fₙ gₙ, whose tail is at most |ρ|ᴺ √(E f² · E g²); and near ±1 an integral over the ridge: for each
node of u, v is normal with mean m2 + (c/a)(u − m1) and the small variance τ² = b − c²/a. Each value is computed on the
panels and on their halves.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np

from benchmarks.adversarial_draw import Construction, Law
from benchmarks.adversarial_terms import Array, Term

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
ROUNDING = 2.0**-52
"""Relative error of a value: where summands cancel, of theirs."""
REACH = 36.0
"""Standard deviations that are integrated over: e^−648 is the density's least value."""
HERMITE = 0.95
"""The largest |ρ| of the sum over Hermite polynomials."""
RIDGE = 13.0
"""Standard deviations of v given u."""
BLOCK = 16
"""Laws of v given u at once: their windows are nearly the same."""


def panels(edges: Array, pieces: int) -> tuple[Array, Array]:
    """Nodes (n,) in long double and weights (n,) of Gauss–Legendre on each interval, cut into `pieces`."""
    wide = edges.astype(np.longdouble)
    steps = np.arange(pieces) / np.longdouble(pieces)
    left = (wide[:-1, None] + np.diff(wide)[:, None] * steps).ravel()
    half = np.repeat(np.diff(wide), pieces) / (2 * pieces)
    nodes = left[:, None] + half[:, None] * (1 + NODES.astype(np.longdouble))
    return nodes.ravel(), (half[:, None].astype(float) * WEIGHTS).ravel()


def cut(term: Term, mean: float, sigma: float, rate: float, widest: float) -> Array:
    """Edges (n,) of a term over the normal law's reach, no panel wider than `widest` standard deviations."""
    reach = (REACH + rate) * sigma
    low, high = mean - reach, mean + reach
    even = np.linspace(low, high, math.ceil(2 * (REACH + rate) / widest) + 1)
    return np.unique(np.concatenate([even, term.edges(low, high)]))


def root_density(x: Array, mean: float, sigma: float) -> Array:
    """√ of the normal density, so that neither it nor a growing function leaves the range of numbers."""
    z = np.asarray((x - mean) / sigma, dtype=float)
    return np.exp(-(z**2) / 4) / math.sqrt(sigma * math.sqrt(2 * math.pi))


class Line:
    """A term on the panels of one normal law: nodes, values times √(density·weight), and √(E f²)."""

    def __init__(self, term: Term, edges: Array, mean: float, sigma: float, pieces: int) -> None:
        self.x, weights = panels(edges, pieces)
        self.root = root_density(self.x, mean, sigma) * np.sqrt(weights)
        self.values = term.value(self.x)
        self.f = np.where(self.root > 0, self.values * self.root, 0.0)
        self.norm = float(np.sqrt(np.sum(self.f**2)))

    def pruned(self) -> tuple[Array, Array, Array]:
        """x, f and root where f is not negligible: what is left out is at most 1e-17 of √(E f²)."""
        square = self.f**2
        order = np.argsort(square)
        out = order[np.cumsum(square[order]) <= 1e-34 * square.sum()]
        keep = np.ones(square.size, dtype=bool)
        keep[out] = False
        return self.x[keep], self.f[keep], self.root[keep]


def reference(construction: Construction, law: Law) -> tuple[float, float, float]:
    """E f(u) g(v) by brute force: (value, its uncertainty, √(E f² · E g²))."""
    with np.errstate(all="ignore"):
        coarse, _ = _value(construction, law, 1)
        fine, scale = _value(construction, law, 2)
        sides = ((construction.f, law.m1, math.sqrt(law.a)), (construction.g, law.m2, math.sqrt(law.b)))
        rounding = ROUNDING * math.prod(_size(*side) for side in sides)
    return fine, abs(fine - coarse) + rounding, scale


def _size(term: Term, mean: float, sigma: float) -> float:
    """√(E s²) of what the term's rounding is relative to."""
    summed = Term("", term.size, term.edges, rate=term.rate)
    return Line(summed, cut(summed, mean, sigma, 2 * term.rate * sigma, 0.5), mean, sigma, 1).norm


def _value(construction: Construction, law: Law, pieces: int) -> tuple[float, float]:
    f, g = construction.f, construction.g
    su, sv = math.sqrt(law.a), math.sqrt(law.b)
    rate = f.rate * su + g.rate * sv
    if construction.one:
        line = Line(f, cut(f, law.m1, su, 2 * rate, 0.5), law.m1, su, pieces)
        return float(np.sum(line.f * line.root)), line.norm
    a, b, c = Fraction(law.a), Fraction(law.b), Fraction(law.c)
    remaining = max(Fraction(0), 1 - c * c / (a * b))  # 1 − ρ²
    rho = math.copysign(math.sqrt(1 - remaining), law.c) if c else 0.0
    if remaining == 0:
        return _full(construction, law, rate, pieces)
    if abs(rho) <= HERMITE:
        return _hermite(construction, law, rho, rate, pieces)
    return _ridge(construction, law, math.sqrt(float(b * remaining)), rate, pieces)


def _full(construction: Construction, law: Law, rate: float, pieces: int) -> tuple[float, float]:
    """At v = m2 + k (u − m1): one line with the edges of both."""
    f, g = construction.f, construction.g
    su, k = math.sqrt(law.a), np.longdouble(law.c) / np.longdouble(law.a)
    joint = Term(
        "",
        lambda x: f.value(x),
        lambda low, high: np.concatenate([f.edges(low, high), _mapped(g, law, float(k), low, high)]),
    )
    line = Line(joint, cut(joint, law.m1, su, 2 * rate, 0.5), law.m1, su, pieces)
    other = g.value(law.m2 + k * (line.x - law.m1)) * line.root
    return float(np.sum(line.f * other)), line.norm * float(np.sqrt(np.sum(other**2)))


def _mapped(g: Term, law: Law, k: float, low: float, high: float, kinks: bool = False) -> Array:
    """The edges of g as places of u."""
    ends = sorted((law.m2 + k * (low - law.m1), law.m2 + k * (high - law.m1)))
    return law.m1 + ((g.kinks if kinks else g.edges)(*ends) - law.m2) / k


def _hermite(construction: Construction, law: Law, rho: float, rate: float, pieces: int) -> tuple[float, float]:
    """Σ ρⁿ fₙ gₙ with as many terms as leave 1e-17 of the scale."""
    terms = 1 if rho == 0 else min(2000, math.ceil(-39.0 / math.log(abs(rho))) + 2)
    widest = min(0.5, 11.0 / math.sqrt(terms))
    f_n, f_norm = _coefficients(construction.f, law.m1, math.sqrt(law.a), rate, terms, widest, pieces)
    if construction.g is construction.f and (law.m1, law.a) == (law.m2, law.b):
        g_n, g_norm = f_n, f_norm
    else:
        g_n, g_norm = _coefficients(construction.g, law.m2, math.sqrt(law.b), rate, terms, widest, pieces)
    return float(np.sum(rho ** np.arange(terms) * f_n * g_n)), f_norm * g_norm


def _coefficients(term, mean, sigma, rate, terms, widest, pieces):
    """E f h_n for n < terms, and √(E f²)."""
    line = Line(term, cut(term, mean, sigma, 2 * rate, widest), mean, sigma, pieces)
    x, f, root = line.pruned()
    z = np.asarray((x - mean) / sigma, dtype=float)
    found = np.empty(terms)
    before, now = np.zeros(z.size), root.copy()
    for n in range(terms):
        found[n] = f @ now
        before, now = now, (z * now - math.sqrt(n) * before) / math.sqrt(n + 1)
    return found, line.norm


def _ridge(construction: Construction, law: Law, tau: float, rate: float, pieces: int) -> tuple[float, float]:
    """∫ f(u) E[g(v) | u] over u, with the panels of g and of its smoothing by τ."""
    f, g = construction.f, construction.g
    su, sv = math.sqrt(law.a), math.sqrt(law.b)
    k = np.longdouble(law.c) / np.longdouble(law.a)
    step = tau / abs(float(k))

    def edges(low: float, high: float) -> Array:
        own, other = f.edges(low, high), _mapped(g, law, float(k), low, high)
        near = other[np.minimum(*_gaps(other)) < 2 * step] if other.size > 1 else other
        near = np.concatenate([near, _mapped(g, law, float(k), low, high, kinks=True)])
        return np.concatenate([own, other, _grid(near, step, 10)])

    joint = Term("", f.value, edges)
    line = Line(joint, cut(joint, law.m1, su, 2 * rate, 0.5), law.m1, su, pieces)
    u, values, root = line.pruned()
    if not u.size:  # f is 0 wherever the law reaches
        return 0.0, 0.0
    inner = _conditional(g, law.m2 + k * (u - law.m1), tau, g.rate * tau, pieces)
    norm = Line(g, cut(g, law.m2, sv, 2 * rate, 0.5), law.m2, sv, pieces).norm
    return float(np.sum(values * root * inner)), line.norm * norm


def _gaps(places: Array) -> tuple[Array, Array]:
    """Distances to the neighbours on both sides."""
    gaps = np.diff(places)
    return np.concatenate([[np.inf], gaps]), np.concatenate([gaps, [np.inf]])


def _grid(places: Array, step: float, steps: int) -> Array:
    """Multiples of a step within `steps` of the places."""
    if not places.size:
        return places
    first = np.unique(np.round(places / step))
    return np.unique(first[:, None] + np.arange(-steps, steps + 1)) * step


def _conditional(g: Term, means: Array, tau: float, rate: float, pieces: int) -> Array:
    """E g(m + τ z) for each m (n,): Gauss–Hermite where g's panel holds the reach of z, else the panels near edges."""
    reach = (RIDGE + rate) * tau
    low, high = float(means.min()) - 3 * reach, float(means.max()) + 3 * reach
    edges = np.unique(np.concatenate([[low, high], g.edges(low, high)]))
    first, last = np.searchsorted(edges, double(means - reach)), np.searchsorted(edges, double(means + reach))
    inside = first == last
    out = np.empty(means.size)
    z, w = np.polynomial.hermite_e.hermegauss(20 + 12 * pieces)
    w = w / w.sum()
    out[inside] = g.value(means[inside][:, None] + np.longdouble(tau) * z) @ w
    if inside.all():
        return out
    cuts = np.unique(np.concatenate([edges, _grid(edges, tau, math.ceil(2 * (RIDGE + rate)) + 2)]))
    nodes, weights = _short(cuts, tau, pieces)
    density = g.value(nodes) * weights / (tau * math.sqrt(2 * math.pi))
    rest = np.flatnonzero(~inside)
    rest = rest[np.argsort(means[rest])]
    left = np.searchsorted(nodes, means[rest] - reach)
    right = np.searchsorted(nodes, means[rest] + reach)
    apart = np.flatnonzero(np.diff(means[rest]) > 2 * reach) + 1
    for start, stop in _blocks(rest.size, apart):
        part, window = rest[start:stop], slice(left[start], right[stop - 1])
        middle = means[part[0]]  # differences from it are small, so that float64 holds them
        z = double((nodes[window] - middle) / tau) - double((means[part] - middle) / tau)[:, None]
        out[part] = np.exp(-(z**2) / 2) @ density[window]
    return out


def _blocks(size: int, apart: Array):
    """Ranges of at most BLOCK means whose windows overlap."""
    ends = [0, *apart, size]
    for first, last in itertools.pairwise(ends):
        for start in range(first, last, BLOCK):
            yield start, min(start + BLOCK, last)


def _short(cuts: Array, tau: float, pieces: int) -> tuple[Array, Array]:
    """Gauss–Legendre on the intervals that are not longer than 1.5 τ; the others hold no conditional law."""
    keep = np.diff(cuts) <= 1.5 * tau
    both = [panels(pair, pieces) for pair in _runs(cuts, keep)]
    return np.concatenate([x for x, _ in both]), np.concatenate([w for _, w in both])


def _runs(cuts: Array, keep: Array):
    """Consecutive cuts whose intervals are kept."""
    starts = np.flatnonzero(keep & ~np.concatenate([[False], keep[:-1]]))
    stops = np.flatnonzero(keep & ~np.concatenate([keep[1:], [False]]))
    for start, stop in zip(starts, stops, strict=True):
        yield cuts[start : stop + 2]


def double(x: Array) -> Array:
    """The same in float64."""
    return np.asarray(x, dtype=float)
