"""Verification of kernels: everything derived passes, one changed coefficient fails."""

import json

import pytest
import sympy as sp

from symntk import derive, expectation
from symntk.errors import DomainError
from symntk.kernels.verification import verify_expectation, verify_kernels


def test_sign_with_erf_passes():
    told = []
    result = verify_kernels(derive("sign", "erf"), progress=lambda *step: told.append(step))
    assert result.passed and not result.failures
    assert list(result.certificates) == ["nngp", "ntk", "sg_ntk", "surrogate_ntk"]
    assert "40 of 40 checks passed" in result.table()
    assert ("sg_ntk", "edge points") in told and len(told) == 40
    assert json.loads(json.dumps(result.to_dict()))["passed"] is True
    rate = [c for c in result.certificates["ntk"].checks if c.name == "full correlation"]
    assert rate[0].passed and "-1/2" in rate[0].detail


@pytest.mark.parametrize("kernel", ["nngp", "sg_ntk"])
def test_a_changed_coefficient_fails(kernel):
    kernels = derive("relu", "erf")
    E = getattr(kernels, kernel)
    E.solution.__dict__["expression"] = E.expression * (1 + sp.Rational(1, 10**6))
    result = verify_kernels(kernels, dps=20)
    assert not result.passed and "FAILED" in result.table()
    assert {name for name, _ in result.failures} == {kernel}
    assert "random points" in {check.name for _, check in result.failures}


def test_a_false_statement_about_full_correlation_fails():
    E = expectation("2*DiracDelta(x)", "2*DiracDelta(x)")
    true = E.diagonal
    E.solution.__dict__["diagonal"] = type(true)(None, 3 * true.coefficient, true.power)
    certificate = verify_expectation(E, dps=20)
    assert [c.name for c in certificate.checks if not c.passed] == ["full correlation"]


def test_with_means_and_parameters():
    E = expectation("erf(k*x)", "Max(0, x - t)", means=True)
    assert verify_expectation(E, dps=20, k=0.5).passed
    with pytest.raises(DomainError, match="no parameter w"):
        verify_expectation(E, dps=20, w=1)
    with pytest.raises(DomainError, match="shows nothing"):
        verify_expectation(E, points=0)


def test_results_do_not_depend_on_chance():
    E = expectation("erf(k*x)", "x")
    assert verify_expectation(E, dps=20).to_dict() == verify_expectation(E, dps=20).to_dict()
    assert verify_expectation(E, dps=20, seed=1).to_dict()["checks"][0]["passed"]


def test_float64_is_what_evalf_says():
    E = expectation("sign", "erf")
    check = next(c for c in verify_expectation(E, dps=20).checks if c.name == "float64")
    assert check.passed and check.digits > 12
