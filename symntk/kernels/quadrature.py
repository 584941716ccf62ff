"""What every solution for general functions has, and the one where an integral remains: its numbers have a bound."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy as sp
from mpmath import mp

from symntk.derive.conditions import conditions
from symntk.derive.diagonal import Diagonal
from symntk.derive.integral import Fit, Integral
from symntk.derive.step import Unknown
from symntk.errors import DivergenceError, DomainError, SymntkError, VerificationError
from symntk.kernels.function import Function
from symntk.language.forms.terms import Delta, NormalForm, Term
from symntk.language.symbols import STATE, x
from symntk.language.tables.registry import exact
from symntk.verify.evaluate import scalar

if TYPE_CHECKING:  # what writes code is imported where it is used
    from symntk.derive.mixture.mixture import Mixture
    from symntk.language.forms.general_form import GeneralForm

Numbers = dict[sp.Symbol, Any]
MOST_DIGITS = 60


class General:
    """What solutions for general forms share."""

    def __init__(self, f: Function, g: Function, means: bool) -> None:
        self.f, self.g, self.means = f, g, means

    @cached_property
    def conditions(self) -> tuple[sp.Basic, ...]:
        """Where it exists; what is outside the class grows like e^{βx} at most."""
        return conditions(*(one.normal or _as_calm(one) for one in (self.f, self.g)))

    @property
    def needs_numbers(self) -> bool:
        """Whether code can be written only for numbers in place of the parameters."""
        return False

    @cached_property
    def diagonal(self) -> Diagonal:
        """At full correlation."""
        from symntk.derive.general_diagonal import general_diagonal

        return general_diagonal(self.f.general, self.g.general, means=self.means)


def _as_calm(function: Function) -> NormalForm:
    """What conditions of existence must know of a function outside the class: whether it has a delta."""
    form = function.general
    terms = [Term(sp.S.One)] * form.has_regular_part + [Term(sp.S.One, window=Delta(sp.S.Zero))] * bool(form.deltas)
    return NormalForm(tuple(terms))


def fitting(tol: float) -> Fit:
    """What finds a mixture that is accurate enough for a bound `tol`."""

    def fit(form: GeneralForm) -> Mixture | None:
        from symntk.emit.mixture import fitting_mixture

        return fitting_mixture(form, x, 0.5 * tol)

    return fit


class Quadrature(General):
    """An integral remains; its numbers come with a bound."""

    expression = None

    def __init__(self, f: Function, g: Function, means: bool, tol: float, derivation: Integral | None = None) -> None:
        super().__init__(f, g, means)
        self.tol = tol
        self.derivation = derivation or Integral(f, g, means, Unknown("", ()), fitting(tol))

    @property
    def needs_numbers(self) -> bool:
        """The nodes depend on every parameter."""
        return True

    @property
    def method(self) -> str:
        """The kind of integral that remains."""
        return self.derivation.method

    @cached_property
    def error_bound(self) -> float:
        """Relative to √(E f² · E g²): `tol`, or more where the panels do not follow a function well enough.

        E|f| takes the place of the root of an infinite E f².

        An entry takes one route: the series, whose certified rest is at most half of tol; the mixture, likewise; a
        table, whose checks ask for a tenth; or panels, whose errors were below 1e-12 in all measurements beside what
        the functions differ from polynomials between edges. What is left is for rounding.
        """
        from symntk.emit.general import known_shape

        if self.f.parameters or self.g.parameters:
            return self.tol
        defects = sum(known_shape(one.general).defect for one in (self.f, self.g))
        return self.tol if 10.0 * defects <= 0.4 * self.tol else self.tol + 10.0 * defects

    @property
    def terms(self) -> str:
        """What is summed: nodes of a mixture, edges between panels."""
        from symntk.derive.mixture.mixture import Mixture
        from symntk.emit.general import known_shape

        if self.f.parameters or self.g.parameters:
            return "nodes depend on the parameters"
        found = self.derivation.mixture
        sides = [] if found is None else [one for one in (found.f, found.g) if isinstance(one, Mixture)]
        nodes = [" × ".join(str(len(one.nodes)) for one in sides) + " nodes"] if sides else []
        edges = [len(known_shape(one.general).edges) for one in (self.f, self.g)]
        return ", ".join([*nodes, f"panels between {edges[0]} and {edges[1]} edges"])

    def integral(self) -> sp.Expr:
        """The integral that remains."""
        return self.derivation.integral()

    def evalf(self, values: Numbers, dps: int) -> Any:
        """The value in mpmath, by the quadrature of the verify room: right to `dps` digits of itself, or an error."""
        from symntk.emit.general import known_shape
        from symntk.verify.oracle.general.oracle import general_oracle

        parameters = {s: exact(v, s.name) for s, v in values.items() if s not in STATE}
        f, g = self.f.at(parameters), self.g.at(parameters)
        asked = f"E[f(u) g(v)] with f = {f.name}, g = {g.name}"
        if dps > MOST_DIGITS:
            wrong = f"it has no closed form, and quadrature to {dps} digits would take minutes"
            raise DomainError(asked, wrong, f"dps of at most {MOST_DIGITS}")
        for one in (f, g):
            known_shape(one.general)  # refuses what is no finite real function
        with mp.workdps(400):  # a correlation beyond 1 by rounding is 1
            a, b, c, m1, m2 = (scalar(values[s]) for s in STATE)
            if c * c > a * b:
                c = mp.sign(c) * mp.sqrt(a * b)
        try:
            return general_oracle(f.general, g.general, a, b, c, m1, m2, dps=dps)
        except SymntkError as error:
            at = ", ".join(f"{s} = {values[s]}" for s in STATE)
            kind = next(
                k for k in (DivergenceError, DomainError, VerificationError, SymntkError) if isinstance(error, k)
            )
            raise kind(f"{asked} at {at}", error.wrong, error.advice) from error

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code."""
        from symntk.emit.maps import GeneralMap

        plan = self.derivation
        return GeneralMap(
            name=name,
            f=plan.f,
            g=plan.g,
            means=self.means,
            title=title,
            tolerance=self.tol,
            inner=plan.inner_value,
            inner_side=plan.inner_side,
            fit=(lambda: plan.mixture) if plan.may_mix else None,
            parameters=parameters,
        )
