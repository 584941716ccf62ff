"""Closed forms that are too long: known before or while they are derived, and numbers by quadrature all the same."""

from __future__ import annotations

import sys
from fractions import Fraction
from math import comb, factorial

import pytest
import sympy as sp

import symntk.derive.moves.engine  # noqa: F401
from symntk import expectation
from symntk.derive.moves.size import surely_long
from symntk.errors import TooLongError
from symntk.language.forms.normal_form import normal_form
from symntk.language.symbols import cov, var_u, var_v, x

engine = sys.modules["symntk.derive.moves.engine"]
LAW = (1.3, 0.7, 0.4)


def moment(j: int, k: int, a: Fraction, b: Fraction, c: Fraction) -> Fraction:
    """The mean of u^j v^k by the pairs that cross, exactly."""

    def own(n: int, variance: Fraction) -> Fraction:
        return Fraction(0) if n % 2 else variance ** (n // 2) * factorial(n) / (2 ** (n // 2) * factorial(n // 2))

    crossing = range(min(j, k) + 1)
    return sum(
        (factorial(i) * comb(j, i) * comb(k, i) * c**i * own(j - i, a) * own(k - i, b) for i in crossing), Fraction(0)
    )


def of_polynomials(f: sp.Expr, g: sp.Expr, law: tuple[float, ...]) -> float:
    entries = [Fraction(str(entry)) for entry in law]
    terms = [(int(p) * int(q), j, k) for (j,), p in sp.Poly(f, x).terms() for (k,), q in sp.Poly(g, x).terms()]
    return float(sum((weight * moment(j, k, *entries) for weight, j, k in terms), Fraction(0)))


POLYNOMIALS = [
    ("x**32", "x**64", LAW, True),
    ("x**7", "x**5", LAW, True),
    ("(1+x)**40", "(1+x)**40", (1.0, 2.0, 0.5), False),
    ("(1+x+x**2+x**3)**10", "(1+x)**40", (1.0, 2.0, 0.5), False),
]


@pytest.mark.parametrize(("f", "g", "law", "closed"), POLYNOMIALS)
def test_polynomials(f: str, g: str, law: tuple[float, ...], closed: bool) -> None:
    E = expectation(f, g)
    fs, gs = E.f.expression, E.g.expression
    right = of_polynomials(fs, gs, law)
    a, b, _ = law
    scale = right if closed else (of_polynomials(fs, fs, (a, a, a)) * of_polynomials(gs, gs, (b, b, b))) ** 0.5
    assert (E.method == "closed form") is closed
    assert abs(E(*law) - right) < 1e-12 * scale


LONG = [
    ("x**20*exp(-x**2)", "x**20*exp(-x**2)"),
    ("erf(x)*x**10", "erf(x)*x**10"),
    ("(x-1)**20*Heaviside(x-1)", "(x-1)**20*Heaviside(x-1)"),
    ("x**3*tanh(x-1/3)", "1/(1+x**2)"),
    ("x**3*Heaviside(x-1/3)*exp(-x/2)", "Max(x,0)**12*exp(-x**2/7)"),
]


@pytest.mark.parametrize(("f", "g"), LONG, ids=[f[:30] for f, _ in LONG])
def test_what_is_too_long_has_numbers(f: str, g: str) -> None:
    E = expectation(f, g)
    assert E.expression is None
    assert E.error_bound <= 1e-10
    scale = max(abs(E(LAW[0], LAW[0], LAW[0])), abs(E(LAW[1], LAW[1], LAW[1]))) if f == g else 1.0
    assert abs(E(*LAW) - float(E.evalf(*LAW, dps=15))) < 1e-11 * scale


def test_the_derivation_says_why() -> None:
    E = expectation("(1+x)**60", "(1+x)**60")
    assert "no closed form: its closed form is too long: it would hold 19,871 monomials" in str(E.derivation)


def test_high_powers_of_relu_are_closed() -> None:
    E = expectation("Max(0,x)**12", "Max(0,x)**12")
    assert E.method == "closed form"
    value = float(E.evalf(*LAW, dps=15))
    assert abs(E(*LAW) / value - 1.0) < 1e-12
    # u v > 0 in two quadrants: the even power is that of both, less what the other two hold
    mirrored = float(E.evalf(LAW[0], LAW[1], -LAW[2], dps=15))
    assert abs((2 * value + 2 * mirrored) / of_polynomials(x**12, x**12, LAW) - 1.0) < 1e-12


@pytest.mark.parametrize("means", [False, True])
@pytest.mark.parametrize("name", [x**6, x**6 * sp.exp(-(x**2)), x**6 * sp.cos(2 * x)])
def test_pairings_and_integration_by_parts_agree(name: sp.Expr, means: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    form, other = normal_form(name, x), normal_form(x**4, x)
    short = engine.derive_pair(form, other, means=means)
    monkeypatch.setattr(engine, "LONG", 1000)
    long = engine.derive_pair(form, other, means=means)
    assert len(list(short.walk())) < len(list(long.walk()))
    # of different fields, which are equal
    assert {str(key): str(value) for key, value in short.value} == {str(key): str(value) for key, value in long.value}


def test_a_derivation_counts_its_work_and_gives_up() -> None:
    form = normal_form(x**3 * sp.erf(x), x)
    derivation = engine.derive_pair(form, form, means=True, most_work=20_000)
    with pytest.raises(TooLongError, match="more than 20,000 monomials"):
        _ = derivation.value


def test_what_is_counted_before() -> None:
    form = normal_form((1 + x) ** 7, x)
    count = len(sp.Poly(sp.expand(expectation((1 + x) ** 7, (1 + x) ** 7).expression), var_u, var_v, cov).terms())
    monkey = surely_long(form, form, means=False, most=count - 1)
    assert monkey == f"it would hold {count} monomials, more than {count - 1}"
    assert surely_long(form, form, means=False, most=count) == ""


def test_many_steps_are_known_to_be_many() -> None:
    form = normal_form(sum(sp.Abs(x - t) for t in range(50)), x)
    assert "pairs of terms" in surely_long(form, form, means=False)
