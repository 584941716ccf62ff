"""Every place that matters is within the windows: dead zones, far tails, narrow features; waves; edges of blocks."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy.special import erf, ndtr

from symntk.emit.runtime.edges import _block_edges
from symntk.emit.runtime.ladder import _LEGENDRE, _leaves
from symntk.emit.runtime.panels import _panel_expectation, _panel_mean
from symntk.emit.runtime.windows import _plane_windows
from tests.emit.edges import edges_of

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def entry(a, b, rho, m1=0.0, m2=0.0):
    root = np.sqrt(a * b)
    gap = np.sqrt((1.0 - rho) * (1.0 + rho))
    return [np.array([float(x)]) for x in (a, b, rho * root, gap * root, m1, m2)]


def dead_zone(x):
    return np.where(x > 0.5, np.tanh(x - 0.5), np.where(x < -0.5, np.tanh(x + 0.5), 0.0))


DEAD_KNOTS = [(-0.5, 0.0), (0.5, 0.0)]
DEAD_EDGES = edges_of("Piecewise((tanh(x-1/2), x > 1/2), (tanh(x+1/2), x < -1/2), (0, True))")


def dead(*law):
    shapes = (0.0,), (0.0,), DEAD_EDGES, DEAD_EDGES
    return _panel_expectation(dead_zone, dead_zone, DEAD_KNOTS, DEAD_KNOTS, *law, *shapes)[0]


def test_both_sides_of_a_dead_zone_count():
    # symntk 0.1.0 kept one of two equal maxima
    a, b, c = 0.002, 0.002, 0.0019
    law = [np.array([x]) for x in (a, b, c, np.sqrt(a * b - c * c), 0.0, 0.0)]
    assert dead(*law) == pytest.approx(1.8141e-34, rel=1e-4, abs=0.0)
    assert dead(*entry(a, b, -0.95)) == pytest.approx(-1.8141e-34, rel=1e-4, abs=0.0)


@pytest.mark.parametrize(("a", "b"), [(0.001237, 0.001239), (0.02, 0.0008), (1e-3, 1e3)])
def test_a_dead_zone_at_full_correlation(a, b):
    found = dead(*entry(a, b, 1.0))
    with mp.workdps(30):
        s, t = mp.sqrt(mp.mpf(a)), mp.sqrt(mp.mpf(b))
        start = mp.mpf(0.5) / min(s, t)
        cuts = [start + k for k in (0, 0.02, 0.1, 0.3, 0.7, 1.5, 3, 8, 20)]

        def integrand(z):
            # over the value that is to be confirmed, since quad's tolerance is absolute
            return mp.tanh(s * z - 0.5) * mp.tanh(t * z - 0.5) * mp.npdf(z) / found

        assert abs(2 * mp.quad(integrand, cuts) - 1) < 1e-11
    assert dead(*entry(a, b, -1.0)) == pytest.approx(-found, rel=1e-14, abs=0.0)


# E[relu(u)³ relu(v)³] in tails, of one sign: relative to the value, which is far below √(E f² E g²)
CUBED = [
    ((4.0, 9.0, -5.5 / 6.0), (-6.0, 8.0)),
    ((1.0, 1.0, 0.0), (-10.0, -10.0)),
    ((1.0, 1.0, -0.5), (-20.0, 15.0)),
    ((1.0, 1.0, 0.9), (-30.0, -25.0)),
    ((1.0, 1.0, -0.95), (-6.0, 8.0)),
    ((1e-4, 25.0, 0.3), (-0.2, -40.0)),
]


def cubed_mean(mean, scale):
    """E[relu(Y)³]."""
    w = mean / scale
    return scale**3 * ((w**3 + 3 * w) * mp.ncdf(w) + (w * w + 2) * mp.npdf(w))


@pytest.mark.parametrize(("law", "means"), CUBED)
def test_integrands_of_one_sign_are_relative(law, means):
    (a, b, rho), (m1, m2) = law, means
    knots = [(0.0, 0.0)]

    def cubed(x):
        return np.maximum(x, 0.0) ** 3

    found = _panel_expectation(cubed, cubed, knots, knots, *entry(a, b, rho, m1, m2))[0]
    with mp.workdps(40):
        root, other = mp.sqrt(mp.mpf(a)), mp.sqrt(mp.mpf(b))
        gap = mp.sqrt(1 - mp.mpf(rho) ** 2)
        start = -mp.mpf(m1) / root
        cuts = [start + k for k in (0, 0.03, 0.1, 0.3, 0.6, 1, 1.5, 2, 3, 4, 6, 9, 13, 18, 25)]

        def integrand(z):
            # over the value that is to be confirmed, since quad's tolerance is absolute
            return (m1 + root * z) ** 3 * mp.npdf(z) * cubed_mean(m2 + rho * other * z, gap * other) / found

        assert abs(mp.quad(integrand, cuts) - 1) < 1e-11


def test_a_step_far_out_is_relative():
    a = np.ones(3)
    place = np.array([5.0, 20.0, 36.0])
    for t in place:

        def step(x, t=t):
            return np.where(x > t, 1.0, 0.0)

        mean = _panel_mean(step, [(t, 0.0)], 0.0 * a, a)[0]
        assert mean == pytest.approx(ndtr(-t), rel=1e-12, abs=0.0)
        if t < 25.0:
            both = _panel_expectation(step, step, [(t, 0.0)], [(t, 0.0)], *entry(1.0, 1.0, 0.0))[0]
            assert both == pytest.approx(ndtr(-t) ** 2, rel=1e-11, abs=0.0)


def test_any_number_of_maxima():
    # bumps at 3, −7 and 12, of heights that make them equal at variance 1, narrow and wide
    places, widths = np.array([3.0, -7.0, 12.0]), np.array([1e-3, 0.3, 1e-5])
    heights = np.exp(0.5 * places**2)

    def bumps(x):
        return sum(h * np.where(np.abs(x - p) < w, 1.0, 0.0) for h, p, w in zip(heights, places, widths, strict=True))

    edges = sorted([*(places - widths), *(places + widths)])
    knots = [(x, 0.0) for x in edges]
    variance = np.array([1.0, 0.7, 2.0])
    found = _panel_mean(bumps, knots, np.zeros(3), variance)
    root = np.sqrt(variance)[:, None]
    truth = np.sum(heights * (ndtr((-abs(places) + widths) / root) - ndtr((-abs(places) - widths) / root)), axis=1)
    np.testing.assert_allclose(found, truth, rtol=3e-11)  # what the difference of ndtr keeps
    law = entry(1.0, 1.0, 1.0)
    square = _panel_expectation(bumps, bumps, knots, knots, *law)[0]
    truth = np.sum(heights**2 * 2.0 * widths * np.exp(-0.5 * places**2)) / np.sqrt(2.0 * np.pi)
    assert square == pytest.approx(truth, rel=0.2)


@pytest.mark.parametrize("speed", [0.3, 3.0, 30.0, 100.0])
def test_waves_against_steps(speed):
    wave, step = [(-1j * speed)], [(0.2, 0.0)]

    def f(x):
        return np.sin(speed * x)

    def g(x):
        return np.where(x > 0.2, 1.0, 0.0)

    for rho in (1.0, -1.0, 0.999, 0.5):
        found = _panel_expectation(f, g, [], step, *entry(1.0, 1.0, rho), wave, ())[0]
        with mp.workdps(30):
            # conditional on v: E[sin(ωu) | v] = sin(ωρv) e^{−ω²(1−ρ²)/2}
            damped = mp.exp(-(mp.mpf(speed) ** 2) * (1 - mp.mpf(rho) ** 2) / 2)
            cuts = np.linspace(0.2, 9.0, 20 + int(speed) * 4)
            total = mp.mpf(0)
            for low, high in zip(cuts[:-1], cuts[1:], strict=True):
                z = low + (high - low) * (0.5 + 0.5 * NODES)
                part = np.sum(0.5 * (high - low) * WEIGHTS * np.sin(speed * rho * z) * np.exp(-z * z / 2))
                total += mp.mpf(float(part))
            truth = float(damped * total / mp.sqrt(2 * mp.pi))
        assert found == pytest.approx(truth, abs=3e-14)


def test_waves_that_are_too_fast_are_not_answered():
    law = entry(1e4, 1.0, 0.3)
    found = _panel_expectation(lambda x: np.sin(3.0 * x), np.tanh, [], [(0.0, 1.0)], *law, [3j], ())
    assert np.isnan(found[0])
    assert np.isnan(_panel_mean(lambda x: np.sin(3.0 * x), [], np.zeros(1), np.array([1e4]), [3j])[0])


BLOCKS = {
    "soft step": (ndtr, [(0.0, 1.0)], []),
    "gauss": (lambda x: np.exp(-0.5 * x * x), [(0.0, 1.0)], []),
    "steep and slow": (lambda x: erf(50.0 * x) * erf(x / 3.0), [(0.0, 0.02 / 2**0.5), (0.0, 3 / 2**0.5)], []),
    "exponential": (np.exp, [], [1.0]),
    "wave": (lambda x: np.cos(7.0 * x) * np.exp(x / 2.0), [], [0.5 + 7j]),
    "gauss, power and wave": (lambda x: x**3 * np.sin(2.0 * x) * np.exp(-8.0 * x * x), [(0.0, 0.25)], [2j]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_between_the_edges_of_blocks_is_a_polynomial(name):
    function, knots, rates = BLOCKS[name]
    points, values = _leaves(function, _block_edges(knots, rates, np.zeros(1), np.array([3.0])))
    left, right = points[:-1], points[1:]
    inside = np.array([-0.97, -0.4, 0.1, 0.55, 0.999])
    x = left[:, None] + 0.5 * (right - left)[:, None] * (1.0 + inside)
    project = np.polynomial.legendre.legvander(_LEGENDRE[0], 23) * _LEGENDRE[1][:, None] * (np.arange(24) + 0.5)
    follow = values @ project @ np.polynomial.legendre.legvander(inside, 23).T
    size = np.max(np.abs(values), axis=1, keepdims=True)
    assert np.all(np.abs(function(x) - follow) <= 1e-12 * size + 1e-70)


def test_windows_leave_out_nothing():
    """The bound of the docstring, by brute force on a grid of both variables."""
    random = np.random.default_rng(5)
    z = np.linspace(-14.0, 14.0, 561)
    for _ in range(6):
        centres, slopes = random.normal(scale=3.0, size=2), random.uniform(0.3, 6.0, 2)
        functions = [
            lambda x, c=c, k=k: np.exp(-np.square(k * (x - c))) + 1e-4 * np.abs(x)
            for c, k in zip(centres, slopes, strict=True)
        ]
        knots = [[(0.0, 0.0), (c, 1.0 / (k * 2**0.5))] for c, k in zip(centres, slopes, strict=True)]
        rho = random.uniform(-1.0, 1.0)
        one, zero = np.ones(1), np.zeros(1)
        leaves = tuple(_leaves(f, _block_edges(k, [], zero, one)) for f, k in zip(functions, knots, strict=True))
        gap = np.sqrt(1.0 - rho * rho)
        deviations = zero, one, zero, one, rho * one, gap * one
        low, high, v_low, v_high = (x[0] for x in _plane_windows(tuple(functions), leaves, deviations, None)[:4])
        u, v = z[:, None], rho * z[:, None] + gap * z
        share = functions[0](u) * functions[1](v) * np.exp(-0.5 * (z[:, None] ** 2 + z**2))
        outside = (u < low) | (u > high) | (v < v_low) | (v > v_high)
        norms = [np.sqrt(np.sum(f(z) ** 2 * np.exp(-0.5 * z * z)) * np.sqrt(2.0 * np.pi) * 0.05) for f in functions]
        assert np.sum(share[outside]) * 0.05**2 <= 1e-13 * norms[0] * norms[1]


def test_where_a_function_is_not_known_there_is_no_answer():
    # it is 0 at the only point of the grid at which it is known
    def f(x):
        return np.where(np.abs(x) <= 45.0, x * np.exp(-x * x), np.nan)

    edges = [-45.0, *np.linspace(-6.0, 6.0, 13), 45.0]
    for variance, known in ((9.0, True), (1e4, False)):
        law = entry(variance, variance, 0.999)
        assert np.isfinite(_panel_expectation(f, f, [], [], *law, (), (), edges, edges)[0]) == known


def test_no_law_has_no_edges():
    assert _block_edges([(0.0, 1.0)], [1.0], np.zeros(0), np.zeros(0)).size == 0
