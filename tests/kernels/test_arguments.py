"""What a call accepts: arguments that may be left out, all kinds of numbers; the rest is refused by name."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from mpmath import mp, mpf
from scipy import sparse

import symntk
from symntk.errors import DomainError

X = sp.Symbol("x", real=True)
RELU, PAIR = symntk.expectation("relu"), symntk.expectation("relu", "relu", means=True)
SCALED = symntk.expectation("erf(k*x)", "Max(0, x)")
NET = symntk.Network(symntk.derive("relu"), 2)


class _Tensor:
    """What a torch tensor that requires a gradient does."""

    requires_grad = True

    def __array__(self, *args, **kwargs):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")


class _Traced:
    """What a traced array of jax does."""

    def __array__(self, *args, **kwargs):
        raise TypeError("The numpy.ndarray conversion method __array__() was called on traced array\nwith more lines")


class _Half:
    """What a torch tensor of bfloat16 does."""

    dtype = "torch.bfloat16"

    def __array__(self, *args, **kwargs):
        raise TypeError("Got unsupported ScalarType BFloat16")


REFUSED = {
    "sparse matrix": (sparse.csr_matrix(np.eye(2)), "sparse.*toarray"),
    "sparse array": (sparse.coo_array(np.eye(2)), "sparse.*toarray"),
    "tensor with gradient": (_Tensor(), "requires a gradient.*detach"),
    "traced array": (_Traced(), "_Traced gives no array of numbers .*traced array"),
    "bfloat16 tensor": (_Half(), r"BFloat16.*\.float\(\)"),
    "raw memory": (np.zeros(2, dtype="V2"), "real numbers are needed, not void"),
    "symbol": (sp.Symbol("q"), "q, which is no real number"),
    "imaginary": (sp.I, "I, which is no real number"),
    "complex": (1j, "not complex128"),
    "nothing": (None, "None, which is no real number|no value for"),
    "nothing inside": ([1.0, None], "None, which is no real number"),
    "text": ("1", "not text"),
    "date": (np.datetime64("2020-01-01"), "not datetime64"),
    "ragged": ([[1.0], [1.0, 2.0]], "gives no array of numbers"),
    "beyond float64": (10**400, "beyond float64"),
    "function": (len, "built-in function len"),
}
PLACES = {
    "var_u": lambda value: RELU(value, 1, 0.1),
    "var_v": lambda value: PAIR(1, value, 0.1),
    "mean_u": lambda value: PAIR(1, 1, 0.1, value),
    "mean_v of a centred one": lambda value: RELU(1, 1, 0.1, 0.0, value),
    "k": lambda value: SCALED(1, 1, 0.1, k=value),
    "x1": lambda value: NET.nngp(value),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_real_number_is_named(place, kind):
    value, message = REFUSED[kind]
    with pytest.raises(DomainError, match=message) as caught:
        PLACES[place](value)
    assert place.split()[0] in str(caught.value)


@pytest.mark.parametrize("kind", sorted(set(REFUSED) - {"beyond float64"}))
def test_the_same_at_high_precision(kind):
    value, message = REFUSED[kind]
    for call in (lambda: RELU.evalf(value, 1, 0), lambda: SCALED.evalf(1, 1, 0, k=value)):
        with pytest.raises(DomainError, match=message):
            call()


def test_bfloat16_has_a_name():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(DomainError, match="not bfloat16.*astype"):
        RELU(np.ones(2, dtype=ml_dtypes.bfloat16))


def test_masked_arrays_keep_their_masks():
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    found = RELU(masked)
    assert found.mask.tolist() == [False, True] and abs(found[0] - 1 / np.sqrt(2 * np.pi)) < 1e-15
    for call in (lambda: SCALED(1, 1, 0.5, k=masked), lambda: NET.nngp(masked[:, None])):
        with pytest.raises(DomainError, match="masked"):
            call()


@pytest.mark.parametrize("third", [Fraction(1, 3), sp.Rational(1, 3), mpf(1) / 3, Decimal(1) / Decimal(3), 1 / 3])
def test_kinds_of_numbers(third):
    exact = 1 / mp.sqrt(6 * mp.pi)
    assert abs(RELU(third) - exact) < 1e-15 and abs(RELU.evalf(third, dps=15) - exact) < 1e-15
    right = third / mp.sqrt(mp.pi) / 2 / mp.sqrt(2 * mpf(1) / 9 + 1) if isinstance(third, float | mpf) else None
    value = SCALED.evalf(1, 1, 0.5, k=third, dps=15)
    assert right is None or abs(value - right) < 1e-15
    assert abs(SCALED(1, 1, 0.5, k=third) - value) < 1e-15


def test_numbers_are_exact_at_high_precision():
    with mp.workdps(60):
        assert abs(RELU.evalf(Fraction(1, 3), dps=50) - 1 / mp.sqrt(6 * mp.pi)) < mpf(10) ** -50
        assert abs(RELU.evalf(Decimal("0.1"), dps=50) - 1 / mp.sqrt(20 * mp.pi)) < mpf(10) ** -50
        assert abs(RELU.evalf(np.longdouble(2), dps=50) - 1 / mp.sqrt(mp.pi)) < mpf(10) ** -50
    for value in (Decimal("NaN"), Decimal("inf"), float("inf")):
        with pytest.raises(DomainError):
            RELU.evalf(value)


def test_a_constant_g_needs_neither_variance_nor_covariance():
    assert RELU(1.0) == RELU(1.0, 5.0, 0.5) == RELU(1.0, cov=0.2) == RELU(1.0, 3.0)
    assert RELU(np.ones(2, np.float32)).dtype == np.float32
    assert RELU.evalf(2, dps=20) == RELU.evalf(2, 1, 0, dps=20)
    one = symntk.expectation("tanh", "3", means=True)
    assert one(0.5, mean_u=1.0) == one(0.5, 1.0, 0.0, 1.0)
    assert one.evalf(0.5, mean_u=1, dps=15) == one.evalf(0.5, 1, 0, 1, dps=15)
    for call in (lambda: PAIR(1.0), lambda: PAIR(1.0, 1.0), lambda: PAIR.evalf(1), lambda: PAIR(1, cov=0.5)):
        with pytest.raises(DomainError, match="no value for .*g = relu is no constant"):
            call()
    with pytest.raises(DomainError, match="means of zero"):
        RELU(1.0, mean_u=1.0)


@pytest.mark.parametrize("k", [1e200, 1e-200, -1e90, [1.0, 1e300], float("inf")])
@pytest.mark.parametrize("text", ["erf(k*x)", "tanh(k*x)", "exp(-k**2*x**2)"])
def test_parameters_beyond_float64_are_named(text, k):
    scaled = sp.sympify(text, locals={"x": X, "k": sp.Symbol("k", real=True)})
    E = symntk.expectation(scaled, "Max(0, x)")
    with pytest.raises(DomainError, match="k.*too extreme|one number, not an array"):
        E(1, 1, 0.5, k=k)
    if text == "erf(k*x)" and k == 1e200:  # in closed form, for k positive
        assert abs(SCALED.evalf(1, 1, 0.5, k=k, dps=15) - 1 / mp.sqrt(8 * mp.pi)) < 1e-15
