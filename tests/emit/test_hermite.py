"""The Hermite series and its certificate against closed laws and against brute-force sums over the plane."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf, gammaln, ndtr

import symntk
from symntk.emit.runtime import hermite
from symntk.emit.runtime.hermite import _hermite_coefficients
from symntk.emit.runtime.hermite_series import _SERIES_ROWS_APART, _series_expectation, _series_table
from symntk.emit.runtime.hermite_sum import _series_level

TANH_EDGES = (-20.0, -8.0, -4.0, -2.0, -0.8, 0.0, 0.8, 2.0, 4.0, 8.0, 20.0)
SHARP_EDGES = tuple(
    float(x) for x in np.concatenate([-(10.0 ** np.arange(4, -4.1, -0.25)), [0], 10.0 ** np.arange(-4, 4.1, 0.25)])
)
TOL = 1e-10


def shape(edges):
    return (), (), (), edges


def spike(x):
    return 1.0 / (1.0 + 100.0 * np.abs(x)) ** 2


def relu(x):
    return np.maximum(x, 0.0)


def series(f, g, edges, a, b, rho, m1=0.0, m2=0.0, tol=TOL, same=False):
    a, b, rho, m1, m2 = (np.asarray(x, dtype=float) for x in (a, b, rho, m1, m2))
    return _series_expectation(
        f, g, shape(edges), shape(edges), a, b, rho * np.sqrt(a) * np.sqrt(b), m1, m2, tol, same, np.inf
    )


def scale(f, a, m=0.0):
    """√E f², from the sum over the plane."""
    if m == 0.0:
        return np.sqrt(quadrants(lambda x: f(x) ** 2, np.ones_like, a, a, 0.0))
    return np.sqrt(plane(lambda x: f(x) ** 2, np.ones_like, a, a, 0.0, m, m))


def quadrants(f, g, a, b, rho):
    """E[f(u) g(v)] with means 0 and kinks at 0 only: the trapezoidal rule in log |u| and log |v|."""
    step = 0.05
    t = np.arange(-38.0, np.log(40.0), step)
    x = np.exp(t)
    total = 0.0
    for sign in (1.0, -1.0):
        form = (x[:, None] ** 2 - 2.0 * sign * rho * x[:, None] * x + x**2) / (2.0 * (1.0 - rho**2))
        density = np.exp(-form) * (step**2 / (2.0 * np.pi * np.sqrt(1.0 - rho**2)))
        for side in (1.0, -1.0):
            total += (x * f(side * np.sqrt(a) * x)) @ density @ (x * g(side * sign * np.sqrt(b) * x))
    return total


def plane(f, g, a, b, rho, m1, m2):
    """E[f(u) g(v)] of functions that are analytic next to the line: the trapezoidal rule in two independent normals."""
    step = 0.02 if max(a, b) > 10 else 0.1
    z = np.arange(-11.0, 11.0 + step / 2, step)
    weight = np.exp(-0.5 * z * z) * (step / np.sqrt(2.0 * np.pi))
    inner = g(m2 + np.sqrt(b) * (rho * z[:, None] + np.sqrt(1.0 - rho**2) * z)) @ weight
    return np.sum(weight * f(m1 + np.sqrt(a) * z) * inner)


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 1.0), (0.7, 3.0), (1.0, 20.0), (-300.0, 1e-4)])
def test_coefficients_of_an_exponential(mean, variance):
    k, s = np.arange(128), 0.8 * np.sqrt(variance)
    exact = np.exp(0.5 * s * s + k * np.log(s) - 0.5 * gammaln(k + 1.0))
    found, second, loss = _hermite_coefficients(
        lambda x: np.exp(0.8 * (x - mean)), shape(()), np.array([mean]), np.array([variance]), 128
    )
    assert second[0] == pytest.approx(np.exp(2.0 * s * s), rel=1e-12)
    assert np.linalg.norm(found[0] - exact) <= max(loss[0], 1e-15 * abs(mean)) * np.sqrt(second[0])
    assert loss[0] < 2e-12


@pytest.mark.parametrize("place", [0.3, -4.0, 6.0, 9.0, 15.0, 25.0])
def test_coefficients_of_a_step_wherever_it_is(place):
    # E[1(z > t) h_k] = φ(t) h_{k−1}(t)/√k; relative to its own norm, which is 1e-69 at t = 25
    hermite, exact = [1.0, place], np.empty(200)
    for k in range(1, 200):
        hermite.append((place * hermite[-1] - np.sqrt(k) * hermite[-2]) / np.sqrt(k + 1.0))
    exact[1:] = np.exp(-0.5 * place**2) / np.sqrt(2.0 * np.pi) * np.array(hermite[:199]) / np.sqrt(np.arange(1, 200))
    found, second, loss = _hermite_coefficients(
        lambda x: (x > place) * 1.0, shape((place,)), np.zeros(1), np.ones(1), 200
    )
    assert np.linalg.norm(found[0, 1:] - exact[1:]) <= loss[0] * np.sqrt(second[0])
    assert found[0, 0] == pytest.approx(second[0], rel=1e-12)
    assert loss[0] < 2e-12


def test_a_kink_that_no_edge_names_is_seen_in_the_loss():
    args = np.array([0.0]), np.array([1.0]), 64
    exact, second, _ = _hermite_coefficients(lambda x: np.abs(x - 0.37), shape((0.37,)), *args)
    found, _, loss = _hermite_coefficients(lambda x: np.abs(x - 0.37), shape(()), *args)
    error = np.linalg.norm(found - exact) / np.sqrt(second[0])
    assert 1e-12 < error <= loss[0]


@pytest.mark.parametrize("variance", [1e-4, 0.03, 1.0, 40.0, 1e4])
@pytest.mark.parametrize("same", [False, True])
def test_arcsine_law_of_erf_over_a_gram_matrix(variance, same):
    rng = np.random.default_rng(5)
    a, b = variance * rng.uniform(0.5, 2.0, (70, 1)), variance * rng.uniform(0.5, 2.0, (1, 90))
    rho = rng.uniform(-0.97, 0.97, (70, 90))
    value, good, bound = series(erf, erf, TANH_EDGES, a, b, rho, same=same)
    exact = 2.0 / np.pi * np.arcsin(2.0 * rho * np.sqrt(a * b) / np.sqrt((1.0 + 2.0 * a) * (1.0 + 2.0 * b)))
    norm = 2.0 / np.pi * np.sqrt(np.arcsin(2.0 * a / (1.0 + 2.0 * a)) * np.arcsin(2.0 * b / (1.0 + 2.0 * b)))
    assert np.all(good)
    assert np.all(np.abs(value - exact) <= bound)
    assert np.all(bound <= TOL * norm * (1.0 + 1e-9))


def test_arcsine_law_of_sign_and_its_limits():
    rho = np.concatenate([np.linspace(-0.975, 0.975, 301), [0.9999, -1.0]])
    value, good, bound = series(np.sign, np.sign, (0.0,), 1.0, 7.0, rho)
    error = np.abs(value - 2.0 / np.pi * np.arcsin(rho))
    assert np.all(good[:-2]) and not np.any(good[-2:])
    assert np.all(error[good] <= bound[good]) and np.all(bound[good] <= TOL)
    assert np.all(error[-2:] <= bound[-2:]) or np.all(np.isnan(value[-2:]))


@pytest.mark.parametrize("means", [(0.0, 0.0), (1.5, -0.7)])
def test_polynomials_are_exact_at_every_correlation(means):
    m1, m2 = means
    a, b = 2.0, 0.3
    rho = np.array([-1.0, -0.999999, -0.3, 0.0, 0.5, 1.0 - 1e-15, 1.0, 1.0 + 1e-15])
    c = np.clip(rho, -1.0, 1.0) * np.sqrt(a * b)
    value, good, bound = series(lambda x: x**2, lambda x: x**3 - x, (), a, b, rho, m1, m2)
    # u² and v³ − v in the variables' own moments
    exact = (m1**2 + a) * (m2**3 + 3 * m2 * b - m2) + 2 * m1 * c * (3 * m2**2 + 3 * b - 1) + 6 * m2 * c**2
    assert np.all(good)
    np.testing.assert_allclose(value, exact, rtol=0, atol=1e-12)
    assert np.all(np.abs(value - exact) <= bound)


@pytest.mark.parametrize(("a", "b", "m1", "m2"), [(1.0, 1.0, 0.0, 0.0), (0.5, 2.0, 1.0, -2.0), (100.0, 60.0, 3.0, 5.0)])
def test_tanh_against_the_plane(a, b, m1, m2):
    rho = np.array([-0.95, -0.4, 0.0, 0.7, 0.9, 0.97])
    value, good, bound = series(np.tanh, np.tanh, TANH_EDGES, a, b, rho, m1, m2)
    exact = np.array([plane(np.tanh, np.tanh, a, b, r, m1, m2) for r in rho])
    norm = scale(np.tanh, a, m1) * scale(np.tanh, b, m2)
    assert np.all(good)
    assert np.all(np.abs(value - exact) <= bound + 1e-14)
    assert np.all(bound <= TOL * norm * (1 + 1e-9))


@pytest.mark.parametrize(("m1", "m2"), [(0.4, -1.1), (-3.0, 2.0), (6.5, -7.0)])
def test_kinks_away_from_the_means_against_a_conditional_mean(m1, m2):
    # E[1(u > 0) max(0, v)]: the mean of max(0, v) given u is closed, and u > 0 cuts a Gauss–Legendre rule
    a, b, rho = 0.7, 2.0, np.array([-0.9, -0.2, 0.5, 0.95])
    low = np.maximum(-m1 / np.sqrt(a), -12.0)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    z, weights = low + (nodes + 1.0) * (0.5 * (15.0 - low)), weights * (0.5 * (15.0 - low))
    mu, s = m2 + np.sqrt(b) * rho[:, None] * z, np.sqrt(b * (1.0 - rho[:, None] ** 2))
    inner = mu * ndtr(mu / s) + s * np.exp(-0.5 * (mu / s) ** 2) / np.sqrt(2.0 * np.pi)
    exact = inner @ (weights * np.exp(-0.5 * z * z)) / np.sqrt(2.0 * np.pi)
    value, good, bound = series(lambda x: (x > 0) * 1.0, relu, (0.0,), a, b, rho, m1, m2)
    assert np.all(good)
    assert np.all(np.abs(value - exact) <= bound + 1e-14 * np.sqrt(m2**2 + b))


variances = st.floats(-4.0, 4.0).map(lambda x: 10.0**x)
FUNCTIONS = {"spike": spike, "sign": np.sign, "relu": relu, "abs": np.abs, "step": lambda x: (x > 0) * 1.0}


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(sorted(FUNCTIONS)), st.sampled_from(sorted(FUNCTIONS)), variances, variances, st.floats(-0.92, 0.92)
)
def test_the_bound_holds_and_is_small_whatever_the_sharpness(first, second, a, b, rho):
    f, g = FUNCTIONS[first], FUNCTIONS[second]
    value, good, bound = series(f, g, SHARP_EDGES, [a], [b], [rho], tol=TOL)
    exact, norm = quadrants(f, g, a, b, rho), scale(f, a) * scale(g, b)
    assert not good[0] or bound[0] <= TOL * norm * (1 + 1e-9)
    assert np.abs(value[0] - exact) <= bound[0] + 1e-13 * norm or np.isnan(value[0])


def test_sharp_spikes_are_all_reached_up_to_a_correlation_of_92_percent():
    a = np.logspace(-4, 4, 60)[:, None]
    rho = np.random.default_rng(2).uniform(-0.92, 0.92, (60, 60))
    value, good, bound = series(spike, spike, SHARP_EDGES, a, a.T, rho, same=True)
    assert np.all(good)
    for i, j in [(0, 0), (0, 59), (30, 31), (59, 59)]:
        exact = quadrants(spike, spike, a[i, 0], a[j, 0], rho[i, j])
        assert abs(value[i, j] - exact) <= bound[i, j] + 1e-13 * scale(spike, a[i, 0]) * scale(spike, a[j, 0])


def test_exchange_of_the_arguments():
    rng = np.random.default_rng(3)
    a, b, rho, m1, m2 = rng.uniform(0.1, 3.0, (5, 1, 40))[:, 0]
    rho = 0.6 * rho - 0.9
    one = series(np.tanh, relu, TANH_EDGES, a, b, rho, m1, m2)
    other = series(relu, np.tanh, TANH_EDGES, b, a, rho, m2, m1)
    assert np.all(one[1]) and np.all(other[1])
    np.testing.assert_allclose(one[0], other[0], rtol=0, atol=1e-14)


def test_layouts_agree():
    rng = np.random.default_rng(4)
    a, b = rng.uniform(0.5, 2.0, (20, 1)), rng.uniform(0.5, 2.0, (1, 30))
    m1, rho = rng.normal(size=(20, 1)), rng.uniform(-0.97, 0.97, (20, 30))
    expected, good, _ = series(np.tanh, relu, TANH_EDGES, a, b, rho, m1, 0.3)
    assert np.all(good)
    full = [np.broadcast_to(x, (20, 30)) for x in (a, b, rho, m1)]
    copies = [np.array(x) for x in full]
    for arrays in (full, copies, [x.reshape(4, 5, 30) for x in copies], [x.ravel() for x in copies]):
        found, good, _ = series(np.tanh, relu, TANH_EDGES, *arrays, 0.3)
        assert np.all(good)
        np.testing.assert_allclose(found.reshape(20, 30), expected, rtol=0, atol=2e-10)
    for left, right in ((a[3, 0], b[0]), (a[:, 0], b[0, 4])):
        place = (3, slice(None)) if right.ndim else (slice(None), 4)
        found, good, _ = series(np.tanh, relu, TANH_EDGES, left, right, rho[place], np.array(m1[:, 0])[place[0]], 0.3)
        assert np.all(good)
        np.testing.assert_allclose(found, expected[place], rtol=0, atol=2e-10)


def test_more_gaussians_than_fit_are_treated_in_chunks():
    rng = np.random.default_rng(6)
    count = _SERIES_ROWS_APART + 100
    a, b, rho = rng.uniform(0.5, 2.0, count), rng.uniform(0.5, 2.0, count), rng.uniform(-0.5, 0.5, count)
    value, good, _ = series(erf, erf, TANH_EDGES, a, b, rho)
    assert np.all(good)
    exact = 2.0 / np.pi * np.arcsin(2.0 * rho * np.sqrt(a * b) / np.sqrt((1.0 + 2.0 * a) * (1.0 + 2.0 * b)))
    np.testing.assert_allclose(value, exact, rtol=0, atol=1e-10)


def test_a_variable_with_itself_is_the_second_moment_however_sharp():
    a = np.array([0.5, 1.0, 3.0])[:, None]
    rho = np.array([[1.0, 0.2, 0.1], [0.2, 1.0, 0.3], [0.1, 0.3, 1.0]])
    value, good, _ = _series_expectation(
        np.sign,
        np.sign,
        shape((0.0,)),
        shape((0.0,)),
        a,
        a.T,
        np.where(rho == 1.0, a, rho * np.sqrt(a * a.T)),
        0,
        0,
        TOL,
        True,
    )
    assert np.all(good)
    np.testing.assert_allclose(value, np.where(rho == 1.0, 1.0, 2.0 / np.pi * np.arcsin(rho)), rtol=0, atol=1e-10)


def test_what_is_not_a_gaussian_spoils_its_own_entries_only():
    a = np.array([1.0, np.nan, 2.0, 0.0, np.inf, -1.0])[:, None]
    m1 = np.array([0.0, 0.0, np.nan, 0.0, 0.0, 0.0])[:, None]
    rho = np.array([[0.3, np.nan]])
    with np.errstate(invalid="ignore"):
        value, good, bound = series(np.tanh, np.tanh, TANH_EDGES, a, 1.0, rho, m1, 0.0)
    assert good.tolist() == [[True, False]] + [[False, False]] * 5
    assert np.all(np.isnan(value[~good])) and np.all(np.isinf(bound[~good]))
    assert value[0, 0] == pytest.approx(plane(np.tanh, np.tanh, 1.0, 1.0, 0.3, 0.0, 0.0), abs=1e-10)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0,), ()])
def test_any_number_of_entries(size):
    value, good, bound = series(np.tanh, np.tanh, TANH_EDGES, np.ones(size), np.ones(size), np.full(size, 0.3))
    assert value.shape == good.shape == bound.shape == size and np.all(good)


def test_what_overflows_is_not_good():
    _, good, _ = series(lambda x: np.exp(np.square(x)), np.tanh, (), [1.0, 0.1], 1.0, 0.3)
    assert good.tolist() == [False, True]


def test_smaller_tolerances_ask_for_more_terms_and_are_met():
    table = _series_table(np.tanh, shape(TANH_EDGES), np.array([[0.0, 1.0], [0.5, 4.0]]), 256)
    r = np.linspace(0.0, 0.85, 50)
    levels = [_series_level(r, table[1], table[1], tol) for tol in 10.0 ** -np.arange(2.0, 13.0)]
    assert levels == sorted(levels) and levels[-1] > levels[0]
    exact = plane(np.tanh, np.tanh, 1.0, 4.0, 0.8, 0.0, 0.5)
    for tol in (1e-3, 1e-6, 1e-9, 1e-12):
        value, good, bound = series(np.tanh, np.tanh, TANH_EDGES, [1.0], [4.0], [0.8], 0.0, 0.5, tol)
        assert good[0] and abs(value[0] - exact) <= bound[0] + 1e-14 and bound[0] <= tol


def test_memory_is_the_result_and_a_few_megabytes():
    rng = np.random.default_rng(7)
    a, c = rng.uniform(0.8, 1.2, (1000, 1)), rng.uniform(-0.7, 0.7, (1000, 1000))
    arguments = np.tanh, np.tanh, shape(TANH_EDGES), shape(TANH_EDGES), a, a.T, c, np.zeros(()), np.zeros(()), TOL, True
    tracemalloc.start()
    try:
        value, good, bound = _series_expectation(*arguments)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.all(good)
    assert peak < value.nbytes + good.nbytes + bound.nbytes + 12e6


def test_more_laws_than_are_held_at_once():
    """4,500 pairs, all 9,000 variables of different laws: as one by one."""
    random, count = np.random.default_rng(3), 4500
    a, b = random.uniform(0.2, 2.0, (2, count))
    c, (m1, m2) = 0.9 * random.uniform(-1.0, 1.0, count) * np.sqrt(a * b), random.normal(size=(2, count))
    E = symntk.expectation("tanh", "tanh", means=True)
    some = slice(None, None, 900)
    assert E(a, b, c, m1, m2)[some] == pytest.approx(E(a[some], b[some], c[some], m1[some], m2[some]), abs=1e-10)


def test_tables_are_held_and_forgotten(monkeypatch):
    """The same object again, the oldest forgotten first, and never more memory than is allowed."""
    monkeypatch.setattr(hermite, "_HERMITE_TABLES", {})
    size = sum(part.nbytes for part in hermite._hermite_table(3, 0.5, 8))
    monkeypatch.setattr(hermite, "_HERMITE_HELD", 2 * size)
    first = hermite._hermite_table(3, 0.5, 8)
    assert hermite._hermite_table(3, 0.5, 8) is first
    second = hermite._hermite_table(3, 0.4, 8)
    assert hermite._hermite_table(3, 0.5, 8) is first  # now the last one used
    hermite._hermite_table(3, 0.3, 8)
    assert hermite._hermite_table(3, 0.5, 8) is first
    again = hermite._hermite_table(3, 0.4, 8)
    assert again is not second and all(np.array_equal(*pair) for pair in zip(again, second, strict=True))


def test_a_narrow_feature_outside_every_usual_window_is_seen():
    # as much of E f² lies in a spike of width 2e-3 at 12.3 as around the mean
    place, width = 12.3, 1e-3
    height = np.exp(0.25 * place**2) / np.sqrt(width)

    def f(x):
        return 1.0 + np.where(np.abs(x - place) < width, height, 0.0)

    edges = (place - width, place + width)
    found, square, loss = _hermite_coefficients(f, ((), (), (), edges), np.zeros(1), np.ones(1), 16)
    truth = 1.0 + height * (height + 2.0) * 2.0 * width * np.exp(-0.5 * place**2) / np.sqrt(2.0 * np.pi)
    assert loss[0] < 1e-12
    assert square[0] == pytest.approx(truth, rel=1e-3)
    assert found[0, 0] == pytest.approx(
        1.0 + height * 2.0 * width * np.exp(-0.5 * place**2) / np.sqrt(2.0 * np.pi), rel=1e-3
    )
