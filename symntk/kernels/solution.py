"""How an expectation is answered: by the four moves, by a closed mean on a line, or by an integral that remains.

Each solution says its method, expression, derivation, conditions, diagonal and error bound, gives numbers at any
precision, and what the emit room needs to write it as code. `solve` takes the first that applies.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy as sp
from mpmath import mp

from symntk.derive.algebra import Algebra
from symntk.derive.conditions import conditions
from symntk.derive.diagonal import Diagonal, diagonal
from symntk.derive.engine import PARITY, Derivation, derive_pair
from symntk.derive.publish import publish
from symntk.derive.value import Surds
from symntk.errors import DomainError, SymntkError
from symntk.kernels.function import Function
from symntk.language.general_form import parity
from symntk.language.registry import exact
from symntk.language.symbols import STATE, x
from symntk.language.terms import Delta, NormalForm, Term
from symntk.verify.evaluate import evaluate, scalar

if TYPE_CHECKING:  # what writes code is imported where it is used
    from symntk.derive.dirac import DiracDerivation
    from symntk.derive.fallback import Fallback
    from symntk.derive.mixture import MixtureDerivation

Numbers = dict[sp.Symbol, Any]
_MOST_DIGITS = 60


class ClosedForm:
    """Both functions are Gaussian-elementary: the four moves."""

    method = "closed form"
    error_bound = 0.0
    needs_numbers = False

    def __init__(self, f: Function, g: Function, means: bool) -> None:
        self.f, self.g, self.means = f, g, means

    @cached_property
    def derivation(self) -> Derivation:
        """The tree of steps."""
        return derive_pair(self.f.form, self.g.form, means=self.means)

    @cached_property
    def expression(self) -> sp.Expr:
        """The formula."""
        return publish(self.derivation.value)

    @cached_property
    def conditions(self) -> tuple[sp.Basic, ...]:
        """Where it exists."""
        return conditions(self.f.form, self.g.form)

    @cached_property
    def diagonal(self) -> Diagonal:
        """At full correlation."""
        return diagonal(self.derivation.value)

    def integral(self) -> sp.Expr:
        """The formula: no integral remains."""
        return self.expression

    def evalf(self, values: Numbers, dps: int) -> Any:
        """The value in mpmath."""
        return evaluate(self.expression, values, dps=dps)

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code."""
        from symntk.emit.module import Map

        forms = self.f.form, self.g.form
        return Map(name, *forms, self.derivation.value, self.conditions, parameters, self.means, title)


class _General:
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


class Zero(_General):
    """One function is odd and the other even."""

    method = "closed form"
    error_bound = 0.0
    expression = sp.S.Zero

    @cached_property
    def derivation(self) -> Derivation:
        """The remark that says so."""
        return Derivation(Surds(Algebra([], False)), (), False, PARITY)

    @cached_property
    def diagonal(self) -> Diagonal:
        """At full correlation it is 0 too."""
        return Diagonal(sp.S.Zero)

    def integral(self) -> sp.Expr:
        """The formula."""
        return sp.S.Zero

    def evalf(self, values: Numbers, dps: int) -> Any:
        """The value in mpmath."""
        return evaluate(sp.S.Zero, values, dps=dps)

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code."""
        from symntk.emit.module import Map

        nothing = NormalForm(())
        return Map(name, nothing, nothing, self.derivation.value, self.conditions, parameters, False, title)


class ClosedLine(_General):
    """One side is a sum of deltas, and the mean of the other over one normal variable is closed."""

    method = "closed form"

    def __init__(self, f: Function, g: Function, means: bool, tol: float, derivation: DiracDerivation) -> None:
        super().__init__(f, g, means)
        self.tol, self.derivation, self.expression = tol, derivation, derivation.expression

    @cached_property
    def conditions(self) -> tuple[sp.Basic, ...]:
        """Where it exists."""
        return tuple(dict.fromkeys((*super().conditions, *self.derivation.conditions)))

    @property
    def needs_numbers(self) -> bool:
        """Whether the quadrature that stands for missing code has nodes that depend on parameters."""
        return not self._has_code

    def integral(self) -> sp.Expr:
        """The formula: no integral remains."""
        return self.expression

    def evalf(self, values: Numbers, dps: int) -> Any:
        """The value in mpmath; at full correlation the limit."""
        with mp.workdps(400):  # enough for products of the given numbers to be exact
            a, b, c = (scalar(values[s]) for s in STATE[:3])
            full = a * b <= c * c
        return evaluate(self.derivation.at_full_correlation() if full else self.expression, values, dps=dps)

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code."""
        from symntk.emit.dirac import DiracMap

        if self._has_code:
            return DiracMap(name, self.derivation, parameters, title, self.conditions)
        return self._quadrature.as_map(name, title, parameters)

    @property
    def error_bound(self) -> float:
        """0, or that of the quadrature where the closed form has no stable float64 code."""
        return 0.0 if self._has_code else self._quadrature.error_bound

    @cached_property
    def _quadrature(self) -> Quadrature:
        return Quadrature(self.f, self.g, self.means, self.tol)

    @cached_property
    def _has_code(self) -> bool:
        """Whether the line's closed form can be written as code that keeps its digits."""
        from symntk.emit.formula import parameter_names
        from symntk.emit.line import line_source

        symbols = tuple(sorted({*self.f.parameters, *self.g.parameters}, key=lambda s: s.name))
        try:
            line_source(self.derivation.line, parameter_names(symbols))
        except SymntkError:
            return False
        return True


