"""Gram matrices of exported modules against a direct recursion in mpmath, and how they treat their inputs."""

import subprocess
import sys
import types

import numpy as np
import pytest
from mpmath import mp, mpf

import symntk
from symntk.emit.compile import namespace

CASES = [("relu", None, "ntk"), ("erf", None, "ntk"), ("sign", "erf", "sg_ntk"), ("leaky_relu", None, "nngp")]
rng = np.random.default_rng(3)
POINTS = rng.normal(size=(4, 3))


def module(activation, surrogate=None):
    """The exported module, run in a namespace of its own."""
    space = types.ModuleType("exported")
    exec(compile(symntk.derive(activation, surrogate).source(), "exported", "exec"), space.__dict__)
    return space


def recursion(kernels, kernel, x, y, depth, weight_std, bias_std, dps=30):
    """Σ^L, Θ^L or I^L of one pair by the layer recursion at `dps` digits."""
    slope = None if kernel == "nngp" else getattr(kernels, kernel)
    with mp.workdps(dps):
        w, s = mpf(weight_std) ** 2, mpf(bias_std) ** 2
        dot = lambda p, q: w / len(p) * mp.fsum(mpf(float(i)) * mpf(float(j)) for i, j in zip(p, q, strict=True)) + s  # noqa: E731
        a, b, c = dot(x, x), dot(y, y), dot(x, y)
        total = c
        for _ in range(depth - 1):
            factor = 0 if slope is None else w * slope.evalf(a, b, c, dps=dps)
            step = lambda p, q, r: w * kernels.nngp.evalf(p, q, r, dps=dps) + s  # noqa: E731
            a, b, c = step(a, a, a), step(b, b, b), (step(a, a, a) if a == b == c else step(a, b, c))
            total = c + total * factor
        return c if slope is None else total


@pytest.mark.parametrize("depth", [2, 3, 10])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_equals_the_recursion_in_mpmath(case, depth):
    activation, surrogate, kernel = case
    kernels = symntk.derive(activation, surrogate)
    gram = getattr(module(activation, surrogate), kernel)(POINTS, depth=depth, weight_std=1.3, bias_std=0.2)
    for i, j in ((0, 1), (2, 1), (3, 3)):
        true = recursion(kernels, kernel, POINTS[i], POINTS[j], depth, 1.3, 0.2)
        assert abs(gram[i, j] / true - 1) < 1e-12


def test_sg_ntk_has_the_true_derivative_in_the_rows():
    exported = module("sign", "erf")
    gram = exported.sg_ntk(POINTS, POINTS[:2], depth=3)
    assert gram.shape == (4, 2)
    assert gram[0, 1] == pytest.approx(exported.sg_ntk(POINTS[:1], POINTS[1:2], depth=3)[0, 0], rel=1e-14)
    assert abs(gram[0, 1] - gram[1, 0]) > 1e-3


def test_duplicates_and_the_diagonal_are_exact():
    exported = module("relu")
    x = np.concatenate([POINTS, POINTS[1:3]])
    gram = exported.ntk(x, depth=6, weight_std=np.sqrt(2))
    assert gram[1, 4] == gram[1, 1] == gram[4, 4]
    # σ_w² = 2 keeps a ReLU network's variance: Θ^L(x, x) = L·Σ¹(x, x)
    assert np.diag(gram) == pytest.approx(6 * 2 * (x**2).mean(axis=1), rel=1e-14)


@pytest.mark.parametrize("factor", [2.0, 3.0, -0.7, 1 + 1e-9])
def test_parallel_inputs_are_fully_correlated(factor):
    """Θ of ReLU is homogeneous of degree one in each input; of sign it is infinite, which no rounding may hide."""
    exported = module("relu")
    gram = exported.ntk(POINTS, factor * POINTS, depth=4)
    if factor > 0:
        assert np.diag(gram) == pytest.approx(factor * np.diag(exported.ntk(POINTS, depth=4)), rel=1e-14)
    with pytest.raises(ValueError, match="infinite"):
        module("sign", "erf").ntk(POINTS, factor * POINTS, depth=2)
    if abs(factor - 1) > 1e-6:
        assert np.isfinite(module("sign", "erf").ntk(POINTS, factor * POINTS, depth=2, bias_std=0.5)).all()


