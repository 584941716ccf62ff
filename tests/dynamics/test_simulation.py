"""Simulated rate networks: the step, exponents that are known, records, resuming."""

from __future__ import annotations

import math
import signal

import numpy as np
import pytest

from symntk.dynamics.simulation import Drive, Run, phases, simulate, weights
from symntk.dynamics.simulation.step import Model, RateNetwork
from symntk.errors import DivergenceError, DomainError, FormulaError, SymntkError
from symntk.finite.arrays import array_function
from symntk.kernels.function import as_function

DT = 1 / 16
CENTRED = {"I_0": 0.0, "J_0": 0.0}


def run(N, g, inputs=(0.0,), *, common=True, frequency=0.2, **options):
    """Simulate amplitudes of one kind of sinusoid, in float64 where nothing else is said."""
    if isinstance(inputs, list | tuple):
        inputs = [Drive(one, common, frequency) if isinstance(one, float) else one for one in inputs]
    network = {name: options.pop(name) for name in ("I_0", "J_0", "activation") if name in options}
    return simulate(N, g, inputs, Run(**({"dtype": "float64"} | options)), progress=False, **network)


DRIVES = (Drive(5.0), Drive(2.0, common=False))


def network(activation="relu", N=300, g=2.0, dt=DT, exponents=1):
    function = as_function(activation)
    codes = array_function(function), array_function(function.derivative)
    return RateNetwork(Model(N, g, 1.0, 1.0, dt, dt, *codes, DRIVES, exponents, 3, "float64"), 0)


def of_the_linear_step(N, g, count):
    """The largest ln |eigenvalue| of the linear network's step, per unit of time."""
    values = np.linalg.eigvals(g / math.sqrt(N) * weights(N, dtype="float64"))
    return np.sort(np.log(np.abs(1 - DT + DT * values)) / DT)[::-1][:count]


@pytest.mark.parametrize(("activation", "g"), [("x", 0.8), ("x", 1.2), ("tanh", 0.8)])
def test_exponents_of_a_network_that_is_linear(activation, g):
    """tanh below g = 1 has the fixed point 0, where its slope is 1."""
    found = run(40, g, activation=activation, steps=3200, burn=4800, realizations=1, lyapunov=3, **CENTRED)
    known = of_the_linear_step(40, g, 3)
    assert np.abs(found.spectrum[0, 0] - known).max() < 2e-3
    assert abs(found.spectrum[0, 0].sum() - known.sum()) < 1e-3


def test_exponents_approach_g_minus_one():
    """The circular law: the spectral radius of a large J is g."""
    found = run(400, 0.5, activation="x", steps=800, burn=1600, realizations=1, **CENTRED)
    assert abs(found.lyapunov[0, 0] + 0.5) < 0.04


@pytest.mark.parametrize("common", [True, False])
def test_units_without_connections_forget_at_the_rate_of_one(common):
    found = run(20, 0.0, [3.0], common=common, J_0=0.0, steps=160, burn=16, realizations=2, lyapunov=20)
    assert np.abs(found.spectrum - math.log(1 - DT) / DT).max() < 1e-12
    assert np.all(found.error < 1e-12)


def test_classical_networks_are_chaotic_above_one():
    found = run(200, 4.0, activation="tanh", steps=1600, burn=800, realizations=2, **CENTRED)
    assert np.all(found.lyapunov > 0.1)


@pytest.mark.parametrize(("activation", "dt"), [("relu", DT), ("relu", 0.5), ("tanh", 0.5)])
def test_the_step_is_the_one_stated(activation, dt):
    """h(t+dt) less Euler's part is the same for all units, with the rate at t+dt: also where √N dt is far above 2."""
    net = network(activation, dt=dt)
    phi = {"relu": lambda h: np.maximum(h, 0), "tanh": np.tanh}[activation]
    G, theta = weights(300, 3, 0, "float64"), phases(300, 3, 0)
    for _ in range(3):
        before, t = net.h, net.steps * dt
        net.step()
        rest = net.h - (1 - dt) * before - dt * 2.0 / math.sqrt(300) * phi(before) @ G
        rest[1] -= dt * 2.0 * np.sin(2 * np.pi * 0.2 * t + theta)
        assert np.ptp(rest, axis=1).max() < 1e-11
        shared = math.sqrt(300) * (1 - phi(net.h).mean(1)) + [5 * math.sin(0.4 * np.pi * (t + dt)), 0.0]
        assert np.abs(rest.mean(1) - dt * shared).max() < 1e-10


