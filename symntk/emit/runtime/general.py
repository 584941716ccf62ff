"""How a map without a closed form is evaluated: series first, then another route, deltas by one-dimensional means.

A shape is what quadrature must know of a function, see `deltas`. Nothing here knows a function but by its values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.certain import _bell, _product
from symntk.emit.runtime.cores import _cores_of, _follows, _follows_pair, _full_expectation, _has_square, _origin
from symntk.emit.runtime.covariance import _as_float64, _covariance, _finish, _refuse
from symntk.emit.runtime.deltas import _dirac_parts
from symntk.emit.runtime.evaluate import _NO_VALUE
from symntk.emit.runtime.hermite_one import _one_law
from symntk.emit.runtime.hermite_series import _series_expectation
from symntk.emit.runtime.panels import _panel_expectation, _panel_mean
from symntk.emit.runtime.table import _TABLE_TAIL, _Table, _table
from symntk.emit.runtime.windows import _keeps_sign

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from symntk.emit.runtime.deltas import Shape

# Means of one function at this many variances are interpolated in the logarithm of the variance.
_MANY = 512
# A Chebyshev series of this many terms on log-variances over a range of 2: E[g(√v z)] is analytic where |arg v| < π/2,
# so that the terms decay like 3.5^-n.
_CHEBYSHEV = 32
# The share of the tolerance that a table has for its values and for its last terms; interpolation multiplies errors by
# up to ten.
_TABLE_SHARE = 0.04


def _evaluate_general(
    f: Callable[[np.ndarray], np.ndarray] | None,
    g: Callable[[np.ndarray], np.ndarray] | None,
    f_shape: Shape,
    g_shape: Shape,
    route: Callable[..., np.ndarray] | None,
    tolerance: float,
    f_at: Callable[[np.ndarray], np.ndarray],
    g_at: Callable[[np.ndarray], np.ndarray],
    var_u: np.ndarray | float,
    var_v: np.ndarray | float,
    cov: np.ndarray | float,
    mean_u: np.ndarray | float,
    mean_v: np.ndarray | float,
    determinant: np.ndarray | None = None,
    patience: float = 2e-4,
) -> np.ndarray:
    """E[f(u) g(v)] over broadcast arguments, to `tolerance`·√(E f² · E g²); with means, and without changes of sign,
    to `tolerance` of the value.

    f and g are None or the parts without deltas, f_at and g_at the values at points, infinite at deltas; `route` takes
    flat arrays (a, b, c, det, d, m1, m2) and is asked for the entries whose Hermite series is too long. `determinant`
    is var_u·var_v − cov² where the caller knows it better than these rounded numbers tell, NaN elsewhere. `patience` is
    the seconds that an entry takes by `route`, about.

    Raises ValueError for what is not a covariance, and where the integral was not resolved, showing the entry.
    """
    regular = not (f is None or g is None or route is None or f_shape[2] or g_shape[2] or _cores_of(f) or _cores_of(g))
    if f is not None and g is not None and regular and determinant is None:
        one = _one_law(f, g, f_shape, g_shape, tolerance, (var_u, var_v, cov, mean_u, mean_v))
        if one is not None:
            return np.asarray(one, dtype=np.float64)[()]
    a, b, c, det, d = _covariance(var_u, var_v, cov)
    if determinant is not None:
        det = np.where(np.isnan(determinant), det, determinant)
        d = np.sqrt(det)
    means = [_as_float64(mean, name) for mean, name in ((mean_u, "mean_u"), (mean_v, "mean_v"))]
    places = means
    means = [mean - _origin(one) for mean, one in zip(means, (f, g), strict=True)]
    # before they are broadcast: a row or a column of a Gram matrix has its coefficients once
    inputs = [_as_float64(variance, name) for variance, name in ((var_u, "var_u"), (var_v, "var_v"))]
    small = [np.atleast_1d(variance) for variance in inputs]
    shape = np.broadcast_shapes(a.shape, *(mean.shape for mean in means))
    law = [np.atleast_1d(np.broadcast_to(array, shape)) for array in (a, b, c, det, d, *means)]
    given = ~(np.isnan(law[0]) | np.isnan(law[1]) | np.isnan(law[2]) | np.isnan(law[5]) | np.isnan(law[6]))
    known = given & (law[0] > 0.0) & (law[1] > 0.0)
    with np.errstate(all="ignore"):
        if f is not None and g is not None and route is not None:
            (first, second), (m1, m2) = small, (np.atleast_1d(mean) for mean in means)
            share = 0.5 * tolerance
            if _has_series(f, g, law):
                series = _series_expectation(
                    f, g, f_shape, g_shape, first, second, law[2], m1, m2, share, f is g, patience
                )
            else:
                series = np.zeros(law[0].shape), np.zeros(law[0].shape, dtype=bool), np.zeros(law[0].shape)
            result, good = (np.array(np.broadcast_to(array, law[0].shape)) for array in series[:2])
            if _cores_of(f) and _cores_of(g):  # what replaces them has a square of its own
                good &= law[4] > 0.0
            # with means in tails the value may be far below √(E f² · E g²): without changes of sign it keeps its digits
            unsure = good & (series[2] > tolerance * np.abs(result)) & ((law[5] != 0.0) | (law[6] != 0.0))
            chosen = np.flatnonzero(unsure & known)
            (u, m1), (v, m2) = ((np.sqrt(law[i].flat[chosen]), law[j].flat[chosen]) for i, j in ((0, 5), (1, 6)))
            good.reshape(-1)[chosen] = ~(_keeps_sign(f, m1, u) & _keeps_sign(g, m2, v))
            rest = np.flatnonzero(~good & known)
            if rest.size:
                result.reshape(-1)[rest] = route(*(array.flat[rest] for array in law))
        else:
            result = np.zeros(law[0].shape)
        if f_shape[2] or g_shape[2]:
            entries = np.flatnonzero(known)
            found = [law[i].flat[entries] for i in (0, 1, 2, 4, 5, 6)]
            result.reshape(-1)[entries] += _dirac_parts(f, g, f_shape, g_shape, _line_mean, *found)
        result[~known] = np.nan
        sure = np.flatnonzero(given & ~known)
        if sure.size:
            u, v = (law[i].flat[sure] for i in (0, 1))
            first, second = (np.broadcast_to(place, shape).reshape(law[0].shape).flat[sure] for place in places)
            sides = (f_at, _whole_mean(f, f_shape)), (g_at, _whole_mean(g, g_shape))
            result.flat[sure] = _product(*sides, u, v, first, second)
    shown = {"var_u": a, "var_v": b, "cov": c}
    _refuse((np.isnan(result) & given & ~known).reshape(shape), _NO_VALUE, "a positive variance", **shown)
    lost = (np.isnan(result) & known).reshape(shape)
    _refuse(lost, "the integral was not resolved", "variances that are less extreme", **shown)
    # infinite it may be where deltas or places where f and g are infinite meet, and nowhere else
    over = (np.isinf(result) & known & (law[4] > 0.0)).reshape(shape)
    _refuse(over, "the value, or a function on the way to it, is beyond float64", "smaller variances", **shown)
    return _finish(result.reshape(shape), var_u, var_v, cov, mean_u, mean_v)


def _has_series(
    f: Callable[[np.ndarray], np.ndarray], g: Callable[[np.ndarray], np.ndarray], law: Sequence[np.ndarray]
) -> bool:
    """Whether Hermite series serve: functions that are infinite somewhere need a square with a mean, and means of 0."""
    if not (_cores_of(f) or _cores_of(g)):
        return True
    return _has_square(f) and _has_square(g) and not (np.any(law[5] != 0.0) or np.any(law[6] != 0.0))


def _layer_map(
    f: Callable[[np.ndarray], np.ndarray] | None,
    g: Callable[[np.ndarray], np.ndarray] | None,
    f_shape: Shape,
    g_shape: Shape,
    route: Callable[..., np.ndarray] | None,
    tolerance: float,
    f_at: Callable[[np.ndarray], np.ndarray],
    g_at: Callable[[np.ndarray], np.ndarray],
    patience: float,
    a: np.ndarray,
    b: np.ndarray,
) -> tuple[Callable[..., np.ndarray], _Table | None]:
    """The map (a, b, cov, det) ↦ E[f(u) g(v)] for all pairs of flat variances a and b, with means 0.

    The second value is a table of it where there are many pairs and a table serves them. The other arguments are those
    of `_evaluate_general`.
    """
    at = f_at, g_at

    def direct(u: np.ndarray, v: np.ndarray, cov: np.ndarray, det: np.ndarray | None) -> np.ndarray:
        # a layer's covariances carry the errors of the last one's
        full = np.sqrt(u) * np.sqrt(v) * (1.0 + 2.0**-51)
        inside = np.clip(cov, -full, full)
        return _evaluate_general(f, g, f_shape, g_shape, route, tolerance, *at, u, v, inside, 0.0, 0.0, det, patience)

    tail = max(_TABLE_TAIL, _TABLE_SHARE * tolerance)

    def precise(u: np.ndarray, v: np.ndarray, cov: np.ndarray, det: np.ndarray | None) -> np.ndarray:
        accuracy = min(tolerance, tail)
        return _evaluate_general(f, g, f_shape, g_shape, route, accuracy, *at, u, v, cov, 0.0, 0.0, det, patience)

    table = None
    # two deltas make what is infinite or not smooth at full correlation, and so do two places where both are infinite
    if not (f_shape[2] and g_shape[2]) and not (_cores_of(f) and _cores_of(g)):
        parities = _parity(f, f_shape), _parity(g, g_shape)
        if parities[0] * parities[1] >= 0:
            try:
                table = _table(precise, parities[0] or parities[1], f is g, a, b, tail)
            except ValueError:
                # not resolved at a corner where there may be no pair: the map will tell where there is one
                table = None
    return direct, table


def _parity(f: Callable[[np.ndarray], np.ndarray] | None, shape: Shape) -> int:
    """1 for an even function, −1 for an odd one, 0 else, from its values.

    >>> plain = (), (), (), ()
    >>> print(_parity(np.tanh, plain), _parity(np.cosh, plain), _parity(np.exp, plain))
    -1 1 0
    """
    if _origin(f):
        return 0
    central = all(place == 0.0 for _, place in shape[2])
    if f is None:
        return int(central)
    x = np.exp(np.linspace(-12.0, 6.0, 181))
    with np.errstate(all="ignore"):
        right, left = f(x), f(-x)
    for sign in (1, -1):
        if np.all(np.abs(right - sign * left) <= 1e-15 * np.abs(right)) and (sign > 0 or not shape[2]):
            return sign if central else 0
    return 0


def _whole_mean(f: Callable[[np.ndarray], np.ndarray] | None, shape: Shape) -> Callable[..., np.ndarray]:
    """E f(Y) with the deltas of f, as a function of Y's mean and variance."""

    def mean(m: np.ndarray, v: np.ndarray) -> np.ndarray:
        m = m - _origin(f)
        total = np.zeros(m.shape) if f is None else _line_mean(f, shape, m, v)
        for weight, place in shape[2]:
            total = total + weight * _bell(place - m, v)
        return total

    return mean


