"""The rules of one dimension: E[h(Y)], Y ~ N(m2, b), for rational functions and powers of x² + A².

A rule is a step whose docstring is its equation and whose value is computed from its children. Expectations under an
integral sign come from the engine's four moves; what remains is one of the integrals of `line.integrals`.
Equal expectations under an integral are one step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import sympy as sp

from symntk.derive.line import integrals as base
from symntk.derive.moves.engine import Derivation, derive_pair
from symntk.derive.moves.publish import cheapest, publish
from symntk.language.normal_form import normal_form
from symntk.language.symbols import mean_v, var_v, x
from symntk.language.terms import NormalForm

Y = sp.Symbol("Y", real=True)
s = sp.Symbol("s", positive=True)


@dataclass(frozen=True, eq=False)
class LineStep(ABC):
    """E[function(Y)] on Y > `start` (None: everywhere), from the children with their weights."""

    function: sp.Expr
    start: sp.Expr | None
    means: bool
    children: tuple[tuple[sp.Expr, LineStep], ...]

    @property
    def name(self) -> str:
        """The rule's name."""
        return "".join(" " + c.lower() if c.isupper() else c for c in type(self).__name__).strip()

    @property
    def equation(self) -> str:
        """The rule's equation."""
        return " ".join((type(self).__doc__ or "").split())

    @property
    def statement(self) -> str:
        """What the step computes, as text."""
        indicator = "" if self.start is None else f" 1[Y > {self.start}]"
        return f"E[{self.function.xreplace({x: Y})}{indicator}]"

    @cached_property
    def value(self) -> sp.Expr:
        """The expectation in b and m2, computed from the children's values."""
        return self.evaluate()

    @abstractmethod
    def evaluate(self) -> sp.Expr:
        """Combine the children's values by the rule's equation."""

    @cached_property
    def leaves(self) -> dict[LineStep, sp.Expr]:
        """The steps of which this one is a linear combination in the end, with their coefficients; itself for most."""
        return {self: sp.S.One}

    def walk(self) -> Iterator[LineStep]:
        """The step and all below it, each once, parents first."""
        seen: set[int] = set()
        stack: list[LineStep] = [self]
        while stack:
            step = stack.pop()
            if id(step) not in seen:
                seen.add(id(step))
                yield step
                stack.extend(child for _, child in reversed(step.children))

    def combined(self) -> sp.Expr:
        """The sum of the children's values with their weights."""
        return sp.Add(*(weight * child.value for weight, child in self.children))


class Linear(LineStep):
    """A weighted sum of children."""

    @cached_property
    def leaves(self) -> dict[LineStep, sp.Expr]:
        """The children's leaves, coefficients added up."""
        sums: dict[LineStep, list[sp.Expr]] = {}
        for weight, child in self.children:
            for leaf, coefficient in child.leaves.items():
                sums.setdefault(leaf, []).append(weight * coefficient)
        return {leaf: tidy(sp.Add(*parts)) for leaf, parts in sums.items()}

    def evaluate(self) -> sp.Expr:
        """Σ coefficient · leaf: equal special functions are collected on the way."""
        plain = [c * leaf.value for leaf, c in self.leaves.items() if isinstance(leaf, Elementary)]
        rest = [c * leaf.value for leaf, c in self.leaves.items() if not isinstance(leaf, Elementary)]
        return sp.Add(tidy(sp.Add(*plain)), *rest)


def tidy(coefficient: sp.Expr) -> sp.Expr:
    """A coefficient, expanded or with its common factors taken out, whichever is shorter."""
    expanded = sp.expand(coefficient)
    return cheapest([coefficient, expanded, sp.factor_terms(expanded)])


@dataclass(frozen=True, eq=False)
class Elementary(LineStep):
    """E[h(Y)] of a Gaussian-elementary h, by the four moves: tilt, condition, Stein, base."""

    form: NormalForm

    @cached_property
    def derivation(self) -> Derivation:
        """The engine's derivation of E[1 · h(v)]."""
        return derive_pair(normal_form(sp.S.One, x), self.form, means=self.means)

    def evaluate(self) -> sp.Expr:
        """The engine's value."""
        return publish(self.derivation.value)


@lru_cache(maxsize=512)
def elementary(function: sp.Expr, means: bool, start: sp.Expr | None = None) -> Elementary:
    """The step for `function` on Y > `start`; errors as `normal_form`."""
    cut = sp.S.One if start is None else sp.Heaviside(x - start)
    return Elementary(function, start, means, (), normal_form(function * cut, x))


@dataclass(frozen=True, eq=False)
class Linearity(Linear):
    """E[Σ w h(Y)] = Σ w E[h(Y)], after partial fractions."""


@dataclass(frozen=True, eq=False)
class Fold(Linear):
    """E[h(Y)] = E[(h(Y) + h(−Y)) 1[Y > 0]] for Y of mean 0."""


@dataclass(frozen=True, eq=False)
class Unfold(Linear):
    """E[h(Y) 1[Y > 0]] = E[h(Y)]/2 for an even h and Y of mean 0."""


@dataclass(frozen=True, eq=False)
class Parity(LineStep):
    """E[h(Y)] = 0 for an odd h and Y of mean 0."""

    def evaluate(self) -> sp.Expr:
        """Zero."""
        return sp.S.Zero


