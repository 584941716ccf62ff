"""General forms: parts, jumps, parity; numbers against the plain formula."""

from __future__ import annotations

import mpmath
import pytest
import sympy as sp

from symntk.errors import FormulaError
from symntk.language.forms.general_form import derivative, general_form, parity
from symntk.language.logistic import with_logistic
from symntk.language.special import logistic, softplus
from symntk.language.symbols import x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES

ENTRIES = {
    f"{kind} {name}": e
    for kind, table in (("activation", ACTIVATIONS), ("surrogate", SURROGATES))
    for name, e in table.items()
    if e.name != "periodic_exponential" and not any(p.default is None for p in e.parameters)
}


def at(expr: sp.Expr, point: sp.Rational) -> mpmath.mpf:
    return mpmath.mpmathify(expr.subs(x, point).evalf(30))


@pytest.mark.parametrize("name", ENTRIES)
def test_the_parts_are_the_function_and_derivatives_their_slopes(name: str) -> None:
    expr = ENTRIES[name].expression()
    form = general_form(expr, x)
    slope = derivative(form, x)
    for point in (sp.Rational(-37, 10), sp.Rational(-1, 7), sp.Rational(2, 11), sp.Rational(29, 6)):
        value, plain = at(form.regular(x), point), at(sp.nsimplify(expr, rational=True), point)
        assert abs(value - plain) < mpmath.mpf(10) ** -25 * (1 + abs(plain))
        step = sp.Rational(1, 10**9)
        quotient = (at(form.regular(x), point + step) - at(form.regular(x), point - step)) / (2 * mpmath.mpf(10) ** -9)
        assert abs(at(slope.regular(x), point) - quotient) < 1e-11 * (1 + abs(quotient))


def test_a_jump_of_a_part_outside_the_class_becomes_a_delta() -> None:
    form = derivative(general_form(ENTRIES["surrogate s2nn"].expression(), x), x)
    assert form.deltas == ()
    form = derivative(general_form(sp.Heaviside(x - 1) * sp.tanh(x), x), x)
    ((weight, delta),) = form.deltas
    assert weight == sp.tanh(1)
    assert delta.threshold == 1


def test_a_delta_times_a_smooth_function_is_its_value() -> None:
    form = general_form(sp.DiracDelta(2 * x - 1) * sp.tanh(x), x)
    assert not form.has_regular_part
    assert form.deltas[0][0] == sp.tanh(sp.Rational(1, 2)) / 2


@pytest.mark.parametrize(("name", "sense"), [("tanh", -1), ("softsign", -1), ("mish", 0), ("tanh_shrink", -1)])
def test_parity(name: str, sense: int) -> None:
    form = general_form(ACTIVATIONS[name].expression(), x)
    assert parity(form, x) == sense
    assert parity(derivative(form, x), x) == -sense


def test_logistic_formulas_have_names_that_do_not_overflow() -> None:
    assert with_logistic(1 / (1 + sp.exp(-3 * x))) == logistic(3 * x)
    assert with_logistic(sp.exp(x) / (1 + sp.exp(x)) ** 2) == logistic(x) * logistic(-x)
    assert with_logistic(sp.log(1 + sp.exp(-x))) == softplus(-x)
    assert float(softplus(sp.Integer(-50)).evalf(20)) == pytest.approx(1.9287498479639178e-22, rel=1e-14)


def test_infinitely_many_kinks_have_a_reach() -> None:
    form = general_form(sp.Mod(x, 2), x)
    assert form.breaks[0] == -form.breaks[-1] and form.reach >= form.breaks[-1] > 100
    with pytest.raises(FormulaError, match="depend on parameters"):
        general_form(sp.Mod(sp.Symbol("k", positive=True) * x, 2), x)


def test_the_derivative_of_a_pole_is_refused() -> None:
    with pytest.raises(FormulaError, match="infinite at 0"):
        derivative(general_form(sp.Heaviside(x) / x, x), x)
