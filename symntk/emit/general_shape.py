"""Any function as code, with what quadrature must know of it: breaks, edges, growth, deltas.

Comes in: a general form without free parameters. Goes out: a `GeneralShape`. What is not a finite real function, or
grows faster than e^{βx}, is refused here with the place and the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from symntk.emit.code import Definition, Name, Number, call, choose
from symntk.emit.compile import function_of
from symntk.emit.cores import Core, core, core_width
from symntk.emit.functions import stable
from symntk.emit.partition import FARTHEST, partition
from symntk.emit.series import Series
from symntk.emit.stable_body import EVERYWHERE, Ends, body, part_series, stretch
from symntk.errors import SymntkError, shown_place
from symntk.language.balls.ball import Ball, Enclosure
from symntk.language.balls.enclosure import enclosure
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.growth import LEAST, SMOOTH, exactly, power_next_to
from symntk.language.forms.signs import straight
from symntk.language.symbols import x

_NEAR = 32.0  # what is not resolved farther out limits the reach, and is refused where a law gets there
_KEPT = 1e-13  # what may be lost of values next to a place that the distance from it is taken for
_COARSE = 1e-6  # a larger defect is no resolution
_POLYNOMIAL = 15  # degree up to which panels need no edges
_FAR = mp.mpf(10) ** 4  # growth is measured between here and twice as far
_STEEPEST = 50  # degree up to which growth is polynomial
_ADVICE = "a function that is finite and real everywhere"


@dataclass(frozen=True)
class GeneralShape:
    """A function of one variable for quadrature.

    Attributes:
        body: the function of a float64 array `x`, under np.errstate(all="ignore"); None where there are only deltas.
            It is NaN beyond the edges of a function that oscillates without end.
        knots: (location, 0.0) of kinks and jumps.
        rates: real β of exponential growth, and 0.
        deltas: (weight, location).
        edges: between neighbours the function is a polynomial, see `partition`.
        defect: how far it is from one, relative to its largest value there.
        cores: what replaces the body next to places where it is infinite.
        origin: what all of these take for 0: `body` is in terms of the distance from it, and so are the places.
    """

    body: Definition | None
    knots: list[tuple[float, float]]
    rates: tuple[float, ...]
    deltas: list[tuple[float, float]]
    edges: tuple[float, ...]
    defect: float
    cores: tuple[Core, ...] = ()
    origin: float = 0.0

    @property
    def has_square(self) -> bool:
        """Whether f² has a mean."""
        return all(one.power > -0.5 for one in self.cores)

    def function(self) -> Callable[[np.ndarray], np.ndarray]:
        """The body as a function."""
        if self.body is None:
            raise SymntkError("the values of a function", "it is a sum of deltas only")
        found = function_of(self.body)
        return found if self.origin == 0.0 else lambda x: found(x - self.origin)


def general_shape(form: GeneralForm) -> GeneralShape:
    """The shape of `form`.

    Raises:
        SymntkError: free parameters; derivatives of deltas; growth beyond e^{βx}; values that are infinite or not real;
            a function too rough for `partition`.

    >>> from symntk.language.forms.general_form import general_form
    >>> found = general_shape(general_form(sp.tanh(sp.Abs(x)), x))
    >>> found.function()(np.array([-2.0, 1.0])).round(7), found.knots, found.rates
    (array([0.9640276, 0.7615942]), [(0.0, 0.0)], (0.0,))
    """
    asked = f"the Gaussian expectation of {form.shown(x)}"
    if any(part.free_symbols - {x} for part in form.parts) or form.parameters:
        raise SymntkError(asked, "it has free parameters", "numbers in their place")
    for _, delta in form.deltas:
        if delta.order:
            raise SymntkError(
                asked, "it has a derivative of a delta, which no float64 function can be paired with", "a smoother one"
            )
    if not form.has_regular_part:
        return GeneralShape(None, [], (0.0,), _deltas(form), (), 0.0)
    powers = _powers(asked, form)
    least, origin = min(((min(both), point) for point, both in zip(form.breaks, powers, strict=True)), default=(0, 0))
    if least < SMOOTH and origin != 0 and form.reach == math.inf:
        found = _seen_from(asked, form, origin, powers)
        if found is not None:
            return found
    return _shape(asked, form, powers)


def _deltas(form: GeneralForm) -> list[tuple[float, float]]:
    return [(float(weight), float(delta.threshold)) for weight, delta in form.deltas]


def _seen_from(
    asked: str, form: GeneralForm, origin: sp.Expr, powers: list[tuple[float, float]]
) -> GeneralShape | None:
    """The shape in the distance from `origin`, where it is infinite: no rounding of x counts there.

    None where the formula in that distance keeps no digits next to it.
    """
    breaks = tuple(sp.expand(point - origin) for point in form.breaks)
    parts = tuple(_shifted(part, origin) for part in form.parts)
    deltas = tuple((weight, replace(delta, threshold=delta.threshold - origin)) for weight, delta in form.deltas)
    moved, index = GeneralForm(breaks, parts, deltas), form.breaks.index(origin)
    try:
        found = _shape(asked, moved, powers)
    except SymntkError:
        return None
    function = found.function()
    for part, sense in ((parts[index], -1), (parts[index + 1], 1)):
        distance = sense * 2.0 ** np.array([-90.0, -60.0, -30.0])
        with mp.workdps(80):
            exact = [exactly(part, x, mp.mpf(t)) for t in distance]
        with np.errstate(all="ignore"):
            values = function(distance)
        if any(e is None or not abs(v - e) <= _KEPT * abs(e) for v, e in zip(values, exact, strict=True)):
            return None
    return replace(found, origin=float(origin))


def _shifted(part: sp.Expr, origin: sp.Expr) -> sp.Expr:
    """The part in the distance from `origin`, polynomials multiplied out so that constants cancel.

    >>> print(_shifted((1 - x**2) ** sp.Rational(-1, 3), sp.S.One))
    (-x**2 - 2*x)**(-1/3)
    """
    moved = part.subs(x, x + origin)
    return moved.replace(lambda e: e.is_Add and e.is_polynomial(x), lambda e: sp.expand(e))


def _shape(asked: str, form: GeneralForm, powers: list[tuple[float, float]]) -> GeneralShape:
    """The shape as the form is written; powers are those next to its breaks."""
    deltas, breaks = _deltas(form), [float(point) for point in form.breaks]
    rates = _rates(asked, form)
    code = body(form)
    function = function_of(code)
    parts = [part_enclosure(part, stretch(form, index)) for index, part in enumerate(form.parts)]
    nearest = [core_width(point, min(both)) for point, both in zip(breaks, powers, strict=True)]
    found = partition(function, parts, breaks, nearest)
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
        inside = call("abs", Name("x")) <= reach
        code = replace(code, results=(choose(inside, code.results[0], Number(math.nan)),))
    knots = [(point, 0.0) for point in breaks if abs(point) <= reach]
    cores = tuple(_cores(asked, form, powers, found.edges))
    return GeneralShape(code, knots, rates, deltas, found.edges, found.defect, cores)


def _why(form: GeneralForm, place: float) -> tuple[str, bool]:
    """What is wrong where no interval is resolved, and whether that is a pole or worse for certain."""
    part = form.parts[sum(float(point) < place for point in form.breaks)]
    shown = f"{sp.sstr(part)} %s near x = {shown_place(place)}"
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
        return exactly(part, x, point)


def _powers(asked: str, form: GeneralForm) -> list[tuple[float, float]]:
    """The powers of growth on the left and on the right of every break.

    Raises:
        SymntkError: a part is not finite and real next to a break, or has no mean there.
    """
    found = []
    for left, right, point in zip(form.parts[:-1], form.parts[1:], form.breaks, strict=True):
        both = []
        for part, side in ((left, -1), (right, 1)):
            power = 0.0 if part.is_polynomial(x) else power_next_to(part, x, point, side)
            if power is None:
                wrong = f"{sp.sstr(part)} is not a finite real number next to x = {float(point):.6g}"
                raise SymntkError(asked, wrong, _ADVICE)
            if power < LEAST:
                wrong = f"{sp.sstr(part)} is infinite at t = {float(point):.6g}, like |x - t|^({power:.4g})"
                kind = "and so is its mean" if power < -1.0 + 1e-9 else "which is hardly told from a pole"
                raise SymntkError(asked, f"{wrong}, {kind}", f"powers of at least {LEAST}")
            both.append(power)
        found.append((both[0], both[1]))
    return found


def _cores(asked: str, form: GeneralForm, powers: list[tuple[float, float]], edges: tuple[float, ...]) -> list[Core]:
    """What replaces the function next to every place where it is infinite, as far as the nearest edge."""
    found = []
    for index, (point, both) in enumerate(zip(form.breaks, powers, strict=True)):
        at = float(point)
        for part, power, side in zip(form.parts[index : index + 2], both, (-1, 1), strict=True):
            if power >= SMOOTH or at not in edges:
                continue
            width = edges[edges.index(at) + side] - at
            one = core(part, point, width, power)
            if one is None:
                wrong = f"its integral next to x = {at:.6g}, where it is infinite, was not found"
                raise SymntkError(asked, wrong, _ADVICE)
            found.append(one)
    return found


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
