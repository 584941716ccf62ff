"""The oracle against a second oracle (two-dimensional quadrature), published closed forms, and theorems."""

import functools
import itertools

import mpmath
import pytest
import sympy as sp
from mpmath.calculus.quadrature import GaussLegendre

import symntk
from symntk.errors import DivergenceError, DomainError, VerificationError
from symntk.language.forms.terms import Delta, NormalForm, Step, Term, collect, derivative
from symntk.verify.oracle.elementary.oracle import expectation_oracle
from symntk.verify.oracle.panels import gauss_legendre, integrate

mp = mpmath.mp
R, IMAGINARY, ONE = sp.Rational, sp.I, sp.S.One


def term(coefficient, power=0, quadratic=0, linear=0, window=None):
    return Term(sp.sympify(coefficient), power, sp.sympify(quadratic), sp.sympify(linear), window)


def on(threshold=0, variance=0):
    return Step(sp.sympify(threshold), sp.sympify(variance))


def off(threshold=0):
    return Step(sp.sympify(threshold), sp.S.Zero, -1)


def erf_of_slope(m):
    return collect([term(2, window=on(0, 1 / (2 * sp.sympify(m) ** 2))), term(-1)])


def sinusoid(quadratic=0, window=None, damping=0):
    pair = (IMAGINARY, -IMAGINARY)
    return collect(term(-rate / 2, 0, quadratic, rate + damping, window) for rate in pair)


FORMS = {
    "one": collect([term(1)]),
    "identity": collect([term(1, 1)]),
    "step": collect([term(1, window=on())]),
    "sign": collect([term(2, window=on()), term(-1)]),
    "relu": collect([term(1, 1, window=on())]),
    "relu2": collect([term(1, 2, window=on())]),
    "relu3": collect([term(1, 3, window=on())]),
    "abs": collect([term(1, 1, window=on()), term(-1, 1, window=off())]),
    "erf": erf_of_slope(1),
    "gelu": collect([term(1, 1, window=on(0, 1))]),
    "elu": collect([term(1, 1, window=on()), term(1, 0, 0, 1, off()), term(-1, window=off())]),
    "hard_tanh": collect(
        [term(-1, window=off(-1)), term(1, window=on(1)), term(1, 1, window=on(-1)), term(-1, 1, window=on(1))]
    ),
    "triangle": collect(
        [
            *(term(k, 1, window=on(t)) for k, t in ((1, -1), (-2, 0), (1, 1))),
            *(term(k, window=on(t)) for k, t in ((1, -1), (-1, 1))),
        ]
    ),
    "laplace": collect([term(1, 0, 0, -2, on()), term(1, 0, 0, 2, off())]),
    "sin": sinusoid(),
    "cos": collect([term(R(1, 2), 0, 0, IMAGINARY), term(R(1, 2), 0, 0, -IMAGINARY)]),
    "gabor": sinusoid(-1),
    "half_wave": sinusoid(0, on()),
    "gauss": collect([term(1, 0, R(-1, 2))]),
    "exp": collect([term(1, 0, 0, 1)]),
}

CALLABLES = {
    "relu": (lambda x: max(x, 0), (0,)),
    "erf": (mp.erf, ()),
    "gelu": (lambda x: x * mp.ncdf(x), ()),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), (0,)),
    "hard_tanh": (lambda x: min(max(x, -1), 1), (-1, 1)),
    "triangle": (lambda x: max(1 - abs(x), 0), (-1, 0, 1)),
    "laplace": (lambda x: mp.exp(-2 * abs(x)), (0,)),
    "sin": (mp.sin, ()),
    "half_wave": (lambda x: mp.sin(x) if x > 0 else mp.mpf(0), (0,)),
}


@functools.cache
def legendre_nodes():
    return GaussLegendre(mp).calc_nodes(5, 90)


def axis(variance, mean, kinks):
    """Nodes and weights of one axis: the kinks, and panels of at most four standard deviations out to ten."""
    width = mp.sqrt(variance)
    edges = sorted({*(mean + k * width for k in (-10, -6, -2, 2, 6, 10)), *map(mp.mpf, kinks)})
    for left, right in itertools.pairwise(edges):
        half = (right - left) / 2
        for x, w in legendre_nodes():
            yield left + half * (1 + x), half * w


