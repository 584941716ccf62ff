"""The search for cells: what is narrow, hidden between samples, singular or infinite is seen from the formula."""

from functools import cache

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

from symntk.errors import DivergenceError, VerificationError
from symntk.language.forms.general_form import general_form
from symntk.language.symbols import x
from symntk.language.text.parser import parse
from symntk.verify.oracle.general.layout import panels
from symntk.verify.oracle.general.oracle import fast_reference, general_oracle, general_scale

SOFT = "tanh(x-1)+exp(-50*(x-3/2)**2)+Heaviside(x)"
DEAD = "Piecewise((tanh(x-1/2), x > 1/2), (tanh(x+1/2), x < -1/2), (0, True))"
BROAD = "2/(1+(9/5*(x-2))**2)-6/5*log(1+exp(2*(x-1)))*tanh(Abs(10*(x-3/5)))"
ONE = (1, 1, 0, 0, 0)
# f, g, law, value by brute force or by mpmath's quadrature on known places, relative error of that value
RIGHT = [
    ("tanh(x-1)+exp(-100*(x-1/2)**2)+1/(1+exp(-x))", "1", ONE, 0.0118847639006367, 1e-14),
    ("tanh(x)+tanh(x+1)+erf(20*(x-1/4))", "1", ONE, 0.353108562405336, 1e-14),
    ("erf(10*(x-1/2))+log(1+exp(2*(x-1)))+erf(x-5)", "1", ONE, -1.02568685601672, 1e-14),
    ("tanh(x+1/2)+erf(10*(x-1/2))+log(1+exp(2*(x-1)))+erf(x-5)+tanh(x)", "1", ONE, -0.7302339789649824, 1e-14),
    (SOFT, "1", ONE, -0.017734528268003969, 1e-14),
    (SOFT, SOFT, (0.3, 0.3, 0.18, 2, 2), 3.248660383166533628, 1e-14),
    (
        "exp(-50*(x-3/2)**2)-8/7*log(1+exp(5/2*(x-1)))+Heaviside(-x)",
        "-6/5*sin(5*x+9/5)*exp(-x)",
        (4.898333191227243, 0.3, 1.2122293336527428, 0, 0),
        -0.230806174937442213,
        1e-14,
    ),
    ("exp(-1e6*(sin(x)-0.5)**2)", "x+1+tanh(x)", (1, 2, 0.5, 0, 0), 1.067090683505e-3, 1e-12),
    (DEAD, DEAD, (0.002, 0.002, 0.0019, 0, 0), 1.8141e-34, 2e-5),
    (BROAD, BROAD, (0.3, 0.3, 0.2546046377423237, 0, 0), 0.0077470514535756181867, 1e-14),
    ("tanh(30*x)+tanh(30*x-30)+tanh(30*x+30)+1", "1", ONE, 1.0, 1e-14),
]


@cache
def form(text):
    return general_form(parse(text), x)


@pytest.mark.parametrize(("f", "g", "law", "true", "error"), RIGHT)
def test_what_samples_do_not_see(f, g, law, true, error):
    scale = general_scale(form(f), form(g), law)
    value, bound = fast_reference(form(f), form(g), *law)
    assert abs(value - true) < 2e-14 * scale + error * abs(true)
    assert bound < 1e-13 * scale
    if g == "1":
        assert abs(general_oracle(form(f), form(g), *law, dps=15) - true) < 1e-15 * scale + error * abs(true)


@pytest.mark.parametrize(
    ("text", "roots", "rate"),
    [
        ("exp(-1e4*(exp(x)-7)**2)", [mp.log(7)], 1e4),
        ("exp(-1e6*(sin(x)-0.5)**2)", [mp.pi * (k + mp.mpf((-1) ** k) / 6) for k in range(-5, 6)], 1e6),
        ("exp(-1e8*(x**3-2)**2)", [mp.cbrt(2)], 1e8),
    ],
)
def test_narrow_bells_anywhere(text, roots, rate):
    # brute force that knows where they are
    with mp.workdps(25):
        f = sp.lambdify(x, sp.nsimplify(parse(text), rational=True), "mpmath")
        true = mp.mpf(0)
        for root in roots:
            width = 1 / mp.sqrt(rate) / abs(mp.diff(lambda t: mp.sqrt(-mp.log(f(t)) / rate), root + mp.mpf("1e-8")))
            ends = [root + k * width for k in range(-8, 9, 2)]
            true += mp.quad(lambda t: f(t) * mp.npdf(t), ends)
    value = general_oracle(form(text), form("1"), *ONE, dps=15)
    assert abs(value - true) < 1e-13 * true
    assert abs(fast_reference(form(text), form("1"), *ONE)[0] - true) < 1e-14 * general_scale(
        form(text), form("1"), ONE
    )


@pytest.mark.parametrize(
    "text",
    ["1/(x**2-0.246912*x+0.015241383936)", "1/(x-1/3)", "1/(exp(x)-2)", "1/sin(x)", "tan(x)", "Abs(x-1)**(-3/2)"],
)
def test_poles_are_infinite(text):
    for evaluate in (fast_reference, general_oracle):
        with pytest.raises(DivergenceError, match="infinite"):
            evaluate(form(text), form("x+1+tanh(x)"), 1, 2, 0.5)


