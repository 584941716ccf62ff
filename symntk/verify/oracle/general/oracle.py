"""An independent oracle for E[f(u) g(v)] of any functions of the language, at any precision.

    E[f g] = ∫ f(m1 + √a·z) h(z) φ(z) dz,   h(z) = E[g(v) | u]

The integral is that of `general_integral`. Deltas of order 0 are evaluated. A value that is small beside √(E f² E g²)
is computed again, to more digits. `fast_reference` is the same expectation in float64.
"""

from __future__ import annotations

import math
from typing import Any

import sympy as sp
from mpmath.libmp import to_rational

from symntk.errors import DomainError, VerificationError
from symntk.language.forms.general_form import GeneralForm, parity
from symntk.language.symbols import x as variable
from symntk.verify.oracle.general.fast import NOTHING, fast_scale, float_reference, is_rougher, regular
from symntk.verify.oracle.general.functions import meets, realized, two_deltas
from symntk.verify.oracle.general.integral import Integral
from symntk.verify.oracle.general.layout import panels
from symntk.verify.oracle.general.search import BelowFloatsError
from symntk.verify.oracle.law import ASKED, Law, read_law
from symntk.verify.oracle.numbers import Number, mp

__all__ = ["CancelledError", "fast_reference", "general_oracle", "general_scale", "oracle_to_scale"]

_EPS = 2.0**-52
_FEW = 17
_MILD = 0.05  # 1 − ρ²
_GUARD = 2  # digits by which a value may be below √(E f² E g²) at no cost
_NOTHING_LEFT = 40  # digits that may cancel beyond those asked for
_CANCELS = "fewer digits, another law, or E(...), whose bound is relative to √(E f² E g²)"
_NESTED_MOST, _NESTED_BESIDE = 25, 80  # the same in a double integral, and by how many it may be below the scale


def general_oracle(
    f: GeneralForm,
    g: GeneralForm,
    var_u: Any,
    var_v: Any,
    cov: Any,
    mean_u: Any = 0,
    mean_v: Any = 0,
    *,
    dps: int = 15,
) -> Number:
    """E[f(u) g(v)] by quadrature, as an mpmath number.

    Args:
        f: function of u, without parameters; deltas of order 0 are allowed, in both functions.
        g: the same for v.
        var_u: variance of u; this and the next four are scalars (int, float, str, mpmath or SymPy), taken as exact.
        var_v: variance of v.
        cov: covariance of u and v.
        mean_u: mean of u.
        mean_v: mean of v.
        dps: digits, of the value, however small it is beside √(E f² E g²). One dimension (full correlation, a delta,
            a Gaussian-elementary side) takes up to 50, two dimensions some 25.

    Raises:
        DomainError: no covariance, a parameter without a value, or a derivative of a delta.
        DivergenceError: the expectation is infinite, or E f² or E g² is.
        CancelledError: there are fewer digits, since others cancel; it says how many.
        VerificationError: the quadrature did not converge.

    >>> import sympy as sp
    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> step = general_form(sp.Heaviside(x), x)
    >>> print(mp.nstr(general_oracle(step, step, 1, 1, "1/2", dps=25), 24))
    0.333333333333333333333333
    """
    law = read_law(var_u, var_v, cov, mean_u, mean_v, dps)
    digits = dps
    lost: float
    while True:
        with mp.workdps(digits + 10):
            parts = [
                _smooth(f, g, law, digits),
                _delta_part(f, g, law, digits),
                _delta_part(g, f, law.swapped(), digits),
                two_deltas(f, g, law),
            ]
            total, size = mp.fsum(parts), max(map(abs, parts))
            lost = math.ceil(mp.log10(size / abs(total))) if total else (math.inf if size else 0)
        if lost <= digits - dps + 1:
            break
        if digits > dps + _NOTHING_LEFT:
            raise CancelledError(total, size * mp.mpf(10) ** -digits, "deltas and the rest cancel", _CANCELS)
        digits = dps + int(min(lost, _NOTHING_LEFT + 1))
    with mp.workdps(dps):
        return +total


def oracle_to_scale(f: GeneralForm, g: GeneralForm, law: tuple[Any, Any, Any, Any, Any], dps: int) -> Number:
    """As `general_oracle`; where digits cancel, the value with an error below 10^(−dps) · √(E f² E g²).

    >>> import sympy as sp
    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> bell, one = general_form(sp.exp(-(x**2)) * (3 * x**2 - 1), x), general_form(sp.S.One, x)
    >>> abs(oracle_to_scale(bell, one, (1, 1, 0, 0, 0), 15)) < 1e-15
    True
    """
    try:
        return general_oracle(f, g, *law, dps=dps)
    except CancelledError as error:
        return error.value