def _line_mean(
    g: Callable[[np.ndarray], np.ndarray],
    g_shape: Shape,
    mean: np.ndarray,
    variance: np.ndarray,
) -> np.ndarray:
    """E[g(Y)], Y ~ N(mean, variance), for flat arrays; many variances of one mean by interpolation in log variance."""
    knots, rates, _, edges = g_shape

    def direct(centre: np.ndarray, square: np.ndarray) -> np.ndarray:
        found = np.full(len(centre), np.nan)
        chosen = np.flatnonzero(
            _within_reach(g_shape, np.sqrt(square)) & _follows(_cores_of(g), centre, np.sqrt(square))
        )
        found[chosen] = _panel_mean(g, knots, centre[chosen], square[chosen], rates, edges)
        return found

    if len(mean) < _MANY or not np.all(mean == mean[0]):
        return direct(mean, variance)
    result = np.empty(len(mean))
    positive = variance > 0.0
    result[~positive] = direct(mean[~positive], variance[~positive])
    place = np.log(variance[positive])
    found = np.empty(len(place))
    segment = np.floor(0.5 * place)
    points = np.cos(np.pi * (np.arange(_CHEBYSHEV) + 0.5) / _CHEBYSHEV)
    transform = np.cos(np.outer(np.arange(_CHEBYSHEV), np.arccos(points))) * (2.0 / _CHEBYSHEV)
    for number in np.unique(segment):
        chosen = np.flatnonzero(segment == number)
        if len(chosen) > _CHEBYSHEV:
            centre = 2.0 * number + 1.0
            values = direct(np.full(_CHEBYSHEV, mean[0]), np.exp(centre + points))
            series = transform @ values
            series[0] *= 0.5
            if np.max(np.abs(series[-4:])) <= 1e-14 * np.min(np.abs(values)):
                found[chosen] = np.polynomial.chebyshev.chebval(place[chosen] - centre, series)
                continue
        found[chosen] = direct(mean[positive][chosen], variance[positive][chosen])
    result[positive] = found
    return result


