"""E[s(Y)] in one dimension: every step of every derivation against mpmath quadrature, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import sympy as sp

from symntk.derive.line import integrals as line_base
from symntk.derive.line.derivation import LineDerivation, derive_line
from symntk.derive.line.rules import Elementary, LineStep
from symntk.derive.step import Unknown
from symntk.errors import SymntkError
from symntk.language.forms.general_form import GeneralForm, derivative, general_form
from symntk.language.symbols import mean_v, var_v, x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES

CLOSED = {
    "arctan": [{}, {"alpha": 50}],
    "arctan_unscaled": [{}, {"k": 0.1}],
    "fast_sigmoid": [{}, {"slope": 1}, {"slope": 100}],
    "superspike_scaled": [{"alpha": 3}],
    "softsign": [{}, {"alpha": 0.3}],
    "reciprocal": [{}],
    "log_abs": [{"alpha": 4}],
    "q_pseudo": [{}, {"alpha": 3}, {"alpha": 6}],
    "q_pseudo_wide": [{}, {"alpha": 4}],
    "log_tailed_relu": [{}, {"alpha": -0.2}],
    "fake_numerical": [{}, {"alpha": 2}],
    "circ": [{}, {"alpha": 0.2}],
}
SYMBOLIC = [name for name in CLOSED if not name.startswith("q_pseudo")]
RATIONAL = [(x + 2) / (x**2 + 2 * x + 5) ** 2, x**2 / (4 + x**2), (1 - x**3) / (1 + x**2) ** 3]
OTHERS = {
    "squareplus": ACTIVATIONS["squareplus"].expression(),
    "its square root cubed": (x**2 + 4) ** sp.Rational(3, 2),
    "fifth power below": (x**2 + sp.Rational(1, 3)) ** sp.Rational(-5, 2),
    "odd on each side": sp.Abs(x) / (1 + x**2),
    "even on one side": sp.Heaviside(x) / (1 + x**2) ** 2,
    "two poles": (1 + sp.Abs(x)) / ((2 + sp.Abs(x)) * (1 + 3 * sp.Abs(x)) ** 2),
    "polynomial part": x**2 / (1 + sp.Abs(x)),
    "a tail": sp.Piecewise((1 / x**3, x > 2), (sp.exp(x), x < 0), (0, True)),
    "with a delta": 1 / (1 + x**2) + 3 * sp.DiracDelta(x - 1),
}


def derived(expr: sp.Expr | GeneralForm, means: bool = False) -> LineDerivation:
    form = expr if isinstance(expr, GeneralForm) else general_form(expr, x)
    line = derive_line(form, means=means)
    assert isinstance(line, LineDerivation)
    return line


def quadrature(function: Callable[[Any], Any], mean: Any, variance: Any, points: list[Any]) -> Any:
    """∫ function · density between points[0] and points[-1] on panels of scales from 6^−4 sd."""
    sd = mpmath.sqrt(variance)
    width = mpmath.sqrt(5 * mpmath.mp.dps)  # the density there is 10^−dps
    near = [mean + sign * sd * mpmath.mpf(6) ** -k for k in range(0, 5) for sign in (1, -1)]
    wide = [mean + sign * sd * width * share for share in (0.2, 0.45, 0.7) for sign in (1, -1)]
    inner = [p for p in [*near, *wide, 0, mean] if points[0] < p < points[-1]]
    ends = [max(points[0], mean - width * sd), min(points[-1], mean + width * sd)]
    panels = sorted({*(p for p in [*inner, *points] if ends[0] < p < ends[1]), *ends})
    front = 1 / mpmath.sqrt(2 * mpmath.pi * variance)

    def weighted(y: Any) -> Any:
        return function(y) * front * mpmath.exp(-((y - mean) ** 2) / (2 * variance))

    return mpmath.quad(weighted, panels) if ends[0] < ends[1] else mpmath.mpf(0)


def expected(form: GeneralForm, mean: Any, variance: Any) -> Any:
    """E[s(Y)] by quadrature, part by part, and the deltas' densities."""
    ends = [-mpmath.inf, *(mpmath.mpf(p.evalf(50)) for p in form.breaks), mpmath.inf]
    total = mpmath.mpf(0)
    for part, low, high in zip(form.parts, ends[:-1], ends[1:], strict=True):
        if part != 0:
            total += quadrature(sp.lambdify(x, part, "mpmath"), mean, variance, [low, high])
    for weight, delta in form.deltas:
        gap = mpmath.mpf(delta.threshold) - mean
        total += mpmath.mpf(weight) * mpmath.npdf(gap, 0, mpmath.sqrt(variance))
    return total


