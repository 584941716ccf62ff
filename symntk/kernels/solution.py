"""How an expectation is answered: by the four moves, by a closed mean on a line, or by an integral that remains.

Each solution says its method, expression, derivation, conditions, diagonal and error bound, gives numbers at any
precision, and what the emit room needs to write it as code. Which it is, `derive.solve` finds.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import sympy as sp
from mpmath import mp

from symntk.derive.conditions import conditions, formula_conditions
from symntk.derive.diagonal import Diagonal, diagonal
from symntk.derive.integral import Integral
from symntk.derive.line.derivation import derive_line
from symntk.derive.line.dirac import DiracDerivation
from symntk.derive.moves.derivation import Derivation
from symntk.derive.moves.engine import derive_pair
from symntk.derive.moves.value import has_code
from symntk.derive.parity import ParitySplit, part_name
from symntk.derive.solve import solve
from symntk.derive.step import Step, Unknown
from symntk.errors import SymntkError, TooLongError
from symntk.kernels.function import REMEMBERED, Function
from symntk.kernels.quadrature import MOST_DIGITS, General, Numbers, Quadrature, fitting
from symntk.language.forms.general_form import general_form
from symntk.language.forms.terms import ONE, NormalForm
from symntk.language.symbols import STATE, mean_u, mean_v, var_u, var_v, x
from symntk.language.tables.registry import exact
from symntk.verify.evaluate import evaluate, scalar

__all__ = ["ClosedForm"]


class Formula(General):
    """A closed form; where it has no float64 code that keeps its digits, a quadrature gives the numbers."""

    method = "closed form"
    derivation: Step

    def __init__(self, f: Function, g: Function, means: bool, tol: float, derivation: Step) -> None:
        super().__init__(f, g, means)
        self.tol, self.derivation = tol, derivation

    @cached_property
    def expression(self) -> sp.Expr:
        """The formula."""
        return self.derivation.expression

    def integral(self) -> sp.Expr:
        """The formula: no integral remains."""
        return self.expression

    def evalf(self, values: Numbers, dps: int) -> Any:
        """The value in mpmath."""
        return evaluate(self.expression, values, dps=dps)

    @property
    def needs_numbers(self) -> bool:
        """Whether the quadrature that stands for missing code has nodes that depend on parameters."""
        return self._by_quadrature

    @property
    def error_bound(self) -> float:
        """0, or that of the quadrature."""
        return self._quadrature.error_bound if self._by_quadrature else 0.0

    @cached_property
    def _quadrature(self) -> Quadrature:
        return Quadrature(self.f, self.g, self.means, self.tol)

    @cached_property
    def _by_quadrature(self) -> bool:
        """Whether there is no such code, and the functions are such that a quadrature gives the numbers."""
        return False


class ClosedForm(Formula):
    """Both functions are Gaussian-elementary: the four moves."""

    derivation: Derivation

    @cached_property
    def diagonal(self) -> Diagonal:
        """At full correlation, or that of one variable where the formula has no limit that could be read off."""
        found = diagonal(self.derivation.value)
        if has_code(self.derivation.value) or found.diverges:
            return found
        return self._one_variable or self._quadrature.diagonal

    @cached_property
    def _one_variable(self) -> Diagonal | None:
        """The closed form of E[f(u) g(u)], if the rules of one variable find it."""
        try:
            product = general_form(self.f.expression * self.g.expression, x)
        except SymntkError:
            return None
        line = derive_line(product, means=self.means)
        return None if isinstance(line, Unknown) else Diagonal(line.expression.subs({var_v: var_u, mean_v: mean_u}))

    def evalf(self, values: Numbers, dps: int) -> Any:
        """The value in mpmath; at full correlation the limit.

        Φ2 of complex arguments is slow and has no limit that could be read off: there the integral is computed.
        """
        if self._by_quadrature and (dps <= MOST_DIGITS or is_full(values)):
            return self._quadrature.evalf(values, dps)
        return super().evalf(values, dps)

    @cached_property
    def _by_quadrature(self) -> bool:
        """Whether the formula has no float64 code, and the functions are such that a quadrature gives the numbers."""
        if has_code(self.derivation.value):
            return False
        try:
            return self._quadrature.error_bound > 0.0
        except SymntkError:  # it grows too fast: only evalf knows it, by the formula
            return False

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code."""
        from symntk.emit.maps import Map

        if self._by_quadrature:
            return self._quadrature.as_map(name, title, parameters)
        forms, points = (self.f.form, self.g.form), (self.f.general, self.g.general)
        value, margins = self.derivation.value, {one: derive_pair(ONE, one, means=self.means).value for one in forms}
        return Map(
            name, *forms, value, self.expression, margins, self.conditions, parameters, self.means, title, points
        )


class Growing(ClosedForm):
    """A function grows like exp(αx²) on one ray: the mean exists at more laws than the formula holds for.

    There it is one integral over a conditional mean in closed form; exported code has the formula alone.
    """

    @cached_property
    def formula_conditions(self) -> tuple[sp.Basic, ...]:
        """Where the formula holds."""
        return formula_conditions(self.f.form, self.g.form)

    @cached_property
    def diagonal(self) -> Diagonal:
        """At full correlation, as the formula says."""
        return diagonal(self.derivation.value)

    def evalf(self, values: Numbers, dps: int) -> Any:
        """The value in mpmath, at a point where the mean exists."""
        if all(evaluate(c.gts - c.lts, values, dps=20) > 0 for c in self.formula_conditions):
            return super().evalf(values, dps)
        from symntk.verify.oracle.elementary.growing import growing_mean

        parameters = {s: exact(v, s.name) for s, v in values.items() if s not in STATE}
        forms = [one.at(parameters).form for one in (self.f, self.g)]
        with mp.workdps(400):
            law = tuple(scalar(values[s]) for s in STATE)
        return growing_mean(forms[0], forms[1], law, dps)

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code: the formula where it holds."""
        return replace(super().as_map(name, title, parameters), conditions=self.formula_conditions)


class Zero(Formula):
    """One function is odd and the other even."""

    derivation: Derivation

    @cached_property
    def diagonal(self) -> Diagonal:
        """At full correlation it is 0 too."""
        return Diagonal(sp.S.Zero)

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code."""
        from symntk.emit.maps import Map

        nothing, points = NormalForm(()), (self.f.general, self.g.general)
        value = self.derivation.value
        known = (value, sp.S.Zero, {nothing: value}, self.conditions, parameters, False, title, points)
        return Map(name, nothing, nothing, *known)


