"""The tree of a derivation's steps as text: one numbered line per step, equal steps once, the rules' equations below.

    3  tilt  E[DiracDelta(u)*exp(-v**2)] = sqrt(2)/(2*sqrt(pi)*sqrt(2*a*b + a - 2*c**2))

A step stands above those that it rests on, which are indented; `[× …]` is the factor with which it enters the sum
above. Where a step's law is not that of (u, v), what differs is in braces: the means, the variances, the covariance.
Exchanges of the roles of u and v are carried out, not shown.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from symntk.derive.moves.algebra import Algebra, Element
from symntk.derive.moves.condition import Condition
from symntk.derive.moves.engine import Derivation, Pair
from symntk.derive.moves.problem import Factor, Gaussian, Window
from symntk.derive.moves.publish import publish
from symntk.derive.moves.rule import Step
from symntk.derive.moves.stein import Exchange
from symntk.language import terms
from symntk.language.symbols import STATE

U, V = sp.symbols("u v", real=True)
_LONGEST = 100  # characters of a value or an entry of a law that are shown in a line
_LAW = ("m1", "m2", "a", "b", "c")


def tree(derivation: Derivation) -> str:
    """The steps from the functions' terms down to normal probabilities, then the equation of each rule used.

    >>> from symntk.language.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> from symntk.derive.moves.engine import derive_pair
    >>> delta, one = normal_form(sp.DiracDelta(x), x), normal_form(sp.S.One, x)
    >>> print(tree(derive_pair(delta, one)))
    DiracDelta(u) · 1
      1  condition  E[DiracDelta(u)] = sqrt(2)/(2*sqrt(pi)*sqrt(a))
        2  probability  E[1] {a → 0, b → (a*b - c**2)/a, c → 0} = 1
    <BLANKLINE>
    condition: E[N(u; t, τ²) h] = N(t; m1, a + τ²) · E[h | u + ξ = t], ξ ~ N(0, τ²); τ = 0 is δ(u − t).
    probability: E[S1(u) S2(v)] = Φ2(s1(m1−t1)/√A, s2(m2−t2)/√B; s1 s2 c/√(AB)), A = a+τ1², B = b+τ2²; one step: Φ; \
none: 1.
    """
    if derivation.remark:
        return f"parity: {derivation.remark}"
    writer, lines = _Writer(), []
    for pairs in _by_terms(derivation):
        left, right = pairs[0].left.as_expr(U), pairs[0].right.as_expr(V)
        lines.append(f"{left} · {right}")
        lines += writer.lines(pairs[0].step)
    return "\n".join([*lines, "", *(f"{name}: {equation}" for name, equation in writer.equations.items())])


def _by_terms(derivation: Derivation) -> list[list[Pair]]:
    """Pairs that differ in a constant factor only belong together."""
    groups: dict[tuple[terms.Term, terms.Term], list[Pair]] = {}
    for pair in derivation.pairs:
        groups.setdefault((pair.left, pair.right), []).append(pair)
    return list(groups.values())


class _Writer:
    def __init__(self) -> None:
        self.equations: dict[str, str] = {}
        self._numbers: dict[int, tuple[int, bool]] = {}

    def lines(self, step: Step, factor: str = "", depth: int = 1, swapped: bool = False) -> Iterator[str]:
        """The step and all below it; `swapped` where u and v have exchanged their roles on the way to it."""
        while isinstance(step, Exchange):
            ((_, step),), swapped = step.children, not swapped
        indent, known = "  " * depth, self._numbers.get(id(step))
        if known is not None:
            number, orientation = known
            yield f"{indent}{number}  above{'' if orientation == swapped else ', u and v exchanged'}{factor}"
            return
        self._numbers[id(step)] = (number := len(self._numbers) + 1), swapped
        self.equations.setdefault(step.name, step.equation)
        yield f"{indent}{number}  {step.name}  {_expectation(step, swapped)}{_value(step)}{factor}"
        for weight, child in step.children:
            shown = "" if weight == 1 else f"   [× {_short(step.surds.algebra.expr(weight))}]"
            yield from self.lines(child, shown, depth + 1, swapped)


def _expectation(step: Step, swapped: bool) -> str:
    problem, algebra = step.problem, step.surds.algebra
    first, second = (V, U) if swapped else (U, V)
    inside = _function(problem.left, first, algebra) * _function(problem.right, second, algebra)
    if isinstance(step, Condition):
        inside *= _density(step, first)
    law = _law(problem.gaussian.exchanged() if swapped else problem.gaussian, algebra)
    return f"E[{inside}]" + (f" {{{law}}}" if law else "")


def _density(step: Condition, variable: sp.Symbol) -> sp.Expr:
    """The density N(variable; t, τ²) on which the step conditions; its problem holds the rest of the integrand."""
    law, algebra = step.problem.gaussian, step.surds.algebra
    threshold, variance = algebra.expr(step.offset + law.m1), algebra.expr(step.variance - law.a)
    if variance == 0:
        return sp.DiracDelta(variable - threshold)
    return sp.Function("N")(variable, threshold, variance)


def _function(factor: Factor, variable: sp.Symbol, algebra: Algebra) -> sp.Expr:
    quadratic, linear = algebra.expr(factor.quadratic), algebra.expr(factor.linear)
    window = None if factor.window is None else _window(factor.window, algebra)
    return terms.Term(sp.S.One, factor.power, quadratic, linear, window).as_expr(variable)


def _window(window: Window, algebra: Algebra) -> terms.Window:
    threshold = algebra.expr(window.threshold)
    if window.kind == "delta":
        return terms.Delta(threshold, window.order)
    return terms.Step(threshold, algebra.expr(window.variance), window.side)


def _law(law: Gaussian, algebra: Algebra) -> str:
    """The entries that differ from those of (u, v); an exchange of the roles of u and v is one of them."""
    own: tuple[Element, ...] = (algebra.m1, algebra.m2, algebra.a, algebra.b, algebra.c)
    changed = [(name, entry) for name, entry, old in zip(_LAW, law, own, strict=True) if entry != old]
    return ", ".join(f"{name} → {_short(algebra.expr(entry))}" for name, entry in changed)


def _value(step: Step) -> str:
    """The expectation of a step whose value is real by itself and short enough to be read."""
    if step.value.is_complex:
        return ""
    text = str(publish(step.value))
    return f" = {text}" if len(text) <= _LONGEST else ""


def _short(expr: sp.Expr) -> str:
    text = str(expr)
    return text if len(text) <= _LONGEST else f"({len(text)} characters in {', '.join(_names(expr))})"


def _names(expr: sp.Expr) -> list[str]:
    """The symbols of an expression, the covariance and the means first."""
    own = [s.name for s in STATE if s in expr.free_symbols]
    return own + sorted(s.name for s in expr.free_symbols - set(STATE))
