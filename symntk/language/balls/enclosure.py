"""Enclosures: what values an expression can take around a complex point, by ball arithmetic on arrays.

A ball is a centre and a radius, |w − centre| ≤ radius. `enclosure` turns a SymPy expression into a function that maps
balls of its variable to balls that hold all its values; it sees what samples cannot: poles, branch points, narrow
features. Rounding is covered by a share of the centre's size, 2e-15, so that bounds are true up to the last digits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp

from symntk.language.balls.ball import (
    ROUNDING,
    Ball,
    Enclosure,
    any_power,
    inverse,
    known,
    product,
    scaled,
    tidy,
    total,
    where,
)
from symntk.language.balls.rules import exp, log_near_one, sech
from symntk.language.conjugate import conjugate
from symntk.language.program import program
from symntk.language.special.table import row


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
    enclosed = program(sp.sympify(expr, strict=True), lambda node: _rule(node, x), tidy)

    def run(centre: np.ndarray, radius: np.ndarray) -> Ball:
        given = np.broadcast_arrays(np.asarray(centre, dtype=complex), np.asarray(radius, dtype=float))
        with np.errstate(all="ignore"):
            return enclosed(Ball(*given))

    return run


def _rule(node: sp.Basic, x: sp.Symbol) -> tuple[Callable[..., Ball], tuple[sp.Basic, ...]]:
    """How a node is enclosed, and the parts that it is enclosed from; no parts: from the given ball itself."""
    if node == x:
        return (lambda given: given), ()
    if not node.has(x):
        return _constant(node), ()
    if node.is_Add and node.is_polynomial(x):
        return _polynomial(node, x), ()
    if node.is_Add:
        return _conjugated(node, x) or (total, node.args)
    if node.is_Mul:
        return product, node.args
    if node.is_Pow:
        return _power(node, x)
    if isinstance(node, sp.log) and node.args[0].as_coeff_Add()[0] == 1:
        return log_near_one, (node.args[0] - 1,)
    found = row(node)
    if found is None or found.ball is None:
        return _nothing, (x,)
    rule = found.ball
    # a centre says nothing where its radius is not finite, but for rules that know of overflow
    return (rule if found.knows_overflow else lambda w: known(rule(w))), node.args


def _polynomial(node: sp.Basic, x: sp.Symbol) -> Callable[[Ball], Ball]:
    """Σ p⁽ᵏ⁾(z)/k! δᵏ: a polynomial by its Taylor series around each centre, where powers cancel."""
    coefficients = np.array([complex(sp.N(c, 20)) for c in sp.Poly(node, x).all_coeffs()])

    def rule(given: Ball) -> Ball:
        derivative, factor, radius = coefficients, 1.0, np.zeros(given.radius.shape)
        for order in range(1, len(coefficients)):
            derivative, factor = np.polyder(derivative), factor * order
            radius = radius + np.abs(np.polyval(derivative, given.centre)) / factor * given.radius**order
        size = np.polyval(np.abs(coefficients), np.abs(given.centre))
        radius = radius + ROUNDING * size
        return Ball(np.where(np.isfinite(radius), np.polyval(coefficients, given.centre), 0.0), radius)

    return rule


def _conjugated(node: sp.Basic, x: sp.Symbol) -> tuple[Callable[..., Ball], tuple[sp.Basic, ...]] | None:
    """A sum p + s with a root s: also as (p² − s²)/(p − s), where p and s cancel."""
    found = conjugate(node, x)
    if found is None:
        return None

    def rule(p: Ball, s: Ball, gap: Ball) -> Ball:
        first, second = total(p, s), product(gap, inverse(total(p, scaled(s, -1.0))))
        return where(first.radius <= second.radius, first, second)

    return rule, found


def _power(node: sp.Basic, x: sp.Symbol) -> tuple[Callable[..., Ball], tuple[sp.Basic, ...]]:
    base, exponent = node.as_base_exp()
    if exponent.has(x):
        return exp, (exponent * sp.log(base),)
    p = float(exponent)
    if p < 0.0 and isinstance(base, sp.cosh):
        return (lambda w: any_power(sech(w), -p)), base.args
    return (lambda w: any_power(w, p)), (base,)


def _constant(node: sp.Basic) -> Callable[[Ball], Ball]:
    value = complex(sp.N(node, 20))
    return lambda given: Ball(np.full(given.radius.shape, value), np.zeros(given.radius.shape))


def _nothing(w: Ball) -> Ball:
    return Ball(np.zeros(w.centre.shape, dtype=complex), np.full(w.radius.shape, np.inf))