class Quadrature(_General):
    """An integral remains; its numbers come with a bound."""

    expression = None

    def __init__(self, f: Function, g: Function, means: bool, tol: float) -> None:
        super().__init__(f, g, means)
        self.tol = tol

    @cached_property
    def derivation(self) -> Fallback:
        """The reduction, and what is left."""
        from symntk.derive.fallback import fallback

        found = fallback(self.f.general, self.g.general, self.f.normal, self.g.normal, means=self.means)
        return found if found.method == "one-dimensional" else replace(found, mixture=self._mixture())

    def _mixture(self) -> MixtureDerivation | None:
        """Both functions as mixtures, if both are of the logistic family; with means a sum is no faster than panels."""
        from symntk.derive.mixture import derive_mixture
        from symntk.emit.mixture import fitting_mixture

        if self.means or self.f.parameters or self.g.parameters:
            return None
        sides = []
        for one in (self.f, self.g):
            found = fitting_mixture(one.general, x, 0.5 * self.tol) if not one.general.deltas else None
            if found is None:
                return None
            sides.append(found)
        return derive_mixture(*sides)

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
        from symntk.derive.mixture import Mixture
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
        """The value in mpmath, by the quadrature of the verify room."""
        from symntk.emit.general import known_shape
        from symntk.verify.general_oracle import general_oracle

        parameters = {s: exact(v, s.name) for s, v in values.items() if s not in STATE}
        f, g = self.f.at(parameters), self.g.at(parameters)
        asked = f"E[f(u) g(v)] with f = {f.name}, g = {g.name}"
        if dps > _MOST_DIGITS:
            wrong = f"it has no closed form, and quadrature to {dps} digits would take minutes"
            raise DomainError(asked, wrong, f"dps of at most {_MOST_DIGITS}")
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
            raise type(error)(f"{asked} at {at}", error.wrong, error.advice) from error

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code."""
        from symntk.emit.general import GeneralMap

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
            mixture=plan.mixture,
            parameters=parameters,
        )


Solution = ClosedForm | Zero | ClosedLine | Quadrature


def solve(f: Function, g: Function, *, means: bool, tol: float) -> Solution:
    """The first solution that applies: closed by the moves, closed on a line, quadrature.

    Raises:
        SymntkError: names the part that is outside the language of general functions.
    """
    if f.normal is not None and g.normal is not None:
        return ClosedForm(f, g, means)
    if not means and parity(f.general, x) * parity(g.general, x) == -1:
        return Zero(f, g, means)
    from symntk.derive.dirac import derive_dirac

    found = derive_dirac(f.general, g.general, means=means)
    if found is not None:
        return ClosedLine(f, g, means, tol, found)
    result = Quadrature(f, g, means, tol)
    _ = result.error_bound  # refuses what has no shape
    return result
