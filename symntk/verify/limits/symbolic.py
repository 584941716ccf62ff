"""Limits and leading terms by SymPy, bounded in time: what takes longer is given up, not waited for."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

import sympy as sp

__all__ = ["within"]

_T = TypeVar("_T")
_GRACE = 2.0  # seconds that a calculation has to stop after it was told to


class _OutOfTime(BaseException):
    """Raised inside a calculation whose time is over; no `except Exception` catches it."""


def within(seconds: float, calculation: Callable[[], _T]) -> _T | None:
    """The result of a calculation in Python, or None where it fails or takes longer than `seconds`.

    It runs in a thread of its own, into which an exception is raised when the time is over.

    >>> within(5.0, lambda: 1 + 1)
    2
    >>> def endless():
    ...     while True:
    ...         pass
    >>> within(0.1, endless) is None
    True
    """
    found: list[_T] = []

    def work() -> None:
        try:
            found.append(calculation())
        except (Exception, _OutOfTime):  # SymPy raises what it likes; any failure is "not found"
            return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive() and thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_OutOfTime))
        thread.join(_GRACE)
        return None
    return found[0] if found else None


def leading_term(expr: sp.Expr, parameter: sp.Symbol, to: sp.Expr, side: int, seconds: float) -> sp.Expr | None:
    """The leading term of an expression as the parameter goes to a point or ∞; None where SymPy does not find it.

    Args:
        expr: of the parameter; other symbols may stand in it.
        parameter: what moves.
        to: where it goes, oo for infinity.
        side: 1 from above, −1 from below; of no matter at infinity.
        seconds: after which it is given up.

    >>> m = sp.Symbol("m", positive=True)
    >>> leading_term(m**2 / (1 + m), m, sp.oo, 1, 5.0)
    m
    >>> leading_term(sp.erf(m), m, sp.oo, 1, 5.0)
    1
    """
    h = sp.Dummy("h", positive=True)
    forward = 1 / h if to == sp.oo else to + side * h
    back = 1 / parameter if to == sp.oo else side * (parameter - to)

    def calculation() -> sp.Expr | None:
        limit = sp.limit(expr, parameter, to, "+" if side > 0 else "-")
        if not limit.has(sp.Limit, sp.nan, sp.AccumBounds) and limit.is_finite and limit.is_zero is False:
            return limit
        if limit.has(sp.AccumBounds, sp.nan):
            return None
        term = expr.subs(parameter, forward).as_leading_term(h)
        coefficient, _ = term.as_coeff_exponent(h)
        if term.has(sp.nan, sp.zoo, sp.oo, sp.AccumBounds, sp.Limit) or coefficient.has(h) and not term.has(sp.log):
            return None
        return sp.powsimp(term.subs(h, back))

    return within(seconds, calculation)
