"""Condition: the derivative of a soft step is the density of a noisy observation of u."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symntk.derive.moves.algebra import Element
from symntk.derive.moves.problem import Gaussian, Problem, Window
from symntk.derive.moves.rule import Step
from symntk.derive.moves.value import Surds, Value, density


@dataclass(frozen=True, eq=False)
class Condition(Step):
    """E[N(u; t, τ²) h] = N(t; m1, a + τ²) · E[h | u + ξ = t], ξ ~ N(0, τ²); τ = 0 is δ(u − t)."""

    offset: Element
    variance: Element

    def evaluate(self) -> Value:
        """Scale the conditional expectation by the density of the observation."""
        ((_, child),) = self.children
        factor, exponent = density(self.surds, self.offset, self.variance)
        return child.value.scaled(factor, exponent)


def observed(g: Gaussian, window: Window) -> tuple[Gaussian, Element, Element]:
    """One Kalman update: the law given u + ξ = t, the residual t − m1 and the observation's variance."""
    total = g.a + window.variance
    residual = window.threshold - g.m1
    law = Gaussian(
        g.m1 + g.a * residual / total,
        g.m2 + g.c * residual / total,
        g.a * window.variance / total,
        g.b - g.c * g.c / total,
        g.c * window.variance / total,
    )
    return law, residual, total


def condition_left(problem: Problem, window: Window, surds: Surds, solve: Callable[[Problem], Step]) -> Condition:
    """Replace the density N(u; t, τ²), which multiplies the rest of `problem`, by conditioning on u + ξ = t."""
    reduce = surds.algebra.reduce
    law, residual, total = observed(problem.gaussian, window)
    child = solve(Problem(problem.left, problem.right, Gaussian(*(reduce(e) for e in law))))
    return Condition(surds, problem, ((surds.algebra.one, child),), reduce(residual), total)
