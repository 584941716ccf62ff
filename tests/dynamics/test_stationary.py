"""Stationary theory: fixed points, the onset of chaos, autocovariances that solve their equation, exponents."""

import numpy as np
import pytest
from scipy.linalg import eigh_tridiagonal
from scipy.stats import norm

from symntk.dynamics import Balanced, classical
from symntk.dynamics.independent import repeating
from symntk.dynamics.settled import chaotic
from symntk.dynamics.spectral import Grid
from symntk.dynamics.units import Units
from symntk.errors import DivergenceError, DomainError

NET = Balanced(2.0, 5000)


@pytest.mark.parametrize(("N", "I_0", "J_0"), [(100, 1.0, 1.0), (5000, 1.0, 1.0), (5000, 0.3, 2.0)])
def test_threshold_linear_networks_become_chaotic_at_root_two(N, I_0, J_0):
    assert Balanced(1.5, N, I_0, J_0).onset() == pytest.approx(np.sqrt(2), abs=1e-10)


def test_the_static_solution():
    """g²[xφ(x) + (1 + x²)Φ(x)] = 1 and c = (√N I_0/(x + √N J_0 G(x)))² with x = m/√c, G = φ + xΦ."""
    for g in (1.0, 1.3, 2.0):
        net = Balanced(g, 700, 0.8, 1.5)
        point = net.static()
        x = point.mean / np.sqrt(point.variance)
        assert g**2 * (x * norm.pdf(x) + (1 + x**2) * norm.cdf(x)) == pytest.approx(1.0, abs=1e-10)
        expected = net.drive / (x + net.feedback * (norm.pdf(x) + x * norm.cdf(x)))
        assert np.sqrt(point.variance) == pytest.approx(expected, rel=1e-10)
        assert point.lyapunov == pytest.approx(g * np.sqrt(norm.cdf(x)) - 1.0, abs=1e-10)
        assert point.is_stable == (g < np.sqrt(2))


def check_equation(net, tolerance):
    """c'' = c − g² q(c), flat at 0, and the mean balances."""
    state, units = net.stationary(), net.units
    grid = Grid(state._solved[2].reach / 3, 60)
    c = state.autocovariance(grid.points)
    full, m = np.full_like(c, state.variance), np.full_like(c, state.mean)
    force = c - net.g**2 * units.product(full, full, c, m, m)
    assert np.abs(grid.second @ c - force)[1:-1].max() <= tolerance * state.variance
    assert abs((grid.derivative @ c)[0]) <= tolerance * state.variance
    assert state.mean + net.feedback * state.rate == pytest.approx(net.drive, abs=1e-9 * (1 + net.drive))
    return state, c


@pytest.mark.parametrize("g", [1.5, 2.0, 2.5])
def test_the_autocovariance_solves_its_equation(g):
    state, c = check_equation(Balanced(g, 5000), 1e-8)
    assert np.all(np.diff(c) < 0) and state.floor < c[-1]
    floor = g**2 * state.units.product(state.variance, state.variance, state.floor, state.mean, state.mean)
    assert floor == pytest.approx(state.floor, rel=1e-10)


def test_the_exponent_by_finite_differences():
    """The ground state on a uniform grid, at three spacings, extrapolated."""
    state = NET.stationary()
    reach, lowest = state._solved[2].reach, []
    for points in (1000, 2000, 4000):
        step = reach / points
        lags = (np.arange(points) + 0.5) * step
        full, m = np.full(points, state.variance), np.full(points, state.mean)
        slopes = state.units.slopes(full, full, state.autocovariance(lags), m, m)
        diagonal = 2 / step**2 + 1 - NET.g**2 * slopes
        diagonal[0] -= 1 / step**2  # flat at lag 0
        below = np.full(points - 1, -1 / step**2)
        lowest.append(eigh_tridiagonal(diagonal, below, select="i", select_range=(0, 0))[0][0])
    first, second = (4 * lowest[1] - lowest[0]) / 3, (4 * lowest[2] - lowest[1]) / 3
    best = (16 * second - first) / 15
    assert state.lyapunov == pytest.approx(np.sqrt(1 - best) - 1, abs=1e-9)
    assert state.lyapunov_error < 1e-10


def test_the_exponent_does_not_depend_on_size_or_input():
    """Threshold-linear units: the mean rescales all inputs."""
    values = [Balanced(2.0, N, I_0, J_0).stationary().lyapunov for N, I_0, J_0 in ((50, 1, 1), (5000, 0.3, 2.0))]
    assert values == pytest.approx([NET.stationary().lyapunov] * 2, abs=1e-9)


def test_reference_exponents():
    """Single runs at dt = 1/16 over 256 τ gave 0.0956 and 0.165 (arXiv 2201.09916 has the figures)."""
    for g, known in ((2.0, 0.0956), (2.5, 0.165)):
        assert Balanced(g, 5000).stationary().lyapunov == pytest.approx(known, rel=0.012)


