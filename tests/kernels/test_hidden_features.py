"""Features that an overflowing enclosure or a kink's graded panels once hid: values by quadrature that knows them."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

import symntk
from symntk.language.symbols import x


@pytest.mark.parametrize(
    ("k", "p", "at"), [(64, 104, 44.0), (4, 176, 71.84), (10, 136, 43.04)], ids=["wide", "wider", "shallow"]
)
def test_plateaus_of_high_powers_far_out(k, p, at):
    level = sp.Rational(str(k * at))
    E = symntk.expectation(sp.tanh(x) + 1 / (1 + (k * x * sp.tanh(x) - level) ** p), means=True)

    def integrand(z):
        with np.errstate(over="ignore"):
            u = at + 0.1 * z
            plateau = 1.0 / (1.0 + np.float64(k * u * np.tanh(u) - float(level)) ** p)
        return (np.tanh(u) + plateau) * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)

    edges = [side * 10.0 / k for side in (-1, 1)]
    truth = quad(integrand, -9.0, 9.0, points=[*edges, 0.0], limit=2000, epsabs=1e-12)[0]
    assert float(E(0.01, 1.0, 0.0, at, 0.0)) == pytest.approx(truth, rel=1e-8)


@pytest.mark.parametrize(
    ("f", "g", "law"),
    [
        ("Max(0,x)**(3/2)", "sqrt(Abs(x))", (1.0, 1.0, 1.0, 0.5, -0.5)),
        ("sqrt(Abs(sin(x)))", "log(Abs(x))", (1.0, 1.0, 1.0, 0.5, -0.5)),
    ],
)
def test_singular_kinks_at_full_correlation_beside_nearly_full(f, g, law):
    E = symntk.expectation(f, g, means=True)
    var_u, var_v, cov, *means = law
    near = E(var_u, var_v, cov * (1.0 - 1e-13), *means)
    # √|x| is Hölder continuous of order 1/2: the difference is at most (1e-13)^(1/4), and much less in the mean
    assert float(E(*law)) == pytest.approx(float(near), rel=1e-9)
