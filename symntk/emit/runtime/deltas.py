"""Deltas against functions and against each other: one mean of one normal variable each.

A shape is what quadrature must know of a function: (knots, rates, deltas, edges), with knots as (location, width),
rates the complex β of pieces e^{βx}, deltas as (weight, location) and edges between which the function is resolved by
polynomials; without edges they are those of the blocks that knots and rates name.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _product_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Pairs = Sequence[tuple[float, float]]
    Shape = tuple[Pairs, Sequence[complex], Pairs, Sequence[float]]


def _dirac_parts(
    f: Callable[[np.ndarray], np.ndarray] | None,
    g: Callable[[np.ndarray], np.ndarray] | None,
    f_shape: Shape,
    g_shape: Shape,
    line: Callable[..., np.ndarray],
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    d: np.ndarray,
    m1: np.ndarray,
    m2: np.ndarray,
) -> np.ndarray:
    """The deltas of f and g against the other function: E[δ(u − t) g(v)] = N(t; m1, a)·E[g(v) | u = t].

    line(g, shape, mean, variance) is E[g(Y)] of normal Y.
    """
    total = np.zeros(len(a))
    # what lies so far out that the density underflows is left out
    first = [delta for delta in f_shape[2] if not np.all((delta[1] - m1) ** 2 > 1500.0 * a)]
    second = [delta for delta in g_shape[2] if not np.all((delta[1] - m2) ** 2 > 1500.0 * b)]
    for weight, place in first:
        if g is not None:
            total += weight * _delta_mean(lambda m, v: line(g, g_shape, m, v), place, a, c, d, m1, m2)
        for other, there in second:
            if weight * other != 0.0:
                total += weight * other * _density(place, there, a, c, d, m1, m2)
    for weight, place in second:
        if f is not None:
            total += weight * _delta_mean(lambda m, v: line(f, f_shape, m, v), place, b, c, d, m2, m1)
    return total


def _delta_mean(
    line: Callable[[np.ndarray, np.ndarray], np.ndarray],
    place: float,
    a: np.ndarray,
    c: np.ndarray,
    d: np.ndarray,
    m1: np.ndarray,
    m2: np.ndarray,
) -> np.ndarray:
    """E[δ(u − t) g(v)] = N(t; m1, a)·E[g(v) | u = t]; `line` is E[g(Y)] of a normal Y's mean and variance."""
    density = np.exp(-0.5 * (place - m1) ** 2 / a) / np.sqrt(2.0 * np.pi * a)
    mean = line(m2 + c / a * (place - m1), d * (d / a))
    return np.where(density > 0.0, density * mean, 0.0)


def _density(
    place: float, there: float, a: np.ndarray, c: np.ndarray, d: np.ndarray, m1: np.ndarray, m2: np.ndarray
) -> np.ndarray:
    """The bivariate normal density; at full correlation infinite on the line that holds the mass, 0 elsewhere."""
    x, y = place - m1, there - m2
    residual = _product_difference(a, y, c, x)
    exponent = 0.5 * (x * x / a + (residual / d) * (residual / d) / a)
    return np.where(d > 0.0, np.exp(-exponent) / (2.0 * np.pi * d), np.where(np.abs(residual) > 0.0, 0.0, np.inf))
