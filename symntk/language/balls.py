"""Enclosures: what values an expression can take around a complex point, by ball arithmetic on arrays.

A ball is a centre and a radius, |w − centre| ≤ radius. `enclosure` turns a SymPy expression into a function that maps
balls of its variable to balls that hold all its values; it sees what samples cannot: poles, branch points, narrow
features. Rounding is covered by a share of the centre's size, 2e-15, so that bounds are true up to the last digits.

A radius of inf says that nothing is known, or that values are beyond float64; the centre is then a bound from below
of their modulus (0: none), so that the inverse of what overflows is small.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from scipy import special

from symntk.language.conjugate import conjugate
from symntk.language.logistic import logistic, softplus
from symntk.language.special import normal_cdf, normal_pdf

_ROUNDING = 2e-15
_LARGEST = 1e300


class Ball(NamedTuple):
    """All w with |w − centre| ≤ radius; arrays of one shape, complex128 and float64."""

    centre: np.ndarray
    radius: np.ndarray


Enclosure = Callable[[np.ndarray, np.ndarray], Ball]


def enclosure(expr: sp.Expr, x: sp.Symbol) -> Enclosure:
    """The function that encloses `expr` on balls of `x`.

    It takes complex centres and float64 radii of one shape and returns a `Ball` of that shape. Where the radius that
    it returns is finite, `expr` is analytic on the ball that was given, and all its values there lie in the result.
    A function without a rule (Abs, Piecewise, …) is enclosed by nothing: radius inf.

    >>> x = sp.Symbol("x", real=True)
    >>> found = enclosure(1 / (1 + x**2), x)(np.array([0.0, 1j]), np.array([0.5, 0.1]))
    >>> print(found.radius.round(3))  # there is a pole at i
    [0.333   inf]
    """
    nodes: dict[sp.Basic, int] = {}
    program: list[tuple[Callable[..., Ball], tuple[int, ...]]] = []

    def place(node: sp.Basic) -> int:
        if node not in nodes:
            rule, parts = _rule(node, x)
            inputs = tuple(place(part) for part in parts)
            program.append((rule, inputs))
            nodes[node] = len(program) - 1
        return nodes[node]

    last = place(sp.sympify(expr, strict=True))

    def run(centre: np.ndarray, radius: np.ndarray) -> Ball:
        z, r = np.broadcast_arrays(np.asarray(centre, dtype=complex), np.asarray(radius, dtype=float))
        given = Ball(z, r)
        values: list[Ball] = []
        with np.errstate(all="ignore"):
            for rule, inputs in program:
                found = rule(given) if not inputs else rule(*(values[i] for i in inputs))
                values.append(_tidy(found))
        return values[last]

    return run


def _tidy(ball: Ball) -> Ball:
    """With the rounding of the centre, and inf where something is no number."""
    size = np.abs(ball.centre)
    radius = ball.radius + _ROUNDING * size
    good = (size < _LARGEST) & (radius < _LARGEST)
    if good.all():
        return Ball(ball.centre, radius)
    # beyond float64: a bound of the modulus from below, if there is one
    least = np.where(np.isinf(ball.radius), size, np.minimum(size, 1e308) - ball.radius)
    least = np.where(least > 0.0, np.minimum(least, _LARGEST), 0.0)
    return Ball(np.where(good, ball.centre, least), np.where(good, radius, np.inf))


def _rule(node: sp.Basic, x: sp.Symbol) -> tuple[Callable[..., Ball], tuple[sp.Basic, ...]]:
    """How a node is enclosed, and the parts that it is enclosed from; no parts: from the given ball itself."""
    if node == x:
        return (lambda given: given), ()
    if not node.has(x):
        return _constant(node), ()
    if node.is_Add and node.is_polynomial(x):
        return _polynomial(node, x), ()
    if node.is_Add:
        return _conjugated(node, x) or (_sum, node.args)
    if node.is_Mul:
        return _product, node.args
    if node.is_Pow:
        return _power(node, x)
    from symntk.language.balls_scaled import SCALED_RULES  # which are built from those below

    rule = RULES.get(node.func) or SCALED_RULES.get(node.func)
    if rule is None or len(node.args) != 1:
        return _nothing, (x,)
    return (rule if rule in _KNOW_OVERFLOW else _cautious(rule)), node.args


def _cautious(rule: Callable[[Ball], Ball]) -> Callable[[Ball], Ball]:
    """A rule whose centre says nothing where its radius is not finite."""

    def run(w: Ball) -> Ball:
        found = rule(w)
        return Ball(np.where(np.isfinite(found.radius), found.centre, 0.0), found.radius)

    return run


def _polynomial(node: sp.Basic, x: sp.Symbol) -> Callable[[Ball], Ball]:
    """Σ p⁽ᵏ⁾(z)/k! δᵏ: a polynomial by its Taylor series around each centre, where powers cancel."""
    coefficients = np.array([complex(sp.N(c, 20)) for c in sp.Poly(node, x).all_coeffs()])

    def rule(given: Ball) -> Ball:
        derivative, factor, radius = coefficients, 1.0, np.zeros(given.radius.shape)
        for order in range(1, len(coefficients)):
            derivative, factor = np.polyder(derivative), factor * order
            radius = radius + np.abs(np.polyval(derivative, given.centre)) / factor * given.radius**order
        size = np.polyval(np.abs(coefficients), np.abs(given.centre))
        radius = radius + _ROUNDING * size
        return Ball(np.where(np.isfinite(radius), np.polyval(coefficients, given.centre), 0.0), radius)

    return rule


def _conjugated(node: sp.Basic, x: sp.Symbol) -> tuple[Callable[..., Ball], tuple[sp.Basic, ...]] | None:
    """A sum p + s with a root s: also as (p² − s²)/(p − s), where p and s cancel."""
    found = conjugate(node, x)
    if found is None:
        return None

    def rule(p: Ball, s: Ball, gap: Ball) -> Ball:
        first, second = _sum(p, s), _product(gap, _inverse(_sum(p, _scaled(s, -1.0))))
        return _where(first.radius <= second.radius, first, second)

    return rule, found


def _power(node: sp.Basic, x: sp.Symbol) -> tuple[Callable[..., Ball], tuple[sp.Basic, ...]]:
    base, exponent = node.as_base_exp()
    if exponent.has(x):
        return _exp, (exponent * sp.log(base),)
    p = float(exponent)
    if p < 0.0 and isinstance(base, sp.cosh):
        return (lambda w: _any_power(_sech(w), -p)), base.args
    return (lambda w: _any_power(w, p)), (base,)


def _constant(node: sp.Basic) -> Callable[[Ball], Ball]:
    value = complex(sp.N(node, 20))
    return lambda given: Ball(np.full(given.radius.shape, value), np.zeros(given.radius.shape))


def _nothing(w: Ball) -> Ball:
    return Ball(np.zeros(w.centre.shape, dtype=complex), np.full(w.radius.shape, np.inf))


def _outer(w: Ball) -> np.ndarray:
    """The largest modulus of the ball."""
    return np.asarray(np.abs(w.centre) + w.radius)


def _inner(w: Ball) -> np.ndarray:
    """The least modulus of the ball, 0 where it is not known to be positive."""
    size = np.abs(w.centre)
    return np.asarray(np.where(np.isinf(w.radius), size, np.maximum(size - w.radius, 0.0)))


def _where(condition: np.ndarray, first: Ball, second: Ball) -> Ball:
    return Ball(np.where(condition, first.centre, second.centre), np.where(condition, first.radius, second.radius))


def _sum(*terms: Ball) -> Ball:
    centre, radius = terms[0]
    for term in terms[1:]:
        # where one term is beyond float64, its modulus less that of the others
        least = np.where(np.isinf(radius), np.abs(centre) - _outer(term), np.abs(term.centre) - np.abs(centre) - radius)
        over = np.isinf(radius) | np.isinf(term.radius)
        centre = np.where(over, np.maximum(least, 0.0), centre + term.centre)
        radius = radius + term.radius
    return Ball(centre, radius)


def _product(*factors: Ball) -> Ball:
    total = factors[0]
    for factor in factors[1:]:
        size, other = np.abs(total.centre), np.abs(factor.centre)
        radius = size * factor.radius + other * total.radius + total.radius * factor.radius
        over = np.isinf(total.radius) | np.isinf(factor.radius)
        centre = np.where(over, _inner(total) * _inner(factor), total.centre * factor.centre)
        total = Ball(centre, np.where(over, np.inf, radius))
    return total


def _inverse(w: Ball) -> Ball:
    size, over = np.abs(w.centre), np.isinf(w.radius)
    room = size - w.radius
    radius = np.where(room > 0.0, w.radius / (size * room), np.inf)
    radius = np.where(over & (size > 0.0), 1.0 / size, radius)
    return Ball(np.where(over, 0.0, np.where(room > 0.0, 1.0 / w.centre, 1.0 / _outer(w))), radius)


def _any_power(w: Ball, p: float) -> Ball:
    if p == -1.0:
        return _inverse(w)
    if p < 0.0:
        return _inverse(_any_power(w, -p))
    size, over = np.abs(w.centre), np.isinf(w.radius)
    if p == round(p):
        growth = size**p * np.expm1(p * np.log1p(w.radius / size))
        radius = np.where(size > 2.0 * w.radius, growth, (size + w.radius) ** p - size**p)
        return Ball(np.where(over, size**p, w.centre ** int(p)), np.where(over, np.inf, radius))
    slope = np.maximum((size + w.radius) ** (p - 1.0), (size - w.radius) ** (p - 1.0))
    radius = np.where(w.radius < _to_cut(w.centre), w.radius * p * slope, np.inf)
    return Ball(np.where(np.isinf(radius), 0.0, w.centre**p), radius)


def _to_cut(z: np.ndarray, start: float = 0.0) -> np.ndarray:
    """The distance of z from the real numbers up to `start`."""
    return np.asarray(np.where(z.real <= start, np.abs(z.imag), np.abs(z - start)))


def _exp(w: Ball) -> Ball:
    top, bottom = np.exp(w.centre.real + w.radius), np.exp(w.centre.real - w.radius)
    radius = np.where(w.radius < 0.5, np.exp(w.centre.real) * np.expm1(w.radius), top)
    over = np.isinf(w.radius) | ~(top < _LARGEST)
    least = np.where(np.isinf(w.radius), 0.0, np.minimum(bottom, _LARGEST))
    return Ball(np.where(over, least, np.exp(w.centre)), np.where(over, np.inf, radius))


def _log(w: Ball) -> Ball:
    clear = w.radius < _to_cut(w.centre)
    radius = np.where(clear, -np.log1p(-w.radius / np.abs(w.centre)), np.inf)
    return Ball(np.where(clear, np.log(w.centre), 0.0), radius)


def _sin(w: Ball) -> Ball:
    sine, cosine = np.sin(w.centre), np.cos(w.centre)
    return Ball(sine, np.abs(cosine) * np.sinh(w.radius) + np.abs(sine) * 2.0 * np.sinh(0.5 * w.radius) ** 2)


def _turned(w: Ball, factor: complex) -> Ball:
    """The ball times a number of modulus 1."""
    return Ball(np.where(np.isinf(w.radius), np.abs(w.centre), w.centre * factor), w.radius)


def _shifted(w: Ball, by: float) -> Ball:
    return _sum(w, Ball(np.full(w.centre.shape, complex(by)), np.zeros(w.radius.shape)))


def _cos(w: Ball) -> Ball:
    return _sin(_shifted(w, 0.5 * np.pi))


def _tan(w: Ball) -> Ball:
    return _turned(_tanh(_turned(w, 1j)), -1j)


def _sinh(w: Ball) -> Ball:
    return _hyperbolic(w, np.sinh, np.cosh)


def _cosh(w: Ball) -> Ball:
    return _hyperbolic(w, np.cosh, np.sinh)


def _hyperbolic(w: Ball, own: Callable[..., Any], other: Callable[..., Any]) -> Ball:
    value, slope = own(w.centre), other(w.centre)
    radius = np.abs(slope) * np.sinh(w.radius) + np.abs(value) * 2.0 * np.sinh(0.5 * w.radius) ** 2
    over = ~(radius < _LARGEST) | ~(np.abs(value) < _LARGEST)
    # |sinh| and |cosh| are at least sinh of the real part
    least = np.where(np.isfinite(w.radius), np.sinh(np.maximum(np.abs(w.centre.real) - w.radius, 0.0)), 0.0)
    return Ball(np.where(over, np.minimum(least, _LARGEST), value), np.where(over, np.inf, radius))


def _decay(w: Ball, rate: float) -> tuple[np.ndarray, Ball]:
    """Where the centre's real part is positive; e^{−rate·w} there, e^{rate·w} elsewhere."""
    right = w.centre.real > 0.0
    return right, _exp(Ball(np.where(right, -rate, rate) * w.centre, rate * w.radius))


