"""Tables of layer maps against closed laws, and the Gram matrices that they serve against the maps entry by entry."""

from __future__ import annotations

import tracemalloc
import types
from functools import cache

import numpy as np
import pytest

import symntk
from symntk.emit.runtime.general import _layer_map
from symntk.emit.runtime.layer import _Layer, _layer_map_of
from symntk.emit.runtime.table import _table


def arcsine(a, b, cov, det):
    """E[erf(u) erf(v)]."""
    return 2.0 / np.pi * np.arctan2(2.0 * cov, np.sqrt(1.0 + 2.0 * a + 2.0 * b + 4.0 * det))


def arc_cosine(a, b, cov, det):
    """E[max(0, u) max(0, v)], neither even nor odd in the covariance."""
    root = np.sqrt(np.maximum(a * b - cov * cov if det is None else det, 0.0))
    return (root + cov * (np.pi / 2 + np.arctan2(cov, root))) / (2.0 * np.pi)


def mixed(a, b, cov, det):
    """E[exp(−u²) exp(−3v²)], even and not symmetric."""
    return 1.0 / np.sqrt((1.0 + 2.0 * a) * (1.0 + 6.0 * b) - 12.0 * cov * cov)


LAWS = {"arcsine": (arcsine, -1, True), "arc-cosine": (arc_cosine, 0, True), "mixed": (mixed, 1, False)}


def pairs(n, m, low, high):
    rng = np.random.default_rng(8)
    a, b = np.exp(rng.uniform(np.log(low), np.log(high), (2, max(n, m))))
    rho = rng.uniform(-1.0, 1.0, (n, m))
    rho[0, :3] = 1.0, -1.0, 0.0
    a, b = a[:n, None], b[None, :m]
    cov = rho * np.sqrt(a) * np.sqrt(b)
    return a, b, cov, a * b * (1.0 - rho) * (1.0 + rho)


def tabulated(law, table, a, b, cov, det):
    """The map by its table, and where the table does not reach by `law`."""
    layer_map = _layer_map_of(law, prepare=lambda *_: (law, table))
    layer = _Layer([layer_map], a.ravel(), b.ravel(), np.dtype(float), swap=False)
    return layer.values(a, b, cov, det, True)[0][0]


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (0.9, 1.1), (1e-4, 1.1e-4), (0.2, 6.0), (90.0, 120.0)])
def test_a_table_reproduces_closed_laws(name, low, high):
    law, parity, same = LAWS[name]
    a, b, cov, det = pairs(300, 400, low, high)
    table = _table(law, parity, same, a.ravel(), b.ravel())
    assert table is not None
    found = tabulated(law, table, a, b, cov, det)
    exact = law(a, b, cov, det)
    scale = np.sqrt(law(a, a, a, 0.0 * a) * law(b, b, b, 0.0 * b))
    assert np.max(np.abs(found - exact) / scale) <= 3e-11


def test_an_angle_next_to_full_correlation_comes_from_the_determinant():
    a, b, cov, det = pairs(300, 400, 0.9, 1.1)
    full = np.sqrt(a) * np.sqrt(b)
    table = _table(lambda u, v, c, d: np.sqrt(d), 1, True, a.ravel(), b.ravel())
    close = tabulated(arcsine, table, a, b, full * (1.0 - 1e-17), np.full(cov.shape, 1e-20))
    np.testing.assert_allclose(close, 1e-10, rtol=0, atol=1e-12)


@pytest.mark.parametrize("where", ["angle", "first", "second"])
def test_what_is_not_smooth_has_no_table(where):
    def kinked(a, b, cov, det):
        x = {"angle": cov / np.sqrt(a * b) - 0.3, "first": np.log(a) + 0.0 * cov, "second": np.log(b) + 0.0 * cov}
        return 1.0 + np.abs(x[where])

    a, b, *_ = pairs(300, 400, 0.5, 2.0)
    assert _table(kinked, 0, False, a.ravel(), b.ravel()) is None


def test_few_pairs_have_no_table_and_ask_for_no_values():
    def refused(*_):
        raise AssertionError

    assert _table(refused, 0, True, np.ones(10), np.ones(10)) is None


def test_variances_out_of_range_are_left_to_the_map():
    a, b, cov, det = pairs(300, 400, 0.9, 1.1)
    a[5], cov[5], det[5] = 0.0, 0.0, 0.0
    table = _table(arc_cosine, 0, True, a.ravel(), b.ravel())
    found = tabulated(lambda u, v, c, d: np.full(c.shape, 7.0), table, a, b, cov, det)
    assert np.all(found[5] == 7.0) and np.all(np.delete(found, 5, axis=0) < 1.0)


@cache
def module(activation, surrogate=None):
    space = types.ModuleType("exported")
    exec(compile(symntk.derive(activation, surrogate).source(), "exported", "exec"), space.__dict__)
    return space


