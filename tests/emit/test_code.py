"""Code as a value: nodes and definitions, and a target made outside the package."""

from __future__ import annotations

import math

import pytest

import symntk
from symntk.emit.code import Lines, Name, Number, call, choose, product, total, walk
from symntk.emit.formula import formula
from symntk.emit.targets.base import PythonTarget
from symntk.emit.targets.numpy import NUMPY
from symntk.errors import SymntkError

a, b, c = (Name(name) for name in "abc")


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (a + b - c, "a + b - c"),
        (a - (b - c), "a - (b - c)"),
        (a * (b + c) / (a * b), "a * (b + c) / (a * b)"),
        (a / (b / c), "a / (b / c)"),
        (-a * -b, "a * b"),
        (-(a + b), "-(a + b)"),
        (a * -2.0, "-a * 2.0"),
        ((-a) ** 2, "(-a) ** 2"),
        ((a**2) ** 3, "(a ** 2) ** 3"),
        (a**-1.5, "a ** (-1.5)"),
        (a - 2.0 * b, "a - 2.0 * b"),
        (choose(a > 0, -a, 1), "np.where(a > 0.0, -a, 1.0)"),
        (total([]), "0.0"),
        (product([]), "1.0"),
    ],
)
def test_what_is_written_means_what_was_made(made, text):
    assert NUMPY.expression(made) == text


def test_a_part_that_is_met_again_keeps_its_name():
    lines = Lines()
    first, second = lines.name(call("exp", a)), lines.name(call("exp", a))
    made = lines.definition("f", ["a"], [first * second])
    assert first is second and len(made.lines) == 1
    assert made.calls() == {"exp"} and made.names() == {"a", "t0"}
    assert sum(isinstance(one, Number) for one in walk(a + 1)) == 1


class Stack:
    """A target from outside: a program for a stack machine, with its own machine to run it."""

    name, functions = "stack", {"sqrt": math.sqrt, "atan2": math.atan2, "exp": math.exp}

    def write(self, definition):
        program = []
        for name, one in definition.lines:
            program += [*self.expression(one), ("store", name)]
        for one in definition.results:
            program += self.expression(one)
        return program

    def expression(self, one):
        kind = type(one).__name__
        match kind:
            case "Name":
                return [("load", one.name)]
            case "Number":
                return [("push", one.value)]
            case "Negative":
                return [*self.expression(one.of), ("push", -1.0), ("×", 2)]
            case "Sum" | "Product":
                parts = one.terms if kind == "Sum" else one.factors
                return [
                    *(op for part in parts for op in self.expression(part)),
                    ("+" if kind == "Sum" else "×", len(parts)),
                ]
            case "Quotient":
                return [*self.expression(one.above), *self.expression(one.below), ("÷", 2)]
            case "Power":
                return [*self.expression(one.base), ("power", one.exponent)]
            case "Call":
                return [*(op for part in one.arguments for op in self.expression(part)), ("call", one.function)]

    def run(self, program, **names):
        stack = []
        for op, given in program:
            if op == "load":
                stack.append(names[given])
            elif op == "push":
                stack.append(given)
            elif op == "store":
                names[given] = stack.pop()
            elif op == "power":
                stack.append(stack.pop() ** given)
            elif op == "call":
                count = 2 if given == "atan2" else 1
                stack[-count:] = [self.functions[given](*stack[-count:])]
            else:
                parts = stack[-given:]
                stack[-given:] = [{"+": math.fsum, "×": math.prod, "÷": lambda pair: pair[0] / pair[1]}[op](parts)]
        return stack.pop()


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "sign"])
def test_a_target_from_outside_runs_what_is_derived(name):
    E = symntk.derive(name).nngp
    program = Stack().write(formula("map", E.derivation.value).definition)
    for law in ((1.3, 0.7, 0.4), (0.01, 9.0, -0.2)):
        det = law[0] * law[1] - law[2] ** 2
        found = Stack().run(program, **dict(zip("abc", law, strict=True)), det=det, d=math.sqrt(det), m1=0.0, m2=0.0)
        assert found == pytest.approx(float(E.evalf(*law, dps=20)), rel=1e-13)


def test_a_function_that_a_target_lacks_is_named():
    bare = PythonTarget("bare", {}, "")
    with pytest.raises(SymntkError, match="no erfcx"):
        bare.expression(call("erfcx", a))