@pytest.mark.parametrize("distance", [1e-4, 1e-6, 1e-8, 1e-10])
def test_the_angle_of_near_duplicates_comes_from_the_vectors(distance):
    """Θ² of sign next to the diagonal, where an angle from rounded inner products is wrong by 1e-8."""
    x, y = POINTS[:1], POINTS[:1] + distance * POINTS[1:2]
    exact = [[mpf(float(v)) for v in row[0]] for row in (x, y)]
    with mp.workdps(60):
        a, b, c = (mp.fdot(p, q) / 3 + mpf("0.01") for p, q in (exact[:1] * 2, exact[1:] * 2, exact))
        true = 2 / mp.pi * mp.asin(c / mp.sqrt(a * b)) + mpf("0.01") + c * 2 / mp.pi / mp.sqrt(a * b - c * c)
    gram = module("sign", "erf").ntk(x, y, depth=2, bias_std=0.1)
    assert abs(gram[0, 0] / true - 1) < 1e-13 + 2e-16 / distance


def test_tiles_do_not_change_the_result(monkeypatch):
    exported = module("erf")
    x = rng.normal(size=(50, 4))
    whole = exported.ntk(x, depth=3)
    monkeypatch.setattr(exported, "_SIDE", 13)
    assert exported.ntk(x, depth=3) == pytest.approx(whole, rel=1e-14)


def test_dtypes_and_empty_inputs():
    exported = module("erf")
    assert exported.nngp(POINTS.astype(np.float32), depth=2).dtype == np.float32
    assert exported.nngp(POINTS.astype(int), depth=2).dtype == np.float64
    assert exported.nngp(POINTS[:0], POINTS, depth=2).shape == (0, 4)


def test_the_ntk_of_sign_is_refused_on_the_diagonal_with_its_rate_and_given_off_it():
    exported = module("sign", "erf")
    with pytest.raises(ValueError, match=r"diverges like 2/\(pi\*sqrt\(a\*b - c\*\*2\)\)"):
        exported.ntk(POINTS, depth=2)
    assert np.all(np.isfinite(exported.ntk(POINTS[:2], POINTS[2:], depth=2)))


@pytest.mark.parametrize(
    ("x1", "x2", "message"),
    [
        (POINTS[0], None, "shape"),
        (POINTS, POINTS[:, :2], "features"),
        (np.full((2, 2), np.nan), None, "not finite"),
    ],
)
def test_bad_inputs_are_named(x1, x2, message):
    with pytest.raises(ValueError, match=message):
        module("relu").nngp(x1, x2, depth=2)


def test_bad_depth_and_scales_are_named():
    with pytest.raises(ValueError, match="depth"):
        module("relu").nngp(POINTS, depth=0)
    with pytest.raises(ValueError, match="weight_std"):
        module("relu").nngp(POINTS, depth=2, weight_std=-1.0)


def test_runs_without_symntk_and_agrees_on_real_vectors(tmp_path):
    """scikit-learn's digits, sg_ntk of depth 3, 50 random pairs (the others by the same code in the same call)."""
    digits = pytest.importorskip("sklearn.datasets").load_digits().data
    path = symntk.derive("sign", "erf").export(tmp_path / "sign_erf.py")
    np.save(tmp_path / "x.npy", digits)
    program = (
        "import sys, numpy as np; sys.modules['symntk'] = None; sys.path.insert(0, sys.argv[1])\n"
        "import sign_erf; x = np.load(sys.argv[1] + '/x.npy')\n"
        "np.save(sys.argv[1] + '/k.npy', sign_erf.sg_ntk(x, depth=3, weight_std=1.0, bias_std=0.1))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    gram = np.load(tmp_path / "k.npy")
    assert path.exists() and gram.shape == (1797, 1797)
    kernels = symntk.derive("sign", "erf")
    for i, j in np.random.default_rng(0).integers(0, 1797, size=(50, 2)):
        true = recursion(kernels, "sg_ntk", digits[i], digits[j], 3, 1.0, 0.1)
        assert abs(gram[i, j] / true - 1) < 1e-12


def test_an_input_of_zeros_without_bias_passes_all_layers():
    x = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, -1.0]])
    for name in ("relu", "erf"):
        kernels = symntk.derive(name)
        nngp = namespace(kernels.source())["nngp"]
        for depth in (2, 3, 5):
            for gram in (nngp(x, depth=depth), symntk.Network(kernels, depth).nngp(x)):
                assert not np.any(gram[0])
                np.testing.assert_allclose(gram[1:, 1:], nngp(x[1:], depth=depth), rtol=1e-13)


