"""A function as the user gives it, read once: text, a registered name or a SymPy expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sympy as sp

from symntk.errors import FormulaError
from symntk.language.forms.function import Function
from symntk.language.forms.normal_form import exact
from symntk.language.names import read
from symntk.language.symbols import RESERVED, parameter, x
from symntk.language.tables.activations import ACTIVATIONS
from symntk.language.tables.registry import Entry
from symntk.language.tables.surrogates import SURROGATES

__all__ = ["Function", "as_function"]

_DOMAINS = ("real", "positive")
_LIKE_X = re.compile(r"[yzuvXYZ]|x_?\d+")
_TELLING = ("positive", "negative", "nonnegative", "nonpositive", "integer", "nonzero", "imaginary", "infinite")


REMEMBERED = 256
"""How many functions, solutions and compiled maps are remembered: an equal question shares its answer."""


@lru_cache(maxsize=REMEMBERED)
def shared(function: Function) -> Function:
    """The first function that is equal to this one: its forms, once found, are found."""
    return function


def as_function(given: Any, *tables: dict[str, Entry], where: Mapping[str, str] | None = None) -> Function:
    """Read what the user gave.

    Args:
        given: a string (formula, or registered name with parameters), a SymPy expression in one symbol, a number,
            or a Function.
        tables: where names are looked up, first found first; both tables, activations first, by default.
        where: "positive" or "real" for parameters of a string, which are positive where nothing is said.

    Raises:
        FormulaError: the text cannot be read or has letters but no x, or it is not clear which symbol is the variable.

    >>> as_function("leaky_relu(0.2)").expression
    Piecewise((x, x > 0), (x/5, True))
    >>> as_function("x*sigmoid(1.702*x)").expression
    x/(1 + exp(-851*x/500))
    >>> as_function("Heaviside(x - theta)", where={"theta": "real"}).parameters[0].is_positive is None
    True
    >>> t = sp.Symbol("t", real=True)
    >>> as_function(sp.erf(t)).expression
    erf(x)
    """
    if isinstance(given, Function):
        return given
    if isinstance(given, str):
        return _read(given, _Tables(*(tables or (ACTIVATIONS, SURROGATES))), tuple(sorted(_domains(where).items())))
    try:
        expr = sp.sympify(given, strict=True)
    except (sp.SympifyError, TypeError) as error:
        raise FormulaError(
            f"a function given as {type(given).__name__}", "it is neither a string nor a SymPy expression", "'erf(x)'"
        ) from error
    if not isinstance(expr, sp.Expr):
        raise FormulaError(f"the function {expr}", "it is not an expression", "a SymPy expression in x")
    in_x = exact(_in_x(expr))
    if not all(delta.has(x) for delta in in_x.atoms(sp.DiracDelta)):
        raise FormulaError(f"the function {expr}", "a delta does not depend on x, so it has no value", "DiracDelta(x)")
    return shared(Function(str(expr), in_x))


class _Tables:
    """Tables as they are now; equal to others that hold the same entries in the same order."""

    def __init__(self, *tables: Mapping[str, Entry]) -> None:
        self.tables, self.entries = tables, [entry for table in tables for entry in table.values()]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Tables) and list(map(id, self.entries)) == list(map(id, other.entries))

    def __hash__(self) -> int:
        return hash(tuple(map(id, self.entries)))


@lru_cache(maxsize=REMEMBERED)
def _read(text: str, tables: _Tables, where: tuple[tuple[str, str], ...]) -> Function:
    """The function that a text says."""
    domains = dict(where)
    found = exact(read(text, *tables.tables, domains=domains))
    _refuse_another_variable(text, found, domains)
    return shared(Function(text.strip(), found))


def check_where(where: Mapping[str, str] | None, *functions: Function) -> None:
    """What is declared must be a parameter that a text has.

    Raises:
        FormulaError: another domain than real or positive, or a name that no text has as a parameter.

    >>> check_where({"theta": "real"}, as_function("erf(m*x)"))
    Traceback (most recent call last):
    ...
    symntk.errors.FormulaError: where = {'theta': 'real'}: theta is no parameter of erf(m*x). Try: the parameters \
