"""Networks in time of finite width: gradients against differences, and convergence to the kernels."""

import numpy as np
import pytest

import symntk
from benchmarks.time_convergence import convergence
from symntk import TimeNetwork
from symntk.finite import FiniteTimeNetwork
from symntk.networks.time.sequences import read

X = np.random.default_rng(0).normal(size=(3, 4, 2))
SMOOTH = symntk.derive("(1 + erf(3*x))/2", "erf")
RESETS = [
    {"reset": "none"},
    {"reset": "subtract", "reset_size": 0.7},
    {"reset": "zero"},
]


@pytest.mark.parametrize("reset", RESETS, ids=lambda one: one["reset"])
def test_with_the_true_derivative_signals_are_the_gradient(reset):
    """∂f/∂I of every layer, step and unit, against differences, through the reset."""
    net = TimeNetwork(SMOOTH, 2, leak=0.8, threshold=0.3, bias_std=0.2, readout="mean", **reset)
    one = FiniteTimeNetwork(net, 5, 2, seed=3)
    x = read("x", X[:1], "a test")
    signals = one.signals(x, one.run(x), "derivative")
    bias = one.layers[0].bias
    for unit in range(5):
        moved = []
        for sign in (1e-5, -1e-5):
            bias[unit] += sign
            moved.append(one.outputs(X[:1])[0])
            bias[unit] -= sign
        assert signals[0][0, :, unit].sum() * net.bias_std[0] == pytest.approx((moved[0] - moved[1]) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("reset", RESETS[1:], ids=lambda one: one["reset"])
def test_a_detached_reset_is_a_constant(reset):
    """Its signals are the gradient of a network whose reset is fixed at what it was."""
    kernels = symntk.derive("(1 + erf(3*x))/2", "(1 + erf(3*x))/2")
    net = TimeNetwork(kernels, leak=0.8, threshold=0.3, detach_reset=True, recurrent_std=0.0, **reset)
    one = FiniteTimeNetwork(net, 4, 2, seed=3)
    x = read("x", X[:1], "a test")
    run = one.run(x)
    h, s = run.potentials[0][0], run.values[0][0]
    signal = one.signals(x, run, "surrogate")[0][0]
    kept = 0.8 if reset["reset"] == "subtract" else 0.8 * (1.0 - s)
    slope = np.gradient(one._activations[0](h[-1] + np.linspace(-1e-4, 1e-4, 3)[:, None]), 1e-4, axis=0)[1]
    expected = one.top * one.readout * slope * np.prod(np.broadcast_to(kept, s.shape)[:-1], axis=0)
    assert signal[0] == pytest.approx(expected, rel=1e-6)


def test_the_empirical_kernel_is_the_product_of_jacobians():
    net = TimeNetwork(SMOOTH, 2, leak=0.8, threshold=0.3, bias_std=0.2, reset="subtract")
    one = FiniteTimeNetwork(net, 6, 2, seed=1)
    jacobian = []
    for part in [one.readout, *(a for w in one.layers for a in (w.feed, w.recurrent, w.bias))]:
        for place in np.ndindex(part.shape):
            moved = []
            for sign in (1e-5, -2e-5):
                part[place] += sign
                moved.append(one.outputs(X))
            part[place] += 1e-5
            jacobian.append((moved[0] - moved[1]) / 2e-5)
    gram = np.transpose(jacobian) @ np.array(jacobian)
    assert one.kernels(X, get=("ntk",))[0] == pytest.approx(gram, rel=1e-6, abs=1e-9)


def test_a_step_down_the_gradient_moves_outputs_by_the_kernel():
    net = TimeNetwork(symntk.derive("erf", "triangle"), leak=0.6, bias_std=0.1)
    one = FiniteTimeNetwork(net, 300, 2)
    before, y = one.outputs(X), np.array([1.0, -1.0, 0.5])
    kernel = one.kernels(X, get=("sg_ntk",))[0]
    one.train(X, y, learning_rate=1e-5, steps=1)
    assert one.outputs(X) - before == pytest.approx(-1e-5 * kernel @ (before - y), rel=1e-3)


@pytest.mark.parametrize(
    ("activation", "surrogate", "settings"),
    [
        ("step", "erf", {"threshold": 0.4, "recurrent_std": 0.8}),
        ("sign", "fast_sigmoid", {"recurrent_std": 0.5, "layers": 2}),
        ("sign", "arctan", {"recurrent_std": 0.0, "readout": "mean"}),
        ("(1 + erf(3*x))/2", "triangle", {"threshold": 0.4}),
    ],
    ids=["step, erf, recurrent", "sign, fast_sigmoid, two layers", "sign, arctan, not recurrent", "a steep erf"],
)
def test_squared_differences_to_the_limit_fall_like_one_over_the_width(activation, surrogate, settings):
    net = TimeNetwork(symntk.derive(activation, surrogate), leak=0.8, bias_std=0.3, **settings)
    names = ("nngp", "surrogate_ntk") if net.layers[0].ntk.diagonal.diverges else ("ntk", "sg_ntk")
    _, slopes, errors = convergence(net, names, (64, 128, 256), 40)
    assert np.all(errors < 0.35)
    assert np.all(np.abs(slopes + 1.0) < 3.0 * errors), (slopes, errors)


def test_what_finite_networks_refuse():
    net = TimeNetwork(symntk.derive("sign", "erf"))
    one = FiniteTimeNetwork(net, 4, 2)
    with pytest.raises(symntk.errors.DivergenceError, match="no gradient passes a jump along single paths"):
        one.kernels(X, get=("ntk",))
    with pytest.raises(symntk.errors.FormulaError, match="it is not known"):
        one.kernels(X, get=("fisher",))
    with pytest.raises(symntk.errors.DomainError, match="x has 3 features"):
        one.outputs(np.ones((1, 2, 3)))
