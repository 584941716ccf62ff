"""Values of formulas in mpmath: as many digits as cancel."""

from __future__ import annotations

import sympy as sp
from mpmath import mpf

import symntk
from symntk.language.symbols import STATE, var_u
from symntk.verify.evaluate import evaluate


def test_two_precisions_do_not_agree_on_what_has_cancelled():
    """At variances of 1e80 terms of that size leave (2/π) asin(ρ): 35 and 75 digits agree on 0.7009 for ρ = 1/2."""
    formula = symntk.expectation("hard_tanh", "hard_tanh").expression
    law = dict(zip(STATE, (mpf(10) ** 80, mpf(10) ** 80, mpf(10) ** 80 / 2, 0, 0), strict=True))
    assert abs(3 * evaluate(formula, law, dps=20) - 1) < 1e-15


def test_a_sum_that_cancels_to_nothing_is_zero():
    assert evaluate(sp.exp(var_u) * sp.exp(-1) - sp.exp(var_u - 1), {var_u: 3}, dps=20) == 0
