"""Inputs of zeros without bias: networks of infinite width beside formulas and beside networks of finite width."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import symntk
from symntk.errors import DivergenceError, DomainError, SymntkError
from symntk.finite.arrays import array_function, arrays
from symntk.finite.ensemble import Ensemble
from symntk.finite.network import forward

Z = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
derive = cache(symntk.derive)


@cache
def exported(name, surrogate=None):
    """The exported module, which stands alone."""
    space = {}
    exec(compile(derive(name, surrogate).source(), "exported", "exec"), space)
    return space


def test_a_step_at_an_input_of_zeros_is_a_half():
    """Σ²(0, 0) = 1/4, a variable that is certain to be 1/2 · w: Σ³(0, x) = 1/2 · 3/4 and so on, by Φ2."""
    gram = symntk.Network(derive("Heaviside(x)"), 3).nngp(Z)
    second = np.array([[0.25, 0.25], [0.25, 0.5]])
    angle = np.arcsin(second[0, 1] / np.sqrt(second[0, 0] * second[1, 1]))
    assert gram[0, 1] == pytest.approx(0.25 + angle / (2 * np.pi), rel=1e-15) and gram[0, 1] == pytest.approx(0.375)
    assert gram[0, 0] == gram[0, 2] == 0.5
    assert exported("Heaviside(x)")["nngp"](Z, depth=3) == pytest.approx(gram, rel=1e-15)


def test_sign_has_no_output_and_no_gradient_there():
    net = symntk.Network(derive("sign", "erf"), 3)
    for gram, depth in ((net.nngp(Z), 3), (net.sg_ntk(Z), 3)):
        assert not np.any(gram[[0, 2]]) and not np.any(gram[:, [0, 2]]) and gram[1, 1] > 0.9 and depth == 3
    assert exported("sign", "erf")["sg_ntk"](Z, depth=3) == pytest.approx(net.sg_ntk(Z), rel=1e-14)
    assert net.sg_ntk(Z)[1, 1] == net.sg_ntk(Z[1:2])[0, 0]


def test_the_ntk_of_a_jump_is_infinite_there_by_name():
    net = symntk.Network(derive("sign", "erf"), 3)
    for rows in ((Z[:1], Z[1:2]), (Z[1:2], Z[:1]), (Z[:1], Z[2:])):
        with pytest.raises(DivergenceError, match="row 0, column 0.*an input of zeros it is infinite"):
            net.ntk(*rows)
        assert net.ntk(*rows, singular="inf") == np.inf
        with pytest.raises(ValueError, match="row 0, column 0.*one of them is 0"):
            exported("sign", "erf")["ntk"](*rows, depth=3)
    assert np.isfinite(symntk.Network(derive("sign", "erf"), 3, bias_std=0.1).ntk(Z[:1], Z[1:2])).all()


def test_infinite_entries_can_be_asked_for():
    gram = symntk.Network(derive("sign", "erf"), 3).ntk(Z, singular="inf")
    assert np.all(np.isinf(gram[[0, 2]])) and np.all(np.isinf(gram[:, [0, 2]]))


def test_a_pole_of_the_activation_is_named():
    with pytest.raises(SymntkError, match="infinite at 0"):
        symntk.Network(derive("log(Abs(x))"), 3).nngp(Z)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "tanh", "softsign", "Abs(x)"])
@pytest.mark.parametrize("depth", [2, 4])
def test_activations_that_are_0_at_0_hand_on_variance_0(name, depth):
    net = symntk.Network(derive(name), depth, weight_std=1.3)
    for gram, alone in ((net.nngp(Z), net.nngp(Z[1:2])), (net.ntk(Z), net.ntk(Z[1:2]))):
        assert not np.any(gram[[0, 2]]) and not np.any(gram[:, [0, 2]])
        assert gram[1, 1] == pytest.approx(alone[0, 0], rel=1e-12)


@pytest.mark.parametrize("name", ["sigmoid", "cos", "1/(1+x**2)", "Heaviside(x-1)"])
def test_one_layer_is_the_value_times_the_mean(name):
    """Σ²(0, x) = σ_w² σ(0) E σ(v), Θ² = Σ² + 0."""
    weight = 1.3
    kernels = derive(name)
    gram = symntk.Network(kernels, 2, weight_std=weight).nngp(Z)
    value = {"sigmoid": 0.5, "cos": 1.0, "1/(1+x**2)": 1.0, "Heaviside(x-1)": 0.0}[name]
    mean = symntk.expectation(name)(weight**2 * 2.5, 1, 0)
    right = weight**2 * value * np.array([value, mean, value])
    assert gram[0] == pytest.approx(right, rel=1e-11) and gram[:, 0] == pytest.approx(right, rel=1e-11)
    if kernels.nngp.expression is not None:
        assert exported(name)["nngp"](Z, depth=2, weight_std=weight) == pytest.approx(gram, rel=1e-14)


def test_a_table_of_a_layer_leaves_zero_rows_to_the_values():
    x = np.random.default_rng(0).normal(size=(120, 3))
    x[[3, 77]] = 0.0
    net = symntk.Network(derive("sigmoid"), 3)
    few = [3, 5, 77]
    assert net.ntk(x)[np.ix_(few, few)] == pytest.approx(net.ntk(x[few]), rel=1e-10)


def test_float32_general_and_flow():
    net = symntk.Network(derive("Heaviside(x)", "erf"), 3)
    assert net.nngp(Z.astype(np.float32)).dtype == np.float32
    assert net.nngp(Z.astype(np.float32)) == pytest.approx(net.nngp(Z), rel=1e-6)
    other = symntk.Network(derive("relu"), 3)
    both = net.general(Z, Z, other=other, slopes=("surrogate", "derivative"))
    # ReLU is 0 there, a step 1/2: Σ² = E[step(0) relu(v)], and the certain column stays 0
    assert not np.any(both[:, [0, 2]]) and both[0, 1] > 0
    flow = symntk.Network(derive("Heaviside(x)", "erf"), 2, bias_std=0.1).flow(Z[:2], np.array([1.0, -1.0]))
    assert flow.predict(Z[:2]).mean == pytest.approx([1.0, -1.0], abs=1e-9)


def test_formula_of_the_exported_network():
    net = symntk.Network(derive("Heaviside(x)", "erf"), 3)
    space = {}
    exec(compile(net.source(), "exported", "exec"), space)
    for name in ("nngp", "sg_ntk"):
        assert space[name](Z) == pytest.approx(getattr(net, name)(Z), rel=1e-14)
    assert space["nngp_map"](0.0, 2.5, 0.0) == pytest.approx(net.nngp(Z)[0, 1], rel=1e-14)
    with pytest.raises(ValueError, match="infinite at row 0"):
        space["ntk"](Z[:1], Z[1:2])


@pytest.mark.parametrize("scale", [1e-80, 1e-170])
def test_inputs_that_float64_cannot_tell_from_zeros_are_named(scale):
    for call in (symntk.Network(derive("relu"), 3).nngp, lambda x: exported("relu")["nngp"](x, depth=3)):
        with pytest.raises(ValueError, match="too small for float64"):
            call(scale * Z)
        assert call(1e-70 * Z)[1, 1] == pytest.approx(1e-140 * call(Z)[1, 1], rel=1e-13)


def test_variances_that_fall_below_float64_are_named():
    net = symntk.Network(derive("relu"), 1500)
    with pytest.raises(DomainError, match="variance of layer 10.. is positive, but below float64"):
        net.nngp(Z[1:2])
    assert symntk.Network(derive("relu"), 900).nngp(Z[1:2])[0, 0] == pytest.approx(2.5 / 2.0**899, rel=1e-10)
    with pytest.raises(DomainError, match="variance of layer 2"):
        symntk.Network(derive("Max(0, x-1)"), 3).nngp(1e-3 * Z)


def test_wide_networks_of_finite_width_agree():
    """The mean of σ(h) σ(h') over 500 units of 40 networks: its error is 0.5/√(40·500), half a percent, and 1/width.

    A tiny variance in place of 0 would make the entry (0, x) a third instead of 3/8.
    """
    networks = Ensemble(derive("Heaviside(x)", "erf"), depth=3, width=500, networks=40, inputs=2, seed=5)
    step = arrays("numpy").compile(array_function(derive("Heaviside(x)").activation))
    weights = networks.shape.draw(networks.seed, range(40), "float64")
    _, inside = forward(networks.shape, weights, [step, step], Z[:2].T)
    found = np.mean(inside[-1][:, :, :, None] * inside[-1][:, :, None, :], axis=(0, 1))
    assert found == pytest.approx(symntk.Network(derive("Heaviside(x)"), 3).nngp(Z[:2]), abs=0.012)


def test_the_ntk_of_wide_networks_agrees():
    """The kernel of 60 ReLU networks of 300 units; its mean has an error below 2 % of the largest entry (seeded)."""
    networks = Ensemble(derive("relu"), depth=3, width=300, networks=60, inputs=2, seed=5, dtype="float64")
    found = networks.kernel(Z[:2], second="derivative").mean(axis=0)
    right = symntk.Network(derive("relu"), 3).ntk(Z[:2])
    assert not np.any(found[0]) and found == pytest.approx(right, abs=0.04 * right[1, 1])
