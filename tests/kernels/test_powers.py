"""Powers |x|^p, sign(x)|x|^p and x₊^p with −1 < p: values, kernels, behaviour at full correlation, by mpmath alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from mpmath import mp

import symntk
from symntk.errors import DivergenceError, SymntkError
from symntk.verify.oracle.general.oracle import general_scale
from tests.kernels.power_reference import Power, power_full, power_mean, power_pair

LAW = (1.3, 0.7, 0.4)


def difference(E, value, *law):
    """The error as a fraction of what the stated bound is relative to."""
    law = (*law, 0.0, 0.0)[:5]
    with np.errstate(all="raise"):
        found = E(*law[: 5 if E.means else 3])
    return abs(found - float(value)) / max(general_scale(E.f.general, E.g.general, law), abs(float(value)))


@pytest.mark.parametrize("p", [-0.3, -0.45, -0.49, -0.5, -0.7, -0.9, -0.98])
@pytest.mark.parametrize("kind", ["abs", "plus", "sign"])
def test_one_variable(kind, p):
    one = Power(kind, p)
    for law, means in (((1.3, 0.0), False), ((1.3, 0.4), True)):
        E = symntk.expectation(one.text, means=means)
        found = E(law[0], 1.0, 0.0, *((law[1], 0.0) if means else ()))
        assert found == pytest.approx(float(power_mean(one, *law)), rel=1e-11)


@settings(max_examples=8, phases=[Phase.generate])
@given(
    kinds=st.tuples(*[st.sampled_from(["abs", "plus", "sign"])] * 2),
    powers=st.tuples(*[st.floats(-0.98, 3.0).map(lambda p: round(p, 2))] * 2),
    places=st.tuples(*[st.sampled_from([0.0, 0.0, 1.0, -0.75])] * 2),
    variances=st.tuples(*[st.floats(-2.0, 2.0).map(lambda k: round(10.0**k, 3))] * 2),
    rho=st.sampled_from([0.0, 0.3, -0.6, 0.95, -0.9999, 1.0 - 1e-7]),
    means=st.tuples(*[st.floats(-2.0, 2.0).map(lambda m: round(m, 2))] * 2),
)
def test_pairs_by_an_independent_quadrature(kinds, powers, places, variances, rho, means):
    f, g = (Power(*one) for one in zip(kinds, powers, places, strict=True))
    (a, b), (m1, m2) = variances, (m * math.sqrt(v) for m, v in zip(means, variances, strict=True))
    c = rho * math.sqrt(a * b)
    E = symntk.expectation(f.text, g.text, means=True)
    assert difference(E, power_pair(f, g, a, b, c, m1, m2), a, b, c, m1, m2) <= max(E.error_bound, 1e-12)


@pytest.mark.parametrize(
    ("f", "g", "sense", "means"),
    [
        (Power("abs", -0.3), Power("abs", -0.3), 1, (0.0, 0.0)),
        (Power("abs", -0.3), Power("abs", -0.6), -1, (0.0, 0.0)),
        (Power("plus", -0.45), Power("abs", -0.5), 1, (0.5, 0.5)),
        (Power("sign", -0.9), Power("sign", 0.4), -1, (0.5, -0.5)),
        (Power("abs", -0.4, 1.0), Power("abs", -0.4, 1.0), 1, (0.0, 0.0)),
        (Power("abs", -0.7, 1.0), Power("abs", -0.7, 1.0), -1, (0.0, 0.0)),
        (Power("plus", -0.6), Power("plus", 0.3), 1, (-0.25, -0.25)),
    ],
    ids=str,
)
def test_full_correlation(f, g, sense, means):
    E = symntk.expectation(f.text, g.text, means=True)
    value = power_full(f, g, 2.0, 2.0, sense, *means) if f.place == 0.0 or sense > 0 else _two_places(f, g)
    assert difference(E, value, 2.0, 2.0, 2.0 * sense, *means) <= 1e-11


def _two_places(f, g):
    """At ρ = −1 with g singular where f is not: twice the integral over one half, which holds one place."""
    assert f == g
    half = Power("plus", f.power, f.place)
    return _half(half) * 2


def _half(f):
    with mp.workdps(25):
        a, p = mp.mpf(2), mp.mpf(str(f.power))
        n = 1 / (1 + p)
        density = lambda x: abs(x + f.place) ** p * mp.exp(-x * x / (2 * a)) / mp.sqrt(2 * mp.pi * a)  # noqa: E731
        below = mp.quad(lambda t: density(f.place - t**n), [0, mp.mpf(f.place) ** (1 + p)])
        above = mp.quad(lambda t: density(f.place + t**n), [0, 1, mp.mpf(15) ** (1 + p)])
        return n * (below + above)


@pytest.mark.parametrize(
    ("f", "g"),
    [
        (Power("abs", -0.7), Power("abs", -0.7)),
        (Power("abs", -0.5), Power("plus", -0.5)),
        (Power("plus", -0.6), Power("abs", -0.8)),
        (Power("abs", -0.7, 1.0), Power("abs", -0.6, 1.0)),
    ],
    ids=str,
)
def test_where_the_product_has_no_integral_it_diverges_with_its_rate(f, g):
    E = symntk.expectation(f.text, g.text)
    assert E.diagonal.diverges and E(2.0, 2.0, 2.0) == math.inf
    with pytest.raises(DivergenceError, match="diverges like"):
        E.evalf(2, 2, 2)
    near, far = 2.0 * (1.0 - 1e-10), 2.0 * (1.0 - 1e-8)
    symbols = {str(s): s for s in E.diagonal.rate.free_symbols}
    rates = [float(E.diagonal.rate.subs({symbols["a"]: 2, symbols["b"]: 2, symbols["c"]: c})) for c in (near, far)]
    assert E(2.0, 2.0, near) - E(2.0, 2.0, far) == pytest.approx(rates[0] - rates[1], rel=1e-6)


def test_powers_against_smooth_functions():
    # E|u|^p cos v by Kummer's function
    a, b, c = LAW
    for p, dps in ((-0.45, 12), (-0.7, 12), (-0.95, 6)):
        E = symntk.expectation(f"Abs(x)**({p})", "cos(x)")
        k, q = c / a, mp.mpf(str(p))
        value = (2 * a) ** (q / 2) * mp.gamma((1 + q) / 2) / mp.sqrt(mp.pi)
        value *= mp.hyp1f1((1 + q) / 2, 0.5, -k * k * a / 2) * mp.exp(-(b - c * c / a) / 2)
        assert difference(E, value, *LAW) <= 1e-11
        assert abs(E.evalf(*LAW, dps=dps) - value) <= 10.0**-dps * abs(value)


def test_the_bound_says_what_it_is_relative_to():
    E = symntk.expectation("Abs(x)**(-0.7)", "tanh(x-1)")
    assert E.error_bound == 1e-10
    assert "E|f(u)| * sqrt(E g(v)^2)" in " ".join(E.source().split())
    other = symntk.expectation("Abs(x)**(-0.45)", "tanh(x-1)").source()
    assert "sqrt(E f(u)^2 * E g(v)^2)" in " ".join(other.split())


def test_kernels_of_a_root():
    kernels = symntk.derive("sqrt(Abs(x))", "erf")
    assert kernels.names == ("nngp", "ntk", "sg_ntk", "surrogate_ntk") and not kernels.absent
    half = Power("sign", -0.5)
    assert difference(kernels.ntk, power_pair(half, half, *LAW) / 4, *LAW) <= 1e-11
    # σ' is odd and the bell is even
    assert kernels.sg_ntk.method == "closed form" and kernels.sg_ntk(*LAW) == 0.0
    assert "log" in str(kernels.ntk.diagonal)
    kernels = symntk.derive("Max(x, 0)**0.3", "erf")
    value = _against_a_bell(-0.7, *LAW) * 0.3
    assert kernels.sg_ntk(*LAW) == pytest.approx(float(value), rel=1e-11)


def _against_a_bell(p, a, b, c):
    """E[u₊^p 2/√π exp(−v²)] from the Gamma function: v given u is normal."""
    with mp.workdps(25):
        a, b, c, p = mp.mpf(a), mp.mpf(b), mp.mpf(c), mp.mpf(str(p))
        rest = b - c * c / a
        rate = 1 / (2 * a) + (c / a) ** 2 / (1 + 2 * rest)
        half = mp.gamma((1 + p) / 2) * rate ** (-(1 + p) / 2) / 2
        return half / mp.sqrt(2 * mp.pi * a) * 2 / mp.sqrt(mp.pi * (1 + 2 * rest))


def _moment(p, a):
    return (2 * a) ** (p / 2) * mp.gamma((1 + p) / 2) / mp.sqrt(mp.pi)


def _bell(a):
    n = 10  # t = |x|^(1/n) takes |x|^(−0.9) away
    inside = mp.quad(lambda t: mp.exp(-(t**n) - t ** (2 * n) / (2 * a)), [0, 0.5, 1, 1.3, 1.6])
    return 2 * n * inside / mp.sqrt(2 * mp.pi * a)


COMPOSED = [
    ("Abs(x)**(-0.7) + Abs(x)**(-0.6)", lambda a: _moment(mp.mpf("-0.7"), a) + _moment(mp.mpf("-0.6"), a)),
    ("log(Abs(x))*Abs(x)**(-0.4)", lambda a: mp.diff(lambda p: _moment(p, a), mp.mpf("-0.4"))),
    ("exp(-Abs(x))*Abs(x)**(-0.9)", _bell),
    (
        "Piecewise((1/sqrt(1 - x**2), Abs(x) < 1), (0, True))",
        lambda a: mp.pi * mp.exp(-1 / (4 * a)) * mp.besseli(0, 1 / (4 * a)) / mp.sqrt(2 * mp.pi * a),
    ),
]


@pytest.mark.parametrize(("text", "value"), COMPOSED, ids=[text for text, _ in COMPOSED])
def test_functions_with_such_a_place(text, value):
    with mp.workdps(25):
        expected = float(value(mp.mpf("1.3")))
    assert symntk.expectation(text, means=True)(1.3, 1.0, 0.0) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(
    ("text", "square"),
    [
        ("log(Abs(x))*Abs(x)**(-0.4)", lambda a: mp.diff(lambda p: _moment(p, a), mp.mpf("-0.8"), 2)),
        (
            "Abs(x)**(-0.45) + Abs(x)**(-0.3)",
            lambda a: _moment(mp.mpf("-0.9"), a) + 2 * _moment(mp.mpf("-0.75"), a) + _moment(mp.mpf("-0.6"), a),
        ),
        ("Abs(x)**(-0.49)", lambda a: _moment(mp.mpf("-0.98"), a)),
    ],
    ids=["logarithm", "sum", "power"],
)
def test_squares_at_full_correlation(text, square):
    with mp.workdps(25):
        expected = float(square(mp.mpf("1.3")))
    assert symntk.expectation(text, text)(1.3, 1.3, 1.3) == pytest.approx(expected, rel=1e-12)


def test_zero_variance_at_the_place_is_infinite_and_elsewhere_a_value():
    E = symntk.expectation("Abs(x - 1)**(-0.7)", "cos(x)", means=True)
    with pytest.raises(DivergenceError, match="infinite"):
        E(0.0, 1.0, 0.0, 1.0, 0.0)
    assert E(0.0, 1.0, 0.0, 3.0, 0.0) == pytest.approx(2.0**-0.7 * math.exp(-0.5), rel=1e-12)


def test_a_power_without_a_mean_is_refused():
    with pytest.raises(SymntkError, match="and so is its mean"):
        symntk.expectation("1/Abs(x)", "cos(x)")
    with pytest.raises(SymntkError, match="hardly told from a pole"):
        symntk.expectation("Abs(x)**(-0.995)", "cos(x)")


def test_one_law_and_many_agree():
    # a call with five plain numbers takes no short cut that needs E f²
    for text, means in (("Abs(x)**(-0.7)", (0.0, 0.0)), ("Abs(x - 1)**(-0.3)", (0.25, 0.5))):
        E = symntk.expectation(text, "tanh(x - 1)", means=True)
        assert E(*LAW, *means) == pytest.approx(E(np.full(2, LAW[0]), *LAW[1:], *means)[0], rel=1e-14)
