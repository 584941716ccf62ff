"""φ, Φ and Φ₂ as mpmath numbers at the working precision, with a small relative error also in far tails.

Comes in: mpf or mpc numbers; goes out: the same. Independent of SymPy and of the derivation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mpmath import mp, mpc, mpf

from symntk.language.special.legendre import legendre_rule
from symntk.language.special.owen_mpmath import bivariate_from_owen

Number = Any  # mpf or mpc
_NEAR = 120  # squared distance within which Owen's T, some ten times faster, loses few digits to the tail
_DEEPEST = 12  # how often an interval is halved
_FLAT = 2**-8  # √(1 − ρ²) down to which its arguments, differences over this root, keep the guard bits


def normal_pdf(x: Number) -> Number:
    """Density of N(0, 1) at a real or complex number.

    >>> print(mp.nstr(normal_pdf(mpf(40)), 5))
    1.4633e-348
    """
    x = mp.convert(x)
    if mp.isinf(x):
        return mp.zero
    with mp.workprec(mp.prec + _guard(x)):
        value = mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi)
    return +value


def normal_cdf(x: Number) -> Number:
    """Distribution function of N(0, 1) at a real or complex number.

    >>> print(mp.nstr(normal_cdf(mpf(-40)), 5))
    3.6559e-350
    """
    x = mp.convert(x)
    with mp.workprec(mp.prec + _guard(x)):
        value = _checked(lambda: (mp.erfc(-x / mp.sqrt(2)) / 2, 1)) if _is_complex(x) else mp.erfc(-x / mp.sqrt(2)) / 2
    return +value


def bivariate_normal_cdf(h: Number, k: Number, rho: Number) -> Number:
    """P(X ≤ h, Y ≤ k) for standard normal X, Y of real correlation rho; h and k real or complex.

    Errors: ValueError for |rho| > 1, for complex rho, and for complex h, k at rho = ±1.

    >>> print(mp.nstr(bivariate_normal_cdf(mpf(-30), mpf(-20), mpf(-0.5)), 5))
    5.7724e-555
    """
    h, k, rho = mp.convert(h), mp.convert(k), mp.convert(rho)
    if any(mp.isnan(v) for v in (h, k, rho)):
        return mp.nan
    if _is_complex(rho) or abs(rho) > 1:
        raise ValueError("the correlation must be a real number between -1 and 1")
    rho = rho.real
    if -mp.inf in (h, k):
        return mp.zero
    if mp.inf in (h, k):
        return normal_cdf(k if h == mp.inf else h)
    entire = _is_complex(h) or _is_complex(k)
    if entire and abs(rho) == 1:
        raise ValueError("at correlation ±1 the arguments must be real")
    with mp.workprec(-(-(mp.prec + _guard(h) + _guard(k)) // 64) * 64):  # few precisions: quadrature nodes are cached
        if entire:
            value = _checked(lambda: _entire(h, k, rho))
        elif _is_near(h.real, k.real, rho):
            value = _checked(lambda: bivariate_from_owen(h.real, k.real, rho, mp.sqrt((1 - rho) * (1 + rho))))
        else:
            value = _positive(h.real, k.real, rho)
    return +value


def _is_near(h: mpf, k: mpf, rho: mpf) -> bool:
    """Whether Owen's T serves: each of its four arguments is small, and so is the distance of the quadrant."""
    root = mp.sqrt((1 - rho) * (1 + rho))
    if root < _FLAT or _squared_distance(h, k, rho) > _NEAR:
        return False
    return bool(max(abs(h), abs(k), abs(k - rho * h) / root, abs(h - rho * k) / root) ** 2 < _NEAR)


def _squared_distance(h: mpf, k: mpf, rho: mpf) -> mpf:
    """Of the quadrant from the origin, in units in which X and Y are independent: Φ₂ ≈ exp(−distance²/2)."""
    if min(h, k) >= 0:
        return mp.zero
    if h < 0 and rho * h <= k:
        return h * h
    if k < 0 and rho * k <= h:
        return k * k
    return (h * h - 2 * rho * h * k + k * k) / (1 - rho * rho)


def _positive(h: mpf, k: mpf, rho: mpf) -> mpf:
    """Φ₂ = max(0, Φ(h) − Φ(−k)) + ∫ from correlation −1 to ρ of the density (Plackett 1954): two positive summands.

    With ρ = −tanh y the integrand is log-concave in y, so its mass is easy to find (see `_plackett`).
    """
    base = mp.zero
    if h + k > 0:  # the difference of the smaller tails
        low, high = (-k, h) if h < k else (-h, k)
        base = _checked(lambda: (normal_cdf(high) - normal_cdf(low), normal_cdf(high)))
    if rho == -1:
        return base
    if rho == 1:
        return normal_cdf(min(h, k))
    start = -mp.atanh(rho)

    def drop(y: mpf) -> mpf:
        return _exponent(h, k, y) + mp.ln(mp.cosh(y))

    mode = max(start, _mode(h, k))
    left = (max(start, mode - distance) for distance in _reaches(drop, mode, -1))
    right = (mode + distance for distance in _reaches(drop, mode, 1))
    return base + _plackett(h, k, sorted({mode, *left, *right}), _exponent(h, k, mode))