def brute_force(f, g, var_u, var_v, cov, mean_u, mean_v, kinks_u, kinks_v):
    """E[f(u) g(v)] by tensor quadrature of two Python functions times the bivariate density."""
    det = var_u * var_v - cov**2
    rows = [(u - mean_u, w * f(u)) for u, w in axis(var_u, mean_u, kinks_u)]
    columns = [(v - mean_v, w * g(v)) for v, w in axis(var_v, mean_v, kinks_v)]
    p, q, r = var_v / (2 * det), var_u / (2 * det), cov / det
    total = mp.mpf(0)
    for x, value in rows:
        if value != 0:
            total += value * mp.fdot((y_value, mp.exp(x * (r * y - p * x) - q * y * y)) for y, y_value in columns)
    return total / (2 * mp.pi * mp.sqrt(det))


CENTRED = ("1.3", "0.7", "0.4", "0", "0")
SHIFTED = ("0.8", "1.5", "-0.6", "0.3", "-0.7")


@pytest.mark.parametrize(
    ("pair", "law"),
    [
        (("relu", "relu"), CENTRED),
        (("erf", "elu"), SHIFTED),
        (("gelu", "gelu"), CENTRED),
        (("relu", "gelu"), SHIFTED),
        (("elu", "elu"), CENTRED),
        (("hard_tanh", "hard_tanh"), SHIFTED),
        (("triangle", "erf"), SHIFTED),
        (("triangle", "triangle"), CENTRED),
        (("laplace", "sin"), SHIFTED),
        (("half_wave", "half_wave"), SHIFTED),
        (("sin", "half_wave"), CENTRED),
    ],
)
def test_two_dimensional_quadrature(pair, law):
    (f, kinks_u), (g, kinks_v) = (CALLABLES[name] for name in pair)
    with mp.workdps(24):
        expected = brute_force(f, g, *map(mp.mpf, law), kinks_u, kinks_v)
        got = expectation_oracle(*(FORMS[name] for name in pair), *law, dps=24)
        # The brute force stops at ten standard deviations, where the density is e^{−50} = 2e−22 of its peak.
        assert abs(got - expected) < 1e-19


def _correlation(a, b, c):
    return mp.sqrt(a * b), c / mp.sqrt(a * b)


def _arc(n):
    def closed(a, b, c):
        s, r = _correlation(a, b, c)
        angle = mp.acos(r)
        sin, cos, rest = mp.sin(angle), r, mp.pi - angle
        j = {
            0: rest,
            1: sin + rest * cos,
            2: 3 * sin * cos + rest * (1 + 2 * cos**2),
            3: 4 * sin**3 + 15 * sin * cos**2 + rest * (9 * sin**2 * cos + 15 * cos**3),
        }[n]
        return s**n * j / (2 * mp.pi)

    return closed


def _abs(a, b, c):
    s, r = _correlation(a, b, c)
    return 2 * s / mp.pi * (r * mp.asin(r) + mp.sqrt(1 - r * r))


def _gelu(a, b, c):
    root = mp.sqrt((1 + a) * (1 + b) - c * c)
    return ((c * c + a * b * root**2) / ((1 + a) * (1 + b) * root) + c * mp.atan(c / root)) / (2 * mp.pi) + c / 4


def _gelu_derivative(a, b, c):
    root = mp.sqrt((1 + a) * (1 + b) - c * c)
    bracket = 1 / root**2 + (1 - a * b) / ((1 + a) * (1 + b)) + 1
    return mp.mpf(1) / 4 + mp.atan(c / root) / (2 * mp.pi) + c / (2 * mp.pi * root) * bracket


def _gabor(a, b, c):
    det = a * b - c * c
    n, d = a + b + 4 * det + 2 * c, 2 * (a + b) + 4 * det + 1
    return mp.exp(-n / (2 * d)) * mp.expm1(2 * c / d) / (2 * mp.sqrt(d))


