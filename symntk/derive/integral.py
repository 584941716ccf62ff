"""What is done where no closed form exists: one integral over a closed conditional expectation, or two integrals.

Comes in: two functions. Goes out: an `Integral`, which says what remains. The numbers are the emit room's: a Hermite
series where its Parseval tail is small, which is uniform in how sharp the functions are, and quadrature of the integral
stated here elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import sympy as sp

from symntk.derive.conditions import formula_conditions
from symntk.derive.latex import WIDEST, display, equation, inline, summed, width
from symntk.derive.latex import mean as tex_mean
from symntk.derive.mixture.mixture import Mixture, MixtureDerivation, derive_mixture, is_logistic, kernel_power
from symntk.derive.moves.condition import at_delta, normal_density
from symntk.derive.moves.derivation import Derivation
from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.problem import U, V, symbolic_law
from symntk.derive.moves.size import is_short, surely_long
from symntk.derive.moves.value import Value
from symntk.derive.step import Step, Unknown
from symntk.errors import TooLongError
from symntk.language.forms.function import Function
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import ONE, Delta, NormalForm, collect
from symntk.language.symbols import mean_u, var_u, x

MOST_DELTAS = 400
"""Products of two deltas that a formula may hold."""

_MOST_TERMS = 48  # of a conditional expectation; with more, a second integral is as fast
_MOST_POWER = 2  # in the kernel of a mixture, whose second moments are too long beyond
_AT_DELTA = r"\frac{e^{-t^2/2a}}{\sqrt{2\pi a}}"
_DENSITY = r"\frac{\exp\left(-\frac{b u^2 - 2 c u v + a v^2}{2 (a b - c^2)}\right)}{2 \pi \sqrt{a b - c^2}}"
Fit = Callable[[GeneralForm], Mixture | None]
"""Finds a mixture of the accuracy that numbers need, where the function is one."""


class Integral(Step):
    """E[f(u) g(v)] = ∫∫ f(u) g(v) N(u, v) du dv, of which one integral is done where one function allows it.

    Attributes:
        unknown: why there is no closed form.
    """

    unknown: Unknown

    def __init__(self, f: Function, g: Function, means: bool, unknown: Unknown, fit: Fit) -> None:
        self.f, self.g, self.means, self.unknown = f.general, g.general, means, unknown
        self._given, self._fit = (f, g), fit

    @property
    def inner(self) -> Derivation | None:
        """E[h(Y)], Y ~ N(m1, a), for the side `inner_side` that is Gaussian-elementary.

        None where neither side is, or where a side has only deltas, whose integral is done.
        """
        return self._reduction[0]

    @property
    def inner_side(self) -> str:
        """That side, "f" or "g"."""
        return self._reduction[1]

    @cached_property
    def _reduction(self) -> tuple[Derivation | None, str]:
        if self._is_double and not self.unknown.is_final:  # what is too long is longer with means
            for side, one in zip("gf", self._given[::-1], strict=True):
                normal = one.normal
                if normal is not None and len(normal.terms) <= _MOST_TERMS and has_means(normal):
                    inner = _derived(collect(t for t in normal.terms if not isinstance(t.window, Delta)))
                    if inner is not None:
                        return inner, side
        return None, ""

    @cached_property
    def may_mix(self) -> bool:
        """Whether both functions are of the logistic family, alike enough for a mixture to be looked for."""
        if self.unknown.is_final or self.inner is not None or not self._is_double or self.means:
            return False
        return all(
            not one.parameters
            and not one.general.deltas
            and is_logistic(one.general, x)
            and kernel_power(one.general, x) <= _MOST_POWER
            for one in self._given
        )

    @cached_property
    def mixture(self) -> MixtureDerivation | None:
        """A sum inside the class that stands for functions of the logistic family, with a certified error.

        With means a sum is no faster than panels.
        """
        if not self.may_mix:
            return None
        sides = []
        try:
            for one in self._given:
                found = self._fit(one.general)
                if found is None:
                    return None
                sides.append(found)
            derived = derive_mixture(*sides)
            _ = derived.inner.value
        except (TooLongError, RecursionError):  # panels need no formula
            return None
        return derived

    @cached_property
    def children(self) -> tuple[tuple[sp.Expr, Step], ...]:  # type: ignore[override]  # it never is assigned
        """What is closed, or nearly so, inside."""
        return tuple((sp.S.One, step) for step in (self.inner, self.mixture) if step is not None)

    def evaluate(self) -> None:
        """No formula."""
        return

    @property
    def method(self) -> str:
        """The kind of integral that remains."""
        if self.mixture is not None:
            return "mixture"
        return "one-dimensional" if self.inner is not None or not self._is_double else "series and quadrature"

    @property
    def _is_double(self) -> bool:
        """Whether both functions have more than deltas."""
        return self.f.has_regular_part and self.g.has_regular_part

    @property
    def inner_value(self) -> Value | None:
        """The closed conditional expectation."""
        return None if self.inner is None else self.inner.value

    def integral(self) -> sp.Expr:
        """The integral that remains, in SymPy's notation, in a, b, c (and m1, m2 with means)."""
        total, law = _deltas(self.f, self.g, self.means), symbolic_law(self.means)
        if not self._is_double:
            return total
        if self.inner is None:
            density, mean, variance = at_delta(law, U)
            density *= normal_density(V - mean, variance)
            product = self.f.regular(x).subs(x, U) * self.g.regular(x).subs(x, V)
            return total + sp.Integral(product * density, (V, -sp.oo, sp.oo), (U, -sp.oo, sp.oo))
        outer, one = self.f, U
        if self.inner_side == "f":
            law, outer, one = law.exchanged(), self.g, V
        density, mean, variance = at_delta(law, one)
        closed = self.inner.expression.subs({mean_u: mean, var_u: variance}, simultaneous=True)
        return total + sp.Integral(outer.regular(x).subs(x, one) * closed * density, (one, -sp.oo, sp.oo))

    def __str__(self) -> str:
        lines = [str(self.unknown)]
        if self.f.deltas or self.g.deltas:
            lines.append("condition: E[δ(u − t) g(v)] = N(t; m1, a)·E[g(v) | u = t], one integral over v at most")
        if self.inner is not None:
            given, name = ("v", "f(u)") if self.inner_side == "f" else ("u", "g(v)")
            lines.append(
                f"reduce: E[f(u) g(v)] is a mean over {given} alone, with h = E[{name} | {given}] in closed form;"
            )
            lines.append(f"  h is E[{self.inner_side}(Y)] for a normal Y; with mean m1 and variance a:")
            lines += _indented(self.inner)
        elif self._is_double:
            lines.append(
                "series: E[f(u) g(v)] = Σ f_k g_k ρ^k, f_k = E[f(m1 + √a z) h_k(z)], h_k the normalized Hermite"
            )
            lines.append("  polynomials; after K terms the rest is at most |ρ|^K √(E f² − Σ f_k²) √(E g² − Σ g_k²)")
        if self.mixture is not None:
            lines += ["mixture: where the series is too long and the error is proven small", *_indented(self.mixture)]
        lines.append("quadrature: where the series is too long, panels cut where the functions change")
        return "\n".join(lines)

    def proof(self, left: str, right: str) -> list[str]:
        """The reduction, the integral, and how numbers are found."""
        out = []
        if self.f.deltas or self.g.deltas:
            rule = rf"\mathbb{{E}}[\delta(u - t)\, h(v)] = {_AT_DELTA}\, \mathbb{{E}}[h(v) \mid u = t]"
            out.append(f"**Condition.** A delta leaves one mean over the other variable.\n\n{display(rule)}")
        if self.inner is not None:
            out.append(self._reduced(self.inner, left, right))
        elif self._is_double:
            integral = rf"\iint {left}\, {right}\, {_DENSITY}\, du\, dv"
            text = "**Two dimensions.** Neither function is a finite sum of polynomial · exponential · step terms, so "
            text += "the moves close the mean over neither variable. What remains is"
            out.append(f"{text}\n\n{equation(tex_mean(left, right), integral)}")
        else:
            out.append("The function that is left is of none of the kinds whose mean is closed; the integral remains.")
        mixture = ""
        if self.mixture is not None:
            out += self.mixture.proof(left, right)
            mixture = " else by the mixture where its error is small,"
        numbers = f"by the Hermite series where few terms suffice,{mixture} else by panels"
        return [*out, f"**Numbers:** {numbers} ([how](../MOVES.md#without-a-closed-form))."]

    def _reduced(self, inner: Derivation, left: str, right: str) -> str:
        """One side's conditional mean is closed."""
        name, given = (left, "v") if self.inner_side == "f" else (right, "u")
        place, variance = ("v\\, c/b", "a - c^2/b") if given == "v" else ("u\\, c/a", "b - c^2/a")
        text = f"**Reduction to one dimension.** {inline(name)} alone is Gaussian-elementary, so its mean given "
        text += f"{inline(given)} is closed. For a normal variable $`Y`$ of mean $`m_1`$ and variance $`a`$ in its "
        shown = summed(inner.expression)
        if width(shown) > 4 * WIDEST:
            shown = r"\text{a sum of normal distribution functions, by the four moves}"
        tail = f"with {inline(place)} for $`m_1`$ and {inline(variance)} for $`a`$. The other function is not of this "
        tail += f"class, and the mean over {inline(given)} remains as an integral."
        whole = equation(r"\mathbb{E}[h(Y)]", shown)
        return f"{text}place it is\n\n{whole}\n\n{tail}"


