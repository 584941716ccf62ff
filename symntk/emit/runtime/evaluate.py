"""How a map is evaluated: arguments are checked and broadcast, the formula runs over blocks of entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _as_float64, _covariance, _finish, _refuse

if TYPE_CHECKING:
    from collections.abc import Callable

# Entries treated at once: the temporaries stay in the processor's cache.
_ENTRIES = 8192


def _evaluate(
    formula: Callable[..., np.ndarray],
    var_u: np.ndarray | float,
    var_v: np.ndarray | float,
    cov: np.ndarray | float,
    mean_u: np.ndarray | float,
    mean_v: np.ndarray | float,
    parameters: tuple[np.ndarray | float, ...],
    determinant: np.ndarray | None = None,
) -> np.ndarray:
    """A map over broadcast arguments; `formula` takes flat arrays a, b, c, det, d, m1, m2 and scalar parameters.

    `determinant` is var_u·var_v − cov² where the caller knows it better than these rounded numbers tell, NaN elsewhere.

    Raises ValueError for what is not a covariance, and where the formula has no value in float64 (a difference of
    infinities at full correlation, say), showing the entry.
    """
    a, b, c, det, d = _covariance(var_u, var_v, cov)
    if determinant is not None:
        det = np.where(np.isnan(determinant), det, determinant)
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
    lost = np.isnan(result)
    if np.any(lost):
        lost &= ~np.any(np.isnan(flat), axis=0)
        shown = {"var_u": state[0], "var_v": state[1], "cov": state[2]}
        _refuse(
            lost.reshape(shape),
            "the formula has no digits left in float64",
            "a correlation below 1 in magnitude",
            **shown,
        )
    return _finish(result.reshape(shape), var_u, var_v, cov, mean_u, mean_v)


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