def _entire(h: Number, k: Number, rho: mpf) -> tuple[Number, mpf]:
    """Φ₂ = Φ(h)Φ(k) + ∫ from correlation 0 to ρ of the density, entire in h and k; with the size of the summands."""
    product = normal_cdf(h) * normal_cdf(k)
    end = -mp.atanh(rho)
    pieces = int(4 * abs(end)) + 1
    nodes = [end * (pieces - i) / pieces for i in range(pieces + 1)]
    top = min(_exponent(h, k, y).real for y in nodes)
    integral = _plackett(h, k, nodes, top) if end < 0 else -_plackett(h, k, nodes[::-1], top)
    return product + integral, max(abs(product), mp.exp(-top) * abs(end))


def _plackett(h: Number, k: Number, nodes: list[mpf], top: mpf) -> Number:
    """(1/2π) ∫ exp(−(h² − 2rhk + k²)/(2(1 − r²)))/√(1 − r²) dr, r = −tanh y, over y between the rising nodes.

    `top` is the exponent where the integrand is large: what is aimed at is absolute, so values are scaled to 1.
    """
    d, s = ((h - k) / 2) ** 2, ((h + k) / 2) ** 2

    def integrand(y: mpf) -> Number:
        rise = mp.exp(y)
        fall = 1 / rise
        return mp.exp(top - (d * (1 + fall * fall) + s * (1 + rise * rise)) / 2) * 2 / (rise + fall)

    rounding = 64 * mp.eps * (1 + abs(top))  # of the exponent
    value = mp.fsum(_gauss(integrand, *ends, rounding, _DEEPEST) for ends in zip(nodes[:-1], nodes[1:], strict=True))
    return mp.exp(-top) * value / (2 * mp.pi)


def _gauss(function: Callable[[mpf], Number], low: mpf, high: mpf, goal: mpf, depth: int) -> Number:
    """The integral of a function of size 1, by two Gauss–Legendre rules that agree, or by halves."""
    half, middle = (high - low) / 2, (high + low) / 2
    count, bits = 16 * (1 + mp.prec // 64), -(-mp.prec // 64) * 64

    def applied(count: int) -> Number:
        rule = legendre_rule(count, bits)
        return half * mp.fdot((w, function(middle + half * x)) for x, w in zip(rule.nodes, rule.weights, strict=True))

    value = applied(count + 16)
    if not depth or abs(value - applied(count)) <= goal * max(abs(value), half):
        return value
    return _gauss(function, low, middle, goal, depth - 1) + _gauss(function, middle, high, goal, depth - 1)


def _exponent(h: Number, k: Number, y: mpf) -> Number:
    """(h² − 2rhk + k²)/(2(1 − r²)) at r = −tanh y, without cancellation."""
    d, s = ((h - k) / 2) ** 2, ((h + k) / 2) ** 2
    return (d * (1 + mp.exp(-2 * y)) + s * (1 + mp.exp(2 * y))) / 2


def _mode(h: mpf, k: mpf) -> mpf:
    """Where the integrand of `_plackett` is largest (to a few digits: it only places the nodes)."""
    d, s = ((h - k) / 2) ** 2, ((h + k) / 2) ** 2

    def slope(y: mpf) -> mpf:
        return -d * mp.exp(-2 * y) + s * mp.exp(2 * y) + mp.tanh(y)

    low, high = mpf(-1), mpf(1)
    while slope(low) > 0:
        low *= 2
    while slope(high) < 0:
        high *= 2
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return (low + high) / 2


def _reaches(drop: Callable[[mpf], mpf], mode: mpf, side: int) -> Iterator[mpf]:
    """Distances, up to a factor of 2, at which a log-concave function has fallen by 1, 4, 16, … nats from its mode."""
    top, level, step = drop(mode), mp.one, mp.one
    depth = (mp.dps + 10) * mp.ln(10)
    while True:
        while drop(mode + side * step) - top < level:
            step *= 2
        while drop(mode + side * step / 2) - top > level:
            step /= 2
        yield step
        if level > depth:
            return
        level *= 4


def _checked(compute: Callable[[], tuple[Number, Number]]) -> Number:
    """A sum whose summands may cancel: repeated with as many more bits as cancelled. `compute` gives value and size."""
    extra = 20
    while True:
        with mp.workprec(mp.prec + extra):
            value, size = compute()
            lost = int(mp.mag(size) - mp.mag(value)) if value else mp.prec
        exact_zero = not value and extra > 8 * mp.prec
        if lost + 10 <= extra or exact_zero:
            return value
        extra = max(2 * extra, lost + 30)


def _guard(x: Number) -> int:
    """Bits that the square of an argument costs in an exponent, and some for rounding."""
    return 15 + 2 * max(0, int(mp.mag(x))) if mp.isfinite(x) and x else 15


def _is_complex(x: Number) -> bool:
    return isinstance(x, mpc) and x.imag != 0
