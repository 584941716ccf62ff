"""Covariances in, covariances out: accurate determinants, checked entries, the type and shape of results.

Everything here is copied verbatim into exported modules, so it needs nothing but NumPy and raises plain `ValueError`s.
"""

from __future__ import annotations

import numpy as np

# Products of two such variances are still finite.
_LARGEST_VARIANCE = 2.0**500
# Below it a number has fewer digits; and below the square of the other, so has a determinant.
_LEAST_VARIANCE = 2.0**-1022
_LEAST_SCALE = 2.0**-511
# Between this and its inverse, products of variances and their rounding errors are normal numbers.
_SMALL_VARIANCE = 1e-70
_BLOCK = 8192
# A dot product over n features carries up to n roundings; 4096 of them are forgiven: 9e-13 in float64, 5e-4 in float32.
_ROUNDINGS = 4096.0


def _split_product(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Product and its rounding error: p + e = x·y exactly, for magnitudes near 1 (Dekker 1971)."""
    product = x * y
    x_high = 134217729.0 * x - (134217729.0 * x - x)
    y_high = 134217729.0 * y - (134217729.0 * y - y)
    x_low, y_low = x - x_high, y - y_high
    return product, ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low


def _split_sum(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum and its rounding error: s + e = x + y exactly (Knuth, The Art of Computer Programming, vol. 2, 4.2.2)."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def _product_difference(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """a·b − c·d, correct to about one unit in the last place however much of it cancels.

    Broadcasts. Neither product may overflow or underflow on the way: mantissas and exponents are treated apart.
    Error-free transformations as in Ogita, Rump, Oishi (2005), Accurate sum and dot product.

    >>> x = 1.0 + 2.0**-30
    >>> print(x * x - (1.0 + 2.0**-29) * 1.0, _product_difference(x, x, 1.0 + 2.0**-29, 1.0) == 2.0**-60)
    0.0 True
    """
    with np.errstate(all="ignore"):
        (ma, ea), (mb, eb), (mc, ec), (md, ed) = np.frexp(a), np.frexp(b), np.frexp(c), np.frexp(d)
        left, left_error = _split_product(ma, mb)
        right, right_error = _split_product(mc, md)
        # A zero product has no exponent of its own; it takes the other's.
        left_exponent = np.where(left == 0.0, -5000, ea + eb)
        right_exponent = np.where(right == 0.0, -5000, ec + ed)
        exponent = np.maximum(left_exponent, right_exponent)
        left_shift, right_shift = left_exponent - exponent, right_exponent - exponent
        high, high_error = _split_sum(np.ldexp(left, left_shift), -np.ldexp(right, right_shift))
        low, low_error = _split_sum(np.ldexp(left_error, left_shift), -np.ldexp(right_error, right_shift))
        total, total_error = _split_sum(high, low)
        result = np.ldexp(total + (total_error + (low_error + high_error)), exponent)
        difference: np.ndarray = np.where(np.isfinite(result), result, np.multiply(a, b) - np.multiply(c, d))
    return difference


def _as_float64(values: np.ndarray | float, name: str) -> np.ndarray:
    """Any real array-like as a plain float64 array; masked entries become NaN (`_finish` masks them again).

    Raises ValueError, naming the argument, for what is not real numbers.
    """
    mask = np.ma.getmask(values) if isinstance(values, np.ma.MaskedArray) else np.ma.nomask
    array = _real_numbers(values, name)
    return array if mask is np.ma.nomask else np.where(mask, np.nan, array)


def _real_numbers(values: np.ndarray | float, name: str) -> np.ndarray:
    """Real numbers of any kind as a plain float64 array; masks are dropped.

    Raises ValueError, naming the argument and what it is, for a sparse matrix, a tensor that requires a gradient, what
    a compiler traces, text, complex numbers, objects that are no numbers, and numbers beyond float64.

    >>> _real_numbers([1, None], "cov")
    Traceback (most recent call last):
    ...
    ValueError: cov: it holds None, which is no real number. Try: an array of floats
    """
    kind = f"{type(values).__module__.partition('.')[0]} {type(values).__name__}"
    if hasattr(values, "toarray") and not isinstance(values, np.ndarray):
        raise ValueError(f"{name}: it is sparse ({kind}). Try: {name}.toarray()")
    if getattr(values, "requires_grad", False) is True:
        raise ValueError(f"{name}: it is a tensor that requires a gradient. Try: {name}.detach().numpy()")
    try:
        array = np.asarray(np.ma.getdata(values) if isinstance(values, np.ma.MaskedArray) else values)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        wrong = f"{kind} gives no array of numbers ({reason})"
        narrow = "bfloat16" in str(getattr(values, "dtype", "")).lower()
        advice = f"{name}.float()" if narrow else "an array of floats, outside of compiled functions"
        raise ValueError(f"{name}: {wrong}. Try: {advice}") from error
    if array.dtype.kind not in "biufO":
        advice = f"{name}.astype(np.float32)" if "float" in array.dtype.name else "an array of floats"
        shown = "text" if array.dtype.kind in "SU" else array.dtype.name
        raise ValueError(f"{name}: real numbers are needed, not {shown}. Try: {advice}")
    if array.dtype.kind == "O":
        return _real_objects(array, name)
    return array.astype(np.float64)


def _plain_numbers(*values: np.ndarray | float) -> list[float] | None:
    """Python's own floats, or None where one of the values is no float64 number or small integer."""
    numbers = []
    for value in values:
        if type(value) not in (float, np.float64, int) or not -(2.0**53) <= value <= 2.0**53:
            return None
        numbers.append(float(value))
    return numbers


def _real_objects(array: np.ndarray, name: str) -> np.ndarray:
    """Python's own numbers (integers of any size, fractions, decimals, exact constants) as float64."""
    out = np.empty(array.shape)
    for place, one in np.ndenumerate(array):
        try:
            if isinstance(one, str | bytes | complex):
                raise TypeError
            out[place] = float(one)
        except OverflowError as error:
            raise ValueError(f"{name}: it holds a number beyond float64. Try: numbers of at most 1e308") from error
        except (TypeError, ValueError, RuntimeError) as error:
            shown = " ".join(repr(one).split())[:60]
            wrong = f"it holds {shown}, which is no real number"
            raise ValueError(f"{name}: {wrong}. Try: an array of floats") from error
    return out


def _refuse(bad: np.ndarray, wrong: str, advice: str, **values: np.ndarray) -> None:
    """Raise a ValueError that shows the first entry where `bad` holds, and how many there are; else do nothing."""
    if not np.any(bad):
        return
    first = np.unravel_index(int(np.argmax(bad)), bad.shape)
    shown = ", ".join(f"{name} = {float(value[first])!r}" for name, value in values.items())
    index = f" at index {tuple(int(i) for i in first)}" if bad.ndim else ""
    raise ValueError(f"{wrong}{index}: {shown} ({int(np.sum(bad))} of {bad.size} entries). Try: {advice}")


def _ordinary_determinant(parts: list[np.ndarray], a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray | None:
    """a·b − c² where nothing needs care: no NaN, no variance far from 1, no |c| beyond √(a·b); else None.

    `parts` are a, b and c before they were broadcast. Blocks keep the temporaries in the processor's cache.
    """
    if not a.size or not np.max(np.abs(parts[2])) < 1.0 / _SMALL_VARIANCE:
        return None
    for variance in parts[:2]:
        if not (np.min(variance) > _SMALL_VARIANCE and np.max(variance) < 1.0 / _SMALL_VARIANCE):
            return None
    det = np.empty(a.shape)
    flat_a, flat_b, flat_c, flat = (np.ravel(array) for array in (a, b, c, det))
    for start in range(0, a.size, _BLOCK):
        place = slice(start, start + _BLOCK)
        left, left_error = _split_product(flat_a[place], flat_b[place])
        right, right_error = _split_product(flat_c[place], flat_c[place])
        high, high_error = _split_sum(left, -right)
        low, low_error = _split_sum(left_error, -right_error)
        total, total_error = _split_sum(high, low)
        flat[place] = total + (total_error + (low_error + high_error))
    det = flat.reshape(a.shape)
    return det if np.min(det) >= 0.0 else None


def _covariance(
    var_u: np.ndarray | float, var_v: np.ndarray | float, cov: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Checked covariance entries (a, b, c, det, d) as float64 arrays of the common shape.

    det = a·b − c² is accurate however close the correlation is to ±1, and d = √det. Where |cov| exceeds √(var_u·var_v)
    by rounding only (4096 units of the coarsest type among the inputs), the correlation is ±1: c is set to that value
    and det to 0. NaN, and a masked entry, makes its own entry NaN.

    Raises ValueError for a negative, infinite or larger than 2**500 variance, for positive ones below 2**-1022 or of a
    product below 2**-960, and for |cov| > √(var_u·var_v) beyond rounding; the message shows the first such entry.

    >>> a, b, c, det, d = _covariance([1.0, 2.0], 2.0, [1.0, 2.0])
    >>> print(a, b, c, det)
    [1. 2.] [2. 2.] [1. 2.] [1. 0.]
    >>> _covariance([1.0, 1.0], 1.0, [0.5, -1.5])
    Traceback (most recent call last):
    ...
    ValueError: |cov| exceeds sqrt(var_u*var_v) at index (1,): var_u = 1.0, var_v = 1.0, cov = -1.5 (1 of 2 entries). \
Try: cov between -sqrt(var_u*var_v) and sqrt(var_u*var_v)
    """
    a, b, c, det, d, _, _ = _scaled_covariance(var_u, var_v, cov, False)
    return a, b, c, det, d


def _scaled_covariance(
    var_u: np.ndarray | float, var_v: np.ndarray | float, cov: np.ndarray | float, homogeneous: bool
) -> tuple[np.ndarray, ...]:
    """`_covariance`, and the powers of two (p, q) of scales of u and v: they are 0 unless `homogeneous`.

    Then variances far from 1 are brought next to it: u = 2^p·u', and the entries are those of (u', v').

    >>> a, b, c, _, _, p, q = _scaled_covariance(2.0**-1000, 1.0, 2.0**-501, True)
    >>> print(a, b, c, p, q)
    1.0 1.0 0.5 -500 0
    """
    named = zip(("var_u", "var_v", "cov"), (var_u, var_v, cov), strict=True)
    parts = [_as_float64(values, name) for name, values in named]
    a, b, c = np.broadcast_arrays(*parts)
    p = q = np.zeros((), dtype=np.int64)
    det = _ordinary_determinant(parts, a, b, c)
    if det is not None:
        return a, b, c, det, np.asarray(np.sqrt(det)), p, q
    _refuse(a < 0.0, "var_u is negative", "variances of at least 0", var_u=a, var_v=b, cov=c)
    _refuse(b < 0.0, "var_v is negative", "variances of at least 0", var_u=a, var_v=b, cov=c)
    coarse = any(np.asarray(values).dtype in (np.float16, np.float32) for values in (var_u, var_v, cov))
    tolerance = _ROUNDINGS * float(np.finfo(np.float32 if coarse else np.float64).eps)
    scale = np.sqrt(a) * np.sqrt(b)
    # the smallest numbers are not rounded relative to themselves
    limit = scale * (1.0 + tolerance) + np.where(scale > 0.0, 2.0**-1070, 0.0)
    advice = "cov between -sqrt(var_u*var_v) and sqrt(var_u*var_v)"
    _refuse(~np.isinf(scale) & (np.abs(c) > limit), "|cov| exceeds sqrt(var_u*var_v)", advice, var_u=a, var_v=b, cov=c)
    given = {"var_u": a, "var_v": b, "cov": c}
    _refuse(np.isinf(a) | np.isinf(b), "a variance is infinite", "finite variances", **given)
    if not homogeneous:
        too_large = (a > _LARGEST_VARIANCE) | (b > _LARGEST_VARIANCE)
        _refuse(too_large, "a variance is beyond 2**500", "rescaled inputs", **given)
        too_small = (scale > 0.0) & ((scale < _LEAST_SCALE) | (a < _LEAST_VARIANCE) | (b < _LEAST_VARIANCE))
        wrong = "a positive variance, or a product of two, is too small for float64"
        _refuse(too_small, wrong, "rescaled inputs, or 0", **given)

    nan = np.isnan(a) | np.isnan(b) | np.isnan(c)
    a, b = np.where(nan, np.nan, a), np.where(nan, np.nan, b)
    with np.errstate(all="ignore"):
        p, q = _power_of_two(a), _power_of_two(b)
        a, b, c = np.ldexp(a, -2 * p), np.ldexp(b, -2 * q), np.ldexp(c, -p - q)
        det = _product_difference(a, b, c, c)
        full = det < 0.0
        c = np.where(nan, np.nan, np.where(full, np.copysign(np.sqrt(a * b), c), c))
        det = np.where(full, 0.0, det)
        d = np.asarray(np.sqrt(det))
        if homogeneous:
            return a, b, c, det, d, p, q
        unscaled = ((a, 2 * p), (b, 2 * q), (c, p + q), (det, 2 * (p + q)), (d, p + q))
        return (*(np.ldexp(x, power) for x, power in unscaled), np.zeros_like(p), np.zeros_like(q))


def _power_of_two(variance: np.ndarray) -> np.ndarray:
    """The power of two that brings a standard deviation next to 1, 0 for those that are not far from it."""
    far = (
        (variance > 0.0) & np.isfinite(variance) & ~((variance > _SMALL_VARIANCE) & (variance < 1.0 / _SMALL_VARIANCE))
    )
    return np.where(far, np.frexp(variance)[1] >> 1, 0)


def _result_type(*inputs: np.ndarray | float) -> np.dtype:
    """float32 where all arrays among the inputs are float32 or float16, else float64; Python numbers do not count.

    >>> print(_result_type(np.ones(3, np.float32), 0.5), _result_type(1, 0.5), _result_type(np.arange(3)))
    float32 float64 float64
    """
    dtypes = [np.asarray(values).dtype for values in inputs if type(values) not in (bool, int, float)]
    narrow = bool(dtypes) and all(dtype in (np.float16, np.float32) for dtype in dtypes)
    return np.dtype(np.float32 if narrow else np.float64)


def _finish(value: np.ndarray, *inputs: np.ndarray | float) -> np.ndarray:
    """`value` in the type that the user's `inputs` ask for: float32 or float64, a scalar for 0-d, masked like them.

    Where an input is masked, the result is a masked array with the union of the masks.

    >>> masked = np.ma.array([1.0, 2.0], mask=[False, True])
    >>> print(type(_finish(np.array(0.25), 1, 2)).__name__, _finish(np.array([0.5, np.nan]), masked, 2))
    float64 [0.5 --]
    """
    result = np.asarray(value, dtype=_result_type(*inputs))
    if any(isinstance(values, np.ma.MaskedArray) for values in inputs):
        mask = np.zeros(result.shape, dtype=bool)
        for values in inputs:
            mask |= np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else False
        return np.ma.array(result, mask=mask)
    return result[()]