CLOSED = {
    ("identity", "identity"): lambda a, b, c: c,
    ("step", "step"): _arc(0),
    ("relu", "relu"): _arc(1),
    ("relu2", "relu2"): _arc(2),
    ("relu3", "relu3"): _arc(3),
    ("abs", "abs"): _abs,
    ("sign", "sign"): lambda a, b, c: 2 / mp.pi * mp.asin(_correlation(a, b, c)[1]),
    ("cos", "cos"): lambda a, b, c: mp.exp(-(a + b) / 2) * mp.cosh(c),
    ("sin", "sin"): lambda a, b, c: mp.exp(-(a + b) / 2) * mp.sinh(c),
    ("erf", "erf"): lambda a, b, c: 2 / mp.pi * mp.asin(2 * c / mp.sqrt((1 + 2 * a) * (1 + 2 * b))),
    ("gauss", "gauss"): lambda a, b, c: 1 / mp.sqrt((1 + a) * (1 + b) - c * c),
    ("exp", "exp"): lambda a, b, c: mp.exp((a + b) / 2 + c),
    ("gelu", "gelu"): _gelu,
    ("gelu'", "gelu'"): _gelu_derivative,
    ("gabor", "gabor"): _gabor,
    ("sign", "erf"): lambda a, b, c: 2 / mp.pi * mp.asin(mp.sqrt(2) * c / mp.sqrt(a * (1 + 2 * b))),
    ("relu", "erf"): lambda a, b, c: c / mp.sqrt(mp.pi * (1 + 2 * b)),
    ("sign'", "erf'"): lambda a, b, c: 2 / mp.pi / mp.sqrt(a * b - c * c + a / 2),
    ("sign'", "one"): lambda a, b, c: mp.sqrt(2 / (mp.pi * a)),
    ("sign'", "sign'"): lambda a, b, c: 2 / mp.pi / mp.sqrt(a * b - c * c),
    ("erf'", "erf'"): lambda a, b, c: 2 / mp.pi / mp.sqrt((a + mp.mpf(1) / 2) * (b + mp.mpf(1) / 2) - c * c),
}


def form(name):
    return derivative(form(name[:-1])) if name.endswith("'") else FORMS[name]


@pytest.mark.parametrize("pair", CLOSED, ids="-".join)
@pytest.mark.parametrize(
    "law",
    [("1.3", "0.7", "0.4"), ("0.5", "3", "-1.1"), ("1", "4", "2"), ("2.5", "2.5", "-2.5"), ("1", "1", "0.999999")],
    ids=["check point", "negative", "full", "full negative", "near full"],
)
def test_published_closed_forms(pair, law):
    with mp.workdps(60):
        exact = tuple(map(mp.mpf, law))
        if pair == ("sign'", "sign'") and exact[0] * exact[1] == exact[2] ** 2:
            with pytest.raises(DivergenceError, match="meets a delta"):
                expectation_oracle(form("sign'"), form("sign'"), *exact)
            return
        expected = CLOSED[pair](*exact)
        got = expectation_oracle(form(pair[0]), form(pair[1]), *exact, dps=30)
        scale = max(1, abs(expected))
        assert abs(got - expected) < scale * mp.mpf(10) ** -28


@pytest.mark.parametrize("var_u", ["1e-6", "1", "1e6"])
@pytest.mark.parametrize("var_v", ["1e-6", "1e6"])
@pytest.mark.parametrize("correlation", ["-1", "-0.999999999999", "0", "0.5", "0.999999999999", "1"])
def test_extreme_covariances(var_u, var_v, correlation):
    """Relative accuracy for positive integrands; relative to √(E f² E g²) for erf."""
    with mp.workdps(80):
        a, b = mp.mpf(var_u), mp.mpf(var_v)
        c = mp.mpf(correlation) * mp.sqrt(a * b)
        for name in ("relu", "step", "gauss", "erf"):
            expected = CLOSED[name, name](a, b, c)
            got = expectation_oracle(FORMS[name], FORMS[name], a, b, c)
            norm = mp.sqrt(CLOSED[name, name](a, a, a) * CLOSED[name, name](b, b, b))
            # At −1 the step's and ReLU's integrands vanish, and their closed forms cancel close to it.
            scale = norm if name == "erf" or correlation in ("-1", "-0.999999999999") else expected
            assert abs(got - expected) < scale * mp.mpf(10) ** -27


@pytest.mark.parametrize("slope", [1, 5, 20])
def test_surrogate_theorem(slope):
    """E[erf_m'(u) s(v)] = √(2/(πA)) E[s(Y)], A = a + 1/2m², Y ~ N(0, b − c²/A); m = ∞ is sign' = 2δ."""
    with mp.workdps(40):
        a, b, c = mp.mpf("1.3"), mp.mpf("0.7"), mp.mpf("0.4")
        for wide, derived in ((a + 1 / mp.mpf(2 * slope**2), derivative(erf_of_slope(slope))), (a, form("sign'"))):
            for name in ("relu", "gauss", "hard_tanh", "gelu"):
                reduced = expectation_oracle(FORMS[name], FORMS["one"], b - c * c / wide, 1, 0, dps=35)
                got = expectation_oracle(derived, FORMS[name], a, b, c)
                assert abs(got - mp.sqrt(2 / (mp.pi * wide)) * reduced) < mp.mpf(10) ** -29


def slope_of(function, at):
    """A central difference: the step 1e−10 leaves an error of 1e−20 and of rounding."""
    step = mp.mpf(10) ** -10
    return (function(at + step) - function(at - step)) / (2 * step)


