"""Stationary theory of independent input: critical amplitudes, and which state a network is in, at all f and g."""

from __future__ import annotations

import numpy as np
import pytest

from symntk.dynamics import Balanced, classical
from symntk.dynamics.critical import critical_independent
from symntk.dynamics.elements import Elements
from symntk.dynamics.independent import default_points, repeating
from symntk.dynamics.settled import chaotic
from symntk.dynamics.spectral import Grid, exponent
from symntk.errors import DomainError

AVERAGES = ("gaussian", "phase")
NET = Balanced(2.0, 500)


def is_its_root(net, f, average, phases=48):
    """λ of the repeating state changes its sign within the stated error, on finer grids with more phases."""
    found = critical_independent(net, f, average=average)
    points = int(1.5 * default_points(net.problem(1.0, f, average)))
    problems = (net.problem(found.amplitude + side * found.error, f, average, phases) for side in (-1, 1))
    below, above = (repeating(one, net.stationary(), points).lyapunov for one in problems)
    return below > 0.0 > above


@pytest.mark.parametrize(
    ("g", "f", "average"),
    [
        (1.42, 0.01, "gaussian"),
        (1.42, 0.2, "gaussian"),
        (1.8, 0.05, "gaussian"),
        (2.0, 0.01, "gaussian"),
        (2.5, 0.05, "phase"),
        (3.0, 0.2, "phase"),
        (2.0, 2.0, "phase"),
    ],
)
def test_critical_amplitudes_are_roots_within_their_errors(g, f, average):
    assert is_its_root(Balanced(g, 500), f, average)
    assert critical_independent(Balanced(g, 500), f, average=average).error < 1e-5


@pytest.mark.parametrize(
    ("net", "f"),
    [
        (Balanced(2.0, 1000, 0.5, 2.0), 0.1),
        (Balanced(2.5, 50), 0.5),
        (classical(2.0, "erf"), 0.05),
        (classical(2.0, "hard_tanh"), 0.1),
    ],
)
def test_other_networks(net, f):
    assert is_its_root(net, f, "gaussian")


def test_odd_units_with_phases():
    assert is_its_root(classical(2.0, "erf"), 0.1, "phase")


def test_time_is_in_units_of_tau():
    one = critical_independent(NET, 0.05, average="phase")
    slow = critical_independent(Balanced(2.0, 500, tau=10.0), 0.005, average="phase")
    assert slow.amplitude == pytest.approx(one.amplitude, abs=1e-10)


def test_slow_input_that_does_not_suppress_is_said():
    """At g = 3 and f = 0.01 strong input of random phases leaves λ positive, as repeating states say."""
    with pytest.raises(DomainError, match="no amplitude"):
        critical_independent(Balanced(3.0, 500), 0.01, average="phase")


@pytest.mark.parametrize("average", AVERAGES)
def test_weak_slow_input_is_chaotic(average):
    net = Balanced(2.0, 1000)
    rest = net.stationary()
    weak, stronger = (net.independent_stationary(one, 0.05, average=average) for one in (0.8, 1.5))
    assert rest.lyapunov > weak.lyapunov > stronger.lyapunov > 0.0
    assert not weak.repeats and not stronger.repeats
    tiny = net.independent_stationary(1e-3, 0.05, average=average)
    assert abs(tiny.lyapunov - rest.lyapunov) < 1e-6
    assert np.allclose(tiny.at([0.0, 3.0]), rest.autocovariance(np.array([0.0, 3.0])), rtol=1e-6)


@pytest.mark.parametrize(("average", "f"), [("gaussian", 0.2), ("phase", 0.05)])
def test_close_to_the_critical_amplitude(average, f):
    """λ falls through 0 with a corner: the chaotic state below, the repeating one above."""
    critical = critical_independent(NET, f, average=average).amplitude
    near = [NET.independent_stationary((1.0 + one) * critical, f, average=average) for one in (-0.04, -0.02, 0.01)]
    assert not near[0].repeats and not near[1].repeats and near[2].repeats
    assert 0.5 * near[0].lyapunov == pytest.approx(near[1].lyapunov, rel=0.05)  # a line that ends where λ is 0
    rival = repeating(NET.problem(0.98 * critical, f, average), NET.stationary())
    assert 0.0 < near[1].lyapunov < rival.lyapunov
    assert max(one.lyapunov_error for one in near) < 1e-5
    with pytest.raises(DomainError, match="onset of chaos"):
        NET.independent_stationary(critical * (1.0 - 1e-7), f, average=average)
    assert NET.independent_stationary(critical * (1.0 + 1e-7), f, average=average).repeats


