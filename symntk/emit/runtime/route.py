"""How a map whose formula can cancel is evaluated: by another exact route where digits are lost.

A formula that can cancel runs on numbers with error bounds (`tracked`). Entries whose bound exceeds a few units in
the 14th digit are computed again: by angular integrals for homogeneous functions, else by quadrature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _product_difference
from symntk.emit.runtime.quadrature import _panel_expectation, _panel_mean
from symntk.emit.runtime.tracked import _Tracked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A bound below this fraction of the value is accepted where the other route is accurate relative to the value (angular
# integrals); true errors are some ten times smaller than their bounds.
_RELATIVE = 6e-14
# A bound above this fraction of the value, where nothing better is known, is no answer.
_HOPELESS = 1e-6
# Oscillations of at most this many radians per standard deviation are resolved by the quadrature's nodes.
_SLOW = 0.75
# A bound below this fraction of the value or of √(E f² · E g²) saves a quadrature, which is hardly more accurate.
_OF_SCALE = 1e-12


def _checked(
    formula: Callable[..., _Tracked],
    route: Callable[..., tuple[np.ndarray, np.ndarray | float]],
    tolerance: float,
) -> Callable[..., np.ndarray]:
    """A formula that can cancel, with bounds, as one without: entries with too large a bound go by `route`."""

    def checked(
        a: np.ndarray,
        b: np.ndarray,
        c: np.ndarray,
        det: np.ndarray,
        d: np.ndarray,
        m1: np.ndarray,
        m2: np.ndarray,
        *settings: float,
    ) -> np.ndarray:
        # det and its root carry one rounding each
        bounded = (_Tracked(det, 4e-16 * det), _Tracked(d, 4e-16 * d))
        total = formula(_Tracked(a), _Tracked(b), _Tracked(c), *bounded, _Tracked(m1), _Tracked(m2), *settings)
        value = np.array(np.broadcast_to(total.value, a.shape))
        error = np.broadcast_to(total.error, a.shape)
        known = ~(np.isnan(a) | np.isnan(b) | np.isnan(c) | np.isnan(m1) | np.isnan(m2))
        value[~known] = np.nan
        weak = np.flatnonzero(~(error <= tolerance * np.abs(value)) & known)
        if weak.size:
            entries = [array[weak] for array in (a, b, c, d, m1, m2, value, error)]
            value[weak], left = route(*entries, *settings)
            # what no route has made better may be uncertain in its first digits: NaN is refused by the caller
            hopeless = (left > _HOPELESS * np.abs(value[weak])) & (left > 1e-10)
            value[weak[hopeless]] = np.nan
        return value

    return checked


def _by_quadrature(
    f: Callable[[np.ndarray], np.ndarray] | None,
    g: Callable[[np.ndarray], np.ndarray] | None,
    f_shape: tuple[Sequence[tuple[float, float]], Sequence[float], Sequence[tuple[float, float]], float],
    g_shape: tuple[Sequence[tuple[float, float]], Sequence[float], Sequence[tuple[float, float]], float],
    entries: tuple[np.ndarray, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """E[f(u) g(v)] where the formula's value is too uncertain; f and g are None or the parts without deltas.

    The shapes are (knots, rates, deltas, frequency) with deltas as (weight, location); entries are a, b, c, d, m1, m2
    and the formula's value and error bound. Returns values and what is left of the bounds: 0 where the bound is small
    against √(E f² · E g²) or the quadrature has replaced the formula.
    """
    value, error = np.array(entries[6]), np.array(entries[7])
    a, b, _, _, m1, m2 = entries[:6]
    weak = (f_shape[3] ** 2 * a <= _SLOW**2) & (g_shape[3] ** 2 * b <= _SLOW**2)
    if f is not None and g is not None and not f_shape[2] and not g_shape[2]:
        square_f = _panel_mean(lambda x: f(x) ** 2, f_shape[0], m1, a, [2.0 * rate for rate in f_shape[1]])
        square_g = _panel_mean(lambda x: g(x) ** 2, g_shape[0], m2, b, [2.0 * rate for rate in g_shape[1]])
        scale = np.sqrt(square_f) * np.sqrt(square_g)
        weak &= ~(error <= _OF_SCALE * scale) | np.isinf(error)
        error[np.isfinite(error) & (error <= 1e-8 * scale)] = 0.0
    chosen = np.flatnonzero(weak)
    if chosen.size:
        total = _by_parts(f, g, f_shape, g_shape, tuple(array[chosen] for array in entries[:6]))
        good = ~np.isnan(total) & (np.isfinite(total) | ~np.isfinite(value[chosen]))
        value[chosen[good]], error[chosen[good]] = total[good], 0.0
    return value, error


def _by_parts(
    f: Callable[[np.ndarray], np.ndarray] | None,
    g: Callable[[np.ndarray], np.ndarray] | None,
    f_shape: tuple[Sequence[tuple[float, float]], Sequence[float], Sequence[tuple[float, float]], float],
    g_shape: tuple[Sequence[tuple[float, float]], Sequence[float], Sequence[tuple[float, float]], float],
    law: tuple[np.ndarray, ...],
) -> np.ndarray:
    """E[f(u) g(v)] by quadrature: regular parts against each other, deltas against both."""
    f_knots, f_rates, f_deltas, _ = f_shape
    g_knots, g_rates, g_deltas, _ = g_shape
    a, b, c, d, m1, m2 = law
    total = np.zeros(a.size)
    if f is not None and g is not None:
        total += _panel_expectation(f, g, f_knots, g_knots, a, b, c, d, m1, m2, f_rates, g_rates)
    if g is not None:
        for weight, place in f_deltas:
            total += weight * _delta_mean(lambda m, v: _panel_mean(g, g_knots, m, v, g_rates), place, a, c, d, m1, m2)
    if f is not None:
        for weight, place in g_deltas:
            total += weight * _delta_mean(lambda m, v: _panel_mean(f, f_knots, m, v, f_rates), place, b, c, d, m2, m1)
    for weight, place in f_deltas:
        for other, there in g_deltas:
            if weight * other != 0.0:
                total += weight * other * _density(place, there, a, c, d, m1, m2)
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