@pytest.mark.parametrize(
    "pair", [("relu", "relu"), ("elu", "gelu"), ("hard_tanh", "erf"), ("laplace", "half_wave"), ("step", "triangle")]
)
def test_price(pair):
    """∂F/∂c = E[f' g'], ∂F/∂a = ½ E[f'' g], ∂F/∂m1 = E[f' g]: deltas and their derivatives included."""
    f, g = (FORMS[name] for name in pair)
    a, b, c, m1, m2 = map(mp.mpf, SHIFTED)
    with mp.workdps(40):
        value = functools.partial(expectation_oracle, dps=36)
        first, second = derivative(f), derivative(derivative(f))
        law = (a, b, c, m1, m2)
        assert abs(slope_of(lambda x: value(f, g, a, b, x, m1, m2), c) - value(first, derivative(g), *law)) < 1e-17
        assert abs(slope_of(lambda x: value(f, g, x, b, c, m1, m2), a) - value(second, g, *law) / 2) < 1e-17
        assert abs(slope_of(lambda x: value(f, g, a, b, c, x, m2), m1) - value(first, g, *law)) < 1e-17
        twice = value(second, derivative(derivative(g)), *law)
        assert abs(slope_of(lambda x: value(first, derivative(g), a, b, x, m1, m2), c) - twice) < 1e-17


@pytest.mark.parametrize("pair", list(itertools.combinations(["relu", "erf", "elu", "triangle", "half_wave"], 2)))
def test_exchange_and_independence(pair):
    f, g = (FORMS[name] for name in pair)
    a, b, c, m1, m2 = SHIFTED
    with mp.workdps(30):
        assert abs(expectation_oracle(f, g, *SHIFTED) - expectation_oracle(g, f, b, a, c, m2, m1)) < 1e-28
        product = expectation_oracle(f, FORMS["one"], a, 1, 0, m1) * expectation_oracle(FORMS["one"], g, 1, b, 0, 0, m2)
        assert abs(expectation_oracle(f, g, a, b, 0, m1, m2) - product) < 1e-28


@pytest.mark.parametrize("pair", [("relu", "relu"), ("step", "triangle"), ("laplace", "laplace"), ("triangle", "gelu")])
@pytest.mark.parametrize("law", [(1, 1, "0.5", -20, 3), ("0.1", 2, "-0.3", 1, -30), (1, 1, 1, -12, -13)])
def test_stated_error_is_true(pair, law):
    """Ever more digits are asked for: the shorter answer agrees with the longer one, also far in the tails."""
    f, g = (FORMS[name] for name in pair)
    with mp.workdps(60):
        best = expectation_oracle(f, g, *law, dps=45)
        assert best != 0
        for dps in (12, 20, 30):
            assert abs(expectation_oracle(f, g, *law, dps=dps) / best - 1) < mp.mpf(10) ** (2 - dps)


def test_damped_oscillation_without_a_binary_rate():
    """E[sin(u) exp(u/3)] = Im E[exp((1/3 + i) u)] = exp(−4a/9) sin(a/3)."""
    with mp.workdps(35):
        a = mp.mpf("1.3")
        got = expectation_oracle(sinusoid(damping=R(1, 3)), FORMS["one"], a, 1, 0)
        assert abs(got - mp.exp(-4 * a / 9) * mp.sin(a / 3)) < 1e-29


def test_degenerate_variables():
    """A variable without variance is a number; a step at its threshold is 1/2."""
    step, relu = FORMS["step"], FORMS["relu"]
    assert expectation_oracle(step, relu, 0, 0, 0, 0, 3) == 1.5
    assert mp.almosteq(expectation_oracle(step, relu, 0, 1, 0), 1 / mp.sqrt(8 * mp.pi))
    assert mp.almosteq(expectation_oracle(form("sign'"), step, 1, 0, 0), 1 / mp.sqrt(2 * mp.pi))


def test_deltas_at_full_correlation():
    """E[δ'(u) h(u)] = −(N h)'(0), the mean of both sides where h has a kink; a jump makes it infinite."""
    density = 1 / mp.sqrt(2 * mp.pi)
    doublet = collect([Term(ONE, window=Delta(sp.S.Zero, 1))])
    assert mp.almosteq(expectation_oracle(form("sign'"), FORMS["step"], 1, 4, -2), density)
    assert mp.almosteq(expectation_oracle(doublet, FORMS["relu"], 1, 4, 2), -density)
    assert mp.almosteq(expectation_oracle(doublet, FORMS["exp"], 1, 1, 1), -density)
    assert expectation_oracle(form("sign'"), form("sign'"), 1, 1, 1, 0, 1) == 0
    with pytest.raises(DivergenceError, match="meets a jump"):
        expectation_oracle(doublet, FORMS["step"], 1, 1, 1)
    with pytest.raises(DivergenceError, match="meets a delta"):
        expectation_oracle(form("sign'"), form("sign'"), 1, 4, -2)


