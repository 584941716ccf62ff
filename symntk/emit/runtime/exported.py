"""What exported NumPy modules hold beside their formulas: laws, inputs and scales of a user, checked.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.covariance import _refuse, _split_product

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


def _floats(name: str, given: Any) -> np.ndarray:
    """Real numbers as an array, float32 or float64; masked ones are NaN."""
    array = np.asarray(np.ma.filled(np.ma.asarray(given, dtype=float), np.nan) if np.ma.is_masked(given) else given)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: real numbers are needed, not {array.dtype.name}. Try: an array of floats")
    return array.astype(np.float32 if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else np.float64)


def _precision(*given: Any) -> np.dtype:
    """float32 where all arrays are; Python's numbers do not count."""
    kinds = [_floats("", one).dtype for one in given if not isinstance(one, bool | int | float)]
    return np.result_type(*kinds) if kinds else np.dtype(np.float64)


def _minor(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The determinant ab − c² with the rounding errors of both products (Dekker 1971)."""
    (left, first), (right, second) = _split_product(a, b), _split_product(c, c)
    return np.asarray((left - right) + (first - second))


def _of_laws(
    function: Callable[..., Any], law: Sequence[Any], rest: Sequence[Any] = (), finite: Sequence[Any] = ()
) -> Any:
    """A map of (a, b, c, det, d, *rest) over laws (var_u, var_v, cov), which broadcast and are checked.

    `finite` are the map's conditions: functions of (a, b, c, *rest) that are positive, and what is wrong else.
    """
    given = zip(("var_u", "var_v", "cov"), law, strict=True)
    a, b, c, *rest = np.broadcast_arrays(
        *(_floats(name, one).astype(np.float64) for name, one in given), *(_floats("a number", one) for one in rest)
    )
    shown, real = {"var_u": a, "var_v": b, "cov": c}, _precision(*law)
    with np.errstate(all="ignore"):
        full = np.sqrt(a) * np.sqrt(b)
        for name, one in (("var_u", a), ("var_v", b)):
            _refuse(one < 0.0, f"{name} is negative", "variances of at least 0", **shown)
            odd = (one != 0.0) & ~((one > 1e-150) & (one < 1e150)) & ~np.isnan(one)
            _refuse(odd, f"{name} is too small for float64, or too large", "rescaled inputs", **shown)
        beyond = np.abs(c) > full * (1.0 + 4096.0 * np.finfo(real).eps)
        advice = "cov between -sqrt(var_u*var_v) and sqrt(var_u*var_v)"
        _refuse(beyond, "|cov| exceeds sqrt(var_u*var_v)", advice, **shown)
        det = np.maximum(_minor(a, b, c), 0.0)
        c = np.where(det > 0.0, c, np.clip(c, -full, full))
        for condition, wrong in finite:
            bad = np.broadcast_to(condition(a, b, c, *rest) <= 0.0, a.shape)
            _refuse(bad, wrong, "smaller variances, or other parameters", **shown)
        flat = (np.ravel(one) for one in (a, b, c, det, np.sqrt(det), *rest))
        out = np.reshape(np.broadcast_to(function(*flat), (a.size,)), a.shape)
        wrong = "the expectation is infinite: a variable of variance 0 is where its function has a delta or a pole"
        _refuse(np.isinf(out) & (full == 0.0), wrong, "a positive variance", **shown)
        known = ~np.isnan(a + b + c + sum(rest))
        wrong = "there is no value here, or a table ends"
        _refuse(np.isnan(out) & known, wrong, "laws that the map holds for", **shown)
    return out.astype(real)[()]


def _unbounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A map that may diverge at full correlation: infinite where it grows with the inverse of the angle.

    What is 0/0 there has been computed at an angle of 1e-16.
    """

    def whole(a: np.ndarray, b: np.ndarray, c: np.ndarray, det: np.ndarray, d: np.ndarray, *rest: Any) -> Any:
        value = function(a, b, c, det, d, *rest)
        angle = 1e-15 * np.sqrt(a * b)
        wide = function(a, b, c, np.maximum(det, angle * angle), np.maximum(d, angle), *rest)
        return np.where((det == 0.0) & (np.abs(value) > 5.0 * np.abs(wide)), np.copysign(np.inf, value), value)

    return whole


def _inputs_of(x1: Any, x2: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both inputs, finite and of one width."""
    found = [_floats(name, given) for name, given in (("x1", x1), ("x2", x1 if x2 is None else x2))]
    for name, array in zip(("x1", "x2"), found, strict=True):
        if array.ndim != 2:
            raise ValueError(f"{name} has shape {array.shape}. Try: an array (n, features), for one input x[None, :]")
        if not np.all(np.isfinite(array)):
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise ValueError(f"{name} holds a value that is not finite, first in row {row}. Try: finite inputs")
    if found[0].shape[1] != found[1].shape[1]:
        raise ValueError(f"x1 has {found[0].shape[1]} features and x2 {found[1].shape[1]}. Try: inputs of one width")
    return found[0], found[1]


def _squared(name: str, given: Any, depth: int) -> np.ndarray:
    """The squares of one scale for each weight layer."""
    sign = ">" if name == "weight_std" else ">="
    advice = f"a finite number {sign} 0, or {depth}: one for each weight layer"
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} = {given!r} is not numbers. Try: {advice}") from None
    positive = values > 0.0 if sign == ">" else values >= 0.0
    if values.shape not in ((), (depth,)) or not np.all(np.isfinite(values) & positive):
        raise ValueError(f"{name} = {given!r} for {depth} weight layers. Try: {advice}")
    return np.broadcast_to(values, (depth,)) ** 2


def _parameter(name: str, given: Any, get: Any, kernels: tuple[str, ...], positive: bool) -> Any:
    """A parameter that these kernels have as a number; None where none of them is asked for."""
    if not set((get,) if isinstance(get, str) else get) & set(kernels):
        return None
    advice = f"a number for {name}{', which is positive' if positive else ''}"
    if given is None:
        raise ValueError(f"{name} is not given, and {' and '.join(kernels)} cannot do without. Try: {advice}")
    value = _floats(name, given)
    if value.ndim or not np.isfinite(value) or (positive and value <= 0.0):
        raise ValueError(f"{name} = {given!r}. Try: {advice}")
    return float(value)
