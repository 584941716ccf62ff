"""Networks on other targets: a module with this depth and these scales."""

from __future__ import annotations

import numpy as np
import pytest

import symntk
from benchmarks.peers.exported import load_module
from symntk.errors import FormulaError
from tests.targets.modules import given_back, need, own

X = np.random.default_rng(0).normal(size=(4, 3))


@pytest.mark.parametrize("target", ["numba", "jax", "torch"])
def test_a_network_is_a_module_with_its_scales(target, tmp_path):
    need(target)
    if target == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    net = symntk.Network(symntk.derive("erf(k*x)", "erf"), 3, weight_std=[1.1, 1.2, 1.3], bias_std=0.1)
    module = load_module(net.export(tmp_path / f"net_{target}.py", target, k=0.7))
    x = own(target, X)
    nngp, sg_ntk = (given_back(one, x) for one in module.kernels(x, get=("nngp", "sg_ntk")))
    assert np.allclose(nngp, net.nngp(X, k=0.7), rtol=1e-12)
    assert np.allclose(sg_ntk, net.sg_ntk(X, k=0.7), rtol=1e-12)
    assert np.array_equal(given_back(module.nngp(x), x), nngp)


def test_layers_of_several_kinds_are_for_numpy():
    net = symntk.Network([symntk.derive("relu"), symntk.derive("erf")], 3)
    with pytest.raises(FormulaError, match="layers have different activations"):
        net.source("jax")