def _moebius(t: Ball) -> Ball:
    """t/(1 + t), inf where −1 is near."""
    size = np.abs(1.0 + t.centre)
    room = size - t.radius
    clear = room > 0.0
    return Ball(np.where(clear, t.centre / (1.0 + t.centre), 0.0), np.where(clear, t.radius / (size * room), np.inf))


def _logistic(w: Ball) -> Ball:
    right, t = _decay(w, 1.0)
    part = _moebius(t)
    clear = np.isfinite(part.radius)
    return Ball(np.where(clear & right, 1.0 - part.centre, part.centre), part.radius)


def _tanh(w: Ball) -> Ball:
    right, t = _decay(w, 2.0)
    part = _moebius(t)
    clear, sign = np.isfinite(part.radius), np.where(right, 1.0, -1.0)
    return Ball(np.where(clear, sign * (1.0 - 2.0 * part.centre), 0.0), 2.0 * part.radius)


def _sech(w: Ball) -> Ball:
    _, t = _decay(w, 1.0)
    square = Ball(1.0 + t.centre**2, (2.0 * np.abs(t.centre) + t.radius) * t.radius)
    found = _product(t, _inverse(square))
    return Ball(2.0 * found.centre, 2.0 * found.radius)


def _softplus(w: Ball) -> Ball:
    right, t = _decay(w, 1.0)
    size = np.abs(1.0 + t.centre)
    clear = t.radius < _to_cut(1.0 + t.centre)
    radius = np.where(clear, -np.log1p(-t.radius / size), np.inf)
    centre = np.where(clear, _log1p(t.centre) + np.where(right, w.centre, 0.0), 0.0)
    return Ball(centre, radius + np.where(right, w.radius, 0.0))


