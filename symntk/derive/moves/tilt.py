"""Tilt: an exponential of a quadratic times a Gaussian is a Gaussian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symntk.derive.moves.algebra import Algebra, Element
from symntk.derive.moves.move import Move, Scaling
from symntk.derive.moves.problem import Gaussian, Problem
from symntk.derive.moves.value import Surd, Surds
from symntk.derive.step import Notes


@dataclass(frozen=True, eq=False)
class Tilt(Scaling):
    """E[exp(z'Az + w'z) h(z)] = |I − 2ΣA|^{−1/2} e^q Ẽ[h(z)], z̃ ~ N(m + Σ̃(2Am + w), Σ̃), Σ̃ = (Σ⁻¹ − 2A)⁻¹."""

    determinant: Element
    exponent: Element

    def front(self) -> tuple[Surd, Element]:
        """The tilt's factor."""
        return self.surds.inverse_root(self.determinant), self.exponent

    def explained(self, notes: Notes, turned: bool) -> str:
        """What the move does."""
        long = "The exponential times the normal density is, up to a factor, another normal density."
        return f"**Tilt.** {notes.once('tilt', long)}"


def tilt_determinant(alpha: Element, gamma: Element, g: Gaussian) -> Element:
    """|I − 2Σ diag(α, γ)|; the expectation exists while I − 2Σ diag(α, γ) has positive eigenvalues."""
    return (1 - 2 * alpha * g.a) * (1 - 2 * gamma * g.b) - 4 * alpha * gamma * g.c**2


def apply_tilt(problem: Problem, surds: Surds, solve: Callable[[Problem], Move]) -> Move | None:
    """Remove the exponentials of both factors, if there are any."""
    left, right, g = problem.left, problem.right, problem.gaussian
    alpha, beta, gamma, delta = left.quadratic, left.linear, right.quadratic, right.linear
    if not (alpha or beta or gamma or delta):
        return None
    algebra: Algebra = surds.algebra
    det, zero = g.det, algebra.zero
    scale = tilt_determinant(alpha, gamma, g)
    a, b, c = (g.a - 2 * gamma * det) / scale, (g.b - 2 * alpha * det) / scale, g.c / scale
    w1, w2 = 2 * alpha * g.m1 + beta, 2 * gamma * g.m2 + delta
    quadratic = (w1 * w1 * a + 2 * w1 * w2 * c + w2 * w2 * b) / 2
    plain = alpha * g.m1**2 + gamma * g.m2**2 + beta * g.m1 + delta * g.m2
    reduce = algebra.reduce
    tilted = Gaussian(reduce(g.m1 + a * w1 + c * w2), reduce(g.m2 + c * w1 + b * w2), a, b, c)
    child = solve(
        Problem(left._replace(quadratic=zero, linear=zero), right._replace(quadratic=zero, linear=zero), tilted)
    )
    return Tilt(surds, problem, ((algebra.one, child),), scale, reduce(quadratic + plain))