@dataclass(frozen=True, eq=False)
class GammaMixture(LineStep):
    """E[x^k (x² + A²)^{−ν}] = ∫_0^∞ s^{ν−1} e^{−sA²} E[x^k e^{−sx²}] ds / Γ(ν), ν > 0; the rest is Tricomi's U."""

    square: sp.Expr
    order: sp.Expr

    def evaluate(self) -> sp.Expr:
        """Integrate the child's expectation over the mixing variable."""
        ((_, child),) = self.children
        return base.gamma_integral(child.value, s, self.order, self.square)


@lru_cache(maxsize=512)
def gamma_mixture(power: int, square: sp.Expr, order: sp.Expr, start: sp.Expr | None = None) -> GammaMixture:
    """E[x^power (x² + square)^{−order} 1[x > start]], centred."""
    child = elementary(x**power * sp.exp(-s * x**2), False, start)
    return GammaMixture(x**power * (x**2 + square) ** (-order), start, False, ((sp.S.One, child),), square, order)


@dataclass(frozen=True, eq=False)
class Moment(LineStep):
    """E[Y^p 1[Y > t]] = ∫_t^∞ x^p e^{−x²/2b} dx/√(2πb) = (2b)^{p/2} Γ((p+1)/2, t²/2b)/(2√π) (DLMF 8.2.2)."""

    order: sp.Expr

    def evaluate(self) -> sp.Expr:
        """The integral, x²/2b being the variable."""
        return base.moment_integral(self.order, self.start or sp.S.Zero, var_v)


@dataclass(frozen=True, eq=False)
class LaplaceMixture(LineStep):
    """E[1/(x+z) 1[x > 0]] = ∫_0^∞ e^{−sz} E[e^{−sx} 1[x > 0]] ds, z > 0; the rest is the Goodwin–Staton integral."""

    offset: sp.Expr

    def evaluate(self) -> sp.Expr:
        """Integrate the child's expectation over the mixing variable."""
        ((_, child),) = self.children
        return base.half_line_integral(child.value, s, self.offset)


@dataclass(frozen=True, eq=False)
class FourierMixture(LineStep):
    """E[1/(x−p)] = i ∫_0^∞ e^{isp} (E[cos sx] − i E[sin sx]) ds, Im p > 0; the rest is a complex erfc."""

    pole: sp.Expr

    def evaluate(self) -> sp.Expr:
        """Integrate the children's expectations over the mixing variable."""
        return base.fourier_integral(self.combined(), s, self.pole)


def fourier_mixture(pole: sp.Expr, means: bool) -> FourierMixture:
    """E[1/(x − pole)], Im pole > 0."""
    cosine, sine = elementary(sp.cos(s * x), means), elementary(sp.sin(s * x), means)
    return FourierMixture(1 / (x - pole), None, means, ((sp.S.One, cosine), (-sp.I, sine)), pole)


@dataclass(frozen=True, eq=False)
class SteinPole(Linear):
    """n b E[(x−p)^{−n−1} 1] = b (t−p)^{−n} E[δ(x−t)] − E[(x−p)^{1−n} 1] − (p−m) E[(x−p)^{−n} 1],
    from E[(Y−m) h] = b E[h'], h = (x−p)^{−n} 1[x > t]; without the δ on the whole line.
    """


@dataclass(frozen=True, eq=False)
class SteinSquare(Linear):
    """E[(x²+A²)^{−ν}] = (A² − (2ν+1)b) E[(x²+A²)^{−ν−1}] + 2(ν+1) b A² E[(x²+A²)^{−ν−2}],
    from E[Y h] = b E[h'], h = x (x²+A²)^{−ν−1}.
    """


@dataclass(frozen=True, eq=False)
class RealPart(LineStep):
    """E[h(Y)] = Re Σ w E[(Y−p)^{−n}] for a real rational h with the poles p of Im p > 0 and their conjugates."""

    def evaluate(self) -> sp.Expr:
        """The real part of the weighted sum; real factors stand before it."""
        real: list[sp.Expr] = []
        rest: list[sp.Expr] = []
        for factor in sp.Mul.make_args(sp.factor_terms(self._sum())):
            (real if factor.is_real else rest).append(factor)
        return sp.Mul(*real) * sp.re(sp.Mul(*rest), evaluate=False)

    def _sum(self) -> sp.Expr:
        return Linear(self.function, self.start, self.means, self.children).evaluate()


def pole_powers(first: LineStep, pole: sp.Expr, start: sp.Expr | None, highest: int) -> list[LineStep]:
    """E[(x − pole)^{−n} 1[x > start]] for n = 0 … highest, from n = 1 by Stein's identity."""
    means = first.means
    mean = mean_v if means else sp.S.Zero
    steps: list[LineStep] = [elementary(sp.S.One, means, start), first]
    for n in range(1, highest):
        children = [(-1 / (n * var_v), steps[n - 1]), ((mean - pole) / (n * var_v), steps[n])]
        if start is not None:
            edge = elementary(sp.DiracDelta(x - start), means)
            children.append(((start - pole) ** (-n) / n, edge))
        steps.append(SteinPole((x - pole) ** (-n - 1), start, means, tuple(c for c in children if c[0] != 0)))
    return steps


@lru_cache(maxsize=512)
def square_power(square: sp.Expr, order: sp.Expr) -> LineStep:
    """E[(x² + square)^{−order}], centred, for an integer or half-integer order."""
    if order.is_positive:
        return gamma_mixture(0, square, order)
    if order == 0:
        return elementary(sp.S.One, False)
    first, second = square_power(square, order + 1), square_power(square, order + 2)
    weights = square - (2 * order + 1) * var_v, 2 * (order + 1) * var_v * square
    children = ((weights[0], first), (weights[1], second))
    return SteinSquare((x**2 + square) ** (-order), None, False, children)
