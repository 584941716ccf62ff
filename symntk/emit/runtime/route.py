"""How a map whose formula can cancel is evaluated: by another exact route where digits are lost.

A formula that can cancel runs on numbers with error bounds (`tracked`). Entries whose bound exceeds a few units in
the 14th digit are computed again: by angular integrals for homogeneous functions, else by quadrature.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.deltas import _dirac_parts
from symntk.emit.runtime.panels import _panel_expectation, _panel_mean
from symntk.emit.runtime.tracked import _Tracked, _TrackedOne
from symntk.emit.runtime.windows import _keeps_sign, _overflows

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from symntk.emit.runtime.deltas import Shape

# A bound below this fraction of the value is accepted where the other route is accurate relative to the value (angular
# integrals); true errors are some ten times smaller than their bounds.
_RELATIVE = 6e-14
# A bound above this fraction of the value, where nothing better is known, is no answer.
_HOPELESS = 1e-6
# A bound below this fraction of the value or of √(E f² · E g²) saves a quadrature, which is hardly more accurate; and
# the fraction of the value where the integrand does not change its sign.
_OF_SCALE = 1e-12
_OF_VALUE = 1e-11


def _checked(
    formula: Callable[..., _Tracked],
    route: Callable[..., tuple[np.ndarray, np.ndarray | float]],
    tolerance: float,
) -> Callable[..., np.ndarray]:
    """A formula that can cancel, with bounds, as one without: entries with too large a bound go by `route`.

    Its attribute `one` is the same of one law in Python's floats, None where the bound is too large.
    """

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
        # an infinite value is one at full correlation only; elsewhere an exponential has overflowed
        large = np.isinf(value) & (det > 0.0)
        weak = np.flatnonzero((~(error <= tolerance * np.abs(value)) | large) & known)
        if weak.size:
            entries = [array[weak] for array in (a, b, c, d, m1, m2, value, error)]
            value[weak], left = route(*entries, *settings)
            # what no route has made better may be uncertain in its first digits: NaN is refused by the caller
            hopeless = (left > _HOPELESS * np.abs(value[weak])) & (left > 1e-10)
            value[weak[hopeless]] = np.nan
        return value

    def one(*law: float) -> float | None:
        a, b, c, det, d, m1, m2, *settings = law
        bounded = (_TrackedOne(det, 4e-16 * det), _TrackedOne(d, 4e-16 * d))
        try:
            total = formula(
                _TrackedOne(a), _TrackedOne(b), _TrackedOne(c), *bounded, _TrackedOne(m1), _TrackedOne(m2), *settings
            )
        except (ArithmeticError, ValueError):
            return None
        value, error = float(total.value), float(total.error)
        return value if math.isfinite(value) and error <= tolerance * abs(value) else None

    checked.one = one  # type: ignore[attr-defined]
    return checked


def _by_quadrature(
    f: Callable[[np.ndarray], np.ndarray] | None,
    g: Callable[[np.ndarray], np.ndarray] | None,
    f_shape: Shape,
    g_shape: Shape,
    entries: tuple[np.ndarray, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """E[f(u) g(v)] where the formula's value is too uncertain; f and g are None or the parts without deltas.

    The entries are a, b, c, d, m1, m2 and the formula's value and error bound. Returns values and what is left of the
    bounds: 0 where the bound is small against √(E f² · E g²) or the quadrature has replaced the formula.
    """
    value, error = np.array(entries[6]), np.array(entries[7])
    law = entries[:6]
    weak = np.ones(len(value), dtype=bool)
    if f is not None and g is not None and not f_shape[2] and not g_shape[2]:
        square_f = _panel_mean(lambda x: f(x) ** 2, f_shape[0], law[4], law[0], [2.0 * rate for rate in f_shape[1]])
        square_g = _panel_mean(lambda x: g(x) ** 2, g_shape[0], law[5], law[1], [2.0 * rate for rate in g_shape[1]])
        scale = np.sqrt(square_f) * np.sqrt(square_g)
        weak = ~(error <= _OF_SCALE * scale) | np.isinf(error)
        # what does not change its sign is integrated to a fraction of the value
        unsure = np.flatnonzero(~weak & (error > _OF_VALUE * np.abs(value)))
        a, b, _, _, m1, m2 = (array[unsure] for array in law)
        weak[unsure] = _keeps_sign(f, m1, np.sqrt(a)) & _keeps_sign(g, m2, np.sqrt(b))
        error[np.isfinite(error) & (error <= 1e-8 * scale)] = 0.0
    chosen = np.flatnonzero(weak)
    if chosen.size:
        a, b, c, d, m1, m2 = (array[chosen] for array in law)
        total = _dirac_parts(f, g, f_shape, g_shape, _block_mean, a, b, c, d, m1, m2)
        if f is not None and g is not None:
            total += _panel_expectation(
                f, g, f_shape[0], g_shape[0], a, b, c, d, m1, m2, f_shape[1], g_shape[1], f_shape[3], g_shape[3]
            )
            # where the formula has overflowed, a sum of what float64 holds of f or g may be a small part of it
            large = np.flatnonzero(np.isinf(value[chosen]))
            if large.size:
                lost = _overflows(f, m1[large], np.sqrt(a[large])) | _overflows(g, m2[large], np.sqrt(b[large]))
                total[large[lost]] = np.nan
        good = ~np.isnan(total) & (np.isfinite(total) | ~np.isfinite(value[chosen]))
        value[chosen[good]], error[chosen[good]] = total[good], 0.0
    return value, error


def _block_mean(
    g: Callable[[np.ndarray], np.ndarray], g_shape: Shape, mean: np.ndarray, variance: np.ndarray
) -> np.ndarray:
    """E[g(Y)], Y ~ N(mean, variance), for flat arrays."""
    return _panel_mean(g, g_shape[0], mean, variance, g_shape[1], g_shape[3])


def _bound(function: Callable[..., Any], *settings: float) -> Callable[..., Any]:
    """A function whose last arguments, the parameters, have these values.

    >>> float(_bound(lambda x, k: k * x, 3.0)(2.0))
    6.0
    """
    return lambda *given: function(*given, *settings)
