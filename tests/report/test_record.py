"""Records: what they state is true, and can be set and read back."""

import copy
import random
import re
from functools import cache

import pytest
import sympy as sp

import symntk
from symntk.derive.latex import equation, power_of_ten, summed, tex, width
from symntk.derive.moves.move import Scaling
from symntk.derive.moves.publish import plainly
from symntk.language.special import bivariate_normal_cdf, normal_cdf
from symntk.language.symbols import STATE, cov, var_u, var_v
from symntk.report import record as module
from symntk.report.record import TITLES, parts_of, record
from symntk.report.record_certificate import certificate
from symntk.report.record_limits import at_equal_variances, at_independence
from symntk.verify.evaluate import evaluate

POINT = dict(zip(STATE, (sp.Rational(13, 10), sp.Rational(7, 10), sp.Rational(2, 5), 0, 0), strict=True))
NAMES = {"normal_cdf": normal_cdf, "bivariate_normal_cdf": bivariate_normal_cdf} | {s.name: s for s in STATE}
PAIRS = [("sign", "erf"), ("gelu", None), ("relu", "boxcar"), ("elu", None), ("sin", "laplace"), ("abs", "step")]


@cache
def kernels_of(activation, surrogate):
    return symntk.derive(activation, surrogate)


@cache
def page_of(activation, surrogate):
    return record(kernels_of(activation, surrogate)).formulas


def at(expr, values=POINT):
    return evaluate(expr, values, dps=20)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_text_of_a_formula_is_the_formula(pair):
    kernels, page = kernels_of(*pair), page_of(*pair)
    texts = dict(re.findall(r"## ([\w -]+)\n\n```math.*?```\n\n```\n(.*?)\n```", page, re.S))
    assert set(texts) == {TITLES[name] for name, _ in kernels.items()}
    for name, E in kernels.items():
        read = sp.sympify(texts[TITLES[name]], locals=NAMES)
        assert abs(at(read) - at(E.expression)) < 1e-15


@pytest.mark.parametrize("pair", PAIRS)
def test_moves_leave_the_factor_that_is_shown(pair):
    """Tilt and condition: value = front · value of the expectation that is left."""
    seen = 0
    for _, E in kernels_of(*pair).items():
        for step in E.derivation.walk():
            if isinstance(step, Scaling):
                ((_, child),) = step.children
                value, rest = plainly(step.value), plainly(child.value)
                assert abs(at(value) - at(step.factor * rest)) < 1e-15
                seen += 1
    assert seen or pair == ("sign", None)


@pytest.mark.parametrize("pair", [*PAIRS, ("sign", "arctan")])
def test_special_cases_are_true(pair):
    for _, E in kernels_of(*pair).items():
        independent, equal = at_independence(E), at_equal_variances(E)
        if independent is not None:
            product = [
                symntk.kernels.expectation.Expectation(one, unit(), means=False).expression for one in (E.f, E.g)
            ]
            product[1] = product[1].subs(var_u, var_v)
            assert abs(at(independent) - at(product[0]) * at(product[1])) < 1e-15
        if equal is not None:
            rho = next(iter(equal.free_symbols - {var_u}), sp.Symbol("rho"))
            value = at(equal, {var_u: sp.Rational(13, 10), rho: sp.Rational(1, 3)})
            whole = {**POINT, var_v: POINT[var_u], cov: POINT[var_u] / 3}
            assert abs(value - at(E.expression, whole)) < 1e-15


def unit():
    return symntk.expectation("x", "1").g


def test_a_proof_shows_every_kind_of_pair_once():
    E = symntk.expectation("hard_tanh", "hard_tanh")
    text = "\n".join(E.derivation.proof("f(u)", "f(v)"))
    numbers = [int(n) for n in re.findall(r"^\*\*(\d+)\.\*\*", text, re.M)]
    assert numbers == list(range(1, len(numbers) + 1))
    for word in ("Linearity", "Stein", "Condition", "Base", "In the same way", "Total"):
        assert f"**{word}" in text
    assert len(numbers) < len(list(E.derivation.walk()))


