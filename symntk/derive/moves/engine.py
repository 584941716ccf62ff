"""The engine: two normal forms in, a derivation out. The order of the moves is stated here, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from symntk.derive.moves.algebra import MOST_WORK, Algebra
from symntk.derive.moves.base import Probability
from symntk.derive.moves.condition import condition_left
from symntk.derive.moves.derivation import PARITY, Derivation, Pair
from symntk.derive.moves.isserlis import LONG, Isserlis
from symntk.derive.moves.move import Move
from symntk.derive.moves.problem import Factor, Gaussian, Problem, Window, own_law
from symntk.derive.moves.stein import Exchange, lower_delta, lower_power
from symntk.derive.moves.tilt import apply_tilt
from symntk.derive.moves.value import Surds
from symntk.errors import SymntkError
from symntk.language.forms.terms import Delta, NormalForm, Step, Term, parity
from symntk.language.symbols import STATE


def derive_pair(f: NormalForm, g: NormalForm, *, means: bool = False, most_work: int = MOST_WORK) -> Derivation:
    """Derive E[f(u) g(v)] for (u, v) ~ N((m1, m2), [[a, c], [c, b]]) by the four moves.

    Raises:
        SymntkError: a parameter has the name of an entry of the covariance.
        TooLongError: the derivation, or later its value, takes more than `most_work`.
    """
    _refuse_reserved(f, g)
    if not means and parity(f) * parity(g) == -1:
        return Derivation(Surds(Algebra([], means)), (), means, PARITY)
    return _derive([(f, g)], means, own_law, most_work)


def derive_products(products: Sequence[tuple[NormalForm, NormalForm]], *, means: bool) -> Derivation:
    """Derive Σ E[f(Y) g(Y)] for Y ~ N(m2, b): the law of (u, v) at full correlation, in the symbols of v.

    Raises:
        SymntkError: a parameter has the name of an entry of the covariance.
    """
    for f, g in products:
        _refuse_reserved(f, g)
    return _derive(products, means, lambda own: Gaussian(own.m2, own.m2, own.b, own.b, own.b))


def _derive(
    products: Sequence[tuple[NormalForm, NormalForm]],
    means: bool,
    law_in: Callable[[Algebra], Gaussian],
    most_work: int = MOST_WORK,
) -> Derivation:
    split = [([_split(t) for t in f.terms], [_split(t) for t in g.terms]) for f, g in products]
    forms = [(f, lefts) for (f, _), (lefts, _) in zip(products, split, strict=True)]
    forms += [(g, rights) for (_, g), (_, rights) in zip(products, split, strict=True)]
    algebra = Algebra([e for form, parts in forms for e in _ingredients(form, parts)], means, most_work)
    solver, law = _Solver(Surds(algebra)), law_in(algebra)
    pairs = []
    for (f, g), (lefts, rights) in zip(products, split, strict=True):
        for left, parts in zip(f.terms, lefts, strict=True):
            for right, others in zip(g.terms, rights, strict=True):
                step = solver.solve(Problem(_factor(left, algebra), _factor(right, algebra), law))
                for number, rational, exponent in parts:
                    for number2, rational2, exponent2 in others:
                        element = algebra.reduce(algebra.element(rational) * algebra.element(rational2))
                        scale = solver.surds.surd(element, number * number2, algebra.one)
                        pairs.append(Pair(left, right, scale, exponent + exponent2, step))
    return Derivation(solver.surds, tuple(pairs), means)


class _Solver:
    """Applies the moves; equal problems are solved once."""

    def __init__(self, surds: Surds) -> None:
        self.surds = surds
        self._solved: dict[Problem, Move] = {}

    def solve(self, problem: Problem) -> Move:
        """Tilt, then deltas, then powers, then the base case."""
        found = self._solved.get(problem)
        if found is None:
            self.surds.algebra.count(sum(10 + len(entry.numer) * len(entry.denom) for entry in problem.gaussian))
            found = self._solved[problem] = self._move(problem)
        return found

    def _move(self, problem: Problem) -> Move:
        tilted = apply_tilt(problem, self.surds, self.solve)
        if tilted is not None:
            return tilted
        left, right = problem.left.window, problem.right.window
        if left is not None and left.kind == "delta":
            if left.order:
                if right is not None and right.kind == "delta" and right.order < left.order:
                    # the lower order is lowered first, or the two would raise each other for ever
                    return Exchange(self.surds, problem, ((self.surds.algebra.one, self.solve(problem.exchanged())),))
                return lower_delta(problem, self.surds, self.solve)
            return condition_left(problem.with_left(window=None), left, self.surds, self.solve)
        if (right is not None and right.kind == "delta") or (problem.right.power and not problem.left.power):
            return Exchange(self.surds, problem, ((self.surds.algebra.one, self.solve(problem.exchanged())),))
        if left is None and right is None and problem.left.power + problem.right.power > LONG:
            return Isserlis(self.surds, problem, ())
        if problem.left.power:
            return lower_power(problem, self.surds, self.solve)
        return Probability(self.surds, problem, ())


Parts = list[tuple[sp.Expr, sp.Expr, sp.Expr]]


def _split(term: Term) -> Parts:
    """A coefficient as a sum of number · rational function of the parameters · exp(…)."""
    parts: Parts = []
    for summand in sp.Add.make_args(sp.expand(term.coefficient)):
        number, rational, exponent = sp.S.One, sp.S.One, sp.S.Zero
        for arg in sp.Mul.make_args(summand):
            if isinstance(arg, sp.exp):
                exponent += arg.args[0]
            elif arg.is_number and arg is not sp.I:
                number *= arg
            else:
                rational *= arg
        parts.append((number, rational, exponent))
    return parts


def _ingredients(form: NormalForm, splits: list[Parts]) -> list[sp.Expr]:
    out: list[sp.Expr] = []
    for term, parts in zip(form.terms, splits, strict=True):
        out += [term.quadratic, term.linear]
        out += [e for _, rational, exponent in parts for e in (rational, exponent)]
        if term.window is not None:
            out.append(term.window.threshold)
        if isinstance(term.window, Step):
            out.append(term.window.variance)
    return out


def _factor(term: Term, algebra: Algebra) -> Factor:
    window, out = term.window, None
    if isinstance(window, Step):
        out = Window("step", algebra.element(window.threshold), algebra.element(window.variance), window.side)
    elif isinstance(window, Delta):
        out = Window("delta", algebra.element(window.threshold), algebra.zero, 1, window.order)
    return Factor(term.power, algebra.element(term.quadratic), algebra.element(term.linear), out)


def _refuse_reserved(f: NormalForm, g: NormalForm) -> None:
    names = {s.name for s in STATE}
    taken = sorted({s.name for s in (*f.parameters, *g.parameters)} & names)
    if taken:
        raise SymntkError(
            f"an expectation with the parameter {', '.join(taken)}",
            "a, b, c, m1, m2 name the covariance and the means in every formula",
            "another letter for the parameter",
        )
