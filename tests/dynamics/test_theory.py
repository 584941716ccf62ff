"""Non-stationary theory: exact cases, the same recursion written plainly, and agreement of independent routes."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr

from symntk.dynamics import Balanced
from symntk.dynamics.band import Setup, course
from symntk.dynamics.orbit import torus_exponent
from symntk.dynamics.units import Units
from symntk.errors import DomainError, FormulaError

NET = Balanced(2.0, 5000)


def setup(units, g, feedback, drive, dt, steps, band, row, mean=0.0, period=1):
    one = np.ones(1)
    drive = np.broadcast_to(np.asarray(drive, dtype=float), (steps + 1,))[None, None]
    return Setup(units, g * one, feedback * one, drive, one, None, dt, band, period, mean * one, np.asarray(row)[None])


def test_linear_networks_are_exact():
    """h(n) = ((1 − dt) + dt J)^n h(0), so c(n, n) = Σ_k C(n, k)² (1−dt)^(2n−2k) (dt g)^(2k); k(n, n) alike."""
    g, dt, steps = 1.3, 0.1, 60
    found = course(setup(Units("x"), g, 0.0, 0.0, dt, steps, steps + 2, [1.0]))
    for n in (1, 7, 60):
        exact = sum(comb(n, k) ** 2 * (1 - dt) ** (2 * n - 2 * k) * (dt * g) ** (2 * k) for k in range(n + 1))
        assert found.variance[0, n] == pytest.approx(exact, rel=1e-12)
        assert found.growth[0, n] == pytest.approx(np.log(exact), abs=1e-11)
    n, s = 60, 43
    between = sum(comb(n, k) * comb(s, k) * (1 - dt) ** (n + s - 2 * k) * (dt * g) ** (2 * k) for k in range(s + 1))
    assert found.last[0, n - s] == pytest.approx(between, rel=1e-12)


def plainly(g, feedback, drive, dt, c0):
    """The recursion with loops and scipy's quad: threshold-linear units, independent at time 0."""

    def mean_of(m, c):
        s = np.sqrt(c)
        return m * ndtr(m / s) + s * np.exp(-0.5 * (m / s) ** 2) / np.sqrt(2 * np.pi)

    def integral(a, b, c, m1, m2, slope):
        rest = np.sqrt(max(b - c * c / a, 1e-14 * b))

        def integrand(u):
            m = m2 + c / a * (u - m1)
            inner = ndtr(m / rest) if slope else u * mean_of(m, rest**2)
            return inner * np.exp(-0.5 * (u - m1) ** 2 / a) / np.sqrt(2 * np.pi * a)

        return quad(integrand, 0.0, max(m1, 0.0) + 10 * np.sqrt(a), epsabs=1e-11, epsrel=1e-11, limit=300)[0]

    steps = len(drive) - 1
    c, r, k, l = (np.zeros((steps + 1, steps + 1)) for _ in range(4))  # noqa: E741
    m = np.zeros(steps + 1)
    c[0, 0], k[0, 0] = c0, 1.0
    for n in range(steps):
        diagonal = [integral(c[n, n], c[n, n], c[n, n], m[n], m[n], slope) for slope in (False, True)]
        for one, two, source in ((c, r, diagonal[0]), (k, l, diagonal[1] * k[n, n])):
            one[n + 1, : n + 1] = (1 - dt) * one[n, : n + 1] + dt * two[n, : n + 1]
            one[n + 1, n + 1] = (1 - dt) ** 2 * one[n, n] + 2 * dt * (1 - dt) * two[n, n] + dt**2 * g**2 * source
        low, high = -100.0, 100.0
        for _ in range(80):
            middle = 0.5 * (low + high)
            gap = middle + dt * feedback * mean_of(middle, c[n + 1, n + 1]) - (1 - dt) * m[n] - dt * drive[n + 1]
            low, high = (middle, high) if gap < 0 else (low, middle)
        m[n + 1] = 0.5 * (low + high)
        for s in range(n + 1):
            state = c[n + 1, n + 1], c[s, s], c[n + 1, s], m[n + 1], m[s]
            r[n + 1, s + 1] = (1 - dt) * r[n + 1, s] + dt * g**2 * integral(*state, False)
            l[n + 1, s + 1] = (1 - dt) * l[n + 1, s] + dt * g**2 * integral(*state, True) * k[n + 1, s]
    return m, np.diag(c), np.log(np.diag(k)), c[steps, ::-1]


