"""Stein: integration by parts lowers powers, and orders of deltas, until none is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symntk.derive.latex import inline, tex
from symntk.derive.moves.algebra import Element
from symntk.derive.moves.condition import condition_left
from symntk.derive.moves.move import Move
from symntk.derive.moves.problem import Problem, variables
from symntk.derive.moves.value import Surds, Value, add
from symntk.derive.step import Notes, Step

Solve = Callable[[Problem], Move]


@dataclass(frozen=True, eq=False)
class Stein(Move):
    """E[u h] = m1 E[h] + a E[∂_u h] + c E[∂_v h]."""

    def evaluate(self) -> Value:
        """Add up the lowered expectations."""
        return add(self.surds, [(factor, child.value) for factor, child in self.children])

    def right_side(self, notes: Notes, turned: bool) -> str:
        """The sum."""
        return super().right_side(notes, turned) or "0"

    def explained(self, notes: Notes, turned: bool) -> str:
        """What the move does."""
        u, v = variables(turned)
        law = self.problem.gaussian
        if not law.a:
            return f"**Constant.** Under this law {inline(str(u))} is {inline(tex(self.algebra.expr(law.m1)))}."
        if not self.children:
            return f"**Symmetry.** Nothing else depends on {inline(str(u))}, whose mean is 0."
        mean = rf"\mathrm{{mean}}({u})\, \mathbb{{E}}[h] + " if law.m1 else ""
        own = rf"\mathrm{{var}}({u})\, \mathbb{{E}}[\partial_{u} h]"
        cross = rf"\mathrm{{cov}}(u, v)\, \mathbb{{E}}[\partial_{v} h]"
        rule = inline(rf"\mathbb{{E}}[{u} h] = {mean}{own} + {cross}")
        long = notes.once(f"stein{mean[:4]}", f": {rule} for every normal law")
        return f"**Stein.** Integrate by parts in {inline(str(u))}{long}."


@dataclass(frozen=True, eq=False)
class SteinDelta(Stein):
    """a E[δ⁽ⁿ⁾(u−t) h(v)] = (t−m1) E[δ⁽ⁿ⁻¹⁾ h] − (n−1) E[δ⁽ⁿ⁻²⁾ h] − c E[δ⁽ⁿ⁻¹⁾ h′]."""

    def explained(self, notes: Notes, turned: bool) -> str:
        """What the move does."""
        return "**Stein.** Integration by parts takes one order from the delta."


@dataclass(frozen=True, eq=False)
class Exchange(Move):
    """E[f(u) g(v)] is the expectation of g(v) f(u): the roles of u and v are exchanged."""

    def evaluate(self) -> Value:
        """The value is the child's."""
        value: Value = self._same.value
        return value

    @property
    def _same(self) -> Move:
        ((_, child),) = self.children
        return child

    @property
    def is_one(self) -> bool:
        """As the child."""
        return self._same.is_one

    @property
    def is_probability(self) -> bool:
        """As the child."""
        return self._same.is_probability

    def seen(self, turned: bool = False) -> tuple[Step, bool]:
        """The child, with the roles exchanged."""
        return self._same.seen(not turned)

    def signature(self) -> tuple[object, ...]:
        """As the child."""
        return self._same.signature()

    def explained(self, notes: Notes, turned: bool) -> str:
        """Nothing: exchanges are carried out."""
        return ""


def lower_power(problem: Problem, surds: Surds, solve: Solve) -> Move:
    """One power of u less (problem.left.power ≥ 1, no exponentials, no delta on the left)."""
    g, left = problem.gaussian, problem.left
    rest = problem.with_left(power=left.power - 1)
    parts: list[tuple[Element, Move]] = []
    if g.m1:
        parts.append((g.m1, solve(rest)))
    if g.a:
        parts += [(g.a * factor, step) for factor, step in _derivative_left(rest, surds, solve)]
    if g.c:
        swapped = _derivative_left(rest.exchanged(), surds, solve)
        parts += [(g.c * factor, Exchange(surds, rest, ((surds.algebra.one, step),))) for factor, step in swapped]
    return Stein(surds, problem, tuple(parts))


def lower_delta(problem: Problem, surds: Surds, solve: Solve) -> Move:
    """One order of the left delta less."""
    g, window = problem.gaussian, problem.left.window
    assert window is not None
    order = window.order
    lower = problem.with_left(window=window._replace(order=order - 1))
    parts: list[tuple[Element, Move]] = []
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


def _derivative_left(problem: Problem, surds: Surds, solve: Solve) -> list[tuple[Element, Move]]:
    """∂_u of u^j W(u), each part solved: the power rule, and the window's density by conditioning."""
    one, left = surds.algebra.one, problem.left
    parts: list[tuple[Element, Move]] = []
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
