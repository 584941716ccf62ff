"""The repeating state's exponent on small tori, beside a dense eigenvalue problem; and states of odd units."""

import numpy as np
import pytest
import scipy.optimize

from symntk.dynamics import Balanced, classical
from symntk.dynamics.orbit import torus_exponent
from symntk.errors import DomainError


def dense(source, dt):
    """λ where the largest eigenvalue of the inverted left side times dt² g² q' is 1: (μT − (1−dt)) ⊗ itself."""
    count = len(source)
    shift = np.eye(count)[(np.arange(count) + 1) % count]

    def largest(mu):
        left = mu * shift - (1 - dt) * np.eye(count)
        return np.log(np.max(np.abs(np.linalg.eigvals(np.linalg.inv(np.kron(left, left)) * dt**2 * source.ravel()))))

    high = 1 + dt * (np.sqrt(source.max()) + 0.1)
    return np.log(scipy.optimize.brentq(largest, (1 - dt) * (1 + 1e-6), high, xtol=1e-15)) / dt


def sources():
    random = np.random.default_rng(5)
    whole = random.random((10, 10))
    on = (np.arange(12) < 5).astype(float)
    return {
        "random": whole + whole.T,
        "strong": 50.0 * (whole + whole.T),
        "a part of the period": 4.0 * np.outer(on, on),
        "weak": np.full((8, 8), 1e-3),
    }


@pytest.mark.parametrize("dt", [0.5, 0.1, 0.01])
@pytest.mark.parametrize("name", sources())
def test_the_exponent_is_that_of_the_dense_problem(name, dt):
    source = sources()[name]
    assert torus_exponent(source, dt) == pytest.approx(dense(source, dt), abs=1e-9)


@pytest.mark.parametrize(("count", "dt", "value"), [(1600, 1 / 4, 0.01), (400, 1 / 2, 4.0), (8, 0.1, 0.0)])
def test_long_periods_neither_overflow_nor_vanish(count, dt, value):
    """A constant source is that of a fixed point."""
    expected = np.log1p(dt * (np.sqrt(value) - 1)) / dt
    assert torus_exponent(np.full((count, count), value), dt) == pytest.approx(expected, abs=1e-9)


def test_a_source_that_is_no_number_is_refused():
    with pytest.raises(DomainError, match="does not settle"):
        torus_exponent(np.full((8, 8), np.nan), 0.1)


def test_odd_units_turn_their_sign_each_half_period():
    orbit = classical(1.5, "erf").orbit(1.8, 0.2, dt=1 / 4)
    half = len(orbit.mean) // 2
    assert orbit.mean[half:] == pytest.approx(-orbit.mean[:half], abs=1e-6)
    rolled = np.roll(orbit.covariance, half, axis=1)
    assert rolled == pytest.approx(-orbit.covariance, abs=1e-6 * orbit.covariance.max())


def test_high_frequencies_shorten_the_step():
    setup = Balanced(2.0, 1000).orbit_setup([3000.0], 50.0)
    assert setup.period == 16 and setup.dt == pytest.approx(1 / 800)


def test_units_that_saturate_have_a_critical_input():
    """At strong input all units rest at their bounds, where Newton's method for the mean runs in circles."""
    net = Balanced(2.0, 1000, activation="Min(Max(x, 0), 2)")
    assert net.orbit(80.0, 0.2, dt=1 / 4).lyapunov < 0.0