def test_the_same_recursion_with_quad_for_each_element():
    g, dt, steps = 2.0, 0.25, 16
    feedback = np.sqrt(200.0)
    drive = feedback + 12.0 * np.sin(2 * np.pi * 0.2 * np.arange(steps + 1) * dt)
    found = course(setup(Units("relu"), g, feedback, drive, dt, steps, steps + 2, [1.5]))
    m, variance, growth, last = plainly(g, feedback, drive, dt, 1.5)
    assert found.mean[0, 0] == pytest.approx(m, abs=1e-6)
    assert found.variance[0] == pytest.approx(variance, rel=1e-6)
    assert found.growth[0] == pytest.approx(growth, abs=1e-6)
    assert found.last[0] == pytest.approx(last, rel=1e-6, abs=1e-6)


def test_several_networks_at_once_are_each_their_own():
    steps = 40
    row = 3.0 * np.exp(-0.05 * np.arange(29, -1, -1))
    ones = [setup(Units("relu"), g, 8.0, 8.0, 0.1, steps, 30, row) for g in (1.5, 2.0)]
    names = ("gain", "feedback", "drive", "mean", "row")
    both = replace(ones[0], **{name: np.concatenate([getattr(one, name) for one in ones]) for name in names})
    together = course(both)
    for i, one in enumerate(ones):
        alone = course(one)
        assert together.variance[i] == pytest.approx(alone.variance[0], rel=1e-12)
        assert together.growth[i] == pytest.approx(alone.growth[0], abs=1e-11)


def test_without_input_it_tends_to_the_stationary_state():
    """Two routes that share q and q' only: time steps with dt → 0, and the particle in its potential."""
    state = NET.stationary()
    coarse, fine = (NET.common(0.0, dt=dt, time=70.0) for dt in (1 / 4, 1 / 8))
    assert 2 * fine.lyapunov - coarse.lyapunov == pytest.approx(state.lyapunov, abs=1e-4)
    assert fine.variance[-1] == pytest.approx(state.variance, rel=1e-3)
    assert fine.mean[-1] == pytest.approx(state.mean, rel=1e-3)
    c = 2 * fine.autocovariance[:80:2] - coarse.autocovariance[:40]
    assert c == pytest.approx(state.autocovariance(coarse.lags[:40]), rel=3e-3)


def test_extrapolation():
    run = NET.common(0.0, dt=1 / 4, time=70.0, refine=True)
    assert abs(run.lyapunov - NET.stationary().lyapunov) < run.lyapunov_error < 3e-3


def test_with_suppressing_input_it_tends_to_the_repeating_state():
    """Two routes to λ and c: the band in time, and the torus."""
    run = NET.common(70.0, 0.2, dt=1 / 8, time=60.0, band=8.0)
    orbit = NET.orbit(70.0, 0.2, dt=1 / 8)
    period = len(orbit.mean)
    assert run.mean[-period:] == pytest.approx(orbit.mean, abs=1e-4)
    assert run.variance[-period:] == pytest.approx(np.diag(orbit.covariance), rel=1e-4)
    assert run.lyapunov == pytest.approx(orbit.lyapunov, abs=2e-4)
    assert orbit.lyapunov < 0 and np.linalg.eigvalsh(orbit.covariance)[0] > -1e-5 * orbit.covariance.max()


def test_independent_input_tends_to_its_stationary_state():
    found = NET.independent_stationary(5.0, 0.2, average="gaussian")
    runs = [NET.independent(5.0, 0.2, average="gaussian", dt=dt, time=50.0, band=7.5) for dt in (1 / 4, 1 / 8)]
    value = 2 * runs[1].lyapunov - runs[0].lyapunov
    assert value == pytest.approx(found.lyapunov, abs=2e-3)
    assert np.ptp(runs[1].mean[-40:]) < 1e-3  # common to no unit: the mean is constant
    expected = NET.independent_stationary(5.0, 0.2, average="phase")
    options = {"average": "phase", "phases": 8, "time": 30.0, "band": 7.5}
    coarse, fine = (NET.independent(5.0, 0.2, dt=dt, **options) for dt in (1 / 4, 1 / 8))
    assert fine.groups.shape[0] == 8 and np.ptp(fine.groups[0][-40:]) > 3.0
    for name, value in (("mean", expected.mean), ("rate", expected.rate), ("variance", expected.autocovariance[0])):
        got = 2 * getattr(fine, name)[-1] - getattr(coarse, name)[-1]
        assert got == pytest.approx(value, rel=0.03), name


