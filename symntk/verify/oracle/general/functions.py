"""A general form in numbers: arrays in double or extended precision, mpmath numbers, and where it may be sharp.

Comes in: a `GeneralForm` without parameters. Goes out: callables for each smooth part, breaks and deltas, and the
marks around which a quadrature has to look closely. Written for the oracle alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symntk.errors import DivergenceError, DomainError, NotGaussianElementaryError, SymntkError, VerificationError
from symntk.language.balls.ball import Enclosure
from symntk.language.balls.enclosure import enclosure
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.normal_form import normal_form
from symntk.language.forms.terms import Delta, NormalForm
from symntk.language.special import normal_cdf
from symntk.language.special.table import functions_of_arrays, numbers
from symntk.language.symbols import x as variable
from symntk.verify.oracle.law import ASKED, Law
from symntk.verify.oracle.numbers import Number, mp, number

__all__ = ["Function"]

Array = npt.NDArray[Any]
_MANY = 65
_WIDE_BITS = 96
_LARGEST = float(np.finfo(float).max)
_FEW_PAIRS = 64
_HIGHEST = 8  # the degree up to which polynomials are factored


class Function:
    """The numbers of one general form.

    >>> from symntk.language.forms.general_form import general_form
    >>> relu = Function(general_form(sp.Max(0, variable), variable))
    >>> relu.values(1, np.array([2.0])), relu.number(mp.mpf(-3))
    (array([2.]), mpf('0.0'))
    """

    def __init__(self, form: GeneralForm) -> None:
        free = {s for part in form.parts for s in part.free_symbols} | set(form.parameters)
        if free - {variable}:
            names = ", ".join(sorted(s.name for s in free - {variable}))
            raise DomainError(ASKED, f"{names} has no value", "a form with numbers for its parameters")
        if any(delta.order for _, delta in form.deltas):
            raise DomainError(ASKED, "the derivative of a delta", "a form whose deltas have order 0")
        self.form = form
        self._arrays = [_array_function(part) for part in form.parts]
        self._numbers = [
            _with_limits(sp.lambdify(variable, part, modules=[numbers(), "mpmath"])) for part in form.parts
        ]
        self._breaks: dict[int, list[Number]] = {}
        self._enclosures: dict[int, Enclosure] = {}
        self._wide: dict[int, Callable[[Array, Array], list[float]] | None] = {}
        self.edges = np.array([float(point) for point in self.breaks(30)])
        self.marks = np.unique(np.concatenate([self.edges, *(_special_points(part) for part in form.parts)]))

    def breaks(self, digits: int) -> list[Number]:
        """The breakpoints as mpmath numbers."""
        if digits not in self._breaks:
            self._breaks[digits] = [mp.re(number(point, digits)) for point in self.form.breaks]
        return self._breaks[digits]

    def deltas(self, digits: int) -> list[tuple[Number, Number]]:
        """Weights and places of the deltas as mpmath numbers."""
        return [(mp.re(number(w, digits)), mp.re(number(d.threshold, digits))) for w, d in self.form.deltas]

    def log_bounds(self, part: int, centre: Array, radius: Array, closely: Array) -> Array:
        """The log of what bounds the modulus of one part on complex discs, which are around real points.

        inf where nothing is known: not analytic, beyond floats. Where it is asked for `closely`, and python-flint is
        installed, what float64 does not answer is tried with its exponents, which have no bounds.
        """
        if part not in self._enclosures:
            self._enclosures[part] = enclosure(_squared(self.form.parts[part]), variable)
        ball = self._enclosures[part](centre.astype(complex), radius)
        with np.errstate(all="ignore"):
            found: Array = np.log(np.where(np.isfinite(ball.radius), np.abs(ball.centre) + ball.radius, np.inf))
        open_ones = np.flatnonzero(np.isinf(found) & (found > 0) & closely)
        if len(open_ones):
            if part not in self._wide:
                self._wide[part] = wide_bounds(self.form.parts[part])
            if (held := self._wide[part]) is not None:  # with exponents of any size
                found[open_ones] = held(centre[open_ones], radius[open_ones])
        return found

    def part_at(self, points: Array) -> Array:
        """Which part holds at each point."""
        return np.searchsorted(self.edges, points.astype(float))

    def values(self, part: int, points: Array) -> Array:
        """The values of one part at points of its stretch, in the precision of the points."""
        with np.errstate(all="ignore"):
            found = self._arrays[part](points)
        out = np.empty(points.shape, points.dtype)
        out[...] = found
        for index in np.argwhere(~np.isfinite(out)):  # ∞/∞ of a formula that overflows
            with mp.workdps(30):
                value = mp.re(self._numbers[part](mp.mpf(np.format_float_scientific(points[tuple(index)]))))
                text = mp.nstr(value, 25) if abs(value) < _LARGEST else "inf"
                out[tuple(index)] = np.longdouble(text).astype(points.dtype)
        return out

    def piecewise(self, points: Array) -> Array:
        """The values at any points; at a break, that of the part on the left."""
        out, parts = np.empty_like(points), self.part_at(points)
        for part in np.unique(parts):
            out[parts == part] = self.values(int(part), points[parts == part])
        return out

    def number_of_part(self, part: int) -> Callable[[Number], Number]:
        """One part as a function of mpmath numbers."""
        return self._numbers[part]

    def number(self, point: Number, tolerance: Number = 0) -> Number:
        """The value at an mpmath number; within `tolerance` of a break the mean of both sides."""
        breaks = self.breaks(mp.dps)
        parts = {sum(point - t > sense * tolerance for t in breaks) for sense in (1, -1)}
        parts |= {sum(point >= t for t in breaks), sum(point > t for t in breaks)}
        ends = {min(parts), max(parts)}
        return mp.fsum(mp.mpf(self._numbers[part](point)) for part in ends) / len(ends)

    @cached_property
    def regular(self) -> GeneralForm:
        """The form without its deltas."""
        return GeneralForm(self.form.breaks, self.form.parts)

    @cached_property
    def normal(self) -> NormalForm | None:
        """The normal form of the regular part, None where it is not Gaussian-elementary."""
        if len(self.form.parts) > _MANY:  # or not the whole function
            return None
        try:
            found = normal_form(self.form.regular(variable), variable)
        except (NotGaussianElementaryError, SymntkError):
            return None
        # exp(αx²) between two thresholds is a difference of terms that have no means
        alone = any(isinstance(t.window, Delta) or t.quadratic.is_positive for t in found.terms)
        return None if alone else found


def _with_limits(function: Callable[[Number], Number]) -> Callable[[Number], Number]:
    """The function with its limit where the formula is 0/0, as sin(x)/x at 0."""

    def defined(point: Number) -> Number:
        try:
            return function(point)
        except ZeroDivisionError:
            step = mp.mpf(10) ** (-mp.dps // 2)  # its square is below the precision, and half the digits may cancel
            with mp.workdps(2 * mp.dps):
                return (function(point + step) + function(point - step)) / 2

    return defined


def _squared(part: sp.Expr) -> sp.Expr:
    """The part with its polynomials written such that a ball's radius counts as rarely as it can: by factors, (x − t)².

    >>> print(_squared(1 / (variable**2 - 2 * variable + 1)), _squared(variable**2 + variable + 1))
    (x - 1)**(-2) (x + 1/2)**2 + 3/4
    """

    def written(inside: sp.Expr) -> sp.Expr:
        poly = inside.as_poly(variable)
        if poly is None or poly.degree() < 2 or poly.degree() > _HIGHEST or poly.gens != (variable,):
            return inside
        if not all(c.is_Rational for c in poly.all_coeffs()):
            return inside
        constant, factors = poly.factor_list()
        return sp.Mul(constant, *(_completed(factor.as_expr(), factor) ** power for factor, power in factors))

    return part.replace(lambda e: e.is_Add and e.has(variable), written)


def _completed(inside: sp.Expr, poly: sp.Poly) -> sp.Expr:
    if poly.degree() != 2:
        return inside
    a, b, c = poly.all_coeffs()
    return sp.Add(a * (variable + b / (2 * a)) ** 2, c - b * b / (4 * a))


def wide_bounds(part: sp.Expr) -> Callable[[Array, Array], list[float]] | None:
    """Centres, radii ↦ logs of bounds of |part| on the discs; None without python-flint, or a rule for a function.

    >>> held = wide_bounds(sp.exp(variable**2) * sp.erfc(variable))
    >>> held is None or -5 < held(np.array([40.0]), np.array([0.01]))[0] < 0
    True
    """
    if find_spec("flint") is None:
        return None
    from symntk.verify.enclosure.balls import arb, compiled, disc_bound, precision

    try:
        with precision(_WIDE_BITS):
            function = compiled(part)
    except VerificationError:
        return None

    def bounds(centres: Array, radii: Array) -> list[float]:
        with precision(_WIDE_BITS):
            discs = zip(centres.tolist(), radii.tolist(), strict=True)
            return [disc_bound(function, arb(float(centre)), arb(float(radius))) for centre, radius in discs]

    return bounds


@lru_cache(maxsize=512)
def realized(form: GeneralForm) -> Function:
    """The numbers of a form, made once."""
    return Function(form)


def _array_function(part: sp.Expr) -> Callable[[Any], Any]:
    stable = part.replace(lambda e: e.is_Add and len(e.args) == 2 and e.has(sp.erf), _complemented)
    return sp.lambdify(variable, stable, modules=[functions_of_arrays(extended=True), "numpy"])  # type: ignore[no-any-return]


def _complemented(total: sp.Expr) -> sp.Expr:
    """The sum k ± k·erf(w) as 2k·Φ(±√2 w), which keeps its digits where it is small.

    >>> print(_complemented(1 + sp.erf(variable)))
    2*normal_cdf(sqrt(2)*x)
    """
    for constant, other in (total.args, total.args[::-1]):
        factor, rest = other.as_coeff_Mul()
        if isinstance(rest, sp.erf) and constant.is_number and abs(constant) == abs(factor):
            return 2 * constant * normal_cdf(sp.sqrt(2) * (rest.args[0] if constant == factor else -rest.args[0]))
    return total


def _special_points(part: sp.Expr) -> list[float]:
    """Where a polynomial inside the formula, or its derivative, vanishes: real parts of all such roots.

    These are the centres of steps and bells, and the places next to which a root or a pole lies in the plane.
    """
    found = {0.0}
    for inside in sp.preorder_traversal(part):
        poly = inside.as_poly(variable) if inside.has(variable) and inside.is_Add else None
        if poly is None or not poly.gens == (variable,) or not all(c.is_number for c in poly.all_coeffs()):
            continue
        for one in (poly, poly.diff(variable)):
            if one.degree() >= 1:
                roots = np.roots([float(c) for c in one.all_coeffs()])
                found |= {float(root.real) for root in roots if abs(root) < 1e6}
    return sorted(found)


def two_deltas(f: GeneralForm, g: GeneralForm, law: Law) -> Number:
    """E[f g] of the deltas in both: the bivariate density; at full correlation 0, or infinite where two meet."""
    total = mp.mpf(0)
    if not f.deltas or not g.deltas:
        return total
    if law.a == 0 or law.b == 0:
        raise DomainError(ASKED, "a delta of a variable whose variance is 0", "a positive variance")
    variance, digits = law.remainder, mp.dps + 10
    first, second = realized(f).deltas(digits), realized(g).deltas(digits)
    for i, j in _pairs_that_count(first, second, law):
        (weight, s), (factor, t) = first[i], second[j]
        distance = t - law.m2 - law.slope * (s - law.m1)
        if variance == 0:
            if meets(distance, law, t):
                text = f"diverges: a delta at u = {mp.nstr(s, 8)} meets a delta at v = {mp.nstr(t, 8)}"
                raise DivergenceError(ASKED, text + " at full correlation", "|cov| < √(var_u var_v)")
            continue
        exponent = law.log_density(s) - distance**2 / (2 * variance) - mp.log(2 * mp.pi * variance) / 2
        total += weight * factor * mp.exp(exponent)
    return total


def _pairs_that_count(
    first: list[tuple[Number, Number]], second: list[tuple[Number, Number]], law: Law
) -> list[tuple[int, int]]:
    """The pairs of deltas that may be one place at full correlation, or are not negligible beside the largest."""
    if len(first) * len(second) <= _FEW_PAIRS:
        return [(i, j) for i in range(len(first)) for j in range(len(second))]
    s, t = (np.array([float(place) for _, place in deltas]) for deltas in (first, second))
    weights = [np.log(np.array([max(abs(float(w)), 1e-300) for w, _ in deltas])) for deltas in (first, second)]
    slope, m1, m2 = float(law.slope), float(law.m1), float(law.m2)
    distance = t - m2 - slope * (s[:, None] - m1)
    variance = float(law.remainder)
    if variance == 0:
        close = np.abs(distance) <= 1e-9 * (np.abs(t) + abs(m2) + np.abs(slope * (s[:, None] - m1)) + 1e-300)
        return [(int(i), int(j)) for i, j in np.argwhere(close)]
    z = (s[:, None] - m1) ** 2 / float(law.a)
    size = weights[0][:, None] + weights[1] - (z + distance**2 / variance) / 2
    enough = np.max(size) - (mp.dps + 10) * math.log(10) - math.log(len(first) * len(second))
    return [(int(i), int(j)) for i, j in np.argwhere(size * (1 - np.sign(size) * 1e-9) >= enough)]


def meets(distance: Number, law: Law, place: Number) -> bool:
    """Whether a distance in v is rounding of the numbers that were given."""
    return bool(abs(distance) <= mp.mpf(2) ** -48 * (abs(place) + abs(law.m2) + mp.sqrt(law.b)))


def as_extended(points: Array) -> Array:
    """The points in extended precision, where the platform has it."""
    return points.astype(np.longdouble)
