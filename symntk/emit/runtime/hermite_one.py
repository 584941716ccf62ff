"""E[f(u) g(v)] of one law given as plain numbers: the Hermite series of `hermite_series`, without its arrays of places.

Rows of coefficients are kept, so that a law whose variables were met before costs one sum.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _SMALL_VARIANCE, _plain_numbers
from symntk.emit.runtime.hermite_series import _SERIES_ROUNDING, _series_table
from symntk.emit.runtime.windows import _keeps_sign

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Shape = tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[tuple[float, float]], Sequence[float]]
    Row = tuple[Shape, np.ndarray, float, float, float]

# Coefficients of a row, the fewest of a series; and rows that are kept, of all functions together: 2 MB.
_ONE_TERMS = 64
_ONE_HELD = 2**12
_ONE_ROWS: dict[tuple[Callable[..., np.ndarray], float, float], Row] = {}
_ONE_POWERS = np.arange(float(_ONE_TERMS))


def _one_law(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    f_shape: Shape,
    g_shape: Shape,
    tolerance: float,
    law: Sequence[Any],
) -> float | None:
    """E[f(u) g(v)], where `law` is five plain numbers (a, b, c, m1, m2) and the first coefficients are enough; or None.

    The error is at most tolerance/2 · √(E f² · E g²); with means, where the integrand keeps its sign, of the value.

    >>> shape = (), (), (), (0.0,)
    >>> print(round(_one_law(np.square, np.square, shape, shape, 1e-10, (1.0, 2.0, 0.5, 0.0, 0.0)), 12))
    2.5
    """
    numbers = _plain_numbers(*law)
    if numbers is None:
        return None
    a, b, c, m1, m2 = numbers
    if not (_SMALL_VARIANCE < a < 1.0 / _SMALL_VARIANCE and _SMALL_VARIANCE < b < 1.0 / _SMALL_VARIANCE):
        return None
    rho = c / float(np.sqrt(a)) / float(np.sqrt(b))
    if not abs(rho) < 1.0:
        return None
    _, f_terms, f_rest, f_norm, f_loss = _one_row(f, f_shape, m1, a)
    _, g_terms, g_rest, g_norm, g_loss = _one_row(g, g_shape, m2, b)
    bound = abs(rho) ** _ONE_TERMS * f_rest * g_rest + f_loss + g_loss + _SERIES_ROUNDING * _ONE_TERMS
    if not bound <= 0.5 * tolerance:
        return None
    value = float(np.dot(f_terms * g_terms, rho**_ONE_POWERS))
    if (m1 or m2) and bound > tolerance * abs(value):
        laws = (np.array([m1]), np.sqrt([a])), (np.array([m2]), np.sqrt([b]))
        with np.errstate(all="ignore"):
            if _keeps_sign(f, *laws[0])[0] and _keeps_sign(g, *laws[1])[0]:
                return None
    value *= f_norm * g_norm
    return float(value) if np.isfinite(value) else None


def _one_row(f: Callable[[np.ndarray], np.ndarray], shape: Shape, mean: float, variance: float) -> Row:
    """(shape, coefficients over √E f², what they leave of 1, √E f², loss) of u ~ N(mean, variance)."""
    key = f, mean, variance
    row = _ONE_ROWS.get(key)
    if row is None or row[0] is not shape:
        with np.errstate(all="ignore"):
            terms, rest, norm, loss = _series_table(f, shape, np.array([[mean, variance]]), _ONE_TERMS)
        if len(_ONE_ROWS) >= _ONE_HELD:
            _ONE_ROWS.clear()
        row = _ONE_ROWS[key] = shape, terms[:, 0].copy(), float(rest[-1, 0]), float(norm[0]), float(loss[0])
    return row
