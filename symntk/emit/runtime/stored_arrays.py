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


def _table_entries(
    xp: Any, array: Callable[[np.ndarray], Any], table: _Stored, a: Any, b: Any, cosine: Any, sine: Any
) -> Any:
    """The map at variances a, b and angles, which have one shape; NaN outside of the table.

    A derivative by a or b is one at the same angle; by the angle none is to be taken, see `emit.table`.
    """
    (left, first), (right, second) = _table_side(xp, array, table.u, a), _table_side(xp, array, table.v, b)
    sure = (a == 0.0) | (b == 0.0)
    cosine, sine = xp.where(sure, 1.0, cosine), xp.where(sure, 0.0, sine)
    place, _ = _table_place(xp, table, cosine)
    even, odd = _table_series(xp, array, place, table.even), _table_series(xp, array, place, table.odd)
    turn = xp.concatenate([even, odd * sine[..., None]], axis=-1)
    inner = xp.einsum("...i,ijk->...jk", left, array(table.core))
    value = xp.einsum("...jk,...j,...k->...", inner, right, turn)
    return _table_limited(xp, table, value * first * second, cosine)


def _table_pairs(
    xp: Any, array: Callable[[np.ndarray], Any], table: _Stored, a: Any, b: Any, cosine: Any, sine: Any
) -> Any:
    """The map for all pairs of variances a (n,) and b (m,) at angles (n, m); as `_table_entries` else."""
    (left, first), (right, second) = _table_side(xp, array, table.u, a), _table_side(xp, array, table.v, b)
    sure = (a[:, None] == 0.0) | (b[None, :] == 0.0)
    cosine, sine = xp.where(sure, 1.0, cosine), xp.where(sure, 0.0, sine)
    place, start = _table_place(xp, table, cosine)
    left, right = left * first[:, None], (right * second[:, None]).T
    total = start
    split = table.even.shape[1]
    for columns, core, front in (
        (table.even, table.core[:, :, :split], None),
        (table.odd, table.core[:, :, split:], sine),
    ):
        if not columns.shape[1]:
            continue
        terms = xp.einsum("ni,ijk->knj", left, array(core @ columns.T))
        value, before = start, start
        for k in range(len(columns) - 1, 0, -1):
            value, before = 2.0 * place * value - before + terms[k] @ right, value
        value = place * value - before + terms[0] @ right
        total = total + (value if front is None else value * front)
    return _table_limited(xp, table, total, cosine)


def _table_side(xp: Any, array: Callable[[np.ndarray], Any], side: _StoredSide, variance: Any) -> tuple[Any, Any]:
    """The functions U (..., r), and the scale with what holds outside of the range and at variance 0."""
    good = (variance >= side.low * (1.0 - _STORED_SLACK)) & (variance <= side.high * (1.0 + _STORED_SLACK))
    inside = xp.where(good, variance, side.twin)
    zero = 0.0 * inside
    factor = xp.where(good, zero + 1.0, xp.where(variance == 0.0, zero + side.at_zero, zero + float("nan")))
    root = inside**side.power
    top = (side.high**side.power - side.middle) / (side.high**side.power + side.middle)
    place = xp.clip((root - side.middle) / (root + side.middle) / top, -1.0, 1.0)
    log, power = xp.log(inside), 0.0
    for coefficient in side.scale[::-1]:
        power = power * log + coefficient
    return _table_series(xp, array, place, side.columns), xp.exp(power) * factor


def _table_place(xp: Any, table: _Stored, cosine: Any) -> tuple[Any, Any]:
    """Where angles are in [−1, 1], and zeros of that shape."""
    start, end = (float(np.arcsinh(table.sharpness * value)) for value in (table.least, 1.0))
    place = (2.0 * xp.arcsinh(table.sharpness * cosine) - (start + end)) / (end - start)
    return xp.clip(place, -1.0, 1.0), 0.0 * cosine


def _table_series(xp: Any, array: Callable[[np.ndarray], Any], place: Any, columns: np.ndarray) -> Any:
    """Chebyshev series with coefficients (n, r) at places of [−1, 1]: (..., r)."""
    basis = [0.0 * place + 1.0, place]
    for _ in range(2, len(columns)):
        basis.append(2.0 * place * basis[-1] - basis[-2])
    return xp.stack(basis[: len(columns)], -1) @ array(columns)


def _table_limited(xp: Any, table: _Stored, value: Any, cosine: Any) -> Any:
    """NaN at angles beyond the table's."""
    return (
        value
        if not table.least
        else xp.where(cosine < table.least * (1.0 - _STORED_SLACK), 0.0 * value + float("nan"), value)
    )
