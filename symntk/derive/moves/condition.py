"""Condition: the derivative of a soft step is the density of a noisy observation of u."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from symntk.derive.latex import inline, tex
from symntk.derive.moves.algebra import Element
from symntk.derive.moves.move import Move, Scaling
from symntk.derive.moves.problem import Gaussian, Problem, Window, variables
from symntk.derive.moves.value import Surd, Surds, density
from symntk.derive.step import Notes
from symntk.language.special import normal_pdf


@dataclass(frozen=True, eq=False)
class Condition(Scaling):
    """E[N(u; t, τ²) h] = N(t; m1, a + τ²) · E[h | u + ξ = t], ξ ~ N(0, τ²); τ = 0 is δ(u − t)."""

    offset: Element
    variance: Element

    def front(self) -> tuple[Surd, Element]:
        """The density of the observation."""
        return density(self.surds, self.offset, self.variance)

    @property
    def uses(self) -> tuple[bool, bool]:
        """The density is one of the first variable."""
        return True, super().uses[1]

    @property
    def observation(self) -> tuple[sp.Expr, sp.Expr]:
        """Threshold and noise variance of the density on which the step conditions."""
        law = self.problem.gaussian
        return self.algebra.expr(self.offset + law.m1), self.algebra.expr(self.variance - law.a)

    def density(self, variable: sp.Symbol) -> sp.Expr:
        """The density N(variable; t, τ²) on which the step conditions; its problem holds the rest of the integrand."""
        threshold, variance = self.observation
        return sp.Function("N")(variable, threshold, variance) if variance else sp.DiracDelta(variable - threshold)

    def explained(self, notes: Notes, turned: bool) -> str:
        """What the move does."""
        first = variables(turned)[0]
        threshold, variance = (tex(entry) for entry in self.observation)
        if variance == "0":
            long = notes.once("delta", "The density there stands in front.")
            event = inline(f"{first} = {threshold}")
            return f"**Condition** on {event}. {long}"
        noisy, noise = inline(rf"{first} + \xi = {threshold}"), inline(rf"\xi \sim N(0, {variance})")
        long = f" {inline(tex(self.density(first)))} is its density given {inline(str(first))}."
        text = f"**Condition** on {noisy}, an observation of {inline(str(first))} with independent noise {noise}"
        return f"{text}.{notes.once('soft', long)}"


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


def at_delta(law: Gaussian, threshold: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """In formulas: the density of u at a delta's threshold, and mean and variance of v given that u is there."""
    given, residual, total = observed(law, Window("delta", threshold, sp.S.Zero))
    return normal_density(residual, total), given.m2, given.b


def normal_density(offset: sp.Expr, variance: sp.Expr) -> sp.Expr:
    """The density of a normal law at a distance from its mean, as a formula."""
    return normal_pdf(offset / sp.sqrt(variance)) / sp.sqrt(variance)


def condition_left(problem: Problem, window: Window, surds: Surds, solve: Callable[[Problem], Move]) -> Condition:
    """Replace the density N(u; t, τ²), which multiplies the rest of `problem`, by conditioning on u + ξ = t."""
    reduce = surds.algebra.reduce
    law, residual, total = observed(problem.gaussian, window)
    child = solve(Problem(problem.left, problem.right, Gaussian(*(reduce(e) for e in law))))
    return Condition(surds, problem, ((surds.algebra.one, child),), reduce(residual), total)
