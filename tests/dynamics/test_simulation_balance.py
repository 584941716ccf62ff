"""The mean's implicit step where Newton's method fails, and what the two schemes get right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from symntk.dynamics.simulation import Drive
from symntk.dynamics.simulation.step import Model, RateNetwork
from symntk.dynamics.theory import Balanced
from symntk.errors import SymntkError
from symntk.finite.arrays import array_function
from symntk.kernels.function import as_function
from tests.dynamics.test_simulation import run

DT = 1 / 16


def network(activation, drives, N=100, J_0=1.0):
    code = array_function(as_function(activation))
    return RateNetwork(Model(N, 2.0, 1.0, J_0, DT, DT, code, None, tuple(map(Drive, drives)), 0, 0, "float64"), 0)


def balanced(activation, J_0, seed):
    """States x and pushes of 40 rows, the feedback, and the network after its balance."""
    net, rng = network(activation, [0.0] * 40, J_0=J_0), np.random.default_rng(seed)
    x, push = rng.standard_normal((40, 100)) * 3, rng.standard_normal(40) * 5
    feedback = DT * math.sqrt(100) * J_0
    net._balance(x, feedback, push)
    return x, push, feedback, net


@pytest.mark.parametrize("J_0", [1.0, 10.0, 1000.0])
def test_units_that_saturate_are_balanced(J_0):
    """Without slopes, as here, Newton's method goes round where the feedback is strong."""
    x, push, feedback, net = balanced("hard_tanh", J_0, 0)
    for row in range(40):

        def miss(s, r=row):
            return s + feedback * np.clip(x[r] + s, -1, 1).mean() - push[r]

        assert np.abs(net.h[row] - x[row] - brentq(miss, -1e5, 1e5, xtol=1e-13)).max() < 1e-9
    assert np.array_equal(net.rates, np.clip(net.h, -1, 1))


def test_saturating_units_with_strong_input_are_simulated():
    found = run(100, 2.0, [200.0], activation="hard_tanh", J_0=10, steps=160, burn=16, realizations=1)
    assert np.all(np.abs(found.rate) <= 1) and np.all(np.isfinite(found.lyapunov))


@pytest.mark.parametrize(("activation", "low"), [("sign", -1.0), ("step", 0.0)])
def test_units_that_jump_are_balanced_where_the_miss_changes_its_sign(activation, low):
    x, push, feedback, net = balanced(activation, 10.0, 1)
    s = (net.h - x)[:, 0]

    def miss(at):
        return at + feedback * np.where(x + at[:, None] > 0, 1.0, low).mean(-1) - push

    assert np.all(miss(s - 1e-9) < 0) and np.all(miss(s + 1e-9) > 0)
    now = np.abs(s + feedback * net.rates.mean(-1) - push)
    assert np.all(now <= feedback * (1 - low) / 100 / 2 * (1 + 1e-6))  # half of one unit's jump
    assert np.sum(now > 1e-9) > 10  # else nothing was asked of the jumps


@pytest.mark.parametrize(("activation", "N"), [("sign", 100), ("step", 2000)])
def test_networks_of_units_that_jump_keep_their_mean_rate(activation, N):
    options = {"steps": 48, "burn": 160, "realizations": 1, "lyapunov": 0, "I_0": 0.5}
    found = run(N, 2.0, activation=activation, **options)
    assert np.abs(found.rate - 0.5).max() < 3 / math.sqrt(N)


def test_a_row_that_newton_solves_does_not_depend_on_one_that_it_does_not(monkeypatch):
    """To the last bit. The second row goes from all units at 1 to all at −1 and back."""
    x = np.random.default_rng(2).standard_normal((2, 100)) * 0.1 + [[0.0], [5.0]]
    both, alone = network("hard_tanh", [0.0, 0.0]), network("hard_tanh", [0.0])
    halved, calls = RateNetwork._halved, []
    monkeypatch.setattr(RateNetwork, "_halved", lambda *given: calls.append(1) or halved(*given))
    for net in (both, alone):
        net._slope = lambda h: (np.abs(h) < 1).astype(float)
    push, rows = np.array([0.02, 20.0]), slice(0, 1)
    both._balance(x, 50.0, push)
    assert len(calls) == 1
    alone._balance(x[rows], 50.0, push[rows])
    assert len(calls) == 1
    assert np.array_equal(both.h[rows], alone.h) and np.array_equal(both.rates[rows], alone.rates)


@pytest.mark.parametrize(("activation", "told"), [("-tanh(4*x)", "falls too steeply"), ("exp(x)", "is not finite")])
def test_what_has_no_solution_says_why(activation, told):
    with pytest.raises(SymntkError, match=told):
        run(1000, 2.0, activation=activation, steps=480, burn=0, realizations=1)


def test_the_exponential_scheme_corrects_the_autocovariance_but_not_the_exponent():
    """From the theory of the map, which both schemes share: a = dt, or a = 1 − exp(−Δ) of the time Δ."""
    net = Balanced(2.0, 1000)
    exact, errors = net.stationary(), []
    for a in (1 / 4, 1 / 8):
        found = net.common(0.0, 0.2, dt=a, time=120.0, refine=False, progress=False)
        lags, row = np.arange(1, round(2.5 / a)), []
        for step in (a, -math.log1p(-a)):
            c = found.autocovariance[lags] - exact.autocovariance(lags * step)
            row.append([np.abs(c).max() / step, (found.lyapunov * a / step - exact.lyapunov) / step])
        errors.append(row)
    (covariance, exponent), (covariance_of, exponent_of) = np.array(errors).transpose(1, 2, 0)
    assert covariance_of[1] < 0.6 * covariance_of[0] < 0.06 * covariance[0]
    assert covariance[1] > 0.9 * covariance[0]
    assert exponent_of[1] < 0.9 * exponent_of[0] < 0  # of first order, and larger than that of Euler's scheme
    assert abs(exponent_of[1] - exponent[1] + exact.lyapunov / 2) < 0.1 * exact.lyapunov
