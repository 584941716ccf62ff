"""The rules of one dimension: E[h(Y)], Y ~ N(m2, b), for rational functions and powers of x² + A².

A rule is a step whose docstring is its equation and whose value is computed from its children. Expectations under an
integral sign come from the engine's four moves; what remains is one of the integrals of `line.integrals`.
Equal expectations under an integral are one step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

import sympy as sp

from symntk.derive.latex import mean, tex
from symntk.derive.line import integrals as base
from symntk.derive.line.parts import Kind, split
from symntk.derive.moves.derivation import Derivation
from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.publish import cheapest
from symntk.derive.step import Notes, Step
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import ONE, NormalForm
from symntk.language.symbols import mean_v, var_v, x

Y = sp.Symbol("Y", real=True)
s = sp.Symbol("s", positive=True)
_POWER = sp.Symbol("z", positive=True)  # what a recurrence has powers of
_EXCHANGE = "exchange the mean and the integral, which leaves"


@dataclass(frozen=True, eq=False)
class LineStep(Step):
    """E[function(Y)] on Y > `start` (None: everywhere), from the children with their weights."""

    function: sp.Expr
    start: sp.Expr | None
    means: bool
    children: tuple[tuple[sp.Expr, LineStep], ...]
    told: ClassVar[str] = ""

    def statement(self, turned: bool = False) -> str:
        """What the step computes, as text."""
        indicator = "" if self.start is None else f" 1[Y > {self.start}]"
        return f"E[{self.function.xreplace({x: Y})}{indicator}]"

    def sentence(self, notes: Notes, turned: bool) -> str:
        """What the rule does."""
        return self.told

    def latex(self, notes: Notes, turned: bool) -> str:
        """The expectation."""
        factors = [] if self.start is not None and self.function == 1 else [tex(self.function.xreplace({x: Y}))]
        return mean(*factors, *([] if self.start is None else [rf"1_{{Y > {tex(self.start)}}}"]))

    @cached_property
    def leaves(self) -> dict[LineStep, sp.Expr]:
        """The steps of which this one is a linear combination in the end, with their coefficients; itself for most."""
        return {self: sp.S.One}

    @property
    def normal_forms(self) -> tuple[NormalForm, ...]:
        """The functions whose means the four moves find, which must exist."""
        return ()

    @property
    def kinds(self) -> list[tuple[Kind, sp.Expr]]:
        """The kinds of functions that its function is a sum of, with their coefficients."""
        found = split(self.function, x)
        assert found is not None  # or the step would not be
        return list(found.kinds.items())

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

    told = "**Elementary.** By the four moves."

    form: NormalForm

    @cached_property
    def derivation(self) -> Derivation:
        """The engine's derivation of E[1 · h(v)]."""
        return derive_pair(ONE, self.form, means=self.means)

    def evaluate(self) -> sp.Expr:
        """The engine's value."""
        return self.derivation.expression

    @property
    def normal_forms(self) -> tuple[NormalForm, ...]:
        """The function."""
        return (self.form,)

    @property
    def is_one(self) -> bool:
        """Whether it is E[1]."""
        return self.function == 1 and self.start is None


@lru_cache(maxsize=512)
def elementary(function: sp.Expr, means: bool, start: sp.Expr | None = None) -> Elementary:
    """The step for `function` on Y > `start`; errors as `normal_form`."""
    cut = sp.S.One if start is None else sp.Heaviside(x - start)
    return Elementary(function, start, means, (), normal_form(function * cut, x))


@dataclass(frozen=True, eq=False)
class Linearity(Linear):
    """E[Σ w h(Y)] = Σ w E[h(Y)], after partial fractions."""

    told = "**Linearity.** Split the function into parts, rational ones into partial fractions."


@dataclass(frozen=True, eq=False)
class Fold(Linear):
    """E[h(Y)] = E[(h(Y) + h(−Y)) 1[Y > 0]] for Y of mean 0."""

    told = "**Fold.** The law of $`Y`$ is symmetric: the mean is that of $`h(Y) + h(-Y)`$ on $`Y > 0`$."


@dataclass(frozen=True, eq=False)
class Unfold(Linear):
    """E[h(Y) 1[Y > 0]] = E[h(Y)]/2 for an even h and Y of mean 0."""

    told = "**Unfold.** The function is even: the mean on $`Y > 0`$ is half of the whole."


@dataclass(frozen=True, eq=False)
class Parity(LineStep):
    """E[h(Y)] = 0 for an odd h and Y of mean 0."""

    told = "**Symmetry.** The function is odd, and the law of $`Y`$ is symmetric."

    def evaluate(self) -> sp.Expr:
        """Zero."""
        return sp.S.Zero


