"""The recursion of a kernel in time as LaTeX, with the closed forms of its maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sympy as sp

from symntk.errors import FormulaError
from symntk.kernels.expectation import Expectation
from symntk.language.symbols import STATE
from symntk.networks.layers import Plan

if TYPE_CHECKING:
    from symntk.networks.time.recursion import Scales


def recursion_latex(plan: Plan, scales: Sequence[Scales], top: float, readout: str | tuple[float, ...]) -> str:
    """An aligned environment; a_l = C_l(t, t) is the input's with itself, b_l = C_l(r, r) the other's, c_l = C_l(t, r).

    Raises:
        FormulaError: a map has no closed form; it is named.
    """
    lines = [r"S_0(t, r) &= \tfrac1m \langle x_t, x'_r \rangle, \qquad S_l(0, r) = S_l(t, 0) = 0"]
    tangent = all(one.slope is not None for one in plan.layers)
    for index, (layer, one) in enumerate(zip(plan.layers, scales, strict=True)):
        number, parts = index + 1, [_times(one.input, f"S_{index}(t, r)")]
        parts += [_times(one.recurrent, f"S_{number}(t-1, r-1)")] if one.recurrent else []
        parts += [_number(one.bias)] if one.bias else []
        lines.append(f"Q_{number}(t, r) &= {' + '.join(parts)}")
        sums = rf"\sum_{{s \le t,\, q \le r}} {_power(one.leaks[0], 't-s')}{_power(one.leaks[1], 'r-q')}"
        lines.append(rf"c_{number} = C_{number}(t, r) &= {sums} Q_{number}(s, q)")
        lines.append(f"S_{number}(t, r) &= {_closed(plan, layer.cross, number)}")
        if layer.slope is None:
            continue
        more = [f"Q_{number}(t, r)", *([_times(one.input, f"P_{index}(t, r)")] if index else [])]
        more += [_times(one.recurrent, f"P_{number}(t-1, r-1)")] if one.recurrent else []
        lines.append(f"N_{number}(t, r) &= {' + '.join(more)}")
        slope = _closed(plan, layer.slope, number)
        lines.append(rf"P_{number}(t, r) &= \left({slope}\right) {sums} N_{number}(s, q)")
    count = len(plan.layers)
    inside = rf"\left(S_{count}(t, r) + P_{count}(t, r)\right)" if tangent else f"S_{count}(t, r)"
    lines.append(rf"K(x, x') &= \sum_{{t, r}} \kappa_t \kappa'_r\, {_times(top, inside)}, \qquad {_readout(readout)}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _closed(plan: Plan, E: Expectation, number: int) -> str:
    if E.expression is None:
        wrong = f"{E} has no closed form; it is computed by the method {E.method!r}"
        raise FormulaError(f"a formula for {plan.asked}", wrong, "its numbers: the Gram matrices need no closed form")
    names = {symbol: f"{symbol.name}_{number}" for symbol in STATE[:3]}
    return str(sp.latex(E.expression, symbol_names=names))


def _number(value: float) -> str:
    return f"{value:.12g}"


def _times(factor: float, what: str) -> str:
    return what if factor == 1.0 else f"{_number(factor)}\\, {what}"


def _power(leak: float, exponent: str) -> str:
    return "" if leak == 1.0 else f"{_number(leak)}^{{{exponent}}}\\, "


def _readout(readout: str | tuple[float, ...]) -> str:
    if readout == "mean":
        return r"\kappa_t = 1/T"
    if readout == "last":
        return r"\kappa_t = \delta_{tT}"
    if readout == "each":
        return r"\text{one output for each } t"
    return rf"\kappa = ({', '.join(_number(one) for one in readout if not isinstance(one, str))})"
