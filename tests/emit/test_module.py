"""Exported source: what it imports, how its maps treat arrays, and that its two dialects agree."""

import ast
from functools import cache

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import symntk
from symntk.derive.moves.engine import derive_pair
from symntk.emit.closure import helpers
from symntk.emit.formula import formula
from symntk.emit.stable import StableWriter
from symntk.emit.targets.numpy import NUMPY
from symntk.language.forms.normal_form import normal_form
from symntk.language.symbols import cov, var_u, var_v, x

CLASS_1 = [name for name, entry in symntk.activations.items() if entry.gaussian_class == "1"]
PARAMETERS = {"level": 0.5, "value": 0.2}


def run(source):
    space = {}
    exec(compile(source, "exported", "exec"), space)
    return space


def imported(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            yield node.module


@pytest.mark.parametrize(
    ("pair", "modules"), [(("sign", "erf"), {"numpy"}), (("Heaviside(x-1)",), {"numpy", "scipy.special"})]
)
def test_imports_what_the_formulas_need_and_nothing_else(pair, modules):
    assert set(imported(symntk.derive(*pair).source())) == modules


@pytest.mark.parametrize("name", CLASS_1)
def test_every_activation_exports_and_equals_its_formula(name):
    kernels = symntk.derive(name)
    for _, E in kernels.items():
        parameters = {s.name: PARAMETERS[s.name] for s in E.parameters}
        true = float(E.evalf(1.3, 0.7, 0.4, dps=20, **parameters))
        assert E(1.3, 0.7, 0.4, **parameters) == pytest.approx(true, rel=1e-12)


def test_the_module_holds_the_maps_and_gram_functions_and_says_where_they_are_from():
    space = run(symntk.derive("sign", "erf").source())
    assert {"nngp_map", "ntk_map", "sg_ntk_map", "surrogate_ntk_map", "nngp", "ntk", "sg_ntk"} <= space.keys()
    about = (symntk.__version__, "Eilers", "BSD-3-Clause")
    for text in ("2*asin(c/(sqrt(a)*sqrt(b)))/pi", "diverges like", "Certificate", *about):
        assert text in space["__doc__"]


def test_arrays_broadcast_keep_float32_and_isolate_nan():
    E = symntk.derive("gelu").nngp
    a, b = np.array([[1.0], [2.0]]), np.array([0.5, 1.0, np.nan])
    value = E(a, b, 0.1)
    assert value.shape == (2, 3) and np.isnan(value[:, 2]).all() and np.isfinite(value[:, :2]).all()
    single = E(a.astype(np.float32), np.float32(0.5), np.float32(0.1))
    assert single.dtype == np.float32 and single[0, 0] == pytest.approx(value[0, 0], rel=1e-6)
    assert E([], [], []).shape == (0,) and np.ndim(E(1, 2, 0)) == 0
    masked = E(np.ma.masked_array([1.0, 2.0], mask=[False, True]), 1.0, 0.5)
    assert masked.mask.tolist() == [False, True]


@pytest.mark.parametrize(
    ("triple", "message"),
    [
        ((-1.0, 1.0, 0.0), "var_u is negative"),
        (([1.0, 1.0], 1.0, [0.5, 1.5]), r"index \(1,\)"),
        ((np.inf, 1, 0), "infinite"),
    ],
)
def test_what_is_no_covariance_is_refused_and_shown(triple, message):
    with pytest.raises(symntk.errors.DomainError, match=message):
        symntk.derive("relu").nngp(*triple)


def test_an_infinite_expectation_is_refused_with_its_condition():
    E = symntk.expectation("exp(x**2/3)", "Max(0, x)")
    assert E(1.0, 1.0, 0.5) == pytest.approx(float(E.evalf(1, 1, 0.5, dps=20)), rel=1e-13)
    with pytest.raises(symntk.errors.DomainError, match=r"2\*a/3 < 1"):
        E(1.5, 1.0, 0.5)


def test_parameters_may_be_arrays():
    E = symntk.expectation("erf(m*x)", "Max(0, x - t)", means=True)
    both = E(1.0, 2.0, 0.3, 0.1, 0.2, m=[1.0, 2.0], t=0.5)
    assert both == pytest.approx([E(1.0, 2.0, 0.3, 0.1, 0.2, m=m, t=0.5) for m in (1.0, 2.0)], rel=1e-15)


def test_sines_against_steps():
    E = symntk.derive("hard_tanh", "square_wave").sg_ntk
    for point in ((1.3, 0.7, 0.4), (10.0, 10.0, -9.9), (1.0, 1.0, 1.0)):
        assert E(*point) == pytest.approx(float(E.evalf(*point, dps=20)), rel=1e-11)


def test_polynomials_are_written_without_cancellation():
    algebra = derive_pair(normal_form(x, x), normal_form(x, x)).surds.algebra
    writer = StableWriter(algebra, {var_u: "a", var_v: "b", cov: "c"})
    radicand = algebra.element((1 + var_u) * (1 + var_v) - cov**2)
    assert NUMPY.expression(writer.poly(radicand.numer)) == "a + b + det + 1.0"
    assert NUMPY.expression(writer.poly(algebra.element(var_u * var_v - cov**2).numer)) == "det"
    assert not writer.conflicting


@cache
def plain_formula(name):
    """The formula of an activation's nngp on floats, without error bounds."""
    code = NUMPY.write(formula("plain", symntk.derive(name).nngp.derivation.value).definition)
    imports = "from __future__ import annotations\nimport numpy as np\nimport scipy.special as special"
    return run(f"{imports}\n{code}\n{helpers(code)}")["plain"], symntk.derive(name).nngp


@given(
    st.floats(0.01, 100),
    st.floats(0.01, 100),
    st.floats(-0.999, 0.999),
    st.sampled_from(["elu", "gelu", "hard_tanh", "soft_shrink", "gabor"]),
)
@settings(max_examples=60, deadline=None)
def test_the_plain_formula_equals_the_guarded_map_where_little_cancels(a, b, rho, name):
    plain, E = plain_formula(name)
    c = rho * np.sqrt(a * b)
    det = a * b - c * c
    with np.errstate(all="ignore"):
        found = plain(a, b, c, det, np.sqrt(det), 0.0, 0.0)
    scale = np.sqrt(E(a, a, a) * E(b, b, b))
    assert abs(found - E(a, b, c)) <= 1e-7 * scale


def test_sympy_expressions_keep_their_variable_and_parameters():
    t, m = sp.Symbol("t", real=True), sp.Symbol("m", positive=True)
    with pytest.raises(symntk.errors.FormulaError, match="variable"):
        symntk.expectation(sp.erf(m * t))
    y = sp.Symbol("x", real=True)
    E = symntk.expectation(sp.erf(m * y), sp.sign(y))
    assert E(1.0, 1.0, 0.5, m=2.0) == pytest.approx(float(E.evalf(1, 1, 0.5, m=2, dps=20)), rel=1e-14)
