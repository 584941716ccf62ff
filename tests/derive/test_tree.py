"""The tree of steps as text: every equation that it shows is true, and no step is shown twice."""

from __future__ import annotations

import re

import pytest
import sympy as sp

import symntk
from symntk.derive.moves.stein import Exchange
from symntk.language.special import bivariate_normal_cdf, normal_cdf
from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v

u, v, x = sp.symbols("u v x", real=True)
PAIRS = [
    ("relu", "triangle"),
    ("gelu", "erf"),
    ("elu", "laplace"),
    ("x**2*Heaviside(x - 1)", "boxcar"),
    ("sign", "erf"),
]
NAMES = {"a": var_u, "b": var_v, "c": cov, "m1": mean_u, "m2": mean_v, "u": u, "v": v}
NAMES |= {"normal_cdf": normal_cdf, "bivariate_normal_cdf": bivariate_normal_cdf}
NAMES |= {"N": lambda z, t, w: sp.exp(-((z - t) ** 2) / (2 * w)) / sp.sqrt(2 * sp.pi * w)}
EQUATION = re.compile(r"^ +\d+  \w+  E\[(.*)\] = (.*?)(?:   \[× .*\])?$")
POINT = {var_u: sp.Rational(13, 10), var_v: sp.Rational(7, 10), cov: sp.Rational(2, 5)}


def read(text: str) -> sp.Expr:
    return sp.sympify(text, locals=NAMES)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_equations_of_the_law_itself_are_true(pair: tuple[str, str]):
    """Each printed E[…] = … without braces, derived anew from the printed integrand."""
    kernels = symntk.derive(*pair)
    checked = 0
    for _, E in kernels.items():
        for line in str(E.derivation).splitlines():
            found = EQUATION.match(line)
            if found is None or "{" in line:
                continue
            left, right = (sp.Mul(*part).subs({u: x, v: x}) for part in split(read(found[1])))
            expected = symntk.expectation(left, right).expression
            assert abs((expected - read(found[2])).subs(POINT).evalf(20)) < 1e-15, line
            checked += 1
    assert checked


def split(product: sp.Expr) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """The factors in u and the rest."""
    factors = sp.Mul.make_args(product)
    return [f for f in factors if f.has(u)], [f for f in factors if not f.has(u)]


def steps(E: symntk.Expectation) -> int:
    """How many there are below the sum over terms, exchanges left aside."""
    return sum(not isinstance(step, Exchange) for step in E.derivation.walk()) - 1


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_each_step_once_and_all_of_them(pair: tuple[str, str]):
    for _, E in symntk.derive(*pair).items():
        numbers = [int(n) for n in re.findall(r"^ +(\d+)  (?!above)", str(E.derivation), re.MULTILINE)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) == steps(E)


def test_with_means_and_parameters():
    E = symntk.expectation("erf(m*x)", "Max(0, x - t)", means=True)
    text = str(E.derivation)
    assert "m**2" in text
    assert "m1" in text