@pytest.mark.parametrize("amplitude", [0.5, 3.0, 3.6])
def test_stated_errors_of_chaotic_states(amplitude):
    found = NET.independent_stationary(amplitude, 0.2, average="gaussian")
    finer = NET.independent_stationary(amplitude, 0.2, average="gaussian", points=40)
    assert abs(found.lyapunov - finer.lyapunov) <= found.lyapunov_error + 1e-10


@pytest.mark.parametrize("points", [0, 140])
@pytest.mark.parametrize("amplitude", [20.0, 60.0, 400.0])
def test_strong_input_on_every_grid(amplitude, points):
    """One λ, whatever the grid and the phases."""
    found = NET.independent_stationary(amplitude, 0.2, average="phase", points=points)
    expected = repeating(NET.problem(amplitude, 0.2, "phase", 200), NET.stationary(), 60).lyapunov
    assert found.repeats and abs(found.lyapunov - expected) <= found.lyapunov_error + 1e-10


def test_the_phases_of_the_half_circle_stand_for_all():
    """Against a plain mean over many phases of the whole circle."""
    problem = NET.problem(6.0, 0.2, "phase")
    lags = np.array([0.3, 1.7])
    first, second = problem.deviations(lags)
    theta = 2.0 * np.pi * (np.arange(4000)[:, None] + 0.5) / 4000
    size = 6.0 / np.sqrt(1.0 + problem.omega**2)
    full, c = np.full(2, 20.0), np.array([19.0, 15.0])
    for one in (problem.units.product, problem.units.slopes):
        half = problem.weights @ one(full, full, c, -2.0 + first, -2.0 + second)
        whole = one(full, full, c, -2.0 + size * np.sin(theta), -2.0 + size * np.sin(theta + problem.omega * lags))
        assert half == pytest.approx(whole.mean(axis=0), rel=1e-9)


def test_between_the_points():
    """Even, periodic where the state repeats, and on a chaotic state's grids what a finer solution says."""
    found = NET.independent_stationary(8.0, 0.2)
    assert found.at(found.lags) == pytest.approx(found.autocovariance, rel=1e-14)
    assert found.at([-0.7, 5.7, 14.3]) == pytest.approx(found.at([0.7, 0.7, 0.7]), rel=1e-12)
    lags = np.array([[0.31, 2.2], [7.9, 24.0]])
    coarse, fine = (NET.independent_stationary(2.0, 0.2, points=points) for points in (18, 25))
    assert coarse.at(lags) == pytest.approx(fine.at(lags), rel=1e-7)


def test_chaotic_states_are_refused_where_there_is_none():
    problem, start = NET.problem(8.0, 0.2), NET.stationary()
    with pytest.raises(DomainError, match="stable"):
        chaotic(problem, start, repeating(problem, start))


@pytest.mark.parametrize("count", [1, 12, 24])
def test_rows_of_grids(count):
    """Sparse and full matrices solve the same equation, and give one exponent."""
    row = Elements(24.0 / count, count, {1: 90, 12: 20, 24: 16}[count])
    c = row.smoothed(np.cos(np.pi * row.points / 8.0))
    assert c == pytest.approx(np.cos(np.pi * row.points / 8.0) / (1.0 + (np.pi / 8.0) ** 2), abs=1e-10)

    def potential(lag):
        return 1.0 - 1.5 * np.exp(-(lag**2)) - 0.3 * np.cos(lag) ** 2

    single = Grid(24.0, 120)
    assert row.exponent(potential(row.points)) == pytest.approx(exponent(single, potential(single.points)), abs=1e-8)
