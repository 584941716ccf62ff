"""The theorems: they hold for the paper's functions and for others, and a false claim fails."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import symntk
from symntk.errors import DivergenceError, DomainError, FormulaError, SymntkError, UnknownNameError
from symntk.verify.limits.behaviour import behaviour
from symntk_papers.sgntk.fit import Sizes
from symntk_papers.sgntk.theorems import THEOREMS, analytic, divergence, finite_width, theorem, theorems, trained
from symntk_papers.sgntk.theorems.deep import first_layer, layers
from symntk_papers.sgntk.theorems.divergence import power, roughness
from symntk_papers.sgntk.theorems.family import family
from symntk_papers.sgntk.theorems.finite_width import FiniteSizes, fitted_exponent
from symntk_papers.sgntk.theorems.report import Finding
from symntk_papers.sgntk.theorems.setting import Setting


def failed(report):
    """The claims that did not come out, and the hypotheses that do not hold."""
    return [f.claim for f in report.findings if not f.passed], [h.text for h in report.hypotheses if not h.holds]


@pytest.fixture
def small(monkeypatch):
    """Networks of sizes that take a second."""
    monkeypatch.setitem(finite_width.AT_START, False, FiniteSizes((32, 64, 128), 150))
    monkeypatch.setitem(finite_width.IN_TRAINING, False, FiniteSizes((16, 32, 64), 8, (5, 20)))
    monkeypatch.setattr(trained, "FAST", Sizes((96, 8), 60, 60))


class TestThePaper:
    def test_t1_formulas(self):
        report = theorem("T1")
        assert report.passed, report.text()
        assert [f.claim for f in report.findings if "symbolically" in f.claim] == [
            "nngp: the derived formula is the printed one, symbolically",
            "ntk: the derived formula is the printed one, symbolically",
        ]

    def test_t2_no_ntk(self):
        report = theorem("T2")
        assert report.passed, report.text()
        digits = {f.claim: f.digits for f in report.findings}
        for depth in range(2, 7):
            assert digits[f"Θ_m(x, x) ~ C m^{depth - 1}, depth {depth}"] >= 20

    def test_t3_classifier(self):
        assert theorem("T3").passed

    def test_t4_near_the_diagonal(self):
        report = theorem("T4", "sign")
        assert report.passed, report.text()
        assert min(f.digits for f in report.findings) >= 6

    @pytest.mark.parametrize("surrogate", ["erf", "straight_through", "triangle", "arctan"])
    def test_t5_surrogates(self, surrogate):
        report = theorem("T5", surrogate=surrogate)
        assert report.passed, report.text()
        limits = [f.digits for f in report.findings if "I_m → I_∞" in f.claim]
        assert len(limits) == 2 and min(limits) >= 30

    def test_t6_initialization(self, small):
        report = theorem("T6", surrogate="erf")
        assert report.passed, report.text()

    def test_t7_training(self, small):
        assert theorem("T7").passed

    def test_t8_trained_networks(self, small):
        assert theorem("T8", "sign").passed


class TestOthers:
    def test_a_piecewise_linear_family_has_no_ntk_in_the_limit(self):
        one = Setting(family("Max(-1, Min(1, m*x))"))
        report = theorem("T4", "Max(-1, Min(1, m*x))")
        assert report.passed
        with mp.workdps(25):
            assert abs(roughness(one, mp.zero) - 2) < mp.mpf(10) ** -20  # ∫ 1 over [−1, 1]

    def test_the_roughness_of_tanh(self):
        """∫ sech⁴ = 4/3; that of erf is (4/π)√(π/2)."""
        with mp.workdps(25):
            assert abs(roughness(Setting(family("tanh(m*x)")), mp.zero) - mp.mpf(4) / 3) < mp.mpf(10) ** -20
            erf = roughness(Setting(family("erf(m*x)")), mp.zero)
            assert abs(erf - 4 / mp.pi * mp.sqrt(mp.pi / 2)) < mp.mpf(10) ** -20

    def test_the_roughness_is_that_of_the_jump_alone(self):
        """A slope of 1/m beside the jump vanishes with m; a half of tanh has half of its ∫ sech⁴."""
        with mp.workdps(25):
            erf = roughness(Setting(family("erf(m*x) + x/m")), mp.zero)
            assert abs(erf - 4 / mp.pi * mp.sqrt(mp.pi / 2)) < mp.mpf(10) ** -20
            half = roughness(Setting(family("Heaviside(x)*tanh(m*x)")), mp.zero)
            assert abs(half - mp.mpf(2) / 3) < mp.mpf(10) ** -20

    def test_a_family_that_approaches_its_limit_with_logarithms(self):
        """The variance of atan(m x) differs from that of its limit by terms like log(m)/m."""
        one = Setting(family("atan(m*x)"))
        found = divergence.converges("depth 3", one, "ntk", 3, 1.0, one.grid(one.kernels.ntk))
        assert found.digits > 5

    def test_the_step_with_the_triangle_has_a_surrogate_kernel(self):
        report = theorem("T5", "heaviside", "triangle")
        assert report.passed, report.text()


class TestFalseClaims:
    def test_wrong_exponents_and_constants_fail(self):
        seen = behaviour(lambda m: 3 * m**2 + m)
        assert power("right", seen, -2, mp.mpf(3), 20.0).passed
        assert not power("wrong exponent", seen, -3, mp.mpf(3), 20.0).passed
        assert not power("nearly right exponent", seen, mp.mpf("-2.0001"), mp.mpf(3), 20.0).passed
        assert not power("wrong constant", seen, -2, mp.mpf("3.0000001"), 20.0).passed

    def test_another_constant_for_erf_fails(self, monkeypatch):
        printed = divergence.printed_constant
        monkeypatch.setattr(divergence, "printed_constant", lambda *a: printed(*a) * (1 + mp.mpf(10) ** -15))
        assert failed(theorem("T2"))[0] == ["the constants derived from ∫σ'² are the printed ones"]

    def test_another_rate_near_the_diagonal_fails(self, monkeypatch):
        """A kernel of one layer more has another exponent."""
        deep = Setting.deep
        monkeypatch.setattr(Setting, "deep", lambda self, k, s, depth, e, **n: deep(self, k, s, depth + 1, e, **n)[1:])
        assert len(failed(theorem("T4", "sign"))[0]) == 3

    def test_another_formula_fails(self, monkeypatch):
        wrong = {name: 2 * e for name, e in analytic.printed_erf().items()}
        monkeypatch.setattr(analytic, "printed_erf", lambda: wrong)
        monkeypatch.setattr(analytic, "_against_quadrature", lambda *_: Finding("left out", True, ""))
        assert len(failed(theorem("T1"))[0]) == 4

    def test_another_limit_fails(self):
        with pytest.raises(SymntkError, match="another limit"):
            family("tanh(m*x)", "2*sign(x)")

    def test_a_kernel_that_does_not_converge_to_the_limit_fails(self, monkeypatch):
        monkeypatch.setattr(Setting, "limit", property(lambda self: symntk.derive("heaviside", "erf")))
        claims, _ = failed(theorem("T5", "sign", "erf"))
        assert any("on the diagonal" in c for c in claims) and any("at an angle" in c for c in claims)

    def test_a_width_that_does_not_matter_fails(self):
        rng = np.random.default_rng(0)
        flat = [rng.exponential(size=300) for _ in range(3)]
        fit = fitted_exponent((16, 64, 256), flat, rng)
        assert fit.low > -0.5

    def test_a_process_of_another_kernel_fails(self, small, monkeypatch):
        theory = trained.theory
        other = symntk.derive("sign", surrogate_derivative="10*exp(-x**2)")
        monkeypatch.setattr(trained, "theory", lambda kernels, *rest: theory(other, *rest))
        monkeypatch.setattr(trained, "FAST", Sizes((96, 8), 60, 10))
        assert failed(theorem("T8", "sign"))[0]


class TestHypotheses:
    @pytest.mark.parametrize("name", ["T2", "T3", "T4", "T5", "T8"])
    def test_relu_has_an_ntk(self, name):
        report = theorem(name, "relu")
        assert not report.passed and not report.findings
        assert "the limit of the activations jumps, finitely often" in failed(report)[1]
        assert "its NTK exists" in report.text()

    def test_a_family_without_a_limit(self):
        report = theorem("T2", "m*x*Heaviside(x)")
        assert report.verdict == "does not apply"
        assert "no finite limit as m → ∞" in report.text()

    def test_a_family_that_tends_to_relu(self):
        report = theorem("T2", "log(1 + exp(m*x))/m")
        assert not report.applies

    @pytest.mark.parametrize("surrogate", ["linear", "x**2"])
    def test_a_surrogate_that_is_not_bounded(self, surrogate):
        report = (
            theorem("T5", "sign", surrogate_derivative=surrogate)
            if "*" in surrogate
            else theorem("T5", "sign", surrogate)
        )
        assert [text for text in failed(report)[1] if text.endswith("is bounded")]

    def test_training_needs_lipschitz_functions(self):
        assert failed(theorem("T7", surrogate="boxcar"))[1] == ["the surrogate derivative boxcar is Lipschitz"]

    def test_a_jump_with_a_flat_side_has_a_profile(self):
        assert divergence.diverges(Setting(family("Heaviside(x)*tanh(m*x)")))[0][-1].holds

    @pytest.mark.parametrize("text", ["erf(m**2*x)", "Max(-1, Min(1, m**2*x))"])
    def test_a_jump_of_another_width(self, text):
        report = theorem("T2", text)
        assert [text for text in failed(report)[1] if "profile" in text]

    def test_questions_that_cannot_be_read(self):
        with pytest.raises(UnknownNameError, match="T9"):
            theorem("T9")
        with pytest.raises(FormulaError, match="parameters"):
            theorem("T2", "erf(m*x)*exp(-k*x**2)")
        with pytest.raises(DomainError, match="dps"):
            theorem("T2", dps=5)


class TestFamilies:
    @pytest.mark.parametrize(
        ("text", "limit"),
        [
            ("tanh(m*x)", "sign(x)"),
            ("x/sqrt(1/m**2 + x**2)", "sign(x)"),
            ("Max(-1, Min(1, m*x))", "sign(x)"),
            ("2*atan(m*x)/pi", "sign(x)"),
            ("1/(1 + exp(-m*x))", "sign(x)/2 + 1/2"),
            ("erf(m*(x - 1/2)) + 1", "sign(x - 1/2) + 1"),
            ("erf(m*(x - 1)) + erf(m*(x + 1))", "sign(x - 1) + sign(x + 1)"),
        ],
    )
    def test_limits_are_found(self, text, limit):
        found = family(text)
        names = {"x": sp.Symbol("x", real=True)}
        assert sp.simplify(found.limit.expression - sp.sympify(limit, locals=names)) == 0
        assert found.jumps

    def test_a_function_that_jumps_gets_a_family(self):
        one = family("heaviside")
        assert one.at(sp.Integer(3)).expression == sp.erf(3 * sp.Symbol("x", real=True)) / 2 + sp.Rational(1, 2)

    def test_no_limit(self):
        with pytest.raises(DivergenceError):
            family("m*x")


def test_the_recursion_in_mpmath_is_that_of_the_network():
    kernels = symntk.derive("erf(m*x)", "triangle")
    x = np.array([[0.0, 1.0], [0.6, 0.8]])
    net = symntk.Network(kernels, 4, weight_std=1.5, bias_std=0.25)
    with mp.workdps(30):
        scales = mp.mpf("1.5"), mp.mpf("0.25")
        for slope, gram in (("ntk", net.ntk(x, m=3.0)), ("sg_ntk", net.sg_ntk(x, m=3.0))):
            for i, j in ((0, 0), (0, 1)):
                entries = first_layer(list(map(mp.mpf, x[i])), list(map(mp.mpf, x[j])), *scales)
                found = layers(kernels, slope, 4, entries, *scales, m=mp.mpf(3))[-1].total
                assert float(found) == pytest.approx(gram[i, j], rel=1e-13)


def test_reports_are_text_markdown_and_json():
    report = next(theorems(["t4"], "sign"))
    assert report.name == "T4" and "2405.15539" in report.source
    assert "verified numerically" in report.text()
    assert report._repr_markdown_().startswith("### T4.")
    assert json.loads(json.dumps(report.to_dict()))["passed"] is True
    assert report._repr_latex_().startswith("$")
    assert list(THEOREMS) == [f"T{i}" for i in range(1, 9)]
