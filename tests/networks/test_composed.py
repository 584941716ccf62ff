"""Composed formulas, their LaTeX, and modules of fixed depth."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

import symntk
from symntk.errors import DivergenceError, DomainError, FormulaError
from symntk.language.symbols import STATE
from symntk.networks.composed import WIDTH, XX, XY, YY, formula_size
from symntk.verify.evaluate import evaluate

POINTS = np.random.default_rng(2).normal(size=(4, 3))
SIGN = symntk.derive("sign", "erf")
RELU = symntk.derive("relu", "erf")
NETS = {
    "sign": symntk.Network(SIGN, 3, weight_std=1.2, bias_std=0.1),
    "layers": symntk.Network([SIGN, RELU], 3, weight_std=[1.0, 1.5, 0.5], bias_std=[0.0, 0.2, 0.3]),
    "gelu": symntk.Network(symntk.derive("gelu", "triangle"), 3, bias_std=0.2),
}


def number(formula, values):
    """A formula at a point, with 20 digits."""
    return float(evaluate(formula, values, dps=20))


def entries(net, i, j):
    x, y = POINTS[i], POINTS[j]
    w, s = net.weight_std[0] ** 2 / 3, net.bias_std[0] ** 2
    return [w * p @ q + s for p, q in ((x, x), (y, y), (x, y))]


@pytest.mark.parametrize("kernel", ["nngp", "ntk", "sg_ntk"])
@pytest.mark.parametrize("name", NETS)
def test_formula_equals_numbers(name, kernel):
    net = NETS[name]
    gram = getattr(net, kernel)(POINTS[:2], POINTS[2:])
    formula = net.symbolic(kernel)
    by_inputs = net.symbolic(kernel, inputs=True)
    for i, j in ((0, 2), (1, 3)):
        values = dict(zip(STATE, entries(net, i, j), strict=False))
        assert number(formula, values) == pytest.approx(gram[i, j - 2], rel=1e-12)
        x, y = POINTS[i], POINTS[j]
        norms = {XX: x @ x, YY: y @ y, XY: x @ y, WIDTH: 3}
        assert number(by_inputs, norms) == pytest.approx(gram[i, j - 2], rel=1e-12)


@pytest.mark.parametrize(("name", "kernel"), [("sign", "sg_ntk"), ("layers", "nngp"), ("gelu", "ntk")])
def test_diagonal_formula(name, kernel):
    net = NETS[name]
    formula = net.symbolic(kernel, diagonal=True)
    assert formula.free_symbols <= {STATE[0]}
    a = entries(net, 1, 1)[0]
    assert number(formula, {STATE[0]: a}) == pytest.approx(getattr(net, kernel)(POINTS)[1, 1], rel=1e-12)


def test_diagonal_of_what_diverges():
    with pytest.raises(DivergenceError, match="diverges like"):
        NETS["sign"].symbolic("ntk", diagonal=True)


def test_scales_as_symbols_are_those_of_the_network_when_put_in():
    net = NETS["sign"]
    formula = net.symbolic("sg_ntk", scales=True)
    names = {s.name: s for s in formula.free_symbols}
    assert set(names) == {"a", "b", "c", "sigma_w", "sigma_b"}
    put = formula.subs({names["sigma_w"]: sp.Rational(6, 5), names["sigma_b"]: sp.Rational(1, 10)})
    values = dict(zip(STATE, (1.5, 0.7, 0.4), strict=False))
    assert number(put, values) == pytest.approx(number(net.symbolic("sg_ntk"), values), rel=1e-15)
    assert {"sigma_w1", "sigma_w3"} <= {
        s.name for s in NETS["layers"].symbolic("nngp", inputs=True, scales=True).free_symbols
    }


def test_parameters_stay_symbols():
    """Depth 2 of erf(m x): theory T1, with σ_w = 1 and no bias."""
    a, b, c = STATE[:3]
    formula = symntk.Network(symntk.derive("erf(m*x)"), 2).symbolic("ntk")
    m = next(s for s in formula.free_symbols if s.name == "m")
    gap = 1 / (2 * m**2)
    expected = 2 / sp.pi * (sp.asin(c / sp.sqrt((a + gap) * (b + gap))) + c / sp.sqrt((a + gap) * (b + gap) - c**2))
    values = {a: sp.Rational(3, 2), b: sp.Rational(7, 10), c: sp.Rational(2, 5), m: 3}
    assert abs((formula - expected).evalf(30, subs=values)) < 1e-28


def test_latex():
    net = NETS["sign"]
    assert net.latex("sg_ntk") == sp.latex(net.symbolic("sg_ntk"))
    assert r"\langle x, x' \rangle" in net.latex("nngp", inputs=True)
    layers = net.latex("sg_ntk", layers=True)
    assert layers.startswith(r"\begin{aligned}") and all(f"{n}_3 &=" in layers for n in "abck")


def test_formulas_that_are_too_long_are_refused_and_exported_modules_go_without():
    """ReLU's formula triples with each layer: above 10¹⁰ symbols at depth 25; at depth 60 SymPy's recursion ends."""
    relu = symntk.derive("relu")
    deep = symntk.Network(relu, 25, bias_std=0.1)
    with pytest.raises(FormulaError, match=r"has [1-9]\.\de\+1\d symbols. Try: latex\(kernel, layers=True\)"):
        deep.latex("ntk")
    assert "c_25 &=" in deep.latex("ntk", layers=True)
    deeper = symntk.Network(relu, 60, bias_std=0.1)
    with pytest.raises(FormulaError, match="beyond SymPy's recursion"):
        deeper.symbolic("ntk", most=float("inf"))
    with pytest.raises(FormulaError, match=r"\d symbols, more than 100000. Try: latex\(kernel, layers=True\).*most=\d"):
        symntk.Network(relu, 30).symbolic("ntk")
    space = {}
    exec(compile(deeper.source(), "exported", "exec"), space)
    assert space["ntk"](POINTS) == pytest.approx(deeper.ntk(POINTS), rel=1e-12)


def test_formula_of_two_networks():
    erf = symntk.derive("erf", "triangle")
    one, two = (symntk.Network(k, 3, weight_std=1.2, bias_std=0.1) for k in (SIGN, erf))
    slopes = ("surrogate", "derivative")
    gram = one.general(POINTS[:1], POINTS[1:2], other=two, slopes=slopes)
    formula = one.symbolic("general", other=two, slopes=slopes)
    values = dict(zip(STATE, entries(one, 0, 1), strict=False))
    assert number(formula, values) == pytest.approx(gram[0, 0], rel=1e-12)
    assert one.latex("general", other=two, slopes=slopes) == sp.latex(formula)
    with pytest.raises(FormulaError, match="sides differ"):
        one.symbolic("general", other=two, slopes=slopes, diagonal=True)


def test_formula_size_is_that_of_the_tree_also_where_no_tree_could_be_walked():
    small = symntk.Network(RELU, 3, bias_std=0.1).symbolic("ntk")
    assert formula_size(small) == sum(1 for _ in sp.preorder_traversal(small))
    assert formula_size(symntk.Network(RELU, 14, bias_std=0.1).symbolic("ntk", most=1e9)) > 10**7


def test_no_closed_form_is_named():
    net = symntk.Network([SIGN, symntk.derive("tanh")], 3)
    with pytest.raises(FormulaError, match="tanh has no closed form"):
        net.symbolic("ntk")
    with pytest.raises(FormulaError, match="not known"):
        net.symbolic("cntk")


@pytest.mark.parametrize("name", ["layers", "gelu"])
def test_exported_module_runs_without_symntk(name, tmp_path):
    net = NETS[name]
    path = net.export(tmp_path / "net_module.py")
    np.save(tmp_path / "x.npy", POINTS)
    program = (
        "import sys, numpy as np; sys.modules['symntk'] = None; sys.path.insert(0, sys.argv[1])\n"
        "import net_module as m; x = np.load(sys.argv[1] + '/x.npy')\n"
        "np.savez(sys.argv[1] + '/k.npz', nngp=m.nngp(x), sg=m.sg_ntk(x), across=m.ntk(x[:2], x[2:]),\n"
        "         entry=m.sg_ntk_map(*np.array([[1.5, 1.0], [0.7, 1.0], [0.4, 1.0]])))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    found = np.load(tmp_path / "k.npz")
    for given, own in (
        (found["nngp"], net.nngp(POINTS)),
        (found["sg"], net.sg_ntk(POINTS)),
        (found["across"], net.ntk(POINTS[:2], POINTS[2:])),
    ):
        assert given == pytest.approx(own, rel=1e-13)
    formulas = net.symbolic("sg_ntk"), net.symbolic("sg_ntk", diagonal=True)
    for entry, formula, law in zip(found["entry"], formulas, ((1.5, 0.7, 0.4), (1.0, 1.0, 1.0)), strict=True):
        assert entry == pytest.approx(number(formula, dict(zip(STATE, law, strict=False))), rel=1e-12)
    assert path.name == "net_module.py"


def test_exported_module_with_parameters_and_without_closed_form():
    space = {}
    net = symntk.Network([symntk.derive("erf(m*x)"), symntk.derive("tanh")], 3)
    exec(compile(net.source(m=2.0), "exported", "exec"), space)
    assert space["ntk"](POINTS) == pytest.approx(net.ntk(POINTS, m=2.0), rel=1e-9)  # by a table


def test_layers_with_one_slope_and_different_activations():
    """ReLU and ReLU + 1 have one E[σ' σ'], but layers of their own."""
    net = symntk.Network([RELU, symntk.derive("Max(0, x) + 1")], 3, bias_std=0.1)
    space = {}
    exec(compile(net.source(), "exported", "exec"), space)
    for name in net.names:
        assert space[name](POINTS) == pytest.approx(getattr(net, name)(POINTS), rel=1e-13)


def test_exported_singular_kernel():
    space = {}
    exec(compile(NETS["sign"].source(), "exported", "exec"), space)
    with pytest.raises(ValueError, match="diverges like"):
        space["ntk"](POINTS)
    own = NETS["sign"].ntk(POINTS, singular="inf")
    assert space["ntk"](POINTS, singular="inf") == pytest.approx(own, rel=1e-13)
    # 0.5 = √0.1·√2.5 to rounding, though 0.1·2.5 − 0.5² is 1.4e-17 in these binary numbers: parallel inputs
    assert np.isposinf(space["ntk_map"](0.1, 2.5, [0.5, 0.4]))[0] and space["ntk_map"](0.1, 2.5, 0.4) < 3


def test_scales_are_exact_in_formulas():
    """σ_w = √2 makes ReLU's kernel one of correlations: E f² is the variance itself."""
    plain, he = (symntk.Network(RELU, 2, weight_std=scale).symbolic("nngp") for scale in (1, sp.sqrt(2)))
    assert sp.simplify(he - 2 * plain) == 0 and not he.atoms(sp.Float)
    assert max(q.q for q in he.atoms(sp.Rational)) <= 2
    deep = symntk.Network(RELU, 3, weight_std=sp.sqrt(2), bias_std=0.1)
    assert deep.symbolic("nngp", diagonal=True) == STATE[0] + sp.Rational(2, 100)
    each = symntk.Network(RELU, 2, weight_std=[Fraction(1, 3), sp.sqrt(3)], bias_std=np.array([0.1, 0.25]))
    assert each.symbolic("nngp", diagonal=True) == sp.Rational(3, 2) * STATE[0] + sp.Rational(1, 16)
    assert each.weight_std == (1 / 3, 3**0.5) and np.allclose(deep.nngp(POINTS), _floats(deep).nngp(POINTS), rtol=1e-15)
    for scale in (sp.Symbol("s", positive=True), sp.I, -sp.sqrt(2), [sp.sqrt(2)] * 3):
        with pytest.raises(DomainError, match="weight_std"):
            symntk.Network(RELU, 2, weight_std=scale)


def _floats(net):
    return symntk.Network(net.layers[0], net.depth, weight_std=net.weight_std, bias_std=net.bias_std)
