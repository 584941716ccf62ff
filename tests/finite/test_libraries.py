"""Ensembles on PyTorch and JAX give what they give on NumPy; what is not installed is an error that names the extra."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from symntk.errors import DomainError, FormulaError
from symntk.finite.arrays import arrays
from tests.finite.test_training import X, ensemble, train

LIBRARIES = ("torch", "jax")


@pytest.fixture
def wide():
    """JAX with float64."""
    if find_spec("jax") is None:
        yield
        return
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_gives_the_same_where_it_is_installed(library, wide):
    if find_spec(library) is None:
        with pytest.raises(FormulaError, match=rf"symntk\[{library}\]"):
            train(ensemble(backend=library), 2)
        return
    for activation in ("sign", "tanh", "elu", "selu", "softplus"):  # selu's derivative chooses between plain numbers
        one, two = (
            train(ensemble(activation, networks=2, dtype="float64", backend=backend, device=device), 20)
            for backend, device in (("numpy", None), (library, "cpu"))
        )
        np.testing.assert_allclose(one.outputs, two.outputs, atol=1e-9)
    smooth = ensemble("tanh", networks=2, dtype="float64", backend=library, device="cpu")
    np.testing.assert_allclose(smooth.kernel(X), ensemble("tanh", networks=2, dtype="float64").kernel(X), atol=1e-10)


def test_jax_without_float64_is_told():
    if find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    with pytest.raises(DomainError, match="jax_enable_x64"):
        arrays("jax", "cpu").put(np.zeros(3))
    assert train(ensemble("tanh", networks=2, backend="jax", device="cpu"), 2).outputs.dtype == np.float32
    with pytest.raises(FormulaError, match="device"):
        arrays("jax", "abacus")
