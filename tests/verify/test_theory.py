"""The theorems and reference numbers of the SG-NTK theory, computed from derived formulas.

Source: Eilers, Memmesheimer & Goedeke, NeurIPS 2024 (arXiv 2405.15539), theorems T1, T2, T4, T5. The layer recursion
is written here once more, in mpmath, so that it checks the formulas and nothing else.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp

from symntk.derive.diagonal import diagonal
from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import publish
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import derivative
from symntk.language.symbols import STATE, cov, mean_u, var_u, var_v, x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES
from symntk.verify.evaluate import evaluate
from symntk.verify.identities import is_identically_zero
from symntk.verify.points import at_state

a, b, c = var_u, var_v, cov
m = sp.Symbol("m", positive=True)
DPS = 30
ONE = normal_form(sp.S.One, x)
EXACT = settings(max_examples=5, deadline=None, derandomize=True)


def derived(f, g, means=False):
    return publish(derive_pair(f, g, means=means).value)


@cache
def form(name):
    return normal_form({**SURROGATES, **ACTIVATIONS}[name].expression(), x)


@cache
def surrogate(name):
    return normal_form(SURROGATES[name].expression(), x)


@cache
def erf_of_slope_m():
    return normal_form(sp.erf(m * x), x)


@cache
def maps(slope, kind):
    """The map of the activation and that of its derivatives, slopes m still symbols; slope ∞ is sign."""
    activation = erf_of_slope_m() if slope != sp.oo else form("sign")
    partner = derivative(activation) if kind == "ntk" else surrogate(kind)
    return derived(activation, activation), derived(derivative(activation), partner)


def at(expr, law, slope):
    return evaluate(expr, dict(zip(STATE, law, strict=False)) | {m: slope}, dps=mp.dps)


@dataclass(frozen=True)
class Net:
    """Depth counts weight layers; inputs of n_0 = 2 features."""

    depth: int = 3
    weight: str = "1"
    bias: str = "0.1"

    def first(self, angle, radius=1):
        w, s = mp.mpf(self.weight) ** 2, mp.mpf(self.bias) ** 2
        same = w * mp.mpf(radius) ** 2 / 2 + s
        return same, same, (same - s) * mp.cos(angle) + s

    def kernel(self, slope, kind, angle, radius=1):
        """Σ and Θ or I at (x, y), both of norm `radius` and at this angle."""
        w, s = mp.mpf(self.weight) ** 2, mp.mpf(self.bias) ** 2
        nngp, of_derivatives = maps(sp.oo if slope == sp.oo else m, kind)
        number = 1 if slope == sp.oo else slope
        law = self.first(angle, radius)
        total = law[2]
        for _ in range(self.depth - 1):
            factor = w * at(of_derivatives, law, number)
            same = w * at(nngp, (law[0], law[0], law[0]), number) + s
            law = (same, same, w * at(nngp, law, number) + s)
            total = law[2] + total * factor
        return total


@pytest.fixture(autouse=True)
def _digits():
    with mp.workdps(DPS):
        yield


SLOPES = (2, 5, 20, sp.oo)
REFERENCE = [
    ("ntk", 0, ("2.912053934", "11.56011366", "131.1984067")),
    ("ntk", 1, ("0.053763387", "0.051757592", "0.047781442", "0.046219724")),
    ("erf", 0, ("1.71584827", "2.260694215", "2.44714301", "2.490796301")),
    ("straight_through", 0, ("1.673128487", "2.074753837", "2.222935098", "2.264245234")),
]
CELLS = [
    (kind, quarters, slope, number)
    for kind, quarters, numbers in REFERENCE
    for slope, number in zip(SLOPES, numbers, strict=False)
]


@pytest.mark.parametrize(("kind", "quarters", "slope", "printed"), CELLS)
def test_reference_table(kind, quarters, slope, printed):
    """Depth 3, σ_w = 1, σ_b = 0.1, unit circle, to the last printed digit; what is infinite is a test of its own."""
    value = Net().kernel(slope, kind, quarters * mp.pi / 2)
    half_a_unit = mp.mpf(10) ** Decimal(printed).as_tuple().exponent / 2
    assert abs(value - mp.mpf(printed)) <= half_a_unit


def test_erf_kernels_are_those_of_t1():
    inverse = 1 / (2 * m**2)
    nngp, ntk = maps(m, "ntk")
    first = 2 / sp.pi * sp.asin(c / sp.sqrt((a + inverse) * (b + inverse)))
    assert is_identically_zero(sp.diff(nngp - first, c)) and nngp.subs(c, 0) == 0
    assert is_identically_zero(ntk - 2 / sp.pi / sp.sqrt((a + inverse) * (b + inverse) - c**2))


def test_sign_has_no_ntk():
    behaviour = diagonal(derive_pair(derivative(form("sign")), derivative(form("sign"))).value)
    assert behaviour.diverges and behaviour.power == -sp.Rational(1, 2)
    assert behaviour.coefficient == 2 / sp.pi
    assert str(behaviour) == "diverges like 2/(pi*sqrt(a*b - c**2))"


@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize(("weight", "bias", "radius"), [("1", "0.1", 1), ("1.3", "0.4", "0.7")])
def test_growth_of_the_ntk_on_the_diagonal_is_that_of_t2(depth, weight, bias, radius):
    net, slope = Net(depth, weight, bias), mp.mpf(10) ** 10
    w, s = mp.mpf(weight) ** 2, mp.mpf(bias) ** 2
    constant = 2 * w / mp.pi * mp.sqrt(net.first(0, radius)[0]) * (2 * w / mp.pi / mp.sqrt(w + s)) ** (depth - 2)
    value = net.kernel(slope, "ntk", mp.mpf(0), radius) / slope ** (depth - 1)
    assert abs(value / constant - 1) < 1e-8


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_ntk_converges_off_the_diagonal(depth):
    net, angle = Net(depth), mp.mpf("0.7")
    limit = net.kernel(sp.oo, "ntk", angle)
    gaps = [abs(net.kernel(mp.mpf(10) ** k, "ntk", angle) - limit) for k in (5, 6)]
    assert gaps[1] < 1e-4 * abs(limit) and gaps[1] < gaps[0] / 9


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_singularity_of_the_limiting_ntk_is_that_of_t4(depth):
    """Θ_∞ ~ K ‖x − y‖^(−α) with α = 2 − 2^(2 − L)."""
    with mp.workdps(120):
        first, second = (Net(depth).kernel(sp.oo, "ntk", mp.mpf(10) ** -k) for k in (30, 40))
    assert abs(mp.log10(second / first) / 10 - (2 - mp.mpf(2) ** (2 - depth))) < 1e-6


@pytest.mark.parametrize("kind", ["erf", "straight_through", "triangle", "laplace"])
@pytest.mark.parametrize("angle", ["0", "0.7"])
def test_sg_ntk_of_steep_erf_tends_to_that_of_sign(kind, angle):
    net = Net()
    limit = net.kernel(sp.oo, kind, mp.mpf(angle))
    gaps = [abs(net.kernel(mp.mpf(10) ** k, kind, mp.mpf(angle)) - limit) for k in (5, 6)]
    assert gaps[1] < 1e-5 and gaps[1] < gaps[0] / 9


def test_sg_ntk_of_sign_is_that_of_t5():
    of_erf, of_one = maps(sp.oo, "erf")[1], maps(sp.oo, "straight_through")[1]
    assert is_identically_zero(of_erf - 2 / sp.pi / sp.sqrt(a * b - c**2 + a / 2))
    assert is_identically_zero(of_one - sp.sqrt(2 / (sp.pi * a)))


@pytest.mark.parametrize("name", ["erf", "triangle", "boxcar", "laplace", "gaussian", "multi_gaussian"])
def test_sg_ntk_of_sign_on_the_diagonal(name):
    """√(2/(πa)) s(0)."""
    behaviour = diagonal(derive_pair(derivative(form("sign")), surrogate(name)).value)
    at_zero = SURROGATES[name].expression().subs(x, 0)
    for variance in ("1/100", "2", "300"):
        stated = behaviour.limit.subs(a, sp.Rational(variance))
        assert abs(sp.N(stated / (sp.sqrt(2 / (sp.pi * sp.Rational(variance))) * at_zero), 25) - 1) < 1e-20


@pytest.mark.parametrize("name", ["erf", "triangle", "boxcar", "laplace"])
def test_finite_slope_is_a_wider_variance(name):
    """With A = a + 1/2m², E[erf_m'(u) s(v)] is E[sign'(u) s(v)] at the variance A."""
    finite = maps(m, name)[1].subs(m, sp.Rational(3, 2))
    infinite = maps(sp.oo, name)[1].subs(a, a + sp.Rational(2, 9))
    law = dict(zip((a, b, c), (0.75, 1.5, -0.375), strict=True))
    assert abs(evaluate(finite, law, dps=25) - evaluate(infinite, law, dps=25)) < 1e-24


variances = st.floats(0.05, 20)
laws = st.tuples(variances, variances, st.floats(-0.95, 0.95), st.floats(-2, 2), st.floats(-2, 2))
FACTS = [("relu", "erf"), ("gelu", "hard_tanh"), ("elu", "sin"), ("triangle", "sign"), ("gabor", "relu")]


@cache
def formulas(pair):
    """With means, F and that of the exchanged pair; and ∂F/∂a, ∂F/∂c and ∂F/∂m1 with what they are."""
    f, g = (form(name) for name in pair)
    first = derivative(f)
    sides = [(derivative(first), g), (first, derivative(g)), (first, g)]
    whole, exchanged = derived(f, g, means=True), derived(g, f, means=True)
    twice, both, once = (derived(*side, means=True) for side in sides)
    slopes = [(sp.diff(whole, a), twice / 2), (sp.diff(whole, c), both), (sp.diff(whole, mean_u), once)]
    return whole, exchanged, slopes


def law_of(a_, b_, rho, m1, m2):
    return at_state((a_, b_, rho * (a_ * b_) ** 0.5, m1, m2))


@pytest.mark.parametrize("pair", FACTS, ids=" ".join)
@given(law=laws)
@EXACT
def test_price_and_shift(pair, law):
    """∂F/∂a = ½ E[f''g], ∂F/∂c = E[f'g'], ∂F/∂m1 = E[f'g] (Price 1958)."""
    _, _, slopes = formulas(pair)
    law = law_of(*law)
    for left, right in slopes:
        right = evaluate(right, law, dps=20)
        assert abs(evaluate(left, law, dps=20) - right) <= 1e-17 * max(abs(right), mp.mpf(10) ** -5)


@pytest.mark.parametrize("pair", FACTS, ids=" ".join)
@given(law=laws)
@EXACT
def test_exchange(pair, law):
    whole, exchanged, _ = formulas(pair)
    a_, b_, rho, m1, m2 = law
    first = evaluate(whole, law_of(a_, b_, rho, m1, m2), dps=20)
    second = evaluate(exchanged, law_of(b_, a_, rho, m2, m1), dps=20)
    assert abs(first - second) <= 1e-18 * abs(first)


@pytest.mark.parametrize(("name", "degree"), [("step", 0), ("sign", 0), ("relu", 1), ("abs", 1), ("relu_squared", 2)])
@given(law=laws, scales=st.tuples(st.integers(-6, 6), st.integers(-6, 6)))
@EXACT
def test_homogeneity(name, degree, law, scales):
    """f(su) = s^k f(u) makes F(s²a, t²b, stc) = (st)^k F(a, b, c)."""
    expr = derived(form(name), form(name))
    s, t = (2.0**k for k in scales)
    a_, b_, c_ = list(law_of(*law).values())[:3]
    plain = evaluate(expr, at_state((a_, b_, c_, 0, 0)), dps=20)
    scaled = evaluate(expr, at_state((s**2 * a_, t**2 * b_, s * t * c_, 0, 0)), dps=20)
    assert abs(scaled - (s * t) ** degree * plain) <= 1e-18 * abs(scaled)


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "sign", "step", "elu", "sin", "triangle", "gabor"])
def test_gram_matrices_are_positive_semidefinite(name):
    """For vectors in the plane, one of them twice: least eigenvalue 0 to rounding, entries at most the diagonal's."""
    expr = derived(form(name), form(name))
    points = [(1, 0), (3, 4), (-1, 2), (0.5, -0.25), (1, 0)]

    def dot(p, q):
        return float(p[0] * q[0] + p[1] * q[1])

    gram = mp.matrix(len(points))
    for i, p in enumerate(points):
        for j, q in enumerate(points[: i + 1]):
            law = at_state((dot(p, p), dot(q, q), dot(p, q), 0, 0))
            gram[i, j] = gram[j, i] = evaluate(expr, law, dps=20)  # exchange has a test of its own
    for i in range(len(points)):
        for j in range(len(points)):
            assert gram[i, j] ** 2 <= gram[i, i] * gram[j, j] * (1 + mp.mpf(10) ** -15)
    eigenvalues = mp.eigsy(gram, eigvals_only=True)
    assert min(eigenvalues) >= -(mp.mpf(10) ** -15) * max(eigenvalues)


def test_one_function_needs_no_partner():
    """E[f(u)] does not depend on v."""
    assert derived(form("relu"), ONE).free_symbols == {a}
