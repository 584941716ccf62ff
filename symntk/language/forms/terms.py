"""Gaussian-elementary functions as data: finite sums of terms in one real variable.

    coefficient · x^power · exp(quadratic·x² + linear·x) · window(x)

A window is absent (1), a soft step or a Dirac delta (theory: soft steps close the class under derivation).
What comes in and out are SymPy expressions; nothing here integrates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import sympy as sp

from symntk.language.forms.root import Root
from symntk.language.special import normal_cdf


@dataclass(frozen=True)
class Step:
    """Soft step S(x) = P(ξ ≤ side·(x − threshold)), ξ ~ N(0, variance); the Heaviside step where variance is 0.

    `side` is +1 (rises with x) or −1 (falls with x); Step(0) = 1/2.
    """

    threshold: sp.Expr
    variance: sp.Expr = sp.S.Zero
    side: int = 1

    def as_expr(self, x: sp.Symbol) -> sp.Expr:
        """The step as a SymPy expression in `x`."""
        argument = self.side * (x - self.threshold)
        if self.variance == 0:
            return sp.Heaviside(argument, sp.Rational(1, 2))
        return normal_cdf(argument / sp.sqrt(self.variance))


@dataclass(frozen=True)
class Delta:
    """The derivative of order `order` of Dirac's delta at `threshold`."""

    threshold: sp.Expr
    order: int = 0

    def as_expr(self, x: sp.Symbol) -> sp.Expr:
        """The delta as a SymPy expression in `x`."""
        return sp.DiracDelta(x - self.threshold, self.order) if self.order else sp.DiracDelta(x - self.threshold)


Window = Step | Delta | None


@dataclass(frozen=True)
class Term:
    """One term; a Delta term has power 0 and no exponential (its smooth factor is evaluated at the threshold).

    `linear` may be complex (sin and cos); then the conjugate term is in the sum too.
    """

    coefficient: sp.Expr
    power: int = 0
    quadratic: sp.Expr = sp.S.Zero
    linear: sp.Expr = sp.S.Zero
    window: Window = None

    @property
    def bare(self) -> Term:
        """The term without its coefficient."""
        return replace(self, coefficient=sp.S.One)

    def as_expr(self, x: sp.Symbol) -> sp.Expr:
        """The term as a SymPy expression in `x`."""
        smooth = self.coefficient * x**self.power * sp.exp(self.quadratic * x**2 + self.linear * x)
        return smooth * self.window.as_expr(x) if self.window is not None else smooth