def _panel_route(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    f_shape: Shape,
    g_shape: Shape,
    inner: Callable[[np.ndarray, np.ndarray], np.ndarray] | None,
    *law: np.ndarray,
) -> np.ndarray:
    """E[f(u) g(v)] by panels over u and v, or over u where `inner` is the mean of g; law is (a, b, c, d, m1, m2)."""
    result = np.full(len(law[0]), np.nan)
    # beyond this E f² or E g² is no float64 number, and the panels would be too many
    possible = _within_reach(f_shape, np.sqrt(law[0])) & _within_reach(g_shape, np.sqrt(law[1]))
    # at full correlation v is a function of u, and the closed mean of g has no variance left
    full = law[3] == 0.0
    if inner is not None:
        possible &= full | ~_oscillates_beyond(g, g_shape[3], law)
    if _cores_of(f) or _cores_of(g):
        chosen = np.flatnonzero(full & possible)
        result[chosen] = _full_expectation(f, g, f_shape, g_shape, np.array(law)[:, chosen])
        possible &= ~full
        chosen = np.flatnonzero(possible)
        a, b, c, d, m1, m2 = rows = np.array(law)[:, chosen]
        turned = np.array([b, a, c, d * np.sqrt(a / b), m2, m1])
        possible[chosen] &= _follows_pair(f, g_shape, rows) & _follows_pair(g, f_shape, turned)
    for chosen, mean in ((np.flatnonzero(full & possible), None), (np.flatnonzero(~full & possible), inner)):
        if chosen.size:
            a, b, c, d, m1, m2 = (array[chosen] for array in law)
            result[chosen] = _panel_expectation(
                f, g, f_shape[0], g_shape[0], a, b, c, d, m1, m2, f_shape[1], g_shape[1], f_shape[3], g_shape[3], mean
            )
    return result


