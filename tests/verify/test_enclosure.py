"""Enclosures hold values that are known otherwise, are narrow, and are refused where nothing is proven."""

import pytest
import sympy as sp
from mpmath import mp

from symntk.errors import VerificationError
from symntk.language.forms.general_form import general_form
from symntk.language.forms.normal_form import normal_form
from symntk.language.symbols import x
from symntk.verify.enclosure.check import Case, rigorous_check
from symntk.verify.oracle.elementary.oracle import expectation_oracle
from symntk.verify.oracle.general.oracle import general_oracle

pytest.importorskip("flint")

from symntk.verify.enclosure.balls import arb, ball, compiled, precision  # noqa: E402
from symntk.verify.enclosure.enclosure import Enclosure, enclosure  # noqa: E402
from symntk.verify.enclosure.growth import growth  # noqa: E402
from symntk.verify.enclosure.sides import Monomial  # noqa: E402
from symntk.verify.enclosure.tail import BallLaw, Tail  # noqa: E402

LAW = (1.5, 0.75, -0.5, 0.0, 0.0)
SHIFTED = (1.5, 0.75, 0.5, 0.25, -1.0)
FULL = (2.25, 1.0, -1.5, 0.5, 0.25)


def normal(text):
    return normal_form(sp.sympify(text, locals={"x": x}), x)


def general(text):
    return general_form(sp.sympify(text, locals={"x": x}), x)


ELEMENTARY = [
    ("sign(x)", "erf(2*x)"),
    ("Max(0, x - 1)", "x*exp(-x**2)"),
    ("sin(x) + cos(x)", "exp(-Abs(x))"),
    ("x**2*erf(x)", "DiracDelta(x, 1)"),
    ("DiracDelta(x - 1)", "DiracDelta(x)"),
    ("Max(0, 1 - Abs(x))", "Piecewise((x, x > 0), (exp(x) - 1, True))"),
]


@pytest.mark.parametrize("law", [LAW, SHIFTED], ids=["centred", "means"])
@pytest.mark.parametrize("pair", ELEMENTARY, ids=" ".join)
def test_it_holds_what_the_oracle_says(pair, law):
    f, g = map(normal, pair)
    found = enclosure(f, g, law, digits=30)
    with mp.workdps(60):
        value = expectation_oracle(f, g, *law, dps=45)
        assert found.digits >= 30
        assert found.contains(value, abs(value) * mp.mpf(10) ** -42)
        assert not found.contains(value * (1 + mp.mpf(10) ** -28))


@pytest.mark.parametrize("pair", [("tanh(x)", "Max(0, x)"), ("1/(1 + Abs(x))", "DiracDelta(x)")], ids=" ".join)
def test_one_side_outside_the_class(pair):
    sides = [normal(pair[1]), general(pair[1])]
    found = [enclosure(general(pair[0]), g, SHIFTED, digits=28) for g in sides]
    with mp.workdps(50):
        value = general_oracle(general(pair[0]), sides[1], *SHIFTED, dps=35)
        assert found[0].digits >= 28 and found[0].contains(value, mp.mpf(10) ** -33)
        assert abs(found[0].mid - found[1].mid) <= found[0].rad + found[1].rad


def test_both_sides_outside_the_class():
    f, g = general("tanh(x)"), general("log(1 + exp(x))")
    near = enclosure(f, g, LAW)
    assert "Hermite" in near.how and near.digits > 12
    assert near.contains(general_oracle(f, g, *LAW, dps=20), mp.mpf(10) ** -18)
    apart = enclosure(f, g, (1.5, 0.75, 0.0, 0.5, 0.0))
    assert apart.how == "the product of two integrals" and apart.digits > 30
    with pytest.raises(VerificationError, match=r"no enclosure: .* the correlation is beyond"):
        enclosure(f, g, (1.0, 1.0, 0.9, 0.0, 0.0))


@pytest.mark.parametrize("pair", [("tanh(x)", "sign(x - 1/3)"), ("Max(0, x)", "Max(0, 1 + x)")], ids=" ".join)
def test_full_correlation(pair):
    f, g = map(general, pair)
    found = enclosure(f, g, FULL, digits=25)
    assert found.digits >= 25 and found.contains(general_oracle(f, g, *FULL, dps=32), mp.mpf(10) ** -30)


def test_a_delta_at_a_jump_takes_the_mean_of_both_sides():
    found = enclosure(normal("DiracDelta(x)"), normal("3*Heaviside(x)"), (1.0, 1.0, 1.0, 0.0, 0.0))
    with mp.workdps(60):
        assert found.digits > 30 and found.contains(3 / mp.sqrt(8 * mp.pi), mp.mpf(10) ** -55)


@pytest.mark.parametrize(
    ("f", "g", "law", "why"),
    [
        ("2*DiracDelta(x)", "DiracDelta(x)", (1.0, 1.0, 1.0, 0.0, 0.0), "two deltas meet"),
        ("exp(x**2)", "x", (1.0, 1.0, 0.5, 0.0, 0.0), "does not exist"),
    ],
)
def test_what_is_not_proven_is_refused(f, g, law, why):
    with pytest.raises(VerificationError, match=why):
        enclosure(normal(f), normal(g), law)