@dataclass(frozen=True)
class NormalForm:
    """A Gaussian-elementary function: like terms are collected, zero terms dropped, the order is canonical."""

    terms: tuple[Term, ...]

    def as_expr(self, x: sp.Symbol) -> sp.Expr:
        """The function as a SymPy expression in `x`."""
        return sp.Add(*(term.as_expr(x) for term in self.terms))

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The symbols that the function depends on besides its variable, sorted by name."""
        found: set[sp.Symbol] = set()
        for term in self.terms:
            for part in _expressions(term):
                found |= part.free_symbols
        return tuple(sorted(found, key=lambda symbol: symbol.name))

    def subs(self, values: dict[sp.Symbol, sp.Expr]) -> NormalForm:
        """Replace parameters by values (numbers or expressions)."""

        def put(e: sp.Expr) -> sp.Expr:
            return e.subs(values)

        def put_window(window: Window) -> Window:
            if isinstance(window, Step):
                return Step(put(window.threshold), put(window.variance), window.side)
            return Delta(put(window.threshold), window.order) if isinstance(window, Delta) else None

        return collect(
            Term(put(t.coefficient), t.power, put(t.quadratic), put(t.linear), put_window(t.window)) for t in self.terms
        )


ONE = NormalForm((Term(sp.S.One),))
"""The function 1."""


def collect(terms: Iterable[Term]) -> NormalForm:
    """Add up like terms, drop those that vanish, and sort."""
    sums: dict[tuple[int, sp.Expr, sp.Expr, Window], sp.Expr] = {}
    for t in terms:
        key = (t.power, t.quadratic, t.linear, t.window)
        sums[key] = sums.get(key, sp.S.Zero) + t.coefficient
    kept = [Term(sp.expand(value), *key) for key, value in sums.items()]
    return NormalForm(tuple(sorted((t for t in kept if not _vanishes(t.coefficient)), key=_order)))


def _vanishes(value: sp.Expr) -> bool:
    """Whether a coefficient is 0; a function at its own root is so to any number of digits."""
    if value == 0 or not value.has(Root) or value.free_symbols:
        return bool(value == 0)
    return all(abs(sp.N(value, digits, maxn=200)) < sp.Float(10) ** (-40) for digits in (15, 30))


def parity(form: NormalForm) -> int:
    """The parity of the function: 1 for even, −1 for odd, 0 for neither (or not seen in the parameters).

    >>> x = sp.Symbol("x", real=True)
    >>> parity(collect([Term(sp.S.One, 1, quadratic=sp.Integer(-1))]))
    -1
    """
    own, mirrored = (_rising(terms) for terms in (form.terms, [_mirrored(t) for t in form.terms]))
    if own == mirrored:
        return 1
    return -1 if own == collect(Term(-t.coefficient, *_key(t)) for t in mirrored.terms) else 0


def _key(t: Term) -> tuple[int, sp.Expr, sp.Expr, Window]:
    return t.power, t.quadratic, t.linear, t.window


def _mirrored(t: Term) -> Term:
    """The term at −x."""
    sign, w = (-1) ** t.power, t.window
    if isinstance(w, Delta):
        return Term(sign * (-1) ** w.order * t.coefficient, window=Delta(-w.threshold, w.order))
    window = Step(-w.threshold, w.variance, -w.side) if isinstance(w, Step) else None
    return Term(sign * t.coefficient, t.power, t.quadratic, -t.linear, window)


def _rising(terms: Iterable[Term]) -> NormalForm:
    """The same function with rising steps only, which makes its terms unique: S(−x) = 1 − S(x)."""
    out: list[Term] = []
    for t in terms:
        if isinstance(t.window, Step) and t.window.side < 0:
            rising = Step(t.window.threshold, t.window.variance)
            out += [Term(t.coefficient, *_key(t)[:3]), Term(-t.coefficient, *_key(t)[:3], rising)]
        else:
            out.append(t)
    return collect(out)


def derivative(form: NormalForm) -> NormalForm:
    """The distributional derivative; the class is closed under it."""
    out: list[Term] = []
    for t in form.terms:
        w = t.window
        if isinstance(w, Delta):
            out.append(Term(t.coefficient, window=Delta(w.threshold, w.order + 1)))
            continue
        if t.power:
            out.append(Term(t.coefficient * t.power, t.power - 1, t.quadratic, t.linear, w))
        if t.quadratic != 0:
            out.append(Term(2 * t.coefficient * t.quadratic, t.power + 1, t.quadratic, t.linear, w))
        if t.linear != 0:
            out.append(Term(t.coefficient * t.linear, t.power, t.quadratic, t.linear, w))
        if isinstance(w, Step):
            out.append(_step_derivative(t, w))
    return collect(out)


def _step_derivative(t: Term, w: Step) -> Term:
    """d/dx S(x) = side·N(x; threshold, variance): a delta for the Heaviside step, a Gaussian factor else."""
    if w.variance == 0:
        at = w.threshold
        smooth = at**t.power * sp.exp(t.quadratic * at**2 + t.linear * at) if t.power or t.quadratic or t.linear else 1
        return Term(w.side * t.coefficient * smooth, window=Delta(at))
    v, at = w.variance, w.threshold
    density = sp.exp(-(at**2) / (2 * v)) / sp.sqrt(2 * sp.pi * v)
    return Term(w.side * t.coefficient * density, t.power, t.quadratic - 1 / (2 * v), t.linear + at / v)


def _expressions(term: Term) -> list[sp.Expr]:
    parts = [term.coefficient, term.quadratic, term.linear]
    if term.window is not None:
        parts.append(term.window.threshold)
    if isinstance(term.window, Step):
        parts.append(term.window.variance)
    return parts


def _order(term: Term) -> tuple[object, ...]:
    """Canonical order: no window, steps, deltas; then by threshold, exponent and power."""
    w = term.window
    kind = 0 if w is None else 1 if isinstance(w, Step) else 2
    rest = [sp.default_sort_key(e) for e in _expressions(term)[1:]]
    return (kind, *rest[2:], *rest[:2], getattr(w, "side", 0), getattr(w, "order", 0), term.power)
