"""A family of activations σ_m and the function that it tends to as m → ∞, found numerically and symbolically.

An activation without a parameter that jumps is the limit itself; the family is then the one with erf(m(x − t)) in
place of each sign(x − t), which for sign is the paper's erf(m x).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp
from mpmath import mp

from symntk import activations as ACTIVATIONS
from symntk import surrogates as SURROGATES
from symntk.errors import DivergenceError, FormulaError, SymntkError
from symntk.kernels.function import Function, as_function
from symntk.language.special import logistic, softplus
from symntk.language.special.table import numbers
from symntk.language.symbols import parameter, x
from symntk.verify.limits.symbolic import within

Number = Any  # mpf
_LARGE = 40  # m = 10^40 stands for the limit in a first look
_REACH = 20  # jumps are looked for on |x| ≤ 20
_CELLS = 401
_SECONDS = 5.0


@dataclass(frozen=True)
class Jump:
    """A jump of the limit: where, and from the left value to the right one by how much."""

    place: sp.Expr
    height: sp.Expr


@dataclass(frozen=True)
class Family:
    """σ_m, its parameter and its limit.

    Attributes:
        activation: σ_m; the limit itself where there is no parameter and nothing jumps.
        parameter: m, or None.
        limit: what it tends to as m → ∞.
        how: how the limit was found.
    """

    activation: Function
    parameter: sp.Symbol | None
    limit: Function
    how: str

    @cached_property
    def jumps(self) -> tuple[Jump, ...]:
        """The jumps of the limit, from left to right."""
        found = self.limit.derivative.general.deltas
        return tuple(Jump(delta.threshold, weight) for weight, delta in found if delta.order == 0)

    def at(self, value: Any) -> Function:
        """σ_m with a number for m, which is an exact number of SymPy."""
        if self.parameter is None:
            return self.activation
        expression = self.activation.expression.subs(self.parameter, value)
        return Function(f"{self.activation.name} with {self.parameter} = {value}", expression)

    @cached_property
    def derivative_at(self) -> Callable[[Number, Number], Number]:
        """∂σ_m/∂x between kinks, as a function of x and m in mpmath."""
        return _numeric(self.activation.derivative.general.regular(x), self.parameter)


def family(activation: Any, limit: Any = None) -> Family:
    """Read a family of activations and find its limit, or take the one given.

    Args:
        activation: a formula with one parameter, "tanh(m*x)", or without one, "sign".
        limit: the formula of the limit, where it is known; it is checked at points.

    Raises:
        FormulaError: several parameters.
        DivergenceError: σ_m(x) has no finite limit.
        SymntkError: the limit was not found, or is another one than that given.

    >>> family("tanh(m*x)").jumps
    (Jump(place=0, height=2),)
    >>> family("sign").activation.expression
    erf(m*x)
    """
    function = as_function(activation, ACTIVATIONS, SURROGATES)
    symbols = function.parameters
    if len(symbols) > 1:
        listed = ", ".join(s.name for s in symbols)
        raise FormulaError(f"the family {function.name}", f"it has the parameters {listed}", "numbers for all but one")
    if not symbols:
        if limit is not None:
            raise FormulaError(f"the limit of {function.name}", "it has no parameter", "a family, as tanh(m*x)")
        return _smoothed(function)
    symbol = symbols[0]
    call = _numeric(function.general.regular(x), symbol)
    _refuse_without_limit(function, symbol, call)
    if limit is None:
        found, how, checked = _found(function, symbol, call)
    else:
        found, how = as_function(limit, ACTIVATIONS, SURROGATES), "given"
        checked = _checked(found, function, symbol, call)
    return Family(function, symbol, found, f"{how}; {checked}")


def _smoothed(function: Function) -> Family:
    """The family that replaces each jump by an error function."""
    form, m = function.general, parameter("m")
    jumps = [(weight, delta.threshold) for weight, delta in function.derivative.general.deltas if delta.order == 0]
    if not jumps:
        return Family(function, None, function, "it has no parameter: it is its own limit")
    parts = []
    for i, part in enumerate(form.parts):
        crossed = sum(1 for _, place in jumps for point in form.breaks[:i] if point == place)
        signs = [weight / 2 * (1 if j < crossed else -1) for j, (weight, _) in enumerate(_ordered(jumps, form.breaks))]
        parts.append(sp.expand(part - sp.Add(*signs)))
    pieces = [(part, x < point) for part, point in zip(parts, form.breaks, strict=False)]
    rest = parts[0] if len(set(parts)) == 1 else sp.Piecewise(*pieces, (parts[-1], True))
    smooth = rest + sp.Add(*(weight / 2 * sp.erf(m * (x - place)) for weight, place in jumps))
    name = f"{function.name} with erf(m(x − t))" if len(jumps) > 1 or jumps[0][1] != 0 else str(smooth)
    return Family(Function(name, smooth), m, function, "given: the family is it with an erf(m(x − t)) in each jump")


def _ordered(jumps: list[tuple[sp.Expr, sp.Expr]], breaks: tuple[sp.Expr, ...]) -> list[tuple[sp.Expr, sp.Expr]]:
    return sorted(jumps, key=lambda jump: breaks.index(jump[1]))


def _numeric(expression: sp.Expr, symbol: sp.Symbol | None) -> Callable[[Number, Number], Number]:
    """An expression in x and m as a function in mpmath."""
    arguments = [x, symbol if symbol is not None else sp.Dummy("unused")]
    compiled = sp.lambdify(arguments, expression, modules=[numbers(), "mpmath"])

    def call(point: Number, m: Number) -> Number:
        return mp.mpf(mp.re(compiled(point, m)))

    return call


def _samples() -> list[Number]:
    """Points at which limits are tested: no multiples of anything."""
    return [mp.sqrt(2) * mp.mpf(k * k - 310) / 23 for k in range(1, 28)]


def _refuse_without_limit(function: Function, symbol: sp.Symbol, call: Callable[[Number, Number], Number]) -> None:
    with mp.workdps(30):
        for point in _samples():
            values = [call(point, mp.mpf(10) ** k) for k in (_LARGE, _LARGE + 7, _LARGE + 20)]
            size = max(1, *(abs(v) for v in values))
            if not all(mp.isfinite(v) for v in values) or max(abs(v - values[0]) for v in values) > size * 1e-6:
                shown = ", ".join(mp.nstr(v, 4) for v in values)
                at = f"at x = {mp.nstr(point, 4)} and {symbol} = 1e40, 1e47, 1e60 it is {shown}"
                wrong = f"it has no finite limit as {symbol} → ∞: {at}"
                raise DivergenceError(f"the family {function.name}", wrong, "a family that converges, as tanh(m*x)")


def _found(
    function: Function, symbol: sp.Symbol, call: Callable[[Number, Number], Number]
) -> tuple[Function, str, str]:
    """The limit by its jumps, which are found by bisection, and SymPy's limits between them, or constants.

    SymPy's limits are believed where they agree with values: it says 0 for erf(−m(y + 2)) + erf(−m y), y > 0.
    """
    places, wrong = _places(call), f"SymPy found no limit in {_SECONDS:g} s"
    symbolic = _symbolic(function, symbol, places)
    if symbolic is not None:
        try:
            return *symbolic, _checked(symbolic[0], function, symbol, call)
        except SymntkError as error:
            wrong = f"SymPy's limit is another one ({error.wrong})"
    constants = _constants(places, call)
    if constants is None:
        wrong += ", and it is not constant between its jumps"
        raise SymntkError(f"the limit of {function.name} as {symbol} → ∞", wrong, "the limit itself: limit=…")
    found = Function(f"lim {function.name}", _as_signs(places, constants, constants[0]))
    return found, "values at m = 1e40 between jumps", _checked(found, function, symbol, call)


def _symbolic(function: Function, symbol: sp.Symbol, places: list[sp.Expr]) -> tuple[Function, str] | None:
    """SymPy's limits between jumps; None where it finds none in time."""
    ends: list[sp.Expr] = [*places, places[-1] if places else sp.S.Zero]
    parts = [_limit_part(function, symbol, end, i < len(places)) for i, end in enumerate(ends)]
    if not places:  # the limit may have a kink at 0
        left, right = (_limit_part(function, symbol, sp.S.Zero, before) for before in (True, False))
        if left is not None and right is not None and left != right:
            places, parts = [sp.S.Zero], [left, right]
    if any(part is None for part in parts):
        return None
    pieces = [(part, x < place) for part, place in zip(parts, places, strict=False)]
    expression = sp.Piecewise(*pieces, (parts[-1], True)) if places else parts[0]
    how = "SymPy's limits between jumps found by bisection" if places else "SymPy's limit; no jump was found"
    return Function(f"lim {function.name}", _as_signs(places, parts, expression)), how


