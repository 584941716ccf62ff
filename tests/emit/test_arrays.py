"""Modules for JAX and PyTorch: values against the host, derivatives against differences in mpmath, edges, errors.

Each part is skipped where its library is not installed.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types

import numpy as np
import pytest
from mpmath import mp

import symntk
from symntk.emit.compile import namespace

RNG = np.random.default_rng(5)
FIRST = RNG.normal(size=(5, 3))
SECOND = np.concatenate([FIRST[:2], RNG.normal(size=(3, 3)), 2.0 * FIRST[:1], -FIRST[1:2], np.zeros((1, 3))])
PAIRS = [("relu", None), ("erf", None), ("gelu", None), ("sign", "erf")]


class Jax:
    """What the tests ask of the library."""

    def __init__(self):
        self.jax = importlib.import_module("jax")
        self.jax.config.update("jax_enable_x64", True)

    def array(self, values, dtype="float64"):
        return self.jax.numpy.asarray(values, dtype=dtype)

    def gradients(self, function, *given):
        return [np.asarray(one) for one in self.jax.grad(function, argnums=tuple(range(len(given))))(*given)]

    def finite_sum(self, one):
        return self.jax.numpy.where(self.jax.numpy.isfinite(one), one, 0.0).sum()

    def vectorized(self, function):
        return self.jax.vmap(function)


class Torch:
    """What the tests ask of the library."""

    def __init__(self):
        self.torch = importlib.import_module("torch")

    def array(self, values, dtype="float64"):
        return self.torch.tensor(values, dtype=getattr(self.torch, dtype))

    def gradients(self, function, *given):
        given = [one.clone().requires_grad_() for one in given]
        return [one.numpy() for one in self.torch.autograd.grad(function(*given), given)]

    def finite_sum(self, one):
        return self.torch.where(self.torch.isfinite(one), one, 0.0).sum()

    def vectorized(self, function):
        return self.torch.func.vmap(function)


@pytest.fixture(params=["jax", "torch"])
def library(request):
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    out = {"jax": Jax, "torch": Torch}[request.param]()
    out.name = request.param
    return out


@functools.cache
def module(target, activation, surrogate=None):
    """What an exported module defines; it can be imported by its name, which torch.compile does."""
    source = symntk.derive(activation, surrogate).source(target)
    made = types.ModuleType(f"symntk_test_{target}_{activation}")
    exec(compile(source, made.__name__, "exec"), made.__dict__)  # noqa: S102  our own generated source
    sys.modules[made.__name__] = made
    return made.__dict__


def kernels_of(activation, surrogate):
    names = symntk.derive(activation, surrogate).items()
    return [name for name, E in names if name in ("nngp", "ntk", "sg_ntk") and not E.diagonal.diverges]


def own(library, values, dtype="float64"):
    """Whether a result is an array of the library."""
    return type(values) is type(library.array(0.0)) and str(values.dtype).endswith(dtype)


@pytest.mark.parametrize(("activation", "surrogate"), PAIRS)
def test_gram_matrices_are_the_host_s(library, activation, surrogate):
    written, x, y = module(library.name, activation, surrogate), library.array(FIRST), library.array(SECOND)
    scales = {"depth": 3, "weight_std": [1.2, 1.3, 0.9], "bias_std": 0.1}
    net = symntk.Network(symntk.derive(activation, surrogate), 3, weight_std=[1.2, 1.3, 0.9], bias_std=0.1)
    names = kernels_of(activation, surrogate)
    both = dict(zip(names, written["kernels"](x, y, get=names, **scales), strict=True))
    for name in names:
        method = getattr(net, name)
        scale = np.sqrt(np.outer(*(np.diag(np.asarray(method(one))) for one in (FIRST, SECOND))))
        assert own(library, both[name])
        assert np.max(np.abs(np.asarray(both[name]) - np.asarray(method(FIRST, SECOND))) / scale) < 2e-14
        assert np.max(np.abs(np.asarray(written[name](x, y, **scales)) - np.asarray(both[name]))) < 1e-15
        itself = np.asarray(written[name](y, **scales))
        assert np.max(np.abs(itself - np.asarray(method(SECOND)))) < 2e-14 * np.max(itself)


@pytest.mark.parametrize(("activation", "surrogate"), PAIRS)
@pytest.mark.parametrize(("depth", "most"), [(3, 2e-6), (50, 2e-5)])
def test_float32_is_float32(library, activation, surrogate, depth, most):
    written, x = module(library.name, activation, surrogate), np.concatenate([FIRST, SECOND[6:]]).astype(np.float32)
    weight_std = 2.0**0.5 if activation == "relu" else 1.0
    net = symntk.Network(symntk.derive(activation, surrogate), depth, weight_std=weight_std, bias_std=0.1)
    for name in kernels_of(activation, surrogate):
        found = written[name](library.array(x, "float32"), depth=depth, weight_std=weight_std, bias_std=0.1)
        right = np.asarray(getattr(net, name)(x.astype(np.float64)))
        scale = np.sqrt(np.outer(np.diag(right), np.diag(right)))
        assert own(library, found, "float32")
        assert np.max(np.abs(np.asarray(found) - right) / scale) < most


@pytest.mark.parametrize("activation", ["relu", "erf"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_equal_rows_have_the_covariance_of_their_variance(library, activation, dtype):
    x = RNG.normal(size=(37, 11))
    written, twice = module(library.name, activation), library.array(np.concatenate([x, x[::-1]]), dtype)
    for name in ("nngp", "ntk"):
        found = np.asarray(written[name](twice, depth=4, bias_std=0.1))
        assert np.array_equal(np.diag(found[:, ::-1]), np.diag(found))
    crossed = np.asarray(written["ntk"](twice[:37], twice[37:], depth=4, bias_std=0.1))[:, ::-1]
    assert np.diag(crossed) == pytest.approx(np.diag(found)[:37], rel=1e-15 if dtype == "float64" else 5e-7)


def exact(kernels, name, x, y, weight_std, bias_std, **numbers):
    """The kernel of a network of depth 3 by the recursion in mpmath."""
    dot = lambda p, q: weight_std**2 * mp.fsum(u * v for u, v in zip(p, q, strict=True)) / len(x) + bias_std**2  # noqa: E731
    a, b, c = dot(x, x), dot(y, y), dot(x, y)
    total = c
    for _ in range(2):
        slope = 0 if name == "nngp" else getattr(kernels, name).evalf(a, b, c, dps=30, **numbers)
        laws = ((a, a, a), (b, b, b), (a, b, c))
        a, b, c = (weight_std**2 * kernels.nngp.evalf(*law, dps=30, **numbers) + bias_std**2 for law in laws)
        total = c + weight_std**2 * total * slope
    return total


def difference(function, given, place):
    """The derivative by one of the given mpmath numbers."""
    step = mp.mpf("1e-10")
    ends = [function(*[one + sign * step if i == place else one for i, one in enumerate(given)]) for sign in (1, -1)]
    return float((ends[0] - ends[1]) / (2 * step))


@pytest.mark.parametrize(("activation", "surrogate"), PAIRS[::3])
def test_gradients_are_derivatives(library, activation, surrogate):
    """By the inputs and by both scales."""
    kernels, written = symntk.derive(activation, surrogate), module(library.name, activation, surrogate)
    x, y = FIRST[0, :2], FIRST[1, :2]
    for name in kernels_of(activation, surrogate):
        function = lambda x, y, w, b: written[name](x[None], y[None], depth=3, weight_std=w, bias_std=b)[0, 0]  # noqa: B023, E731
        found = library.gradients(function, *map(library.array, (x, y, 1.3, 0.2)))
        with mp.workdps(30):
            given = [*map(mp.mpf, map(float, x)), *map(mp.mpf, map(float, y)), mp.mpf(1.3), mp.mpf(0.2)]
            at = lambda p, q, r, s, w, b: exact(kernels, name, (p, q), (r, s), w, b)  # noqa: B023, E731
            right = [difference(at, given, place) for place in range(6)]
        assert np.concatenate([np.atleast_1d(one) for one in found]) == pytest.approx(right, rel=1e-12, abs=1e-14)


def test_gradients_of_a_kernel_at_one_input(library):
    for activation, surrogate in PAIRS[:3:2]:
        kernels, written = symntk.derive(activation, surrogate), module(library.name, activation, surrogate)
        for name in ("nngp", "ntk"):
            if name not in kernels_of(activation, surrogate):
                continue
            function = lambda x: written[name](x[None], depth=3, bias_std=0.2)[0, 0]  # noqa: B023, E731
            (found,) = library.gradients(function, library.array(FIRST[0, :2]))
            with mp.workdps(30):
                at = lambda *x: exact(kernels, name, x, x, 1, mp.mpf(0.2))  # noqa: B023, E731
                given = [mp.mpf(float(one)) for one in FIRST[0, :2]]
                right = [difference(at, given, place) for place in range(2)]
            assert found == pytest.approx(right, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize(("activation", "surrogate"), PAIRS[::3])
def test_no_gradient_is_nan(library, activation, surrogate):
    """Duplicates, opposite and parallel inputs and one of zeros; also beside kernels that are infinite there."""
    written, every = module(library.name, activation, surrogate), np.concatenate([FIRST, SECOND])
    for name in ("nngp", "ntk", "sg_ntk"):
        if name not in written:
            continue
        for bias_std in (0.0, 0.1) if library.name == "torch" else (0.0,):
            function = lambda x, w, b: library.finite_sum(written[name](x, depth=3, weight_std=w, bias_std=b))  # noqa: B023, E731
            for one in library.gradients(function, *map(library.array, (every, 1.1, bias_std))):
                assert np.all(np.isfinite(one))


def test_parameters_have_gradients(library):
    kernels = symntk.derive("erf(k*x)")
    written = namespace(kernels.source(library.name))
    for name in ("nngp", "ntk"):
        function = lambda k: written[name](x, y, depth=3, bias_std=0.2, k=k)[0, 0]  # noqa: B023, E731
        x, y = library.array(FIRST[:1, :2]), library.array(FIRST[1:2, :2])
        (found,) = library.gradients(function, library.array(0.7))
        with mp.workdps(30):
            points = [[mp.mpf(float(one)) for one in row[:2]] for row in FIRST[:2]]
            at = lambda k: exact(kernels, name, *points, 1, mp.mpf(0.2), k=k)  # noqa: B023, E731
            right = difference(at, [mp.mpf(0.7)], 0)
        assert float(found) == pytest.approx(right, rel=1e-12)


def test_means_and_thresholds(library):
    """Through the bivariate normal distribution function, also at full correlation."""
    E = symntk.expectation("Heaviside(x - theta)", "Heaviside(x)", means=True)
    function = namespace(E.source(library.name))["expectation_map"]
    given = (1.3, 0.7, 0.4, 0.2, -0.1)
    value = lambda a, b, c, m, n, theta: function(a, b, c, m, n, theta=theta)  # noqa: E731
    numbers = list(map(library.array, (*given, 0.5)))
    right = float(E.evalf(*given, theta=0.5, dps=20))
    assert float(value(*numbers)) == pytest.approx(right, rel=1e-13)
    with mp.workdps(30):
        at = lambda a, b, c, m, n, theta: E.evalf(a, b, c, m, n, theta=theta, dps=30)  # noqa: E731
        exactly = [mp.mpf(one) for one in (*given, 0.5)]
        right = [difference(at, exactly, place) for place in range(6)]
    assert np.array(library.gradients(value, *numbers)) == pytest.approx(right, rel=1e-11)
    full = (1.0, 1.0, 1.0, 0.75, 0.5, 0.25)
    right = float(E.evalf(*full[:5], theta=0.25, dps=20))
    full = list(map(library.array, full))
    assert float(value(*full)) == pytest.approx(right, rel=1e-14)
    assert np.all(np.isfinite(library.gradients(value, *full)))


def test_maps_of_arrays(library):
    written = module(library.name, "relu")
    a, b = library.array([[1.0], [2.0]]), library.array([0.5, 1.0, 3.0])
    assert written["nngp_map"](a, b, library.array(0.1)).shape == (2, 3)
    each = library.vectorized(written["ntk_map"])(b, b, 0.5 * b)
    assert np.asarray(each) == pytest.approx(np.full(3, 1.0 / 3.0), rel=1e-15)
    # 1 - rho = 1e-14: the angle is in the last digits of ab - c^2
    angle = np.arccos(-1.0 + 2.0**-47) / (2.0 * np.pi)
    found = written["ntk_map"](*map(library.array, (1.0, 1.0, -1.0 + 2.0**-47)))
    assert float(found) == pytest.approx((np.pi - angle * 2.0 * np.pi) / (2.0 * np.pi), rel=1e-13)
    lost = written["nngp_map"](
        library.array([1.0, np.nan, 1.0, -1.0]), library.array(1.0), library.array([0.5, 0.5, 2, 0])
    )
    assert np.array_equal(np.isnan(np.asarray(lost)), [False, True, True, True])
    assert own(library, written["nngp_map"](*(library.array(one, "float32") for one in (1.0, 2.0, 0.3))), "float32")


def test_what_is_infinite_says_so(library):
    written, x = module(library.name, "sign", "erf"), library.array(FIRST)
    found = np.asarray(written["ntk"](x, depth=2))
    assert np.all(np.isinf(np.diag(found))) and np.isfinite(found[0, 1])
    right = np.asarray(symntk.Network(symntk.derive("sign", "erf"), 2).ntk(FIRST[:1], FIRST[1:]))
    assert found[:1, 1:] == pytest.approx(right, rel=1e-13)
    E = symntk.expectation("exp(x**2)")
    grown = namespace(E.source(library.name))["expectation_map"](*map(library.array, ([0.1, 0.6], [0.1, 0.6], 0.05)))
    assert np.isfinite(np.asarray(grown)[0]) and np.isinf(np.asarray(grown)[1])


def test_errors_are_named(library):
    written, x = module(library.name, "relu"), library.array(FIRST)
    for given, changes, wrong in (
        ((x[0],), {}, r"x1 has shape \(3,\)"),
        ((x, x[:, :2]), {}, "x1 has 3 features and x2 2"),
        ((x,), {"depth": 0}, "depth = 0"),
        ((x,), {"depth": 2.0}, "depth = 2.0"),
        ((x,), {"weight_std": [1.0, 1.0]}, "for 3 weight layers"),
        ((x,), {"get": ("ntk", "sg_ntk")}, "get has 'sg_ntk'"),
    ):
        with pytest.raises(ValueError, match=wrong):
            written["kernels"](*given, **{"depth": 3, **changes})


def test_jax_transforms():
    pytest.importorskip("jax", reason="jax is not installed")
    library, written = Jax(), module("jax", "erf")
    function = library.jax.jit(functools.partial(written["ntk"], depth=3), static_argnames="depth")
    x = library.array(FIRST)
    assert np.asarray(function(x)) == pytest.approx(np.asarray(written["ntk"](x, depth=3)), rel=1e-14)
    stacked = library.jax.vmap(functools.partial(written["ntk"], depth=3))(library.array(FIRST.reshape(1, 5, 3)))
    assert np.asarray(stacked[0]) == pytest.approx(np.asarray(function(x)), rel=1e-14)
    curved = library.jax.hessian(lambda one: written["nngp"](one[None], x[1:2], depth=2)[0, 0])(x[0])
    step = 1e-5 * np.eye(3)
    slope = library.jax.grad(lambda one: written["nngp"](one[None], x[1:2], depth=2)[0, 0])
    right = [(slope(x[0] + one) - slope(x[0] - one)) / 2e-5 for one in step]
    assert np.asarray(curved) == pytest.approx(np.asarray(right), rel=1e-6, abs=1e-8)


@pytest.mark.filterwarnings("ignore:.*autograd.function.Function.*:DeprecationWarning")  # from PyTorch itself
def test_torch_is_compiled_in_one_graph():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    written, x = module("torch", "erf"), torch.tensor(FIRST)
    compiled = torch.compile(functools.partial(written["kernels"], depth=2), fullgraph=True, backend="aot_eager")
    for name, found in zip(("nngp", "ntk"), compiled(x), strict=True):
        assert found.numpy() == pytest.approx(written[name](x, depth=2).numpy(), rel=1e-14)


def test_targets_write_modules_without_their_library():
    for target in ("jax", "torch"):
        text = symntk.derive("erf").source(target)
        assert compile(text, "module", "exec")
        assert len(text.splitlines()) <= 420
        assert "numpy as np" not in text
