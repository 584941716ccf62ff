"""Covariances in, covariances out: accurate determinants, checked entries, the type and shape of results.

Everything here is copied verbatim into exported modules, so it needs nothing but NumPy and raises plain `ValueError`s.
"""

from __future__ import annotations

import numpy as np

# 2**-500 squared is still a normal number, and its square root is far below anything an activation can resolve.
_TINY_VARIANCE = 2.0**-500
# Products of two such variances are still finite.
_LARGEST_VARIANCE = 2.0**500
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
        raise ValueError(f"{name}: {wrong}. Try: an array of floats, outside of compiled functions") from error
    if array.dtype.kind not in "biufO":
        advice = f"{name}.astype(np.float32)" if "float" in array.dtype.name else "an array of floats"
        shown = "text" if array.dtype.kind in "SU" else array.dtype.name
        raise ValueError(f"{name}: real numbers are needed, not {shown}. Try: {advice}")
    if array.dtype.kind == "O":
        return _real_objects(array, name)
    return array.astype(np.float64)


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
    and det to 0. A variance of 0 becomes 2**-500, the limit of a small variable independent of the other; a variance
    below that is raised to it at the same correlation. NaN, and a masked entry, makes its own entry NaN.

    Raises ValueError for a negative, infinite or larger than 2**500 variance, and for |cov| > √(var_u·var_v) beyond
    rounding; the message shows the first such entry.

    >>> a, b, c, det, d = _covariance([1.0, 2.0], 2.0, [1.0, 2.0])
    >>> print(a, b, c, det)
    [1. 2.] [2. 2.] [1. 2.] [1. 0.]
    >>> _covariance([1.0, 1.0], 1.0, [0.5, -1.5])
    Traceback (most recent call last):
    ...
    ValueError: |cov| exceeds sqrt(var_u*var_v) at index (1,): var_u = 1.0, var_v = 1.0, cov = -1.5 (1 of 2 entries). \
Try: cov between -sqrt(var_u*var_v) and sqrt(var_u*var_v)
    """
    named = zip(("var_u", "var_v", "cov"), (var_u, var_v, cov), strict=True)
    parts = [_as_float64(values, name) for name, values in named]
    a, b, c = np.broadcast_arrays(*parts)
    det = _ordinary_determinant(parts, a, b, c)
    if det is not None:
        return a, b, c, det, np.asarray(np.sqrt(det))
    _refuse(a < 0.0, "var_u is negative", "variances of at least 0", var_u=a, var_v=b, cov=c)
    _refuse(b < 0.0, "var_v is negative", "variances of at least 0", var_u=a, var_v=b, cov=c)
    too_large = (a > _LARGEST_VARIANCE) | (b > _LARGEST_VARIANCE)
    _refuse(too_large, "a variance is beyond 2**500", "rescaled inputs", var_u=a, var_v=b, cov=c)
    coarse = any(np.asarray(values).dtype in (np.float16, np.float32) for values in (var_u, var_v, cov))
    tolerance = _ROUNDINGS * float(np.finfo(np.float32 if coarse else np.float64).eps)
    limit = np.sqrt(a) * np.sqrt(b) * (1.0 + tolerance)
    advice = "cov between -sqrt(var_u*var_v) and sqrt(var_u*var_v)"
    _refuse(np.abs(c) > limit, "|cov| exceeds sqrt(var_u*var_v)", advice, var_u=a, var_v=b, cov=c)

    nan = np.isnan(a) | np.isnan(b) | np.isnan(c)
    raised_a, raised_b = np.maximum(a, _TINY_VARIANCE), np.maximum(b, _TINY_VARIANCE)
    with np.errstate(all="ignore"):
        grown = np.sqrt(np.where(a > 0.0, raised_a / a, 1.0)) * np.sqrt(np.where(b > 0.0, raised_b / b, 1.0))
        c = c * grown
    a, b = np.where(nan, np.nan, raised_a), np.where(nan, np.nan, raised_b)
    det = _product_difference(a, b, c, c)
    full = det < 0.0
    c = np.where(nan, np.nan, np.where(full, np.copysign(np.sqrt(a * b), c), c))
    det = np.where(full, 0.0, det)
    return a, b, c, det, np.asarray(np.sqrt(det))


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
