"""Kernels in time without reset: reference numbers, sums written out, limits that Network knows, equal histories."""

import numpy as np
import pytest

import symntk
from symntk import Network, TimeNetwork
from symntk.networks.layers import pair

ALL = ("nngp", "ntk", "sg_ntk", "surrogate_ntk")
SPIKING = symntk.derive("step", surrogate_derivative="exp(-2*x**2)*sqrt(2/pi)")


def inputs(n=3, steps=4, features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, steps, features))


def forward(scales, below, units, powers):
    """Q, C and S of a layer, (T, T) each, for the pairs of inputs "xx", "xy" and "yy"."""
    steps = len(powers[0])
    side = {"x": 0, "y": 1}
    maps = {key: pair(units[side[key[0]]], units[side[key[1]]], ("activation", "activation")) for key in below}
    s = {key: np.zeros((steps, steps)) for key in below}
    for _ in range(steps):  # each round makes one more step right
        q, c = {}, {}
        for key in below:
            before = np.zeros((steps, steps))
            before[1:, 1:] = s[key][:-1, :-1]
            q[key] = scales.input * below[key] + scales.recurrent * before + scales.bias
            c[key] = powers[side[key[0]]] @ q[key] @ powers[side[key[1]]].T
        own = {"x": np.diag(c["xx"]), "y": np.diag(c["yy"])}
        s = {key: maps[key](own[key[0]][:, None], own[key[1]][None], bounded(c, own, key)) for key in below}
    return q, c, s


def bounded(c, own, key):
    """Covariances of rounds that are not yet right may be none; one that is 1 but for rounding is beyond 1."""
    full = np.sqrt(own[key[0]][:, None]) * np.sqrt(own[key[1]][None])
    return np.where(np.abs(c[key]) > (1.0 - 1e-14) * full, np.copysign((1.0 + 1e-15) * full, c[key]), c[key])


def backward(scales, slope, signal, powers):
    """B of a layer, with a step of zeros behind the last one."""
    steps = len(slope)
    b = np.zeros((steps + 1, steps + 1))
    for t in reversed(range(steps)):
        for r in reversed(range(steps)):
            arriving = slope * (signal + scales.recurrent * b[1:, 1:])
            b[t, r] = powers[0][:, t] @ arriving @ powers[1][:, r]
    return b


def written_out(net, x, y, kappa, slopes, other=None):
    """The NNGP and tangent kernel of two inputs by explicit sums and the backward recursion of the theory."""
    other = other or net
    lag = np.subtract.outer(np.arange(len(x)), np.arange(len(x)))
    below = {"xx": x @ x.T / x.shape[1], "xy": x @ y.T / x.shape[1], "yy": y @ y.T / x.shape[1]}
    layers = []
    for index, scales in enumerate(net.scales()):
        units = net.layers[index], other.layers[index]
        powers = [np.where(lag >= 0, one.leak[index] ** np.maximum(lag, 0), 0.0) for one in (net, other)]
        q, c, s = forward(scales, below, units, powers)
        slope = pair(*units, slopes)(np.diag(c["xx"])[:, None], np.diag(c["yy"])[None], c["xy"])
        layers.append((scales, q["xy"], slope, powers))
        below = s
    signal = net.weight_std[-1] ** 2 * np.outer(kappa, kappa)
    nngp = tangent = np.sum(signal * below["xy"])
    for scales, q, slope, powers in reversed(layers):
        b = backward(scales, slope, signal, powers)[:-1, :-1]
        tangent = tangent + np.sum(b * q)
        signal = scales.input * b
    return nngp, tangent


def test_reference_numbers_of_the_theory():
    net = TimeNetwork(SPIKING, leak=0.8, threshold=0.4, recurrent_std=1.2, bias_std=0.3)
    nngp, surrogate, sg = net.kernels(inputs(2, 5), get=("nngp", "surrogate_ntk", "sg_ntk"))
    assert np.round(nngp, 5).ravel().tolist() == [0.43838, 0.28534, 0.28534, 0.42432]
    assert np.round(surrogate, 5).ravel().tolist() == [1.19656, 0.42374, 0.42374, 1.11394]
    assert np.round(sg, 5).ravel().tolist() == [1.63805, 0.43082, 0.43237, 1.56116]