def number(expr: sp.Expr, mean: Any, variance: Any) -> Any:
    """A formula at a mean and a variance."""
    values = {var_v: sp.Rational(variance), mean_v: sp.Rational(mean)}
    return mpmath.mpmathify(expr.subs(values).evalf(32, maxn=400))


def agree(line: LineDerivation, mean: str, variance: str) -> None:
    with mpmath.workdps(32):
        exact = expected(line.form, mpmath.mpf(sp.Rational(mean)), mpmath.mpf(sp.Rational(variance)))
        assert abs(number(line.expression, mean, variance) - exact) <= mpmath.mpf(10) ** -27 * abs(exact)


@pytest.mark.parametrize(
    ("name", "values", "variance"),
    [(name, v, ("1/300", "3")[i % 2]) for name, listed in CLOSED.items() for i, v in enumerate([*listed, listed[0]])],
    ids=str,
)
def test_table_entries_are_closed(name: str, values: dict[str, Any], variance: str) -> None:
    agree(derived(SURROGATES[name].expression(**values)), "0", variance)


@pytest.mark.parametrize("name", SYMBOLIC)
def test_symbolic_parameters_give_the_same_formula(name: str) -> None:
    entry = SURROGATES[name]
    general = derived(entry.general()).expression
    defaults = {p.symbol: p.default for p in entry.parameters}
    assert {s.name for s in general.free_symbols} == {"b", *(p.name for p in entry.parameters)}
    with mpmath.workdps(32):
        plain = derived(entry.expression()).expression
        assert abs(number(general.subs(defaults), "0", "2/7") - number(plain, "0", "2/7")) < mpmath.mpf(10) ** -30


@pytest.mark.parametrize("name", OTHERS)
def test_other_functions(name: str) -> None:
    agree(derived(OTHERS[name]), "0", "1/2")


@pytest.mark.parametrize("function", RATIONAL, ids=str)
def test_rational_functions_survive_means(function: sp.Expr) -> None:
    agree(derived(function, means=True), "-4/3", "7")
    agree(derived(function), "0", "3/2")


@pytest.mark.parametrize("name", ["arctan", "arctan_unscaled"])
def test_arctan_survives_means(name: str) -> None:
    for mean, variance in (("1/7", "1/50"), ("-2", "9")):
        agree(derived(SURROGATES[name].expression(), means=True), mean, variance)


def test_the_derivatives_of_softsign_and_squareplus() -> None:
    for name in ("softsign", "squareplus"):
        agree(derived(derivative(general_form(ACTIVATIONS[name].expression(), x), x)), "0", "3/4")
    assert derived(ACTIVATIONS["softsign"].expression()).expression == 0


def step_by_quadrature(step: LineStep, mean: Any, variance: Any) -> Any:
    """What the step states, integrated."""
    function = step.function.subs({sp.Symbol("s", positive=True): sp.Rational(7, 5)})
    if function.has(sp.DiracDelta):
        (delta,) = function.atoms(sp.DiracDelta)
        return mpmath.npdf(-mpmath.mpf((delta.args[0]).subs(x, 0)) - mean, 0, mpmath.sqrt(variance))
    if step.start is None and not function.has(sp.I):
        return expected(general_form(function, x), mean, variance)
    low = -mpmath.inf if step.start is None else mpmath.mpf(step.start.evalf(50))
    return quadrature(sp.lambdify(x, function, "mpmath"), mean, variance, [low, mpmath.inf])