@dataclass(frozen=True, eq=False)
class GammaMixture(LineStep):
    """E[x^k (x² + A²)^{−ν}] = ∫_0^∞ s^{ν−1} e^{−sA²} E[x^k e^{−sx²}] ds / Γ(ν), ν > 0; the rest is Tricomi's U."""

    told = (
        "**Mixture.** By the integral of the Gamma function, a power is a mixture of Gaussians; "
        f"{_EXCHANGE} Tricomi's function $`U`$ (DLMF 13.4.4, 13.6) or the exponential integral (6.2.2)."
    )

    square: sp.Expr
    order: sp.Expr

    def evaluate(self) -> sp.Expr:
        """Integrate the child's expectation over the mixing variable."""
        ((_, child),) = self.children
        return base.gamma_integral(child.value, s, self.order, self.square)

    def right_side(self, notes: Notes, turned: bool) -> str:
        """The integral over the mixing variable."""
        weight = s ** (self.order - 1) * sp.exp(-s * self.square)
        front = "" if self.order == 1 else rf"\frac{{1}}{{\Gamma({tex(self.order)})}} "
        inside = super().right_side(notes, turned)
        return rf"{front}\int_0^\infty {tex(weight) if weight != 1 else ''}\, {inside}\, ds"


@lru_cache(maxsize=512)
def gamma_mixture(power: int, square: sp.Expr, order: sp.Expr, start: sp.Expr | None = None) -> GammaMixture:
    """E[x^power (x² + square)^{−order} 1[x > start]], centred."""
    child = elementary(x**power * sp.exp(-s * x**2), False, start)
    return GammaMixture(x**power * (x**2 + square) ** (-order), start, False, ((sp.S.One, child),), square, order)


@dataclass(frozen=True, eq=False)
class Moment(LineStep):
    """E[Y^p 1[Y > t]] = ∫_t^∞ x^p e^{−x²/2b} dx/√(2πb) = (2b)^{p/2} Γ((p+1)/2, t²/2b)/(2√π) (DLMF 8.2.2)."""

    told = (
        "**Power.** With $`x^2/2b`$ as the variable the integral is a Gamma function, incomplete where it does not "
        "begin at 0 (DLMF 8.2.2)."
    )

    order: sp.Expr

    def evaluate(self) -> sp.Expr:
        """The integral, x²/2b being the variable."""
        return base.moment_integral(self.order, self.start or sp.S.Zero, var_v)


@dataclass(frozen=True, eq=False)
class LaplaceMixture(LineStep):
    """E[1/(x+z) 1[x > 0]] = ∫_0^∞ e^{−sz} E[e^{−sx} 1[x > 0]] ds, z > 0; the rest is the Goodwin–Staton integral."""

    told = (
        "**Mixture.** $`1/(Y + z)`$ is a mixture of exponentials; "
        f"{_EXCHANGE} the Goodwin–Staton integral (DLMF 7.2.12, 7.5.13)."
    )

    offset: sp.Expr

    def evaluate(self) -> sp.Expr:
        """Integrate the child's expectation over the mixing variable."""
        ((_, child),) = self.children
        return base.half_line_integral(child.value, s, self.offset)

    def right_side(self, notes: Notes, turned: bool) -> str:
        """The integral over the mixing variable."""
        return rf"\int_0^\infty {tex(sp.exp(-s * self.offset))}\, {super().right_side(notes, turned)}\, ds"


@dataclass(frozen=True, eq=False)
class FourierMixture(LineStep):
    """E[1/(x−p)] = i ∫_0^∞ e^{isp} (E[cos sx] − i E[sin sx]) ds, Im p > 0; the rest is a complex erfc."""

    told = (
        r"**Mixture.** $`1/(Y - p)`$ with $`\mathrm{Im}\, p > 0`$ is a mixture of waves; "
        f"{_EXCHANGE} a complementary error function (DLMF 7.7.6)."
    )

    pole: sp.Expr

    def evaluate(self) -> sp.Expr:
        """Integrate the children's expectations over the mixing variable."""
        return base.fourier_integral(self.combined(), s, self.pole)

    def right_side(self, notes: Notes, turned: bool) -> str:
        """The integral over the mixing variable."""
        wave = tex(sp.exp(sp.I * s * self.pole))
        return rf"i \int_0^\infty {wave} \left({super().right_side(notes, turned)}\right) ds"


def fourier_mixture(pole: sp.Expr, means: bool) -> FourierMixture:
    """E[1/(x − pole)], Im pole > 0."""
    cosine, sine = elementary(sp.cos(s * x), means), elementary(sp.sin(s * x), means)
    return FourierMixture(1 / (x - pole), None, means, ((sp.S.One, cosine), (-sp.I, sine)), pole)


