"""A side that is constant or made of deltas leaves E[s(Y)] for one normal Y: closed where the line's rules are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import sympy as sp

from symntk.derive.latex import equation, inline, mean, tex
from symntk.derive.line.derivation import LineDerivation, derive_line
from symntk.derive.moves.condition import at_delta
from symntk.derive.moves.problem import Gaussian, symbolic_law
from symntk.derive.step import Notes, Step, Unknown
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import Delta
from symntk.language.symbols import mean_v, var_v, x


@dataclass(frozen=True, eq=False)
class DiracDerivation(Step):
    """E[f(u) g(v)] with one side, `side`, constant or a sum of deltas, and the mean of the other derived by `line`."""

    f: GeneralForm
    g: GeneralForm
    means: bool
    side: str
    line: LineDerivation

    @cached_property
    def children(self) -> tuple[tuple[sp.Expr, Step], ...]:  # type: ignore[override]  # it never is assigned
        """The mean of the other side."""
        return ((sp.S.One, self.line.root),)

    def evaluate(self) -> sp.Expr:
        """Σ w·N(t; m1, a)·E[g(Y)], Y ~ N(m2 + c (t − m1)/a, b − c²/a); roles exchanged for deltas in g."""
        line = self.line.expression

        def given(place: sp.Expr, variance: sp.Expr) -> sp.Expr:
            return line.subs({var_v: sp.together(variance), mean_v: place}, simultaneous=True)

        return self._sum(given)

    def at_full_correlation(self) -> sp.Expr:
        """The value where ab = c²: Y is m2 + c (t − m1)/a, whose place among the jumps needs numbers."""
        other = self.g if self.side == "f" else self.f

        def given(place: sp.Expr, variance: sp.Expr) -> sp.Expr:
            steps = [sp.Heaviside(place - point, sp.Rational(1, 2)) for point in other.breaks]
            rises = [right - left for left, right in pairwise(other.parts)]
            inside = other.parts[0] + sp.Add(*(s * r for s, r in zip(steps, rises, strict=True)))
            return inside.subs(x, place)

        return self._sum(given)

    def _sum(self, given: Callable[[sp.Expr, sp.Expr], sp.Expr]) -> sp.Expr:
        """The constant's part, and each delta's with what is `given` for the mean and the variance of the other."""
        law = self.law
        total = self.constant * self.line.expression.subs({var_v: law.b, mean_v: law.m2}, simultaneous=True)
        for weight, delta in self.deltas:
            density, place, variance = at_delta(law, delta.threshold)
            total += weight * density.rewrite(sp.exp) * given(place, variance)
        return total

    @property
    def conditions(self) -> tuple[sp.Basic, ...]:
        """Where it exists: the line's conditions at the variance that is left."""
        law = self.law
        variances = [law.b] * (self.constant != 0) + [(law.a * law.b - law.c**2) / law.a] * bool(self.deltas)
        return tuple(c.subs(var_v, variance) for variance in variances for c in self.line.conditions)

    @property
    def constant(self) -> sp.Expr:
        """The constant that the side is, 0 for deltas."""
        return (self.f if self.side == "f" else self.g).parts[0]

    @property
    def deltas(self) -> tuple[tuple[sp.Expr, Delta], ...]:
        """Weights and deltas of the side that has them."""
        return self.f.deltas if self.side == "f" else self.g.deltas

    @property
    def law(self) -> Gaussian:
        """The law of the deltas' variable and of the other."""
        law = symbolic_law(self.means)
        return law if self.side == "f" else law.exchanged()

    def __str__(self) -> str:
        one, other = ("u", "g(v)") if self.side == "f" else ("v", "f(u)")
        if not self.deltas:
            return f"constant: E[c·h(v)] = c·E[h(v)], one normal mean\n{self.line}"
        head = f"condition: E[δ({one} − t) {other}] = N(t; m1, a)·E[{other} | {one} = t], a normal mean of one variable"
        return f"{head}\n{self.line}"

    def proof(self, left: str, right: str) -> list[str]:
        """The condition, the mean over one variable Y for a variance b, and what is then put for b."""
        one, g = ("u", right) if self.side == "f" else ("v", left)
        notes, law = Notes(), symbolic_law(False) if self.side == "f" else symbolic_law(False).exchanged()
        number, shift, variance = notes.number(), "0", tex(law.b)
        out = [f"{number} **Constant.** One function is a constant, so one normal mean is left."]
        if self.deltas:
            parts = []
            for weight, delta in self.deltas:
                density = at_delta(law, delta.threshold)[0].rewrite(sp.exp)
                given = tex(sp.Eq(sp.Symbol(one), delta.threshold, evaluate=False))
                parts.append(rf"{tex(weight * density)}\, \mathbb{{E}}\left[{g} \mid {given}\right]")
            head = f"{number} **Condition.** The delta fixes {inline(one)}; the density there stands in front."
            out = [f"{head}\n\n{equation(mean(left, right), ' + '.join(parts))}"]
            variance = rf"\frac{{a b - c^2}}{{{tex(law.a)}}}"
            if any(delta.threshold != 0 for _, delta in self.deltas):
                shift = rf"t\, \frac{{c}}{{{tex(law.a)}}}"
        text = f"Given that, the other variable is normal with mean {inline(shift)} and variance {inline(variance)}. "
        text += f"The steps below find the mean of {inline(g)} for a normal $`Y`$ in its place, whose variance they "
        last = f"**Total.** Put {inline(variance)} for $`b`$ and multiply by the factor of step 1."
        return [*out, f"{text}call $`b`$.", *notes.paragraphs(self.line.root), last]


def derive_dirac(f: GeneralForm, g: GeneralForm, *, means: bool) -> DiracDerivation | Unknown:
    """The closed form where a side is a sum of deltas and the rules find the other's mean; why there is none else."""
    unknown = None
    for side, one, other in (("f", f, g), ("g", g, f)):
        constant = not one.breaks and not one.parts[0].has(x)
        if not constant or other.deltas or any(delta.order for _, delta in one.deltas):
            continue
        line = derive_line(other, means=means or any(delta.threshold != 0 for _, delta in one.deltas))
        if isinstance(line, LineDerivation):
            return DiracDerivation(f, g, means, side, line)
        unknown = line
    return unknown or Unknown.of("line", "", "neither function is a constant, or one with deltas")
