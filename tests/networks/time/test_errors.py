"""What networks in time refuse, and what they say then."""

import numpy as np
import pytest

import symntk
from symntk import TimeNetwork
from symntk.errors import DomainError, FormulaError

KERNELS = symntk.derive("step", "erf")
X = np.ones((2, 3, 1))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.ones((2, 3)), r"x1 has shape \(2, 3\). Try: an array \(n, time, features\)"),
        (np.where(np.arange(6).reshape(2, 3, 1) == 4, np.nan, 1.0), "x1 is nan at input 1, step 1, feature 0"),
        ([np.ones((2, 1)), np.ones((2, 3))], r"a list of arrays of shape \(2, 1\), \(2, 3\)"),
        ([np.ones((2, 1)), np.ones((0, 1))], r"x1\[1\] has no step"),
        (np.ma.array(np.ones((1, 2, 2)), mask=[[[True, False], [False, False]]]), "some features are masked"),
        (np.array([["a"]]), "real numbers are needed, not text"),
    ],
    ids=["shape", "NaN", "widths", "no step", "half a step", "text"],
)
def test_inputs(x, text):
    with pytest.raises(DomainError, match=text):
        TimeNetwork(KERNELS).nngp(x)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"leak": 1.1}, r"leak = 1.1. Try: a number from 0 to 1"),
        ({"layers": 2, "leak": (0.1, 0.2, 0.3)}, "2: one for each layer"),
        ({"bias_std": np.nan}, "bias_std = nan"),
        ({"readout": "first"}, "'last', 'mean', 'each'"),
        ({"readout": [0.0, 0.0]}, "not all 0"),
        ({"reset": "soft"}, "'none' or 'subtract' or 'zero'"),
        ({"reset": "subtract"}, "a reset subtracts the threshold, which is 0"),
        ({"reset_size": 1.0}, "without a reset"),
        ({"layers": 0}, "layers = 0"),
        ({"threshold": "high"}, "threshold"),
        ({"reset": "zero", "paths": 1}, "paths = 1"),
    ],
    ids=str,
)
def test_settings(settings, text):
    with pytest.raises((DomainError, FormulaError), match=text):
        TimeNetwork(KERNELS, **settings)


def test_a_reset_of_a_smooth_unit_needs_a_threshold():
    with pytest.raises(DomainError, match="is smooth and has no threshold, so there is nothing that resets it"):
        TimeNetwork(symntk.derive("tanh"), reset="subtract")
    assert TimeNetwork(symntk.derive("(1 + erf(5*x))/2"), reset="subtract", threshold=0.5).reset_size == (0.5,)
    assert TimeNetwork(symntk.derive("Heaviside(x - 2/5)"), reset="subtract").reset_size == (0.4,)


def test_variances_that_explode_are_named():
    net = TimeNetwork(symntk.derive("relu"), recurrent_std=30.0)
    with pytest.raises(
        DomainError, match=r"layer 1 is .* at step \d+ of input 0: it explodes. Try: a smaller recurrent"
    ):
        net.nngp(np.ones((1, 100, 1)))


def test_what_does_not_fit():
    net = TimeNetwork(KERNELS, readout=[1.0, 2.0])
    with pytest.raises(DomainError, match="2 readout weights for 3 steps"):
        net.nngp(X)
    with pytest.raises(DomainError, match="x1 has 1 features and x2 2"):
        TimeNetwork(KERNELS).nngp(X, np.ones((1, 3, 2)))
    with pytest.raises(DomainError, match="share their weights, but recurrent_std is"):
        TimeNetwork(KERNELS).general(X, other=TimeNetwork(KERNELS, recurrent_std=0.5))
    with pytest.raises(FormulaError, match="'fisher' is not known"):
        TimeNetwork(KERNELS).kernels(X, get="fisher")
    with pytest.raises(DomainError, match="inputs of one length"):
        TimeNetwork(KERNELS, readout="each").nngp([X[0], X[1, :2]])
    with pytest.raises(DomainError, match="no value for m"):
        TimeNetwork(symntk.derive("erf(m*x)")).nngp(X)
    with pytest.raises(FormulaError, match="no surrogate was given"):
        TimeNetwork(symntk.derive("erf")).sg_ntk(X)
    with pytest.raises(DomainError, match="an output at each step"):
        TimeNetwork(KERNELS, readout="each").flow(X, [1.0, 2.0])