class ClosedLine(Formula):
    """One side is a sum of deltas, and the mean of the other over one normal variable is closed."""

    derivation: DiracDerivation

    @cached_property
    def conditions(self) -> tuple[sp.Basic, ...]:
        """Where it exists."""
        return tuple(dict.fromkeys((*super().conditions, *self.derivation.conditions)))

    @cached_property
    def diagonal(self) -> Diagonal:
        """At full correlation; of one variable the formula itself, in that variable's law."""
        if self.derivation.deltas:
            return super().diagonal
        return Diagonal(self.expression.subs({var_v: var_u, mean_v: mean_u}))

    def evalf(self, values: Numbers, dps: int) -> Any:
        """The value in mpmath; at full correlation the limit."""
        chosen = self.derivation.at_full_correlation() if is_full(values) else self.expression
        return evaluate(chosen, values, dps=dps)

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code."""
        from symntk.emit.maps import DiracMap

        if self._by_quadrature:
            return self._quadrature.as_map(name, title, parameters)
        return DiracMap(name, self.derivation, parameters, title, self.conditions)

    @cached_property
    def _by_quadrature(self) -> bool:
        """Whether the line's closed form cannot be written as code that keeps its digits."""
        from symntk.emit.formula import parameter_names
        from symntk.emit.line import line_code

        symbols = tuple(sorted({*self.f.parameters, *self.g.parameters}, key=lambda s: s.name))
        try:
            line_code("line", self.derivation.line, parameter_names(symbols))
        except SymntkError:
            return True
        return False


class ByParity(Formula):
    """One function is even or odd, and with the part of the other that has the same parity it is closed."""

    def __init__(self, f: Function, g: Function, means: bool, tol: float, derivation: Step, inner: Solution) -> None:
        super().__init__(f, g, means, tol, derivation)
        self.inner = inner

    @property
    def error_bound(self) -> float:
        """That of the part's solution."""
        return self.inner.error_bound

    @property
    def needs_numbers(self) -> bool:
        """As the part's solution."""
        return self.inner.needs_numbers

    @cached_property
    def conditions(self) -> tuple[sp.Basic, ...]:
        """Where it exists."""
        return tuple(dict.fromkeys((*super().conditions, *self.inner.conditions)))

    @property
    def diagonal(self) -> Diagonal:
        """At full correlation it is that of the part."""
        return self.inner.diagonal

    def evalf(self, values: Numbers, dps: int) -> Any:
        """The value in mpmath."""
        return self.inner.evalf(values, dps)

    def as_map(self, name: str, title: str, parameters: tuple[sp.Symbol, ...]) -> Any:
        """What is written as code."""
        return self.inner.as_map(name, title, parameters)


Solution = ClosedForm | Zero | ClosedLine | ByParity | Quadrature


def is_full(values: Numbers) -> bool:
    """Whether the correlation is ±1, or beyond by rounding."""
    with mp.workdps(400):  # enough for products of the given numbers to be exact
        a, b, c = (scalar(values[s]) for s in STATE[:3])
        return bool(a * b <= c * c)


@lru_cache(maxsize=REMEMBERED)
def solution_of(f: Function, g: Function, *, means: bool, tol: float) -> Solution:
    """How E[f(u) g(v)] is answered, by what `derive.solve` finds.

    Solutions are values, so equal questions share one.

    Raises:
        SymntkError: names the part that is outside the language of general functions.
    """
    found = _solution(solve(f, g, means=means, fit=fitting(tol)), f, g, means, tol)
    if not isinstance(found, Quadrature):
        return found
    try:
        _ = found.error_bound  # refuses what has no shape
    except SymntkError as error:
        unknown = found.derivation.unknown
        if not unknown.is_final:
            raise
        why = unknown.rules_tried[-1][1]
        asked, wrong = f"E[f(u) g(v)] with f = {f.name}, g = {g.name}", f"{why}; and a quadrature: {error.wrong}"
        raise TooLongError(asked, wrong, "lower powers") from error
    return found


def _solution(found: Step, f: Function, g: Function, means: bool, tol: float) -> Solution:
    """What gives numbers and code for a derivation."""
    if isinstance(found, Derivation):
        if f.normal is None or g.normal is None:
            return Zero(f, g, means, tol, found)
        plain = conditions(f.normal, g.normal) == formula_conditions(f.normal, g.normal)
        return (ClosedForm if plain else Growing)(f, g, means, tol, found)
    if isinstance(found, DiracDerivation):
        return ClosedLine(f, g, means, tol, found)
    if isinstance(found, ParitySplit):
        one = f if found.side == "f" else g
        own = Function(part_name(one.name, found.sense), found.part)
        first, second = (own, g) if found.side == "f" else (f, own)
        return ByParity(f, g, means, tol, found, _solution(found.inner, first, second, means, tol))
    assert isinstance(found, Integral)
    return Quadrature(f, g, means, tol, found)
