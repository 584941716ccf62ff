"""Expectations of functions outside the class: values, bounds, methods, code that runs alone, refusals."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import sympy as sp

import symntk
from benchmarks.fallback_bounds import run as random_cases
from symntk.errors import DivergenceError, DomainError, FormulaError, SymntkError
from symntk.kernels.function import Function, as_function
from symntk.language.symbols import STATE, x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.surrogates import SURROGATES
from symntk.verify.oracle.general.oracle import fast_reference, general_scale

LAWS = [
    (1.0, 1.0, 0.5),
    (1e4, 1e4, 9999.999),
    (1e-4, 1e4, -0.99),
    (1e4, 1e-4, 0.2),
    (4.0, 1.0, 2.0),
    (1e-4, 1e-4, -1e-4),
    (100.0, 100.0, 99.0),
]
TEXT = ["1", b"1", np.array("1"), np.array(["1"], dtype=object)]
OUTSIDE = [name for name, entry in ACTIVATIONS.items() if entry.gaussian_class != "1"]
SURROGATES_OUTSIDE = [
    name for name, entry in SURROGATES.items() if entry.gaussian_class != "1" and name != "periodic_exponential"
]
CLOSED_ON_A_LINE = {  # closed in one dimension, with their library defaults
    *("fast_sigmoid", "superspike_scaled", "reciprocal", "softsign", "arctan", "arctan_unscaled", "log_abs"),
    *("q_pseudo", "q_pseudo_wide", "log_tailed_relu", "fake_numerical", "circ"),
}


def sharper(function: Function, slope: int) -> Function:
    return Function(f"{function.name}({slope}x)", function.expression.subs(x, slope * x))


def worst(E: symntk.Expectation, laws: list[tuple[float, ...]]) -> float:
    """The largest error relative to √(E f² · E g²), less what the reference is unsure of."""
    values, errors = E(*np.array(laws).T), []
    for law, value in zip(laws, values, strict=True):
        true, uncertain = fast_reference(E.f.general, E.g.general, *law)
        scale = general_scale(E.f.general, E.g.general, (*law, *([0.0] * (5 - len(law)))))
        errors.append(max(0.0, abs(float(value) - true) - uncertain) / scale if scale else 0.0)
    return max(errors)


@pytest.mark.parametrize("slope", [1, 25])
@pytest.mark.parametrize("name", OUTSIDE)
def test_activations_and_their_derivatives(name, slope):
    function = sharper(as_function(name), slope)
    for one in (function, function.derivative):
        E = symntk.Expectation(one, one)
        assert worst(E, LAWS if slope == 1 else LAWS[1::2]) <= E.error_bound == 1e-10


@pytest.mark.parametrize("name", SURROGATES_OUTSIDE)
def test_surrogates_with_their_activation_and_with_themselves(name):
    kernels = symntk.derive("tanh", name)
    for E, laws in ((kernels.sg_ntk, LAWS[::2]), (kernels.surrogate_ntk, LAWS)):
        assert worst(E, laws) <= E.error_bound == 1e-10


@pytest.mark.parametrize(
    "name", ["fast_sigmoid(slope=100)", "sigmoid(alpha=25)", "arctan(alpha=100)", "s2nn(alpha=100)"]
)
def test_sharp_surrogates(name):
    E = symntk.derive("relu", name).surrogate_ntk
    assert worst(E, LAWS) <= 1e-10


@pytest.mark.parametrize("name", SURROGATES_OUTSIDE)
def test_sign_leaves_one_dimension(name):
    E = symntk.derive("sign", name).sg_ntk
    assert E.method == ("closed form" if name in CLOSED_ON_A_LINE else "one-dimensional")
    laws = [law for law in LAWS if name != "sparse_fast_sigmoid" or law[1] >= 1.0]
    assert worst(E, laws) <= (1e-12 if E.expression is not None else 1e-10)


@pytest.mark.parametrize("partner", ["Max(0, x)", "Max(0, x)**2", "x*Heaviside(x - 1)", "tanh(x)*Heaviside(x)"])
def test_tails_that_begin_at_a_kink(partner):
    E = symntk.expectation("sigmoid", partner, means=True)
    laws = [(4.0, 1.0, rho * 2.0, 1.0, -z) for z in (3.0, 6.0, 8.1, 12.0) for rho in (1.0, -1.0, 0.5)]
    assert worst(E, laws) <= 1e-10


def test_random_cases_stay_within_their_bounds():
    found = random_cases(cases=48, seed=2026, points=10, precise=0, closed=False)
    assert [line for line in found.failures if not line.startswith("no reference")] == []
    assert found.unresolved <= 4  # E f² below e^-500, say
    assert sum(row.cases for row in found.rows.values()) == 48


@pytest.mark.parametrize(
    ("f", "g", "method"),
    [
        ("tanh", "tanh", "mixture"),
        ("softplus", "silu", "mixture"),
        ("tanh", "relu", "one-dimensional"),
        ("mish", 1, "one-dimensional"),
        ("mish", "softsign", "series and quadrature"),
        ("erf(x)**2", "erf(x)**2", "series and quadrature"),
        ("tanh", "Abs(x)", "closed form"),  # odd against even
        ("1/(1 + x**2)", 1, "closed form"),
    ],
)
def test_the_method_is_the_simplest_that_applies(f, g, method):
    E = symntk.expectation(f, g)
    assert E.method == method
    assert (E.expression is None) == (method != "closed form")
    assert E.integral.has(sp.Integral) == (method != "closed form")
    assert str(E.derivation) and E.latex()


def test_one_dimension_is_a_mean_of_the_closed_conditional_expectation():
    E = symntk.expectation("tanh", "Max(0, x)", means=True)
    a, b, c, m1, m2 = 1.3, 0.7, 0.4, 0.2, -0.5
    integrand = E.integral.subs(dict(zip(STATE, (a, b, c, m1, m2), strict=True))).args[0]
    u, step = sp.Symbol("u", real=True), 0.125
    sum_of_values = sum(float(integrand.subs(u, m1 + step * k)) for k in range(-80, 81))
    assert E(a, b, c, m1, m2) == pytest.approx(step * sum_of_values, rel=1e-11)


def test_means_and_parameters():
    E = symntk.expectation("tanh(k*x)", "1/(1 + Abs(x))", means=True)
    expected = symntk.expectation("tanh(3*x)", "1/(1 + Abs(x))", means=True)(1.0, 2.0, 0.5, 0.3, -0.2)
    assert E(1.0, 2.0, 0.5, 0.3, -0.2, k=3.0) == expected
    assert float(E.evalf(1, 2, 0.5, 0.3, -0.2, k=3, dps=15)) == pytest.approx(expected, rel=1e-11)
    with pytest.raises(FormulaError, match=r"k has no value.*tanh\(2\*x\)"):
        E.source()
    with pytest.raises(DomainError, match="one number, not an array"):
        E(1.0, 2.0, 0.5, k=np.ones(3))


def test_a_closed_line_has_parameters_and_means():
    E = symntk.expectation("2*DiracDelta(x - 1)", "1/(1 + (k*x)**2)", means=True)
    assert E.method == "closed form"
    laws = [(1.0, 2.0, 0.5, 0.3, -0.2), (4.0, 1.0, 2.0, 0.3, 0.4), (1e-2, 1e2, 0.3, 1.0, 5.0)]
    numbers = symntk.expectation("2*DiracDelta(x - 1)", "1/(1 + (5*x)**2)", means=True)
    assert worst(numbers, laws) <= 1e-12
    for law in laws:
        assert float(E.evalf(*law, k=5, dps=20)) == pytest.approx(float(numbers(*law)), rel=1e-12)
        assert E(*law, k=5.0) == pytest.approx(float(numbers(*law)), rel=1e-12)


def test_a_looser_tolerance_keeps_its_bound_with_fewer_terms():
    tight, loose = symntk.expectation("tanh", "tanh"), symntk.expectation("tanh", "tanh", tol=1e-4)
    assert loose.error_bound == 1e-4
    assert worst(loose, LAWS) <= 1e-4
    assert len(loose.derivation.mixture.f.nodes) < len(tight.derivation.mixture.f.nodes)
    with pytest.raises(FormulaError, match="cannot be kept"):
        symntk.expectation("tanh", "tanh", tol=1e-15)


def test_a_constant_beside_a_delta():
    E = symntk.derive("Heaviside(x) + x", surrogate_derivative="1/(1 + x**2)").sg_ntk
    assert E.method == "closed form"
    assert worst(E, LAWS) <= 1e-12
    for law in [(1, 1, 1), (4, 1, -2), (1, 2, 0.5)]:
        assert float(E.evalf(*law, dps=20)) == pytest.approx(float(E(*law)), rel=1e-13)


@pytest.mark.parametrize(
    ("f", "g", "condition"),
    [
        ("x*exp(x**2)", "tanh(x)**2", "2*a < 1"),  # 0 by parity, where it exists
        ("2*DiracDelta(x)", "exp(k*x**2) + 1/(1 + x**2)", "2*k*(a*b - c**2)/a < 1"),
    ],
)
def test_conditions_of_existence_are_kept(f, g, condition):
    E = symntk.expectation(f, g)
    assert [str(c) for c in E.conditions] == [condition]
    numbers = {symbol.name: 1 for symbol in E.parameters}
    with pytest.raises(DivergenceError, match="infinite"):
        E.evalf(1, 1, 0.1, **numbers)
    with pytest.raises(SymntkError, match="infinite"):
        E(1.0, 1.0, 0.1, **numbers)


def test_a_line_without_code_is_integrated_for_each_value_of_its_parameters():
    E = symntk.derive("Heaviside(x - 1)", surrogate_derivative="1/(1 + k*x**2)**2").sg_ntk
    assert E.method == "closed form" and E.error_bound == 1e-10
    assert E(1.0, 1.0, 0.3, k=2.0) == pytest.approx(float(E.evalf(1, 1, 0.3, k=2, dps=20)), rel=1e-11)


@pytest.mark.parametrize("formula", ["1 - tanh(x)**2", "log(1 + exp(x)) - x"])
def test_formulas_that_cancel_far_from_zero(formula):
    E = symntk.expectation(formula, formula, means=True)
    stable = {"1 - tanh(x)**2": "1/cosh(x)**2", "log(1 + exp(x)) - x": "log(1 + exp(-x))"}[formula]
    S = symntk.expectation(stable, stable, means=True)
    for mean in (5.0, 15.0, 20.0):
        assert E(1.0, 1.0, 0.5, mean, mean) == pytest.approx(float(S(1.0, 1.0, 0.5, mean, mean)), rel=1e-10)


def test_oscillation_beyond_what_panels_follow_is_refused():
    E = symntk.expectation("exp(x/100)*sin(50*x)*tanh(x)", "exp(x/100)*sin(50*x)*tanh(x)")
    with pytest.raises(DomainError, match="not resolved"):
        E(1e4, 1e4, 1e4)


def test_deltas_that_meet_diverge_with_a_rate():
    E = symntk.derive("Heaviside(x)*(1 + tanh(x))").ntk
    assert str(E.diagonal) == "diverges like 1/(2*pi*sqrt(a*b - c**2))"
    assert E(1.0, 1.0, 1.0) == np.inf
    gap = 1e-9
    assert E(1.0, 1.0, 1.0 - gap) == pytest.approx(1 / (2 * np.pi * np.sqrt(2 * gap)), rel=1e-3)
    with pytest.raises(DivergenceError, match="diverges like"):
        E.evalf(1, 1, 1)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("tan(x)", "pole"),
        ("log(x)", "not real"),
        ("1/x", "pole"),
        ("exp(x**2/8)*tanh(x)**2", "infinite"),
    ],
)
def test_what_has_no_expectation_is_refused_with_the_reason(formula, reason):
    with pytest.raises(SymntkError, match=reason):
        symntk.expectation(formula)


def test_arrays_types_and_gaps():
    E = symntk.expectation("tanh", "softsign")
    assert E(np.float32(1), np.float32(1), np.float32(0.5)).dtype == np.float32
    assert E(np.ones((2, 1)), np.ones(3), 0.5).shape == (2, 3)
    assert E(np.ones(0), 1.0, 0.5).shape == (0,)
    assert np.isnan(E([1.0, np.nan], 1.0, 0.5)).tolist() == [False, True]
    assert E(0.0, 1.0, 0.0) == 0.0
    with pytest.raises(DomainError, match="cov"):
        E(1.0, 1.0, 1.5)


@pytest.mark.parametrize(("activation", "surrogate"), [("sign", "arctan"), ("tanh", None)])
def test_the_exported_module_runs_alone(activation, surrogate, tmp_path):
    kernels = symntk.derive(activation, surrogate)
    path = kernels.export(tmp_path / "kernel.py")
    code = (
        "import sys; sys.modules['symntk'] = None; sys.modules['sympy'] = None; sys.modules['mpmath'] = None\n"
        "import numpy as np, kernel\n"
        "maps = [name for name in dir(kernel) if name.endswith('_map') and name[0] != '_']\n"
        "x = np.random.default_rng(0).normal(size=(6, 3))\n"
        "for name in sorted(maps): print(name, repr(float(getattr(kernel, name)(1.3, 0.7, 0.4))))\n"
        "print('gram', repr(float(kernel.nngp(x, depth=3).sum())), kernel.ntk(x[:2], x[2:], depth=2).shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    for name, E in kernels.items():
        if name == "surrogate_ntk" and E.expression is None:
            continue  # no Gram matrix needs it: there is no table
        right = E(1.3, 0.7, 0.4)  # a table stands for what has no closed form
        assert float(lines[f"{name}_map"]) == pytest.approx(right, rel=1e-9 if E.expression is None else 1e-14)
    assert "import symntk" not in path.read_text(encoding="utf-8")


def test_verification_of_a_fallback_and_of_a_closed_line():
    from symntk.kernels.verification import verify_expectation

    kernels = symntk.derive("tanh", "arctan")
    certificate = verify_expectation(kernels.sg_ntk, points=1, dps=12)
    assert certificate.passed, certificate.table()
    made = {c.name for c in certificate.checks if not c.is_skipped}
    assert {"Price's theorem", "exchange symmetry", "float64"} <= made
    line = verify_expectation(symntk.derive("sign", "arctan").sg_ntk, points=1, dps=15)
    assert line.passed, line.table()


def test_a_wrong_map_fails_its_verification(monkeypatch):
    from symntk.kernels.verification import verify_expectation

    E = symntk.expectation("mish", "softsign")
    true = E._function
    E.__dict__["_function"] = lambda *law, **numbers: true(*law, **numbers) * (1 + 1e-8)
    failed = {check.name for check in verify_expectation(E, points=1, dps=12).checks if not check.passed}
    assert {"float64", "exchange symmetry"} <= failed


@pytest.mark.parametrize("given", TEXT)
def test_a_parameter_is_a_number_not_its_text(given):
    for formula in ("erf(m*x)", "tanh(m*x)"):
        with pytest.raises(
            DomainError,
            match="is not a real number|m: real numbers are needed, not text|m: it holds .*, which is no real number",
        ):
            symntk.expectation(formula)(1, 2, 0.5, m=given)


def test_both_kinds_of_wrong_parameters_are_named():
    with pytest.raises(DomainError, match=r"k is no parameter, and m has no value\. Try: m=1\.0"):
        symntk.expectation("erf(m*x)")(1, 2, 0.5, k=1)


def test_a_formula_in_another_letter_is_no_constant():
    with pytest.raises(FormulaError, match=r'does not contain x; y is read as a parameter\. Try: "tanh\(x\)"'):
        symntk.derive("tanh(y)")
    with pytest.raises(FormulaError, match="y, z are read as parameters"):
        symntk.expectation("x", "y*z")
    assert symntk.expectation("2*pi", "x**2").expression == 2 * sp.pi * STATE[1]
