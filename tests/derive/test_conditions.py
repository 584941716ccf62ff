"""Where expectations exist: judged on the rays on which a function lives, and the numbers there."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symntk
from symntk.derive.conditions import conditions, formula_conditions
from symntk.errors import DivergenceError
from symntk.language.forms.normal_form import normal_form
from symntk.language.symbols import cov, var_u, var_v, x
from symntk.language.text.parser import parse
from symntk.verify.evaluate import evaluate
from symntk.verify.existence import exists

RAY = "exp(x**2/3)*Heaviside(x)"
BUMP = "Piecewise((exp(x**2), Abs(x)<1), (0, True))"


def on_the_positive_quadrant(a: float, b: float, c: float) -> mp.mpf:
    """E of two such rays: the integral of exp(−zᵀMz/2) over the quadrant, also where M is indefinite."""
    with mp.workdps(30):
        a, b, c = (mp.mpf(str(number)) for number in (a, b, c))
        det = a * b - c * c
        first, second, across = b / det - mp.mpf(2) / 3, a / det - mp.mpf(2) / 3, -c / det
        left = first * second - across**2
        angle = mp.acos(across / mp.sqrt(first * second)) / mp.sqrt(mp.mpc(left))
        return mp.re(angle) / (2 * mp.pi * mp.sqrt(det))


@pytest.mark.parametrize("law", [(0.5, 0.6, 0.2), (1, 1, -0.9), (1.2, 1.1, -0.8), (1, 1, 0.3)], ids=str)
def test_growth_on_one_ray(law):
    E = symntk.expectation(RAY, RAY)
    assert float(E(*law)) == pytest.approx(float(on_the_positive_quadrant(*law)), rel=1e-12)


def test_growth_on_one_ray_that_is_too_much():
    E = symntk.expectation(RAY, RAY)
    for call in (E, E.evalf):
        with pytest.raises(DivergenceError, match="infinite, since not"):
            call(1, 1, 0.9)
    found = E(np.array([0.5, 1.0]), np.array([0.6, 1.0]), np.array([0.2, -0.9]))
    assert found == pytest.approx([0.549912841219469, 0.0786371531214452], rel=1e-12)


def test_growth_between_thresholds_exists_always():
    E = symntk.expectation(BUMP, BUMP)
    assert E.conditions == ()
    # Gauss–Legendre on the square
    assert float(E(1.3, 0.7, 0.4)) == pytest.approx(0.9484989124452801, rel=1e-11)
    assert float(E(1000.0, 500.0, 100.0)) == pytest.approx(0.0019443688540644, rel=1e-11)
    assert float(E.evalf(1.3, 0.7, 0.4, dps=15)) == pytest.approx(0.9484989124452801, rel=1e-12)


PAIRS = [(RAY, RAY), (RAY, "x"), (BUMP, RAY), ("exp(x**2/3)", RAY), (RAY, "exp(x**2/3)*Heaviside(-x)")]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_conditions_beside_a_criterion_of_its_own(pair):
    f, g = (normal_form(parse(text), x) for text in pair)
    stated = conditions(f, g)
    generator = np.random.default_rng(5)
    for _ in range(40):
        a, b = generator.uniform(0.2, 3.0, 2)
        c = generator.uniform(-1.0, 1.0) * np.sqrt(a * b)
        at = {var_u: a, var_v: b, cov: c}
        stays = all(evaluate(condition.gts - condition.lts, at, dps=20) > 0 for condition in stated)
        assert stays == exists(f, g, (a, b, c, 0.0, 0.0)), (a, b, c)


def test_plain_growth_is_judged_as_before():
    f = normal_form(sp.exp(x**2 / 3), x)
    assert conditions(f, f) == formula_conditions(f, f)