def fast_reference(
    f: GeneralForm,
    g: GeneralForm,
    var_u: Any,
    var_v: Any,
    cov: Any,
    mean_u: Any = 0,
    mean_v: Any = 0,
    *,
    accuracy: float = 1e-12,
) -> tuple[float, float]:
    """E[f(u) g(v)] and an estimate of its error, as floats: in float64 where that is enough, else by `general_oracle`.

    Args:
        f: function of u, as for `general_oracle`.
        g: the same for v.
        var_u: variance of u; this and the next four are scalars, taken as exact.
        var_v: variance of v.
        cov: covariance of u and v.
        mean_u: mean of u.
        mean_v: mean of v.
        accuracy: the largest estimated error, relative to √(E f² E g²), that is no failure.

    Raises:
        DomainError, DivergenceError, VerificationError: as `general_oracle`.

    >>> import sympy as sp
    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> power = general_form(sp.Abs(x - 1) ** sp.Rational(-3, 10), x)
    >>> value, error = fast_reference(power, general_form(sp.S(1), x), 1, 1, 0)
    >>> abs(value - 1.132891861200933) < 1e-15 and error < 1e-15
    True
    """
    law = var_u, var_v, cov, mean_u, mean_v
    try:
        return float_reference(f, g, *law, accuracy=accuracy)
    except BelowFloatsError as error:
        if error.log_square > NOTHING or f.deltas or g.deltas:
            raise
        return 0.0, 0.0
    except VerificationError:
        if not any(_rough(form, law) for form, law in ((f, (var_u, mean_u)), (g, (var_v, mean_v)))):
            raise
    value = float(general_oracle(f, g, *law, dps=_FEW))
    return value, 10.0**-_FEW * general_scale(f, g, law) + _EPS * abs(value)


def _rough(form: GeneralForm, law: tuple[Any, Any]) -> bool:
    """Whether there are places that floats do not come close to."""
    variance, mean = (float(mp.mpmathify(value)) for value in law)
    return form.has_regular_part and variance > 0 and bool(panels(regular(form), mean, math.sqrt(variance)).rough)


def general_scale(f: GeneralForm, g: GeneralForm, law: tuple[Any, Any, Any, Any, Any]) -> float:
    """√(E f² · E g²) to ten digits, for law = (var_u, var_v, cov, mean_u, mean_v).

    A delta counts as its weight times the peak of the density, since its square has no expectation.

    >>> import sympy as sp
    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> round(general_scale(general_form(x, x), general_form(sp.S(2), x), (9, 1, 0, 0, 0)), 10)
    6.0
    """
    return fast_scale(f, g, read_law(*law, 30))


def _smooth(f: GeneralForm, g: GeneralForm, law: Law, dps: int) -> Number:
    """E[f g] without the deltas."""
    if not f.has_regular_part or not g.has_regular_part:
        return mp.mpf(0)
    if law.a == 0 or (law.b != 0 and law.determinant != 0 and _better_inside(f, g, law)):
        f, g, law = g, f, law.swapped()
    if law.a == 0:
        return realized(f).number(law.m1) * realized(g).number(law.m2)
    one = GeneralForm((), (f.parts[0] ** 0,))
    if law.b == 0:
        return realized(g).number(law.m2) * _relative(f, one, _independent(law), dps)
    if law.c == 0 and f != one and g != one:
        first = _relative(f, one, _independent(law), dps)
        return first * _relative(g, one, _independent(law.swapped()), dps) if first else first
    return _relative(f, g, law, dps)


class CancelledError(VerificationError):
    """Too few digits are left of a value: it is `value`, with an error of up to `error`."""

    def __init__(self, value: Number, error: Number, why: str, advice: str) -> None:
        self.value, self.error = value, error
        held = max(0, math.floor(mp.log10(abs(value) / error))) if value else 0
        text = f"0 up to {mp.nstr(error, 2)}" if not held else f"{mp.nstr(value, held)} ± {mp.nstr(error, 2)}"
        super().__init__(ASKED, f"{held or 'no'} digits are known: it is {text}, and {why}", advice)