def inputs(n, seed=1):
    """Points near a sphere in three dimensions, so that correlations are spread from −1 to 1."""
    rng = np.random.default_rng(seed)
    d = rng.normal(size=(n, 3))
    return np.sqrt(3.0) * d / np.linalg.norm(d, axis=1)[:, None] * (1.0 + 0.05 * rng.normal(size=(n, 1)))


def slowly(exported, kernel, x, y, depth, weight_std, bias_std):
    """The layer recursion of pairs (x_i, y_i), every map by itself."""
    w, s = weight_std**2, bias_std**2
    a, b, c = (w * np.sum(p * q, axis=1) / x.shape[1] + s for p, q in ((x, x), (y, y), (x, y)))
    total = c
    for _ in range(depth - 1):
        slope = 0.0 if kernel == "nngp" else getattr(exported, f"{kernel}_map")(a, b, c)
        a, b, c = (w * exported.nngp_map(*law) + s for law in ((a, a, a), (b, b, b), (a, b, c)))
        total = c + w * slope * total
    return c if kernel == "nngp" else total


@pytest.mark.parametrize("depth", [1, 2, 3, 10])
@pytest.mark.parametrize(("activation", "kernel"), [("tanh", "nngp"), ("tanh", "ntk"), ("softplus", "ntk")])
def test_gram_matrices_are_the_recursion_of_the_maps(activation, kernel, depth):
    exported, x = module(activation), inputs(120)
    gram = getattr(exported, kernel)(x, depth=depth, weight_std=1.2, bias_std=0.1)
    i, j = np.random.default_rng(2).integers(0, len(x), (2, 40))
    true = slowly(exported, kernel, x[i], x[j], depth, 1.2, 0.1)
    assert np.max(np.abs(gram[i, j] - true)) <= 1e-10 * depth * np.max(np.abs(true))
    assert np.array_equal(gram, gram.T)


def test_the_half_is_the_whole():
    for exported, tolerance in ((module("erf"), 1e-15), (module("tanh"), 1e-11)):
        x = inputs(150)
        for kernel in ("nngp", "ntk"):
            half, whole = (getattr(exported, kernel)(x, y, depth=3) for y in (None, x.copy()))
            assert np.max(np.abs(half - whole)) <= tolerance * 8 * np.max(np.abs(whole))


def test_two_sets_of_inputs_and_two_different_slopes():
    exported = module("tanh", "erf")
    x, y = inputs(100, 1), 1.3 * inputs(140, 2)
    gram = exported.sg_ntk(x, y, depth=3)
    i, j = np.random.default_rng(2).integers(0, 100, (2, 40))
    true = slowly(exported, "sg_ntk", x[i], y[j], 3, 1.0, 0.0)
    assert np.max(np.abs(gram[i, j] - true)) <= 1e-10 * np.max(np.abs(true))
    other = slowly(exported, "sg_ntk", y[j], x[i], 3, 1.0, 0.0)
    assert np.max(np.abs(gram[i, j] - other)) > 1e-4
    own = exported.sg_ntk(x, depth=2)
    assert np.max(np.abs(own - own.T)) > 1e-4


def test_equal_and_parallel_rows():
    exported, x = module("tanh"), inputs(120)
    x[7], x[8], x[9] = x[6], -x[6], x[6] * (1.0 + 1e-9)
    gram = exported.nngp(x, depth=3)
    assert gram[6, 7] == gram[6, 6] == gram[7, 7]
    assert gram[6, 8] == pytest.approx(-gram[6, 6], rel=1e-10)
    assert gram[6, 9] == pytest.approx(gram[6, 6], rel=1e-8)
    assert np.all(np.isfinite(exported.ntk(x, depth=10)))
    zero = np.concatenate([x, np.zeros((1, 3))])
    assert not np.any(exported.nngp(zero, depth=2)[-1])


def test_what_a_corner_of_the_table_cannot_have_is_left_to_the_pairs():
    def lost(*law):
        raise ValueError("not resolved")

    # the Hermite series of a step does not reach correlations next to 1, and no pair has one
    unit, shape = np.ones(60), ((), (), (), (0.0,))
    made, table = _layer_map(np.sign, np.sign, shape, shape, lost, 1e-10, np.sign, np.sign, 2e-4, unit, unit)
    assert table is None
    found = made(unit[:, None], unit[None], np.full((60, 60), 0.5), None)
    np.testing.assert_allclose(found, 1.0 / 3.0, rtol=0, atol=1e-10)


def test_float32_in_float32_out():
    exported, x = module("tanh"), inputs(120)
    narrow = exported.ntk(x.astype(np.float32), depth=2)
    assert narrow.dtype == np.float32
    wide = exported.ntk(x.astype(np.float32).astype(float), depth=2)
    np.testing.assert_allclose(narrow, wide, rtol=0, atol=2e-6 * np.max(np.diag(wide)))


@pytest.mark.parametrize("kernel", ["nngp", "ntk"])
def test_memory_is_the_result_and_less_than_as_much_again(kernel):
    exported, x = module("tanh"), inputs(1000)
    tracemalloc.start()
    try:
        gram = getattr(exported, kernel)(x, depth=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.0 * gram.nbytes