def test_tangent_vectors_are_the_derivative_of_the_step():
    step = 1e-6
    states = []
    for sign in (-1, 0, 1):
        net = network("tanh", N=50, exponents=2)
        if sign:
            net.restore(net.state() | {"h": net.h + sign * step * net.tangents[:, 1]})
        for _ in range(4):
            net.step()
        states.append(net.tangents[:, 1] if sign == 0 else net.h)
    assert np.abs((states[2] - states[0]) / (2 * step) - states[1]).max() < 1e-8


def test_the_mean_is_balanced():
    """The rate is I_0/J_0 up to O(1/√N), whatever the units do."""
    found = run(400, 1.6, steps=800, realizations=1, burn=800, I_0=0.7, J_0=1.3)
    assert abs(found.rate.mean() - 0.7 / 1.3) < 2 / math.sqrt(400)
    assert found.rate.std() < 0.1 * math.sqrt(found.variance.mean())


def test_autocorrelation_of_units_that_only_filter():
    """Without connections each unit is a sinusoid of Euler's low-pass, with its own phase."""
    found = run(50, 0.0, [2.0], common=False, steps=1600, burn=800, realizations=2, lags=5.0, **CENTRED)
    omega = 0.4 * np.pi
    amplitude = 2.0 / abs((np.exp(1j * omega * DT) - 1 + DT) / DT)
    for r in range(2):
        apart = 1 - abs(np.exp(1j * phases(50, 0, r)).mean()) ** 2
        known = amplitude**2 / 2 * apart * np.cos(omega * found.lags)
        assert np.abs(found.autocorrelation[r, 0] - known).max() < 1e-5
        assert abs(found.variance[r, 0].mean() - known[0]) < 1e-5
    assert found.lags[-1] == 5.0
    assert found.times[0] == 801 * DT and len(found.times) == 1600


def test_the_exponential_scheme_is_nearer_to_continuous_time():
    """A unit alone forgets at the rate of exactly one, and filters a sinusoid up to O(dt²)."""
    options = {"common": False, "steps": 800, "burn": 800, "realizations": 1, "dt": 1 / 8, **CENTRED}
    euler, exponential = (run(50, 0.0, [2.0], scheme=scheme, **options) for scheme in ("euler", "exponential"))
    assert abs(exponential.lyapunov[0, 0] + 1) < 1e-12 < 0.05 < abs(euler.lyapunov[0, 0] + 1)
    apart = 1 - abs(np.exp(1j * phases(50)).mean()) ** 2
    known = 2.0**2 / (1 + (0.4 * np.pi) ** 2) / 2 * apart
    second = (0.4 * np.pi / 8) ** 2 / 12  # of the expansion in dt
    assert abs(exponential.variance.mean() / known - 1 - second) < 1e-4 < 0.05 < euler.variance.mean() / known - 1


def test_inputs_are_simulated_independently():
    """A row alone and among others; before rounding has grown, as the products may be summed in another order."""
    drives = [Drive(0.0), Drive(10.0), Drive(3.0, common=False), Drive(2.0, frequency=0.05, waveform=np.cos)]
    options = {"steps": 160, "burn": 0, "realizations": 1}
    together = run(100, 2.0, drives, **options)
    for i, drive in enumerate(drives):
        alone = run(100, 2.0, [drive], **options)
        assert np.abs(together.rate[:, i] - alone.rate[:, 0]).max() < 1e-10
        assert np.abs(together.lyapunov[:, i] - alone.lyapunov[:, 0]).max() < 1e-10


