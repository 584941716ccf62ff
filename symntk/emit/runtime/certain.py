"""A variable of variance 0 is its mean: E[f(u) g(v)] = f(m1) E g(v), at jumps the mean of the one-sided limits.

A side of an expectation is a pair of functions: the value at a point, and the mean over one normal variable of mean m
and positive variance v, as functions of (m, *parameters) and (m, v, *parameters).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Side = tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]


def _certain(formula: Callable[..., Any], f: Side, g: Side) -> Callable[..., Any]:
    """`formula` of flat arrays a, b, c, det, d, m1, m2 and parameters, with the sides where a variance is 0.

    >>> relu = lambda x: np.maximum(x, 0.0), lambda m, v: np.sqrt(v / (2.0 * np.pi))
    >>> step = lambda x: np.heaviside(x, 0.5), lambda m, v: 0.5 + 0.0 * v
    >>> zero, one = np.zeros(2), np.ones(2)
    >>> print(_certain(None, step, relu)(zero, np.array([0.0, 2.0 * np.pi]), zero, zero, zero, one, one))
    [1. 1.]
    """

    def whole(
        a: np.ndarray,
        b: np.ndarray,
        c: np.ndarray,
        det: np.ndarray,
        d: np.ndarray,
        m1: np.ndarray,
        m2: np.ndarray,
        *settings: float,
    ) -> np.ndarray:
        sure = (a == 0.0) | (b == 0.0)
        if not sure.any():
            return np.asarray(formula(a, b, c, det, d, m1, m2, *settings))
        result = np.empty(a.shape)
        rest, chosen = np.flatnonzero(~sure), np.flatnonzero(sure)
        if rest.size:
            result[rest] = formula(*(array[rest] for array in (a, b, c, det, d, m1, m2)), *settings)
        result[chosen] = _product(f, g, a[chosen], b[chosen], m1[chosen], m2[chosen], *settings)
        return result

    whole.one = getattr(formula, "one", None)  # type: ignore[attr-defined]
    return whole


def _product(
    f: Side, g: Side, a: np.ndarray, b: np.ndarray, m1: np.ndarray, m2: np.ndarray, *settings: float
) -> np.ndarray:
    """E f(u) · E g(v) for flat arrays; what is infinite stays so beside a mean of 0."""
    total, infinite = np.ones(a.shape), np.zeros(a.shape)
    for (value, mean), variance, centre in ((f, a, m1), (g, b, m2)):
        sure = variance == 0.0
        for chosen, how in ((np.flatnonzero(sure), value), (np.flatnonzero(~sure), mean)):
            if chosen.size:
                # pairs of a Gram matrix share their laws
                laws, back = np.unique(centre[chosen] + 1j * variance[chosen], return_inverse=True)
                law = (laws.real.copy(),) if how is value else (laws.real.copy(), laws.imag.copy())
                found = np.broadcast_to(how(*law, *settings), laws.shape)[back]
                total[chosen] *= found
                infinite[chosen] += np.where(np.isinf(found), np.abs(found), 0.0 * found)
    return np.where(np.isnan(total) & np.isinf(infinite), np.inf, total)


def _mean_of(formula: Callable[..., Any], first: bool = False) -> Callable[..., np.ndarray]:
    """The mean over v of a formula for E[1·g(v)], or with `first` over u of one for E[f(u)·1]."""

    def mean(m: np.ndarray, v: np.ndarray, *settings: float) -> np.ndarray:
        zero = np.zeros(m.shape)
        one = zero + 1.0
        law = (v, one, zero, v, np.sqrt(v), m, zero) if first else (one, v, zero, v, np.sqrt(v), zero, m)
        return np.asarray(formula(*law, *settings))

    return mean


def _one(m: np.ndarray, *rest: Any) -> np.ndarray:
    """The constant 1, as a value and as a mean."""
    return np.ones(m.shape)


def _nothing(m: np.ndarray, *rest: Any) -> np.ndarray:
    """A mean that is known to cancel against the other side's."""
    return np.zeros(m.shape)


def _bell(offset: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The density of N(0, v)."""
    return np.asarray(np.exp(-0.5 * offset * (offset / v)) / np.sqrt(2.0 * np.pi * v))


def _finite(
    value: np.ndarray, var_u: np.ndarray | float, var_v: np.ndarray | float, cov: np.ndarray | float
) -> np.ndarray:
    """`value` itself; refused is what is infinite since a variable of variance 0 is at a delta or a pole."""
    if isinstance(value, float) and abs(value) < np.inf:
        return value
    infinite = np.isinf(np.ma.getdata(value))
    if np.any(infinite):
        bad, a, b, c = np.broadcast_arrays(infinite, *(np.ma.getdata(x) for x in (var_u, var_v, cov)))
        wrong = "the expectation is infinite: a variable of variance 0 is where its function has a delta or a pole"
        _refuse(bad & ((a == 0) | (b == 0)), wrong, "a positive variance", var_u=a, var_v=b, cov=c)
    return value
