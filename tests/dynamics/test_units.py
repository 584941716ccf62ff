"""Expectations of units against one-dimensional integrals, Price's theorem, and the ends of their range."""

import mpmath
import numpy as np
import pytest
import sympy
from scipy.integrate import quad
from scipy.special import ndtr

from symntk.dynamics.units import Units
from symntk.errors import DivergenceError, FormulaError

RELU = Units("relu")
RNG = np.random.default_rng(5)
POINTS = [
    (1.0, 2.0, 0.5, 0.3, -0.2),
    (19.0, 16.0, 12.0, -1.7, 0.4),
    (4.0, 5.0, -3.0, -2.0, 1.0),
    (0.5, 30.0, 3.7, 6.0, -9.0),
    (1.0, 1.0, 0.999, -0.5, -0.4),
    (2.0, 2.0, 0.0, 1.0, -3.0),
]


def conditional(a, b, c, m1, m2, slope):
    """The mean of φ(v), or φ'(v), for given u: threshold-linear units, by hand."""
    s = mpmath.sqrt(b - c * c / a)

    def function(u):
        m = m2 + c / a * (u - m1)
        upper = mpmath.ncdf(m / s)
        return upper if slope else m * upper + s * mpmath.npdf(m / s)

    return function


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("slope", [False, True])
def test_threshold_linear_units_agree_with_mpmath(point, slope):
    with mpmath.workdps(18):
        a, b, c, m1, m2 = (mpmath.mpf(x) for x in point)
        inner = conditional(a, b, c, m1, m2, slope)
        density = lambda u: mpmath.npdf(u, m1, mpmath.sqrt(a))  # noqa: E731
        whole = lambda u: (1 if slope else u) * inner(u) * density(u)  # noqa: E731
        top = m1 + 12 * mpmath.sqrt(a)
        cuts = [
            mpmath.mpf(0),
            *sorted(x for x in (m1 / 2, m1 - m2 * a / c if c else m1, m1, m1 + 4) if 0 < x < top),
            top,
        ]
        expected = mpmath.quad(whole, cuts)
    value = (RELU.slopes if slope else RELU.product)(*point)
    scale = 1.0 if slope else float(np.sqrt(RELU.power(point[3], point[0]) * RELU.power(point[4], point[1])))
    assert abs(value - float(expected)) <= 1e-12 * scale


def test_threshold_linear_units_agree_with_quad():
    """Over random covariances, each as one integral over the first variable."""
    for _ in range(20):
        a, b = RNG.uniform(0.2, 20.0, 2)
        rho = RNG.uniform(-0.95, 0.98)
        m1, m2 = RNG.normal(size=2) * 2
        c = rho * np.sqrt(a * b)
        s = np.sqrt(b - c * c / a)

        def inner(u, m1=m1, m2=m2, a=a, c=c, s=s):
            m = m2 + c / a * (u - m1)
            density = np.exp(-0.5 * (u - m1) ** 2 / a) / np.sqrt(2 * np.pi * a)
            return u * density * (m * ndtr(m / s) + s * np.exp(-0.5 * (m / s) ** 2) / np.sqrt(2 * np.pi))

        top = max(m1, 0.0) + 12 * np.sqrt(a)
        expected = quad(inner, 0.0, top, epsabs=1e-13, epsrel=1e-13, limit=400)[0]
        assert RELU.product(a, b, c, m1, m2) == pytest.approx(expected, abs=1e-12 * (1 + abs(m1 * m2) + np.sqrt(a * b)))


@pytest.mark.parametrize("activation", ["relu", "erf", "hard_tanh", "leaky_relu", "tanh"])
def test_price(activation):
    """∂q/∂c = q': the increase of q over c is the integral of q'."""
    units = Units(activation)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    low, high = -0.6, 1.1
    c = 0.5 * (high - low) * nodes + 0.5 * (high + low)
    one = np.ones_like(c)
    integral = 0.5 * (high - low) * weights @ units.slopes(1.4 * one, 1.9 * one, c, 0.3 * one, -0.7 * one)
    increase = units.product(1.4, 1.9, high, 0.3, -0.7) - units.product(1.4, 1.9, low, 0.3, -0.7)
    assert increase == pytest.approx(integral, abs=1e-9 if activation == "tanh" else 1e-12)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_one_variable(activation):
    """Full correlation is the limit; ∂ν/∂m = E[φ']; ∂E[φ²]/∂m by the mean of the derivative of the square."""
    units = Units(activation)
    m, a = 0.4, 1.7
    near = a * (1 - 1e-9)
    assert units.power(m, a) == pytest.approx(units.product(a, a, near, m, m), abs=2e-9)
    assert units.sharpness(m, a) == pytest.approx(units.slopes(a, a, near, m, m), abs=2e-4)
    step = 1e-5
    assert units.gain(m, a) == pytest.approx((units.rate(m + step, a) - units.rate(m - step, a)) / (2 * step), abs=1e-9)
    assert units.product(a, 0.9, 0.0, m, -0.3) == pytest.approx(units.rate(m, a) * units.rate(-0.3, 0.9), abs=1e-14)


@pytest.mark.parametrize("variance", [1e-120, 1e-40, 1e-12, 1e-3])
@pytest.mark.parametrize("m", [-80.0, -20.0, 0.0, 30.0])
def test_silent_units(variance, m):
    """Fully correlated units far below or above threshold, as while an input silences the network."""
    a, b = variance, 0.7 * variance
    c = np.sqrt(a * b)
    m2 = 0.7**0.5 * m
    q, slopes = RELU.product(a, b, c, m, m2), RELU.slopes(a, b, c, m, m2)
    assert np.isfinite(q) and -1e-30 <= slopes <= 1 + 1e-12
    assert q == pytest.approx(m * m2 if m > 0 else 0.5 * c if m == 0 else 0.0, rel=1e-11 + variance, abs=1e-30)


def test_what_cannot_be():
    with pytest.raises(DivergenceError, match="infinitely fast"):
        Units("sign").sharpness(0.0, 1.0)
    with pytest.raises(FormulaError, match="has no value"):
        Units("erf(k*x)")
    assert Units("tanh").is_odd and not RELU.is_odd


@pytest.mark.parametrize("means", [True, False])
@pytest.mark.parametrize("activation", ["erf", "gelu", "sigmoid_like"])
def test_squares_against_one_integral(activation, means):
    """E[φ²], of the pair at full correlation where φ² itself has no closed form, relative to its value."""
    units = Units(activation, means=means)
    z = np.linspace(-12.0, 12.0, 4001)  # the trapezoidal rule converges exponentially
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    phi = Units(activation).activation.expression
    function = sympy.lambdify(list(phi.free_symbols), phi, "scipy")
    m, a = (np.array(v) for v in zip(*[(0.3, 1.7), (-2.0, 0.5), (1.0, 30.0), (0.0, 1e-8)], strict=True))
    m = m if means else 0.0 * m
    for mean, variance, value in zip(m, a, units.power(m, a), strict=True):
        expected = density @ function(mean + np.sqrt(variance) * z) ** 2
        assert value == pytest.approx(expected, rel=1e-12)
