"""Derived formulas against the published ones: equal, and not much longer.

Sources: Cho & Saul 2009 (step, relu and its powers), Louart et al. 2018 (abs, leaky relu, quadratic, sin, cos),
Williams 1997 (erf, rbf), Tsuchida et al. 2021 (GELU, ELU), Han et al. 2022 (Gabor), Daniely et al. 2016 (exp),
Eilers et al. 2024 (surrogate-gradient kernels). The formulas are typed here to be compared with, and nowhere else.
"""

import pytest
import sympy as sp

from symntk.derive.engine import derive_pair
from symntk.derive.publish import publish
from symntk.language.normal_form import normal_form
from symntk.language.special import bivariate_normal_cdf as Phi2
from symntk.language.special import normal_cdf as Phi
from symntk.language.symbols import cov as c
from symntk.language.symbols import var_u as a
from symntk.language.symbols import var_v as b
from symntk.language.symbols import x
from symntk.language.terms import derivative
from symntk.verify.evaluate import evaluate

s = sp.sqrt(a * b)
r = c / s
pi = sp.pi
theta = sp.acos(r)
D2 = (1 + a) * (1 + b) - c**2
D = sp.sqrt(D2)
m, m1, m2, p, q = sp.symbols("m mu nu p q", positive=True)
q0, q1, q2 = sp.symbols("q0 q1 q2", real=True)
J2 = 3 * sp.sin(theta) * sp.cos(theta) + (pi - theta) * (1 + 2 * sp.cos(theta) ** 2)
J3 = (
    4 * sp.sin(theta) ** 3
    + 15 * sp.sin(theta) * sp.cos(theta) ** 2
    + (pi - theta) * (9 * sp.sin(theta) ** 2 * sp.cos(theta) + 15 * sp.cos(theta) ** 3)
)
gabor_d = 2 * (a + b) + 4 * (a * b - c**2) + 1
gabor_n = a + b + 4 * (a * b - c**2) + 2 * c
relu = sp.Max(0, x)
gelu = x * (1 + sp.erf(x / sp.sqrt(2))) / 2
elu = sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True))
w = 1 / sp.sqrt(a), 1 / sp.sqrt(b)


def tilted(sa, sb, factor=1):
    """E[e^{sa u} H(sa' u) e^{sb v} H(sb' v)] for a decaying exponential on each side, in the published style."""
    h, k = -(factor * a + sa * sb * factor * c) / sp.sqrt(a), -(factor * b + sa * sb * factor * c) / sp.sqrt(b)
    return sp.exp(factor**2 * (a + b + 2 * sa * sb * c) / 2) * Phi2(h, k, sa * sb * r)


def relu_exp(first, second):
    """E[relu(u) e^v H(−v)], by one integration by parts: the cross term of the ELU kernel."""
    h, k = c / sp.sqrt(first), -sp.sqrt(second)
    root = sp.sqrt(first * second - c**2)
    slope = sp.exp(-(c**2) / (2 * first)) / sp.sqrt(2 * pi)
    return sp.exp(second / 2) * (
        c * Phi2(h, k, -r)
        + sp.sqrt(first) * slope * Phi(-root / sp.sqrt(first))
        - c / sp.sqrt(2 * pi * second) * sp.exp(-second / 2) / 2
    )


orthant = sp.acos(-r) / (2 * pi)
opposite = sp.acos(r) / (2 * pi)
relu_relu = s / (2 * pi) * (sp.sqrt(1 - r**2) + r * sp.acos(-r))
relu_step = (sp.sqrt(a) - c / sp.sqrt(b)) / (2 * sp.sqrt(2 * pi))
step_relu = (sp.sqrt(b) - c / sp.sqrt(a)) / (2 * sp.sqrt(2 * pi))
published_elu = (
    relu_relu
    + relu_exp(a, b)
    + relu_exp(b, a)
    - relu_step
    - step_relu
    + tilted(1, 1)
    - sp.exp(a / 2) * Phi2(-sp.sqrt(a), -c / sp.sqrt(b), r)
    - sp.exp(b / 2) * Phi2(-sp.sqrt(b), -c / sp.sqrt(a), r)
    + orthant
)

