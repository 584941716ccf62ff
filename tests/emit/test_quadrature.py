"""The panel quadrature against mpmath: conditional means, closed by hand, integrated over the outer variable."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy.special import ndtr

from symntk.emit.runtime.covariance import _covariance
from symntk.emit.runtime.panels import _panel_expectation, _panel_mean

INF = mp.inf


class Case:
    """A function: numpy form, knots, rates; and for mpmath its pieces (low, high, p0, p1, β) of (p0 + p1·x) e^{βx}."""

    def __init__(self, function, knots, rates=(0.0,), pieces=(), mean=None):
        self.function, self.knots, self.rates = function, knots, rates
        self.pieces, self.closed = pieces, mean

    def exact(self, x):
        if self.closed is not None:
            return self.closed(x, mp.mpf(0))
        return sum((p0 + p1 * x) * mp.exp(beta * x) for low, high, p0, p1, beta in self.pieces if low < x < high)

    def mean(self, mu, s):
        """E[h(mu + s·z)]; a piece is tilted by e^{βx} and cut to its interval."""
        if self.closed is not None:
            return self.closed(mu, s)
        if s == 0:
            return self.exact(mu)
        total = mp.mpf(0)
        for low, high, p0, p1, beta in self.pieces:
            centre = mu + beta * s * s
            z_low, z_high = (low - centre) / s, (high - centre) / s
            # The difference is taken in the tail where it keeps its digits.
            mass = mp.ncdf(z_high) - mp.ncdf(z_low) if z_low < 0 else mp.ncdf(-z_low) - mp.ncdf(-z_high)
            first = mp.npdf(z_low) - mp.npdf(z_high)
            total += mp.exp(beta * mu + beta**2 * s**2 / 2) * ((p0 + p1 * centre) * mass + p1 * s * first)
        return total


def gelu_mean(mu, s):
    q = mp.sqrt(1 + s * s)
    return mu * mp.ncdf(mu / q) + s * s / q * mp.npdf(mu / q)


def gauss_mean(mu, s):
    return mp.exp(-2 * mu**2 / (1 + 4 * s * s)) / mp.sqrt(1 + 4 * s * s)


CASES = {
    "hard tanh": Case(
        lambda x: np.clip(x, -1.0, 1.0),
        [(-1.0, 0.0), (1.0, 0.0)],
        pieces=[(-INF, -1, -1, 0, 0), (-1, 1, 0, 1, 0), (1, INF, 1, 0, 0)],
    ),
    "triangle": Case(
        lambda x: np.maximum(0.0, 1.0 - np.abs(x)),
        [(-1.0, 0.0), (0.0, 0.0), (1.0, 0.0)],
        pieces=[(-1, 0, 1, 1, 0), (0, 1, 1, -1, 0)],
    ),
    "boxcar": Case(lambda x: np.where(np.abs(x) < 1.0, 1.0, 0.0), [(-1.0, 0.0), (1.0, 0.0)], pieces=[(-1, 1, 1, 0, 0)]),
    "laplace": Case(lambda x: np.exp(-np.abs(x)), [(0.0, 0.0)], (-1.0, 1.0), [(-INF, 0, 1, 0, 1), (0, INF, 1, 0, -1)]),
    "elu": Case(
        lambda x: np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0))),
        [(0.0, 0.0)],
        (0.0, 1.0),
        [(0, INF, 0, 1, 0), (-INF, 0, 1, 0, 1), (-INF, 0, -1, 0, 0)],
    ),
    "gelu": Case(lambda x: x * ndtr(x), [(0.0, 1.0)], mean=gelu_mean),
    "gauss": Case(lambda x: np.exp(-2.0 * x * x), [(0.0, 0.5)], mean=gauss_mean),
    "relu": Case(lambda x: np.maximum(x, 0.0), [(0.0, 0.0)], pieces=[(0, INF, 0, 1, 0)]),
}

VARIANCES = [1e-6, 1e-2, 1.0, 1e2, 1e6]
CORRELATIONS = [0.0, 0.5, -0.5, 1.0, -1.0] + [
    sign * (1.0 - 10.0**-k) for k in (2, 4, 8, 12, 15) for sign in (1.0, -1.0)
]


def exact_expectation(f, g, a, b, c, m1, m2):
    """At 30 digits from the float64 triple, cut where f has knots, where g's switch, and where either varies."""
    with mp.workdps(34):
        a, b, c, m1, m2 = (mp.mpf(float(x)) for x in (a, b, c, m1, m2))
        sigma, inner = mp.sqrt(a), mp.sqrt(max(a * b - c * c, 0) / a)
        slope = c / sigma
        cuts = [mp.mpf(k) for k in (-40, -20, -12, -8, -5, -2.5, 0, 2.5, 5, 8, 12, 20, 40)]
        scales = [(f, m1, sigma, mp.mpf(0))] + ([(g, m2, slope, inner)] if slope else [])
        for case, centre, scale, blur in scales:
            for location, width in case.knots:
                z = (location - centre) / scale
                reach = mp.sqrt(blur**2 + mp.mpf(width) ** 2) / abs(scale)
                lengths = [k * reach for k in (3, 8, 14)] if reach else []
                if any(case.rates):
                    lengths += [k / abs(scale) for k in (2, 6, 14, 30, 60)]
                cuts += [z] + [z + side * x for x in lengths for side in (-1, 1)]
        cuts = sorted({cut for cut in cuts if -40 <= cut <= 40})

        def integrand(z):
            value = f.exact(m1 + sigma * z)
            return value * mp.npdf(z) * g.mean(m2 + slope * z, inner) if value else value

        total = mp.mpf(0)
        nodes, weights = RULE
        for low, high in zip(cuts[:-1], cuts[1:], strict=True):
            half, middle = (high - low) / 2, (high + low) / 2
            total += half * mp.fdot((w, integrand(middle + half * x)) for x, w in zip(nodes, weights, strict=True))
        return total


