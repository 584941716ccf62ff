"""Gram matrices by tiles of plain formulas and tables against the same maps with care, and what they cost."""

from __future__ import annotations

import tracemalloc
import types
from functools import cache

import numpy as np
import pytest

import symntk
from symntk.emit.code import Definition, Name, call
from symntk.emit.fused import fused
from symntk.emit.runtime.trust import _trusted
from symntk.emit.targets.numpy import NUMPY

NETWORK = {"depth": 3, "weight_std": 1.2, "bias_std": 0.3}
PAIRS = [("identity", None), ("relu", None), ("erf", None), ("gelu", None), ("sign", "erf"), ("step", "fast_sigmoid")]
CAREFUL = 10**15  # pairs from which plain formulas are looked at


@cache
def module(activation, surrogate=None, many=2**16):
    space = types.ModuleType("exported")
    exec(compile(symntk.derive(activation, surrogate).source(), "exported", "exec"), space.__dict__)
    space._MANY_PAIRS = many
    return space


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
def test_tiles_are_as_good_as_care(pair):
    """In float64 to a few digits of rounding, in float32 to 2e-6 of the scale, the diagonal included."""
    get = ("nngp", "sg_ntk" if pair[1] else "ntk")
    found, right = (module(*pair, many).kernels(points(), get=get, **NETWORK) for many in (2**16, CAREFUL))
    for one, other in zip(found, right, strict=True):
        assert scaled(one, other) < 1e-13
    rounded = points().astype(np.float32)
    narrow = module(*pair).kernels(rounded, get=get, **NETWORK)
    wide = module(*pair).kernels(rounded.astype(float), get=get, **NETWORK)
    for one, other in zip(narrow, wide, strict=True):
        assert one.dtype == np.float32 and scaled(one, other) < 2e-6


def test_float32_through_fifty_layers():
    x = points()
    network = {"depth": 50, "weight_std": np.sqrt(2.0), "bias_std": 0.1}
    narrow = module("relu").kernels(x.astype(np.float32), **network)
    wide = module("relu").kernels(x.astype(np.float32).astype(float), **network)
    assert max(scaled(*pair) for pair in zip(narrow, wide, strict=True)) < 2e-5


def test_one_pass_is_each_kernel_alone_and_a_part_of_the_whole():
    exported, x = module("sign", "erf"), points()
    nngp, sg_ntk = exported.kernels(x, get=("nngp", "sg_ntk"), **NETWORK)
    assert np.array_equal(nngp, nngp.T) and not np.array_equal(sg_ntk, sg_ntk.T)
    np.testing.assert_allclose(exported.nngp(x, **NETWORK), nngp, rtol=1e-13)
    np.testing.assert_allclose(exported.sg_ntk(x, x[:5], **NETWORK), sg_ntk[:, :5], rtol=1e-12)
    assert exported.kernels(x, get="nngp", **NETWORK)[0].shape == nngp.shape
    with pytest.raises(ValueError, match="no kernel 'ntkk'"):
        exported.kernels(x, get=("ntkk",), **NETWORK)


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
    module("erf").kernels(x[:300], **NETWORK)
    tracemalloc.start()
    try:
        found = module("erf").kernels(x, **NETWORK)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < sum(one.nbytes for one in found) + 2**26
