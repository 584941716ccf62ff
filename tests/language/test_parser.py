"""The parser: what it reads, what it refuses and how it says so; hostile strings."""

import os

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symntk
from benchmarks import hostile_strings
from symntk.errors import FormulaError
from symntk.language.symbols import parameter, x
from symntk.language.text.parser import Call, parse, parse_call
from tests.work import calls

m, t, k = (parameter(name) for name in "mtk")

READ = {
    "x*erf(m*x)": x * sp.erf(m * x),
    "Max(0, 1 - Abs(x))": sp.Max(0, 1 - sp.Abs(x)),
    "Piecewise((x, x > 0), (exp(x) - 1, True))": sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True)),
    "Piecewise((1, -t < x < t), (0, true))": sp.Piecewise((1, (x > -t) & (x < t)), (0, True)),
    "Piecewise((1, And(x > 0, ~(x >= 1))), (0, True))": sp.Piecewise((1, (x > 0) & (x < 1)), (0, True)),
    "Piecewise((1, (x < -1) | Not(x <= 2)), (0, True))": sp.Piecewise((1, (x < -1) | (x > 2)), (0, True)),
    "2*DiracDelta(x) + DiracDelta(x - t, 1)": 2 * sp.DiracDelta(x) + sp.DiracDelta(x - t, 1),
    "  0.1*x - 1.5e-3  ": x / 10 - sp.Rational(3, 2000),
    ".5*x": x / 2,
    "Heaviside(x)": sp.Heaviside(x, sp.Rational(1, 2)),
    "E**x + exp(1)**(2*x) + pi": sp.exp(x) + sp.exp(2 * x) + sp.pi,
    "x**2/(1 + x**2)**(3/2)": x**2 / (1 + x**2) ** sp.Rational(3, 2),
    "(1 + 2*Abs(x)/(m - 1))**(-m)": (1 + 2 * sp.Abs(x) / (m - 1)) ** (-m),
    "2 - 3 - x/2/3": -1 - x / 6,
    "-x**2": -(x**2),
    "2**-1*x": x / 2,
    "Mod(x + t/2, t)": sp.Mod(x + t / 2, t),
    "normal_cdf(x)": sp.Function("normal_cdf")(x),
}


@pytest.mark.parametrize("text", READ)
def test_reads(text):
    assert str(parse(text)) == str(READ[text])
    assert text == "normal_cdf(x)" or parse(text) == READ[text]


def test_symbols():
    assert parse("m").is_positive and parse("x") == x
    assert parse("Abs(mu)", {"mu": "real"}) == sp.Abs(parameter("mu", "real"))
    for bad in ("a", "cov", "x", "_m", "m" * 33, "1m"):
        with pytest.raises(FormulaError):
            parameter(bad)


SAYS = {
    "x^2": "** for powers",
    "2x": "2*x",
    "max(0, x)": "Try: Max",
    "relu(x)": "Max(0, x)",
    "tanhh(x)": "tanh",
    "x.real": "'.' (character 2)",
    "x + sin": "sin(x)",
    "erf(x, 2)": "'erf' (character 1) has 2 arguments, not 1",
    "x*(y + 1": "not closed",
    "x)": "character 2",
    "x + + * 2": "near",
    "lambda x: x": "lambda",
    "exp(exp(exp(x)))": "tower",
    "9**9**9": "exponent beyond 64",
    "x/(1 - 1)": "divides by zero",
    "sqrt(-1)": "not real",
    "x*cov": "covariance",
    "I*x": "'I'",
    "x > 0": "condition where a number is needed",
    "Piecewise((x, x > 0))": "(value, True)",
    "Piecewise((x, x > 0 & x < 1), (0, True))": "parentheses",
    "x and 1": "'and'",
    "х": r"\u0445",
    "": "empty",
}


@pytest.mark.parametrize("text", SAYS)
def test_messages_name_the_trouble(text):
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert SAYS[text] in str(caught.value)


@pytest.mark.parametrize("value", [None, 3, b"x", ["x"], sp.Symbol("x")])
def test_refuses_what_is_no_string(value):
    with pytest.raises(FormulaError, match="string"):
        parse(value)


def test_calls():
    assert parse_call(" fast_sigmoid ( slope = 2.5 , k=m/2 ) ") == Call(
        "fast_sigmoid", {"slope": sp.Rational(5, 2), "k": m / 2}
    )
    assert parse_call("gelu") == Call("gelu")
    assert parse_call("f(k=Piecewise((1, t >= 2), (2, True)))").values["k"].has(sp.Piecewise)
    for formula in ("erf(x)", "2*x", "Max(0, x)", "Piecewise((1, x >= 2), (2, True))", "", 3):
        assert parse_call(formula) is None
    for bad in ("f(k=x)", "f(k=1, k=2)", "f(k=1, 2)", "f(k=eval(1))", "f(k=)", "f(k=1,)", "f(k.j=2)", "f(k==1)"):
        with pytest.raises(FormulaError):
            parse_call(bad)


WORDS = [
    "x",
    "m",
    "(",
    ")",
    "+",
    "-",
    "*",
    "**",
    "/",
    ",",
    "erf",
    "exp(",
    "Max(",
    "1",
    "0.5",
    "64",
    "<",
    "&",
    "Piecewise((",
]


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)))
def test_any_text_is_a_formula_or_an_error_after_little_work(text):
    """What hostile text costs in seconds is measured by benchmarks/hostile_strings.py."""

    def read():
        try:
            found = parse(text)
        except FormulaError as error:
            assert error.wrong
        else:
            assert isinstance(found, sp.Expr)

    calls(read, 100_000)


@settings(max_examples=100, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**6, places=6))
def test_decimals_are_exact(number):
    assert parse(f"{number:f}*x") == sp.Rational(str(number)) * x


def test_hostile_strings():
    tallies = hostile_strings.run(1500, seed=1)
    assert sum(t.count for t in tallies.values()) == 1500
    assert [failure for t in tallies.values() for failure in t.failures] == []
    assert not os.path.exists(hostile_strings.CANARY)


@pytest.mark.parametrize("careless", [lambda text: None, lambda text: exec("0"), lambda text: 1 / 0])
def test_the_hostile_harness_sees_a_careless_target(careless):
    tally = hostile_strings.Tally()
    hostile_strings.trial(hostile_strings.Case("any", "x..x"), careless, tally)
    assert len(tally.failures) == 1


@pytest.mark.parametrize("h", ["log(1+exp(x))", "log(2+x**2)", "log(3+sin(x))"])
def test_logarithms_in_a_square_are_no_powers(h):
    """exp(n·log(y)) is yⁿ and bounded; exp(−k (log(y) − t)²) stays what it is, and is not multiplied out."""
    text = f"exp(-3000000*({h}-1)**2)"
    assert parse(text).is_Pow or parse(text).func is sp.exp
    assert symntk.expectation(f"x*{text}", "tanh(x-1)")(1.0, 1.0, 0.3) != 0.0
    with pytest.raises(FormulaError, match="power beyond 64"):
        parse(f"exp(3000000*{h}-1)")
