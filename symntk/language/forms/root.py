"""A root of a function as a SymPy number of any precision."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp
from mpmath import mp

from symntk.language.numbers import number_function

VARIABLE = sp.Symbol("x", real=True)


class Root(sp.AtomicExpr):  # type: ignore[misc]  # SymPy has no types
    """The one root of a function between two rational numbers, where it changes its sign.

    >>> root = Root(sp.exp(VARIABLE) - VARIABLE - 2, sp.Integer(1), sp.Integer(2))
    >>> root, root.evalf(30)
    (root(-x + exp(x) - 2, 1.146193), 1.14619322062058258523706102852)
    """

    is_number = True
    is_real = True
    is_finite = True
    is_commutative = True
    is_comparable = True

    def __new__(cls, function: sp.Expr, low: sp.Rational, high: sp.Rational) -> Root:
        """`function` in the language's variable."""
        found = super().__new__(cls)
        found.function, found.low, found.high = function, low, high
        return found  # type: ignore[no-any-return]

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.function, self.low, self.high

    def __reduce__(self) -> tuple[Any, ...]:
        return Root, self.__getnewargs__()

    def _hashable_content(self) -> tuple[Any, ...]:
        return self.__getnewargs__()

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """None: the variable is bound."""
        return set()

    def _eval_evalf(self, prec: int) -> Any:
        # few precisions: each is found once
        return sp.Float._new(refined(self, 1 << max(6, (prec + 9).bit_length()))._mpf_, prec)

    def _eval_is_positive(self) -> bool:
        return bool(refined(self, 64) > 0)

    def _eval_is_negative(self) -> bool:
        return bool(refined(self, 64) < 0)

    def _sympystr(self, printer: Any) -> str:
        return f"root({printer._print(self.function)}, {float(self):.7g})"

    def _latex(self, printer: Any) -> str:
        return rf"\operatorname{{root}}\left({printer._print(self.function)}, {float(self):.7g}\right)"

    def _numpycode(self, printer: Any) -> str:
        return repr(float(self))

    _pythoncode = _numpycode

    def _mpmathcode(self, printer: Any) -> str:
        return f"mpf('{self.evalf(110)}')"


@lru_cache(maxsize=4096)
def refined(root: Root, prec: int) -> Any:
    """The root to `prec` bits: bisection, then the secant rule inside the bracket."""
    function = number_function(root.function, VARIABLE)
    with mp.workprec(prec + 30):
        low, high = (mp.mpf(end.p) / end.q for end in (root.low, root.high))
        first, second = function(low), function(high)
        for step in range(4 * prec):
            if high - low <= mp.mpf(2) ** (-prec) * max(abs(low), abs(high), mp.mpf(2) ** (-prec)):
                break
            middle = (low + high) / 2
            if step % 3 and second != first:
                secant = high - second * (high - low) / (second - first)
                # a little beyond the secant's root, towards the far end, so that both ends close in
                aside = (high - low) * mp.mpf(2) ** -20 if step % 3 == 1 else (low - high) * mp.mpf(2) ** -20
                size = abs(secant - (low if abs(secant - low) < abs(secant - high) else high))
                secant += mp.sign(aside) * min(abs(aside), size * size / (high - low) + size / 8)
                middle = secant if low < secant < high else middle
            value = function(middle)
            if value == 0:
                low = high = middle
            elif (value > 0) == (second > 0):
                high, second = middle, value
            else:
                low, first = middle, value
        return (low + high) / 2
