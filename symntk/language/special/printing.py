"""How SymPy's own printers write φ, Φ and Φ₂: `lambdify`, `pycode` and `ccode` of a formula run.

φ and Φ become exp and erfc, or SciPy's ndtr; where a module has neither, and for Φ₂, a call of a function of
`symntk.emit.normal` (float64) or `symntk.language.special.normal_mpmath` (mpmath). In C, Φ₂ is a call of
bivariate_normal_cdf, whose source is `symntk.emit.normal_c.SOURCE`.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.pycode import SymPyPrinter

from symntk.errors import FormulaError

_FLOATS = "symntk.emit.normal"
_DIGITS = "symntk.language.special.normal_mpmath"
_FORMULAS = "symntk.language.special"
_ROOT_HALF = "0.70710678118654752440"


class PrintedFunction(sp.Function):  # type: ignore[misc]  # SymPy has no types
    """What printers of code look for in φ, Φ and Φ₂; a user's own function of the name goes first."""

    def _called(self, printer: Any, module: str = "") -> str:
        """A call of the function of this name in `module`, or of the user's own."""
        name = self.func.__name__
        if name in printer.known_functions:
            return str(printer._print_Function(self))
        arguments = ", ".join(printer._print(argument) for argument in self.args)
        return f"{printer._module_format(f'{module}.{name}') if module else name}({arguments})"

    def _by_formula(self, printer: Any) -> str:
        """φ by exp and Φ(x) = erfc(−x/√2)/2, which keeps its digits in the tail and which SymPy would turn round."""
        argument = self.args[0]
        if self.func.__name__ == "normal_pdf":
            return f"({printer._print(self.rewrite(sp.exp))})"
        inside = sp.Symbol("normal_argument")
        call = printer._print(sp.erfc(inside))
        return f"(0.5*{call.replace(inside.name, f'-{_ROOT_HALF}*({printer._print(argument)})')})"

    def _has_formula(self, printer: Any) -> bool:
        return len(self.args) == 1 and self.func.__name__ not in printer.known_functions

    def _pythoncode(self, printer: Any, **settings: Any) -> str:
        if isinstance(printer, SymPyPrinter):
            return self._called(printer, _FORMULAS)
        is_real = self._has_formula(printer) and not self.args[0].has(sp.I)
        return self._by_formula(printer) if is_real else self._called(printer, _FLOATS)

    def _cmathcode(self, printer: Any, **settings: Any) -> str:
        return self._called(printer, _FLOATS)

    def _numpycode(self, printer: Any, **settings: Any) -> str:
        if self._has_formula(printer) and self.func.__name__ == "normal_pdf":
            return self._by_formula(printer)
        if self._has_formula(printer) and "erfc" in printer.known_functions:  # SciPy's printer
            return f"{printer._module_format('scipy.special.ndtr')}({printer._print(self.args[0])})"
        return self._called(printer, _FLOATS)

    def _by_ndtr(self, printer: Any, ndtr: str) -> str:
        """For array modules that have Φ; Φ₂ is refused by name."""
        if self._has_formula(printer):
            if self.func.__name__ == "normal_pdf":
                return self._by_formula(printer)
            return f"{printer._module_format(ndtr)}({printer._print(self.args[0])})"
        if self.func.__name__ in printer.known_functions:
            return self._called(printer)
        wrong = f"{ndtr.partition('.')[0]} has no {self.func.__name__}"
        raise FormulaError(f"code for {self}", wrong, "numpy, scipy, mpmath or math; or C")

    def _jaxcode(self, printer: Any, **settings: Any) -> str:
        return self._by_ndtr(printer, "jax.scipy.special.ndtr")

    def _cupycode(self, printer: Any, **settings: Any) -> str:
        return self._by_ndtr(printer, "cupyx.scipy.special.ndtr")

    def _torchcode(self, printer: Any, **settings: Any) -> str:
        return self._by_ndtr(printer, "torch.special.ndtr")

    def _mpmathcode(self, printer: Any, **settings: Any) -> str:
        return self._called(printer, _DIGITS)

    def _ccode(self, printer: Any, **settings: Any) -> str:
        return self._by_formula(printer) if self._has_formula(printer) else self._called(printer)

    _cxxcode = _ccode
