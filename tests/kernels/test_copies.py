"""Copies of used objects: pickle, copy and joblib give the same numbers, whatever was computed before."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sympy import Symbol, erf

import symntk
from symntk.kernels.solution import ClosedForm, ClosedLine, Quadrature, Zero

X = np.array([[1.0, 0.5], [0.2, -1.0], [0.0, 2.0]])
KINDS = {
    "closed form": (("sign", "erf"), {}, {}, ClosedForm),
    "closed form with means": (("relu", "erf(m*x)"), {"means": True}, {"m": 2.0}, ClosedForm),
    "a derivative": ((symntk.derive("elu").derivative, "relu"), {}, {}, ClosedForm),
    "zero by parity": (("tanh", "x**2"), {}, {}, Zero),
    "closed on a line": (("1/(1 + Abs(x))**2", "2*DiracDelta(x)"), {}, {}, ClosedLine),
    "one-dimensional": (("atan(x)", "erf(x)"), {"tol": 1e-8}, {}, Quadrature),
    "mixture": (("sigmoid", "tanh"), {"tol": 1e-6}, {}, Quadrature),
    "with a parameter": (("tanh(k*x)", "sign"), {"tol": 1e-6}, {"k": 1.5}, Quadrature),
    "of SymPy": ((erf(Symbol("k", positive=True) * Symbol("x")), "sign"), {}, {"k": 2.0}, ClosedForm),
}
COPIES = {
    "pickle": lambda one: pickle.loads(pickle.dumps(one)),
    "oldest pickle": lambda one: pickle.loads(pickle.dumps(one, protocol=2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_used_expectation_is_copied(kind):
    (f, g), options, parameters, solution = KINDS[kind]
    E = symntk.expectation(f, g, **options)
    assert isinstance(E.solution, solution)
    arguments = (1.3, np.array([0.7, 2.0]), 0.4)
    value = E(*arguments, **parameters)
    E.evalf(1.3, 0.7, 0.4, dps=15, **parameters)
    used = (E.conditions, E.diagonal, E.derivation, E.error_bound, E.latex(), E.expression)
    assert len(used) == 6
    for name, make in COPIES.items():
        found = make(E)
        assert found.expression == E.expression and found.method == E.method and str(found) == str(E), name
        assert np.array_equal(found(*arguments, **parameters), value), name
        assert np.array_equal(make(found)(*arguments, **parameters), value), name


def test_used_kernels_and_networks_are_copied():
    kernels = symntk.derive("sign", "erf")
    kernels.source()
    kernels.verify(dps=20, points=1)
    net = symntk.Network(kernels, 3, weight_std=1.2, bias_std=0.1)
    gram, source = net.sg_ntk(X), kernels.source()
    net.symbolic("nngp")
    for name, make in COPIES.items():
        found, other = make(kernels), make(net)
        assert found.names == kernels.names and found.source() == source, name
        assert np.array_equal(other.sg_ntk(X), gram) and repr(other) == repr(net), name
    same = pickle.loads(pickle.dumps([net, kernels]))
    assert same[0].layers[0] is same[0].layers[1] is same[1], "what is one object stays one"


def test_workers_get_used_objects():
    joblib = pytest.importorskip("joblib")
    net = symntk.Network(symntk.derive("relu"), 2)
    gram = net.ntk(X)
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(net.ntk)(X) for _ in range(2))
    assert all(np.array_equal(one, gram) for one in found)
