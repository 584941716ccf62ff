"""Real interval arithmetic on arrays: what a formula can be on an interval of the real line, an unbounded one too.

Where balls of the complex plane prove that a function is analytic, real intervals follow monotone functions to
infinity: tanh on [1, ∞] is [tanh 1, 1]. Ends are widened by more than the rounding of float64; an end that is exactly 0
stays 0, so that signs survive. What has no rule is [−∞, ∞].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from symntk.language.program import program
from symntk.language.special.real import Interval, Rule, even, rising, wide
from symntk.language.special.table import row


def interval(expr: sp.Expr, x: sp.Symbol) -> Callable[[Any, Any], Interval]:
    """The function that maps intervals of `x` to intervals that hold every value of `expr`.

    >>> x = sp.Symbol("x", real=True)
    >>> found = interval(sp.tanh(x) - sp.Rational(1, 2), x)(np.array([1.0, -np.inf]), np.array([np.inf, 0.0]))
    >>> print(found.low.round(3), found.high.round(3))
    [ 0.262 -1.5  ] [ 0.5 -0.5]
    """
    bounded = program(expr, lambda node: _rule(node, x), _tidy)

    def run(low: Any, high: Any) -> Interval:
        with np.errstate(all="ignore"):
            return bounded(Interval(*np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float))))

    return run


def _tidy(found: Interval) -> Interval:
    """With an end that is no number taken for the farthest one."""
    low, high = found
    return Interval(np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))


def _rule(node: sp.Basic, x: sp.Symbol) -> tuple[Rule, tuple[sp.Basic, ...]]:
    if node == x:
        return (lambda given: given), ()
    if not node.has(x):
        return _constant(node), ()
    if node.is_Add:
        return _sum, node.args
    if node.is_Mul:
        return _product, node.args
    if node.is_Pow:
        base, exponent = node.as_base_exp()
        if exponent.has(x):
            return rising(np.exp), (exponent * sp.log(base),)
        return _power(exponent), (base,)
    if isinstance(node, sp.Abs):
        return even(lambda w: w), node.args
    known = row(node)
    if known is None or known.interval is None:
        return (lambda given: Interval(np.full(given.low.shape, -np.inf), np.full(given.low.shape, np.inf))), ()
    return known.interval, node.args


def _constant(node: sp.Basic) -> Rule:
    value = float(sp.N(node, 20))
    share = 0.0 if node.is_Rational and sp.Rational(value) == node else 2.0**-52
    ends = value - share * abs(value), value + share * abs(value)
    return lambda given: Interval(*(np.full(given.low.shape, end) for end in ends))


def _sum(*terms: Interval) -> Interval:
    total = terms[0]
    for term in terms[1:]:
        total = wide(total.low + term.low, total.high + term.high)
    return total


def _product(*factors: Interval) -> Interval:
    total = factors[0]
    for factor in factors[1:]:
        ends = np.stack([p * q for p in total for q in factor])
        ends = np.where(np.isnan(ends), 0.0, ends)  # 0·∞: the other factor is finite wherever it is taken
        low, high = np.min(ends, axis=0), np.max(ends, axis=0)
        found = wide(low, high)
        exact = _is_binary(total) | _is_binary(factor)
        total = Interval(np.where(exact, low, found.low), np.where(exact, high, found.high))
    return total


def _is_binary(w: Interval) -> np.ndarray:
    """Whether it is one power of 2, up to its sign: products with it are exact."""
    return np.asarray((w.low == w.high) & (np.abs(np.frexp(w.low)[0]) == 0.5) & (np.abs(w.low) > 1e-9))


def _inverse(w: Interval) -> Interval:
    low = np.where(w.high == 0.0, -np.inf, 1.0 / w.high)
    high = np.where(w.low == 0.0, np.inf, 1.0 / w.low)
    inside = (w.low < 0.0) & (w.high > 0.0)
    found = wide(np.where(inside, -np.inf, low), np.where(inside, np.inf, high))
    low = np.where(np.isinf(w.high) & ~inside & (w.low >= 0.0), 0.0, found.low)
    high = np.where(np.isinf(w.low) & ~inside & (w.high <= 0.0), 0.0, found.high)
    return Interval(low, high)


def _power(exponent: sp.Expr) -> Rule:
    """A power with a constant exponent; of what is not positive only where the exponent is whole."""
    if exponent.is_negative:
        positive = _power(-exponent)
        return lambda w: _inverse(positive(w))
    p = float(exponent)
    if exponent.is_Integer and int(exponent) % 2 == 0:
        return even(lambda w: w**p)
    if exponent.is_Integer:
        return rising(lambda w: w**p)
    return rising(lambda w: np.maximum(w, 0.0) ** p)
