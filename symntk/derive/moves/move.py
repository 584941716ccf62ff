"""A move is a step whose problem is E[left(u) right(v)] over a normal law, with a value in the derivation's field."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from symntk.derive.latex import WIDEST, inline, product, tex
from symntk.derive.moves.algebra import Algebra, Element
from symntk.derive.moves.problem import Factor, Gaussian, Problem, own_law, variables
from symntk.derive.moves.publish import plainly, publish
from symntk.derive.moves.value import Surd, Surds, Value, single
from symntk.derive.step import Notes, Step, readable, shortened
from symntk.language.forms import terms

_LAW = ("m1", "m2", "a", "b", "c")
BASE = "A product of steps is a probability of normal variables"


@dataclass(frozen=True, eq=False)
class Move(Step):
    """A node of the derivation: the problem it solves and the solved problems it rests on."""

    surds: Surds
    problem: Problem
    children: tuple[tuple[Element, Move], ...]
    widest = 2 * WIDEST

    @cached_property
    def expression(self) -> sp.Expr | None:
        """The value as a formula; None where it is complex, and real in a sum only."""
        return None if self.value.is_complex else publish(self.value)

    @property
    def algebra(self) -> Algebra:
        """The field of the derivation."""
        return self.surds.algebra

    @property
    def weighted(self) -> list[tuple[sp.Expr, Step]]:
        """The children with their factors as expressions."""
        return [(self.algebra.expr(weight), child) for weight, child in self.children]

    @property
    def is_probability(self) -> bool:
        """Whether it is one of steps."""
        return False

    def law(self, turned: bool) -> Gaussian:
        """The law of (u, v)."""
        return self.problem.gaussian.exchanged() if turned else self.problem.gaussian

    def functions(self, turned: bool) -> sp.Expr:
        """What the expectation is of, as a formula in u and v."""
        left, right = _function(self.problem.left, self.algebra), _function(self.problem.right, self.algebra)
        first, second = variables(turned)
        return left.as_expr(first) * right.as_expr(second)

    def density(self, variable: sp.Symbol) -> sp.Expr:
        """A density of `variable` that multiplies the functions; 1 for most."""
        return sp.S.One

    def statement(self, turned: bool = False) -> str:
        """The expectation; in braces what differs from the law of (u, v): means, variances, the covariance."""
        law, own = self.law(turned), own_law(self.algebra)
        changed = [(name, entry) for name, entry, old in zip(_LAW, law, own, strict=True) if entry != old]
        braces = ", ".join(f"{name} → {shortened(self.algebra.expr(entry))}" for name, entry in changed)
        integrand = self.functions(turned) * self.density(variables(turned)[0])
        return f"E[{integrand}]" + (f" {{{braces}}}" if braces else "")

    def latex(self, notes: Notes, turned: bool) -> str:
        """The expectation under its law, which has a number."""
        functions, density = self.functions(turned), self.density(variables(turned)[0])
        parts = [tex(part) for part in (density, functions) if part != 1]
        return notes.mean(parts or ["1"], self.law(turned))

    def sentence(self, notes: Notes, turned: bool) -> str:
        """What the move does, and what was not yet said of the laws that it leaves."""
        text = self.explained(notes, turned)
        children = [child.seen(turned) for _, child in self.children]
        laws = [child.moments(notes, over) for child, over in children if isinstance(child, Move) and not child.is_one]
        new = " ".join(dict.fromkeys(law for law in laws if law))
        return " ".join(f"{text} {new} {self.after(notes)}".split())

    @abstractmethod
    def explained(self, notes: Notes, turned: bool) -> str:
        """What the move does."""

    def after(self, notes: Notes) -> str:
        """What is said after the laws."""
        return ""

    @property
    def uses(self) -> tuple[bool, bool]:
        """Whether the integrand depends on the first and on the second variable."""
        left, right = (bool(f.power or f.window or f.quadratic or f.linear) for f in self.problem.factors)
        return left, right

    def moments(self, notes: Notes, turned: bool) -> str:
        """What the text has not yet said of the law's moments that matter now."""
        law = self.law(turned)
        index = notes.index(law)
        if index == 0:
            return ""
        needed = self.uses[::-1] if turned else self.uses
        m1, m2, a, b, c = (self.algebra.expr(entry) for entry in law)
        parts: list[str] = []
        for name, mean, variance, matters in (("u", m1, a, needed[0]), ("v", m2, b, needed[1])):
            if matters and variance == 0:
                parts.append(rf"{name} = {tex(mean)}")
            elif matters:
                parts += [rf"\mathrm{{mean}}\,{name} = {tex(mean)}"] if mean != 0 else []
                parts.append(rf"\mathrm{{var}}\,{name} = {tex(variance)}")
        if all(needed) and a != 0 and b != 0:
            parts.append(rf"\mathrm{{cov}}(u, v) = {tex(c)}")
        new = [part for part in parts if (index, part) not in notes.stated]
        notes.stated.update((index, part) for part in new)
        name = inline(rf"\mathbb{{E}}_{{{index}}}")
        return f"Under {name}: {', '.join(inline(part) for part in new)}." if new else ""

    def signature(self) -> tuple[object, ...]:
        """The moves of a tree and the kinds of its functions, without numbers and up to an exchange of u and v."""
        kinds = sorted(
            (f.power, bool(f.quadratic), bool(f.linear), "" if f.window is None else f"{f.window.kind}{f.window.order}",
             f.window is not None and bool(f.window.variance))
            for f in self.problem.factors
        )  # fmt: skip
        below = sorted({child.signature() for _, child in self.children if not child.is_one}, key=repr)
        return (self.name, *kinds, *below)


class Scaling(Move):
    """A move whose value is that of one other expectation, times a factor and an exponential."""

    def evaluate(self) -> Value:
        """Scale the child's value."""
        ((_, child),) = self.children
        value: Value = child.value.scaled(*self.front())
        return value

    @abstractmethod
    def front(self) -> tuple[Surd, Element]:
        """The factor, and the exponent."""

    @property
    def factor(self) -> sp.Expr:
        """What stands before the expectation of the rest, as a formula."""
        return plainly(single(self.surds).scaled(*self.front()))

    def right_side(self, notes: Notes, turned: bool) -> str:
        """The factor times the expectation that is left."""
        ((_, child),) = self.children
        return product(self.factor, child.inside(notes, turned))

    def after(self, notes: Notes) -> str:
        """What a product of steps is, if that is left."""
        return notes.once("base", f"{BASE} (**base**).") if self._leaves_steps else ""

    def hides(self, child: Step) -> bool:
        """A probability that the value shows."""
        return self._leaves_steps and readable(self) is not None

    @property
    def _leaves_steps(self) -> bool:
        ((_, child),) = self.children
        return child.is_probability


def _function(factor: Factor, algebra: Algebra) -> terms.Term:
    window: terms.Window = None
    if factor.window is not None:
        threshold = algebra.expr(factor.window.threshold)
        if factor.window.kind == "delta":
            window = terms.Delta(threshold, factor.window.order)
        else:
            window = terms.Step(threshold, algebra.expr(factor.window.variance), factor.window.side)
    return terms.Term(sp.S.One, factor.power, algebra.expr(factor.quadratic), algebra.expr(factor.linear), window)