def test_a_smooth_threshold_of_the_theory():
    kernels = symntk.derive(
        "(1 + erf((x - 2/5)/0.2/sqrt(2)))/2", surrogate_derivative="exp(-2*(x - 2/5)**2)*sqrt(2/pi)"
    )
    net = TimeNetwork(kernels, leak=0.8, recurrent_std=1.2, bias_std=0.3)
    assert np.round(net.sg_ntk(inputs(2, 5)), 4).ravel().tolist() == [1.4993, 0.4435, 0.4449, 1.4139]


@pytest.mark.parametrize(
    ("kernels", "settings"),
    [
        (SPIKING, {"layers": 1, "leak": 0.7, "threshold": 0.4, "readout": "mean"}),
        (symntk.derive("erf", "triangle"), {"layers": 2, "leak": (0.5, 0.9), "weight_std": (0.8, 1.2)}),
        ([symntk.derive("sign", "erf"), SPIKING], {"recurrent_std": (0.9, 0.0), "readout": (0.5, 0.0, -1.0, 2.0)}),
    ],
    ids=["one layer", "two layers", "units that differ"],
)
def test_forward_sums_are_the_adjoint_of_back_propagation_written_out(kernels, settings):
    net = TimeNetwork(kernels, bias_std=0.2, input_std=1.3, **settings)
    x, steps = inputs(2), 4
    kappa = {"mean": np.full(steps, 0.25), "last": np.eye(steps)[-1]}.get(net.readout)
    kappa = np.array(net.readout) if kappa is None else kappa
    nngp, sg = written_out(net, *x, kappa, ("derivative", "surrogate"))
    assert net.nngp(x)[0, 1] == pytest.approx(nngp, rel=1e-13)
    assert net.sg_ntk(x)[0, 1] == pytest.approx(sg, rel=1e-12)


def test_two_networks_with_units_and_leaks_of_their_own():
    one = TimeNetwork(symntk.derive("erf"), leak=0.3, bias_std=0.2)
    two = TimeNetwork(symntk.derive("relu", "erf"), leak=0.8, bias_std=0.2)
    x = inputs(2)
    found = one.general(x[:1], x[1:], other=two)[0, 0]
    _, expected = written_out(one, *x, np.eye(4)[-1], ("derivative", "surrogate"), two)
    assert found == pytest.approx(expected, rel=1e-12)
    assert one.general(x, other=one, slopes=("derivative", "derivative")) == pytest.approx(one.ntk(x), rel=1e-14)


@pytest.mark.parametrize(
    ("kernels", "rel"),
    [(symntk.derive("erf", "triangle"), 1e-13), (SPIKING, 1e-13), (symntk.derive("tanh", "erf"), 1e-12)],
    ids=["erf", "step", "tanh, a certified sum"],
)
def test_one_step_is_a_network_without_time(kernels, rel):
    x = inputs(5, 1)
    x[3], x[4] = x[0], 0.0
    scales = {"weight_std": [1.3, 0.9, 1.1], "bias_std": [0.2, 0.3, 0.0]}
    names = ("nngp", "sg_ntk")
    expected = Network(kernels, 3, **scales).kernels(x[:, 0], get=names)
    net = TimeNetwork(kernels, 2, leak=0.0, weight_std=[0.9, 1.1], input_std=1.3, bias_std=[0.2, 0.3])
    for found, one in zip(net.kernels(x, get=names), expected, strict=True):
        assert found == pytest.approx(one, rel=rel, abs=1e-14)


def test_recurrence_without_leak_and_later_inputs_is_a_deep_network_with_shared_weights():
    """x, 0, 0 with leak 0 and no bias: each step is a layer, the NNGP that of independent layers; tied weights count
    the same in the tangent kernel, since gradients at different times see independent directions."""
    x = np.zeros((4, 3, 2))
    x[:, 0] = np.random.default_rng(3).normal(size=(4, 2))
    kernels = symntk.derive("erf", "triangle")
    net = TimeNetwork(kernels, leak=0.0, recurrent_std=1.4, weight_std=0.8)
    deep = Network(kernels, 4, weight_std=[1.0, 1.4, 1.4, 0.8])
    assert net.nngp(x) == pytest.approx(deep.nngp(x[:, 0]), rel=1e-13)
    # erf is odd, so that activities at different steps are uncorrelated
    assert net.sg_ntk(x) == pytest.approx(deep.sg_ntk(x[:, 0]), rel=1e-13)