def _log1p(z: np.ndarray) -> np.ndarray:
    """log(1 + z), relative to z where z is small."""
    return np.asarray(np.where(np.abs(z) < 1e-4, z * (1.0 - z * (0.5 - z / 3.0)), np.log(1.0 + z)))


def _gaussian_slope(w: Ball) -> np.ndarray:
    """The supremum of |exp(−z²)| over the ball."""
    x, y = np.maximum(np.abs(w.centre.real) - w.radius, 0.0), np.abs(w.centre.imag) + w.radius
    return np.asarray(np.exp(y * y - x * x))


def _erf(w: Ball) -> Ball:
    return Ball(special.erf(w.centre), w.radius * (2.0 / np.sqrt(np.pi)) * _gaussian_slope(w))


def _erfc(w: Ball) -> Ball:
    return Ball(special.erfc(w.centre), w.radius * (2.0 / np.sqrt(np.pi)) * _gaussian_slope(w))


def _normal_cdf(w: Ball) -> Ball:
    found = _erfc(_scaled(w, -np.sqrt(0.5)))
    return _scaled(found, 0.5)


def _normal_pdf(w: Ball) -> Ball:
    half = _scaled(w, np.sqrt(0.5))
    # the derivative of exp(−z²) is −2z exp(−z²)
    radius = half.radius * 2.0 * _outer(half) * _gaussian_slope(half)
    return _scaled(Ball(np.exp(-(half.centre**2)), radius), 1.0 / np.sqrt(2.0 * np.pi))