def _relative(f: GeneralForm, g: GeneralForm, law: Law, dps: int) -> Number:
    """E[f g] to dps digits of itself: what is small beside √(E f² E g²) is computed again, to that many digits more.

    Where nothing cancels, and the value is small since f and E[g|u] are large at different places, this ends with a
    value; where all digits cancel, time and again, with an error.
    """
    beside, cancelled, before = _GUARD, 0, None
    while True:
        try:
            one = Integral(f, g, law, dps, beside, cancelled)  # refuses what does not exist
            if before is None and _odd_together(f, g, law):
                return mp.zero
            value, size = one.value()
        except VerificationError as refusal:
            if before is None:
                raise
            raise CancelledError(*before, f"more are not to be had: {refusal.wrong}", _CANCELS) from refusal
        scale = mp.mpf(one.outer.scale)
        if scale == 0 or size == 0:  # E[g(v)|u] is 0 wherever f is not
            return value
        error = scale * mp.mpf(10) ** (-dps - beside)
        if abs(value) >= scale * mp.mpf(10) ** -beside:
            return value
        before = value, error
        if size > error * mp.mpf(10) ** (dps + _NOTHING_LEFT) and abs(value) <= 10 * error:
            raise CancelledError(*before, f"E|f(u) E[g(v)|u]| is {mp.nstr(size, 2)}: all digits cancel", _CANCELS)
        beside, cancelled = _next(value, size, scale, error, dps, beside)
        if one.is_nested and (cancelled > _NESTED_MOST or beside > _NESTED_BESIDE):
            raise CancelledError(*before, "a double integral to more would take minutes", _CANCELS)


def _next(value: Number, size: Number, scale: Number, error: Number, dps: int, beside: int) -> tuple[int, int]:
    """By how many digits the value is smaller than the scale, and than the integral of the absolute value.

    As was seen; what could not be seen is guessed.
    """
    if abs(value) > 10 * error:
        found = [max(0, math.ceil(mp.log10(most / abs(value))) + 1) for most in (scale, size)]
        return found[0], found[1]
    if size > 10 * error:  # all digits cancel so far
        small = math.ceil(mp.log10(scale / size))
        further = max(min(beside + max(dps, 15), small + _NOTHING_LEFT + 1), beside + 1)
        return further, further - small
    return beside + max(dps, 30), 0


def _odd_together(f: GeneralForm, g: GeneralForm, law: Law) -> bool:
    """Whether f(u) g(v) changes its sign when u and v are mirrored at their means, which leaves the law as it is."""
    senses = (parity(_shifted(form, mean), variable) for form, mean in ((f, law.m1), (g, law.m2)))
    return math.prod(senses) == -1


def _shifted(form: GeneralForm, mean: Number) -> GeneralForm:
    """The regular part as a function of the distance from the mean."""
    if mean == 0:
        return regular(form)
    exact = sp.Rational(*map(int, to_rational(mean._mpf_)))  # integers of gmpy2, where mpmath has it
    breaks = tuple(place - exact for place in form.breaks)
    return GeneralForm(breaks, tuple(part.xreplace({variable: variable + exact}) for part in form.parts))


def _independent(law: Law) -> Law:
    """The law of u next to a variable of variance 1 that is not asked for."""
    return Law(law.a, mp.mpf(1), mp.mpf(0), law.m1, mp.mpf(0), law.a)


def _better_inside(f: GeneralForm, g: GeneralForm, law: Law) -> bool:
    """Whether f should be the inner function: it has a closed conditional expectation, or more cells.

    What is inside is summed up once, what is outside asks for an inner sum at every node; near full correlation both
    have to be followed, and kinks are better outside.
    """
    closed = realized(f).normal is not None, realized(g).normal is not None
    if closed[0] != closed[1]:
        return closed[0]
    if law.determinant < _MILD * law.a * law.b:
        return is_rougher(g, f)
    cells = [
        len(panels(regular(form), float(mean), float(mp.sqrt(variance))).parts)
        for form, mean, variance in ((f, law.m1, law.a), (g, law.m2, law.b))
    ]
    return cells[0] > cells[1]


def _delta_part(f: GeneralForm, g: GeneralForm, law: Law, dps: int) -> Number:
    """E[f g] of f's deltas and g without its deltas."""
    if not f.deltas or not g.has_regular_part:
        return mp.mpf(0)
    if law.a == 0:
        raise DomainError(ASKED, "a delta of a variable whose variance is 0", "a positive variance")
    total, function = mp.mpf(0), realized(g)
    for weight, place in realized(f).deltas(mp.dps):
        mu = law.m2 + law.slope * (place - law.m1)
        if law.determinant == 0:
            tolerance = next((abs(mu - t) for t in function.breaks(mp.dps) if meets(mu - t, law, t)), mp.mpf(0))
            held = function.number(mu, tolerance)
        else:
            held = _relative(g, GeneralForm((), (g.parts[0] ** 0,)), _given(law, mu), dps)
        total += weight * mp.exp(law.log_density(place)) * held
    return total


def _given(law: Law, mu: Number) -> Law:
    """The law of v given u, next to a variable that is not asked for."""
    variance = law.remainder
    return Law(variance, mp.mpf(1), mp.mpf(0), mu, mp.mpf(0), variance)
