"""What is done where no closed form exists: one integral over a closed conditional expectation, or two integrals.

Comes in: two functions as general forms, with a normal form where they have one. Goes out: a `Fallback`, which says
which integral remains. The numbers are the emit room's: a Hermite series where its Parseval tail is small, which is
uniform in how sharp the functions are, and quadrature of the integral stated here elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from symntk.derive.conditions import formula_conditions
from symntk.derive.mixture.mixture import MixtureDerivation
from symntk.derive.moves.engine import Derivation, derive_pair
from symntk.derive.moves.publish import publish
from symntk.derive.moves.size import is_short, surely_long
from symntk.derive.moves.value import Value
from symntk.errors import TooLongError
from symntk.language.general_form import GeneralForm
from symntk.language.special import normal_pdf
from symntk.language.symbols import cov, mean_u, mean_v, var_u, var_v, x
from symntk.language.terms import Delta, NormalForm, Term, collect

MOST_DELTAS = 400
"""Products of two deltas that a formula may hold."""

_U, _V = sp.symbols("u v", real=True)
_ONE = collect([Term(sp.S.One)])


@dataclass(frozen=True)
class Fallback:
    """E[f(u) g(v)] as an integral that remains.

    `inner` derives E[h(Y)], Y ~ N(m1, a), for the side `inner_side` ("f" or "g") that is Gaussian-elementary; it is
    None where neither side is, or where a side has only deltas, whose integral is done. `mixture` is a sum inside the
    class that stands for functions of the logistic family, with a certified error. `remark` says why a closed form that
    exists is not given.
    """

    f: GeneralForm
    g: GeneralForm
    means: bool
    inner: Derivation | None = None
    inner_side: str = ""
    remark: str = ""
    mixture: MixtureDerivation | None = None

    @property
    def method(self) -> str:
        """The kind of integral that remains."""
        if self.mixture is not None:
            return "mixture"
        if self.inner is not None or not (self.f.has_regular_part and self.g.has_regular_part):
            return "one-dimensional"
        return "series and quadrature"

    @property
    def inner_value(self) -> Value | None:
        """The closed conditional expectation."""
        return None if self.inner is None else self.inner.value

    def integral(self) -> sp.Expr:
        """The integral that remains, in SymPy's notation, in a, b, c (and m1, m2 with means)."""
        total = _deltas(self.f, self.g, self.means)
        if not (self.f.has_regular_part and self.g.has_regular_part):
            return total
        law = (var_u, var_v, cov, mean_u, mean_v) if self.means else (var_u, var_v, cov, sp.S.Zero, sp.S.Zero)
        a, b, c, m1, m2 = law
        if self.inner is None:
            f, g = self.f.regular(x).subs(x, _U), self.g.regular(x).subs(x, _V)
            mean, variance = m2 + c / a * (_U - m1), b - c**2 / a
            density = _density(_U, m1, a) * _density(_V, mean, variance)
            return total + sp.Integral(f * g * density, (_V, -sp.oo, sp.oo), (_U, -sp.oo, sp.oo))
        outer, one = self.f, _U
        if self.inner_side == "f":
            a, b, m1, m2, outer, one = b, a, m2, m1, self.g, _V
        given = {mean_u: m2 + c / a * (one - m1), var_u: b - c**2 / a}
        closed = publish(self.inner.value).subs(given, simultaneous=True)
        integrand = outer.regular(x).subs(x, one) * closed * _density(one, m1, a)
        return total + sp.Integral(integrand, (one, -sp.oo, sp.oo))

    def __str__(self) -> str:
        lines = [f"no closed form: {self.remark}"] if self.remark else []
        if self.f.deltas or self.g.deltas:
            lines.append("condition: E[δ(u − t) g(v)] = N(t; m1, a)·E[g(v) | u = t], one integral over v at most")
        if self.inner is not None:
            given, name = ("v", "f(u)") if self.inner_side == "f" else ("u", "g(v)")
            lines.append(
                f"reduce: E[f(u) g(v)] is a mean over {given} alone, with h = E[{name} | {given}] in closed form;"
            )
            lines.append(f"  h is E[{self.inner_side}(Y)] for a normal Y; with mean m1 and variance a:")
            lines += _indented(self.inner)
        elif self.f.has_regular_part and self.g.has_regular_part:
            lines.append(
                "series: E[f(u) g(v)] = Σ f_k g_k ρ^k, f_k = E[f(m1 + √a z) h_k(z)], h_k the normalized Hermite"
            )
            lines.append("  polynomials; after K terms the rest is at most |ρ|^K √(E f² − Σ f_k²) √(E g² − Σ g_k²)")
        if self.mixture is not None:
            lines += ["mixture: where the series is too long and the error is proven small", *_indented(self.mixture)]
        lines.append("quadrature: where the series is too long, panels cut where the functions change")
        return "\n".join(lines)


