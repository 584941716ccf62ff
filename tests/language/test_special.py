"""The normal functions: numbers against independent quadrature, derivatives, special values, limits, printing."""

import pickle

import mpmath
import pytest
import sympy as sp
from mpmath import mp, mpc, mpf

from symntk.language.special import bivariate_normal_cdf, normal_cdf, normal_pdf
from symntk.language.special.table import numbers

h, k, rho, x = sp.symbols("h k rho x", real=True)
half = sp.Rational(1, 2)


def conditional(h: mpf, k: mpf, rho: mpf) -> mpf:
    """∫ φ(t) Φ((k − ρt)/√(1 − ρ²)) dt over t ≤ h, scaled by the integrand's largest value, split at its features."""
    with mp.workdps(mp.dps + 20):
        s = mp.sqrt(1 - rho**2)

        def f(t: mpf) -> mpf:
            return mp.npdf(t) * mp.erfc((rho * t - k) / s / mp.sqrt(2)) / 2

        with mp.workdps(15):
            peak = max((h - mpf(i) / 8 for i in range(800)), key=f)
        scales = (1, s, 1 / (1 + abs(h)), 1 / (1 + abs(k)))
        offsets = [sign * d * scale for d in (0, 0.5, 1, 2, 4, 8, 16, 32) for scale in scales for sign in (1, -1)]
        near = {c + offset for c in (peak, k / rho) for offset in offsets if c + offset < h}
        nodes = sorted({h, min(near) - 20, *near})
        top = max(f(t) for t in nodes)
        tiny = top * mpf(10) ** (-mp.dps)
        total = mp.zero
        for a, b in zip(nodes[:-1], nodes[1:], strict=True):
            if max(f(a), f(b), f((a + b) / 2)) > tiny:
                inside = mp.quad(lambda u, a=a, b=b: f(a + (b - a) * u) / top, [0, 1], method="gauss-legendre")
                total += (b - a) * inside
        return top * total


POINTS = [
    ("1", "2", "0.3"),
    ("-5", "5.01", "-0.999"),
    ("-3", "-3.0001", "0.999999999"),
    ("-30", "-20", "-0.5"),
    ("-40", "-40", "0.5"),
    ("8", "-8.5", "-0.99"),
    ("8", "-7.5", "-0.99"),
    ("-10", "3", "0.7"),
]


@pytest.mark.parametrize("point", POINTS)
def test_bivariate_against_conditional_integral_at_50_digits(point):
    with mp.workdps(50):
        arguments = [mpf(v) for v in point]
        found = bivariate_normal_cdf.number(*arguments)
        assert abs(found / conditional(*arguments) - 1) < mpf(10) ** -45
    exact = bivariate_normal_cdf(*(sp.Rational(v) for v in point)).evalf(30)
    assert abs(exact._to_mpmath(100) / found - 1) < mpf(10) ** -29


@pytest.mark.parametrize("point", [(1, 2), (-3, 0.5), (-7, -8), (2, -2.5)])
def test_bivariate_sums_to_univariate(point):
    """Φ₂(h, k; ρ) + Φ₂(h, −k; −ρ) = Φ(h)."""
    for r in ("0.2", "-0.9999", "0.999999999999"):
        with mp.workdps(40):
            first = bivariate_normal_cdf.number(mpf(point[0]), mpf(point[1]), mpf(r))
            second = bivariate_normal_cdf.number(mpf(point[0]), -mpf(point[1]), -mpf(r))
            assert abs((first + second) / normal_cdf.number(mpf(point[0])) - 1) < mpf(10) ** -36


def test_bivariate_next_to_the_degenerate_corner():
    """X = −Y + ε ξ, h + k = δ ≪ ε: φ(1) ε E[ξ₊] + φ(1) δ/2 to first order."""
    value = bivariate_normal_cdf(1, -1 + sp.Rational(1, 10**40), -1 + sp.Rational(1, 10**60)).evalf(20)
    expected = normal_pdf(1) * sp.sqrt(2) / 10**30 / sp.sqrt(2 * sp.pi)
    assert abs(value / expected.evalf(20) - 1) < 1e-8


def test_bivariate_of_complex_arguments():
    """Against the integral over the angle arcsin ρ (Plackett), at higher precision."""
    for a, b, r in [(mpc(1, 1), mpc(2, -1), mpf("0.5")), (mpc(-6, 3), mpc(-5, 4), mpf("0.95"))]:
        found = bivariate_normal_cdf.number(a, b, r)
        with mp.workdps(40):

            def f(t, a=a, b=b):
                return mp.exp(-(a * a - 2 * a * b * mp.sin(t) + b * b) / (2 * mp.cos(t) ** 2))

            area = mp.quad(f, mp.linspace(0, mp.asin(r), 8)) / (2 * mp.pi)
            expected = mp.erfc(-a / mp.sqrt(2)) * mp.erfc(-b / mp.sqrt(2)) / 4 + area
        assert abs(found / expected - 1) < 1e-14


def test_numbers_outside_the_domain():
    compute = bivariate_normal_cdf.number
    for bad in [(1, 1, 1.5), (1, 1, mpc(0, 1)), (mpc(1, 1), 1, 1)]:
        with pytest.raises(ValueError, match="correlation"):
            compute(*bad)
    assert mp.isnan(compute(mp.nan, 1, 0.5))
    assert compute(mp.inf, -mp.inf, 0.5) == 0
    unevaluated = bivariate_normal_cdf(1, 2, sp.Rational(3, 2))
    assert unevaluated.evalf() == unevaluated