that a string has: m
    """
    asked, held = f"where = {where!r}", {s for one in functions for s in one.parameters}
    for name, domain in _domains(where).items():
        if name not in {s.name for s in held}:
            names = ", ".join(sorted(s.name for s in held)) or "none"
            wrong = f"{name} is no parameter of {' or '.join(dict.fromkeys(one.name for one in functions))}"
            raise FormulaError(asked, wrong, f"the parameters that a string has: {names}")
        if parameter(name, domain) not in held:
            wrong = f"{name} comes with other assumptions, from a SymPy expression or a table"
            raise FormulaError(asked, wrong, f"sp.Symbol({name!r}, {domain}=True) in the expression")


def _domains(where: Mapping[str, str] | None) -> dict[str, str]:
    """What is declared of parameters, checked."""
    if where is not None and not isinstance(where, Mapping):
        raise FormulaError(f"where = {where!r}", "it is no dictionary", "where={'theta': 'real'}")
    for name, domain in (where or {}).items():
        if domain not in _DOMAINS or not isinstance(name, str):
            wrong = f"{domain!r} is no domain of a parameter {name!r}"
            raise FormulaError(f"where = {where!r}", wrong, " or ".join(map(repr, _DOMAINS)))
    return dict(where or {})


def _refuse_another_variable(text: str, found: sp.Expr, domains: Mapping[str, str]) -> None:
    """A formula in y would be a constant with a parameter y; a name of a table is what its entry says."""
    names = sorted(s.name for s in found.free_symbols)
    if re.search(r"\bx\b", text):
        doubtful = [name for name in names if _LIKE_X.fullmatch(name) and name not in domains]
        if doubtful:
            listed = ", ".join(doubtful)
            wrong = f"{listed} next to x looks like a second variable, but f(u) has one"
            advice = f"x for it, or where={{{doubtful[0]!r}: 'positive'}} (or 'real') for a parameter"
            raise FormulaError(f"the formula {text!a}", wrong, advice)
        return
    if not names or x in found.free_symbols:
        return
    read_as, advice = f"{', '.join(names)} are read as parameters", "x for the variable"
    if len(names) == 1:
        in_x = re.sub(rf"\b{names[0]}\b", "x", text.strip())
        read_as, advice = f"{names[0]} is read as a parameter", f'"{in_x}"'
    raise FormulaError(f"the formula {text!a}", f"it does not contain x; {read_as}", advice)


def _in_x(expr: sp.Expr) -> sp.Expr:
    """Rename the variable to the language's x."""
    free = expr.free_symbols
    named = [s for s in free if s.name == "x"]
    variable = named or list(free)
    if len(variable) > 1:
        raise FormulaError(
            f"the function {expr}",
            f"which of {', '.join(sorted(s.name for s in free))} is the variable is not clear",
            "name the variable x",
        )
    _refuse_reserved(expr, free - set(variable))
    for symbol in sorted(free, key=str):
        if not symbol.is_commutative:
            wrong, advice = f"{symbol} does not commute", f"sp.Symbol({symbol.name!r}, real=True)"
            raise FormulaError(f"the function {expr}", wrong, advice)
    if not variable:
        return expr
    _refuse_part_of_the_line(expr, variable[0])
    return expr.xreplace({variable[0]: x})


def _refuse_part_of_the_line(expr: sp.Expr, variable: sp.Symbol) -> None:
    """Of a variable declared positive, SymPy has simplified Abs and the like for good; u takes all real values."""
    beyond = {name: holds for name, holds in variable.assumptions0.items() if x.assumptions0.get(name) != holds}
    if beyond:
        said = next((name for name in _TELLING if beyond.get(name)), "otherwise than real")
        wrong = f"the variable {variable} is declared {said}, but u takes all real values"
        raise FormulaError(f"the function {expr}", wrong, f"sp.Symbol({variable.name!r}, real=True)")


def _refuse_reserved(expr: sp.Expr, parameters: set[sp.Symbol]) -> None:
    taken = sorted({s.name for s in parameters} & RESERVED)
    if taken:
        raise FormulaError(
            f"the function {expr}",
            f"the letter {', '.join(taken)} stands for the covariance or a mean in every formula",
            "another letter for the parameter",
        )