def _scaled(w: Ball, factor: float) -> Ball:
    over = np.isinf(w.radius)
    return Ball(np.where(over, np.abs(factor * w.centre), factor * w.centre), abs(factor) * w.radius)


def _asin(w: Ball) -> Ball:
    size = np.abs(w.centre.real)
    ends = np.minimum(np.abs(w.centre - 1.0), np.abs(w.centre + 1.0))
    clear = w.radius < np.where(size >= 1.0, np.abs(w.centre.imag), ends)
    slope = 1.0 / np.sqrt((np.abs(w.centre - 1.0) - w.radius) * (np.abs(w.centre + 1.0) - w.radius))
    return Ball(np.where(clear, np.arcsin(w.centre), 0.0), np.where(clear, w.radius * slope, np.inf))


def _acos(w: Ball) -> Ball:
    found = _asin(w)
    return Ball(np.where(np.isinf(found.radius), 0.0, 0.5 * np.pi - found.centre), found.radius)


def _asinh(w: Ball) -> Ball:
    return _turned(_asin(_turned(w, 1j)), -1j)


def _atan(w: Ball) -> Ball:
    size = np.abs(w.centre.imag)
    ends = np.minimum(np.abs(w.centre - 1j), np.abs(w.centre + 1j))
    clear = w.radius < np.where(size >= 1.0, np.abs(w.centre.real), ends)
    slope = 1.0 / ((np.abs(w.centre - 1j) - w.radius) * (np.abs(w.centre + 1j) - w.radius))
    return Ball(np.where(clear, np.arctan(w.centre), 0.0), np.where(clear, w.radius * slope, np.inf))


RULES: dict[Any, Callable[[Ball], Ball]] = {
    sp.exp: _exp,
    sp.log: _log,
    sp.sin: _sin,
    sp.cos: _cos,
    sp.tan: _tan,
    sp.sinh: _sinh,
    sp.cosh: _cosh,
    sp.tanh: _tanh,
    sp.sech: _sech,
    sp.asin: _asin,
    sp.acos: _acos,
    sp.atan: _atan,
    sp.asinh: _asinh,
    sp.erf: _erf,
    sp.erfc: _erfc,
    normal_cdf: _normal_cdf,
    normal_pdf: _normal_pdf,
    logistic: _logistic,
    softplus: _softplus,
}
"""One rule for each function of one argument; a new function of the language needs one here."""

_KNOW_OVERFLOW = (_exp, _sinh, _cosh)  # where their radius is inf, their centre bounds the modulus from below
