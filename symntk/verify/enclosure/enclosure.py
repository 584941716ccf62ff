"""A rigorous enclosure of E[f(u) g(v)]: an interval that is proven to contain it, by ball arithmetic.

    E[f(u) g(v)] = ∫ f(u) h(u) N(u; m1, a) du,    h(u) = E[g(v) | u],

on [L, H], cut at the kinks, by Arb's integrator with proven errors, plus the tail of `enclosure_tail`. h is an entire
function in closed form where g is Gaussian-elementary or a delta, and g itself at full correlation. Where neither f nor
g is Gaussian-elementary, the series of Hermite functions (Mehler) reduces two dimensions to one:

    E[f g] = Σ_k f_k g_k ρ^k,  f_k = E[f(m1 + √a z) h_k(z)],  |rest after K| ≤ |ρ|^K √(E f² − Σ f_k²) √(E g² − Σ g_k²),

which is short for small correlations; at others there is no enclosure, and the error says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, cmp_to_key
from typing import Any

from mpmath import mp

from symntk.language.forms.general_form import GeneralForm, parity
from symntk.language.forms.terms import NormalForm
from symntk.language.symbols import x
from symntk.verify.enclosure.balls import Ball, arb, integral, no_enclosure, precision, series
from symntk.verify.enclosure.sides import Monomial, Side, Spike, bump, bump_bound
from symntk.verify.enclosure.tail import BallLaw, Tail

Form = NormalForm | GeneralForm
_BITS = 3.3219280948873626
_ONE = Monomial(arb(1), 0, arb(0), arb(0))
_MOST_TERMS = 48
STEEPEST = 0.6
"""The largest |correlation| at which two functions outside the class are enclosed."""
_SERIES_DIGITS = 14


@dataclass(frozen=True)
class Enclosure:
    """[mid − rad, mid + rad], which contains the expectation, as exact binary numbers.

    Attributes:
        mid, rad: mpmath numbers.
        how: by which reduction to one dimension.
    """

    mid: Any
    rad: Any
    how: str

    @property
    def digits(self) -> float:
        """−log10 of the radius relative to the middle."""
        if self.rad == 0:
            return 1000.0
        return float(-mp.log10(self.rad / abs(self.mid))) if self.mid else 0.0

    def contains(self, value: Any, slack: Any = 0) -> bool:
        """Whether some number within `slack` of `value` lies in the enclosure."""
        with mp.workprec(4000):
            return bool(abs(mp.mpf(value) - self.mid) <= self.rad + slack)

    def __str__(self) -> str:
        return f"{mp.nstr(self.mid, max(3, min(60, int(self.digits) + 2)))} ± {mp.nstr(self.rad, 3)}"


def enclosure(f: Form, g: Form, law: Sequence[float], *, digits: float = 30) -> Enclosure:
    """An interval that contains E[f(u) g(v)].

    Args:
        f: function of u, as a normal form (best) or a general form, without parameters.
        g: the same for v.
        law: var_u, var_v, cov, mean_u, mean_v as floats, taken as exact; |cov| = √(var_u var_v) is full correlation.
        digits: the radius is 10^(−digits) of the value where that is possible; where both functions are outside the
            class it is 10^(−14) · √(E f² · E g²) at best.

    Raises:
        VerificationError: "no enclosure: …", with the reason; among them a law that is none.

    >>> import sympy as sp
    >>> from symntk.language.forms.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> step = normal_form(sp.Heaviside(x), x)
    >>> third = enclosure(step, step, (1.0, 1.0, 0.5, 0.0, 0.0), digits=20)
    >>> third.digits > 20 and third.contains(mp.fraction(1, 3))
    True
    """
    full = BallLaw.of(law).is_full
    if not (isinstance(f, NormalForm) or isinstance(g, NormalForm) or law[2] == 0 or full):
        digits = min(digits, _SERIES_DIGITS)
    working = digits + 4
    for _ in range(4):
        # sums of terms lose digits to the size of their parts, which the next round has more of
        with precision(int(_BITS * working) + 64):
            work = _Work(Side(f), Side(g), BallLaw.of(law), working)
            total = work.total()
            if not total.is_finite():
                raise no_enclosure("numbers that are too large or too small, or a determinant next to 0")
            found = Enclosure(_number(total.mid()), _number(total.rad()), work.how)
        if found.digits >= digits or work.is_series:
            break
        working += min(2 * digits, max(3.0, digits - found.digits + 3))
    return found


def _number(value: Ball) -> Any:
    """An exact ball as an mpmath number with the same bits."""
    mantissa, exponent = value.man_exp()
    with mp.workprec(max(64, int(mantissa).bit_length())):
        return mp.ldexp(mp.mpf(int(mantissa)), int(exponent))


class _Work:
    """One computation at one precision."""

    def __init__(self, f: Side, g: Side, law: BallLaw, digits: float) -> None:
        self.f, self.g, self.law, self.digits = f, g, law, digits
        self.how, self.is_series = "one integral", False

    def total(self) -> Ball:
        """The sum over regular parts and deltas."""
        total = self._regular(self.f, self.g, self.law)
        for spike in self.f.spikes:
            total = total + self._spike(spike, self.g, self.law)
        for spike in self.g.spikes:
            total = total + self._spike(spike, self.f, self.law.swapped())
        for first in self.f.spikes:
            for second in self.g.spikes:
                total = total + _two_spikes(first, second, self.law)
        return total

    def _regular(self, f: Side, g: Side, law: BallLaw) -> Ball:
        if not f.pieces or not g.pieces:
            return arb(0)
        if law.is_full:
            self.how = "one integral, v a function of u"
            return self._composed(f, g, law)
        if g.normal is None and f.normal is not None:
            f, g, law = g, f, law.swapped()
        if g.normal is not None:
            self.how = "one integral over a conditional expectation in closed form"
            held = g.conditional(law.left_over)
            return self._line(f, lambda u: held(law.mean(u)), g.majorant(arb(0))[0], law)
        if law.c == 0:
            self.how = "the product of two integrals"
            return self._mean(f, law) * self._mean(g, law.swapped())
        self.is_series = True
        return self._series(f, g, law)

    def _line(
        self, f: Side, held: Callable[[Ball], Ball], bound: Sequence[Monomial], law: BallLaw, factor: Any = None
    ) -> Ball:
        """∫ f(u) held(u) N(u) du, |held| ≤ E[bound(v) | u]; `factor` turns f's monomials into those of f·held."""
        own, least = f.majorant(_largest(f.breaks) + 1)
        tail = Tail([factor(m) for m in own] if factor else own, bound, law)
        low, high = tail.ends(self.digits, least)
        tolerance = _tolerance(self.digits, tail.size)
        total = arb(0)
        inside = [t for t in f.breaks if t > low and t < high]
        for left, right in zip([low, *inside], [*inside, high], strict=True):
            piece = f.pieces[_index((left + right) / 2, f.breaks)]
            total = total + integral(_integrand(piece, held, law), left, right, tolerance)
        return total + arb(0, tail.outside(low, high))

    def _mean(self, f: Side, law: BallLaw) -> Ball:
        """E[f(u)]."""
        return self._line(f, lambda u: u * 0 + 1, [_ONE], law)

    def _composed(self, f: Side, g: Side, law: BallLaw) -> Ball:
        """E[f(u) g(m2 + slope (u − m1))]."""
        images = [law.m1 + (t - law.m2) / law.slope for t in g.breaks]
        own, far = f.majorant(_largest(f.breaks) + 1)
        other, g_far = g.majorant(_largest(g.breaks) + 1)
        # beyond this both majorants hold
        ends = (law.m1 + (sense * g_far - law.m2) / law.slope for sense in (1, -1))
        least = _largest([far, *ends])
        tail = Tail(own, other, law)
        low, high = tail.ends(self.digits, least)
        tolerance, total = _tolerance(self.digits, tail.size), arb(0)
        inside, gaps = _merged([*f.breaks, *images], low, high)
        for left, right in zip([low, *inside], [*inside, high], strict=True):
            middle = (left + right) / 2
            first, second = f.pieces[_index(middle, f.breaks)], g.pieces[_index(law.mean(middle), g.breaks)]
            both = _integrand(first, lambda u: u * 0 + 1, law)

            def product(u: Ball, flag: bool, both: Any = both, second: Any = second) -> Ball:
                return both(u, flag) * second(law.mean(u), flag)

            total = total + integral(product, left, right, tolerance)
        for gap in gaps:
            # two kinks that may or may not be one: what lies between them
            largest = _most(f, gap) * _most(g, law.mean(gap)) * abs(law.density(gap))
            total = total + arb(0, (2 * gap.rad() * largest).upper())
        return total + arb(0, tail.outside(low, high))

    def _spike(self, spike: Spike, g: Side, law: BallLaw) -> Ball:
        """E[δ^(n)(u − t) g(v)] of g's regular part: (−1)^n ∂_t^n [N(t) h(t)]."""
        if not g.pieces:
            return arb(0)
        self.how = "a value" if g.normal is not None or law.is_full else "one integral over a normal density"
        if law.is_full:
            return _at_delta(spike, g, law)
        if g.normal is not None:
            held = g.conditional(law.left_over)
            return spike.weight * _derivative(spike, lambda u: law.density(u) * held(law.mean(u))).real
        turned = law.swapped()
        height = bump_bound(spike, turned.left_over)
        held = bump(spike, turned.left_over)
        bound = [Monomial(height, 0, arb(0), arb(0))]
        return self._line(g, lambda v: held(turned.mean(v)), bound, turned)

    def _series(self, f: Side, g: Side, law: BallLaw) -> Ball:
        rho = law.c / (law.a * law.b).sqrt()
        if not abs(rho) <= STEEPEST:
            wrong = "neither function is Gaussian-elementary, and the correlation is beyond"
            raise no_enclosure(f"{wrong} ±{STEEPEST}, where the series of one-dimensional integrals is long")
        first, second = _Coefficients(self, f, law), _Coefficients(self, g, law.swapped())
        if f.form == g.form and law.a == law.b and law.m1 == law.m2:
            second = first
        goal = arb(10) ** (-_SERIES_DIGITS) * (first.square * second.square).sqrt().upper()
        total, power, rest = arb(0), arb(1), arb(0)
        for k in range(_MOST_TERMS):
            total = total + first[k] * second[k] * power
            power = power * rho
            rest = (abs(power) * first.left(k) * second.left(k)).upper()
            if rest <= goal:
                break
        self.how = f"{k + 1} terms of a Hermite series, one integral each, and its Parseval rest"
        return total + arb(0, rest)


