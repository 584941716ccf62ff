"""What functions of one real variable share as SymPy functions: real values, and numbers of any precision."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp


class SpecialFunction(sp.Function):  # type: ignore[misc]  # SymPy has no types
    """A function that is real and finite on the real line; a subclass states its `number`, and its `fdiff`."""

    nargs = 1
    is_positive_on_the_line = True

    number: Any
    """The value at an mpmath number, at the working precision."""

    def _eval_is_extended_real(self) -> bool | None:
        return True if self.args[0].is_extended_real else None

    def _eval_is_finite(self) -> bool | None:
        return True if self.args[0].is_real else None

    def _eval_is_extended_positive(self) -> bool | None:
        return True if self.is_positive_on_the_line and self.args[0].is_real else None

    def _eval_evalf(self, prec: int) -> Any:
        try:
            argument = self.args[0]._to_mpmath(prec + 20)
        except (TypeError, ValueError):  # a free symbol
            return None
        with mpmath.workprec(prec + 20):
            return sp.Expr._from_mpmath(self.number(argument), prec)
