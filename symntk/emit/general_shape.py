"""Any function as NumPy source, with what quadrature must know of it: breaks, edges, growth, deltas.

Comes in: a general form without free parameters. Goes out: a `GeneralShape`. What is not a finite real function, or
grows faster than e^{βx}, is refused here with the place and the reason.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from symntk.emit.compile import function_of_x
from symntk.emit.partition import FARTHEST, partition
from symntk.emit.stable_body import numbers, source
from symntk.errors import SymntkError
from symntk.language.general_form import GeneralForm
from symntk.language.symbols import x

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
    asked = f"the Gaussian expectation of {sp.sstr(form.as_expr(x))}"
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
    ends = [-math.inf, *breaks, math.inf]
    for index, part in enumerate(form.parts):
        _check_poles(asked, part, ends[index], ends[index + 1])
    rates = _rates(asked, form)
    text = source(form)
    shape = GeneralShape(text, [(point, 0.0) for point in breaks], rates, deltas, (), 0.0)
    function = shape.function()
    _check_values(asked, form, function, ends, any(rates))
    centres = sorted({c for i, p in enumerate(form.parts) for c in _centres(p) if ends[i] < c < ends[i + 1]})
    found = partition(function, breaks, centres)
    if found.reach < 1.0 or found.defect > 1e-6:
        where = f"it is too rough at |x| near {found.reach:.3g}" if found.reach < 1.0 else "it is too rough"
        raise SymntkError(asked, f"{where}: no polynomial follows it on short intervals", "a smoother function")
    beyond = np.array([-1.001, 1.001]) * found.reach
    with np.errstate(all="ignore"):
        # where the edges end since values become too large there is nothing to resolve
        unresolved = found.reach < FARTHEST and bool(np.all(np.abs(function(beyond)) < 1e100))
    if unresolved:
        text = f"np.where(np.abs(x) <= {found.reach!r}, {text}, np.nan)"
    return GeneralShape(text, shape.knots, rates, deltas, found.edges, found.defect)


def _centres(part: sp.Expr) -> Iterator[float]:
    """Where a part may change on a small scale: roots of the polynomials inside it, and of their derivatives."""
    for node in sp.preorder_traversal(part):
        inside = node.base if node.is_Pow else node.args[0] if isinstance(node, sp.Function) else None
        if inside is None or not inside.is_polynomial(x) or not inside.has(x):
            continue
        coefficients = [float(c) for c in sp.Poly(inside, x).all_coeffs()]
        if len(coefficients) <= 8:
            for polynomial in (coefficients, np.polyder(coefficients)):
                yield from (float(f"{z.real:.6g}") for z in np.roots(polynomial) if abs(z.real) < 1e6)


def _grid(low: float, high: float) -> np.ndarray:
    """Points of the open interval, on all scales around 0 and next to its ends."""
    ladder = np.geomspace(1e-9, FARTHEST, 181)
    points = [np.linspace(-20.0, 20.0, 2001), ladder, -ladder]
    points += [
        end + side * np.geomspace(1e-9, 1.0, 19) for end in (low, high) if math.isfinite(end) for side in (1, -1)
    ]
    every = np.unique(np.concatenate(points))
    return np.asarray(every[(every > low) & (every < high)])


def _check_poles(asked: str, part: sp.Expr, low: float, high: float) -> None:
    """Refuse zeros of denominators, negative logarithms and roots inside the interval."""
    points = _grid(low, high)
    for node in sp.preorder_traversal(part):
        inside = None
        if node.is_Pow and node.exp.is_number and (node.exp.is_negative or not node.exp.is_Integer):
            inside = node.base
        elif isinstance(node, sp.log):
            inside = node.args[0]
        elif isinstance(node, sp.tan):
            inside = sp.cos(node.args[0])
        if inside is None or not inside.has(x) or inside.is_positive:
            continue
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = np.broadcast_to(np.asarray(numbers(inside)(points)), points.shape)
        if not np.any(np.isnan(values)):
            crossed = np.flatnonzero((values[1:] * values[:-1] < 0.0) | (values[1:] == 0.0))
            # an even zero, such as that of x², does not cross
            near = float(min(points[crossed + 1], key=abs, default=0.0))
            if crossed.size and not _removable(part, near):
                raise SymntkError(asked, f"{sp.sstr(part)} has a pole or is not real near x = {near:.3g}", _ADVICE)


def _removable(part: sp.Expr, point: float) -> bool:
    """Whether the part stays bounded next to 0, where the series takes over; elsewhere no zero is removable."""
    if point != 0.0:
        return False
    values = [_exact(part, mp.mpf(step)) for step in (1e-3, 1e-6, -1e-6)]
    return all(value is not None and abs(value) <= 2 * abs(values[0] or 0) for value in values)


def _exact(part: sp.Expr, point: Any) -> Any:
    """The value at 40 digits, or None where it is not a finite real number."""
    with mp.workdps(40):
        try:
            value = numbers(part, exact=True)(point)
        except (ArithmeticError, ValueError):
            return None
        return value if isinstance(value, int | mp.mpf) and mp.isfinite(value) else None


def _rates(asked: str, form: GeneralForm) -> tuple[float, ...]:
    """0 and the rates β of the outer parts that grow like e^{βx}."""
    rates = [0.0]
    for part, side in ((form.parts[0], -1), (form.parts[-1], 1)):
        near, far = (_exact(part, side * factor * _FAR) for factor in (1, 2))
        if near is None or far is None or not near or not far:
            continue  # no growth, or refused where values are looked at
        with mp.workdps(40):
            first, second = mp.log(abs(near)), mp.log(abs(far))
        if second - first <= _STEEPEST * mp.log(2) or second <= 0:
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


def _check_values(
    asked: str, form: GeneralForm, function: Callable[[np.ndarray], np.ndarray], ends: list[float], grows: bool
) -> None:
    """Refuse values that are no numbers, and singularities at breaks that are not integrable."""
    for index, part in enumerate(form.parts):
        points = _grid(ends[index], ends[index + 1])
        with np.errstate(all="ignore"):
            values = function(points)
        bad = np.isnan(values) | (np.isinf(values) & ~(grows & (np.abs(points) > 1.0)))
        if np.any(bad):
            near = float(points[np.argmax(bad)])
            raise SymntkError(asked, f"{sp.sstr(part)} is not a finite real number at x = {near:.3g}", _ADVICE)
        for end, side in ((ends[index], 1), (ends[index + 1], -1)):
            if math.isfinite(end):
                close, closer = (_exact(part, mp.mpf(end) + side * mp.mpf(10) ** -k) for k in (10, 20))
                # slower than |x|^(-1/10): a logarithm
                if close is None or closer is None or abs(closer) > 10 * max(abs(close), 1):
                    raise SymntkError(asked, f"{sp.sstr(part)} is infinite at x = {end:.6g}", _ADVICE)