class _Coefficients:
    """f_k = E[f(m1 + √a z) h_k(z)], h_k = He_k/√k!, and what is left of E f²."""

    def __init__(self, work: _Work, f: Side, law: BallLaw) -> None:
        self.work, self.f, self.law = work, f, law
        self._found: list[Ball] = []

    @cached_property
    def square(self) -> Ball:
        """E f(u)²."""
        law = BallLaw(self.law.a, self.law.a, self.law.a, self.law.m1, self.law.m1, arb(0))
        return self.work._composed(self.f, self.f, law)

    @cached_property
    def _parity(self) -> int:
        return parity(self.f.form, x) if isinstance(self.f.form, GeneralForm) else 0

    def left(self, k: int) -> Ball:
        """√(E f² − Σ_{i ≤ k} f_i²), from above."""
        rest = self.square - sum((c * c for c in self._found[: k + 1]), start=arb(0))
        return rest.upper().max(arb(0)).sqrt().upper()

    def __getitem__(self, k: int) -> Ball:
        while len(self._found) <= k:
            self._found.append(self._coefficient(len(self._found)))
        return self._found[k]

    def _coefficient(self, k: int) -> Ball:
        a, m1 = self.law.a, self.law.m1
        if m1 == 0 and self._parity * (-1) ** k == -1:
            return arb(0)
        scale = 1 / a.sqrt()
        fronts = [(1 / arb(j + 1).sqrt(), (arb(j) / (j + 1)).sqrt()) for j in range(k)]

        def hermite(u: Ball) -> Ball:
            z = (u - m1) * scale
            before, now = z * 0, z * 0 + 1
            for front, back in fronts:
                before, now = now, z * now * front - before * back
            return now

        # |h_k(z)| ≤ 1.0866 e^{z²/4} (Cramér), z = (u − m1)/√a
        size = arb("1.0866") * (m1 * m1 / (4 * a)).exp()

        def lifted(m: Monomial) -> Monomial:
            return Monomial(m.size * size, m.power, m.quadratic + 1 / (4 * a), m.linear - m1 / (2 * a))

        return self.work._line(self.f, hermite, [_ONE], self.law, lifted if k else None)


