"""Base: products of soft steps are normal probabilities."""

from __future__ import annotations

from dataclasses import dataclass

from symntk.derive.moves.algebra import Element
from symntk.derive.moves.problem import Gaussian, Window
from symntk.derive.moves.rule import Step
from symntk.derive.moves.value import Base, Value, single


@dataclass(frozen=True, eq=False)
class Probability(Step):
    """E[S1(u) S2(v)] = Φ2(s1(m1−t1)/√A, s2(m2−t2)/√B; s1 s2 c/√(AB)), A = a+τ1², B = b+τ2²; one step: Φ; none: 1."""

    def evaluate(self) -> Value:
        """The probability as a basis function."""
        surds, g = self.surds, self.problem.gaussian
        first, second = self.problem.left.window, self.problem.right.window
        if first is None and second is None:
            return single(surds)
        if second is None:
            assert first is not None
            return single(surds, Base("Phi", (surds.ratio(*_standard(g, first)),)))
        if first is None:
            return single(surds, Base("Phi", (surds.ratio(*_standard(g.exchanged(), second)),)))
        (h, total_u), (k, total_v) = _standard(g, first), _standard(g.exchanged(), second)
        rho = surds.ratio(first.side * second.side * g.c, total_u * total_v)
        return single(surds, Base("Phi2", (surds.ratio(h, total_u), surds.ratio(k, total_v), rho)))


def _standard(g: Gaussian, window: Window) -> tuple[Element, Element]:
    """The step's argument in units of its standard deviation, as numerator and variance."""
    return window.side * (g.m1 - window.threshold), g.a + window.variance
