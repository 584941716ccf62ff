"""The order of the methods: what each reaches, and what is said of an expectation that none of them does."""

from __future__ import annotations

import pytest

from symntk import derive, expectation
from symntk.derive.integral import Integral
from symntk.derive.line.dirac import DiracDerivation
from symntk.derive.moves.derivation import Derivation
from symntk.derive.parity import ParitySplit
from symntk.derive.step import Step
from symntk.report.text import kernels_dict, kernels_text

REACHED = [
    ("relu", "erf", Derivation),
    ("sign", "1/(1 + x**4)", Derivation),  # one odd, one even
    ("2*DiracDelta(x)", "1/(1 + x**2)", DiracDerivation),
    ("sigmoid", "x**2", ParitySplit),
    ("tanh", "tanh", Integral),
]


@pytest.mark.parametrize(("f", "g", "kind"), REACHED)
def test_the_first_method_that_reaches_it_is_used(f: str, g: str, kind: type[Step]) -> None:
    E = expectation(f, g)
    assert type(E.derivation) is kind
    assert E.derivation.expression == E.expression
    assert (E.derivation.unknown is None) == (E.expression is not None)


@pytest.mark.parametrize(
    ("f", "g", "term", "rules", "words"),
    [
        (
            "tanh",
            "tanh",
            "tanh(x)",
            ["moves", "line", "parity"],
            ["tanh is not a function of", "both functions are odd"],
        ),
        ("mish", "1", "tanh(log(exp(x) + 1))", ["moves", "line", "parity"], ["no rational function"]),
        ("sign", "sigmoid", "1/(1 + exp(-x))", ["moves", "line", "parity"], ["the odd part of sigmoid is not closed"]),
        ("erf(x)*x**12", "erf(x)*x**14", "", ["moves"], ["its closed form is too long"]),
    ],
)
def test_what_is_not_reached_says_why(f: str, g: str, term: str, rules: list[str], words: list[str]) -> None:
    unknown = expectation(f, g).derivation.unknown
    assert unknown is not None and unknown.term.startswith(term)
    assert [rule for rule, _ in unknown.rules_tried] == rules
    assert all(word in str(unknown) for word in words)
    assert str(expectation(f, g).derivation).startswith(str(unknown))


def test_with_means_there_is_no_symmetry() -> None:
    unknown = expectation("tanh", "x**2", means=True).derivation.unknown
    assert unknown is not None and "have means" in dict(unknown.rules_tried)["parity"]


def test_the_command_says_it_too() -> None:
    kernels = derive("tanh")
    assert "no closed form       moves: tanh(x): tanh is not" in kernels_text(kernels)
    entry = kernels_dict(kernels)["kernels"]["nngp"]["unknown"]
    assert entry["term"] == "tanh(x)" and set(entry["rules_tried"]) == {"moves", "line", "parity"}
    assert "unknown" not in kernels_dict(derive("erf"))["kernels"]["nngp"]


@pytest.mark.parametrize(("f", "g", "kind"), REACHED)
def test_every_step_says_what_it_is(f: str, g: str, kind: type[Step]) -> None:
    derivation = expectation(f, g).derivation
    steps = list(derivation.walk())
    assert steps[0] is derivation and isinstance(derivation, kind)
    for step in steps:
        assert step.name and step.equation and step.statement().startswith("E[")
        below = [id(child) for _, child in step.children]
        assert set(below) <= {id(one) for one in steps[steps.index(step) + 1 :]}
    assert derivation.proof("f(u)", "g(v)")
