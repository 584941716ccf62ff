"""Derived formulas against the published ones: equal, or different where the table says so, and not much longer.

`python -m tests.published` compares the same table at more points, and at extreme ones.
"""

import pytest
import sympy as sp

from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import publish
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import derivative
from symntk.language.symbols import cov as c
from symntk.language.symbols import var_u as a
from symntk.language.symbols import var_v as b
from symntk.language.symbols import x
from tests.published.__main__ import ENOUGH, compare
from tests.published.formulas import DIFFERENT, EQUAL, NT, PAPERS, ROWS, Published, gelu, relu_relu

HERMITE = {n: sp.Poly(sp.hermite_prob(n, x) / sp.sqrt(sp.factorial(n)), x).as_expr() for n in (1, 2, 3, 4)}
SHORT = [row.name for row in PAPERS if not row.unit]


def derived(f, g):
    return publish(derive_pair(normal_form(f, x), normal_form(g, x)).value)


@pytest.mark.parametrize("name", ROWS)
def test_as_the_table_says(name):
    found = compare(ROWS[name], random=1 if sp.count_ops(ROWS[name].form) > 50 else 2, edges=False)
    assert found.as_expected, f"{found.verdict}, {found.digits} digits"


@pytest.mark.parametrize("name", SHORT)
def test_at_most_half_as_many_operations_again(name):
    row = ROWS.get(name) or ROWS[f"{NT} {name}"]
    assert sp.count_ops(derived(row.f, row.g)) <= 1.5 * sp.count_ops(row.form)


def test_a_wrong_formula_is_seen():
    relu = sp.Max(0, x)
    almost = Published("relu", "nobody", relu, relu, relu_relu * (1 + sp.Rational(1, 10**15)))
    found = compare(almost, random=2, edges=False)
    assert found.verdict == DIFFERENT
    assert 13 < found.digits < ENOUGH
    assert not found.as_expected


def test_what_differs_says_why():
    for row in ROWS.values():
        assert row.expected == EQUAL or row.remark


@pytest.mark.parametrize("n", HERMITE)
@pytest.mark.parametrize("k", HERMITE)
def test_hermite_polynomials_are_dual(n, k):
    """E[h_n(u) h_k(v)] = δ_nk ρ^n at unit variance (Daniely et al. 2016)."""
    value = derived(HERMITE[n], HERMITE[k]).subs({a: 1, b: 1})
    assert sp.expand(value - (c**n if n == k else 0)) == 0


def test_the_gelu_derivative_is_the_sympy_derivative():
    assert derivative(normal_form(gelu, x)) == normal_form(sp.diff(gelu, x), x)
