"""Places for which no enclosure is found: removable, integrable from each side, or a pole, told apart at 160 digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp

from symntk.errors import DivergenceError
from symntk.verify.oracle.general.functions import Array, Function
from symntk.verify.oracle.law import ASKED
from symntk.verify.oracle.numbers import Number, mp, number
from symntk.verify.oracle.panels import gauss_legendre

_DIGITS = 160
_NODES = 20
_SMOOTH = 1e-20
_LEAST_POWER = -0.99
_ROUNDS, _GRID = 60, 32
_FAR, _STEPS, _HALVINGS, _MOST_CELLS, _OVERFLOW = 5000.0, 100, 28, 2000, 500.0
_LARGEST_DENOMINATOR = 10**9


@dataclass(frozen=True)
class Rough:
    """A break next to which f is like |x − place|^power on one side, or like a logarithm (power 0)."""

    place: float
    side: int
    power: float


class SingularInside(Exception):
    """A place inside a smooth part at which the function is singular, but integrable: a break is missing there."""

    def __init__(self, place: sp.Expr) -> None:
        super().__init__(f"singular at {place}")
        self.place = place


def is_removable(function: Function, part: int, left: float, right: float) -> bool:
    """Whether a polynomial through 20 values meets the function between them to 20 digits: a quotient 0/0, no more.

    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> from symntk.verify.oracle.general.functions import realized
    >>> wave, bell = (realized(general_form(f, x)) for f in (sp.sin(x) / x, 1 / x**2))
    >>> is_removable(wave, 0, -1e-7, 2e-7), is_removable(bell, 0, -1e-7, 2e-7)
    (True, False)
    """
    with mp.workdps(_DIGITS):
        nodes = gauss_legendre(_NODES, _DIGITS).nodes
        half, centre = (mp.mpf(right) - left) / 2, (mp.mpf(right) + left) / 2
        values = [_at(function, part, centre + half * t) for t in nodes]
        places = [(s + t) / 2 for s, t in zip(nodes[1:], nodes[:-1], strict=True)]
        places += [sense * (1 - mp.mpf(2) ** -k) for k in (3, 6, 9) for sense in (1, -1)]
        found = [_at(function, part, centre + half * t) for t in places]
        if not all(mp.isfinite(value) for value in (*values, *found)):
            return False
        weights = [1 / mp.fprod(nodes[i] - nodes[j] for j in range(_NODES) if j != i) for i in range(_NODES)]
        size = max(map(abs, values))
        for place, value in zip(places, found, strict=True):
            shares = [w / (place - t) for w, t in zip(weights, nodes, strict=True)]
            predicted = mp.fdot(zip(shares, values, strict=True)) / mp.fsum(shares)
            if abs(predicted - value) > _SMOOTH * size:
                return False
    return True


def located(function: Function, part: int, left: float, right: float) -> sp.Expr:
    """The place between two points where the second difference is largest, a rational number where one is near."""
    with mp.workdps(2 * _DIGITS):
        low, high = mp.mpf(left), mp.mpf(right)
        for _ in range(_ROUNDS):
            step = (high - low) / _GRID
            values = [_at(function, part, low + k * step) for k in range(_GRID + 1)]
            infinite = [k for k, value in enumerate(values) if not mp.isfinite(value)]
            if infinite:
                low = high = low + infinite[0] * step
                break
            curved = [abs(values[k - 1] - 2 * values[k] + values[k + 1]) for k in range(1, _GRID)]
            best = int(np.argmax([float(mp.log(c)) if c else -np.inf for c in curved])) + 1
            low, high = low + (best - 2) * step, low + (best + 2) * step
        place = (low + high) / 2
        near = sp.Rational(str(place)).limit_denominator(_LARGEST_DENOMINATOR)
        if abs(mp.mpf(near.p) / near.q - place) < mp.mpf(10) ** -40:
            return near
        return sp.Float(mp.nstr(place, _DIGITS), _DIGITS)


def is_smooth(function: Function, part: int, place: Number, width: float) -> bool:
    """Whether second differences fall like squares next to a place: a feature that is too narrow, and no singularity.

    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> from symntk.verify.oracle.general.functions import realized
    >>> bell, kink = (realized(general_form(f, x)) for f in (1 / sp.cosh(10**30 * x), 2 + sp.sqrt(1 - sp.cos(x))))
    >>> is_smooth(bell, 0, mp.mpf(0), 1e-18), is_smooth(kink, 0, mp.mpf(0), 1e-18)
    (True, False)
    """
    with mp.workdps(4 * _DIGITS):
        middle = _at(function, part, place)
        found = []
        for step in (mp.mpf(width) * mp.mpf(10) ** -k for k in (60, 61)):
            found.append(abs(_at(function, part, place + step) - 2 * middle + _at(function, part, place - step)))
        return bool(mp.isfinite(middle) and mp.isfinite(found[0]) and found[0] >= 30 * found[1])


def power_at(function: Function, part: int, place: Number, side: int, width: float) -> float:
    """Power p where f is like |x − place|^p on one side; `width` is where that begins.

    Raises:
        DivergenceError: p is −1 or less, so that f has no integral.

    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> from symntk.verify.oracle.general.functions import realized
    >>> root = realized(general_form(sp.sqrt(sp.Abs(x - 2)), x))
    >>> round(power_at(root, 1, mp.mpf(2), 1, 1e-3), 6)
    0.5
    """
    with mp.workdps(2 * _DIGITS):
        near, far = (_at(function, part, place + side * mp.mpf(width) * mp.mpf(10) ** -k) for k in (40, 10))
        if not mp.isfinite(near) or not mp.isfinite(far) or near == 0 or far == 0:
            return 0.0
        power = float(mp.log(abs(far / near)) / (30 * mp.log(10)))
    if power < _LEAST_POWER:
        text = f"infinite: a function grows like |x − {mp.nstr(place, 8)}|^({power:.3g}) at {mp.nstr(place, 8)}"
        raise DivergenceError(ASKED, text, "a function without a pole on the line")
    return power


def _at(function: Function, part: int, point: Number) -> Number:
    try:
        return mp.re(function.number_of_part(part)(point))
    except (ZeroDivisionError, ValueError):
        return mp.inf


def refuse_far_poles(function: Function, low: float, high: float, deviation: float) -> None:
    """Look for poles outside [low, high], where a density is negligible and an integral infinite all the same.

    As far as some thousand deviations, or units, by enclosures of what may have poles. What more than some thousand
    cells do not answer, as thousands of narrow dips of a denominator, is left open.

    Raises:
        DivergenceError: there is one.

    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> from symntk.verify.oracle.general.functions import realized
    >>> refuse_far_poles(realized(general_form(1 / (x**2 + 1), x)), -40.0, 40.0, 1.0)
    >>> try:
    ...     refuse_far_poles(realized(general_form(1 / (x - 300), x)), -40.0, 40.0, 1.0)
    ... except DivergenceError as error:
    ...     print(error.wrong)
    infinite: a function grows like |x − 300.0|^(-1) at 300.0
    """
    middle = (low + high) / 2
    farthest = max(_FAR * deviation, _FAR, 10 * (high - low))
    steps = (high - low) / 2 * 1.25 ** np.arange(_STEPS)
    outer = steps[steps < farthest]
    for sense in (1.0, -1.0):
        cuts = np.unique(np.concatenate([middle + sense * outer, function.edges]))
        cuts = cuts[sense * (cuts - middle) >= (high - low) / 2]
        parts = function.part_at((cuts[1:] + cuts[:-1]) / 2)
        for part in np.unique(parts):
            if _may_have_poles(function.form.parts[int(part)]):
                rows = parts == part
                _refuse_poles(function, int(part), np.stack([cuts[:-1][rows], cuts[1:][rows]]))


def _refuse_poles(function: Function, part: int, ends: Array) -> None:
    for _ in range(_HALVINGS):
        half, centre = (ends[1] - ends[0]) / 2, (ends[1] + ends[0]) / 2
        bounds = function.log_bounds(part, centre, 1.01 * half, np.zeros(len(half), bool))
        with np.errstate(all="ignore"):
            size = np.log(np.abs(function.values(part, centre.astype(np.longdouble)))).astype(float)
        ends = ends[:, np.isinf(bounds) & (bounds > 0) & (size < _OVERFLOW)]  # not what overflows
        if not 0 < ends.shape[1] < _MOST_CELLS:
            return
        middle = (ends[0] + ends[1]) / 2
        ends = np.concatenate([np.stack([ends[0], middle]), np.stack([middle, ends[1]])], axis=1)
    last = -np.inf
    for low, high in ends[:, np.argsort(ends[0])].T:
        if low <= last:  # next to one that was looked at
            last = high
            continue
        last, width = high, 4 * (high - low)
        if not is_removable(function, part, low - width, high + width):
            place = located(function, part, low - width, high + width)
            with mp.workdps(2 * _DIGITS):
                for sense in (1, -1):
                    power_at(function, part, mp.re(number(place, 2 * _DIGITS)), sense, width)


def _may_have_poles(part: sp.Expr) -> bool:
    """Whether a formula divides by something that is not known to be positive."""
    if part.has(sp.tan):
        return True
    return any(
        power.exp.is_negative is not False and not power.base.is_positive and power.base.free_symbols
        for power in part.atoms(sp.Pow)
    )