def test_exact_full_correlation_from_sympy():
    root = sp.sqrt(6)
    relu = FORMS["relu"]
    assert mp.almosteq(expectation_oracle(relu, relu, 2, 3, root, dps=15), mp.sqrt(6) / 2)


def test_divergence():
    half, quarter = (collect([term(1, 0, alpha)]) for alpha in (R(1, 2), R(1, 4)))
    for f, g, law in ((half, FORMS["step"], (1, 1, 0)), (quarter, quarter, (1, 1, 1)), (FORMS["one"], half, (1, 2, 0))):
        with pytest.raises(DivergenceError, match="diverges: exp"):
            expectation_oracle(f, g, *law)
    with mp.workdps(30):
        value = expectation_oracle(quarter, quarter, 1, 1, R(9, 10))
        assert abs(value - 1 / mp.sqrt(mp.mpf(1) / 4 - mp.mpf(81) / 400)) < 1e-27
        # Conditioning on a delta leaves less variance than the tilt condition asks for.
        assert expectation_oracle(form("sign'"), half, 1, 1, R(1, 2)) > 0


@pytest.mark.parametrize(
    ("f", "law", "message"),
    [
        (FORMS["relu"], (1, 1, 1.1), "not a covariance"),
        (FORMS["relu"], (-1, 1, 0), "not a covariance"),
        (FORMS["relu"], (1, float("nan"), 0), "not a covariance"),
        (FORMS["relu"], (sp.Symbol("a"), 1, 0), "not a number"),
        (NormalForm((term(sp.Symbol("m")),)), (1, 1, 0), "m has no value"),
        (NormalForm((term(1, 0, 0, IMAGINARY),)), (1, 1, 0), "not real"),
        (NormalForm((term(1, window=Delta(sp.S.Zero)),)), (0, 1, 0), "variance is 0"),
    ],
)
def test_errors_name_the_cause(f, law, message):
    with pytest.raises(DomainError, match=message):
        expectation_oracle(f, FORMS["relu"], *law)


def test_rounding_in_floats_is_full_correlation():
    a, b = 0.1, 0.3
    c = (a * b) ** 0.5
    relu = FORMS["relu"]
    assert abs(expectation_oracle(relu, relu, a, b, c * (1 + 2e-16)) - c / 2) < 1e-15


@pytest.mark.parametrize("kink", ["0.1", "0.377", "-0.9"])
def test_quadrature_estimate_is_honest(kink):
    """A kink that no panel edge knows of is found and refined."""
    with mp.workdps(30):
        at = mp.mpf(kink)
        rule = gauss_legendre(36, 30)
        value, _ = integrate([(lambda x: abs(x - at), mp.mpf(-1), mp.mpf(1))], rule, mp.mpf(10) ** -18, mp.mpf(0))
        assert abs(value - 1 - at**2) < 1e-18


def test_quadrature_that_fails_says_so():
    pole = (lambda x: 1 / x**2, mp.mpf(0), mp.mpf(1))
    with pytest.raises(VerificationError, match="error estimate"):
        integrate([pole], gauss_legendre(12, 15), mp.mpf(10) ** -10, mp.mpf(0), most_panels=100)


def test_a_delta_with_exponentials_that_cancel_at_huge_variances():
    """Half of E[2δ(u) exp(−|v − 1|)] was lost at variances of 1e6: exp(v) on v < 1 is a tail of its tilted law."""
    kernels = symntk.derive("sign", "shifted_laplace")
    f, g = kernels.sg_ntk.f.form, kernels.sg_ntk.g.form
    a = b = 2.0**20
    c = -a / 2
    surrogate = kernels.surrogate_derivative.expression
    with mp.workdps(40):
        spread = mp.sqrt(b - c * c / a)
        density = sp.lambdify(list(surrogate.free_symbols), surrogate, "mpmath")
        cuts = [-300, -100, -30, -10, -3, -1, 0, 1, 2, 3, 5, 10, 30, 100, 300]
        mean = mp.quad(lambda y: density(y) * mp.npdf(y, 0, spread), cuts)
        expected = mp.sqrt(2 / (mp.pi * a)) * mean
    assert abs(expectation_oracle(f, g, a, b, c, dps=25) / expected - 1) < mp.mpf(10) ** -24