def _indented(derivation: Derivation | MixtureDerivation) -> list[str]:
    return [f"  {line}" for line in str(derivation).split("\n")]


def has_means(form: NormalForm) -> bool:
    """Whether each term has a mean at every variance: a formula for the sum then holds everywhere."""
    return not formula_conditions(form, _ONE)


_MOST_TERMS = 48  # of a conditional expectation; with more, a second integral is as fast


def fallback(
    f: GeneralForm, g: GeneralForm, f_normal: NormalForm | None, g_normal: NormalForm | None, *, means: bool
) -> Fallback:
    """How E[f(u) g(v)] is reduced; a normal form is given for a function that is Gaussian-elementary."""
    if not (f.has_regular_part and g.has_regular_part):
        return Fallback(f, g, means)
    for side, normal in (("g", g_normal), ("f", f_normal)):
        if normal is not None and len(normal.terms) <= _MOST_TERMS and has_means(normal):
            regular = collect(t for t in normal.terms if not isinstance(t.window, Delta))
            inner = _derived(regular)
            if inner is not None:
                return Fallback(f, g, means, inner, side)
    return Fallback(f, g, means)


def _derived(form: NormalForm) -> Derivation | None:
    """E[h(Y)], Y ~ N(m1, a), where its formula is of a length that can be used."""
    if surely_long(form, _ONE, means=True):
        return None
    try:
        found = derive_pair(form, _ONE, means=True)
        if not is_short(form, _ONE):
            _ = found.value
    except (TooLongError, RecursionError):
        return None
    return found


def _density(at: sp.Expr, mean: sp.Expr, variance: sp.Expr) -> sp.Expr:
    return normal_pdf((at - mean) / sp.sqrt(variance)) / sp.sqrt(variance)


def _deltas(f: GeneralForm, g: GeneralForm, means: bool) -> sp.Expr:
    """The parts with deltas: E[δ(u − t) g(v)] = N(t; m1, a)·E[g(v) | u = t].

    Raises:
        TooLongError: more terms than anybody reads.
    """
    total, count = sp.S.Zero, len(f.deltas) * len(g.deltas)
    if count > MOST_DELTAS:
        wrong = f"deltas meet in {count} terms, more than {MOST_DELTAS}"
        raise TooLongError("the integral that remains, as a formula", wrong, "numbers, which E(...) and evalf give")
    for one, other, swapped in ((f, g, False), (g, f, True)):
        a, b, m1, m2 = (var_v, var_u, mean_v, mean_u) if swapped else (var_u, var_v, mean_u, mean_v)
        if not means:
            m1 = m2 = sp.S.Zero
        free = _U if swapped else _V
        for weight, delta in one.deltas:
            mean, variance = m2 + cov / a * (delta.threshold - m1), b - cov**2 / a
            front = weight * _density(delta.threshold, m1, a)
            if other.has_regular_part:
                integrand = other.regular(x).subs(x, free) * _density(free, mean, variance)
                total += front * sp.Integral(integrand, (free, -sp.oo, sp.oo))
            if not swapped:
                total += sp.Add(*(front * w * _density(d.threshold, mean, variance) for w, d in other.deltas))
    return total
