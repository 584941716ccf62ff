"""Verdicts: a value that disagrees fails, numbers that give up decide nothing, and what was missed is said."""

from __future__ import annotations

import pytest
from mpmath import mp

from symntk.errors import FormulaError, SymntkError, UnknownNameError
from symntk.verify.limits.behaviour import behaviour
from symntk_papers.sgntk.theorems import Finding, TheoremReport, analytic, theorem
from symntk_papers.sgntk.theorems.divergence import power
from symntk_papers.sgntk.theorems.report import attempted


def report(*findings):
    return TheoremReport("T0", "nothing", "0 = 0", "", "sign", "", (), findings, "")


RIGHT = Finding("a", True, "seen")
WRONG = Finding.of_digits("b", 3.0, 8.0, "seen", known=7.5)
OPEN = Finding.of_digits("c", 5.8, 8.0, "seen", known=5.8, what="exponent")


def test_too_few_known_digits_decide_nothing_and_fewer_shared_ones_refute():
    assert (RIGHT.verdict, WRONG.verdict, OPEN.verdict) == ("ok", "FAILED", "open")
    assert OPEN.criterion == "exponent known to 5.8 digits, 8 required"
    assert WRONG.criterion == "value agrees to 3.0 digits, 8 required"
    assert not OPEN.passed


def test_the_verdict_of_a_report_is_that_of_its_worst_finding():
    assert report(RIGHT).verdict == "verified numerically"
    assert report(RIGHT, OPEN).verdict == "not decided"
    assert report(RIGHT, OPEN, WRONG).verdict == "NOT VERIFIED"
    assert not report(RIGHT, OPEN).passed
    assert OPEN.criterion in report(OPEN).text() and "| **open** |" in report(OPEN).markdown()
    assert [one["verdict"] for one in report(OPEN, WRONG).to_dict()["findings"]] == ["open", "FAILED"]


def test_every_condition_that_was_missed_is_named():
    found = Finding.judged("d", {"too far": False, "too wide": True, "too few": False}, "seen")
    assert (found.verdict, found.criterion) == ("FAILED", "too far; too few")
    assert Finding.judged("d", {"too far": True}, "seen", decided=False).verdict == "ok"


def test_a_function_without_a_power_decides_nothing():
    found = power("it oscillates", behaviour(lambda m: mp.cos(m) + 2), 0, mp.mpf(2), 20.0)
    assert found.verdict == "open" and "exponent known to 0.0 digits" in found.criterion


def test_values_that_are_known_refute():
    seen = behaviour(lambda m: 3 * m**2 + m)
    assert power("another exponent", seen, mp.mpf("-2.0001"), mp.mpf(3), 20.0).verdict == "FAILED"
    assert power("another constant", seen, -2, mp.mpf("3.0000001"), 20.0).verdict == "FAILED"


def test_a_report_goes_on_where_a_quadrature_gives_up(monkeypatch):
    def gives_up(*_, **__):
        raise SymntkError("an integral", "9 panels are not resolved")

    monkeypatch.setattr(analytic, "converges", gives_up)
    seen = theorem("T5", "sign", "erf")
    assert seen.verdict == "not decided"
    assert [one.verdict for one in seen.findings] == ["ok", "ok", "ok", "open", "open"]
    assert "9 panels are not resolved" in seen.findings[-1].criterion


def test_what_cannot_be_read_is_no_finding():
    def wrong():
        raise FormulaError("a formula", "it cannot be read")

    with pytest.raises(FormulaError):
        attempted("it is read", wrong)


def test_titles_and_names():
    assert theorem("T1").title == "the maps of σ_m in closed form"
    assert theorem("T1", "tanh(m*x)").title == "the maps of σ_m agree with quadrature"
    with pytest.raises(UnknownNameError, match="separate ids by spaces"):
        theorem("T2,T3")