def _as_signs(places: list[sp.Expr], parts: list[Any], otherwise: sp.Expr) -> sp.Expr:
    """A step function as a sum of signs, anything else as it is."""
    if not places or any(part.has(x) for part in parts):
        return otherwise
    heights = [right - left for left, right in zip(parts, parts[1:], strict=False)]
    steps = [height / 2 * sp.sign(x - place) for height, place in zip(heights, places, strict=True)]
    return (parts[0] + parts[-1]) / 2 + sp.Add(*steps)


def _places(call: Callable[[Number, Number], Number]) -> list[sp.Expr]:
    """Where σ_m jumps at m = 10^40, on |x| ≤ 20."""
    with mp.workdps(60):
        m, step = mp.mpf(10) ** _LARGE, mp.mpf(2 * _REACH) / _CELLS
        edges = [-_REACH + step * (j + mp.mpf("0.0137")) for j in range(_CELLS)]
        values = [call(edge, m) for edge in edges]
        out = []
        for left, right, low, high in zip(edges, edges[1:], values, values[1:], strict=False):
            place = _bisected(call, m, left, right, low, high)
            if place is not None:
                exact = sp.nsimplify(sp.Float(mp.nstr(place, 20), 20), rational=True, tolerance=sp.Float("1e-15"))
                out.append(exact)
        return out


