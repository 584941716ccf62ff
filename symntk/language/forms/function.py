"""A function of one real variable, with its two forms; each is found once, when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from symntk.errors import NotGaussianElementaryError
from symntk.language.forms import general_form as general
from symntk.language.forms.general_form import GeneralForm, general_form
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import NormalForm, derivative
from symntk.language.symbols import x

_MANY = 64  # breaks


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
        except NotGaussianElementaryError as error:
            self.__dict__["outside"] = error.part, error.wrong
            return None

    @cached_property
    def outside(self) -> tuple[str, str]:
        """The part of it that is not Gaussian-elementary, and why."""
        return self.name, "it has too many pieces"  # where `normal` was not tried

    @cached_property
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
        elif len(primitive.general.breaks) > _MANY:  # a formula would be of no use
            self.__dict__["normal"] = None

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
