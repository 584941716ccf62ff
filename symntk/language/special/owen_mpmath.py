"""Owen's T function in mpmath by Gauss–Legendre quadrature: the fast way to Φ₂ where it is not deep in a tail.

Source: Owen 1956, T(h, a) = (1/2π) ∫₀^a exp(−h²(1 + x²)/2)/(1 + x²) dx. For |a| ≤ 1 the integrand's nearest
singularities are at ±i, so n nodes leave an error of about 4.6^(−2n) times exp(h²/2 · 0.76).
"""

from __future__ import annotations

from collections.abc import Iterator

from mpmath import mp, mpf

from symntk.language.special.legendre import legendre_rule


def owens_t(h: mpf, a: mpf) -> mpf:
    """T(h, a), absolutely accurate at the working precision; a may be ±∞.

    >>> print(mp.nstr(owens_t(mpf(1), mpf(1)), 12))
    0.0667418821657
    """
    if a < 0:
        return -owens_t(h, -a)
    h = abs(h)
    if mp.isinf(a):
        return _below(-h) / 2
    if a > 1:
        first, second = _below(h), _below(a * h)
        return (first + second) / 2 - first * second - owens_t(a * h, 1 / a)
    if not a:
        return mp.zero
    square = h * h / 2
    total = mp.zero
    for node, weight in _nodes(h):
        rise = 1 + (a * (node + 1) / 2) ** 2
        total += weight * mp.exp(-square * rise) / rise
    return a * total / (4 * mp.pi)


def bivariate_from_owen(h: mpf, k: mpf, rho: mpf, root: mpf) -> tuple[mpf, mpf]:
    """Φ₂(h, k; ρ) with `root` = √(1 − ρ²) > 0, and 1 as the size of the summands, which may cancel."""
    if not h and not k:
        return mpf(1) / 4 + mp.atan2(rho, root) / (2 * mp.pi), mp.one
    value = (_below(h) + _below(k)) / 2
    value -= owens_t(h, _slope(k - rho * h, h, root)) + owens_t(k, _slope(h - rho * k, k, root))
    if h * k < 0 or (not h * k and h + k < 0):
        value -= mpf(1) / 2
    return value, mp.one


def _below(x: mpf) -> mpf:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _slope(rise: mpf, run: mpf, root: mpf) -> mpf:
    return rise / (run * root) if run else mp.sign(rise) * mp.inf


def _nodes(h: mpf) -> Iterator[tuple[mpf, mpf]]:
    """Nodes enough for the working precision; their numbers, and precisions, are few, for rules are remembered."""
    needed = (mp.dps + 3 + 0.17 * float(h) ** 2) / 1.3
    count = -(-int(needed) // 12) * 12
    rule = legendre_rule(count, -(-mp.prec // 64) * 64)
    return zip(rule.nodes, rule.weights, strict=True)
