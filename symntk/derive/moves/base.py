"""Base: products of soft steps are normal probabilities."""

from __future__ import annotations

from dataclasses import dataclass

from symntk.derive.latex import tex
from symntk.derive.moves.algebra import Element
from symntk.derive.moves.move import BASE, Move
from symntk.derive.moves.problem import Gaussian, Window
from symntk.derive.moves.publish import plainly
from symntk.derive.moves.value import Base, Value, single
from symntk.derive.step import Notes
from symntk.language.special import bivariate_normal_cdf, normal_cdf


@dataclass(frozen=True, eq=False)
class Probability(Move):
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

    @property
    def is_one(self) -> bool:
        """Whether it is E[1]."""
        return self.problem.left.window is None and self.problem.right.window is None

    @property
    def is_probability(self) -> bool:
        """Whether there is a step."""
        return not self.is_one

    def explained(self, notes: Notes, turned: bool) -> str:
        """What the move does."""
        return f"**Base.** {notes.once('base', BASE + '.')}"

    def right_side(self, notes: Notes, turned: bool) -> str:
        """Φ or Φ₂ with its arguments, before the value is written by arcsines."""
        (key,) = self.value.terms if len(self.value.terms) == 1 else (None,)
        if key is None or key.base.kind not in ("Phi", "Phi2"):
            return ""
        arguments = [plainly(single(self.surds, factor=argument)) for argument in key.base.arguments]
        if key.base.kind == "Phi":
            return tex(normal_cdf(*arguments, evaluate=False))
        h, k, rho = arguments
        if h == 0 and k == 0:
            return rf"\Phi_2\left(0, 0;\, {tex(rho)}\right)"
        return tex(bivariate_normal_cdf(h, k, rho))


def _standard(g: Gaussian, window: Window) -> tuple[Element, Element]:
    """The step's argument in units of its standard deviation, as numerator and variance."""
    return window.side * (g.m1 - window.threshold), g.a + window.variance