@pytest.mark.parametrize("activation", ["erf", "hard_tanh"])
def test_classical_networks(activation):
    """Chaos begins at g φ'(0) = 1, and λ τ → ε²/2 just above for cubic saturation (Sompolinsky et al. 1988)."""
    slope = 2 / np.sqrt(np.pi) if activation == "erf" else 1.0
    assert classical(2.0, activation).onset() == pytest.approx(1 / slope, rel=1e-7)
    quiet = classical(0.9 / slope, activation).stationary()
    assert quiet.variance == 0.0 and quiet.lyapunov == pytest.approx(-0.1, abs=1e-6)
    state, _ = check_equation(classical(1.5 / slope, activation), 1e-7)
    assert state.mean == state.floor == 0.0 and 0.0 < state.lyapunov < 0.5
    if activation == "erf":
        epsilon = 0.01
        near = classical((1 + epsilon) / slope, activation).stationary()
        assert near.lyapunov == pytest.approx(epsilon**2 / 2, rel=0.06)


@pytest.mark.parametrize("average", ["gaussian", "phase"])
def test_small_independent_inputs_change_little(average):
    state = NET.stationary()
    problem = NET.problem(0.01, 0.2, average)
    found = chaotic(problem, state, repeating(problem, state))
    assert found.lyapunov == pytest.approx(state.lyapunov, abs=1e-5)
    assert found.autocovariance[0] == pytest.approx(state.variance, rel=1e-5)
    still = repeating(NET.problem(1e-4, 0.2, average), state)
    assert still.lyapunov == pytest.approx(state.fixed_point.lyapunov, abs=1e-4)


@pytest.mark.parametrize("average", ["gaussian", "phase"])
def test_independent_inputs_solve_their_equation(average):
    """On another grid than the solver's, and with the units' own sinusoids where phases are averaged over."""
    problem = NET.problem(3.0, 0.2, average)
    found = repeating(problem, NET.stationary(), 50)
    finer = repeating(problem, NET.stationary(), 70)
    assert found.lyapunov == pytest.approx(finer.lyapunov, abs=1e-9)
    coefficients = np.polynomial.Chebyshev.fit(finer.lags, finer.autocovariance, len(finer.lags) - 1)
    lags = np.linspace(0.05, 2.45, 23)
    first, second = problem.deviations(lags)
    c, full = coefficients(lags), np.full((1, 23), finer.autocovariance[0])
    q = problem.weights @ NET.units.product(full, full, c[None], finer.mean + first, finer.mean + second)
    left = c - coefficients.deriv(2)(lags)
    assert np.abs(left - NET.g**2 * q - problem.covariance(lags)).max() < 1e-7 * c[0]
    assert finer.mean + NET.feedback * finer.rate == pytest.approx(NET.drive, abs=1e-8)


def test_the_two_readings_of_independent_input_differ():
    gaussian, phase = (NET.independent_stationary(3.0, 0.2, average=one).lyapunov for one in ("gaussian", "phase"))
    assert 0.001 < gaussian - phase < 0.01


def test_errors_say_what_is_wrong():
    with pytest.raises(DomainError, match="excites"):
        Balanced(2.0, 50, -1.0).static()
    with pytest.raises(DomainError, match="larger J_0"):
        Balanced(2.0, 50, 1.0, 0.0).stationary()
    with pytest.raises(DivergenceError, match="infinitely fast"):
        classical(2.0, "sign").stationary()
    with pytest.raises(DomainError, match="N = 0"):
        Balanced(2.0, 0)
    with pytest.raises(DomainError, match="saturates"):
        classical(2.0, "x").stationary()
    with pytest.raises(DomainError, match="average"):
        NET.independent_stationary(1.0, 0.2, average="both")


@pytest.mark.parametrize(("activation", "I_0"), [("hard_tanh", 1.0), ("hard_tanh", 0.3)])
def test_units_that_saturate_balance_close_to_their_largest_variance(activation, I_0):
    """The fixed point against the course in time, which shares only the expectations."""
    net = Balanced(1.1 if I_0 < 1 else 1.5, 400, I_0, activation=activation)
    rest = net.static()
    assert rest.mean == pytest.approx(net.drive - net.feedback * rest.rate, abs=1e-9)
    assert rest.is_stable
    run = net.common(0.0, dt=1 / 4, time=40.0, band=5.0)
    assert (run.mean[-1], run.variance[-1]) == pytest.approx((rest.mean, rest.variance), rel=1e-4)


def test_weak_couplings_have_a_fixed_point_far_from_zero():
    """m ≫ √c: all units are in the linear range, and λ = g − 1."""
    rest = Balanced(1e-3, 100).static()
    assert rest.lyapunov == pytest.approx(1e-3 - 1.0, abs=1e-12) and rest.mean > 100 * np.sqrt(rest.variance)


def test_squares_of_waves():
    units = Units("sin(x)")
    m, a = 0.3, 0.7
    wave = np.exp(-2 * a) * np.cos(2 * m)
    assert (units.power(m, a), units.sharpness(m, a)) == pytest.approx(((1 - wave) / 2, (1 + wave) / 2), rel=1e-12)
