"""Gram matrices of every target beside NumPy's in float64, and how they treat their inputs."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from symntk.errors import FormulaError
from tests.targets.grid import GRAM, NETWORK, inputs
from tests.targets.modules import each_target, given_back, module, need, own, pair

PAIRS = (("erf", None), ("relu", None), ("gelu", None), ("sign", "erf"), ("tanh", None), ("hard_tanh", "triangle"))
each_pair = pytest.mark.parametrize("names", PAIRS, ids=lambda names: "-".join(filter(None, names)))


def ready(names, target):
    """The module, or a skip by name."""
    need(target)
    try:
        return module(*names, target)
    except FormulaError as error:
        pytest.skip(str(error))


def kernels_of(names) -> list[str]:
    """The kernels that are finite where inputs coincide."""
    kernels = pair(*names)
    return [name for name in kernels.names if name != "surrogate_ntk" and not getattr(kernels, name).diagonal.diverges]


@functools.cache
def reference(names, name, depth, precision) -> np.ndarray:
    """NumPy's matrix in float64 of inputs that are exact in a precision."""
    return getattr(module(*names, "numpy"), name)(inputs(precision).astype(np.float64), depth=depth, **NETWORK)


@each_target
@pytest.mark.parametrize("key", GRAM, ids=lambda key: f"{key[0]}-{key[1]}")
@each_pair
def test_matrices(names, key, target):
    (precision, depth), found = key, ready(names, target)
    if depth > 3 and names[0] == "hard_tanh":
        pytest.skip("50 layers of it take NumPy seconds")
    x = own(target, inputs(precision))
    for name in kernels_of(names):
        right = reference(names, name, depth, precision)
        given = given_back(getattr(found, name)(x, depth=depth, **NETWORK), x).astype(np.float64)
        root = np.sqrt(np.diagonal(right))
        error = np.abs(given - right) / (root * root[:, None])
        i, j = np.unravel_index(np.argmax(np.where(np.isnan(error), np.inf, error)), error.shape)
        bound = GRAM[key] if names[0] not in ("tanh", "hard_tanh") else max(GRAM[key], 1e-10)
        assert error[i, j] <= bound, f"{target}, {name} of {names}: {error[i, j]:.1e} at {i}, {j}"


@each_target
@each_pair
def test_one_pass_and_two_sets_of_inputs(names, target):
    found, x = ready(names, target), own(target, inputs("float64"))
    if not hasattr(found, "kernels"):
        pytest.skip(f"{target} has no function `kernels`")
    get = tuple(kernels_of(names))
    both = found.kernels(x, x[:7], get=get, depth=3, **NETWORK)
    for name, matrix in zip(get, both, strict=True):
        alone = np.asarray(getattr(found, name)(x, depth=3, **NETWORK))[:, :7]
        root = np.sqrt(np.diagonal(reference(names, name, 3, "float64")))
        # what has no closed form keeps its tolerance, by other nodes for other variances
        bound = 1e-12 if names[0] not in ("tanh", "hard_tanh") else 1e-10
        assert np.max(np.abs(given_back(matrix, x) - alone) / (root[:, None] * root[:7])) < bound


def call(found, target, *arrays, depth=3):
    return found.nngp(*(own(target, array) for array in arrays), depth=depth)


WRONG = {
    "one dimension": lambda found, target: call(found, target, np.ones(3)),
    "two widths": lambda found, target: call(found, target, np.ones((2, 3)), np.ones((2, 4))),
    "a NaN": lambda found, target: call(found, target, np.array([[1.0, np.nan]])),
    "depth 0": lambda found, target: call(found, target, np.ones((2, 3)), depth=0),
}


@each_target
@pytest.mark.parametrize("wrong", WRONG)
def test_the_same_errors(wrong, target):
    """What is wrong is said in the same words; what to try names the target's own arrays."""
    ready(("erf", None), target)
    with pytest.raises(ValueError) as numpys:
        WRONG[wrong](module("erf", None, "numpy"), "numpy")
    with pytest.raises(ValueError) as theirs:
        WRONG[wrong](module("erf", None, target), target)
    assert str(theirs.value).split(" Try: ")[0] == str(numpys.value).split(" Try: ")[0]


@each_target
def test_a_kernel_that_is_infinite_has_no_number(target):
    """The NTK of a shifted step, whose formula is 0/0 at full correlation: infinite for an input with itself."""
    found, x = ready(("Heaviside(x-1)", None), target), own(target, np.array([[1.0], [-2.0]]))
    if target in ("numpy", "numba"):
        with pytest.raises(ValueError, match="infinite at row 0, column 0"):
            found.ntk(x, depth=2)
    else:
        assert np.isinf(np.diagonal(np.asarray(found.ntk(x, depth=2)))).all()
    law = [
        own(target, np.array(row)) for row in ([1.0, 0.3, 1.0], [1.0, 0.3000000003, 2.0], [1.0, 0.30000000015, -0.9])
    ]
    right = np.array([np.inf, 0.0, 0.019415948895168938])
    np.testing.assert_allclose(np.asarray(found.ntk_map(*law)), right, rtol=1e-13)