def test_seeds_and_realizations():
    options = {"steps": 160, "burn": 16}
    two = run(60, 2.0, [1.0], realizations=2, **options)
    assert np.array_equal(run(60, 2.0, [1.0], realizations=1, **options).rate, two.rate[:1])
    assert not np.allclose(two.rate[0], two.rate[1])
    assert not np.allclose(run(60, 2.0, [1.0], realizations=1, seed=1, **options).rate, two.rate[:1])


def test_single_precision_differs_by_its_rounding():
    options = {"steps": 800, "burn": 800, "realizations": 1}
    single, double = (run(60, 2.0, [8.0], common=False, dtype=d, **options) for d in ("float32", "float64"))
    assert double.lyapunov[0, 0] < -0.03  # else rounding would grow
    assert 0 < np.abs(single.rate - double.rate).max() < 1e-5
    assert np.abs(single.lyapunov - double.lyapunov).max() < 1e-5


def test_independent_input_suppresses_chaos_where_common_input_does_not():
    found = run(
        500,
        2.0,
        [Drive(0.0), Drive(6.0), Drive(6.0, common=False)],
        steps=2400,
        burn=800,
        realizations=1,
        dtype="float32",
    )
    none, common, independent = found.lyapunov[0]
    assert none > 0.02 and common > 0.02 and independent < -0.04
    assert "| 6 | independent |" in found.table()


def interrupted_at(call, waveform=np.sin):
    """A waveform that interrupts the process when it is called for the given time."""
    seen = []

    def wave(angle):
        seen.append(1)
        if len(seen) == call:
            signal.raise_signal(signal.SIGINT)
        return waveform(angle)

    return wave


@pytest.mark.parametrize("call", [40, 300])
def test_a_run_that_was_interrupted_continues_to_the_last_bit(tmp_path, call):
    """In the first realization, and in the second, where the first is read from its file."""
    options = {"steps": 160, "burn": 32, "realizations": 2, "lyapunov": 2, "lags": 1.0, "dtype": "float32"}
    with pytest.raises(KeyboardInterrupt):
        run(50, 2.0, [Drive(4.0, waveform=interrupted_at(call))], checkpoint=tmp_path, **options)
    assert list(tmp_path.glob("*.npz"))
    resumed = run(50, 2.0, [4.0], checkpoint=tmp_path, **options)
    whole = run(50, 2.0, [4.0], **options)
    for name in ("growth", "rate", "mean", "variance", "autocorrelation"):
        assert np.array_equal(getattr(resumed, name), getattr(whole, name)), name
    with pytest.raises(SymntkError, match="another run"):
        run(50, 2.1, [4.0], checkpoint=tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"N": 0}, "N = 0"),
        ({"g": -1.0}, "negative"),
        ({"J_0": -1.0}, "excitatory"),
        ({"dt": 1.5}, "between 0 and 1"),
        ({"lyapunov": 11}, "11 Lyapunov exponents of 10 units"),
        ({"inputs": [math.inf]}, "amplitude is inf"),
        ({"inputs": []}, r"inputs = \[\]"),
        ({"inputs": 5.0}, "inputs = 5.0"),
        ({"inputs": [None]}, "amplitude is None"),
        ({"inputs": [-1.0]}, "amplitude is -1.0"),
        ({"inputs": [Drive(-1.0, common=False)]}, "amplitude is -1.0"),
        ({"inputs": [Drive(math.nan, waveform=np.cos)]}, "amplitude 0 = nan"),
        ({"frequency": -0.2}, "frequency is -0.2"),
        ({"lags": 20.0}, "longer than the run"),
        ({"lags": math.nan}, "lags = nan"),
        ({"lags": -1.0}, "lags = -1.0"),
        ({"N": 10.5}, "N = 10.5"),
        ({"steps": 32.0}, "steps = 32.0"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 0.5}, "seed = 0.5"),
        ({"I_0": "a"}, "I_0 = 'a'"),
        ({"dt": None}, "dt = None"),
        ({"scheme": "midpoint"}, "scheme = 'midpoint'.*\"euler\""),
        ({"dtype": "float16"}, "dtype = 'float16'"),
    ],
)
def test_impossible_numbers_are_refused(options, told):
    with pytest.raises((DomainError, FormulaError), match=told):
        run(**({"N": 10, "g": 1.0, "steps": 160} | options))


