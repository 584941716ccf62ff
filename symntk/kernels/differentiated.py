"""Derivatives of a published formula by symbols that are given by their names.

A formula's symbols have assumptions (a, b > 0; all real), so that a symbol of the same name without them is another
one, by which SymPy's own derivative is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy as sp

from symntk.errors import FormulaError
from symntk.language.symbols import STATE

if TYPE_CHECKING:
    from symntk.kernels.expectation import Expectation


def differentiated(E: Expectation, names: tuple[Any, ...]) -> sp.Expr:
    """The derivative of the closed form by symbols, one after another.

    Args:
        E: the expectation.
        names: names such as "c", or symbols, of which the name alone counts.

    Raises:
        FormulaError: there is no closed form, or a name is none of its symbols.

    >>> from symntk import expectation
    >>> print(expectation("erf").diff("a"), expectation("x", "x").diff(sp.Symbol("c")))
    0 1
    """
    if E.expression is None:
        raise FormulaError(f"the derivative of {E}", "it has no closed form", "differences of E(...)")
    known = {s.name: s for s in (*STATE[: 5 if E.means else 3], *E.parameters)}
    asked = [name.name if isinstance(name, sp.Symbol) else name for name in names]
    wrong = next((name for name in asked if name not in known), None)
    if wrong is not None or not asked:
        text = f"{str(wrong)[:40]!r} is none of its symbols" if asked else "no symbol is given"
        raise FormulaError(f"the derivative of {E}", text, ", ".join(known))
    return E.expression.diff(*(known[name] for name in asked))