ROWS = {
    "t": (x, x, c),
    "relu": (relu, relu, relu_relu),
    "abs": (sp.Abs(x), sp.Abs(x), 2 * s / pi * (r * sp.asin(r) + sp.sqrt(1 - r**2))),
    "two slopes": (
        p * sp.Max(x, 0) + q * sp.Max(-x, 0),
        p * sp.Max(x, 0) + q * sp.Max(-x, 0),
        (p**2 + q**2) * c / 2 + s / (2 * pi) * (p + q) ** 2 * (sp.sqrt(1 - r**2) - r * sp.acos(r)),
    ),
    "step": (sp.Heaviside(x), sp.Heaviside(x), sp.Rational(1, 2) - sp.acos(r) / (2 * pi)),
    "sign": (sp.sign(x), sp.sign(x), 2 / pi * sp.asin(r)),
    "quadratic": (
        q2 * x**2 + q1 * x + q0,
        q2 * x**2 + q1 * x + q0,
        q2**2 * (2 * c**2 + a * b) + q1**2 * c + q2 * q0 * (a + b) + q0**2,
    ),
    "cos": (sp.cos(x), sp.cos(x), sp.exp(-(a + b) / 2) * sp.cosh(c)),
    "sin": (sp.sin(x), sp.sin(x), sp.exp(-(a + b) / 2) * sp.sinh(c)),
    "erf": (sp.erf(x), sp.erf(x), 2 / pi * sp.asin(2 * c / sp.sqrt((1 + 2 * a) * (1 + 2 * b)))),
    "rbf": (sp.exp(-(x**2) / 2), sp.exp(-(x**2) / 2), 1 / sp.sqrt(D2)),
    "relu^2": (relu**2, relu**2, s**2 / (2 * pi) * J2),
    "relu^3": (relu**3, relu**3, s**3 / (2 * pi) * J3),
    "exp": (sp.exp(x), sp.exp(x), sp.exp((a + b) / 2 + c)),
    "GELU": (
        gelu,
        gelu,
        ((c**2 + a * b * D2) / ((1 + a) * (1 + b) * D) + c * sp.atan(c / D)) / (2 * pi) + c / 4,
    ),
    "GELU'": (
        sp.diff(gelu, x),
        sp.diff(gelu, x),
        sp.Rational(1, 4)
        + sp.atan(c / D) / (2 * pi)
        + c / (2 * pi * D) * (1 / D2 + (1 - a * b) / ((1 + a) * (1 + b)) + 1),
    ),
    "Gabor": (
        sp.exp(-(x**2)) * sp.sin(x),
        sp.exp(-(x**2)) * sp.sin(x),
        sp.exp(-gabor_n / (2 * gabor_d)) * (sp.exp(2 * c / gabor_d) - 1) / (2 * sp.sqrt(gabor_d)),
    ),
    "ELU": (elu, elu, published_elu),
    "rect": (
        sp.Heaviside(x + 1) - sp.Heaviside(x - 1),
        sp.Heaviside(x + 1) - sp.Heaviside(x - 1),
        Phi2(*w, r) - Phi2(w[0], -w[1], r) - Phi2(-w[0], w[1], r) + Phi2(-w[0], -w[1], r),
    ),
    "Laplace": (
        sp.exp(-2 * sp.Abs(x)),
        sp.exp(-2 * sp.Abs(x)),
        tilted(1, 1, 2) + tilted(1, -1, 2) + tilted(-1, 1, 2) + tilted(-1, -1, 2),
    ),
    "sign erf": (sp.sign(x), sp.erf(x), 2 / pi * sp.asin(sp.sqrt(2) * c / sp.sqrt(a * (1 + 2 * b)))),
    "relu erf": (relu, sp.erf(x), c / sp.sqrt(pi * (1 + 2 * b))),
    "erf_m": (
        sp.erf(m * x),
        sp.erf(m * x),
        2 / pi * sp.asin(c / sp.sqrt((1 / (2 * m**2) + a) * (1 / (2 * m**2) + b))),
    ),
    "erf_m1' erf_m2'": (
        2 * m1 / sp.sqrt(pi) * sp.exp(-(m1**2) * x**2),
        2 * m2 / sp.sqrt(pi) * sp.exp(-(m2**2) * x**2),
        2 / pi / sp.sqrt((1 / (2 * m1**2) + a) * (1 / (2 * m2**2) + b) - c**2),
    ),
    "sign' erf_m'": (
        2 * sp.DiracDelta(x),
        2 * m2 / sp.sqrt(pi) * sp.exp(-(m2**2) * x**2),
        2 / pi / sp.sqrt(a * (1 / (2 * m2**2) + b) - c**2),
    ),
    "erf_m' 1": (2 * m / sp.sqrt(pi) * sp.exp(-(m**2) * x**2), sp.S.One, sp.sqrt(2 / pi) / sp.sqrt(1 / (2 * m**2) + a)),
}
HERMITE = {n: sp.Poly(sp.hermite_prob(n, x) / sp.sqrt(sp.factorial(n)), x).as_expr() for n in (1, 2, 3, 4)}
POINTS = [(1.3, 0.7, 0.4), (0.2, 3.1, -0.6), (2.0, 2.0, 1.9)]


def derived(f, g):
    return publish(derive_pair(normal_form(f, x), normal_form(g, x)).value)


@pytest.mark.parametrize("row", ROWS)
def test_equal_to_the_published_form(row):
    f, g, form = ROWS[row]
    expr = derived(f, g)
    free = sorted((expr.free_symbols | form.free_symbols) - {a, b, c}, key=str)
    extra = {str(k): v for k, v in zip(free, ("3/2", "2/3", "5/4"), strict=False)}
    for point in POINTS:
        values = dict(zip((a, b, c), (sp.Rational(str(v)) for v in point), strict=True))
        values |= {k: sp.Rational(extra[str(k)]) for k in free}
        assert abs(evaluate(expr, values, dps=25) / evaluate(form, values, dps=25) - 1) < 1e-20


@pytest.mark.parametrize("row", ROWS)
def test_at_most_half_as_many_operations_again(row):
    f, g, form = ROWS[row]
    assert sp.count_ops(derived(f, g)) <= 1.5 * sp.count_ops(form)


@pytest.mark.parametrize("n", HERMITE)
@pytest.mark.parametrize("k", HERMITE)
def test_hermite_polynomials_are_dual(n, k):
    """E[h_n(u) h_k(v)] = δ_nk ρ^n at unit variance (Daniely et al. 2016)."""
    value = derived(HERMITE[n], HERMITE[k]).subs({a: 1, b: 1})
    assert sp.expand(value - (c**n if n == k else 0)) == 0


def test_the_gelu_derivative_is_the_sympy_derivative():
    assert derivative(normal_form(gelu, x)) == normal_form(sp.diff(gelu, x), x)