def legendre_rule(count):
    with mp.workdps(45):
        nodes = [
            mp.findroot(lambda t: mp.legendre(count, t), mp.mpf(x)) for x in np.polynomial.legendre.leggauss(count)[0]
        ]
        slopes = [count * (x * mp.legendre(count, x) - mp.legendre(count - 1, x)) / (x * x - 1) for x in nodes]
        return nodes, [2 / ((1 - x * x) * slope**2) for x, slope in zip(nodes, slopes, strict=True)]


RULE = legendre_rule(20)


def root_mean_square(case, mean, variance):
    squared = [(x, w / np.sqrt(2.0)) for x, w in case.knots]
    rates = tuple(2.0 * rate for rate in case.rates)
    return np.sqrt(_panel_mean(lambda x: case.function(x) ** 2, squared, mean, variance, rates))


def scaled_error(f, g, var_u, var_v, rho, m1, m2):
    """|error| / √(E f² · E g²) at one entry."""
    a, b, c, _, d = (np.atleast_1d(x) for x in _covariance(var_u, var_v, rho * np.sqrt(var_u) * np.sqrt(var_v)))
    m1, m2 = np.atleast_1d(float(m1)), np.atleast_1d(float(m2))
    value = _panel_expectation(f.function, g.function, f.knots, g.knots, a, b, c, d, m1, m2, f.rates, g.rates)
    truth = exact_expectation(f, g, a[0], b[0], c[0], m1[0], m2[0])
    scale = root_mean_square(f, m1, a) * root_mean_square(g, m2, b)
    # Below the smallest normal number (tails beyond 37 standard deviations) only the absolute spacing is left.
    return float(abs(mp.mpf(float(value[0])) - truth)) / max(float(scale[0]), 1e-290)


# √(E f² · E g²) is the scale of every promise of the module; measured errors stay below 1e-13 of it.
TARGET = 1e-12


