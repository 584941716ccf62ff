"""Modules for Numba: their text, and where Numba is installed their values against the same formulas on NumPy."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

import symntk
from symntk.errors import FormulaError


def loaded(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """sign with the surrogate erf: a map that is not symmetric, one that is infinite, variables of variance 0."""
    pytest.importorskip("numba")
    folder, K = tmp_path_factory.mktemp("numba"), symntk.derive("sign", "erf")
    return [loaded(K.export(folder / f"{target}_pair.py", target), f"{target}_pair") for target in ("numba", "numpy")]


@pytest.fixture(scope="module")
def inputs():
    """Opposite and parallel ones, nearly equal ones, zeros; the second has rows of the first."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(150, 5)), rng.normal(size=(70, 5))
    x[10], x[20], x[30] = -x[11], 2.0 * x[21], x[31] + 1e-4 * rng.normal(size=5)
    x[50], y[6], y[7] = 0.0, x[9], x[70] * (1.0 + 1e-9)
    return x, y


def test_the_text_is_a_module_by_itself():
    text = symntk.derive("erf").source("numba")
    compile(text, "erf", "exec")
    imports = [line for line in text.splitlines() if line.startswith(("import", "from"))]
    assert imports == [
        "from __future__ import annotations",
        "import math",
        "import sys",
        "import numba",
        "import numpy as np",
        "from numba.extending import intrinsic",
    ]
    assert all(f"def {name}(" in text for name in ("nngp_map", "ntk_map", "nngp", "ntk", "kernels"))


def test_a_map_alone_has_its_parameters_and_no_gram_functions():
    text = symntk.expectation("erf(k*x)", "relu", means=True).source("numba")
    assert "def expectation_map(var_u, var_v, cov, mean_u=0.0, mean_v=0.0, *, k):" in text
    assert "def kernels(" not in text and "def _block(" not in text
    with pytest.raises(FormulaError, match="not offered"):
        symntk.derive("erf").source("fortran")


@pytest.mark.parametrize(("dtype", "least"), [(np.float64, 2e-13), (np.float32, 2e-6)])
@pytest.mark.parametrize("second", [False, True])
def test_gram_matrices_are_those_of_numpy(pair, inputs, dtype, least, second):
    compiled, plain = pair
    x, y = (one.astype(dtype) for one in inputs)
    x2 = y if second else None
    wide = [None if one is None else one.astype(np.float64) for one in (x, x2)]
    for bias in (0.0, [0.3, 0.0, 0.5]):
        asked = {"depth": 3, "weight_std": 1.2, "bias_std": bias}
        found = compiled.kernels(x, x2, get=("nngp", "sg_ntk"), **asked)
        for name, matrix in zip(("nngp", "sg_ntk"), found, strict=True):
            right = getattr(plain, name)(*wide, **asked)
            assert matrix.dtype == dtype
            np.testing.assert_allclose(matrix, right, rtol=least, atol=least * np.max(np.abs(right)))


def test_equal_inputs_have_their_variance_and_matrices_are_symmetric(pair, inputs):
    x = np.concatenate([inputs[0], inputs[0][:40]]).astype(np.float32)
    found = pair[0].nngp(x, depth=4, bias_std=0.2)
    both = pair[0].kernels(x, get=("nngp", "sg_ntk"), depth=4, bias_std=0.2)
    np.testing.assert_array_equal(both[0], found)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(found[150:, :40].diagonal(), found.diagonal()[:40])
    np.testing.assert_array_equal(
        pair[0].nngp(x, x[:40], depth=4, bias_std=0.2)[150:].diagonal(), found.diagonal()[:40]
    )


def test_single_precision_is_computed_in_it(pair, inputs):
    pair[0].nngp(inputs[0].astype(np.float32), depth=2)
    made = pair[0]._nngp_map.nopython_signatures
    assert any(str(one.args[0]) == "float32" for one in made)
    assert all(set(map(str, one.args)) == {str(one.return_type)} for one in made)


def test_what_is_infinite_or_wrong_is_refused_as_in_numpy(pair, inputs):
    x = inputs[0]
    messages = []
    for module in pair:
        with pytest.raises(ValueError, match="the kernel is infinite at row 0, column 0") as caught:
            module.ntk(x, depth=2)
        messages.append(str(caught.value))
        with pytest.raises(ValueError, match="x1 has 5 features and x2 4"):
            module.nngp(x, x[:, :4], depth=2)
        with pytest.raises(ValueError, match=r"\|cov\| exceeds"):
            module.nngp_map(1.0, 1.0, 2.0)
    assert messages[0] == messages[1]
    with pytest.raises(ValueError, match="names among nngp, ntk, sg_ntk"):
        pair[0].kernels(x, get="ntp", depth=2)


def test_maps_take_arrays_masks_and_nan(pair):
    laws = np.array([[1.3, 0.7, 0.4], [0.5, 0.0, 0.0], [2.0, 2.0, 2.0], [np.nan, 1.0, 0.0], [1e-6, 1e6, -1.0]]).T
    for module in pair:
        with pytest.raises(ValueError, match="has a delta or a pole"):
            module.sg_ntk_map(0.0, 0.7, 0.0)
    for name in ("nngp_map", "sg_ntk_map"):
        found, right = (getattr(module, name)(*laws) for module in pair)
        np.testing.assert_allclose(found, right, rtol=1e-14)
        assert np.isnan(found[3])
    masked = pair[0].nngp_map(np.ma.array([1.0, 2.0], mask=[False, True]), 1.0, 0.5)
    assert list(masked.mask) == [False, True]
    assert pair[0].nngp_map(np.float32(1.0), np.float32(1.0), np.float32(0.5)).dtype == np.float32


def test_a_table_stands_for_a_map_without_a_formula(tmp_path, inputs):
    pytest.importorskip("numba")
    K = symntk.derive("tanh")
    compiled, plain = (
        loaded(K.export(tmp_path / f"{name}_tanh.py", name), f"{name}_tanh") for name in ("numba", "numpy")
    )
    x, y = inputs[0][:90], inputs[1][:20]
    for x2 in (None, y):
        asked = {"depth": 3, "bias_std": [0.3, 0.0, 0.5]}
        for name, matrix in zip(("nngp", "ntk"), compiled.kernels(x, x2, **asked), strict=True):
            right = getattr(plain, name)(x, x2, **asked)
            np.testing.assert_allclose(matrix, right, rtol=0.0, atol=1e-10 * np.max(np.abs(right)))
    laws = np.array([[1.3, 0.7, 0.4], [0.5, 0.0, 0.0], [2.0, 2.0, 2.0], [0.1, 10.0, -1.0]]).T
    np.testing.assert_allclose(compiled.ntk_map(*laws), plain.ntk_map(*laws), rtol=1e-10)
    with pytest.raises(ValueError, match="the table is of variances 0 and 0.001 to 1000"):
        compiled.nngp(100.0 * x, depth=2)
    with pytest.raises(ValueError, match="the table is of variances"):
        compiled.nngp_map(1e6, 1.0, 0.0)
