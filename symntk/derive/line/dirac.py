"""A side that is constant or made of deltas leaves E[s(Y)] for one normal Y: closed where the line's rules are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import sympy as sp

from symntk.derive.line.derivation import LineDerivation, derive_line
from symntk.language.general_form import GeneralForm
from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v, x
from symntk.language.terms import Delta


@dataclass(frozen=True)
class DiracDerivation:
    """E[f(u) g(v)] with one side, `side`, constant or a sum of deltas, and the mean of the other derived by `line`."""

    f: GeneralForm
    g: GeneralForm
    means: bool
    side: str
    line: LineDerivation

    @cached_property
    def expression(self) -> sp.Expr:
        """Σ w·N(t; m1, a)·E[g(Y)], Y ~ N(m2 + c (t − m1)/a, b − c²/a); roles exchanged for deltas in g."""
        a, b, m1, m2 = self.law
        total = self.constant * self.line.expression.subs({var_v: b, mean_v: m2}, simultaneous=True)
        for weight, delta in self.deltas:
            t = delta.threshold
            inside = {var_v: (a * b - cov**2) / a, mean_v: m2 + cov * (t - m1) / a}
            density = sp.exp(-((t - m1) ** 2) / (2 * a)) / sp.sqrt(2 * sp.pi * a)
            total += weight * density * self.line.expression.subs(inside, simultaneous=True)
        return total

    def at_full_correlation(self) -> sp.Expr:
        """The value where ab = c²: Y is m2 + c (t − m1)/a, whose place among the jumps needs numbers."""
        a, b, m1, m2 = self.law
        other = self.g if self.side == "f" else self.f
        total = self.constant * self.line.expression.subs({var_v: b, mean_v: m2}, simultaneous=True)
        for weight, delta in self.deltas:
            t = delta.threshold
            density = sp.exp(-((t - m1) ** 2) / (2 * a)) / sp.sqrt(2 * sp.pi * a)
            place = m2 + cov * (t - m1) / a
            steps = [sp.Heaviside(place - point, sp.Rational(1, 2)) for point in other.breaks]
            rises = [right - left for left, right in pairwise(other.parts)]
            inside = other.parts[0] + sp.Add(*(s * r for s, r in zip(steps, rises, strict=True)))
            total += weight * density * inside.subs(x, place)
        return total

    @property
    def conditions(self) -> tuple[sp.Basic, ...]:
        """Where it exists: the line's conditions at the variance that is left."""
        a, b, _, _ = self.law
        variances = [b] * (self.constant != 0) + [(a * b - cov**2) / a] * bool(self.deltas)
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
    def law(self) -> tuple[sp.Expr, sp.Expr, sp.Expr, sp.Expr]:
        """Variance of the deltas' variable and of the other, then their means."""
        m1, m2 = (mean_u, mean_v) if self.means else (sp.S.Zero, sp.S.Zero)
        return (var_u, var_v, m1, m2) if self.side == "f" else (var_v, var_u, m2, m1)

    def __str__(self) -> str:
        one, other = ("u", "g(v)") if self.side == "f" else ("v", "f(u)")
        if not self.deltas:
            return f"constant: E[c·h(v)] = c·E[h(v)], one normal mean\n{self.line}"
        head = f"condition: E[δ({one} − t) {other}] = N(t; m1, a)·E[{other} | {one} = t], a normal mean of one variable"
        return f"{head}\n{self.line}"


def derive_dirac(f: GeneralForm, g: GeneralForm, *, means: bool) -> DiracDerivation | None:
    """The closed form where a side is a sum of deltas and the rules find the other's mean; None else."""
    for side, one, other in (("f", f, g), ("g", g, f)):
        constant = not one.breaks and not one.parts[0].has(x)
        if not constant or other.deltas or any(delta.order for _, delta in one.deltas):
            continue
        line = derive_line(other, means=means or any(delta.threshold != 0 for _, delta in one.deltas))
        if line is not None:
            return DiracDerivation(f, g, means, side, line)
    return None