@pytest.mark.parametrize("text", ["1/(x-60)", "1/(sqrt(1+x**2)-(3127/100))", "tan(x/100)", "1/(1/2+cos(x/80))"])
def test_poles_where_nothing_of_the_law_is_left(text):
    with pytest.raises(DivergenceError, match="infinite"):
        general_oracle(form(text), form("1"), *ONE)


def test_next_to_a_pole_it_is_finite():
    # the poles lie beside the line, at 0.123456 ± 0.003 i
    f = form("1/(x**2-0.246912*x+0.01525)")
    with mp.workdps(20):
        place, gap = mp.mpf("0.123456"), mp.mpf("0.01525") - mp.mpf("0.015241383936")
        ends = [place + s * mp.mpf(10) ** -k for k in range(-1, 4) for s in (1, -1)]
        true = mp.quad(lambda t: mp.npdf(t) / ((t - place) ** 2 + gap), sorted([*ends, place, -4, 4]))
    assert abs(general_oracle(f, form("1"), *ONE, dps=15) - true) < 1e-13 * true


def test_what_is_said_to_be_small_is_small():
    # E exp(−2 (x − t)²) = exp(−2t²/5)/√5
    for place in (60, 150, 200, 300):
        with pytest.raises(VerificationError, match=r"E f² is (about|below) e\^-\d+") as refusal:
            general_oracle(form(f"exp(-(x-{place})**2)"), form("1"), 1, 1, 0, dps=15)
        said = float(str(refusal.value).split("e^")[1].split(",")[0])
        assert -2 * place**2 / 5 - 2 < said
    near = general_oracle(form("exp(-(x-30)**2)"), form("1"), 1, 1, 0, dps=15)
    assert abs(near / (mp.exp(-300) / mp.sqrt(3)) - 1) < 1e-12


@pytest.mark.parametrize("power", [3, 8, 10, 16])
def test_narrow_at_zero(power):
    # E (m sech²(m z))² = (4/3) m φ(0) (1 + O(1/m²))
    bell = general_form(10**power / sp.cosh(10**power * x) ** 2, x)
    true = 4 / 3 * 10**power / np.sqrt(2 * np.pi)
    assert panels(bell, 0.0, 1.0).square == pytest.approx(true, rel=1e-5)


@pytest.mark.parametrize("power", [20, 30])
def test_what_is_too_narrow_is_refused(power):
    with pytest.raises(VerificationError, match=r"at x = 0 is too narrow|not settled"):
        panels(general_form(10**power / sp.cosh(10**power * x) ** 2, x), 0.0, 1.0)


def test_what_cannot_be_resolved_is_named_with_its_place():
    with pytest.raises(VerificationError, match=r"could not be resolved at x = "):
        panels(form("sin(1/x)"), 0.0, 1.0)


def test_removable_places_are_seen_through():
    for text in ("sin(x)/x", "(1-cos(x))/x**2", "tanh(x-1)/(x-1)", "(exp(2*x)-1)/sinh(x)"):
        found = panels(form(text), 0.3, 1.0)
        assert not found.rough
        assert np.all(np.isfinite(found.square))
    sinc = general_oracle(form("sin(x)/x"), form("1"), *ONE, dps=25)
    # E sin(x)/x = ∫_0^1 exp(−t²/2) dt
    assert abs(sinc - mp.sqrt(mp.pi / 2) * mp.erf(mp.sqrt(mp.mpf(1) / 2))) < 1e-15


@pytest.mark.parametrize("power", [-0.6, 0.7, 2.3])
def test_absolute_moments(power):
    # E|z|^p = 2^{p/2} Γ((p + 1)/2)/√π, at a break that is 0, and at one that is not
    true = mp.mpf(2) ** (mp.mpf(power) / 2) * mp.gamma((mp.mpf(power) + 1) / 2) / mp.sqrt(mp.pi)
    for text, exact in ((f"Abs(x)**({power})", 0), (f"Abs(x-1/3)**({power})", sp.Rational(1, 3))):
        assert abs(general_oracle(form(text), form("1"), 1, 1, 0, exact, 0, dps=15) - true) < 1e-13 * true
        value, error = fast_reference(form(text), form("1"), 1, 1, 0, exact, 0)
        assert abs(value - true) < min(1e-12 * true, error + 1e-15 * true)


def test_logarithms_with_and_without_a_break():
    # E log|z| = −(γ + log 2)/2
    true = -(mp.euler + mp.log(2)) / 2
    for text, factor in (("log(Abs(x-1/3))", 1), ("log((x-1/3)**2)", 2)):
        found = general_oracle(form(text), form("1"), 1, 1, 0, sp.Rational(1, 3), 0, dps=20)
        assert abs(found / factor - true) < 1e-14


def test_products_of_singular_functions():
    root = form("Abs(x)**(-3/5)")
    # E|z|^(−6/5) is infinite, and so is E f(u) f(v) at full correlation only
    with pytest.raises(DivergenceError, match="full correlation"):
        general_oracle(root, root, 1, 1, 1)
    third = form("Abs(x)**(-3/10)")
    value = general_oracle(third, third, 1, 1, 1, dps=15)
    assert abs(value - mp.mpf(2) ** mp.mpf("-0.3") * mp.gamma(mp.mpf("0.2")) / mp.sqrt(mp.pi)) < 1e-13
