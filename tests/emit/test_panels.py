"""Quadrature between edges: against closed forms where the class has them, elsewhere against dense graded panels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf, erfcx, expit

from symntk.emit.runtime.ladder import _LEGENDRE, _ladder, _leaves, _locate
from symntk.emit.runtime.panels import _panel_expectation, _panel_mean
from tests.emit.edges import edges_of

CORRELATIONS = np.array([-1.0, -1.0 + 1e-8, -0.9, 0.0, 0.5, 0.99, 1.0 - 1e-6, 1.0])
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def sech_squared(y):
    decay = np.exp(-2.0 * np.abs(y))
    return 4.0 * decay / (1.0 + decay) ** 2


CASES = {
    "tanh": (np.tanh, []),
    "steep tanh": (lambda x: np.tanh(25.0 * x), []),
    "narrow bump": (lambda x: sech_squared(50.0 * x), []),
    "superspike": (lambda x: (1.0 + 100.0 * np.abs(x)) ** -2.0, [0.0]),
    "arctan surrogate": (lambda x: 1.0 / (1.0 + (np.pi * x) ** 2), []),
    "softplus": (lambda x: np.logaddexp(0.0, x), []),
    "mish": (lambda x: x * np.tanh(np.logaddexp(0.0, x)), []),
    "gelu_tanh": (lambda x: x * expit(1.5957691216057308 * (x + 0.044715 * x * x * x)), []),
    "softsign": (lambda x: x / (1.0 + np.abs(x)), [0.0]),
    "s2nn": (lambda x: np.where(x < 0.0, sech_squared(2.0 * x), 1.0 / (1.0 + np.abs(x))), [0.0]),
    "log tail": (lambda x: np.where(x <= 0.0, 0.0, np.where(x <= 1.0, 1.0, 1.0 / np.maximum(x, 1.0))), [0.0, 1.0]),
    "fake": (lambda x: np.where(np.abs(x) <= 4.0, 0.25, 1.0 / np.maximum(np.abs(x), 1.0)), [-4.0, 4.0]),
}
FORMULAS = {
    "tanh": "tanh(x)",
    "steep tanh": "tanh(25*x)",
    "narrow bump": "1/cosh(50*x)**2",
    "superspike": "(1 + 100*Abs(x))**(-2)",
    "arctan surrogate": "1/(1 + (pi*x)**2)",
    "softplus": "log(1 + exp(x))",
    "mish": "x*tanh(log(1 + exp(x)))",
    "gelu_tanh": "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))",
    "softsign": "x/(1 + Abs(x))",
    "s2nn": "Piecewise((1/cosh(2*x)**2, x < 0), (1/(1 + x), True))",
    "log tail": "Piecewise((0, x <= 0), (1, x <= 1), (1/x, True))",
    "fake": "Piecewise((-1/x, x < -4), (1/4, x <= 4), (1/x, True))",
}
PARTS = {name: edges_of(formula) for name, formula in FORMULAS.items()}


def law(var_u, var_v, rho):
    root = np.sqrt(var_u * var_v)
    return [np.array(x, dtype=float) for x in np.broadcast_arrays(var_u, var_v, rho * root, root * chord(rho))]


def chord(rho):
    return np.sqrt((1.0 - rho) * (1.0 + rho))


def expectation(first, second, entries, m1=None, m2=None, **given):
    (f, f_breaks), (g, g_breaks) = CASES[first], CASES[second]
    zero = np.zeros(len(entries[0]))
    knots = [(x, 0.0) for x in f_breaks], [(x, 0.0) for x in g_breaks]
    means = zero if m1 is None else m1, zero if m2 is None else m2
    edges = PARTS[first], PARTS[second]
    return _panel_expectation(f, g, *knots, *entries, *means, (0.0,), (0.0,), *edges, **given)


def moment(name, mean, variance):
    function, breaks = CASES[name]
    ends = np.unique(PARTS[name])
    edges = [*ends, *0.5 * (ends[1:] + ends[:-1])]  # a square has twice the degree
    return _panel_mean(lambda x: function(x) ** 2, [(x, 0.0) for x in breaks], mean, variance, (0.0,), edges)


def graded(places, finest, window=13.0):
    """Panels on (−window, window) that shrink geometrically towards each place: nodes and weights times the density."""
    ladder = finest * 1.6 ** np.arange(int(np.log(3.0 * window / finest) / np.log(1.6)) + 2)
    pieces = [np.arange(-window, window, 1.5)]
    for place in places:
        pieces += [[place], place + ladder, place - ladder]
    cuts = np.unique(np.clip(np.concatenate([*pieces, [window]]), -window, window))
    half, middle = 0.5 * np.diff(cuts)[:, None], 0.5 * (cuts[1:] + cuts[:-1])[:, None]
    z = (middle + half * NODES).ravel()
    return z, (half * WEIGHTS).ravel() * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)


def reference(first, second, a, b, c, d, m1=0.0, m2=0.0):
    """One entry by brute force, with no partition and no ladder."""
    (f, f_breaks), (g, g_breaks) = CASES[first], CASES[second]
    sigma = np.sqrt(a)
    slope, blur = c / sigma, d / sigma
    places = [(x - m1) / sigma for x in {0.0, *f_breaks}]
    if slope:
        places += [(x - m2) / slope for x in {0.0, *g_breaks}]
    z, weight = graded(places, min(1e-3, 1e-4 / sigma, 1e-4 / abs(slope) if slope else 1.0))
    weight = weight * f(m1 + sigma * z)
    centre = m2 + slope * z
    if blur == 0.0:
        return np.sum(weight * g(centre))
    total = 0.0
    for mean, share in zip(centre, weight, strict=True):
        if abs(share) > 1e-24:
            y, density = graded([(x - mean) / blur for x in {0.0, *g_breaks}], min(1e-3, 1e-4 / blur))
            total += share * np.sum(density * g(mean + blur * y))
    return total


@pytest.mark.parametrize("first", CASES)
def test_brute_force(first):
    random = np.random.default_rng(len(first))
    names = list(CASES)
    for second in (first, names[random.integers(len(names))]):
        var_u, var_v = random.choice([1e-4, 1e-2, 1.0, 10.0, 1e4], 2)
        entry = [float(x) for x in law(var_u, var_v, random.choice(CORRELATIONS))]
        m1, m2 = random.normal(size=2) * random.choice([0.0, 1.0]) * np.sqrt([var_u, var_v])
        arrays = [np.array([x]) for x in (*entry, m1, m2)]
        value = expectation(first, second, arrays[:4], *arrays[4:])[0]
        scale = np.sqrt(moment(first, arrays[4], arrays[0])[0] * moment(second, arrays[5], arrays[1])[0])
        assert abs(value - reference(first, second, *entry, m1, m2)) <= 1e-12 * scale, (second, entry, m1, m2)


@pytest.mark.parametrize("slope", [1.0, 100.0])
def test_erf_has_an_arcsine(slope):
    var_u, var_v, rho = (x.ravel() for x in np.meshgrid([1e-6, 1e-4, 0.3, 1e4, 1e8], [1e-4, 1.0, 1e4], CORRELATIONS))
    a, b, c, d = law(var_u, var_v, rho)
    edges, zero = edges_of(f"erf({slope!r}*x)"), np.zeros(len(a))

    def f(x):
        return erf(slope * x)

    found = _panel_expectation(f, f, [], [], a, b, c, d, zero, zero, (0.0,), (0.0,), edges, edges)
    p, q = 1.0 + 2.0 * slope**2 * a, 1.0 + 2.0 * slope**2 * b
    # atan2, since arcsin loses half the digits at ±1
    gap = np.sqrt(1.0 + 2.0 * slope**2 * (a + b) + 4.0 * slope**4 * d * d)
    closed = 2.0 / np.pi * np.arctan2(2.0 * slope**2 * c, gap)
    scale = 2.0 / np.pi * np.sqrt(np.arcsin(1.0 - 1.0 / p) * np.arcsin(1.0 - 1.0 / q))
    assert np.max(np.abs(found - closed) / scale) < 1e-12


def test_extreme_variances_and_gaps():
    # E[relu(u) relu(v)] = √(ab) (sin θ + (π − θ) cos θ)/2π; edges on one side only make the other a polynomial
    gap = np.array([1.0, 1e-3, 1e-6, 1e-9, 0.0])
    var_u, var_v, d = (x.ravel() for x in np.meshgrid([1e-12, 1e-3, 1e12], [1e-12, 1.0, 1e12], gap))
    root, zero = np.sqrt(var_u * var_v), np.zeros(len(d))
    for sign in (1.0, -1.0):
        rho = sign * np.sqrt((1.0 - d) * (1.0 + d))
        angle = np.arctan2(d, rho)

        def relu(x):
            return np.maximum(x, 0.0)

        knots = [(0.0, 0.0)]
        entries = var_u, var_v, rho * root, d * root, zero, zero
        found = _panel_expectation(relu, relu, knots, knots, *entries, (0.0,), (0.0,), (0.0,), (0.0,))
        closed = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2.0 * np.pi)
        assert np.max(np.abs(found / root - closed)) < 1e-13


@pytest.mark.parametrize(
    ("first", "second"), [("tanh", "superspike"), ("mish", "log tail"), ("softplus", "narrow bump")]
)
def test_exchange_of_the_arguments(first, second):
    random = np.random.default_rng(3)
    var_u, var_v = 10.0 ** random.uniform(-6.0, 6.0, (2, 60))
    a, b, c, d = law(var_u, var_v, random.choice(CORRELATIONS, 60))
    m1, m2 = random.normal(size=(2, 60)) * np.sqrt([a, b])
    there, back = expectation(first, second, [a, b, c, d], m1, m2), expectation(second, first, [b, a, c, d], m2, m1)
    scale = np.sqrt(moment(first, m1, a) * moment(second, m2, b))
    assert np.all(np.abs(there - back) <= 1e-12 * scale)


@pytest.mark.parametrize("name", CASES)
def test_independence_and_full_correlation(name):
    function, breaks = CASES[name]
    variance = np.array([1e-4, 0.1, 1.0, 30.0, 1e4])
    one, zero, knots = np.ones(5), np.zeros(5), [(x, 0.0) for x in breaks]
    mean = _panel_mean(function, knots, zero, variance, (0.0,), PARTS[name])
    turned = _panel_mean(function, knots, zero, variance[::-1].copy(), (0.0,), PARTS[name])
    square, other = moment(name, zero, variance), moment(name, zero, variance[::-1].copy())
    apart = expectation(name, name, law(variance, variance[::-1], 0.0 * one))
    assert np.all(np.abs(apart - mean * turned) <= 1e-12 * np.sqrt(square * other))
    np.testing.assert_allclose(expectation(name, name, law(variance, variance, one)), square, rtol=1e-12)


def test_the_mean_of_a_lorentzian():
    # √(π/2)/(πσ) · erfcx(1/(πσ√2)), over variances
    variance = 10.0 ** np.linspace(-8.0, 8.0, 33)
    found = _panel_mean(CASES["arctan surrogate"][0], [], 0.0 * variance, variance, (0.0,), PARTS["arctan surrogate"])
    width = np.pi * np.sqrt(variance)
    np.testing.assert_allclose(found, np.sqrt(np.pi / 2.0) / width * erfcx(1.0 / (width * np.sqrt(2.0))), rtol=1e-12)


def test_second_moments_where_only_the_tail_has_mass():
    # E sech⁴ far from the bump, where the tail of the Gaussian meets the tail of the bump
    for mean, variance in ((2.388, 0.1), (-0.34, 1e-4), (-1.184, 0.01), (0.5, 0.01)):
        z, weight = graded([-mean / np.sqrt(variance)], 1e-3, 36.0)
        truth = np.sum(weight * sech_squared(50.0 * (mean + np.sqrt(variance) * z)) ** 2)
        found = moment("narrow bump", np.array([mean]), np.array([variance]))[0]
        assert found == pytest.approx(truth, rel=1e-11, abs=0.0)


@pytest.mark.parametrize("name", ["log tail", "s2nn", "softsign"])
def test_merged_panels_far_from_the_mean(name):
    # ten to twenty standard deviations out the density falls by e^20 from one to the next
    for mean, sigma in ((-120.0, 10.0), (-200.0, 10.0), (-50.0, 5.0)):
        z, weight = graded([(x - mean) / sigma for x in (0.0, 1.0)], 1e-4, 30.0)
        truth = np.sum(weight * CASES[name][0](mean + sigma * z) ** 2)
        assert moment(name, np.array([mean]), np.array([sigma**2]))[0] == pytest.approx(truth, rel=1e-11, abs=0.0)


def test_a_closed_inner_mean_is_used():
    a, b, c, d = law(np.array([0.5, 3.0]), np.array([2.0, 1e4]), np.array([0.3, 0.999]))
    calls = []

    def square_mean(mean, variance):
        calls.append(len(mean))
        return mean**2 + variance

    zero = np.zeros(2)
    found = _panel_expectation(
        np.tanh, np.square, [], [], a, b, c, d, zero, zero + 1.0, (0.0,), (0.0,), PARTS["tanh"], (), square_mean
    )
    plain = _panel_expectation(
        np.tanh, np.square, [], [], a, b, c, d, zero, zero + 1.0, (0.0,), (0.0,), PARTS["tanh"], ()
    )
    # E tanh(u) v² = 2 m2 (c/a) E[u tanh u] + E[tanh](…) = 2 c E[sech² u]
    mean = _panel_mean(lambda x: sech_squared(x), [], zero, a, (0.0,), edges_of("1/cosh(x)**2"))
    assert calls
    np.testing.assert_allclose(found, 2.0 * c * mean, rtol=1e-12)
    np.testing.assert_allclose(plain, found, rtol=1e-11)


def test_wide_intervals_next_to_narrow_ones_cost_little():
    counted = []

    def constant(mean, variance):
        counted.append(len(mean))
        return np.ones(len(mean))

    # the bump's image in u is 1e-3 wide, and its blur as well
    entry = [np.array([x]) for x in (10.0, 1e4, 316.2277, 0.4)]
    expectation("softplus", "narrow bump", entry, inner=constant)
    assert 50 < sum(counted) < 3000


def test_growing_functions_are_followed():
    def f(x):
        return np.sinh(x) * np.tanh(x)

    variance, zero = np.array([0.1, 1.0, 16.0]), np.zeros(3)
    value = _panel_mean(f, [], zero, variance, (0.0, 1.0, -1.0), edges_of("sinh(x)*tanh(x)"))
    # sinh·tanh = cosh − sech
    less = _panel_mean(lambda x: 1.0 / np.cosh(x), [], zero, variance, (0.0,), edges_of("1/cosh(x)"))
    np.testing.assert_allclose(value, np.exp(0.5 * variance) - less, rtol=1e-12)


def test_weights_of_merged_panels_integrate_against_polynomials():
    function, points = CASES["superspike"][0], np.array(PARTS["superspike"])
    points = points[np.abs(points) < 3.0]
    leaves = _leaves(function, points)
    points = leaves[0]
    left, right, merged, _, start, weights = _ladder(leaves, [0.0], np.array([0.0, 1.0]))
    assert np.any(merged[start[1] :]) and not np.any(merged[: start[1]])
    for panel in np.flatnonzero(merged):
        middle, half = 0.5 * (left[panel] + right[panel]), 0.5 * (right[panel] - left[panel])
        cuts = points[(points >= left[panel]) & (points <= right[panel])]
        fine = 0.5 * np.diff(cuts)[:, None] * NODES + 0.5 * (cuts[1:] + cuts[:-1])[:, None]
        share = 0.5 * np.diff(cuts)[:, None] * WEIGHTS * function(fine)
        for degree in (0, 7, 15, 23):
            truth = np.sum(share * ((fine - middle) / half) ** degree)
            assert np.sum(weights[panel] * _LEGENDRE[0] ** degree) == pytest.approx(truth, abs=1e-13 * np.sum(share))
    rung = np.array([0, 1, 1])
    place = np.array([-1e30, 0.01, 1e30])
    found = _locate((left, right, merged, np.array([0.0]), start, weights), rung, place)
    assert np.all((left[found] <= place) & (place < right[found])) and np.all(found >= start[rung])


def test_a_function_that_is_nan_somewhere_gives_nan():
    function = np.vectorize(lambda x: np.tanh(x) if abs(x) < 100.0 else np.nan, otypes=[float])
    zero, variance = np.zeros(2), np.array([1.0, 1e4])
    value = _panel_mean(function, [], zero, variance, (0.0,), PARTS["tanh"])
    assert np.isfinite(value[0]) and np.isnan(value[1])


def test_bad_entries_are_nan_alone_and_no_entries_are_none():
    a = np.array([1.0, np.nan, 1.0, np.inf])
    one, zero = np.ones(4), np.zeros(4)
    values = expectation("tanh", "superspike", [a, one, zero, one])
    np.testing.assert_array_equal(np.isnan(values), [False, True, False, True])
    none = np.ones(0)
    assert expectation("tanh", "tanh", [none] * 4).shape == (0,)
    assert moment("tanh", none, none).shape == (0,)


def test_memory_is_bounded():
    import tracemalloc

    rho = np.linspace(-1.0, 1.0, 1500)
    entries = law(np.full(1500, 3.0), np.full(1500, 0.5), rho)
    tracemalloc.start()
    expectation("superspike", "superspike", entries)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20
