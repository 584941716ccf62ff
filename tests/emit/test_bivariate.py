"""The float64 distribution functions against enclosures computed in another way, their identities and their edges."""

from __future__ import annotations

import inspect

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from symntk.emit.runtime import bivariate as module
from symntk.emit.runtime.bivariate import (
    _BIVARIATE_ERROR,
    _bivariate,
    _exp_bivariate,
    _exp_normal_cdf,
)
from symntk.emit.runtime.bivariate_one import _one_exp_bivariate

oracle = pytest.importorskip(
    "tests.emit.bivariate_reference", reason="python-flint is not installed", exc_type=ImportError
)
REGIONS = oracle.regions(seed=1, size=20)


def draw(size: int, spread: float = 2.0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    angle = rng.uniform(0, np.pi, size)
    return rng.normal(size=size) * spread, rng.normal(size=size) * spread, np.cos(angle), np.sin(angle)


def test_the_oracle_agrees_with_plackett_s_integral():
    with mp.workdps(40):
        for h, k, c, d in [(-1.5, 0.5, 3.0, 4.0), (-6.0, -5.0, -0.5, 1.0), (2.0, -3.0, 1.0, 0.125)]:
            start, stop = mp.acos(0), mp.atan2(d, c)
            f = lambda t: mp.exp(-(h * h + k * k - 2 * h * k * mp.cos(t)) / (2 * mp.sin(t) ** 2))  # noqa: B023, E731
            value = mp.ncdf(h) * mp.ncdf(k) + mp.quad(f, mp.linspace(stop, start, 9)) / (2 * mp.pi)
            ball = oracle.reference(h, k, c, d)
            assert abs(mp.mpf(ball.mid().str(35, radius=False)) / value - 1) < mp.mpf(10) ** -27


@pytest.mark.parametrize("region", REGIONS)
def test_error_is_within_the_documented_bound(region):
    points = REGIONS[region]
    values = _bivariate(*points)
    for value, point in zip(values, zip(*points, strict=True), strict=True):
        exact = oracle.reference(*map(float, point))
        if exact is None or float(exact.mid()) < 1e-300:
            assert 0 <= value < 1.0001e-300, point
        else:
            bound = _BIVARIATE_ERROR * (1 - np.log(value))
            assert oracle.relative_error(value, exact) <= bound, point
            if point[3] > 0:
                assert oracle.relative_error(_one_exp_bivariate(0.0, *map(float, point)), exact) <= bound, point


def test_scaled_form_where_neither_factor_is_a_float64():
    rng = np.random.default_rng(5)
    for h, k, angle in [(-60, -50, 1.0), (-300, -301, 2.0), (-200, 150, 2.5), (-310, 305, 3.141), (50, -40, 3.1)]:
        h, k = h + rng.uniform(), k + rng.uniform()
        c, d = float(np.cos(angle)), float(np.sin(angle))
        exact = oracle.reference(h, k, c, d, least=-np.inf)
        log_factor = float((-exact.log()).mid()) + 3
        exact = exact * oracle.arb(log_factor).exp()
        value = float(_exp_bivariate(log_factor, h, k, c, d))
        assert abs(log_factor) > 700
        assert oracle.relative_error(value, exact) <= _BIVARIATE_ERROR * (1 + 2 * abs(log_factor))


def test_the_result_alone_decides_overflow_and_underflow():
    # exp(750) is not a float64; the wedge of angle 1e-30 is small enough for the product.
    angle = 1e-30
    value = _exp_bivariate(750.0, 0.0, 0.0, -np.cos(angle), angle)
    assert value == pytest.approx(float(mp.exp(750) * angle / (2 * mp.pi)), rel=1e-12)
    assert _exp_bivariate(800.0, 1.0, 1.0, 0.0, 1.0) == np.inf
    assert _exp_bivariate(800.0, -1.0, 0.5, 1.0, 1.0) == np.inf
    assert _exp_bivariate(-800.0, 1.0, 1.0, 0.0, 1.0) == 0.0


def test_quadrant_at_the_origin():
    """Half of what is documented: each BLAS kernel sums the rule's positive terms in an order of its own."""
    angle = np.concatenate([np.linspace(0, np.pi, 101), 10.0 ** -np.arange(1, 300, 7)])
    c, d = -np.cos(angle), np.abs(np.sin(angle))
    np.testing.assert_allclose(_bivariate(0.0, 0.0, c, d), np.arctan2(d, -c) / (2 * np.pi), rtol=1e-15, atol=0)


def test_exchange_is_exact():
    h, k, c, d = draw(3000)
    np.testing.assert_array_equal(_bivariate(h, k, c, d), _bivariate(k, h, c, d))


def test_scale_of_the_correlation_pair_is_immaterial():
    h, k, c, d = draw(1000)
    np.testing.assert_array_equal(_bivariate(h, k, c, d), _bivariate(h, k, 2.0**300 * c, 2.0**300 * d))


def test_reflection():
    h, k, c, d = draw(3000, 4.0)
    total = _bivariate(h, k, c, d) + _bivariate(h, -k, -c, d)
    np.testing.assert_allclose(total, special.ndtr(h), rtol=1e-13, atol=0)


def test_inclusion_and_exclusion():
    h, k, c, d = draw(3000)
    total = special.ndtr(h) - special.ndtr(-k) + _bivariate(-h, -k, c, d)
    np.testing.assert_allclose(_bivariate(h, k, c, d), total, rtol=0, atol=5e-16)


def test_derivative_in_the_first_limit():
    h, k, c, d = draw(500)
    # Gauss-Legendre over [h, h + 1/4] of phi(x) Phi((k - rho x)/s) is the increment.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    keep = d > 0.2
    h, k, c, d = h[keep], k[keep], c[keep], d[keep]
    x = h + (1 + nodes[:, None]) / 8
    slope = np.exp(-x * x / 2) / np.sqrt(2 * np.pi) * special.ndtr((k - c * x) / d)
    increment = _bivariate(h + 0.25, k, c, d) - _bivariate(h, k, c, d)
    np.testing.assert_allclose(increment, weights @ slope / 8, rtol=1e-12, atol=4e-16)


def test_monotone_in_each_limit_and_in_the_correlation():
    _, k, c, d = (x[:, None] for x in draw(60))
    grid = np.linspace(-12, 12, 400)
    angle = np.linspace(0, np.pi, 400)
    for values in (
        _bivariate(grid, k, c, d),
        _bivariate(k, grid, c, d),
        _bivariate(k, -1.0, -np.cos(angle), np.sin(angle)),
    ):
        assert np.all(np.diff(values, axis=1) >= -2e-13 * values[:, 1:])
        assert np.all((values >= 0) & (values <= 1 + 4e-16))


def test_infinite_limits():
    inf, h = np.inf, np.array([-30.0, -1.0, 0.0, 2.0])
    for c, d in [(0.3, 0.4), (-0.3, 0.4), (1.0, 0.0), (-1.0, 0.0), (0.0, 0.0), (1.0, 1e-200), (-1.0, 1e-200)]:
        np.testing.assert_allclose(_bivariate(h, inf, c, d), special.ndtr(h), rtol=2e-13)
        np.testing.assert_allclose(_bivariate(inf, h, c, d), special.ndtr(h), rtol=2e-13)
        assert np.all(_bivariate(h, -inf, c, d) == 0) and np.all(_bivariate(-inf, h, c, d) == 0)
        assert _bivariate(inf, inf, c, d) == 1
        assert _bivariate(-inf, inf, c, d) == _bivariate(inf, -inf, c, d) == _bivariate(-inf, -inf, c, d) == 0


def test_full_correlation():
    h, k, *_ = draw(2000, 5.0)
    k[:200] = h[:200]
    k[200:400] = -h[200:400]
    np.testing.assert_allclose(_bivariate(h, k, 3.0, 0.0), special.ndtr(np.minimum(h, k)), rtol=1e-13)
    h, k = h[::10], k[::10]
    with mp.workdps(40):
        strip = [float(mp.ncdf(p) - mp.ncdf(-q)) if p + q > 0 else 0.0 for p, q in zip(h, k, strict=True)]
    np.testing.assert_allclose(_bivariate(h, k, -3.0, 0.0), strip, rtol=1e-13)


def test_a_vanishing_variance_counts_as_no_correlation():
    h, k, *_ = draw(500)
    np.testing.assert_allclose(_bivariate(h, k, 0.0, 0.0), special.ndtr(h) * special.ndtr(k), rtol=5e-14)


def test_nan_stays_at_its_entry():
    arguments = [np.zeros(4000), *draw(4000)]
    clean = _exp_bivariate(*arguments)
    for i in range(5):
        spoilt = [x.copy() for x in arguments]
        spoilt[i][::7] = np.nan
        values = _exp_bivariate(*spoilt)
        assert np.array_equal(np.isnan(values), np.arange(4000) % 7 == 0)
        np.testing.assert_allclose(values[~np.isnan(values)], clean[~np.isnan(values)], rtol=1e-14)


def test_sign_of_the_second_of_the_pair():
    assert np.isnan(_bivariate(0.5, -0.5, 0.5, -1e-300))
    for c in (-1.0, 0.0, 1.0):
        assert _bivariate(-0.5, 0.75, c, -0.0) == _bivariate(-0.5, 0.75, c, 0.0)


def test_shapes():
    assert _bivariate(np.empty((0, 3)), 1.0, 0.5, 0.5).shape == (0, 3)
    assert np.shape(_bivariate(0.0, 1.0, 0.5, 0.5)) == ()
    assert _bivariate(np.zeros((4, 1)), np.zeros(5), 0.5, 0.5).shape == (4, 5)
    assert _bivariate(np.zeros((4, 1), dtype=np.float32), 1, 0.5, 0.5).dtype == np.float64
    h, k, c, d = draw(9000)
    one_by_one = [float(_bivariate(h[i], k[i], c[i], d[i])) for i in range(0, 9000, 300)]
    np.testing.assert_allclose(_bivariate(h, k, c, d)[::300], one_by_one, rtol=1e-14)
    grid = [x.reshape(90, 100).T for x in (h, k, c, d)]
    np.testing.assert_allclose(_bivariate(*grid).T.ravel(), _bivariate(h, k, c, d), rtol=1e-14)


def test_normal_cdf():
    rng = np.random.default_rng(7)
    with mp.workdps(40):
        for h in rng.uniform(-300, 8, 60):
            exact = mp.erfc(-mp.mpf(h) / mp.sqrt(2)) / 2
            factor = -float(mp.log(exact))
            value = float(_exp_normal_cdf(factor, h))
            assert abs(value / (mp.exp(factor) * exact) - 1) <= _BIVARIATE_ERROR * (1 + 2 * factor)
    np.testing.assert_array_equal(_exp_normal_cdf([0.0, 0.0, 800.0], [-np.inf, np.inf, -np.inf]), [0.0, 1.0, 0.0])
    assert np.isnan(_exp_normal_cdf(np.nan, 1.0))


def test_source_runs_by_itself():
    source = inspect.getsource(module).split("import scipy.special as special")[1]
    names: dict[str, object] = {"np": np, "special": special}
    exec(source, names)
    assert names["_bivariate"](-1.0, 0.5, 0.5, 0.5) == _bivariate(-1.0, 0.5, 0.5, 0.5)  # type: ignore[operator]