def _integrand(piece: Any, held: Callable[[Ball], Ball], law: BallLaw) -> Any:
    return lambda u, flag: piece(u, flag) * held(u) * law.density(u)


def _tolerance(digits: float, size: Ball) -> Ball:
    return arb(2) ** -int(_BITS * digits) * size


def _largest(values: Sequence[Ball]) -> Ball:
    """The largest magnitude, rounded up."""
    most = arb(0)
    for value in values:
        most = most.max(abs(value).upper())
    return most


def _index(point: Ball, breaks: Sequence[Ball]) -> int:
    """In which piece a point between two kinks lies."""
    if any(point.overlaps(t) for t in breaks):
        raise no_enclosure("two kinks are too close to each other for this precision")
    return sum(bool(point > t) for t in breaks)


def _merged(places: Sequence[Ball], low: Ball, high: Ball) -> tuple[list[Ball], list[Ball]]:
    """Kinks in order; overlapping balls as their union, those not known to be equal also as gaps."""
    ordered = sorted((t for t in places if t > low and t < high), key=cmp_to_key(_compared))
    found: list[Ball] = []
    gaps: dict[int, Ball] = {}
    for t in ordered:
        if found and found[-1].overlaps(t):
            exact = t.is_exact() and found[-1].is_exact()
            found[-1] = found[-1].union(t)
            if not exact:
                gaps[len(found) - 1] = found[-1]
        else:
            found.append(t)
    return found, list(gaps.values())


