"""Hermite coefficients at many variances, between those at a few: f_k as a Chebyshev series in log a, mean 0.

Where f is analytic in a sector around the axis, as tanh is, f_k = E[f(√a z) h_k(z)] is analytic in log a, alike for all
k, and twenty points on one unit of log a give all digits. Whether they do is seen at places that are not nodes; where
f has kinks away from 0 they do not, and the coefficients are computed. Optimizers, which ask for some ten variances
again and again, and Gram matrices of many inputs have them from here.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.hermite import _hermite_coefficients
from symntk.emit.runtime.hermite_recall import _recalled_coefficients

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Shape = tuple[Sequence[tuple[float, float]], Sequence[complex], Sequence[tuple[float, float]], Sequence[float]]

# Chebyshev points on a segment, one unit of log a, and the places between them where the series is compared.
_LINE_POINTS = 20
_LINE_DEGREES = np.arange(float(_LINE_POINTS))
_LINE_PLACES = (-0.83, -0.11, 0.62, 0.97)
# The distance of the coefficients from the series, relative to √E f², up to which it is used.
_LINE_DEFECT = 5e-14
# So many variances at least that a call has, of which so many are on a segment, or calls before, to make its series.
_LINE_LEAST = 16
_LINE_MANY = 48
_LINE_CALLS = 2
# log a beyond which variances are not looked at, and numbers of all series that are held: 32 MB.
_LINE_REACH = 60
_LINE_HELD = 2**22
_LINES: dict[tuple[Callable[..., np.ndarray], int, int], tuple[np.ndarray, float] | None] = {}
_LINE_ASKED: dict[tuple[Callable[..., np.ndarray], int, int], int] = {}


def _line_coefficients(
    f: Callable[[np.ndarray], np.ndarray], shape: Shape, mean: np.ndarray, variance: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `_hermite_coefficients` returns, for the same arguments."""
    if len(mean) < _LINE_LEAST:
        return _recalled_coefficients(f, shape, mean, variance, count)
    with np.errstate(all="ignore"):
        place = np.log(variance)
    segment = np.where((mean == 0.0) & (np.abs(place) < _LINE_REACH), np.floor(place), np.nan)
    coefficients = np.empty((len(mean), count))
    second, loss = np.empty(len(mean)), np.empty(len(mean))
    rest = np.isnan(segment)
    for number in np.unique(segment[~rest]):
        rows = np.flatnonzero(segment == number)
        line = _line(f, shape, int(number), count, len(rows))
        if line is None:
            rest[rows] = True
            continue
        basis = np.polynomial.chebyshev.chebvander(2.0 * (place[rows] - number) - 1.0, _LINE_POINTS - 1)
        found = basis @ line[0]
        coefficients[rows], second[rows], loss[rows] = found[:, 1:], found[:, 0], line[1]
    if np.any(rest):
        coefficients[rest], second[rest], loss[rest] = _recalled_coefficients(
            f, shape, mean[rest], variance[rest], count
        )
    return coefficients, second, loss


def _line_row(series: np.ndarray, place: float) -> np.ndarray:
    """E f² and the coefficients at one place of a segment, 0 to 1."""
    row: np.ndarray = np.cos(_LINE_DEGREES * math.acos(2.0 * place - 1.0)) @ series
    return row


def _line(
    f: Callable[[np.ndarray], np.ndarray], shape: Shape, segment: int, count: int, rows: int, calls: int = _LINE_CALLS
) -> tuple[np.ndarray, float] | None:
    """The series on a segment, E f² in its first column, and its loss; None where there is none, or none yet.

    It is made for many rows, and where so many calls have asked for it before.
    """
    key = f, segment, count
    if key not in _LINES:
        asked = _LINE_ASKED.get(key, 0)
        if asked < calls and rows < _LINE_MANY:
            _LINE_ASKED[key] = asked + 1
            return None
        found = _new_line(f, shape, segment, count)
        held = sum(line[0].size for line in list(_LINES.values()) if line is not None)
        if held > _LINE_HELD:  # forgotten all together: what is asked for again comes again
            _LINES.clear()
            _LINE_ASKED.clear()
        _LINES[key] = found
    return _LINES.get(key)


def _new_line(
    f: Callable[[np.ndarray], np.ndarray], shape: Shape, segment: int, count: int
) -> tuple[np.ndarray, float] | None:
    """The series, computed, where it holds at the places between its points."""
    points = np.cos(np.pi * (np.arange(_LINE_POINTS) + 0.5) / _LINE_POINTS)
    places = np.concatenate([points, _LINE_PLACES])
    variance = np.exp(segment + 0.5 + 0.5 * places)
    coefficients, second, loss = _hermite_coefficients(f, shape, np.zeros(len(places)), variance, count)
    values = np.concatenate([second[:, None], coefficients], axis=1)
    if not np.all(np.isfinite(values)):
        return None
    transform = np.polynomial.chebyshev.chebvander(points, _LINE_POINTS - 1).T * (2.0 / _LINE_POINTS)
    transform[0] *= 0.5
    series = transform @ values[:_LINE_POINTS]
    between = slice(_LINE_POINTS, None)
    basis = np.polynomial.chebyshev.chebvander(places[between], _LINE_POINTS - 1)
    wrong = np.abs(basis @ series - values[between])
    defect = np.max(np.sqrt(np.sum(np.square(wrong[:, 1:]), axis=1) / second[between]))
    if not max(defect, np.max(wrong[:, 0] / second[between])) <= _LINE_DEFECT:
        return None
    return series, float(np.max(loss)) + 2.0 * _LINE_DEFECT
