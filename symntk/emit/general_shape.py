"""Any function as NumPy source, with what quadrature must know of it: breaks, edges, growth, deltas.

Comes in: a general form without free parameters. Goes out: a `GeneralShape`. What is not a finite real function, or
grows faster than e^{βx}, is refused here with the place and the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from symntk.emit.compile import function_of_x
from symntk.emit.partition import FARTHEST, partition
from symntk.emit.series import Series
from symntk.emit.stable_body import EVERYWHERE, Ends, numbers, part_series, source, stable, stretch
from symntk.errors import SymntkError
from symntk.language.balls.ball import Ball, Enclosure
from symntk.language.balls.enclosure import enclosure
from symntk.language.general_form import GeneralForm
from symntk.language.signs import place, straight
from symntk.language.symbols import x

_NEAR = 32.0  # what is not resolved farther out limits the reach, and is refused where a law gets there
_COARSE = 1e-6  # a larger defect is no resolution
_STEEPEST_POLE = -0.48
_POLYNOMIAL = 15  # degree up to which panels need no edges
_FAR = mp.mpf(10) ** 4  # growth is measured between here and twice as far
_STEEPEST = 50  # degree up to which growth is polynomial
_ADVICE = "a function that is finite and real everywhere"


@dataclass(frozen=True)
class GeneralShape:
    """A function of one variable for quadrature.

    Attributes:
        body: NumPy source in a float64 array `x`, under np.errstate(all="ignore"); None where there are only deltas.
            It is NaN beyond the edges of a function that oscillates without end.
        knots: (location, 0.0) of kinks and jumps.
        rates: real β of exponential growth, and 0.
        deltas: (weight, location).
        edges: between neighbours the function is a polynomial, see `partition`.
        defect: how far it is from one, relative to its largest value there.
    """

    body: str | None
    knots: list[tuple[float, float]]
    rates: tuple[float, ...]
    deltas: list[tuple[float, float]]
    edges: tuple[float, ...]
    defect: float

    def function(self) -> Callable[[np.ndarray], np.ndarray]:
        """The body as a function."""
        if self.body is None:
            raise SymntkError("the values of a function", "it is a sum of deltas only")
        return function_of_x(self.body)


def general_shape(form: GeneralForm) -> GeneralShape:
    """The shape of `form`.

    Raises:
        SymntkError: free parameters; derivatives of deltas; growth beyond e^{βx}; values that are infinite or not real;
            a function too rough for `partition`.

    >>> from symntk.language.general_form import general_form
    >>> found = general_shape(general_form(sp.tanh(sp.Abs(x)), x))
    >>> found.body
    'np.where(x < 0.0, -np.tanh(x), np.tanh(x)) + 0.0 * x'
    >>> found.knots, found.rates
    ([(0.0, 0.0)], (0.0,))
    """
    asked = f"the Gaussian expectation of {form.shown(x)}"
    if any(part.free_symbols - {x} for part in form.parts) or form.parameters:
        raise SymntkError(asked, "it has free parameters", "numbers in their place")
    for _, delta in form.deltas:
        if delta.order:
            raise SymntkError(
                asked, "it has a derivative of a delta, which no float64 function can be paired with", "a smoother one"
            )
    deltas = [(float(weight), float(delta.threshold)) for weight, delta in form.deltas]
    if not form.has_regular_part:
        return GeneralShape(None, [], (0.0,), deltas, (), 0.0)
    breaks = [float(point) for point in form.breaks]
    scales = [
        _scales(asked, part, point, side)
        for left, right, point in zip(form.parts[:-1], form.parts[1:], form.breaks, strict=True)
        for part, side in ((left, -1), (right, 1))
    ]
    rates = _rates(asked, form)
    text = source(form)
    shape = GeneralShape(text, [(point, 0.0) for point in breaks], rates, deltas, (), 0.0)
    function = shape.function()
    parts = [part_enclosure(part, stretch(form, index)) for index, part in enumerate(form.parts)]
    found = partition(function, parts, breaks, scales=max(scales, default=100))
    if found.unresolved is not None and found.reach < _NEAR:
        wrong, certain = _why(form, found.unresolved)
        if certain or found.reach < 1.0:
            raise SymntkError(asked, wrong, _ADVICE)
    if found.defect > _COARSE or found.reach < 1.0:
        wrong = f"it is too rough: no polynomial follows it on short intervals where |x| is near {found.reach:.3g}"
        raise SymntkError(asked, wrong, "a smoother function")
    reach = min(found.reach, form.reach)
    beyond = np.array([-1.001, 1.001]) * found.reach
    with np.errstate(all="ignore"):
        # where the edges end since values become too large there is nothing to resolve
        unresolved = found.reach < FARTHEST and bool(np.all(np.abs(function(beyond)) < 1e100))
    if unresolved or found.unresolved is not None or reach < found.reach:
        text = f"np.where(np.abs(x) <= {reach!r}, {text}, np.nan)"
    knots = [knot for knot in shape.knots if abs(knot[0]) <= reach]
    return GeneralShape(text, knots, rates, deltas, found.edges, found.defect)


def _why(form: GeneralForm, place: float) -> tuple[str, bool]:
    """What is wrong where no interval is resolved, and whether that is a pole or worse for certain."""
    part = form.parts[sum(float(point) < place for point in form.breaks)]
    shown = f"{sp.sstr(part)} %s near x = {place:.6g}"
    step = mp.mpf(2) ** -10 * max(1.0, abs(place))
    values = [_exact(part, place + share * step) for share in (0.0, 0.5, 1.0, -0.5, -1.0)]
    if any(value is None for value in values):
        return shown % "is not real, or infinite,", True
    centre, *around = map(abs, values)
    if centre > 4 * max(around):  # next to a pole values grow like a power
        pole = all(near > far * 1.4 > 0 for near, far in (around[:2], around[2:]))
        return shown % ("has a pole" if pole else "has a peak too narrow for any interval"), pole
    return shown % "has a pole or is not real, or varies on no scale that an enclosure could resolve,", False


def part_enclosure(part: sp.Expr, ends: Ends = EVERYWHERE) -> Enclosure | None:
    """Encloses a part as its source is written: by its series near some points; None for a short polynomial."""
    if not part.has(x) or straight(part, x) or (part.is_polynomial(x) and sp.degree(part, x) <= _POLYNOMIAL):
        return None
    found = enclosure(stable(part), x)
    for series in part_series(part, ends):
        found = _either(series, found)
    return found


def _either(series: Series, formula: Enclosure) -> Enclosure:
    """By the series where it converges, which is up to three times its radius; by the formula elsewhere."""
    polynomial = enclosure(sp.Add(*(value * x**n for n, value in enumerate(series.coefficients))), x)
    reach = 2.0 * series.radius

    def either(centre: np.ndarray, radius: np.ndarray) -> Ball:
        first, second = polynomial(centre - series.centre, radius), formula(centre, radius)
        near = np.abs(centre - series.centre) + radius < reach
        return Ball(*(np.where(near, p, q) for p, q in zip(first, second, strict=True)))

    return either


def _exact(part: sp.Expr, point: Any) -> Any:
    """The value at 40 digits, or None where it is not a finite real number."""
    with mp.workdps(40):
        try:
            value = numbers(part, exact=True)(point)
        except (ArithmeticError, ValueError):
            return None
        return value if isinstance(value, int | mp.mpf) and mp.isfinite(value) else None


def _scales(asked: str, part: sp.Expr, point: sp.Expr, side: int) -> int:
    """How often a length must be halved towards a break before what is left of f² is below rounding.

    Next to a break a part is like |x − t|^p; f² is integrable where p > −1/2.
    """
    if part.is_polynomial(x):
        return 100
    with mp.workdps(40):
        near, nearer = (_exact(part, place(point) + side * mp.mpf(10) ** -k) for k in (10, 20))
    if near is None or nearer is None:
        wrong = f"{sp.sstr(part)} is not a finite real number next to x = {float(point):.6g}"
        raise SymntkError(asked, wrong, _ADVICE)
    power = float(mp.log10(abs(near / nearer))) / 10.0 if near and nearer else 0.0
    if power >= -0.05:  # a logarithm is like a power of about −1/200
        return 100
    if power < _STEEPEST_POLE:
        raise SymntkError(
            asked, f"{sp.sstr(part)} is infinite at x = {float(point):.6g}, and so is its second moment", _ADVICE
        )
    return min(int(53.0 / (1.0 + 2.0 * power)), 1000)


def _rates(asked: str, form: GeneralForm) -> tuple[float, ...]:
    """0 and the rates β of the outer parts that grow like e^{βx}."""
    rates = [0.0]
    for part, side in ((form.parts[0], -1), (form.parts[-1], 1)):
        near, far = (_exact(part, side * factor * _FAR) for factor in (1, 2))
        if near is None or far is None or not near or not far:
            continue  # no growth, or refused where values are looked at
        with mp.workdps(40):
            first, second = mp.log(abs(near)), mp.log(abs(far))
        if second - max(first, 0) <= _STEEPEST * mp.log(2):  # a bounded function may be tiny at one of the points
            continue
        order = float(mp.log(second / first, 2)) if first > 0 else math.inf
        if order > 1.02:
            kind = "e^{αx²}, α > 0" if abs(order - 2) < 0.02 else f"e^{{|x|^{order:.2g}}}"
            raise SymntkError(
                asked,
                f"it grows like {kind}; its Gaussian expectations are infinite at large variances",
                "growth of at most e^{βx}",
            )
        if order > 0.9:
            rates.append(float(f"{side * float((second - first) / _FAR):.6g}"))
    return tuple(dict.fromkeys(rates))