def test_univariate_tails():
    assert abs(normal_cdf(-40).evalf(40) / (sp.erfc(40 / sp.sqrt(2)) / 2).evalf(40) - 1) < sp.Float("1e-38", 40)
    large = normal_cdf(-sp.sqrt(10**11))
    assert abs(large.evalf(20) / large.evalf(60) - 1) < 1e-19
    assert abs(normal_cdf(1 + sp.I).evalf(20) - sp.erfc(-(1 + sp.I) / sp.sqrt(2)).evalf(20) / 2) < 1e-19
    assert normal_pdf.number(mp.inf) == 0


def test_derivatives():
    assert normal_cdf(x).diff(x) == normal_pdf(x)
    assert normal_pdf(x).diff(x) == -x * normal_pdf(x)
    point = {h: sp.Rational(3, 10), k: sp.Rational(-7, 10), rho: sp.Rational(2, 5)}
    f = bivariate_normal_cdf(h, k, rho)
    for symbol in (h, k, rho):
        step = sp.Rational(1, 10**12)
        moved = [f.subs({**point, symbol: point[symbol] + side * step}).evalf(50) for side in (1, -1)]
        numeric = (moved[0] - moved[1]) / (2 * step)
        assert abs(numeric / f.diff(symbol).subs(point).evalf(50) - 1) < 1e-20


def test_special_values():
    assert normal_cdf(0) == half and normal_cdf(sp.oo) == 1 and normal_cdf(-sp.oo) == 0
    assert normal_pdf(0) == 1 / sp.sqrt(2 * sp.pi) and normal_pdf(-sp.oo) == 0 and normal_pdf(-x) == normal_pdf(x)
    f = bivariate_normal_cdf
    assert f(h, k, 0) == normal_cdf(h) * normal_cdf(k)
    assert f(h, k, 1) == normal_cdf(sp.Min(h, k))
    assert f(h, k, -1) == sp.Max(0, normal_cdf(h) - normal_cdf(-k))
    assert f(0, 0, rho) == sp.Rational(1, 4) + sp.asin(rho) / (2 * sp.pi)
    assert f(sp.oo, k, rho) == normal_cdf(k) and f(h, -sp.oo, rho) == 0
    assert f(h, k, rho) == f(k, h, rho)
    assert all(g(sp.nan) is sp.nan for g in (normal_pdf, normal_cdf)) and f(h, sp.nan, rho) is sp.nan


def test_limits():
    assert sp.limit(normal_cdf(x), x, sp.oo) == 1
    assert sp.limit(normal_cdf(x), x, -sp.oo) == 0
    assert sp.limit(x * sp.exp(x**2 / 2) * normal_cdf(-x), x, sp.oo) == 1 / sp.sqrt(2 * sp.pi)
    assert sp.limit((normal_cdf(x) - half) / x, x, 0) == normal_pdf(0)
    f = bivariate_normal_cdf
    assert sp.limit(f(h, k, rho), rho, 1, "-") == normal_cdf(sp.Min(h, k))
    assert sp.limit(f(1, 2, rho), rho, -1, "+") == normal_cdf(1) - normal_cdf(-2)
    assert sp.limit(f(x, 2, rho), x, sp.oo) == normal_cdf(2)
    assert sp.series(normal_cdf(x), x, 0, 2).removeO().coeff(x) == normal_pdf(0)


def test_assumptions_and_rewriting():
    assert normal_cdf(x).is_positive and normal_pdf(x).is_positive and normal_cdf(sp.Symbol("z")).is_real is None
    assert bivariate_normal_cdf(h, k, rho).is_nonnegative and bivariate_normal_cdf(h, k, half).is_positive
    assert normal_cdf(x).rewrite(sp.erf) == (1 + sp.erf(x / sp.sqrt(2))) / 2
    assert normal_cdf(-x).rewrite(sp.erfc) == sp.erfc(x / sp.sqrt(2)) / 2
    assert normal_pdf(x).rewrite(sp.exp) == sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)
    z = sp.Symbol("z")
    assert normal_cdf(z).conjugate() == normal_cdf(z.conjugate())


def test_printing_and_pickling():
    f = bivariate_normal_cdf(h, k, rho)
    assert str(f) == "bivariate_normal_cdf(h, k, rho)"
    assert sp.latex(f) == r"\Phi_2\left(h, k, \rho\right)"
    assert sp.latex(normal_cdf(x) ** 2 * normal_pdf(x)) == r"\Phi^{2}\left(x\right) \varphi\left(x\right)"
    assert sp.pretty(f, use_unicode=True) == "Φ₂(h, k, ρ)" and sp.pretty(normal_pdf(x), use_unicode=True) == "φ(x)"
    assert pickle.loads(pickle.dumps(f)) == f


def test_lambdify_to_mpmath():
    expression = bivariate_normal_cdf(h, k, rho) * normal_cdf(h) * normal_pdf(k)
    function = sp.lambdify((h, k, rho), expression, modules=[numbers(), "mpmath"])
    with mpmath.workdps(30):
        found = function(mpf(1), mpf(2), mpf("0.25"))
        expected = expression.subs({h: 1, k: 2, rho: sp.Rational(1, 4)}).evalf(30)
        assert abs(found / expected._to_mpmath(100) - 1) < mpf(10) ** -28
