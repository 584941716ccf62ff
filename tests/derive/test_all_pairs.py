"""A seeded sample of every expectation that the tables ask for: derived with little work, equal to the oracle.

The whole of it is `python benchmarks/derive_all.py results.jsonl`, whose cases and measurements are used here.
"""

import importlib.util
import itertools
import json
import random
import statistics
import sys
from pathlib import Path

import pytest
import sympy as sp

from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import publish
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import Delta, NormalForm, Term, collect
from symntk.language.symbols import STATE, x
from symntk.verify.evaluate import evaluate
from symntk.verify.oracle.elementary.oracle import expectation_oracle
from tests.work import calls

ROOT = Path(__file__).parents[2]
CALLS = {"median": 400_000, "worst centred": 4_000_000, "worst with means": 12_000_000}
"""Calls of Python functions: some 4 µs each, so that the median is below a second; three times what is needed."""


def _benchmark():
    spec = importlib.util.spec_from_file_location("derive_all", ROOT / "benchmarks" / "derive_all.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


derive_all = _benchmark()
CASES = derive_all.all_cases()
SAMPLE = random.Random(2).sample(CASES, 40)
HEAVY = [
    case
    for case in CASES
    if case.key
    in {
        "nngp sparse_plus centred",
        "sg_ntk gabor piecewise_quadratic means",
        "sg_ntk hard_silu multi_gaussian means",
        "nngp elu means",
    }
]


def test_the_cases_are_those_of_the_tables():
    keys = [case.key for case in CASES]
    assert len(set(keys)) == len(keys) == 2 * (2 * 41 + 41 * 24)
    assert "sg_ntk sign triangle centred" in keys and "sg_ntk step boxcar means" in keys and len(HEAVY) == 4


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.key)
def test_agrees_with_the_oracle(case):
    row = derive_all.measure(case, limit=60)
    assert (row.status, row.message) == ("ok", "")
    assert row.digits >= 12


def test_derivation_takes_little_work():
    """Counted, not timed; seconds on a quiet machine are measured by benchmarks/derive_all.py."""
    counts = []
    for case in [*(case for case in HEAVY if "gabor" not in case.key), *SAMPLE[:7]]:
        most = CALLS["worst with means" if case.means else "worst centred"]
        counts.append(calls(lambda case=case: derive_all.derive_timed(case), most))
    assert statistics.median(counts) < CALLS["median"]


def test_general_simplifiers_are_noticed():
    with derive_all.no_general_simplifier():
        with pytest.raises(derive_all.ForbiddenCallError):
            sp.simplify(x)
        with pytest.raises(derive_all.ForbiddenCallError):
            (x**2).integrate(x)
    assert sp.simplify(x) == x


def test_the_results_file_is_resumed(tmp_path, capsys):
    results = tmp_path / "rows.jsonl"
    arguments = [str(results), "--sample", "3", "--only-time", "--workers", "1"]
    assert derive_all.main(arguments) == 0
    rows = results.read_text().splitlines()
    assert len(rows) == 3 and json.loads(rows[0])["status"] == "ok"
    assert derive_all.main(arguments) == 0
    assert results.read_text().splitlines() == rows
    assert "not ok: 0" in capsys.readouterr().out


def agrees(f, g, *, means=False, law=(1.3, 0.7, 0.4, 0.0, 0.0)):
    expr = publish(derive_pair(f, g, means=means).value)
    value = evaluate(expr, dict(zip(STATE, law, strict=True)), dps=20)
    reference = expectation_oracle(f, g, *law, dps=20)
    return abs(value - reference) <= 1e-17 * abs(reference)


@pytest.mark.parametrize("orders", list(itertools.product(range(3), repeat=2)), ids=str)
def test_derivatives_of_deltas_on_both_sides(orders):
    thresholds = (sp.Rational(1, 3), sp.S.Zero)
    f, g = (
        NormalForm((Term(sp.S.One, window=Delta(at, order)),)) for order, at in zip(orders, thresholds, strict=True)
    )
    assert agrees(f, g)
    assert agrees(f, g, means=True, law=(1.3, 0.7, 0.4, 0.3, -0.2))


@pytest.mark.parametrize("f", ["exp(x**2/4)", "exp(x**2/3 - x)", "x*exp(x**2/5)*erf(x)"])
@pytest.mark.parametrize("g", ["exp(x**2/4)", "Max(0, x)*exp(x**2/5)", "x*erf(x)", "1"])
def test_growing_exponentials_keep_their_sign(f, g):
    """Roots of 1 − 2αa and its like are of positive numbers wherever the expectation exists."""
    f, g = (normal_form(sp.sympify(text, locals={"x": x}), x) for text in (f, g))
    assert agrees(f, g, law=(0.6, 0.5, 0.25, 0.0, 0.0))
    assert agrees(f, g, means=True, law=(0.6, 0.5, -0.25, 0.5, -0.25))


def test_sums_without_terms_are_zero():
    assert publish(derive_pair(collect([]), normal_form(sp.S.One, x)).value) == 0
