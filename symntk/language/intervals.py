"""Real interval arithmetic on arrays: what a formula can be on an interval of the real line, an unbounded one too.

Where balls of the complex plane prove that a function is analytic, real intervals follow monotone functions to
infinity: tanh on [1, ∞] is [tanh 1, 1]. Ends are widened by more than the rounding of float64; an end that is exactly 0
stays 0, so that signs survive. What has no rule is [−∞, ∞].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from scipy import special

from symntk.language import scaled
from symntk.language.logistic import logistic, softplus
from symntk.language.program import program
from symntk.language.scaled_arrays import ARRAYS
from symntk.language.special import normal_cdf, normal_pdf

_ROUNDING = 2e-15
_TAIL = 2e-12  # where a square in an exponent multiplies the argument's rounding
_LEAST = 1e-306  # what underflow hides


class Interval(NamedTuple):
    """All numbers between `low` and `high`; arrays of one shape."""

    low: np.ndarray
    high: np.ndarray


Rule = Callable[..., Interval]


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
            return _rising(np.exp), (exponent * sp.log(base),)
        return _power(exponent), (base,)
    rule = RULES.get(node.func)
    if rule is None or len(node.args) != 1:
        return (lambda given: Interval(np.full(given.low.shape, -np.inf), np.full(given.low.shape, np.inf))), ()
    return rule, node.args


def _wide(low: np.ndarray, high: np.ndarray, share: float = _ROUNDING) -> Interval:
    """Ends moved outwards by a share of themselves; 0 is kept."""
    below = np.where(low < 0.0, _LEAST, 0.0)
    above = np.where(high > 0.0, _LEAST, 0.0)
    return Interval(
        np.where(np.isinf(low), low, low - share * np.abs(low) - below),
        np.where(np.isinf(high), high, high + share * np.abs(high) + above),
    )


def _constant(node: sp.Basic) -> Rule:
    value = float(sp.N(node, 20))
    share = 0.0 if node.is_Rational and sp.Rational(value) == node else 2.0**-52
    ends = value - share * abs(value), value + share * abs(value)
    return lambda given: Interval(*(np.full(given.low.shape, end) for end in ends))


def _sum(*terms: Interval) -> Interval:
    total = terms[0]
    for term in terms[1:]:
        total = _wide(total.low + term.low, total.high + term.high)
    return total


def _product(*factors: Interval) -> Interval:
    total = factors[0]
    for factor in factors[1:]:
        ends = np.stack([p * q for p in total for q in factor])
        ends = np.where(np.isnan(ends), 0.0, ends)  # 0·∞: the other factor is finite wherever it is taken
        low, high = np.min(ends, axis=0), np.max(ends, axis=0)
        found = _wide(low, high)
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
    found = _wide(np.where(inside, -np.inf, low), np.where(inside, np.inf, high))
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
        return _even(lambda w: w**p)
    if exponent.is_Integer:
        return _rising(lambda w: w**p)
    return _rising(lambda w: np.maximum(w, 0.0) ** p)


def _rising(
    function: Callable[[Any], Any], least: float = -np.inf, most: float = np.inf, share: float = 4.0 * _ROUNDING
) -> Rule:
    def rule(w: Interval) -> Interval:
        found = _wide(function(w.low), function(w.high), share)
        return Interval(np.maximum(found.low, least), np.minimum(found.high, most))

    return rule


def _falling(
    function: Callable[[Any], Any], least: float = -np.inf, most: float = np.inf, share: float = 4.0 * _ROUNDING
) -> Rule:
    rising = _rising(function, least, most, share)
    return lambda w: rising(Interval(w.high, w.low))


def _even(function: Callable[[Any], Any], falling: bool = False) -> Rule:
    """An even function that is monotone on the right of 0."""

    def rule(w: Interval) -> Interval:
        crosses = (w.low <= 0.0) & (w.high >= 0.0)
        near = np.where(crosses, 0.0, np.minimum(np.abs(w.low), np.abs(w.high)))
        far = np.maximum(np.abs(w.low), np.abs(w.high))
        first, second = function(near), function(far)
        found = _wide(second, first, _TAIL) if falling else _wide(first, second, 4.0 * _ROUNDING)
        return Interval(np.maximum(found.low, 0.0), found.high) if falling else found

    return rule


def _sine(shift: float) -> Rule:
    """sin(w + shift)."""

    def rule(w: Interval) -> Interval:
        low, high = w.low + shift, w.high + shift
        slack = 1e-15 * np.maximum(np.abs(low), np.abs(high)) + 1e-15

        def meets(place: float) -> np.ndarray:
            first = np.ceil((low - slack - place) / (2.0 * np.pi))
            return np.asarray(~(first * (2.0 * np.pi) + place > high + slack))

        ends = np.sin(low), np.sin(high)
        lower = np.where(meets(-0.5 * np.pi), -1.0, np.minimum(*ends) - slack)
        upper = np.where(meets(0.5 * np.pi), 1.0, np.maximum(*ends) + slack)
        return Interval(np.maximum(lower, -1.0), np.minimum(upper, 1.0))

    return rule


def _tangent(w: Interval) -> Interval:
    slack = 1e-15 * (1.0 + np.maximum(np.abs(w.low), np.abs(w.high)))
    same = np.floor((w.low - slack) / np.pi + 0.5) == np.floor((w.high + slack) / np.pi + 0.5)
    found = _wide(np.tan(w.low - slack), np.tan(w.high + slack), 4.0 * _ROUNDING)
    return Interval(np.where(same, found.low, -np.inf), np.where(same, found.high, np.inf))


def _one_sided_arc(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda w: function(np.clip(w, -1.0, 1.0))


RULES: dict[Any, Rule] = {
    sp.exp: _rising(np.exp, 0.0),
    sp.log: _rising(lambda w: np.log(np.maximum(w, 0.0))),
    sp.sinh: _rising(np.sinh),
    sp.cosh: _even(np.cosh),
    sp.tanh: _rising(np.tanh, -1.0, 1.0),
    sp.sech: _even(lambda w: 1.0 / np.cosh(w), falling=True),
    sp.Abs: _even(lambda w: w),
    sp.sin: _sine(0.0),
    sp.cos: _sine(0.5 * np.pi),
    sp.tan: _tangent,
    sp.asin: _rising(_one_sided_arc(np.arcsin)),
    sp.acos: _falling(_one_sided_arc(np.arccos), 0.0),
    sp.atan: _rising(np.arctan),
    sp.asinh: _rising(np.arcsinh),
    sp.erf: _rising(special.erf, -1.0, 1.0),
    sp.erfc: _falling(special.erfc, 0.0, 2.0, _TAIL),
    normal_cdf: _rising(special.ndtr, 0.0, 1.0, _TAIL),
    normal_pdf: _even(lambda w: np.exp(-0.5 * w * w) / np.sqrt(2.0 * np.pi), falling=True),
    logistic: _rising(special.expit, 0.0, 1.0),
    softplus: _rising(lambda w: np.logaddexp(0.0, w), 0.0),
    scaled.logcosh: _even(ARRAYS["logcosh"]),
    scaled.log_normal_cdf: _rising(special.log_ndtr, most=0.0, share=_TAIL),
    scaled.inverse_mills: _falling(ARRAYS["inverse_mills"], 0.0, share=_TAIL),
    scaled.mills_excess: _rising(ARRAYS["mills_excess"], 0.0, share=_TAIL),
    scaled.erfcx: _falling(special.erfcx, 0.0),
    scaled.ierfcx: _falling(ARRAYS["ierfcx"], 0.0, share=_TAIL),
    scaled.softplus_ratio: _falling(ARRAYS["softplus_ratio"], 0.0),
}
"""One rule for each function of one argument."""
