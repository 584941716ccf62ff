"""How a map is evaluated: arguments are checked and broadcast, the formula runs over blocks of entries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import (
    _SMALL_VARIANCE,
    _as_float64,
    _finish,
    _plain_numbers,
    _refuse,
    _scaled_covariance,
    _split_product,
    _split_sum,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

# Entries treated at once: the temporaries stay in the processor's cache.
_ENTRIES = 8192
_NO_VALUE = "a variable of variance 0 is where its function has no value"


def _evaluate(
    formula: Callable[..., np.ndarray],
    var_u: np.ndarray | float,
    var_v: np.ndarray | float,
    cov: np.ndarray | float,
    mean_u: np.ndarray | float,
    mean_v: np.ndarray | float,
    parameters: Sequence[np.ndarray | float],
    determinant: np.ndarray | None = None,
    degrees: tuple[int, int] | None = None,
) -> np.ndarray:
    """A map over broadcast arguments; `formula` takes flat arrays a, b, c, det, d, m1, m2 and scalar parameters.

    `degrees` are those of f and g where both are homogeneous, f(2x) = 2^degree f(x), and the means 0: then variances of
    any size are brought next to 1 first.

    `determinant` is var_u·var_v − cov² where the caller knows it better than these rounded numbers tell, NaN elsewhere.

    Raises ValueError for what is not a covariance, and where the formula has no value in float64 (a difference of
    infinities at full correlation, say), showing the entry.
    """
    if determinant is None:
        one = _evaluate_one(formula, (var_u, var_v, cov, mean_u, mean_v, *parameters))
        if one is not None:
            return one
    a, b, c, det, d, p, q = _scaled_covariance(var_u, var_v, cov, degrees is not None)
    if determinant is not None:
        det = np.where(np.isnan(determinant), det, np.ldexp(determinant, -2 * (p + q)))
        d = np.sqrt(det)
    m1, m2 = _as_float64(mean_u, "mean_u"), _as_float64(mean_v, "mean_v")
    settings = [_as_float64(value, "a parameter") for value in parameters]
    state = np.broadcast_arrays(a, b, c, det, d, m1, m2, *settings)
    shape = state[0].shape
    flat = [np.ascontiguousarray(array).reshape(-1) for array in state]
    if any(setting.ndim for setting in settings):
        result = np.full(flat[0].shape, np.nan)
        rows = np.stack(flat[7:], axis=1)
        for row in np.unique(rows, axis=0):
            chosen = np.flatnonzero(np.all(rows == row, axis=1))
            result[chosen] = _in_blocks(formula, [array[chosen] for array in flat[:7]], row.tolist())
    else:
        result = _in_blocks(formula, flat[:7], [float(setting) for setting in settings])
    shown = {"var_u": state[0], "var_v": state[1], "cov": state[2]}
    lost = np.isnan(result)
    if np.any(lost):
        lost = (lost & ~np.any(np.isnan(flat), axis=0)).reshape(shape)
        sure = (state[0] == 0.0) | (state[1] == 0.0)
        _refuse(lost & sure, _NO_VALUE, "a positive variance", **shown)
        wrong = "the formula has no digits left in float64"
        _refuse(lost, wrong, "a correlation below 1 in magnitude", **shown)
    value = result.reshape(shape)
    if degrees is not None and (np.any(p) or np.any(q)):
        with np.errstate(all="ignore"):
            scaled = np.ldexp(value, degrees[0] * p + degrees[1] * q)
        over = np.isinf(scaled) & np.isfinite(value)
        given = (np.broadcast_to(np.ma.getdata(x), over.shape) for x in (var_u, var_v, cov))
        _refuse(over, "the value is beyond float64", "rescaled inputs", **dict(zip(shown, given, strict=True)))
        value = scaled
    return _finish(value, var_u, var_v, cov, mean_u, mean_v)


def _evaluate_one(formula: Callable[..., np.ndarray], law: tuple[np.ndarray | float, ...]) -> np.ndarray | None:
    """The map at one law of plain numbers (var_u, var_v, cov, mean_u, mean_v, *parameters) where nothing needs care.

    The same operations as those on arrays; None where the law is no plain one, or the formula has no value there.
    """
    numbers = _plain_numbers(*law)
    if numbers is None:
        return None
    a: Any
    b: Any
    c: Any
    a, b, c, m1, m2, *settings = numbers
    large = 1.0 / _SMALL_VARIANCE
    if not (_SMALL_VARIANCE < a < large and _SMALL_VARIANCE < b < large and abs(c) < large):
        return None
    left, left_error = _split_product(a, b)
    right, right_error = _split_product(c, c)
    high, high_error = _split_sum(left, -right)
    low, low_error = _split_sum(left_error, -right_error)
    total, total_error = _split_sum(high, low)
    det = total + (total_error + (low_error + high_error))
    if not det >= 0.0:
        return None
    by_floats = getattr(formula, "one", None)
    if by_floats is not None:
        found = by_floats(a, b, c, det, math.sqrt(det), m1, m2, *settings)
        if found is not None:
            return np.float64(found)  # type: ignore[return-value]
    state = np.array([[a], [b], [c], [det], [np.sqrt(det)], [m1], [m2]])
    with np.errstate(all="ignore"):
        value: np.ndarray = np.asarray(formula(*state, *settings)).reshape(-1)[0]
    return None if np.isnan(value) else value


def _in_blocks(formula: Callable[..., np.ndarray], flat: list[np.ndarray], settings: list[float]) -> np.ndarray:
    """The formula over flat arrays of one length."""
    result = np.empty(flat[0].shape)
    with np.errstate(all="ignore"):
        for start in range(0, len(result), _ENTRIES):
            place = slice(start, start + _ENTRIES)
            result[place] = formula(*(array[place] for array in flat), *settings)
    return result


def _require(
    gap: np.ndarray | float,
    wrong: str,
    var_u: np.ndarray | float,
    var_v: np.ndarray | float,
    cov: np.ndarray | float,
) -> None:
    """Refuse the entries where `gap` > 0 does not hold; `wrong` says what that means."""
    bad, a, b, c = np.broadcast_arrays(~(np.asarray(gap) > 0.0) & ~np.isnan(gap), var_u, var_v, cov)
    _refuse(bad, wrong, "smaller variances, or other parameters", var_u=a, var_v=b, cov=c)
