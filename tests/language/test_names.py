"""Names of the tables inside formulas, in other spellings, with values; texts that are no real function are named."""

from __future__ import annotations

import pytest
import sympy as sp

from symntk.errors import FormulaError
from symntk.language.names import read, resolve
from symntk.language.symbols import parameter, x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.registry import Use, entry, table
from symntk.language.tables.surrogates import SURROGATES
from symntk.language.text.vocabulary import functions

TABLES = ACTIVATIONS, SURROGATES
k = parameter("k")


def sigmoid(z):
    return 1 / (1 + sp.exp(-z))


MEANT = {
    "x*sigmoid(1.702*x)": x * sigmoid(sp.Rational(851, 500) * x),
    "silu(x) + x": x * sigmoid(x) + x,
    "silu(x)": x * sigmoid(x),
    "silu(k*x, beta=2)": k * x * sigmoid(2 * k * x),
    "swish(beta=2)": x * sigmoid(2 * x),
    "swish(2)": x * sigmoid(2 * x),
    "Swish": x * sigmoid(x),
    "SiLU(2*x)": 2 * x * sigmoid(2 * x),
    "ReLU": sp.Max(0, x),
    "2*ReLU(x - 1)": 2 * sp.Max(0, x - 1),
    "relu_squared(-x)": sp.Max(0, -x) ** 2,
    "GELU": x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
    "LeakyReLU": sp.Piecewise((x, x > 0), (x / 100, True)),
    "leaky_relu(0.2)": sp.Piecewise((x, x > 0), (x / 5, True)),
    "LeakyReLU(x + 1, 0.2)": sp.Piecewise((x + 1, x > -1), ((x + 1) / 5, True)),
    "PReLU": sp.Piecewise((x, x > 0), (x / 4, True)),
    "Hardtanh": sp.Max(-1, sp.Min(1, x)),
    "sigmoid(1/2)*x": sigmoid(sp.Rational(1, 2)) * x,
    "step(x) - step(-x)": sp.Heaviside(x) - sp.Heaviside(-x),
    "hermite(2*x)": (8 * x**3 - 6 * x) / sp.sqrt(6),
    "monomial(x - 1, 3)": (x - 1) ** 3,
    "fast_sigmoid(x/2)": 1 / (1 + sp.Rational(25, 2) * sp.Abs(x)) ** 2,
    "relu(sigmoid(x) - 1/2)": sp.Max(0, sigmoid(x) - sp.Rational(1, 2)),
    "erf(2)*x": sp.erf(2) * x,
    "Piecewise((x, x > 0), (0, x <= 0))": sp.Piecewise((x, x > 0), (0, True)),
    "Piecewise((1, x > k), (0, x <= k))": sp.Piecewise((1, x > k), (0, True)),
    "Piecewise((0, x < -1), (x, (x >= -1) & (x < 1)), (1, x >= 1))": sp.Max(0, x)
    - sp.Max(0, x)
    + sp.Piecewise((0, x < -1), (x, x < 1), (1, True)),
}


@pytest.mark.parametrize("text", MEANT)
def test_what_is_meant(text):
    found = read(text, *TABLES)
    for value in (-2.3, -0.7, 0.3, 1.9):
        at = {x: sp.Rational(str(value)), k: sp.Rational(7, 5)}
        assert sp.N(found.subs(at) - MEANT[text].subs(at)) == 0, (found, value)


NAMED = {
    "relu(2)": "it has no parameters. Try: relu(x), or relu(2*x)",
    "relu(x, 2)": "it has no parameters",
    "relu()": "function without arguments. Try: relu(x)",
    "relu(beta=1)": "there is none of this name",
    "silu(x, beta=x)": "depends on x",
    "gelu(approximate=tanh)": "the parameter 'approximate' of 'gelu': there is none of this name",
    "silu(beta=tanh)": "'tanh' (character 1) is a function without arguments",
    "silu(x, gamma=2)": "there is none of this name. Try: beta",
    "silu(x, **k)": "without a name",
    "hard_tanh(-2, 2)": "values need names. Try: hard_tanh(low=-2, high=2)",
    "hard_tanh(low=1, high=-1)": "low = 1 is not below high = -1",
    "hard_tanh(x, low=1, high=1)": "low = 1 is not below high = 1",
    "Rbf": "different functions by this spelling. Try: rbf or rbf_features(gamma=1)",
    "geluu(x)": "Try: gelu",
    "geluu": "Try: gelu",
    "ReLU + x": "a name of the table, not a parameter. Try: ReLU(x)",
    "sin(x, w=2)": "named argument ('w')",
    "x(1)": "not known",
    "silu(silu(silu(silu(x))))": "a shorter formula",
    "silu(exp(exp(x)))": "tower",
    "(-8)**(1/3)*x": "is not real",
    "(-8)**0.5": "is not real",
    "DiracDelta(0)": "it has no value",
    "x*DiracDelta(x - x)": "it has no value",
    "DiracDelta(k, 1)": "it has no value",
    "Piecewise((x, x > 0), (0, x < -1))": "does not say what it is elsewhere",
    "Piecewise((x, x > 0))": "does not say what it is elsewhere",
}


@pytest.mark.parametrize("text", NAMED)
def test_what_is_not_understood_is_named(text):
    with pytest.raises(FormulaError) as caught:
        read(text, *TABLES)
    assert NAMED[text] in str(caught.value), caught.value


@pytest.mark.parametrize("which", ["activations", "surrogates"])
def test_every_entry_is_a_function_in_formulas(which):
    entries = ACTIVATIONS if which == "activations" else SURROGATES
    for name, one in entries.items():
        if name in functions() or name == "periodic_exponential":  # erf is the function; Mod of something long
            continue
        plain, applied = one.expression(), read(f"{name}(x/2) + 0*x", entries, *TABLES)
        for value in (sp.Rational(-13, 10), sp.Rational(17, 10)):
            numbers = {s: sp.Rational(3, 10) for s in plain.free_symbols - {x}}
            both = plain.subs(numbers).subs(x, value / 2), applied.subs(numbers).subs(x, value)
            assert sp.Abs(sp.N(both[0] - both[1])) < 1e-12, name


def test_spellings():
    mine = table(
        entry("leaky", "Max(x, k*x)", Use("one", "PReLU", {"k": 0.25}, "the initial slope"), k=0.01),
        entry("soft", "x", Use("one", "Hard", note="with soft=True")),
        entry("hard", "-x", aliases=("not_soft",)),
        entry("twice", "2*x", Use("one", "SOFT")),
    )
    assert resolve("Leaky", mine).expression() == sp.Max(x, x / 100)
    assert resolve("PReLU", mine).expression() == sp.Max(x, x / 4)
    assert resolve("PReLU", mine).expression(k=3) == sp.Max(x, 3 * x)
    assert resolve("prelu", mine) is None, "a library's spelling counts as it is written"
    assert resolve("Hard", mine).entry is mine["hard"], "a use with a note is not what the name alone means"
    assert resolve("NotSoft", mine).entry is mine["hard"]
    with pytest.raises(FormulaError, match="soft or twice"):
        resolve("SOFT", mine)
    assert resolve("soft", {}, mine).entry is mine["soft"] and resolve("nothing", mine) is None
