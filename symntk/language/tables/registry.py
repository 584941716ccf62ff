"""Entries of the two tables: an activation or a surrogate derivative as a formula, its parameters, and who uses it.

A new function is one `entry(...)` in one table; tests, gallery, documentation and benchmarks read the tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import sympy as sp

from symntk.errors import FormulaError, UnknownNameError
from symntk.language import symbols
from symntk.language.text.parser import parse

__all__ = ["Entry", "Parameter", "Use", "entry", "exact", "real", "table"]

Domain = Literal["positive", "real", "integer"]
GaussianClass = Literal["1", "2", "2'", "3"]
"""1: Gaussian-elementary, closed form; 2 and 2' (Bessel): closed in one dimension only; 3: quadrature."""

MAX_STRUCTURE = 16
"""The largest value of an integer parameter, which counts terms or a degree."""


@dataclass(frozen=True)
class Parameter:
    """A parameter: its exact default (None: it stays a symbol) and its domain."""

    name: str
    default: Any = None
    domain: Domain = "positive"

    @property
    def symbol(self) -> Any:
        """The SymPy symbol that stands for it."""
        return symbols.parameter(self.name, self.domain)


@dataclass(frozen=True)
class Use:
    """A library or paper that has the function: its name there, its defaults in the entry's parameters, a remark."""

    library: str
    name: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Entry:
    """A function of x as knowledge; `formula` is text, or builds the expression where a parameter counts terms."""

    name: str
    formula: str | Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    gaussian_class: GaussianClass = "1"
    used_by: tuple[Use, ...] = ()
    source: str = ""
    notes: str = ""
    aliases: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()
    """Parameters whose values must rise in this order."""

    def expression(self, **values: Any) -> Any:
        """The SymPy expression in `symbols.x`; parameters that are not given take their defaults.

        Values are numbers (decimals are exact), strings of formulas without x, or SymPy expressions.

        Errors: UnknownNameError for a parameter that it does not have; FormulaError for a value outside the domain.

        >>> entry("bump", "exp(-k*x**2)", k=1).expression(k=0.1)
        exp(-x**2/10)
        >>> entry("bump", "exp(-k*x**2)", k=1).expression(width=2)
        Traceback (most recent call last):
        ...
        symntk.errors.UnknownNameError: the parameter 'width' of 'bump': there is none of this name. Try: k
        """
        settings = self.settings(values)
        if not isinstance(self.formula, str):
            return self.formula(**settings)
        return self.general().subs({p.symbol: settings[p.name] for p in self.parameters}, simultaneous=True)

    def settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter's value, exact: the given one, else its default, else its symbol.

        Errors: as for `expression`.

        >>> entry("bump", "exp(-k*x**2)", k=1).settings({"k": 0.1})
        {'k': 1/10}
        """
        for name in values:
            if name not in {p.name for p in self.parameters}:
                known = ", ".join(p.name for p in self.parameters) or f"{self.name}, which has no parameters"
                raise UnknownNameError(f"the parameter {name!a} of {self.name!r}", "there is none of this name", known)
        settings = {p.name: self._value(p, values.get(p.name, p.default)) for p in self.parameters}
        for low, high in pairwise(self.ordered):
            if (settings[high] - settings[low]).is_positive is False:
                wrong = f"{low} = {settings[low]} is not below {high} = {settings[high]}"
                raise FormulaError(f"the parameters of {self.name!r}", wrong, f"{low} below {high}")
        return settings

    def general(self) -> Any:
        """The expression with every parameter a symbol (one that counts terms takes its default)."""
        if isinstance(self.formula, str):
            return _parsed(self.formula, tuple((p.name, p.domain) for p in self.parameters))
        return self.formula(**{p.name: p.default if p.domain == "integer" else p.symbol for p in self.parameters})

    def _value(self, parameter: Parameter, value: Any) -> Any:
        if value is None:
            return parameter.symbol
        asked = f"the parameter {parameter.name!r} of {self.name!r} with the value {str(value)[:60]!a}"
        number = exact(value, asked)
        if number.has(symbols.x):
            raise FormulaError(asked, "it depends on x", "a number, or a formula of parameters")
        wrong = number.is_real is False or parameter.domain != "real" and number.is_positive is False
        if wrong or parameter.domain == "integer" and number not in range(1, MAX_STRUCTURE + 1):
            limit = f" from 1 to {MAX_STRUCTURE}" if parameter.domain == "integer" else ""
            raise FormulaError(asked, f"it is not {parameter.domain}", f"a {parameter.domain} number{limit}")
        return number


def entry(
    name: str,
    formula: str | Callable[..., Any],
    *used_by: Use,
    gaussian_class: GaussianClass = "1",
    source: str = "",
    notes: str = "",
    aliases: tuple[str, ...] = (),
    ordered: tuple[str, ...] = (),
    **parameters: Any,
) -> Entry:
    """An entry in one line: a parameter is `name=default`, positive, or `name=Parameter("name", default, "real")`.

    >>> entry("leaky", "Piecewise((x, x > 0), (slope*x, True))", slope=0.01).parameters
    (Parameter(name='slope', default=1/100, domain='positive'),)
    """
    listed = tuple(
        p if isinstance(p, Parameter) else Parameter(key, None if p is None else exact(p, f"the default of {key!r}"))
        for key, p in parameters.items()
    )
    return Entry(name, formula, listed, gaussian_class, used_by, source, notes, aliases, ordered)


def real(name: str, default: Any = None) -> Parameter:
    """A real parameter.

    >>> real("leak", 0.1)
    Parameter(name='leak', default=1/10, domain='real')
    """
    return Parameter(name, None if default is None else exact(default, f"the default of {name!r}"), "real")


def count(name: str, default: int) -> Parameter:
    """An integer parameter that shapes the formula: a degree, or a number of terms.

    >>> count("degree", 2).domain
    'integer'
    """
    return Parameter(name, sp.Integer(default), "integer")


def table(*entries: Entry) -> dict[str, Entry]:
    """A table by name; a name may occur once.

    >>> list(table(entry("line", "x"), entry("square", "x**2")))
    ['line', 'square']
    """
    found: dict[str, Entry] = {}
    for e in entries:
        if e.name in found:
            raise FormulaError(f"the table's entry {e.name!r}", "the name is taken", "another name")
        found[e.name] = e
    return found


def exact(value: Any, asked: str = "a number") -> Any:
    """A number as SymPy has it exactly: decimals are the rationals that their shortest text says.

    >>> exact(0.1)
    1/10
    """
    if isinstance(value, sp.Expr):
        return sp.nsimplify(value, rational=True) if value.has(sp.Float) else value
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise FormulaError(asked, f"it is of type {type(value).__name__}", "a number")
    if isinstance(value, int | Fraction):
        return sp.Rational(value)
    if not math.isfinite(value):
        raise FormulaError(asked, "it is not finite", "a finite number")
    return sp.Rational(repr(float(value)))


@cache
def _parsed(formula: str, domains: tuple[tuple[str, str], ...]) -> Any:
    return parse(formula, dict(domains))


def every(entries: Mapping[str, Entry]) -> Iterable[tuple[Entry, Use | None]]:
    """Every entry with its own defaults (None) and with those of each library that uses it.

    >>> [(e.name, use) for e, use in every(table(entry("line", "x")))]
    [('line', None)]
    """
    for e in entries.values():
        yield e, None
        for use in e.used_by:
            yield e, use