def _compared(first: Ball, second: Ball) -> int:
    """The order of two midpoints, to all their bits: kinks may differ by less than floats tell apart."""
    left, right = first.mid(), second.mid()
    return int(left > right) - int(left < right)


def _most(f: Side, place: Ball) -> Ball:
    """The largest |value| next to a place, over the pieces that may hold there."""
    first = sum(bool(place > t) for t in f.breaks)
    last = sum(not bool(place < t) for t in f.breaks)
    return _largest([abs(f.pieces[i](series(place, 1)[0], False)) for i in range(first, last + 1)])


def _at_delta(spike: Spike, g: Side, law: BallLaw) -> Ball:
    """E[δ(u − t) g(v)] where v is a function of u; next to a kink a ball that holds both sides."""
    if spike.order:
        raise no_enclosure("a derivative of a delta at full correlation")
    place = law.mean(spike.place)
    first, last = (sum(test(place, t) for t in g.breaks) for test in (_is_above, _may_be_above))
    sides = [g.pieces[i](series(place, 1)[0], False).real for i in range(first, last + 1)]
    held = sides[0]
    if last == first + 1 and place.is_exact() and g.breaks[first].is_exact():
        held = (sides[0] + sides[1]) / 2  # exactly at the kink the value is the mean of both sides
    else:
        for side in sides[1:]:
            held = held.union(side)
    return spike.weight * law.density(spike.place) * held


def _is_above(point: Ball, t: Ball) -> bool:
    return bool(point > t)


def _may_be_above(point: Ball, t: Ball) -> bool:
    return not bool(point < t)


def _two_spikes(first: Spike, second: Spike, law: BallLaw) -> Ball:
    """E[δ^(n)(u − s) δ^(m)(v − t)]."""
    if law.is_full:
        distance = second.place - law.mean(first.place)
        if distance > 0 or distance < 0:
            return arb(0)
        raise no_enclosure("two deltas meet at full correlation")
    held = bump(second, law.left_over)
    return first.weight * _derivative(first, lambda u: law.density(u) * held(law.mean(u))).real


def _derivative(spike: Spike, function: Callable[[Ball], Ball]) -> Ball:
    """(−1)^n d^n/dt^n of an entire function at the delta's place, by power series."""
    n = spike.order
    return function(series(spike.place, n + 1))[n] * ((-1) ** n * arb(n).fac())