def test_the_torus_exponent_of_a_rank_one_source():
    """q' = v v^T: the mode is w(t) w(s), and w = v · (filter of w v) is one equation in one time."""
    dt, count = 0.1, 50
    v = 1.0 + 0.5 * np.sin(2 * np.pi * np.arange(count) / count)
    found = torus_exponent(np.outer(v, v), dt)
    # (w(n+1) e^{λ dt} − (1−dt) w(n))/dt = v(n) w(n): the product over a period is e^{λT}
    assert found == pytest.approx(np.mean(np.log(1 - dt + dt * v)) / dt, abs=1e-9)


def test_time_units_and_waveforms():
    slow = Balanced(2.0, 5000, tau=10.0)
    options = {"dt": 1 / 4, "time": 30.0, "band": 8.0}
    fast = NET.common(30.0, 0.2, **options)
    same = slow.common("30*sin(2*pi*t/50)", 0.02, **{name: 10 * value for name, value in options.items()})
    assert same.lyapunov == pytest.approx(fast.lyapunov, abs=1e-9)
    assert same.mean == pytest.approx(fast.mean, abs=1e-7)
    array = 30.0 * np.sin(2 * np.pi * 0.2 * fast.time)
    assert NET.common(array, 0.2, **options).variance == pytest.approx(fast.variance, rel=1e-9)
    assert NET.common(array[:20], 0.2, **options).variance == pytest.approx(fast.variance, rel=1e-9)
    given, sinusoid = (NET.orbit(one, 0.2, dt=1 / 4).lyapunov for one in (array[:20], 30.0))
    assert given == pytest.approx(sinusoid, abs=1e-10)
    doubled = NET.common(0.0, mean="2", **options)
    assert doubled.rate[-1] == pytest.approx(Balanced(2.0, 5000, 2.0).common(0.0, **options).rate[-1], rel=1e-3)


def test_errors_say_what_is_wrong():
    with pytest.raises(DomainError, match="frequency"):
        NET.common(3.0)
    with pytest.raises(DomainError, match="amplitude"):
        NET.common(-1.0, 0.2)
    with pytest.raises(FormulaError, match="w has no value"):
        NET.common("sin(w*t)", 0.2)
    with pytest.raises(DomainError, match="shape"):
        NET.common(np.ones(7), 0.2)
    with pytest.raises(DomainError, match="121 values, at the times 0, 0.25, …, 30, or the first 20"):
        NET.common(np.ones(7), 0.2, dt=1 / 4, time=30.0)
    for f in (0.0, "0.2"):
        with pytest.raises(DomainError, match="frequency"):
            NET.common("sin(t)", f)
    with pytest.raises(DomainError, match="dt = 'a'"):
        NET.common(1.0, 0.2, dt="a")
    with pytest.raises(DomainError, match="dt = 2"):
        NET.common(1.0, 0.2, dt=2.0)
    for name in ("dt", "time", "band"):
        with pytest.raises(DomainError, match=f"{name} = 0"):
            NET.common(1.0, 0.2, **{name: 0})
    with pytest.raises(DomainError, match="phases = 0"):
        NET.independent(1.0, 0.2, average="phase", phases=0)
    with pytest.raises(DomainError, match="less than the size 1.94"):
        NET.independent("1 + t", None, band=1.0, time=2.0)
    with pytest.raises(DomainError, match="points = 2"):
        NET.independent_stationary(5.0, 0.2, points=2)
    with pytest.raises(DomainError, match="None"):
        NET.common(None, 0.2)
    with pytest.raises(DomainError, match="at least 1"):
        Balanced(2.0, 0.5)
    with pytest.raises(DomainError, match="J_0 ≥ 0"):
        Balanced(1.0, 100, J_0=-1.0).common(0.0, dt=1 / 4)
    with pytest.raises(DomainError, match="explodes"):
        Balanced(2.0, 50, J_0=0.0).common(0.0, dt=1 / 4)


def test_near_the_onset_it_says_which_state_it_follows():
    """The chaotic state without input; with a strong input, the one that repeats."""
    net = Balanced(1.5, 5000)
    run = net.common(0.0, dt=1 / 4, time=60.0, band=25.0)
    assert not run.repeats and run.lyapunov == pytest.approx(net.stationary().lyapunov, rel=0.1)
    assert net.common(80.0, 0.2, dt=1 / 4, time=60.0, band=7.5).repeats
