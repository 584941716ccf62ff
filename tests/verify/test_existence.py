"""Existence and heat equations: the right statements pass, wrong ones fail; a published integral has its value."""

from random import Random

import pytest
import sympy as sp

from symntk.derive.conditions import conditions
from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import publish
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import derivative
from symntk.language.symbols import var_u, var_v, x
from symntk.verify.claim import Claim
from symntk.verify.existence import critical_scale, existence_check, exists
from symntk.verify.identities import heat_check
from symntk.verify.oracle.stated import mixture_differences, stated_value
from symntk.verify.points import at_state, random_points

LAWS = [point.law for point in random_points(Random(3), 3)]


def form(text):
    return normal_form(sp.sympify(text, locals={"x": x}), x)


@pytest.mark.parametrize(
    ("f", "g"), [("exp(x**2/8)", "exp(x**2/5)"), ("exp(x**2/3)", "DiracDelta(x)"), ("x", "sin(x)")]
)
def test_conditions_hold_where_it_exists(f, g):
    f, g = form(f), form(g)
    stated = conditions(f, g)

    def states(law):
        return {all(bool(c.subs(at_state(law))) for c in stated)}

    assert existence_check(f, g, LAWS, states).passed
    wrong = existence_check(f, g, LAWS, lambda law: {not exists(f, g, law)})
    assert not wrong.passed and "against what is stated" in wrong.detail


def test_no_condition_where_there_is_a_boundary_is_wrong():
    f, g = form("exp(x**2/8)"), form("1")
    assert not existence_check(f, g, LAWS, lambda law: {True}).passed
    assert abs(critical_scale(f, g, (2.0, 1.0, 0.5, 0.0, 0.0)) - 2) < 1e-6
    assert critical_scale(form("x"), g, LAWS[0]) is None


def heat(f, g, change, means=False):
    f, g = form(f), form(g)

    def derived(p, q):
        return publish(derive_pair(p, q, means=means).value)

    def related(m, n):
        one, other = f, g
        for _ in range(m):
            one = derivative(one)
        for _ in range(n):
            other = derivative(other)
        return Claim(one, other, derived(one, other))

    claim = Claim(f, g, change(derived(f, g)), means, related=related)
    return heat_check(claim, random_points(Random(1), 2, means=means), dps=20)


@pytest.mark.parametrize("means", [False, True])
def test_heat_equations(means):
    assert heat("Max(0, x)", "erf(x) + x", lambda e: e, means).passed
    assert not heat("Max(0, x)", "erf(x) + x", lambda e: e + var_u / 1000, means).passed
    assert not heat("Max(0, x)", "erf(x) + x", lambda e: e * var_v, means).passed


def test_heat_equations_by_symbols():
    check = heat("sign(x)", "sign(x)", lambda e: e)
    assert check.passed and check.is_symbolic and check.points == 0


def test_a_published_integral_with_kinks():
    u, v = sp.symbols("u v", real=True)
    density = sp.exp(-(u**2) / 2 - v**2 / 2) / (2 * sp.pi)
    inside = sp.Piecewise((u, u > 0), (0, True)) * sp.Piecewise((v, v > 1), (0, True)) * density
    whole = 3 + sp.Integral(inside, (v, -sp.oo, sp.oo), (u, -sp.oo, sp.oo))
    found = stated_value(whole, {}, {"u": (0.0, 1.0), "v": (0.0, 1.0)}, [0.0, 1.0])
    assert abs(found - 3 - float(sp.exp(sp.Rational(-1, 2)) / (2 * sp.pi))) < 1e-12


def test_differences_leave_deltas_aside():
    from symntk.language.forms.general_form import general_form

    jump = general_form(sp.Heaviside(x) + sp.DiracDelta(x), x)
    assert mixture_differences(jump, [(1.0, form("Heaviside(x) + DiracDelta(x)"))], [-1.0, 2.0]) == [0, 0]
