"""φ, Φ and Φ₂ as SymPy's printers write them: lambdify, pycode and ccode of formulas run and are right."""

from __future__ import annotations

import ctypes
import itertools
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from mpmath import mp
from sympy.printing.numpy import CuPyPrinter, JaxPrinter
from sympy.printing.pytorch import TorchPrinter

import symntk
from symntk.emit.normal_c import SOURCE
from symntk.errors import FormulaError
from symntk.language.special import bivariate_normal_cdf, normal_cdf, normal_mpmath, normal_pdf
from symntk.language.symbols import STATE

POINT = (1.3, 0.7, 0.4, 0.3, -0.5)
FORMULAS = {
    "relu with means": ("relu", "relu", True),
    "a bivariate probability": ("sign", "erf", True),
    "exponentials": ("exp(-Abs(x))", "elu", False),
    "a step times a sine": ("sin(x)*Heaviside(x)", "sin(x)*Heaviside(x)", False),
    "a cosine on one side": ("cos(Max(0, x))", "1", True),
}
COMPLEX = ("a step times a sine", "a cosine on one side")
h, k, r = sp.symbols("h k r", real=True)


@pytest.mark.parametrize("modules", ["numpy", "scipy", "mpmath", "math", "sympy", None, ["scipy", "numpy"]])
@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_becomes_a_function(name, modules):
    if modules == "math" and name in COMPLEX:
        pytest.skip("the module math has no complex numbers")
    if isinstance(modules, list) and name in COMPLEX:
        modules = "cmath"
    f, g, means = FORMULAS[name]
    E = symntk.expectation(f, g, means=means)
    assert E.expression.has(normal_cdf, bivariate_normal_cdf)
    point = POINT if means else (*POINT[:3], 0.0, 0.0)
    right = E.evalf(*point, dps=20)
    found = sp.lambdify(STATE, E.expression) if modules is None else sp.lambdify(STATE, E.expression, modules)
    assert abs(complex(found(*point)) - complex(right)) < 2e-14
    if modules in ("numpy", None) and name != "a step times a sine":
        many = found(np.full((2, 1), point[0]), *point[1:])
        assert many.shape == (2, 1) and np.allclose(many, float(right), rtol=1e-13)


@pytest.mark.parametrize("name", [name for name in FORMULAS if name not in COMPLEX])
def test_printed_python_runs(name):
    f, g, means = FORMULAS[name]
    E = symntk.expectation(f, g, means=means)
    values = dict(zip([s.name for s in STATE], POINT if means else (*POINT[:3], 0.0, 0.0), strict=True))
    found = eval(sp.pycode(E.expression), {"math": math, "symntk": symntk}, values)
    assert abs(found - float(E.evalf(*values.values(), dps=20))) < 1e-14


def test_printed_python_needs_one_import():
    code = f"import symntk; h, k, r = 0.0, 0.0, 0.5; print({sp.pycode(bivariate_normal_cdf(h, k, r))})"
    used = "import symntk; symntk.expectation('relu')(1.0); print(symntk.emit.normal.normal_cdf(0.0))"
    found = [
        subprocess.run([sys.executable, "-c", one], check=True, capture_output=True, text=True) for one in (code, used)
    ]
    assert [round(float(one.stdout), 12) for one in found] == [0.333333333333, 0.5]


@pytest.mark.parametrize(
    ("printer", "ndtr"),
    [
        (JaxPrinter, "jax.scipy.special.ndtr"),
        (CuPyPrinter, "cupyx.scipy.special.ndtr"),
        (TorchPrinter, "torch.special.ndtr"),
    ],
)
def test_other_array_modules(printer, ndtr):
    assert printer().doprint(normal_cdf(h)) == f"{ndtr}(h)" and "exp(" in printer().doprint(normal_pdf(h))
    with pytest.raises(FormulaError, match="has no bivariate_normal_cdf"):
        printer().doprint(bivariate_normal_cdf(h, k, r))


