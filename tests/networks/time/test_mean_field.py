"""What layers in time settle to, against fixed points in closed form and brute-force networks."""

import numpy as np
import pytest

import symntk
from symntk import TimeNetwork
from symntk.finite import FiniteTimeNetwork
from symntk.networks import TimeMeanField
from symntk.networks.time.sequences import read

ERF = symntk.derive("erf")


@pytest.mark.parametrize(("leak", "recurrent"), [(0.5, 0.5), (0.0, 2.0), (0.7, 0.9)])
def test_growth_of_differences_and_variance_are_those_of_networks(leak, recurrent):
    """Two copies that differ a little in the first step, with white input, in networks of 400 units."""
    net = TimeNetwork(ERF, leak=leak, recurrent_std=recurrent, bias_std=0.1)
    theory = TimeMeanField(net, steps=64)
    rng, late = np.random.default_rng(4), slice(16, None)
    growth, variance = [], []
    for seed in range(6):
        x = np.repeat(rng.normal(size=(1, 40, 50)), 2, axis=0)
        x *= np.sqrt(50.0) / np.linalg.norm(x, axis=2, keepdims=True)
        x[1, 0] += 1e-6 * rng.normal(size=50)
        h = FiniteTimeNetwork(net, 400, 50, seed=seed).run(read("x", x, "a test")).potentials[0]
        distance = np.mean((h[0] - h[1]) ** 2, axis=1)
        growth.append(np.polyfit(np.arange(40)[late], np.log(distance[late]), 1)[0])
        variance.append(np.mean(h[0][late] ** 2))
    error = np.std(growth, ddof=1) / np.sqrt(6)
    assert abs(np.mean(growth) - np.log(theory.chi)) < 4.0 * error + 0.02
    assert np.mean(variance) == pytest.approx(theory.variance, rel=0.05)


def test_a_constant_input_comes_to_the_static_state():
    """C (1 − β)² = σ_w² E[σ²] + σ_u² power + σ_b², stable while β + σ_w √E[σ'²] < 1."""
    net = TimeNetwork(ERF, leak=0.6, recurrent_std=0.3, input_std=0.8, bias_std=0.2)
    theory = TimeMeanField(net, "constant", power=1.5)
    c = theory.variance
    assert theory.is_static
    assert c * 0.4**2 == pytest.approx(0.09 * ERF.nngp(c, c, c) + 0.64 * 1.5 + 0.04, rel=1e-12)
    assert theory.chi == pytest.approx((0.6 + 0.3 * ERF.ntk(c, c, c) ** 0.5) ** 2, rel=1e-12)
    found = TimeMeanField(net, "constant", power=1.5, steps=256).differences
    # a power of a random matrix has a prefactor beside its exponential
    assert np.log(found[250] / found[125]) / 125 == pytest.approx(np.log(theory.chi), abs=0.02)


def test_differences_are_those_of_the_gram_matrix():
    """Two inputs that differ a little at first, by the exact recursion of pairs."""
    net = TimeNetwork(symntk.derive("identity"), leak=0.5, recurrent_std=0.4, readout="each")
    x = np.zeros((2, 12, 2))
    x[:, 0, 0], x[1, 0, 1] = np.sqrt(2.0), 1e-3
    gram = net.nngp(x)
    apart = [gram[0, t, 0, t] + gram[1, t, 1, t] - 2.0 * gram[0, t, 1, t] for t in range(12)]
    theory = TimeMeanField(net, steps=12).differences
    assert np.array(apart) / apart[0] == pytest.approx(theory, rel=1e-9)


def test_critical_values_are_where_chi_is_one():
    net = TimeNetwork(ERF, leak=0.5)
    theory = TimeMeanField(net, steps=48)
    gain = theory.critical("recurrent_std")
    assert TimeMeanField(net.changed(recurrent_std=gain), steps=48).chi == pytest.approx(1.0, abs=1e-5)
    assert TimeMeanField(net.changed(recurrent_std=0.9 * gain), steps=48).chi < 1.0
    leak = TimeMeanField(net.changed(recurrent_std=gain), steps=48).critical("leak")
    assert leak == pytest.approx(0.5, abs=1e-4)


def test_units_that_jump_never_forget_and_linear_ones_are_closed():
    spiking = TimeNetwork(symntk.derive("step", "erf"), leak=0.8, threshold=0.4, recurrent_std=0.5)
    assert TimeMeanField(spiking).chi == TimeMeanField(spiking).memory == np.inf
    assert TimeMeanField(spiking.changed(recurrent_std=0.0)).chi == pytest.approx(0.64, rel=1e-9)
    with pytest.raises(symntk.errors.DomainError, match="χ does not pass 1 for recurrent_std"):
        TimeMeanField(spiking).critical("recurrent_std")
    linear = TimeNetwork(symntk.derive("identity"), leak=0.0, recurrent_std=0.7)
    assert TimeMeanField(linear).variance == pytest.approx(1.0 / (1.0 - 0.49), rel=1e-12)
    assert TimeMeanField(linear).chi == pytest.approx(0.49, rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"drive": "pink"}, "drive = 'pink'"),
        ({"power": -1.0}, "power = -1.0"),
        ({"steps": 2}, "steps = 2"),
        ({"net": TimeNetwork(ERF, 2)}, "several layers"),
        ({"net": TimeNetwork(symntk.derive("relu"), recurrent_std=9.0)}, "the variance explodes"),
    ],
    ids=["drive", "power", "steps", "layers", "explosion"],
)
def test_what_is_refused(settings, text):
    with pytest.raises(symntk.errors.DomainError, match=text):
        str(TimeMeanField(**{"net": TimeNetwork(ERF), **settings}))