@pytest.mark.parametrize(
    ("function", "means"),
    [
        (SURROGATES["q_pseudo"].expression(alpha=4), False),
        (SURROGATES["fake_numerical"].expression(), False),
        (SURROGATES["log_tailed_relu"].expression(), False),
        (OTHERS["its square root cubed"], False),
        (OTHERS["a tail"], False),
        (RATIONAL[0], True),
    ],
    ids=str,
)
def test_every_step_states_what_is_true(function: sp.Expr, means: bool) -> None:
    line = derived(function, means)
    mean, variance = ("3/5", "11/6") if means else ("0", "11/6")
    steps = list(line.root.walk())
    assert len(steps) > 3
    for step in steps:
        value = step.value.subs(sp.Symbol("s", positive=True), sp.Rational(7, 5))
        with mpmath.workdps(32):
            exact = step_by_quadrature(step, mpmath.mpf(sp.Rational(mean)), mpmath.mpf(sp.Rational(variance)))
            assert abs(number(value, mean, variance) - exact) <= mpmath.mpf(10) ** -27 * (1 + abs(exact)), (
                step.statement()
            )


def test_values_are_combinations_of_the_children() -> None:
    line = derived(SURROGATES["q_pseudo"].expression(alpha=3))
    for step in line.root.walk():
        if step.name in ("linearity", "fold", "stein pole"):
            parts = sp.Add(*(weight * child.value for weight, child in step.children))
            assert sp.expand(step.value - parts) == 0


@pytest.mark.parametrize(
    "function",
    [
        sp.tanh(x),
        SURROGATES["s2nn"].expression(),
        SURROGATES["sparse_fast_sigmoid"].expression(),
        SURROGATES["q_pseudo"].general(),
        1 / x,
        1 / sp.Abs(x),
        1 / (x - 2),
        1 / (sp.Abs(x) - 1),
        sp.Heaviside(x - 1) / (x + 1),
    ],
    ids=str,
)
def test_what_has_no_closed_form_is_none(function: sp.Expr) -> None:
    assert isinstance(derive_line(general_form(function, x), means=False), Unknown)


@pytest.mark.parametrize("name", ["fast_sigmoid", "log_tailed_relu", "fake_numerical", "circ"])
def test_closed_for_mean_zero_only(name: str) -> None:
    assert isinstance(derive_line(general_form(SURROGATES[name].expression(), x), means=True), Unknown)


def test_elementary_functions_are_closed_with_their_conditions() -> None:
    line = derived(sp.exp(x**2 / 3))
    assert isinstance(line.root, Elementary) and line.conditions == (2 * var_v / 3 < 1,)
    assert derived(SURROGATES["circ"].expression()).conditions == ()


def test_the_tree_shows_every_step_and_each_rule_once() -> None:
    line = derived(SURROGATES["fast_sigmoid"].expression())
    text = str(line)
    for step in line.root.walk():
        assert step.statement() in text and text.count(f"{step.name}: {step.equation}") == 1


def test_base_integrals_refuse_what_they_do_not_know() -> None:
    s = sp.Symbol("s", positive=True)
    for inner in (1 / (1 + s) ** 2, 1 / (1 + s**2), sp.exp(-(s**2))):
        with pytest.raises(SymntkError, match="not in the table"):
            line_base.gamma_integral(inner, s, sp.S.One, sp.S.One)
    for integral in (line_base.half_line_integral, line_base.fourier_integral):
        with pytest.raises(SymntkError, match="not in the table"):
            integral(1 / (1 + s), s, sp.S.One)


def test_any_number_of_digits() -> None:
    expression = derived(SURROGATES["fast_sigmoid"].expression()).expression.subs(var_v, sp.Rational(1, 10**6))
    few, many = expression.evalf(20), expression.evalf(50)
    assert abs(few / many - 1) < sp.Rational(1, 10**18)
    with mpmath.workdps(60):
        exact = expected(general_form(SURROGATES["fast_sigmoid"].expression(), x), 0, mpmath.mpf(10) ** -6)
        assert abs(mpmath.mpmathify(many) / exact - 1) < mpmath.mpf(10) ** -48