def test_a_users_own_function_goes_first():
    modules = [{"normal_cdf": lambda x: 7.0, "bivariate_normal_cdf": lambda *x: 5.0}, "numpy"]
    assert sp.lambdify((h, k, r), normal_cdf(h) + bivariate_normal_cdf(h, k, r), modules)(1, 2, 0.5) == 12.0
    assert sp.pycode(normal_cdf(h), user_functions={"normal_cdf": "mine"}) == "mine(h)"
    assert sp.ccode(normal_cdf(h), user_functions={"normal_cdf": "mine"}) == "mine(h)"


@pytest.mark.parametrize("modules", ["numpy", "scipy", "math", "mpmath"])
def test_tails_keep_their_digits(modules):
    one, density = (sp.lambdify(h, f(h), modules) for f in (normal_cdf, normal_pdf))
    two = sp.lambdify((h, k, r), bivariate_normal_cdf(h, k, r), modules)
    for x in (-30.0, -3.0, 0.0, 2.5):
        assert abs(one(x) / normal_mpmath.normal_cdf(mp.mpf(x)) - 1) < 2e-13, x
        assert abs(density(x) / normal_mpmath.normal_pdf(mp.mpf(x)) - 1) < 1e-13
        for y, rho in ((-20.0, -0.99), (-20.0, 0.3), (0.5, 0.95)):
            right = normal_mpmath.bivariate_normal_cdf(mp.mpf(x), mp.mpf(y), mp.mpf(rho))
            assert abs(two(x, y, rho) - right) <= 1e-12 * right + mp.mpf(10) ** -300, (x, y, rho)


def test_limits_of_the_bivariate_function():
    from symntk.emit.normal import bivariate_normal_cdf as phi2
    from symntk.emit.normal import normal_cdf as phi

    assert np.isnan(phi2(0.0, 0.0, 1.5)) and np.isnan(phi2(np.nan, 0.0, 0.5)) and np.isnan(phi2(1j, 0.0, 1.5))
    assert phi2(0.3, 0.5, 1.0) == phi(0.3) and phi2(-0.3, 0.2, -1.0) == 0.0
    assert np.allclose(phi2([0.3, np.inf], [[0.5], [-np.inf]], 0.0), [[phi(0.3) * phi(0.5), phi(0.5)], [0.0, 0.0]])
    assert abs(phi2(0.3 + 0j, 0.5, 0.2) - phi2(0.3, 0.5, 0.2)) < 1e-15
    assert abs(phi(0.3 + 0j) - phi(0.3)) < 1e-15


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
def test_printed_c_runs(tmp_path):
    E = symntk.expectation("relu", "relu", means=True)
    names = ", ".join(f"double {s.name}" for s in STATE)
    body = f"double relu_map({names}) {{ return {sp.ccode(E.expression)}; }}"
    one = f"double below(double h) {{ return {sp.ccode(normal_cdf(h))}; }}"
    path = tmp_path / "kernel.c"
    path.write_text("\n".join([SOURCE, body, one, "\n"]), encoding="utf-8")
    library = tmp_path / "kernel.so"
    subprocess.run(["gcc", "-Wall", "-Werror", "-O2", "-shared", "-fPIC", path, "-o", library, "-lm"], check=True)
    code = ctypes.CDLL(str(library))
    for name, count in (("relu_map", 5), ("below", 1), ("bivariate_normal_cdf", 3)):
        getattr(code, name).restype, getattr(code, name).argtypes = ctypes.c_double, [ctypes.c_double] * count
    assert abs(code.relu_map(*POINT) - float(E.evalf(*POINT, dps=20))) < 2e-15
    assert abs(code.below(-30.0) / normal_mpmath.normal_cdf(mp.mpf(-30)) - 1) < 2e-13
    worst = 0.0
    values, correlations = (-6.0, -0.7, 0.7001, 2.0), (-1.0, -0.9999, -0.5, 0.3, 0.97, 1.0)
    for x, y, rho in itertools.product(values, values, correlations):
        right = normal_mpmath.bivariate_normal_cdf(mp.mpf(x), mp.mpf(y), mp.mpf(rho))
        worst = max(worst, float(abs(code.bivariate_normal_cdf(x, y, rho) - right)))
    assert worst < 3e-15
    assert code.bivariate_normal_cdf(math.inf, 0.0, 0.5) == 0.5 and math.isnan(code.bivariate_normal_cdf(0.0, 0.0, 2.0))