def test_laws_are_stated_before_they_are_used():
    for name in ("gelu", "hard_tanh", "elu", "relu_cubed"):
        E = symntk.expectation(name, name)
        text = "\n\n".join(E.derivation.proof("f(u)", "f(v)"))
        for index in set(re.findall(r"\\mathbb\{E\}_\{(\d+)\}\\left\[", text)):
            used = re.search(rf"\\mathbb\{{E\}}_\{{{index}\}}\\left\[", text).start()
            assert 0 <= text.find(f"Under $`\\mathbb{{E}}_{{{index}}}`$") < used, (name, index)


def test_an_odd_and_an_even_function():
    page = record(symntk.derive("sign", surrogate_derivative="x")).formulas
    assert "its own negative, hence 0" in page


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("sign", "arctan"), ["density there stands in front", "Gamma function", "Put $`"]),
        (("sign", "softsign"), ["Goodwin", "Recurrence", "symmetric"]),
        (("erf", "arctan"), ["Reduction to one dimension", "Two dimensions"]),
        (("tanh", None), ["Mixture", r"\varepsilon_f &\le 10^{-11}", "../MOVES.md#without-a-closed-form"]),
        (("mish", None), ["Two dimensions", "10^{-10}"]),
    ],
)
def test_what_is_not_closed_by_the_moves_says_what_remains(pair, words):
    page = page_of(*pair)
    for word in words:
        assert word in page


def test_the_digest_follows_the_formulas_and_not_the_words(monkeypatch):
    first = record(symntk.derive("step"))
    monkeypatch.setattr(module, "TITLES", {name: title.lower() for name, title in TITLES.items()})
    second = record(symntk.derive("step"))
    assert first.formulas != second.formulas
    assert first.digest == second.digest != record(symntk.derive("sign")).digest


def test_a_page_is_taken_apart_again():
    found = record(symntk.derive("step"), {"ntk": ("another", "another.md")})
    assert "Proof: in the record of [another](another.md)." in found.formulas
    assert parts_of(found.page("words")) == (found.formulas, "words", found.digest)
    assert parts_of("") == ("", "", "")


def test_a_certificate_states_what_was_required_of_each_kernel():
    text = certificate(symntk.derive("step", "erf"), {"nngp", "ntk"})
    assert "| check | SG-NTK | Surrogate NTK |" in text
    assert "| edge points | ≥ 45 digits, 16 points | ≥ 45 digits, 16 points |" in text
    assert "FAILED" not in text


def test_a_certificate_says_what_failed():
    kernels = symntk.derive("x")
    E = kernels.nngp
    E.__dict__["solution"] = copy.copy(E.solution)  # equal expectations share theirs
    E.solution.__dict__["expression"] = 2 * E.expression
    assert "| random points | FAILED |" in certificate(kernels, {"ntk"})


def test_mathematics_is_read_by_a_parser():
    """Matplotlib's own reader of TeX takes what has no environments."""
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    found = []
    for pair in PAIRS:
        page = page_of(*pair)
        found += re.findall(r"```math\n(.*?)\n```", page, re.S) + re.findall(r"\$`(.*?)`\$", page)
    plain = [formula for formula in found if r"\begin" not in formula]
    assert len(plain) > 100
    for formula in random.Random(0).sample(plain, 30):
        parser.parse(f"${formula}$")
    with pytest.raises(ValueError, match="Parse"):
        parser.parse(r"$\frac{1}{2$")


def test_long_numbers_are_cut_off():
    assert tex(sp.Rational("1.0507009873554805")) == r"{1.05070099\ldots}"
    assert tex(-sp.Rational(10**20 + 1)) == r"- {1\ldots \cdot 10^{20}}"
    assert tex(sp.Rational(1, 3)) == r"\frac{1}{3}"


def test_wide_sums_are_broken():
    terms = sp.Add(*(sp.Symbol(f"a{i}") ** i for i in range(1, 40)), evaluate=False)
    text = summed(terms)
    assert all(width(line) < 130 for line in text.split(r"\\"))
    shown = equation("E", text)
    assert shown.startswith("```math\n\\begin{aligned}")


def test_bounds_are_rounded_up():
    assert power_of_ten(1.0000001e-10) == "10^{-9}"
    assert power_of_ten(0.99e-10) == "10^{-10}"
    assert power_of_ten(1e-10) == "10^{-10}"