def _within_reach(shape: Shape, scale: np.ndarray) -> np.ndarray:
    """Where every e^{βx} of a function has a second moment in float64: |β|σ below 18.8."""
    return np.asarray(max((abs(rate.real) for rate in shape[1]), default=0.0) * scale < 18.8)


def _oscillates_beyond(
    g: Callable[[np.ndarray], np.ndarray], edges: Sequence[float], law: Sequence[np.ndarray]
) -> np.ndarray:
    """Where v leaves the edges of a g that oscillates without end, and u leaves too little blur to damp it.

    Between two edges lie about two periods: a blur of that length leaves less than e^-50 of the oscillation.
    """
    if len(edges) < 2:
        return np.zeros(len(law[0]), dtype=bool)
    a, b, d, mean = law[0], law[1], law[3], law[5]
    outside = np.isnan(g(mean - 9.0 * np.sqrt(b))) | np.isnan(g(mean + 9.0 * np.sqrt(b)))
    return np.asarray(outside & (d / np.sqrt(a) < np.max(np.diff(edges))))


def _mixture_or_panels(
    mixture: Callable[..., np.ndarray], panels: Callable[..., np.ndarray], proven: np.ndarray, *law: np.ndarray
) -> np.ndarray:
    """The sum over a mixture's nodes where its error is proven to be small, panels elsewhere; law as for a route."""
    result = np.empty(len(law[0]))
    for chosen, route in ((np.flatnonzero(proven), mixture), (np.flatnonzero(~proven), panels)):
        if chosen.size:
            result[chosen] = route(*(array[chosen] for array in law))
    return result