def test_a_singularity_on_the_line_is_refused():
    with pytest.raises(VerificationError, match="no enclosure"):
        enclosure(general("log(Abs(x))"), normal("x**2"), LAW)


@pytest.mark.parametrize(
    "text",
    ["sqrt(4 + x**2)", "log(1 + exp(x))", "atan(x)", "asinh(x)", "tanh(x)", "1/(1 + x**2)", "(1 + x**2)**(-3/2)"],
)
def test_no_finite_answer_on_a_ball_with_a_singularity(text):
    """Next to the cut or the pole the real line's values are finite; on a ball that holds it there is none."""
    with precision(64):
        part = compiled(general(text).parts[0])
        singular = {"sqrt(4 + x**2)": 2, "log(1 + exp(x))": arb.pi(), "tanh(x)": arb.pi() / 2}.get(text, 1)
        wide = ball(sp.S.Zero) + type(ball(sp.S.One))(arb(0, 0.1), singular + arb(0, 0.1))
        assert not part(wide, True).is_finite()
        assert part(type(wide)(arb(0, 0.1), arb(0, 0.1)), True).is_finite()


@pytest.mark.parametrize(
    "text", ["x**2*tanh(x)", "exp(-x**2 + x)", "1/(1 + 25*x)**2", "cosh(2*x)**(-2)", "sqrt(4 + x**2)"]
)
def test_growth_is_a_bound(text):
    formula = sp.sympify(text, locals={"x": x})
    for sense in (1, -1):
        bound = growth(formula, arb(2), sense)
        for size in (2, 2.5, 7, 40):
            value = abs(float(formula.subs(x, sense * size)))
            assert value <= float((bound.size * (1 + size) ** bound.power * (bound.rate * size).exp()).upper())


def test_the_tail_is_a_bound():
    """Against the same expectation without its middle, from quadrature with a step at the end."""
    law = BallLaw.of(SHIFTED)
    left, right = Monomial(arb(2), 2, arb(-0.25), arb(0.5)), Monomial(arb(1), 1, arb(0), arb(-0.5))
    tail = Tail([left], [right], law).outside(arb(-3), arb(3))
    f = normal("2*x**2*exp(-x**2/4 + x/2)*(Heaviside(x - 3) + Heaviside(-x - 3))")
    g = normal("Abs(x)*exp(-x/2)")
    value = expectation_oracle(f, g, *SHIFTED, dps=15)
    assert 0 < value <= float(tail) < 1e4 * value


def test_the_check_notices_a_wrong_digit():
    f, g = normal("sign(x)"), normal("erf(x)")
    right = expectation_oracle(f, g, *LAW, dps=45)
    check = rigorous_check(f, g, [Case("here", LAW, lambda: right, lambda v: abs(v) * mp.mpf(10) ** -40)], lambda _: 1)
    assert check.passed and check.digits > 30
    with mp.workdps(50):
        wrong = right * (1 + mp.mpf(10) ** -25)
    check = rigorous_check(f, g, [Case("here", LAW, lambda: wrong, lambda v: abs(v) * mp.mpf(10) ** -40)], lambda _: 1)
    assert not check.passed and "is not in" in check.detail


def test_bounds_are_exact_numbers():
    found = Enclosure(mp.mpf(1), mp.mpf("0.25"), "")
    assert found.contains(1.25) and not found.contains(1.2500001) and found.contains(1.5, 0.25)


def test_kinks_closer_than_floats_tell_apart_keep_their_order():
    """The farther kink comes first in the list; between them one side is on and the other is not."""
    f, g = normal_form(sp.Heaviside(x - 1 - sp.Rational(1, 10**20)), x), normal("Heaviside(x - 1)")
    found = enclosure(f, g, (1.0, 1.0, 1.0, 0.0, 0.0), digits=30)
    with mp.workdps(50):
        assert found.contains(mp.ncdf(-1 - mp.mpf(10) ** -20), mp.mpf(10) ** -45)
        assert not found.contains(mp.ncdf(-1))


@pytest.mark.parametrize(
    "law",
    [(1, 1, 2, 0, 0), (0, 1, 0, 0, 0), (-1, 1, 0, 0, 0), (1, 1, float("nan"), 0, 0), (1, float("inf"), 0, 0, 0)],
)
def test_what_is_no_law_is_refused(law):
    with pytest.raises(VerificationError, match="no enclosure: .*(law|covariance)"):
        enclosure(normal("erf(x)"), normal("x"), law)


def test_a_covariance_that_rounding_made_too_large_is_full_correlation():
    law = (1.0, 3.0, float(sp.sqrt(3).n(20)) * (1 + 2**-52), 0.0, 0.0)
    found = enclosure(normal("x"), normal("x"), law)
    assert law[2] ** 2 > 3
    assert found.contains(mp.mpf(law[2])) and BallLaw.of(law).is_full
