"""Inputs that are nearly the same: kernels and their gaps through many layers, against mpmath."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp, mpf

import symntk
from symntk import Network

rng = np.random.default_rng(0)
RELU = symntk.derive("relu")
X, STEP = rng.normal(size=3), rng.normal(size=3)


def recursion(layers, kernel, x, y, weight_std, bias_std, dps=50):
    """The kernel and the gap of one pair, in `dps` digits from the vectors themselves."""
    with mp.workdps(dps):
        w, s = mpf(weight_std) ** 2, mpf(bias_std) ** 2

        def dot(p, q):
            return w / len(p) * mp.fsum(mpf(float(i)) * mpf(float(j)) for i, j in zip(p, q, strict=True)) + s

        a, b, c = dot(x, x), dot(y, y), dot(x, y)
        total = c
        for kernels in layers:
            slope = 0 if kernel == "nngp" else w * getattr(kernels, kernel).evalf(a, b, c, dps=dps)
            a, b, c = (w * kernels.nngp.evalf(*law, dps=dps) + s for law in ((a, a, a), (b, b, b), (a, b, c)))
            total = c + total * slope
        return total, (a + b) / 2 - c


NETWORKS = [(["relu"] * 9, "ntk"), (["erf"] * 9, "ntk"), (["gelu"] * 9, "ntk"), (["relu", "sign"], "nngp")]


@pytest.mark.parametrize("step", [1e-8, 1e-5, 1e-3, 1e-2])
@pytest.mark.parametrize(("names", "kernel"), NETWORKS, ids=lambda value: value[-1] if isinstance(value, list) else "")
def test_angles_survive_depth(names, kernel, step):
    """Ten digits of every kernel and of its gap through ten layers."""
    layers = [symntk.derive(name) for name in names]
    net = Network(layers, len(layers) + 1, weight_std=1.3, bias_std=0.2)
    y = X + step * STEP
    value, gap = recursion(layers, kernel, X, y, 1.3, 0.2)
    assert abs(getattr(net, kernel)(X[None], y[None])[0, 0] / value - 1) < 1e-13
    assert abs(net.gap(X[None], y[None])[0, 0] / gap - 1) < 1e-11


def test_nearly_parallel_inputs_of_different_lengths():
    """Their angle is known from the vectors alone: rounded entries may say that the determinant is negative."""
    net = Network(RELU, 2, weight_std=1.5)
    for y in (2.0 * X, *(s * (X + step * STEP) for s in (0.5, 2.0, 3.0) for step in (1e-9, 3e-9, 1e-8))):
        value, _ = recursion([RELU], "ntk", X, y, 1.5, 0.0)
        assert abs(net.ntk(X[None], y[None])[0, 0] / value - 1) < 1e-14


def test_without_a_closed_form():
    """tanh, whose maps hold 1e-10 of E f²: two layers against four Gauss–Hermite digits would say little, so the law.

    For nearly equal inputs the gap of one layer is E[tanh'(u)²] times that of the inputs.
    """
    net = Network(symntk.derive("tanh"), 2)
    y = X + 1e-8 * STEP
    with mp.workdps(30):
        a = mp.fsum(mpf(float(v)) ** 2 for v in X) / 3
        inside = mp.fsum((mpf(float(p)) - mpf(float(q))) ** 2 for p, q in zip(X, y, strict=True)) / 6
        other = mp.fsum(mpf(float(v)) ** 2 for v in y) / 3
        along = (mp.sqrt(a) - mp.sqrt(other)) ** 2 / 2
        density = lambda z: mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi) / mp.cosh(mp.sqrt(a) * z) ** 4  # noqa: E731
        flat = mp.quad(density, mp.linspace(-12, 12, 13))
        steep = mp.quad(lambda z: z * z * density(z), mp.linspace(-12, 12, 13))
        right = (inside - along) * flat + along * steep
    assert abs(net.gap(X[None], y[None])[0, 0] / right - 1) < 1e-7  # the next order is the square of the distance


def test_gaps_are_half_squared_distances():
    x = np.array([[1.0, 0.0], [1.0, 1e-9], [0.0, 2.0], [1.0, 0.0], [-1.0, 0.0]])
    gap = Network(symntk.derive("erf"), 3, bias_std=0.1).gap(x)
    nngp = Network(symntk.derive("erf"), 3, bias_std=0.1).nngp(x)
    half = 0.5 * (np.diag(nngp)[:, None] + np.diag(nngp)[None, :]) - nngp
    assert np.allclose(gap, half, rtol=1e-12, atol=1e-15) and gap[0, 3] == 0.0 and gap[0, 1] > 0.0
    assert np.array_equal(gap, gap.T)


def test_an_export_has_their_kernels_too():
    net = Network([symntk.derive("relu"), symntk.derive("sign")], 3, weight_std=1.3, bias_std=0.2)
    space = {}
    exec(compile(net.source(), "exported", "exec"), space)
    pair = np.stack([X, X + 1e-7 * STEP])
    np.testing.assert_allclose(space["nngp"](pair), net.nngp(pair), rtol=1e-14)
