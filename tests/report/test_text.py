"""Kernels as text: what is long is said in short, and what is printed can be typed."""

import pytest

import symntk
from symntk.kernels.expectation import expectation
from symntk.language.symbols import x
from symntk.report.text import kernels_text


@pytest.mark.parametrize(("text", "kinks"), [("floor(x)", 257), ("sign(sin(x))", 255)])
def test_many_kinks_are_a_few_lines(text, kinks):
    shown = kernels_text(symntk.derive(text))
    assert f"… {kinks - 3} more deltas" in shown and shown.count("DiracDelta") == 3
    assert "more terms in the sum" in shown
    assert "a law that reaches beyond that is refused" in shown
    assert len(shown) < 2500 and "+ -" not in shown


def test_few_kinks_have_no_reach():
    shown = kernels_text(symntk.derive("Max(0, 1 - Abs(x))"))
    assert "refused" not in shown and "…" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "x*sigmoid(1.702*x)",
        "softplus(beta=2)",
        "log(cosh(x))",
        "log(normal_cdf(x))",
        "exp(x**2)*erfc(Abs(x))",
        "x*normal_pdf(x)/normal_cdf(x)",
        "log(x+sqrt(1+x**2))+1",
        "acos(tanh(x))",
        "exp(-x)*log(1+exp(x))",
    ],
)
def test_what_is_printed_can_be_typed(text):
    E = expectation(text)
    for shown in (str(E.f.expression), E.f.general.shown(x)):
        assert float(expectation(shown)(1.3)) == pytest.approx(float(E(1.3)), rel=1e-13)
