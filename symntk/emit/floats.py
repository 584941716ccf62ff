"""SymPy expressions as NumPy source: numbers as correctly rounded floats, functions as np.…"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.printing.numpy import NumPyPrinter


class FloatWriter:
    """Writes expressions; symbols print under the names given."""

    def __init__(self, names: Mapping[sp.Symbol, str]) -> None:
        self._names = {symbol: sp.Symbol(name) for symbol, name in names.items()}
        self._printer = _Printer({"fully_qualified_modules": True})

    def __call__(self, expr: sp.Expr) -> str:
        """The expression as source."""
        return str(self._printer.doprint(expr.xreplace(self._names)))


class _Printer(NumPyPrinter):  # type: ignore[misc]
    def __init__(self, settings: Any = None) -> None:
        super().__init__(settings)
        # the functions' own NumPy code is for SymPy's printers: it names modules by scipy.…
        self.printmethod = "_symntkcode"

    def _module_format(self, fqn: str, register: bool = True) -> str:
        return fqn.replace("numpy.", "np.").replace("math.", "np.")

    def _print_Root(self, expr: sp.Expr) -> str:
        return repr(float(expr))

    def _print_Rational(self, expr: sp.Rational) -> str:
        return repr(float(expr))

    def _print_Integer(self, expr: sp.Integer) -> str:
        return repr(float(expr))

    def _print_NumberSymbol(self, expr: sp.Expr) -> str:
        return repr(float(expr))

    def _print_Pow(self, expr: sp.Pow, rational: bool = False, sqrt: str = "numpy.sqrt") -> str:
        if expr.is_number:
            return f"({float(expr)!r})"
        if not (expr.exp.is_Rational and expr.exp.q in (1, 2)):
            return str(super()._print_Pow(expr, rational=rational))
        # whole powers of a root: a power with a float exponent is slow
        base = self.parenthesize(expr.base, 100) if expr.exp.q == 1 else f"np.sqrt({self._print(expr.base)})"
        power = abs(int(expr.exp.p))
        text = base if power == 1 else f"{base} ** {power}"
        return text if expr.exp > 0 else f"(1.0 / {text})"