@dataclass(frozen=True, eq=False)
class SteinPole(Linear):
    """n b E[(x−p)^{−n−1} 1] = b (t−p)^{−n} E[δ(x−t)] − E[(x−p)^{1−n} 1] − (p−m) E[(x−p)^{−n} 1],
    from E[(Y−m) h] = b E[h'], h = (x−p)^{−n} 1[x > t]; without the δ on the whole line.
    """

    told = (
        "**Recurrence.** Stein's identity with $`h = (Y - p)^{-n}`$, cut at the threshold if there is one, "
        "relates three neighbouring powers."
    )


@dataclass(frozen=True, eq=False)
class SteinSquare(Linear):
    """E[(x²+A²)^{−ν}] = (A² − (2ν+1)b) E[(x²+A²)^{−ν−1}] + 2(ν+1) b A² E[(x²+A²)^{−ν−2}],
    from E[Y h] = b E[h'], h = x (x²+A²)^{−ν−1}.
    """

    told = r"**Recurrence.** Stein's identity with $`h = Y (Y^2 + A^2)^{-\nu - 1}`$ relates three neighbouring powers."


@dataclass(frozen=True, eq=False)
class RealPart(LineStep):
    """E[h(Y)] = Re Σ w E[(Y−p)^{−n}] for a real rational h with the poles p of Im p > 0 and their conjugates."""

    told = "**Partial fractions.** The poles come in conjugate pairs: the mean is a real part."

    def evaluate(self) -> sp.Expr:
        """The real part of the weighted sum; real factors stand before it."""
        real: list[sp.Expr] = []
        rest: list[sp.Expr] = []
        for factor in sp.Mul.make_args(sp.factor_terms(self._sum())):
            (real if factor.is_real else rest).append(factor)
        return sp.Mul(*real) * sp.re(sp.Mul(*rest), evaluate=False)

    def _sum(self) -> sp.Expr:
        return Linear(self.function, self.start, self.means, self.children).evaluate()

    def right_side(self, notes: Notes, turned: bool) -> str:
        """The real part of the sum."""
        return rf"\mathrm{{Re}}\left({super().right_side(notes, turned)}\right)"


def stein(h: sp.Expr, power_of: sp.Expr, written: dict[sp.Expr, sp.Expr], mean: sp.Expr) -> dict[sp.Expr, sp.Expr]:
    """What Stein's identity says of powers of z: E[((Y − m) h − b h') 1[Y > t]] = b h(t) E[δ(Y − t)].

    Args:
        h: a function of x and of powers of z (the symbol `z`), which stands for `power_of`.
        power_of: z, a function of x.
        written: what x, or x², is in terms of z.
        mean: m.

    Returns:
        The coefficients of (x − m) h − b h' by powers of z.

    >>> z, n = sp.Symbol("z", positive=True), 2
    >>> print(stein(z**-n, x - 5, {x: z + 5}, sp.S.Zero))
    {-1: 1, -2: 5, -3: 2*b}
    """
    slope = sp.diff(h, x) + sp.diff(power_of, x) * sp.diff(h, _POWER)
    total = sp.expand(sp.expand((x - mean) * h - var_v * slope).xreplace(written))
    found: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(total):
        coefficient, power = term.as_coeff_exponent(_POWER)
        found[power] = found.get(power, sp.S.Zero) + coefficient
    return dict(sorted(found.items(), key=lambda item: -item[0]))


def pole_powers(first: LineStep, pole: sp.Expr, start: sp.Expr | None, highest: int) -> list[LineStep]:
    """E[(x − pole)^{−n} 1[x > start]] for n = 0 … highest, from n = 1 by Stein's identity."""
    means = first.means
    steps: list[LineStep] = [elementary(sp.S.One, means, start), first]
    for n in range(1, highest):
        found = stein(_POWER**-n, x - pole, {x: _POWER + pole}, mean_v if means else sp.S.Zero)
        left = found.pop(sp.Integer(-n - 1))
        children = [(-weight / left, steps[-int(power)]) for power, weight in found.items()]
        if start is not None:
            edge = elementary(sp.DiracDelta(x - start), means)
            children.append((var_v * (start - pole) ** (-n) / left, edge))
        steps.append(SteinPole((x - pole) ** (-n - 1), start, means, tuple(c for c in children if c[0] != 0)))
    return steps


@lru_cache(maxsize=512)
def square_power(square: sp.Expr, order: sp.Expr) -> LineStep:
    """E[(x² + square)^{−order}], centred, for an integer or half-integer order."""
    if order.is_positive:
        return gamma_mixture(0, square, order)
    if order == 0:
        return elementary(sp.S.One, False)
    found = stein(x * _POWER ** (-order - 1), x**2 + square, {x**2: _POWER - square}, sp.S.Zero)
    left = found.pop(-order)
    children = tuple((-weight / left, square_power(square, -power)) for power, weight in found.items())
    return SteinSquare((x**2 + square) ** (-order), None, False, children)
