"""E[f(u) g(v)] as a sum over the terms of f and of g, each pair of which the moves have solved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from symntk.derive.latex import aligned, equation, mean, summed, tex, weighted
from symntk.derive.moves.algebra import MOST_MONOMIALS, too_long
from symntk.derive.moves.combine import combine
from symntk.derive.moves.move import Move
from symntk.derive.moves.problem import U, V, own_law
from symntk.derive.moves.publish import publish
from symntk.derive.moves.value import Surd, Surds, Value, add
from symntk.derive.step import Notes, Step, Tree, readable
from symntk.language.forms.terms import Term

PARITY = "E[f(u) g(v)] = 0 for one odd and one even function, since (−u, −v) has the law of (u, v)."
_MOST_STEPS = 18
"""Steps of one proof that are written out; the kinds of pairs that come after are stated with their results."""
_MOST_RESULTS = 6
"""Results of pairs that are stated without their steps."""
_MOST_TERMS = 6
"""Pairs of terms whose sum is shown; of more, both functions are."""


@dataclass(frozen=True)
class Pair:
    """One term of f times one term of g: their constant factor and the expectation of the rest."""

    left: Term
    right: Term
    factor: Surd
    exponent: sp.Expr
    step: Move

    @property
    def bare(self) -> tuple[Term, Term]:
        """The terms without their coefficients."""
        return self.left.bare, self.right.bare

    @property
    def inside(self) -> sp.Expr:
        """The product without the coefficients."""
        left, right = self.bare
        return left.as_expr(U) * right.as_expr(V)


@dataclass(frozen=True, eq=False)
class Derivation(Step):
    """E[Σ f_i(u) Σ g_j(v)] = Σ E[f_i(u) g_j(v)]; everything shown is computed from the steps."""

    surds: Surds
    pairs: tuple[Pair, ...]
    means: bool
    remark: str = ""

    @cached_property
    def children(self) -> tuple[tuple[sp.Expr, Step], ...]:  # type: ignore[override]  # it never is assigned
        """The pairs' steps with the products of their coefficients."""
        groups = self.groups
        return tuple((sp.expand(p.left.coefficient * p.right.coefficient), p.step) for p in groups)

    @cached_property
    def groups(self) -> list[Pair]:
        """The first of each kind of pairs that differ in a constant factor only."""
        found: dict[tuple[Term, Term], Pair] = {}
        for pair in self.pairs:
            found.setdefault((pair.left, pair.right), pair)
        return list(found.values())

    def evaluate(self) -> Value:
        """The sum over all pairs, exponentials combined."""
        algebra = self.surds.algebra
        try:
            for step in self.bottom_up()[:-1]:  # not from above, whose depth may be that of two powers
                _ = step.value
            parts = [
                (algebra.one, pair.step.value.scaled(pair.factor, algebra.element(pair.exponent)))
                for pair in self.pairs
            ]
            value = combine(add(self.surds, parts))
        finally:
            algebra.finish()
        size = sum(len(coefficient.numer) + len(coefficient.denom) for _, coefficient in value)
        if size > MOST_MONOMIALS:
            raise too_long(f"its coefficients hold {size:,} monomials, more than {MOST_MONOMIALS:,}")
        return value

    @cached_property
    def expression(self) -> sp.Expr:
        """The formula."""
        return publish(self.value)

    def __str__(self) -> str:
        """The steps from the functions' terms down to normal probabilities, then the equation of each rule used."""
        if self.remark:
            return f"parity: {self.remark}"
        tree, lines = Tree(), []
        for pair in self.groups:
            lines += [f"{pair.left.as_expr(U)} · {pair.right.as_expr(V)}", *tree.lines(pair.step, 1)]
        return "\n".join([*lines, *tree.equations()])

    def proof(self, left: str, right: str) -> list[str]:
        """The sum, then each kind of pair, then the others' results, then the total.

        Pairs of terms that go through the same moves are shown once; of the others, which differ in thresholds and
        signs, only the result is stated.
        """
        if self.remark:
            text = "One function is odd and the other even, and $`(-u, -v)`$ has the law of $`(u, v)`$: the expectation"
            return [f"{text} is its own negative, hence 0."]
        notes = Notes()
        notes.index(own_law(self.surds.algebra))
        out = self._sum(notes, left, right)
        others: dict[tuple[object, ...], list[Pair]] = {}
        shown: set[tuple[object, ...]] = set()
        seen: set[tuple[Term, Term]] = set()
        for pair in self.groups:
            key = pair.bare
            if pair.step.is_one or key in seen or key[::-1] in seen:
                continue
            seen.add(key)
            kind = pair.step.signature()
            if kind in others or notes.count >= _MOST_STEPS:
                others.setdefault(kind, []).append(pair)
                continue
            others[kind] = []
            shown.add(kind)
            out += notes.paragraphs(pair.step)
        out += self._results(notes, [pair for pairs in others.values() for pair in pairs], shown)
        if len(self.groups) > 1:
            turned = " Terms with the roles of u and v exchanged follow by symmetry."
            turned = "" if len(seen) == len(self.groups) else turned
            out.append(f"{notes.number()} **Total.** Add the terms with their coefficients.{turned}")
        return out

    def _sum(self, notes: Notes, left: str, right: str) -> list[str]:
        """The expectation as a sum over pairs of terms."""
        head = f"{notes.number()} **Linearity.** Write both functions as sums of terms"
        if len(self.groups) <= _MOST_TERMS:
            insides = [pair.inside for pair in self.groups]
            parts = [mean(tex(inside)) if inside != 1 else "" for inside in insides]
            total = weighted((weight, part) for (weight, _), part in zip(self.children, parts, strict=True))
            return [f"{head}.\n\n{equation(mean(left, right), total)}"]
        sides = []
        for side, name, variable in ((0, left, U), (1, right, V)):
            found = dict.fromkeys((pair.left, pair.right)[side] for pair in self.groups)
            bare = [t.bare.as_expr(variable) for t in found]
            total = weighted(
                (t.coefficient, "" if inside == 1 else tex(inside)) for t, inside in zip(found, bare, strict=True)
            )
            sides.append((found, equation(name, total)))
        shown = sides[:1] if sides[0][0] == sides[1][0] else sides
        return [f"{head}, which gives {len(self.groups)} pairs of terms.", *(text for _, text in shown)]

    def _results(self, notes: Notes, pairs: list[Pair], shown: set[tuple[object, ...]]) -> list[str]:
        """The pairs that go through moves shown already."""
        if not pairs:
            return []
        stated = [(pair, value) for pair in pairs if (value := readable(pair.step)) is not None]
        sides = [(mean(tex(pair.inside)), summed(value)) for pair, value in stated[:_MOST_RESULTS]]
        left = len(pairs) - len(sides)
        other = "numbers" if {pair.step.signature() for pair in pairs} <= shown else "numbers and powers"
        text = f"{notes.number()} **In the same way**, with other {other},"
        if not sides:
            return [f"{text[:-1]}, the remaining {left} pairs of terms are evaluated; their sum is in the formula."]
        lines = [f"{inside} &= {value}" for inside, value in sides]
        tail = f"\n\nand likewise {left} more pairs, whose sum is in the formula." if left else ""
        return [f"{text}\n\n{equation(*sides[0]) if len(sides) == 1 else aligned(lines)}{tail}"]
