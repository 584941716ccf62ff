"""Gram matrices by tiles of plain formulas and tables against the same maps with care, and what they cost."""

from __future__ import annotations

import tracemalloc
from functools import cache, partial

import numpy as np
import pytest

import symntk
from symntk.emit.code import Definition, Name, call
from symntk.emit.fused import fused
from symntk.emit.runtime import layer
from symntk.emit.runtime.trust import _trusted
from symntk.emit.targets.numpy import NUMPY

NETWORK = {"depth": 3, "weight_std": 1.2, "bias_std": 0.3}
PAIRS = [("identity", None), ("relu", None), ("erf", None), ("gelu", None), ("sign", "erf"), ("step", "fast_sigmoid")]
CAREFUL = 10**15  # pairs from which plain formulas are looked at


@cache
def network(activation, surrogate=None, depth=3, weight_std=1.2, bias_std=0.3):
    return symntk.Network(symntk.derive(activation, surrogate), depth, weight_std=weight_std, bias_std=bias_std)


def points(n=270, features=3):
    """Inputs of many sizes and correlations: equal, opposite and nearly equal ones are among them."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, features)) * np.exp(0.7 * rng.normal(size=(n, 1)))
    x[1], x[2], x[5], x[6] = x[0], -x[3], x[4] + 1e-3, x[7] * (1.0 + 1e-9)
    return x


def scaled(found, right):
    root = np.sqrt(np.abs(np.diag(right)))
    return np.max(np.abs(found - right) / (root[:, None] * root))


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_tiles_are_as_good_as_care(pair, monkeypatch):
    """In float64 to a few digits of rounding, in float32 to 2e-6 of the scale, the diagonal included."""
    get, net = ("nngp", "sg_ntk" if pair[1] else "ntk"), network(*pair)
    found, narrow = net.kernels(points(), get=get), net.kernels(points().astype(np.float32), get=get)
    wide = net.kernels(points().astype(np.float32).astype(float), get=get)
    monkeypatch.setattr(layer, "_MANY_PAIRS", CAREFUL)
    for one, other in zip(found, net.kernels(points(), get=get), strict=True):
        assert scaled(one, other) < 1e-13
    for one, other in zip(narrow, wide, strict=True):
        assert one.dtype == np.float32 and scaled(one, other) < 2e-6


@pytest.mark.parametrize("own", [False, True], ids=["Network", "exported"])
def test_float32_through_fifty_layers(own):
    x, scales = points(), {"weight_std": np.sqrt(2.0), "bias_std": 0.1}
    if own:
        space = {}
        exec(compile(symntk.derive("relu").source(), "exported", "exec"), space)
        kernels = partial(space["kernels"], depth=50, **scales)
    else:
        kernels = network("relu", None, 50, **scales).kernels
    narrow, wide = kernels(x.astype(np.float32)), kernels(x.astype(np.float32).astype(float))
    assert max(scaled(*pair) for pair in zip(narrow, wide, strict=True)) < 2e-5


def test_one_pass_is_each_kernel_alone_and_a_part_of_the_whole():
    exported, x = {}, points()
    exec(compile(symntk.derive("sign", "erf").source(), "exported", "exec"), exported)
    kernels = exported["kernels"]
    nngp, sg_ntk = kernels(x, get=("nngp", "sg_ntk"), **NETWORK)
    assert np.array_equal(nngp, nngp.T) and not np.array_equal(sg_ntk, sg_ntk.T)
    np.testing.assert_allclose(exported["nngp"](x, **NETWORK), nngp, rtol=1e-13)
    np.testing.assert_allclose(exported["sg_ntk"](x, x[:5], **NETWORK), sg_ntk[:, :5], rtol=1e-12)
    assert kernels(x, get="nngp", **NETWORK)[0].shape == nngp.shape
    with pytest.raises(ValueError, match="no kernel 'ntkk'"):
        kernels(x, get=("ntkk",), **NETWORK)


def test_a_network_has_its_kernels_in_one_pass():
    net = symntk.Network(symntk.derive("sign", "erf"), 3, weight_std=1.2, bias_std=0.3)
    found = net.kernels(points(60), get=("sg_ntk", "nngp"))
    assert np.array_equal(found[0], net.sg_ntk(points(60))) and np.array_equal(found[1], net.nngp(points(60)))
    with pytest.raises(symntk.errors.DivergenceError):
        net.kernels(points(60))


def test_a_formula_that_cancels_is_not_trusted_where_it_does():
    careful = lambda a, b, c, det: (a * b - c * c) / (np.sqrt(a * b) + c)  # noqa: E731
    plain = lambda a, b, c: np.sqrt(a * b) - c + 1e3 - 1e3  # noqa: E731
    variances = np.array([0.5, 2.0])
    assert not _trusted(plain, [careful], variances, variances, np.dtype(float))


def test_results_of_several_definitions_share_their_parts():
    a, b, c = map(Name, "abc")
    law = ("a", "b", "c", "det", "d")
    root = call("sqrt", 1 + a + b + Name("det"))
    made = fused("both", [Definition("f", law, (), (c / root,)), Definition("g", law, (), (a * c / root**3,))], (), 1)
    text = NUMPY.write(made)
    assert text.count("np.sqrt") == 1 and len(made.results) == 3
    space = {"np": np}
    exec(text, space)
    found = space["both"](2.0, 3.0, 1.0)
    assert found == pytest.approx((1 / np.sqrt(11), 2 / 11**1.5, 3 / 11**1.5), rel=1e-14)


def test_memory_is_the_results_and_some_tiles():
    x = points(1500, 8)
    network("erf").kernels(x[:300])
    tracemalloc.start()
    try:
        found = network("erf").kernels(x)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < sum(one.nbytes for one in found) + 2**26