@pytest.mark.parametrize("common", [True, False])
def test_an_input_that_the_steps_do_not_resolve_is_refused(common):
    """At 16 steps per τ and f = 16 a sinusoid would be sampled at its zeros."""
    for frequency in (16.0, 1.01):
        with pytest.raises(DomainError, match="do not resolve it. Try: at least 16, so dt ≤ 0.0") as caught:
            run(10, 1.0, [0.0, 9.0], frequency=frequency, common=common, steps=16, burn=0)
        advised = float(str(caught.value).split("≤ ")[1])
        run(10, 1.0, [9.0], frequency=frequency, common=common, steps=16, burn=0, dt=advised, realizations=1)
    run(10, 1.0, [0.0, Drive(9.0, common, 1.0)], frequency=16.0, steps=16, burn=0, realizations=1)


def until(end):
    """The sine, which stops at an angle."""
    return lambda angle: np.where(angle < end, np.sin(angle), 0.0)


@pytest.mark.parametrize("common", [True, False])
def test_a_checkpoint_holds_the_whole_waveform(tmp_path, common):
    """Waveforms that differ after their first period, with f = 1/2π: of common input, from the time 8 of 10 on."""
    options = {"steps": 160, "burn": 0, "realizations": 1, "checkpoint": tmp_path}
    first, again, other = (Drive(4.0, common, 1 / (2 * math.pi), until(end)) for end in (9.0, 9.0, 8.0))
    found = run(30, 2.0, [first], **options)
    assert np.array_equal(run(30, 2.0, [again], **options).rate, found.rate)
    with pytest.raises(SymntkError, match="another run"):
        run(30, 2.0, [other], **options)


def test_activity_without_bound_is_an_error():
    with pytest.raises(DomainError, match="grows without bound"):
        run(100, 20.0, steps=4000, realizations=1, I_0=1.0, J_0=0.0)


def test_an_activation_that_jumps_has_no_exponents_but_a_simulation():
    with pytest.raises(DivergenceError, match="lyapunov=0"):
        run(100, 2.0, activation="sign", **CENTRED)
    found = run(100, 2.0, activation="sign", steps=160, burn=16, realizations=1, lyapunov=0, **CENTRED)
    assert found.spectrum.shape == (1, 1, 0) and np.all(np.isfinite(found.variance))


def test_a_formula_is_the_input_that_it_says():
    options = {"steps": 64, "burn": 32, "realizations": 1}
    found = run(40, 2.0, ["10*sin(2*pi*0.2*t)", "3"], **options)
    same = run(40, 2.0, [10.0, Drive(3.0, waveform=np.ones_like)], **options)
    assert found.mean == pytest.approx(same.mean, abs=1e-9)
    assert "| 10*sin(2*pi*0.2*t) | common |" in found.table()
    with pytest.raises(FormulaError, match="w has no value"):
        run(40, 2.0, ["sin(w*t)"], **options)
    with pytest.raises(FormulaError, match="infinite, or no number, at t = 1"):
        run(40, 2.0, ["1/(t - 1)"], dt=1 / 16, **options)


@pytest.mark.parametrize("realizations", [1, 2])
def test_without_exponents_they_are_not_known(realizations):
    found = run(30, 2.0, [0.0, 5.0], steps=32, burn=16, lyapunov=0, realizations=realizations)
    assert (
        found.lyapunov.shape == (realizations, 2) and np.all(np.isnan(found.lyapunov)) and np.all(np.isnan(found.error))
    )
