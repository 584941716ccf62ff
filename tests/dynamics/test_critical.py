"""Critical inputs: their numbers, their scaling with N, their slow limit, and diagrams that resume."""

import numpy as np
import pytest

from symntk.dynamics import Balanced
from symntk.dynamics.critical import critical_common, critical_independent, quasi_static
from symntk.dynamics.phase import phase_diagram
from symntk.errors import DomainError, FormulaError, SymntkError

G, F = 2.0, 0.2
SIZES = (5000, 20000)


@pytest.fixture(scope="module")
def common():
    return {N: critical_common(Balanced(G, N), F, dt=1 / 8) for N in SIZES}


def exponent(low, high):
    return np.log(high / low) / np.log(SIZES[1] / SIZES[0])


def test_common_input_must_grow_like_the_root_of_the_size(common):
    low, high = (common[N] for N in SIZES)
    assert low.error < 0.01 * low.amplitude and high.error < 0.01 * high.amplitude
    assert abs(exponent(low.amplitude, high.amplitude) - 0.5) < 0.02


@pytest.mark.parametrize("average", ["gaussian", "phase"])
def test_independent_input_need_not(average):
    low, high = (critical_independent(Balanced(G, N), F, average=average) for N in SIZES)
    assert abs(exponent(low.amplitude, high.amplitude)) < 0.02
    assert low.error < 1e-6
    for side in (0.97, 1.03):
        state = Balanced(G, 5000).independent_stationary(side * low.amplitude, F, average=average)
        assert (state.lyapunov > 0) == (side < 1)


def test_the_course_in_time_changes_sides_there(common):
    """Another route to the exponent, with a band and the chaotic state's own start; at the root's step."""
    net, found = Balanced(G, 5000), common[5000]
    root = np.interp(0.0, found.exponents[::-1], found.amplitudes[::-1])
    above = net.common(1.04 * root, F, dt=1 / 8, time=60.0, band=7.5)
    below = net.common(0.85 * root, F, dt=1 / 8, time=60.0, band=15.0)
    assert above.lyapunov < 0.0 < below.lyapunov


def test_quiet_networks_need_no_input():
    assert critical_common(Balanced(1.3, 500), F).amplitude == 0.0
    assert critical_independent(Balanced(1.3, 500), F).amplitude == 0.0
    assert quasi_static(Balanced(1.3, 500)) == 0.0


def test_the_quasi_static_limit(common):
    """λ_0 of the time while the sinusoid excites, −1/τ while it silences: their mean is 0 at the limit."""
    net = Balanced(G, 5000)
    limit, value = quasi_static(net), net.stationary().lyapunov
    phases = (np.arange(200000) + 0.5) / 200000
    silent = np.mean(np.sqrt(5000) + limit * np.sin(2 * np.pi * phases) < 0)
    assert value * (1 - silent) - silent == pytest.approx(0.0, abs=1e-4)
    assert 0.85 < common[5000].amplitude / limit < 1.0


def test_slow_input_comes_to_the_quasi_static_limit():
    net = Balanced(G, 1000)
    found = critical_common(net, 0.04, dt=0.2)
    assert found.amplitude == pytest.approx(quasi_static(net), rel=0.005)


@pytest.mark.parametrize(
    ("net", "match"),
    [(Balanced(1.5, 100, 0.0, 0.0, "erf"), "threshold-linear"), (Balanced(2.0, 100, activation="softplus"), "linear")],
)
def test_the_quasi_static_limit_is_that_of_threshold_linear_units(net, match):
    with pytest.raises(DomainError, match=match):
        quasi_static(net)


@pytest.mark.parametrize(("gain", "f"), [(3.0, 0.2), (2.0, 1.0)])
def test_errors_of_common_input_hold_what_a_finer_step_changes(gain, f):
    net = Balanced(gain, 1000)
    found, finer = (critical_common(net, f, dt=dt / f) for dt in (1 / 64, 1 / 80))
    assert abs(found.amplitude - finer.amplitude) <= found.error < 0.05 * found.amplitude
    assert 0.0 < finer.error < found.error


def test_other_waveforms():
    """λ of a square wave's orbit changes its sign at the amplitude that is found."""
    net = Balanced(G, 200)
    found = critical_common(net, F, waveform="sign(sin(x))", dt=1 / 8)
    below, above = (
        [
            net.orbit(f"{found.amplitude * factor}*sign(sin({2 * np.pi * F}*t))", F, dt=dt).lyapunov
            for dt in (1 / 4, 1 / 8)
        ]
        for factor in (0.97, 1.03)
    )
    assert 2 * above[1] - above[0] < 0.0 < 2 * below[1] - below[0]
    with pytest.raises(FormulaError, match="t has no value"):
        critical_common(net, F, waveform="sin(t)")


def test_a_period_of_too_many_steps_is_refused():
    with pytest.raises(DomainError, match="GB for each amplitude"):
        Balanced(G, 100).orbit(10.0, 1e-4)


def test_diagrams_resume(tmp_path):
    options = {"g": [1.2, 2.0], "f": [0.2], "N": [500], "kind": "gaussian", "folder": tmp_path, "progress": False}
    first = phase_diagram(**options)
    assert first.values.shape == (2, 1, 1) and first.values[0, 0, 0] == 0.0
    assert first.values[1, 0, 0] == pytest.approx(
        critical_independent(Balanced(G, 500), F, average="gaussian").amplitude, rel=1e-9
    )
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = phase_diagram(**options | {"g": [1.2, 2.0, 1.3]})
    assert np.array_equal(again.values[:2], first.values)
    assert len(list(tmp_path.iterdir())) == 3 and all(path.stat().st_mtime_ns == at for path, at in kept.items())
    next(iter(kept)).write_bytes(b"no checkpoint")
    with pytest.raises(SymntkError, match="no checkpoint"):
        phase_diagram(**options)


def test_diagrams_of_exponents_and_reasons():
    found = phase_diagram(g=2.0, f=0.2, N=500, I_1=[1.0, 6.0], kind="phase", progress=False)
    assert list(found.axes) == ["g", "f", "N", "I_1"]
    assert found.values[0, 0, 0, 0] > 0 > found.values[0, 0, 0, 1]
    silent = phase_diagram(N=500, I_0=-1.0, progress=False)
    assert np.isnan(silent.values).all() and "excites" in silent.reasons[0, 0, 0]
    with pytest.raises(DomainError, match="kind"):
        phase_diagram(kind="both")
    with pytest.raises(DomainError, match="f ="):
        phase_diagram(f=[])
