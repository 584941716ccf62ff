"""Stein: integration by parts lowers powers, and orders of deltas, until none is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symntk.derive.moves.algebra import Element
from symntk.derive.moves.condition import condition_left
from symntk.derive.moves.problem import Problem
from symntk.derive.moves.rule import Step
from symntk.derive.moves.value import Surds, Value, add

Solve = Callable[[Problem], Step]


@dataclass(frozen=True, eq=False)
class Stein(Step):
    """E[u h] = m1 E[h] + a E[∂_u h] + c E[∂_v h]."""

    def evaluate(self) -> Value:
        """Add up the lowered expectations."""
        return add(self.surds, [(factor, child.value) for factor, child in self.children])


@dataclass(frozen=True, eq=False)
class SteinDelta(Stein):
    """a E[δ⁽ⁿ⁾(u−t) h(v)] = (t−m1) E[δ⁽ⁿ⁻¹⁾ h] − (n−1) E[δ⁽ⁿ⁻²⁾ h] − c E[δ⁽ⁿ⁻¹⁾ h′]."""


@dataclass(frozen=True, eq=False)
class Exchange(Step):
    """E[f(u) g(v)] is the expectation of g(v) f(u): the roles of u and v are exchanged."""

    def evaluate(self) -> Value:
        """The value is the child's."""
        ((_, child),) = self.children
        return child.value


def lower_power(problem: Problem, surds: Surds, solve: Solve) -> Step:
    """One power of u less (problem.left.power ≥ 1, no exponentials, no delta on the left)."""
    g, left = problem.gaussian, problem.left
    rest = problem.with_left(power=left.power - 1)
    parts: list[tuple[Element, Step]] = []
    if g.m1:
        parts.append((g.m1, solve(rest)))
    if g.a:
        parts += [(g.a * factor, step) for factor, step in _derivative_left(rest, surds, solve)]
    if g.c:
        swapped = _derivative_left(rest.exchanged(), surds, solve)
        parts += [(g.c * factor, Exchange(surds, rest, ((surds.algebra.one, step),))) for factor, step in swapped]
    return Stein(surds, problem, tuple(parts))


def lower_delta(problem: Problem, surds: Surds, solve: Solve) -> Step:
    """One order of the left delta less."""
    g, window = problem.gaussian, problem.left.window
    assert window is not None
    order = window.order
    lower = problem.with_left(window=window._replace(order=order - 1))
    parts: list[tuple[Element, Step]] = []
    residual = surds.algebra.reduce(window.threshold - g.m1)
    if residual:
        parts.append((residual / g.a, solve(lower)))
    if order > 1:
        twice = problem.with_left(window=window._replace(order=order - 2))
        parts.append((-(order - 1) / g.a, solve(twice)))
    if g.c:
        swapped = _derivative_left(lower.exchanged(), surds, solve)
        parts += [
            (-g.c / g.a * factor, Exchange(surds, lower, ((surds.algebra.one, step),))) for factor, step in swapped
        ]
    return SteinDelta(surds, problem, tuple(parts))


def _derivative_left(problem: Problem, surds: Surds, solve: Solve) -> list[tuple[Element, Step]]:
    """∂_u of u^j W(u), each part solved: the power rule, and the window's density by conditioning."""
    one, left = surds.algebra.one, problem.left
    parts: list[tuple[Element, Step]] = []
    window = left.window
    if left.power:
        parts.append((left.power * one, solve(problem.with_left(power=left.power - 1))))
    if window is None:
        return parts
    if window.kind == "delta":
        raised = window._replace(order=window.order + 1)
        parts.append((one, solve(problem.with_left(window=raised))))
    else:
        bare = problem.with_left(window=None)
        parts.append((window.side * one, condition_left(bare, window, surds, solve)))
    return parts
