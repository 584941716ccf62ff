"""Determinants against exact rational arithmetic; which entries are refused; types, shapes and masks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symntk.emit.runtime.covariance import (
    _as_float64,
    _covariance,
    _finish,
    _product_difference,
    _result_type,
    _scaled_covariance,
)

ULP = 2.0**-52


def exact_difference(a, b, c, d):
    return Fraction(a) * Fraction(b) - Fraction(c) * Fraction(d)


# Quotients of any two of these stay within the range of float64, so the exact difference can be compared after scaling.
mantissas = st.floats(0.5, 2.0) | st.integers(1, 2**52).map(lambda k: 1.0 + k * ULP)
exponents = st.integers(-490, 490)


@settings(max_examples=300, deadline=None)
@given(mantissas, mantissas, mantissas, mantissas, exponents, st.integers(-3, 3), st.booleans())
@example(1.0 + ULP, 1.0 - ULP, 1.0, 1.0, 0, 0, False)
def test_product_difference_is_correct_to_an_ulp(a, b, c, d, exponent, offset, near):
    if near:
        d = a * b / c
    scale, unscale = 2.0**exponent, 2.0 ** (offset - exponent)
    a, b, c = a * scale, b * unscale, c * scale
    d = d * unscale
    exact = exact_difference(a, b, c, d)
    computed = float(_product_difference(a, b, c, d))
    assert abs(Fraction(computed) - exact) <= abs(exact) * Fraction(ULP)


def test_product_difference_survives_the_ends_of_the_range():
    assert _product_difference(1e300, 1e300, 1e300, 1e300) == 0.0
    assert _product_difference(1e300, 1e-300, 1e-300, 1e300) == 0.0
    assert _product_difference(1e300, 1e-300, 0.0, 1e300) == pytest.approx(1.0, rel=1e-15)
    assert _product_difference(0.0, 5.0, 0.0, 1.0) == 0.0
    x = np.nextafter(1e300, np.inf)
    exact = exact_difference(x, 1e-300, 1e300, 1e-300)
    assert float(_product_difference(x, 1e-300, 1e300, 1e-300)) == pytest.approx(float(exact), rel=1e-15)
    assert np.isnan(_product_difference(np.nan, 1.0, 1.0, 1.0))
    assert np.isinf(_product_difference(np.inf, 1.0, 1.0, 1.0))


@pytest.mark.parametrize("gap", [1e-4, 1e-8, 1e-12, 1e-15])
@pytest.mark.parametrize(("var_u", "var_v"), [(1.3, 0.7), (1e-6, 1e6), (1e6, 3e6)])
def test_determinant_near_full_correlation(var_u, var_v, gap):
    cov = -np.sqrt(var_u) * np.sqrt(var_v) * (1.0 - gap)
    exact = exact_difference(var_u, var_v, cov, cov)
    det, d = _covariance(var_u, var_v, cov)[3:]
    assert float(det) == pytest.approx(float(exact), rel=4e-16)
    assert float(d) == pytest.approx(float(exact) ** 0.5, rel=4e-16)


def test_rounding_beyond_full_correlation_is_full_correlation():
    a, b, c, det, d = _covariance([2.0, 2.0], 3.0, np.sqrt(6.0) * (1 + 1e-13) * np.array([1.0, -1.0]))
    assert np.all(det == 0.0) and np.all(d == 0.0)
    np.testing.assert_array_equal(c, np.sqrt(6.0) * np.array([1.0, -1.0]))
    narrow = np.float32(2.0), np.float32(3.0), np.float32(np.sqrt(6.0) * (1 + 1e-5))
    assert _covariance(*narrow)[4] == 0.0 and _covariance(*narrow)[0].dtype == np.float64


def test_variances_that_are_zero_or_tiny_stay_so():
    a, b, c, det, d = _covariance(0.0, [0.0, 4.0, 4.0], 0.0)
    assert not np.any(a) and not np.any(c) and not np.any(det) and not np.any(d)
    a, b, c, det, d = _covariance(1e-300, 4.0, 1e-150)
    assert (a, c) == (1e-300, 1e-150) and d == pytest.approx(np.sqrt(3e-300), rel=1e-14)
    # the determinant is below the normal numbers, its root is not
    d = _covariance(1e-300, 1.0, 1e-150 * (1.0 - 1e-15))[4]
    exact = exact_difference(1e-300, 1.0, 1e-150 * (1.0 - 1e-15), 1e-150 * (1.0 - 1e-15)) * 10**320
    assert d == pytest.approx(float(exact) ** 0.5 * 1e-160, rel=1e-14)


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-160, 1.0, 1e160, 1e308])
@pytest.mark.parametrize("other", [1e-200, 1.0, 1e200])
def test_scaled_entries_have_the_given_correlation(size, other):
    cov = 0.5 * np.sqrt(size) * np.sqrt(other)
    a, b, c, det, d, p, q = _scaled_covariance(size, other, cov, True)
    assert 1e-70 < a < 1e70 and 1e-70 < b < 1e70
    assert np.ldexp(a, 2 * p) == size and np.ldexp(b, 2 * q) == other
    assert c / np.sqrt(a * b) == pytest.approx(0.5, rel=1e-15) and d**2 == pytest.approx(0.75 * a * b, rel=1e-14)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (([1.0, -1.0, -2.0], 1.0, 0.5), ["var_u is negative", "(1,)", "-1.0", "2 of 3"]),
        ((1.0, -3.0, 0.5), ["var_v is negative", "var_v = -3.0", "1 of 1"]),
        ((1.0, [[1.0, np.inf]], 0.5), ["a variance is infinite", "(0, 1)"]),
        ((1.0, [1.0, 1e160], 0.5), ["beyond 2**500", "(1,)"]),
        (([1e-310, 1.0], 1.0, 0.0), ["too small", "(0,)", "1e-310"]),
        ((1e-200, 1e-200, 0.0), ["too small", "rescaled"]),
        (([1.0, 1.0], 1.0, [0.0, 1.0 + 1e-11]), ["|cov| exceeds", "(1,)", "Try: cov between"]),
        ((0.0, 1.0, 1e-9), ["|cov| exceeds"]),
        ((1.0, 1.0, -np.inf), ["|cov| exceeds", "cov = -inf"]),
        ((1.0, 1.0, 0.5j), ["cov: real numbers", "complex"]),
        (("one", 1.0, 0.5), ["var_u: real numbers"]),
    ],
)
def test_refused_entries_are_shown(entries, words):
    with pytest.raises(ValueError) as refusal:
        _covariance(*entries)
    for word in words:
        assert word in str(refusal.value)


def test_nan_and_masked_entries_are_nan_there_alone():
    masked = np.ma.array([1.0, -5.0, 1.0], mask=[False, True, False])
    entries = _covariance(masked, 2.0, [0.5, 0.5, np.nan])
    for entry in entries:
        np.testing.assert_array_equal(np.isnan(entry), [False, True, True])
    result = _finish(entries[4], masked, 2.0)
    np.testing.assert_array_equal(result.mask, [False, True, False])
    assert np.isnan(result.data[2]) and not np.ma.isMaskedArray(_finish(entries[4], 1.0))


def test_shapes_and_types():
    for shape in [(), (0,), (2, 3), (2, 0)]:
        a, b, c, det, d = _covariance(np.ones(shape), 2, 0)
        assert {x.shape for x in (a, b, c, det, d)} == {shape}
        assert {x.dtype for x in (a, b, c, det, d)} == {np.dtype(float)}
        assert all(isinstance(x, np.ndarray) for x in (a, b, c, det, d))
    assert _covariance(np.ones((3, 1)), np.ones(4), 0.1)[0].shape == (3, 4)
    assert isinstance(_finish(np.array(1.0), 1), np.float64)
    assert isinstance(_finish(np.array(1.0), np.float32(1), 0.5), np.float32)
    assert _result_type(np.ones(2, np.float32), np.ones(2)) == np.float64
    assert _result_type(np.float64(1.0), np.ones(2, np.float32)) == np.float64
    assert _result_type([1, 2], True) == np.float64
    assert _as_float64(np.array([1, 2], dtype=object), "x").dtype == np.float64
    with pytest.raises(ValueError):
        _covariance(np.ones(2), np.ones(3), 0.0)