def draws(seed, count):
    """Entries of the grid of variances, correlations and means, the same in every run."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        var_u, var_v, rho = random.choice(VARIANCES), random.choice(VARIANCES), random.choice(CORRELATIONS)
        kind = random.integers(3)
        # No means, means of the size of the knots, means many standard deviations from them.
        spread = [(0.0, 0.0), (2.0, 2.0), (12.0 * np.sqrt(var_u), 12.0 * np.sqrt(var_v))][kind]
        yield var_u, var_v, rho, random.uniform(-1, 1) * spread[0], random.uniform(-1, 1) * spread[1]


@pytest.mark.parametrize("name", CASES)
def test_pairs_with_themselves(name):
    for entry in draws(len(name), 6):
        assert scaled_error(CASES[name], CASES[name], *entry) < TARGET, entry


@pytest.mark.parametrize(("first", "second"), [("hard tanh", "gauss"), ("laplace", "gelu"), ("elu", "triangle")])
def test_mixed_pairs(first, second):
    for entry in draws(7, 4):
        assert scaled_error(CASES[first], CASES[second], *entry) < TARGET, entry
        assert scaled_error(CASES[second], CASES[first], *entry) < TARGET, entry


@pytest.mark.parametrize("gap", [1e-8, 1e-15, 0.0])
@pytest.mark.parametrize("name", ["triangle", "boxcar"])
def test_narrow_bumps_at_large_variance(name, gap):
    for sign in (1.0, -1.0):
        assert scaled_error(CASES[name], CASES[name], 1e6, 1e6, sign * (1.0 - gap), 0.0, 0.0) < TARGET
        assert scaled_error(CASES[name], CASES[name], 1e6, 1e-6, sign * (1.0 - gap), 0.0, 0.0) < TARGET


def test_both_factors_in_their_tails():
    # E f² is 1e-50 or so: the windows must reach the knots.
    for rho in (0.0, 0.5, 0.99, -0.5):
        assert scaled_error(CASES["relu"], CASES["relu"], 1.0, 4.0, rho, -15.0, -20.0) < TARGET
        assert scaled_error(CASES["boxcar"], CASES["relu"], 0.01, 1.0, rho, 2.5, -12.0) < TARGET


@pytest.mark.parametrize("name", CASES)
def test_means_in_one_dimension(name):
    case = CASES[name]
    mean, variance = (
        x.ravel() for x in np.meshgrid([0.0, 0.3, -1.0, 8.0, -40.0], [0.0, 1e-12, 1e-4, 0.3, 10.0, 1e3, 1e6])
    )
    values = _panel_mean(case.function, case.knots, mean, variance, case.rates)
    scale = root_mean_square(case, mean, variance)
    for value, centre, spread, size in zip(values, mean, variance, scale, strict=True):
        if spread == 0.0:
            assert value == case.function(np.array([centre]))[0]
            continue
        with mp.workdps(400):
            truth = case.mean(mp.mpf(centre), mp.sqrt(mp.mpf(spread)))
        # A Gaussian far narrower than its mean is left with the rounding of g's argument; far tails of f², of a float's
        # range, with a relative error.
        argument = 2e-16 * abs(centre) if spread < 1e-9 else 0.0
        assert abs(value - truth) <= 1e-13 * size + 1e-12 * abs(truth) + argument + 1e-290, (centre, spread)


def test_growing_exponentials_are_followed():
    grow = [np.exp, [], (1.0,)]
    for sigma in (0.1, 1.0, 4.0, 15.0):
        a, rho = np.full(3, sigma**2), np.array([0.9, 0.0, -0.9])
        c, zero = rho * a, np.zeros(3)
        d = a * np.sqrt(1.0 - rho**2)
        values = _panel_expectation(np.exp, np.exp, [], [], a, a, c, d, zero, zero, grow[2], grow[2])
        # √(E f² E g²) = e^{2σ²}.
        assert np.all(np.abs(values - np.exp(a + c)) <= TARGET * np.exp(2.0 * a))


def test_many_entries_are_blocks_of_bounded_memory():
    import tracemalloc

    rho = np.linspace(-1.0, 1.0, 3001)
    one, zero = np.ones(3001), np.zeros(3001)
    relu = CASES["relu"]
    tracemalloc.start()
    values = _panel_expectation(
        relu.function, relu.function, relu.knots, relu.knots, one, one, rho, np.sqrt(1 - rho**2), zero, zero
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    closed = (np.sqrt(1 - rho**2) + rho * (np.pi - np.arccos(rho))) / (2 * np.pi)
    np.testing.assert_allclose(values, closed, atol=1e-14)
    assert peak < 64 * 2**20


def test_bad_entries_are_nan_alone_and_no_entries_are_none():
    relu = CASES["relu"]
    a = np.array([1.0, np.nan, 1.0, np.inf])
    one, zero = np.ones(4), np.zeros(4)
    values = _panel_expectation(relu.function, relu.function, relu.knots, relu.knots, a, one, zero, one, zero, zero)
    np.testing.assert_array_equal(np.isnan(values), [False, True, False, True])
    none = np.ones(0)
    for empty in [
        _panel_expectation(relu.function, relu.function, [], [], none, none, none, none, none, none),
        _panel_mean(relu.function, [], none, none),
    ]:
        assert empty.shape == (0,)
    assert np.isnan(_panel_mean(relu.function, relu.knots, np.array([np.nan]), np.array([1.0])))[0]
