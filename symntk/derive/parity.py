"""The even and the odd part of a function: for centred (u, v), E[f g] = E[f_even g_even] + E[f_odd g_odd].

Where g is even or odd, one of the two is 0, and what remains of f may be closed though f is not: the even part of a
logistic function is 1/2, that of tanh(x) + k is k.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from symntk.derive.latex import equation, inline, mean, tex
from symntk.derive.moves.problem import U, V
from symntk.derive.step import Step, Unknown
from symntk.errors import SymntkError
from symntk.language.forms.general_form import GeneralForm, multiplied_out, parity
from symntk.language.forms.order import insert_sorted
from symntk.language.forms.pieces import Pieces
from symntk.language.special import logistic, softplus
from symntk.language.symbols import x

EQUATION = "parity: E[f(u) g(v)] = E[f_even(u) g_even(v)] + E[f_odd(u) g_odd(v)], since (−u, −v) has the law of (u, v)."


_MANY_PIECES = 64


@dataclass(frozen=True, eq=False)
class ParitySplit(Step):
    """E[f(u) g(v)] by the part of f or g that has the other's parity; `inner` derives the expectation of that part.

    Attributes:
        side: whose part it is, "f" or "g".
        sense: 1 for the even part, −1 for the odd one.
        part: the part.
        inner: the derivation of its expectation with the other function.
    """

    side: str
    sense: int
    part: sp.Expr
    inner: Step

    @cached_property
    def children(self) -> tuple[tuple[sp.Expr, Step], ...]:  # type: ignore[override]  # it never is assigned
        """The expectation of the part."""
        return ((sp.S.One, self.inner),)

    def evaluate(self) -> sp.Expr:
        """That of the part."""
        return self.inner.expression

    def __str__(self) -> str:
        kind, other = ("even", "odd") if self.sense > 0 else ("odd", "even")
        return f"{EQUATION}\n{self.side}_{kind}(x) = {self.part}; the {other} part adds nothing\n{self.inner}"

    def proof(self, left: str, right: str) -> list[str]:
        """The law of (−u, −v) is that of (u, v): only the part of one function that has the other's parity counts."""
        part = tex(self.part.xreplace({x: U if self.side == "f" else V}))
        kind, other = ("even", "odd") if self.sense > 0 else ("odd", "even")
        one, rest = (left, right) if self.side == "f" else (right, left)
        text = f"**Parity.** {inline(rest)} is {kind}, and so the {other} part of {inline(one)} adds nothing. Left is"
        sides = (part, right) if self.side == "f" else (left, part)
        shown = equation(mean(left, right), mean(*sides))
        return [f"{text}\n\n{shown}", *self.inner.proof(*sides)]


def matching_part(f: GeneralForm, g: GeneralForm) -> tuple[str, int, sp.Expr] | Unknown:
    """The side that has no parity, the parity of the other and the part of the side that has it; or why there is none.

    >>> from symntk.language.forms.general_form import general_form
    >>> matching_part(general_form(1 / (1 + sp.exp(-x)), x), general_form(x**2, x))
    ('f', 1, 1/2)
    >>> matching_part(general_form(x, x), general_form(x**3, x)).reasons
    ['parity: both functions are odd']
    """
    senses = parity(f, x), parity(g, x)
    if (senses[0] == 0) == (senses[1] == 0):
        kind = {(0, 0): "neither function is even or odd", (1, 1): "both functions are even"}
        return Unknown.of("parity", "", kind.get(senses, "both functions are odd"))
    if max(len(f.parts), len(g.parts)) > _MANY_PIECES:
        return Unknown.of("parity", "", f"there are more than {_MANY_PIECES} pieces")
    side, one, sense = ("f", f, senses[1]) if senses[0] == 0 else ("g", g, senses[0])
    try:
        return side, sense, _part(one, sense)
    except SymntkError:
        return Unknown.of("parity", "", "the assumptions do not decide the order of two thresholds")


def part_name(name: str, sense: int) -> str:
    """What the even or the odd part of a function is called."""
    return f"the {'even' if sense > 0 else 'odd'} part of {name}"


def _part(form: GeneralForm, sense: int) -> sp.Expr:
    """(h(x) + sense·h(−x))/2."""
    points: list[sp.Expr] = []
    for point in form.breaks:
        insert_sorted(points, point)
        insert_sorted(points, -point)
    right = Pieces(form.breaks, form.parts).refined(tuple(points))
    left = tuple(part.subs(x, -x) for part in reversed(right))
    halves = tuple(_simple((p + sense * q) / 2) for p, q in zip(right, left, strict=True))
    deltas = [(weight / 2, delta.threshold, delta.order) for weight, delta in form.deltas]
    deltas += [(sense * (-1) ** order * weight, -threshold, order) for weight, threshold, order in deltas]
    regular = GeneralForm(tuple(points), halves).regular(x)
    return regular + sp.Add(*(weight * sp.DiracDelta(x - at, order) for weight, at, order in deltas))


def _simple(expr: sp.Expr) -> sp.Expr:
    """The sum expanded, in functions whose parity SymPy knows: logistic and softplus by tanh and log cosh."""
    in_tanh = expr.replace(logistic, lambda w: (1 + sp.tanh(w / 2)) / 2)
    in_tanh = in_tanh.replace(softplus, lambda w: w / 2 + sp.log(2 * sp.cosh(w / 2)))
    found = multiplied_out(in_tanh)
    return found if not found.has(sp.tanh, sp.log) else multiplied_out(expr)
