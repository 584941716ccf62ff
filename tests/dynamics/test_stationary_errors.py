"""The chaotic state far from the onset and close to it, and whether the estimates of its errors hold."""

import numpy as np
import pytest

from symntk.dynamics import Balanced, classical, stationary
from symntk.dynamics.spectral import Grid, exponent

NETS = [
    *(Balanced(g, 5000) for g in (1.415, 2.0, 3.0)),
    *(Balanced(g, 400, 0.3, 1.0, "hard_tanh") for g in (1.5, 3.0, 5.0)),
    *(classical(g, activation) for activation in ("erf", "hard_tanh") for g in (2.0, 4.0)),
]


@pytest.mark.parametrize("net", NETS, ids=lambda net: f"{net.activation}-{net.g}")
def test_the_error_estimate_holds_on_a_finer_grid(net):
    state = net.stationary()
    profile = stationary._Profile(state, 90)
    grid = Grid(profile.reach, 250)
    c = profile(grid.points)
    full, m = np.full_like(c, state.variance), np.full_like(c, state.mean)
    finer = exponent(grid, 1.0 - net.g**2 * net.units.slopes(full, full, c, m, m))
    assert 0.0 < abs(state.lyapunov - finer) <= state.lyapunov_error < 1e-4 * state.lyapunov


def test_strong_couplings():
    """λ grows with g and keeps the size's independence; the state solves its equations."""
    values = []
    for g in (9.0, 20.0):
        state = Balanced(g, 1e6).stationary()
        assert state.lyapunov == pytest.approx(Balanced(g, 1e9).stationary().lyapunov, abs=1e-10)
        floor = g**2 * state.units.product(state.variance, state.variance, state.floor, state.mean, state.mean)
        assert floor == pytest.approx(state.floor, rel=1e-8)
        values.append(state.lyapunov)
    assert np.all(np.diff(values) > 0.0)


@pytest.mark.parametrize("I_0", [1e-6, 1e6])
def test_the_exponent_has_no_scale(I_0):
    assert Balanced(2.0, 1000, I_0).stationary().lyapunov == pytest.approx(0.0960066, abs=5e-8)


def test_next_to_the_onset_the_exponent_is_proportional_to_the_distance():
    """Threshold-linear units: λ/ε tends to a constant, and does not depend on the size there either."""
    excess = np.array([1e-4, 2e-4, 4e-4])
    few, many = (
        np.array([Balanced(np.sqrt(2) * (1 + e), N).stationary().lyapunov for e in excess]) for N in (100, 1e8)
    )
    assert few == pytest.approx(many, rel=1e-6)
    ratios = few / excess
    assert np.diff(ratios, 2) == pytest.approx(0.0, abs=1e-2 * ratios[0])
    assert ratios[0] == pytest.approx(ratios[-1], rel=0.01)


def test_a_branch_that_turns_back():
    """Exponential-linear units: (c_0 − c_∞)/c_0 has a largest value near g = 3."""
    depths = [1.0 - (s := Balanced(g, 400, 0.3, 1.0, "elu").stationary()).floor / s.variance for g in (3.0, 3.3, 3.6)]
    assert np.all(np.diff(depths) < 0.0)