def test_equal_histories_and_silent_inputs():
    x = inputs(4)
    x[1], x[2, :2], x[3] = x[0], x[0, :2], 0.0
    net = TimeNetwork(symntk.derive("sign", "erf"), leak=0.9, readout="each")
    nngp = net.nngp(x)
    own = np.einsum("itit->it", nngp)
    assert np.all(own[:3] == 1.0)
    assert np.all(own[3] == 0.0), "a silent sign unit is 0"
    assert np.all(np.einsum("tt->t", nngp[0, :, 1]) == 1.0)
    assert np.diag(nngp[0, :, 2])[:2].tolist() == [1.0, 1.0]
    assert np.diag(nngp[0, :, 2])[2] < 1.0
    silent = TimeNetwork(SPIKING, threshold=0.4).kernels(x[3:], get=("nngp", "sg_ntk"))
    assert [one.item() for one in silent] == [0.0, 0.0]


def test_an_input_that_comes_later_is_the_same_input():
    """A silent start without bias shifts time: potentials are fully correlated at different steps."""
    x = inputs(1, 3)[0]
    later = np.concatenate([np.zeros((2, 3)), x])
    net = TimeNetwork(symntk.derive("sign", "erf"), leak=0.9, recurrent_std=0.7)
    nngp, sg = net.kernels([x, later], get=("nngp", "sg_ntk"))
    assert nngp == pytest.approx(np.ones((2, 2)), abs=1e-14)
    assert sg == pytest.approx(np.full((2, 2), sg[0, 0]), rel=1e-13)
    with pytest.raises(
        symntk.errors.DivergenceError, match=r"full correlation the map of layer 1 diverges like 2/\(pi"
    ):
        net.ntk([x], [later])


def test_the_ntk_of_sign_is_infinite_on_the_diagonal_alone():
    net = TimeNetwork(symntk.derive("sign", "erf"), bias_std=0.1)
    x = inputs()
    with pytest.raises(symntk.errors.DivergenceError, match="an input with itself at the same step"):
        net.ntk(x)
    gram = net.ntk(x, singular="inf")
    assert np.all(np.isinf(np.diag(gram)))
    assert np.all(np.isfinite(gram[~np.eye(3, dtype=bool)]))
    steep = TimeNetwork(symntk.derive("erf(300*x)"), bias_std=0.1).ntk(x)
    assert gram[0, 1] == pytest.approx(steep[0, 1], rel=5e-3)


def test_lengths_and_masks_see_the_steps_that_are_there():
    x, net = inputs(3, 5), TimeNetwork(symntk.derive("relu", "erf"), 2, leak=0.6, bias_std=0.1, readout="mean")
    mask = np.zeros(x.shape, dtype=bool)
    mask[0, 3:], mask[1, 1:3] = True, True
    masked = np.ma.array(np.where(mask, np.nan, x), mask=mask)
    listed = [x[0, :3], x[1, [0, 3, 4]], x[2]]
    for found, expected in zip(net.kernels(masked, get=ALL), net.kernels(listed, get=ALL), strict=True):
        assert np.all(found == expected)
    assert net.sg_ntk(masked)[0, 2] == pytest.approx(net.sg_ntk(x[:1, :3], x[2:])[0, 0], rel=1e-14)


def test_outputs_at_each_step_add_up_to_any_readout():
    x, kappa = inputs(), [0.5, 0.0, -1.0, 2.0]
    settings = {"leak": 0.7, "bias_std": 0.1}
    kernels = symntk.derive("erf", "triangle")
    each = TimeNetwork(kernels, readout="each", **settings).sg_ntk(x)
    assert np.einsum("itjr,t,r->ij", each, kappa, kappa) == pytest.approx(
        TimeNetwork(kernels, readout=kappa, **settings).sg_ntk(x), rel=1e-13
    )


def test_tiles_are_the_matrix(monkeypatch):
    x, net = inputs(7), TimeNetwork(SPIKING, 2, threshold=0.4, bias_std=0.1)
    whole = net.kernels(x, get=("nngp", "sg_ntk", "surrogate_ntk"))
    monkeypatch.setattr("symntk.networks.time.recursion._TILE", 16)
    for found, expected in zip(net.kernels(x, get=("nngp", "sg_ntk", "surrogate_ntk")), whole, strict=True):
        assert found == pytest.approx(expected, rel=1e-13)
    assert net.sg_ntk(x[:3], x[3:]) == pytest.approx(whole[1][:3, 3:], rel=1e-13)
