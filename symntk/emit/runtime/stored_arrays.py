"""The tables of `stored` on arrays of any library with NumPy's names, without a branch that depends on data.

`xp` is the library, `array` turns an array of NumPy into one of its own, of the type and at the place of the arguments.

Copied verbatim into exported modules, which import NumPy to unpack the numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symntk.emit.runtime.stored import _STORED_SLACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from symntk.emit.runtime.stored import _Stored, _StoredSide


def _read_values(
    xp: Any, array: Callable[[np.ndarray], Any], table: _Stored, a: Any, b: Any, c: Any, d: Any, by: str = ""
) -> Any:
    """The map at variances, covariance and d = √(ab − c²), which broadcast; NaN outside of the table.

    With `by` "a" or "b" its derivative by that variance at a fixed angle. Rows a (n, 1) and columns b (1, m) are
    treated as such.
    """
    full = xp.sqrt(a) * xp.sqrt(b)
    sure = full == 0.0
    full = xp.where(sure, full + 1.0, full)
    cosine = xp.where(sure, 0.0 * d + 1.0, d / full)
    sine = xp.where(sure, 0.0 * c, c / full)
    left, right = (
        _read_side(xp, array, side, variance, by == name)
        for side, variance, name in ((table.u, a, "a"), (table.v, b, "b"))
    )
    start, end = (float(np.arcsinh(table.sharpness * value)) for value in (table.least, 1.0))
    place = (2.0 * xp.arcsinh(table.sharpness * cosine) - (start + end)) / (end - start)
    place = xp.clip(place, -1.0, 1.0)
    if len(a.shape) == len(b.shape) == 2 and a.shape[1] == b.shape[0] == 1:
        value = _read_pairs(xp, array, table, left[:, 0], right[0], place, sine)
    else:
        value = _read_entries(xp, array, table, left, right, place, sine)
    if table.least:
        value = xp.where(cosine < table.least * (1.0 - _STORED_SLACK), 0.0 * value + float("nan"), value)
    return value


def _read_entries(
    xp: Any, array: Callable[[np.ndarray], Any], table: _Stored, left: Any, right: Any, place: Any, sine: Any
) -> Any:
    """The map at functions U and V (..., r) of each entry and the places of its angle."""
    even = _read_series(xp, array, place, table.even)
    odd = _read_series(xp, array, place, table.odd) * sine[..., None]
    split = table.even.shape[1]
    total = 0.0 * place
    for k in range(table.core.shape[2]):
        turn = even[..., k] if k < split else odd[..., k - split]
        total = total + turn * ((left @ array(table.core[:, :, k])) * right).sum(-1)
    return total


def _read_pairs(
    xp: Any, array: Callable[[np.ndarray], Any], table: _Stored, left: Any, right: Any, place: Any, sine: Any
) -> Any:
    """The map for all pairs of rows with functions U (n, r) and columns with V (m, r): Clenshaw's sum over products."""
    split = table.even.shape[1]
    parts = (table.even, table.core[:, :, :split], None), (table.odd, table.core[:, :, split:], sine)
    total = 0.0 * place
    for columns, core, front in parts:
        if not columns.shape[1]:
            continue
        terms = xp.einsum("ni,ijk->knj", left, array(core @ columns.T))
        value, before = 0.0 * place, 0.0 * place
        for k in range(len(columns) - 1, 0, -1):
            value, before = 2.0 * place * value - before + terms[k] @ right.T, value
        value = place * value - before + terms[0] @ right.T
        total = total + (value if front is None else value * front)
    return total


def _read_side(xp: Any, array: Callable[[np.ndarray], Any], side: _StoredSide, variance: Any, moved: bool) -> Any:
    """The functions U times their scale (..., r), or their derivatives; NaN outside of the range but at variance 0."""
    good = (variance >= side.low * (1.0 - _STORED_SLACK)) & (variance <= side.high * (1.0 + _STORED_SLACK))
    inside = xp.where(good, variance, 0.0 * variance + side.twin)
    nothing = 0.0 * inside
    at_zero = nothing + (float("nan") if moved else side.at_zero)
    factor = xp.where(good, nothing + 1.0, xp.where(variance == 0.0, at_zero, nothing + float("nan")))
    root = inside**side.power
    top = (side.high**side.power - side.middle) / (side.high**side.power + side.middle)
    place = xp.clip((root - side.middle) / (root + side.middle) / top, -1.0, 1.0)
    log, power, slope = xp.log(inside), nothing, nothing
    for coefficient in side.scale[::-1]:
        slope = slope * log + power
        power = power * log + coefficient
    found = _read_series(xp, array, place, side.columns)
    if moved:
        turned = 2.0 * side.middle * side.power / top * root / ((root + side.middle) * (root + side.middle))
        bent = _read_series(xp, array, place, np.polynomial.chebyshev.chebder(side.columns))
        found = (bent * turned[..., None] + found * slope[..., None]) / inside[..., None]
    return found * (xp.exp(power) * factor)[..., None]


def _read_series(xp: Any, array: Callable[[np.ndarray], Any], place: Any, columns: np.ndarray) -> Any:
    """Chebyshev series with coefficients (n, r) at places of [−1, 1]: (..., r); T_k(x) = cos(k arccos x)."""
    turns = array(np.arange(float(len(columns))))
    return xp.cos(xp.arccos(place)[..., None] * turns) @ array(columns)
