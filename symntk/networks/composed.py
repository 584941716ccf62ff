"""The composed formula of a deep kernel: the layer maps' closed forms, put into each other."""

from __future__ import annotations

import math

import sympy as sp

from symntk.errors import DivergenceError, FormulaError
from symntk.kernels.expectation import Expectation
from symntk.language.symbols import STATE
from symntk.networks.layers import Plan

A, B, C = STATE[:3]
XX, YY = sp.symbols("xx yy", positive=True)
XY = sp.Symbol("xy", real=True)
WIDTH = sp.Symbol("n_0", integer=True, positive=True)
_LATEX = {XX: r"\|x\|^2", YY: r"\|x'\|^2", XY: r"\langle x, x' \rangle", WIDTH: "n_0"}
_LONGEST = 20_000  # symbols of a formula that is written out
_BY_LAYERS = "latex(kernel, layers=True), which has one line for each quantity of a layer; or fewer layers"


def composed_formula(
    plan: Plan, *, inputs: bool = False, scales: bool = False, diagonal: bool = False, most: float = math.inf
) -> sp.Expr:
    """The kernel of the plan's depth in terms of Σ¹ (a, b, c) or of the inputs (xx, yy, xy, n_0).

    Raises:
        FormulaError: a map has no closed form, the formula has more symbols than `most`, or the depth is beyond what
            SymPy can nest.
        DivergenceError: `diagonal`, and the kernel is infinite there.
    """
    try:
        formula = _composed(plan, inputs, scales, diagonal)
        size = formula_size(formula) if most < math.inf else 0
        if size > most:
            wrong = f"written out it has {size:.1e} symbols, more than {most:g}"
            raise FormulaError(f"a formula for {plan.asked}", wrong, f"{_BY_LAYERS}; or most={10.0 * size:.0e}")
        return formula
    except RecursionError as error:
        wrong = "formulas of so many layers inside each other are beyond SymPy's recursion"
        raise FormulaError(f"a formula for {plan.asked}", wrong, _BY_LAYERS) from error


def _composed(plan: Plan, inputs: bool, scales: bool, diagonal: bool) -> sp.Expr:
    """The formula, layer by layer from the first."""
    weights, biases = scale_symbols(plan) if scales else _numbers(plan)
    closed = {E: _closed(plan, E) for one in plan.layers for E in (one.cross, one.slope) if E is not None}
    # put in at once: what is replaced afterwards is the whole formula
    first = [weights[0] ** 2 * s / WIDTH + biases[0] ** 2 for s in (XX, YY, XY)] if inputs else [A, B, C]
    a, b, c = (first[0],) * 3 if diagonal else first
    total = c
    for index, one in enumerate(plan.layers):
        weight, bias = weights[index + 1] ** 2, biases[index + 1] ** 2
        point = {A: a, B: b, C: c}
        if diagonal:
            if not one.equal:
                raise FormulaError(plan.asked, "its sides differ: no input is fully correlated", "diagonal=False")
            limits = {E: _limit(plan, E) for E in (one.cross, one.slope) if E is not None}
        found = limits if diagonal else closed
        moved = weight * found[one.cross].xreplace(point) + bias
        total = moved if one.slope is None else moved + total * weight * found[one.slope].xreplace(point)
        if diagonal:
            a = b = c = moved
        else:
            a = weight * _limit(plan, one.first).xreplace({A: a}) + bias
            b = weight * _limit(plan, one.second).xreplace({A: b}) + bias
            c = moved
    return total


def formula_size(formula: sp.Expr) -> int:
    """Nodes of the formula as a tree, which is what printing and evaluating it takes; counted on what is shared."""
    known: dict[sp.Basic, int] = {}
    waiting: list[sp.Basic] = [formula]
    while waiting:
        node = waiting[-1]
        new = [part for part in node.args if part not in known]
        waiting.extend(new)
        if not new:
            known[waiting.pop()] = 1 + sum(known[part] for part in node.args)
    return known[formula]


def composed_latex(formula: sp.Expr, asked: str) -> str:
    """LaTeX, with norms and inner products of the inputs as such.

    Raises:
        FormulaError: the formula of `asked` is too long for anyone to read; written out it may exceed the memory.
    """
    size = formula_size(formula)
    if size > _LONGEST:
        raise FormulaError(f"LaTeX for {asked}", f"the formula has {size:.1e} symbols", _BY_LAYERS)
    return str(sp.latex(formula, symbol_names=_LATEX))


def layers_latex(plan: Plan, *, scales: bool = False) -> str:
    """The recursion as an aligned environment: a_l, b_l, c_l are the entries of Σ^l, k_l is the kernel."""
    weights, biases = scale_symbols(plan) if scales else _numbers(plan)
    first = [weights[0] ** 2 / WIDTH * s + biases[0] ** 2 for s in (XX, YY, XY)]
    lines = [_equation(f"{n}_1", value) for n, value in zip("abc", first, strict=True)]
    if plan.layers and plan.layers[0].slope is not None:
        lines.append(_equation("k_1", sp.Symbol("c_1", real=True)))
    for index, one in enumerate(plan.layers):
        weight, bias = weights[index + 1] ** 2, biases[index + 1] ** 2
        point = {s: sp.Symbol(f"{s.name}_{index + 1}", **s.assumptions0) for s in (A, B, C)}
        maps = [
            ("a", _limit(plan, one.first).xreplace({A: point[A]})),
            ("b", _limit(plan, one.second).xreplace({A: point[B]})),
            ("c", _closed(plan, one.cross).xreplace(point)),
        ]
        lines += [_equation(f"{n}_{index + 2}", weight * value + bias) for n, value in maps]
        if one.slope is not None:
            before = sp.Symbol(f"k_{index + 1}", real=True)
            gain = weight * _closed(plan, one.slope).xreplace(point)
            lines.append(_equation(f"k_{index + 2}", sp.Symbol(f"c_{index + 2}", real=True) + before * gain))
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def scale_symbols(plan: Plan) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """Symbols sigma_w and sigma_b for each weight layer, the same for all where their numbers are."""
    out = []
    for name, values in (("sigma_w", plan.weight_std), ("sigma_b", plan.bias_std)):
        if len(set(values)) == 1:
            out.append([sp.Symbol(name, positive=True)] * len(values))
        else:
            out.append([sp.Symbol(f"{name}{index + 1}", positive=True) for index in range(len(values))])
    return out[0], out[1]


def _numbers(plan: Plan) -> tuple[list[sp.Expr], list[sp.Expr]]:
    return list(plan.weights), list(plan.biases)


def _closed(plan: Plan, E: Expectation) -> sp.Expr:
    if E.expression is None:
        wrong = f"{E} has no closed form; it is computed by the method {E.method!r}"
        raise FormulaError(f"a formula for {plan.asked}", wrong, "its numbers: the Gram matrices need no closed form")
    return E.expression


def _limit(plan: Plan, E: Expectation) -> sp.Expr:
    """The map at full correlation, as an expression in a."""
    _closed(plan, E)
    if E.diagonal.diverges:
        wrong = f"at full correlation {E} {E.diagonal}"
        raise DivergenceError(f"a formula for {plan.asked}", wrong, "the formula off the diagonal")
    if E.diagonal.limit is None:
        raise FormulaError(f"a formula for {plan.asked}", f"at full correlation {E} is {E.diagonal}", "its numbers")
    return E.diagonal.limit


def _equation(name: str, value: sp.Expr) -> str:
    return f"{name} &= {composed_latex(value, name)}"