def _bisected(
    call: Callable[[Number, Number], Number], m: Number, left: Number, right: Number, low: Number, high: Number
) -> Number | None:
    """The place of a jump in a cell, None where the change there vanishes with the cell."""
    whole = abs(high - low)
    while right - left > mp.mpf(10) ** -25:
        if abs(high - low) < mp.mpf(10) ** -6 * max(1, whole):
            return None
        middle = (left + right) / 2
        value = call(middle, m)
        if abs(value - low) > abs(high - value):
            right, high = middle, value
        else:
            left, low = middle, value
    return (left + right) / 2


def _limit_part(function: Function, symbol: sp.Symbol, end: sp.Expr, before: bool) -> sp.Expr | None:
    """SymPy's limit of the piece beside a point, as an expression in x; None where it finds none in time."""
    y = sp.Dummy("y", positive=True)
    inside = end - y if before else end + y
    form = function.general
    with mp.workdps(60):
        at = mp.mpf(sp.Rational(1, 1000)._to_mpmath(mp.prec)) * (-1 if before else 1)
        point = mp.mpf(sp.Float(end, 50)._to_mpmath(mp.prec)) + at
        index = sum(1 for b in form.breaks if _break(b, symbol) < point)
    part = form.parts[index].subs(x, inside)
    if part.has(logistic, softplus):
        part = part.rewrite(sp.exp)  # SymPy knows the limits of these
    found = within(_SECONDS, lambda: sp.limit(part, symbol, sp.oo))
    if found is None or found.has(sp.Limit, sp.nan, sp.zoo, sp.oo, sp.AccumBounds, symbol):
        return None
    return sp.simplify(found.subs(y, end - x if before else x - end)) if found.has(y) else found


def _break(point: sp.Expr, symbol: sp.Symbol) -> Number:
    return mp.mpf(point.subs(symbol, sp.Integer(10) ** _LARGE).evalf(50)._to_mpmath(mp.prec))


def _constants(places: list[sp.Expr], call: Callable[[Number, Number], Number]) -> list[sp.Expr] | None:
    """The values between jumps, where they do not depend on x."""
    with mp.workdps(30):
        m = mp.mpf(10) ** _LARGE
        ends = [mp.mpf(-_REACH), *(mp.mpf(sp.Float(p, 30)._to_mpmath(mp.prec)) for p in places), mp.mpf(_REACH)]
        out = []
        for left, right in zip(ends, ends[1:], strict=False):
            values = [call(left + (right - left) * share, m) for share in map(mp.mpf, ("0.11", "0.37", "0.83"))]
            if max(abs(v - values[0]) for v in values) > mp.mpf(10) ** -15:
                return None
            out.append(sp.nsimplify(sp.Float(mp.nstr(values[0], 18), 18), rational=True, tolerance=sp.Float("1e-12")))
        return out


def _checked(limit: Function, function: Function, symbol: sp.Symbol, call: Callable[[Number, Number], Number]) -> str:
    """Compare σ_m at large m with the limit; says to how much."""
    other = _numeric(limit.general.regular(x), None)
    with mp.workdps(60):
        worst = mp.zero
        for point in _samples():
            off = [abs(call(point, mp.mpf(10) ** k) - other(point, mp.one)) for k in (_LARGE // 2, _LARGE)]
            if off[1] > mp.mpf(10) ** -8 or off[1] > off[0] + mp.mpf(10) ** -50:
                wrong = (
                    f"at x = {mp.nstr(point, 4)} it is {mp.nstr(off[1], 3)} from {limit.expression} at {symbol} = 1e40"
                )
                raise SymntkError(f"the limit of {function.name} as {symbol} → ∞", wrong, "another limit: limit=…")
            worst = max(worst, off[1])
        distance = f"below {mp.nstr(worst, 2)}" if worst > mp.mpf(10) ** -60 else "0 to 60 digits"
        return f"at {len(_samples())} points the distance at {symbol} = 1e40 is {distance}"