def _indented(step: Step) -> list[str]:
    return [f"  {line}" for line in str(step).split("\n")]


def has_means(form: NormalForm) -> bool:
    """Whether each term has a mean at every variance: a formula for the sum then holds everywhere."""
    return not formula_conditions(form, ONE)


def _derived(form: NormalForm) -> Derivation | None:
    """E[h(Y)], Y ~ N(m1, a), where its formula is of a length that can be used."""
    if surely_long(form, ONE, means=True):
        return None
    try:
        found = derive_pair(form, ONE, means=True)
        if not is_short(form, ONE):
            _ = found.value
    except (TooLongError, RecursionError):
        return None
    return found


def _deltas(f: GeneralForm, g: GeneralForm, means: bool) -> sp.Expr:
    """The parts with deltas: E[δ(u − t) g(v)] = N(t; m1, a)·E[g(v) | u = t].

    Raises:
        TooLongError: more terms than anybody reads.
    """
    total, count = sp.S.Zero, len(f.deltas) * len(g.deltas)
    if count > MOST_DELTAS:
        wrong = f"deltas meet in {count} terms, more than {MOST_DELTAS}"
        raise TooLongError("the integral that remains, as a formula", wrong, "numbers, which E(...) and evalf give")
    for one, other, law, free in (
        (f, g, symbolic_law(means), V),
        (g, f, symbolic_law(means).exchanged(), U),
    ):
        for weight, delta in one.deltas:
            density, mean, variance = at_delta(law, delta.threshold)
            if other.has_regular_part:
                integrand = other.regular(x).subs(x, free) * normal_density(free - mean, variance)
                total += weight * density * sp.Integral(integrand, (free, -sp.oo, sp.oo))
            if one is f:
                places = [(w, normal_density(d.threshold - mean, variance)) for w, d in other.deltas]
                total += sp.Add(*(weight * density * w * place for w, place in places))
    return total
