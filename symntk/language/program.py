"""A formula as a list of steps: each node once, by a rule, after the nodes that it is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sympy as sp

Value = TypeVar("Value")
Rule = Callable[..., Value]


def program(
    expr: sp.Basic,
    rule: Callable[[sp.Basic], tuple[Rule[Value], tuple[sp.Basic, ...]]],
    tidy: Callable[[Value], Value],
) -> Callable[[Value], Value]:
    """The function that maps a value of the variable to the value of `expr`, in any arithmetic.

    Args:
        expr: the formula.
        rule: how a node is computed, and the parts that it is computed from; no parts: from the variable's value.
        tidy: what is done to the value of every node.

    >>> x, y = sp.symbols("x y")
    >>> def rule(node):
    ...     return (max, node.args) if node.args else (lambda given: given[node], ())
    >>> program(x + x * y, rule, float)({x: 1, y: 3})  # with the largest part for every sum and product
    3.0
    """
    places: dict[sp.Basic, int] = {}
    steps: list[tuple[Rule[Value], tuple[int, ...]]] = []

    def place(node: sp.Basic) -> int:
        if node not in places:
            found, parts = rule(node)
            inputs = tuple(place(part) for part in parts)
            steps.append((found, inputs))
            places[node] = len(steps) - 1
        return places[node]

    last = place(expr)

    def run(given: Value) -> Value:
        values: list[Value] = []
        for found, inputs in steps:
            values.append(tidy(found(*(values[i] for i in inputs)) if inputs else found(given)))
        return values[last]

    return run
