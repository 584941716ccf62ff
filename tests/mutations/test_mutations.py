"""A broken rule is noticed: a sample of the mutations, one from each rule whose expectations are quickly verified."""

import pytest
import sympy as sp

from symntk import expectation
from symntk.emit.closure import _definitions
from symntk.kernels.verification import verify_expectation
from tests.mutations import __main__ as mutations
from tests.mutations.changes import HELPERS
from tests.mutations.table import MUTATIONS

SAMPLE = (
    *("tilt: sign", "condition: gain with another sign", "Stein: last part forgotten", "Stein for deltas: factor"),
    *("exchange: law not exchanged", "base: side forgotten", "combine: constant forgotten", "publish: shift"),
    *("full correlation: power of the rate", "gamma mixture: factor", "Laplace mixture: sign", "fold: part forgotten"),
    *("Stein for poles on a half line: sign", "deltas against a mean: variance not conditioned"),
    "one integral left, conditional mean: sign",
    *("partition, joined: one edge dropped", "partition, second witness: always given"),
    *("enclosures, functions: tanh radius halved", "enclosures, poles and cuts: twice as far"),
)
BY_NAME = {f"{m.rule}: {m.name}": m for m in MUTATIONS}


@pytest.mark.parametrize("name", SAMPLE)
def test_a_broken_rule_is_noticed(name):
    assert mutations.run(BY_NAME[name]).caught


def test_the_rule_is_whole_again_afterwards():
    name = "fold: part forgotten"
    before = expectation(BY_NAME[name].pair.f, BY_NAME[name].pair.g).expression
    mutations.run(BY_NAME[name])
    assert expectation(BY_NAME[name].pair.f, BY_NAME[name].pair.g).expression == before


@pytest.mark.parametrize("name", ["combine: constant forgotten", "fold: part forgotten"])
def test_without_a_mutation_it_passes(name):
    assert mutations.failures(BY_NAME[name].pair) == ()


@pytest.mark.parametrize("tests", sorted({m.tests for m in MUTATIONS if m.tests}, key=str), ids=len)
def test_without_a_mutation_the_tests_pass(tests):
    assert mutations.failing(tests) == ()


def test_texts_that_are_changed_are_there():
    for mutation in MUTATIONS:
        if mutation.places == HELPERS:
            assert mutation.change(_definitions)() != _definitions(), mutation.name


def test_every_rule_has_three_mutations():
    for rule in {m.rule for m in MUTATIONS}:
        assert sum(m.rule == rule for m in MUTATIONS) >= 3, rule
    assert len(BY_NAME) == len(MUTATIONS)


def test_a_false_bound_of_a_mixture_is_noticed():
    mutations.forget()
    E = expectation("tanh(x)", "tanh(x)")
    assert E.method == "mixture"
    for side in (E.derivation.mixture.f, E.derivation.mixture.g):
        object.__setattr__(side.errors, "largest", side.errors.largest * sp.Rational(1, 1000))
    try:
        failed = [c.name for c in verify_expectation(E, dps=10, points=1).checks if not c.passed]
    finally:
        mutations.forget()
    assert failed == ["stated mixture"]
