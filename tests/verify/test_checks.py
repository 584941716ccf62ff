"""Checks pass for what is derived and fail for what is wrong; what cannot be tested is said."""

import json
from random import Random

import pytest
import sympy as sp
from mpmath import mp

from symntk.derive.diagonal import diagonal
from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import publish
from symntk.errors import DomainError
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import Delta, Term, collect, derivative
from symntk.language.symbols import cov, var_u, var_v, x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES
from symntk.verify.agreement import Agreement, digits_of_agreement, natural_scale
from symntk.verify.certificate import Certificate, Check
from symntk.verify.checks import existing_points, formula_check, independence_check
from symntk.verify.claim import Claim, Stated
from symntk.verify.full import limit_check, rate_check
from symntk.verify.identities import exchange_check, is_identically_zero, price_check
from symntk.verify.points import Point, edge_points, parameter_values, random_points

CENTRED = random_points(Random(1), 3)
SHIFTED = random_points(Random(2), 3, means=True)
m = sp.Symbol("m", positive=True)


def form(formula):
    return normal_form(sp.sympify(formula, locals={"x": x, "m": m}), x)


def derived(f, g, means=False):
    return publish(derive_pair(f, g, means=means).value)


def made(f, g, expression, means=False, *, limit=None, stated=None):
    """The claim of a formula, with the derivations that identities need."""

    def related(m, n):
        one, other = f, g
        for _ in range(m):
            one = derivative(one)
        for _ in range(n):
            other = derivative(other)
        return Claim(one, other, derived(one, other, means), means)

    diagonal = Stated(limit=limit) if stated is None else Stated(None, *stated)
    exchanged = lambda: Claim(g, f, derived(g, f, means), means)  # noqa: E731
    return Claim(f, g, expression, means, related=related, exchanged=exchanged, diagonal=diagonal)


def claim(f, g, *, means=False, change=lambda e: e, **stated):
    f, g = form(f), form(g)
    return made(f, g, change(derived(f, g, means)), means, **stated)


def random_check(claim, points, *, dps):
    return formula_check("random points", claim, points, dps=dps)


def edge_check(claim, points, *, dps):
    return formula_check("edge points", claim, points, dps=dps)


PAIRS = [("sign(x)", "erf(x)"), ("Max(0, x)", "Max(0, x)"), ("sin(x)", "exp(-Abs(x))"), ("x**2", "2*DiracDelta(x)")]
WRONG = {
    "coefficient": lambda e: e * sp.Rational(1000001, 1000000),
    "constant": lambda e: e + sp.Rational(1, 10**9),
    "argument": lambda e: e.subs(cov, cov * (1 + sp.Rational(1, 10**7))),
    "sides": lambda e: e.xreplace({var_u: var_v, var_v: var_u}),
}


@pytest.mark.parametrize("means", [False, True])
@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_what_is_derived_passes(pair, means):
    points = SHIFTED if means else CENTRED
    right = claim(*pair, means=means)
    checks = [
        random_check(right, points, dps=30),
        price_check(right, points, dps=30),
        independence_check(right, points, dps=30),
        exchange_check(right, points, dps=30),
    ]
    assert [c.verdict for c in checks] == ["ok"] * 4
    assert checks[0].points == 3 and checks[0].digits >= 25


@pytest.mark.parametrize("mistake", WRONG)
def test_what_is_wrong_fails(mistake):
    wrong = claim("sign(x)", "erf(x)", change=WRONG[mistake])
    right = claim("sign(x)", "erf(x)").expression
    assert not random_check(wrong, CENTRED, dps=30).passed
    assert not edge_check(wrong, edge_points(), dps=20).passed
    failures = [
        price_check(wrong, CENTRED, dps=30),
        exchange_check(wrong, CENTRED, dps=30),
    ]
    if mistake == "constant":
        assert failures[0].passed  # a constant has no derivative; independence sees it
        assert not independence_check(wrong, CENTRED, dps=30).passed
    else:
        assert not failures[0].passed
    assert not failures[1].passed
    assert is_identically_zero(wrong.expression - right) is False


def test_edges_name_what_does_not_exist():
    sides = claim("2*DiracDelta(x)", "2*DiracDelta(x)")
    check = edge_check(sides, edge_points(), dps=20)
    assert check.passed and check.points == 11
    assert "skipped at correlation 1, correlation -1" in check.detail
    assert check.detail.endswith("because it is infinite there")


def test_edges_with_means_and_at_both_ends():
    relu = claim("Max(0, x)", "Max(0, x)", means=True)
    check = edge_check(relu, edge_points(means=True), dps=20)
    assert check.passed and check.points == len(edge_points())


def test_where_an_expectation_is_infinite_smaller_variances_are_tested():
    growing = claim("exp(x**2/4)", "exp(x**2/4)")
    moved = existing_points(growing, [Point("large", (40.0, 30.0, 3.0, 0.0, 0.0))], dps=20)
    assert moved == [Point("large", (0.625, 0.46875, 0.046875, 0.0, 0.0))]
    assert random_check(growing, moved, dps=20).passed
    assert existing_points(claim("exp(1000000*x**2)", "1"), CENTRED, dps=20) == []
    assert random_check(growing, [], dps=20).is_skipped
    limit = diagonal(derive_pair(growing.f, growing.g).value).limit
    growing = claim("exp(x**2/4)", "exp(x**2/4)", limit=limit)
    assert limit_check(growing, [p.law for p in CENTRED], dps=20).passed


