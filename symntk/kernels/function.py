"""A function as the user gives it, read once: text, a registered name or a SymPy expression becomes a form.

A Gaussian-elementary function has a normal form; every function has a general form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from symntk.errors import FormulaError, NotGaussianElementaryError
from symntk.language import general_form as general
from symntk.language.activations import ACTIVATIONS
from symntk.language.general_form import GeneralForm, general_form
from symntk.language.normal_form import exact, normal_form
from symntk.language.parser import parse_call
from symntk.language.registry import Entry, read
from symntk.language.surrogates import SURROGATES
from symntk.language.symbols import RESERVED, x
from symntk.language.terms import NormalForm, derivative


@dataclass(frozen=True)
class Function:
    """A generalized function of one real variable, with the name that the user gave it."""

    name: str
    expression: sp.Expr

    @cached_property
    def form(self) -> NormalForm:
        """Its normal form.

        Raises:
            NotGaussianElementaryError: names the part that is outside the class.
        """
        return normal_form(self.expression, x)

    @cached_property
    def general(self) -> GeneralForm:
        """Its general form: smooth parts between breakpoints, and deltas.

        Raises:
            SymntkError: names the part that is no finite real function.
        """
        return general_form(self.expression, x)

    @cached_property
    def normal(self) -> NormalForm | None:
        """Its normal form, None where it is not Gaussian-elementary."""
        try:
            return self.form
        except NotGaussianElementaryError:
            return None

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """Its free symbols besides x."""
        return tuple(sorted(self.expression.free_symbols - {x}, key=lambda s: s.name))

    @cached_property
    def derivative(self) -> Function:
        """The distributional derivative."""
        return _Derivative(f"({self.name})'", self)

    def at(self, values: dict[sp.Symbol, sp.Expr]) -> Function:
        """The function with numbers for parameters."""
        return Function(self.name, self.expression.subs(values)) if values else self

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies hold what the function is; forms are found again where they are needed."""
        return Function, (self.name, self.expression)


class _Derivative(Function):
    """The derivative of a function, by its normal form where there is one, else by its general form."""

    def __init__(self, name: str, primitive: Function) -> None:
        form = None if primitive.normal is None else derivative(primitive.normal)
        found = general.derivative(primitive.general, x).as_expr(x) if form is None else form.as_expr(x)
        super().__init__(name, found)
        self.__dict__["primitive"] = primitive
        if form is not None:
            self.__dict__["form"] = form

    @cached_property
    def general(self) -> GeneralForm:
        """The general form of the derivative."""
        return general.derivative(self.__dict__["primitive"].general, x)

    def at(self, values: dict[sp.Symbol, sp.Expr]) -> Function:
        """The derivative of the function with numbers for parameters."""
        return _Derivative(self.name, self.__dict__["primitive"].at(values)) if values else self

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies differentiate again."""
        return _Derivative, (self.name, self.__dict__["primitive"])


def as_function(given: Any, *tables: dict[str, Entry]) -> Function:
    """Read what the user gave.

    Args:
        given: a string (formula, or registered name with parameters), a SymPy expression in one symbol, a number,
            or a Function.
        tables: where names are looked up, first found first; both tables, activations first, by default.

    Raises:
        FormulaError: the text cannot be read or has letters but no x, or it is not clear which symbol is the variable.

    >>> as_function("leaky_relu(negative_slope=0.2)").expression
    Piecewise((x, x > 0), (x/5, True))
    >>> t = sp.Symbol("t", real=True)
    >>> as_function(sp.erf(t)).expression
    erf(x)
    """
    if isinstance(given, Function):
        return given
    if isinstance(given, str):
        entries: dict[str, Entry] = {}
        for table in tables or (ACTIVATIONS, SURROGATES):
            entries = {**table, **entries}
        found = exact(read(given, entries))
        _refuse_another_variable(given, found)
        return Function(given.strip(), found)
    try:
        expr = sp.sympify(given, strict=True)
    except (sp.SympifyError, TypeError) as error:
        raise FormulaError(
            f"a function given as {type(given).__name__}", "it is neither a string nor a SymPy expression", "'erf(x)'"
        ) from error
    if not isinstance(expr, sp.Expr):
        raise FormulaError(f"the function {expr}", "it is not an expression", "a SymPy expression in x")
    return Function(str(expr), exact(_in_x(expr)))


def _refuse_another_variable(text: str, found: sp.Expr) -> None:
    """A formula in y would be a constant with a parameter y; a name of a table is what its entry says."""
    names = sorted(s.name for s in found.free_symbols)
    if not names or parse_call(text) is not None or re.search(r"\bx\b", text):
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
    return expr.xreplace({variable[0]: x}) if variable else expr


def _refuse_reserved(expr: sp.Expr, parameters: set[sp.Symbol]) -> None:
    taken = sorted({s.name for s in parameters} & RESERVED)
    if taken:
        raise FormulaError(
            f"the function {expr}",
            f"the letter {', '.join(taken)} stands for the covariance or a mean in every formula",
            "another letter for the parameter",
        )
