"""E[f(u) g(v)] of one law given as plain numbers: the Hermite series of `hermite_series`, without its arrays of places.

Rows of coefficients come from the series in log a of `hermite_line` where a mean is 0 and there is one; the short ones
are kept, so that a law whose variables were met before costs one sum.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _SMALL_VARIANCE, _plain_numbers
from symntk.emit.runtime.hermite_line import _LINE_REACH, _line, _line_row
from symntk.emit.runtime.hermite_series import _SERIES_ROUNDING, _series_table
from symntk.emit.runtime.windows import _keeps_sign

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Shape = tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[tuple[float, float]], Sequence[float]]
    Row = tuple[Shape, np.ndarray, float, float, float]

# Numbers of coefficients, of which later ones serve where there are series in log a; how often these are asked for
# before they are made, about what making one costs in evaluations by another way.
_ONE_COUNTS = {64: 0, 256: 8, 1024: 12}
# Rows of the fewest coefficients that are kept, of all functions together: 2 MB.
_ONE_TERMS = 64
_ONE_HELD = 2**12
_ONE_ROWS: dict[tuple[Callable[..., np.ndarray], float, float], Row] = {}
_ONE_POWERS = np.arange(float(max(_ONE_COUNTS)))


def _one_law(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    f_shape: Shape,
    g_shape: Shape,
    tolerance: float,
    law: Sequence[Any],
) -> float | None:
    """E[f(u) g(v)], where `law` is five plain numbers (a, b, c, m1, m2) and few coefficients are enough; or None.

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
    rho = c / math.sqrt(a) / math.sqrt(b)
    if not abs(rho) < 1.0:
        return None
    for count in _ONE_COUNTS:
        first = _one_row(f, f_shape, m1, a, count)
        second = None if first is None else _one_row(g, g_shape, m2, b, count)
        if first is None or second is None:
            return None
        _, f_terms, f_rest, f_norm, f_loss = first
        _, g_terms, g_rest, g_norm, g_loss = second
        losses = f_loss + g_loss + _SERIES_ROUNDING * count
        bound = abs(rho) ** count * f_rest * g_rest + losses
        if bound <= 0.5 * tolerance:
            break
        if not losses <= 0.5 * tolerance:
            return None
    else:
        return None
    value = float(np.dot(f_terms * g_terms, rho ** _ONE_POWERS[:count]))
    if (m1 or m2) and bound > tolerance * abs(value):
        laws = (np.array([m1]), np.sqrt([a])), (np.array([m2]), np.sqrt([b]))
        with np.errstate(all="ignore"):
            if _keeps_sign(f, *laws[0])[0] and _keeps_sign(g, *laws[1])[0]:
                return None
    value *= f_norm * g_norm
    return value if math.isfinite(value) else None


def _one_row(
    f: Callable[[np.ndarray], np.ndarray], shape: Shape, mean: float, variance: float, count: int
) -> Row | None:
    """(shape, coefficients over √E f², what they leave of 1, √E f², loss) of u ~ N(mean, variance).

    None where there are more than the fewest coefficients and no series in log a for them.
    """
    key = f, mean, variance
    row = _ONE_ROWS.get(key) if count == _ONE_TERMS else None
    if row is not None and row[0] is shape:
        return row
    row = _one_row_by_line(f, shape, variance, count) if mean == 0.0 else None
    if count > _ONE_TERMS:
        return row
    if row is None:
        with np.errstate(all="ignore"):
            terms, rest, norm, loss = _series_table(f, shape, np.array([[mean, variance]]), count)
        row = shape, terms[:, 0].copy(), float(rest[-1, 0]), float(norm[0]), float(loss[0])
    if len(_ONE_ROWS) >= _ONE_HELD:
        _ONE_ROWS.clear()
    _ONE_ROWS[key] = row
    return row


def _one_row_by_line(f: Callable[[np.ndarray], np.ndarray], shape: Shape, variance: float, count: int) -> Row | None:
    """The row from the series in log a, if there is one and its E f² is a normal number."""
    place = math.log(variance)
    segment = math.floor(place)
    line = _line(f, shape, segment, count, 1, _ONE_COUNTS[count]) if abs(place) < _LINE_REACH else None
    if line is None:
        return None
    row = _line_row(line[0], place - segment)
    norm, terms = math.sqrt(row[0]), row[1:] / math.sqrt(row[0])
    rest = math.sqrt(max(1.0 - float(np.dot(terms, terms)), 0.0) + 2.0 * line[1] + 1e-14)
    return shape, terms, rest, norm, line[1]