def test_limit_at_full_correlation():
    laws = [p.law for p in CENTRED]
    stated = diagonal(derive_pair(form("Max(0, x)"), form("Max(0, x)")).value).limit

    def checked(f, g, limit):
        return limit_check(claim(f, g, limit=limit), laws, dps=20)

    assert checked("Max(0, x)", "Max(0, x)", stated).passed
    assert not checked("Max(0, x)", "Max(0, x)", stated * sp.Rational(1001, 1000)).passed
    wrong = checked("2*DiracDelta(x)", "2*DiracDelta(x)", stated)
    assert not wrong.passed and wrong.digits < 1
    odd = "DiracDelta(x - 1) - DiracDelta(x + 1)", "DiracDelta(x - 1) + DiracDelta(x + 1)"
    near = checked(*odd, sp.S.Zero)
    assert near.passed and "next to v = u (3 points)" in near.detail
    assert not checked(*odd, sp.S.One).passed


@pytest.mark.parametrize("name", ["boxcar", "hard_shrink"])
def test_rate_of_deltas_at_two_thresholds(name):
    jumps = derivative(normal_form(ACTIVATIONS[name].expression(), x))
    derivation = derive_pair(jumps, jumps)
    stated = diagonal(derivation.value)
    right = made(jumps, jumps, publish(derivation.value), stated=(stated.coefficient, stated.power))
    check = rate_check(right, [CENTRED[0].law])
    assert check.passed and check.digits > 10


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("means", [False, True])
def test_rate_at_full_correlation(order, means):
    spike = collect([Term(sp.S(2), window=Delta(sp.S.Zero, order))])
    derivation = derive_pair(spike, spike, means=means)
    stated = diagonal(derivation.value)
    expression, (coefficient, power) = publish(derivation.value), (stated.coefficient, stated.power)
    laws = [p.law for p in (SHIFTED if means else CENTRED)]

    def checked(*rate):
        return rate_check(made(spike, spike, expression, means, stated=rate), laws)

    check = checked(coefficient, power)
    assert check.passed and check.digits > 10
    assert str(stated.power) in check.detail and str(stated.coefficient) in check.detail
    assert not checked(coefficient * sp.Rational(1001, 1000), power).passed
    assert not checked(coefficient, power - sp.Rational(1, 2)).passed
    assert not rate_check(claim("x", "x**2", stated=(coefficient, power)), laws[:1]).passed or means


def test_parameters_take_given_or_random_values():
    n = sp.Symbol("n", real=True)
    values = parameter_values([m, n], {"m": 0.3}, Random(0))
    assert values[m] == sp.Rational(3, 10) and values[n] != 0
    steep, expression = form("erf(m*x)"), derived(form("erf(m*x)"), form("x"))
    given = {m: sp.Rational(3, 10)}
    assert random_check(Claim(steep.subs(given), form("x"), expression, False, given), CENTRED, dps=20).passed
    with pytest.raises(DomainError, match="no value"):
        random_check(Claim(steep, form("x"), expression), CENTRED, dps=20)


def test_random_points_are_covariances():
    for point in random_points(Random(3), 50, means=True):
        a, b, c, *_ = point.law
        assert a > 0 and b > 0 and c * c < a * b and not point.is_full
    full = [p for p in edge_points() if p.is_full]
    assert len(full) == 5 and all("correlation" in p.label for p in full)


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "sin", "rbf", "abs"])
def test_prices_theorem_is_proved_by_symbols(name):
    f = normal_form(ACTIVATIONS[name].expression(), x)
    check = price_check(made(f, f, derived(f, f)), CENTRED, dps=30)
    assert check.is_symbolic and check.verdict == "ok" and not check.is_skipped


def test_prices_theorem_at_digits_where_no_proof_is_found():
    f = normal_form(SURROGATES["triangle"].expression(), x)
    check = price_check(made(f, f, derived(f, f)), CENTRED[:1], dps=30)
    assert check.passed and not check.is_symbolic and check.digits >= 25


def test_digits_are_relative_to_the_value_unless_it_cancels():
    agreement = Agreement(10, 20)
    agreement.add(mp.mpf(1) + mp.mpf("1e-12"), mp.mpf(1), 1000)
    assert agreement.digits == pytest.approx(12, abs=0.01) and not agreement.remark
    agreement.add(mp.mpf("1e-15"), mp.mpf(0), lambda: mp.mpf(1))
    assert (
        agreement.passed
        and agreement.digits == pytest.approx(12, abs=0.01)
        and "beside which the value is small" in agreement.remark
    )
    agreement.add(mp.mpf("1e-15"), mp.mpf("1e-9"), mp.mpf("1e-9"))
    assert not agreement.passed
    assert digits_of_agreement(mp.nan, mp.mpf(1)) == 0
    assert not Agreement(1, 2).passed


def test_scale_of_what_has_no_second_moment_is_zero():
    growing, delta = form("exp(x**2)"), collect([Term(sp.S(3), window=Delta(sp.S.Zero))])
    assert natural_scale(growing, growing, (1.0, 1.0, 0.0, 0.0, 0.0)) == 0
    peak = natural_scale(delta, form("1"), (4.0, 1.0, 0.0, 0.0, 0.0))
    assert mp.almosteq(peak, 3 / mp.sqrt(8 * mp.pi), 1e-8)


def test_certificates_are_tables_and_plain_values():
    good, bad = Check("one", "told", 30.0, 25, True, 3), Check("two", "told " * 60, 2.0, 25, False, 3)
    skipped = Check("three", "skipped: nothing to test", None, None, True, 0)
    certificate = Certificate("E", (good, bad, skipped), 30, "1")
    assert not certificate.passed and certificate.digits == 2
    assert not Certificate("E", (skipped,), 30, "1").passed
    assert Certificate("E", (good, skipped), 30, "1").passed
    lines = certificate.table().splitlines()
    assert max(map(len, lines)) <= 120 and "FAILED" in certificate.table() and "skipped" in lines[-1]
    assert json.loads(json.dumps(certificate.to_dict()))["checks"][1]["passed"] is False