@pytest.mark.parametrize("case", [("relu", None), ("sign", "erf")], ids=str)
def test_scales_of_each_layer_are_those_of_a_network(case):
    weight_std, bias_std = [1.3, 0.7, 1.1], np.array([0.0, 0.4, 0.2])
    net = symntk.Network(symntk.derive(*case), 3, weight_std=weight_std, bias_std=bias_std)
    exported = module(*case)
    for kernel in ("nngp", "sg_ntk" if case[1] else "ntk"):
        found = getattr(exported, kernel)(POINTS, depth=3, weight_std=weight_std, bias_std=bias_std)
        assert found == pytest.approx(getattr(net, kernel)(POINTS), rel=1e-12)
        one = getattr(exported, kernel)(POINTS, depth=2, weight_std=[1.3, 1.3], bias_std=0.2)
        assert np.array_equal(one, getattr(exported, kernel)(POINTS, depth=2, weight_std=1.3, bias_std=[0.2, 0.2]))


@pytest.mark.parametrize(
    ("scales", "wrong"),
    [
        ({"weight_std": [1.0, 1.0]}, r"weight_std = \[1.0, 1.0\] for 3 weight layers.*or 3: one for each"),
        ({"weight_std": [1.0, 0.0, 1.0]}, "weight_std = .* a finite number > 0"),
        ({"bias_std": [0.0, 0.0, -1.0]}, "bias_std = .* a finite number >= 0"),
        ({"bias_std": np.nan}, "bias_std = nan"),
        ({"weight_std": "wide"}, "weight_std = 'wide' is not numbers"),
        ({"weight_std": [[1.0, 1.0, 1.0]]}, "weight_std"),
        ({"weight_std": [1.0, [2.0], 1.0]}, "is not numbers"),
    ],
)
def test_scales_that_are_none_are_named(scales, wrong):
    with pytest.raises(ValueError, match=wrong):
        module("relu").nngp(POINTS, depth=3, **scales)


def test_parameters_are_asked_of_the_kernels_that_have_them():
    exported = module("relu", "erf(m*x)")
    net = symntk.Network(symntk.derive("relu", "erf(m*x)"), 3)
    assert exported.nngp(POINTS, depth=3) == pytest.approx(net.nngp(POINTS), rel=1e-14)
    assert exported.sg_ntk(POINTS, depth=3, m=0.5) == pytest.approx(net.sg_ntk(POINTS, m=0.5), rel=1e-13)
    for wrong in (-1.0, 0.0, np.nan, np.ones(2)):
        with pytest.raises(ValueError, match="Try: a number for m, which is positive"):
            exported.sg_ntk(POINTS, depth=3, m=wrong)
    with pytest.raises(ValueError, match="m is not given, and sg_ntk"):
        exported.kernels(POINTS, get=("nngp", "sg_ntk"), depth=2)


def test_thresholds_that_are_not_opposite_have_a_diagonal():
    """Two densities, one of which is of order 1 at full correlation: their half sum and difference overflow there."""
    activation = "Max(-1/2, Min(2, x)) + x*exp(-x**2)"
    exported, net = module(activation), symntk.Network(symntk.derive(activation), 3, bias_std=0.2)
    scale = np.sqrt(np.outer(*[np.diag(net.nngp(POINTS))] * 2))
    assert np.max(np.abs(exported.nngp(POINTS, depth=3, bias_std=0.2) - net.nngp(POINTS)) / scale) < 1e-10
