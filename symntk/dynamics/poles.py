"""Formulas whose values are no numbers somewhere: deltas, and poles that steps would pass over.

Samples on a grid do not show a pole between them. It is looked for where it can be: at zeros of what the formula
divides by, which are found by changes of sign and by minima, and it is one where the formula grows without bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from symntk.errors import FormulaError

_POINTS = 20_001
_ROUNDS = 60  # bisections, or steps of a search for a minimum
_BESIDE = np.array([-8.0, 8.0, -8192.0, 8192.0])  # units of rounding from a zero; it itself may be removable
_LARGE, _GROWS = 1e13, 20.0
"""A formula is infinite where it is so many times what it usually is, or grows so much over a factor 1024."""


def refuse_deltas(text: str, what: str, unit: str) -> None:
    """Refuse a formula with a delta, which has no value at any `unit`."""
    if re.search(r"\bDiracDelta\b", text):
        advice = "a narrow bump, such as 10*exp(-100*(t - 1)**2)" if unit == "time" else "a narrow bump"
        raise FormulaError(what, f"DiracDelta has no value at a {unit}", advice)


def refuse_poles(
    expression: sp.Expr,
    symbol: sp.Symbol,
    compiled: Callable[[sp.Expr], Callable[[Any], Any]],
    span: tuple[float, float],
    what: str,
) -> None:
    """Refuse a formula that is infinite somewhere from span[0] to span[1].

    Args:
        expression: the formula in `symbol`.
        symbol: its variable.
        compiled: makes a NumPy function of an expression in it.
        span: where it is used.
        what: names the formula.

    Raises:
        FormulaError: says where it is infinite.
    """
    suspects = _divisors(expression)
    if not suspects or not span[1] > span[0]:
        return
    function = compiled(expression)
    grid = np.linspace(*span, _POINTS)
    with np.errstate(all="ignore"):
        values = np.abs(np.broadcast_to(np.asarray(function(grid), dtype=float), grid.shape))
        finite = values[np.isfinite(values)]
        usual = 1.0 + (float(np.median(finite)) if finite.size else 0.0)
        for suspect in sorted(suspects, key=str):
            for place in _zeros(compiled(suspect), grid):
                near = place + np.spacing(max(abs(place), 1e-8)) * _BESIDE
                found = np.abs(np.broadcast_to(np.asarray(function(near), dtype=float), near.shape))
                grows = (found[:2] > _GROWS * found[2:]) & (found[:2] > 1e3 * usual)
                if not np.all(found <= _LARGE * usual) or np.any(grows):
                    wrong = f"it is infinite, or no number, at {symbol} = {place:.6g}"
                    raise FormulaError(what, wrong, "a formula that is finite throughout")


def _divisors(expression: sp.Expr) -> set[sp.Expr]:
    """What has to stay away from 0."""
    found = set()
    for node in sp.preorder_traversal(expression):
        if isinstance(node, sp.Pow) and node.exp.is_negative:
            found.add(node.base)
        elif isinstance(node, sp.tan | sp.sec):
            found.add(sp.cos(node.args[0]))
        elif isinstance(node, sp.cot | sp.csc):
            found.add(sp.sin(node.args[0]))
        elif isinstance(node, sp.coth | sp.csch):
            found.add(sp.sinh(node.args[0]))
    return {one for one in found if one.free_symbols}


def _zeros(function: Callable[[Any], Any], grid: np.ndarray) -> np.ndarray:
    """Where the function changes its sign, and where its modulus has a least value, refined; at most 100 of each."""
    values = np.broadcast_to(np.asarray(function(grid), dtype=float), grid.shape)
    changes = np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) <= 0.0)[:100]
    low, high = grid[changes], grid[changes + 1]
    for _ in range(_ROUNDS):
        middle = 0.5 * (low + high)
        same = np.sign(function(middle)) == np.sign(function(low))
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    size = np.abs(values)
    least = np.flatnonzero((size[1:-1] <= size[:-2]) & (size[1:-1] <= size[2:]))[:100] + 1
    left, right = grid[least - 1], grid[least + 1]
    for _ in range(2 * _ROUNDS):
        thirds = left + (right - left) / 3.0, right - (right - left) / 3.0
        first, second = (np.abs(function(third)) for third in thirds)
        left, right = np.where(first <= second, left, thirds[0]), np.where(first <= second, thirds[1], right)
    return np.concatenate([0.5 * (low + high), 0.5 * (left + right)])
