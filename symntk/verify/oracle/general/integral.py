"""The outer integral of the oracle at one precision: panels, working digits, the inner function.

    E[f g] = ∫ f(m1 + √a·z) h(z) φ(z) dz,   h(z) = E[g(v) | u]

The outer integral is adaptive (see `panels`). The inner one is, in this order: a value of g at full correlation; the
closed conditional expectation of a Gaussian-elementary g; a fast Gauss transform (see `general_inner`). The panels to
begin with are those of `general_fast`, which found them from the functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from symntk.errors import DivergenceError, VerificationError
from symntk.language.forms.general_form import GeneralForm
from symntk.verify.oracle.elementary.conditional import given_u
from symntk.verify.oracle.elementary.numeric import numeric
from symntk.verify.oracle.general.fast import Inner, Outer
from symntk.verify.oracle.general.functions import realized
from symntk.verify.oracle.general.inner import Transform, halved
from symntk.verify.oracle.general.layout import Panels
from symntk.verify.oracle.general.pieces import Scalar, Stretch, exactly, graded, pieces, powers_at, stretches
from symntk.verify.oracle.law import ASKED, Law
from symntk.verify.oracle.numbers import Number, mp
from symntk.verify.oracle.panels import Rule, gauss_legendre, integrate

_LOST_MOST = 13.0  # digits: a larger loss than this cannot be measured in extended precision
_EPS = 2.0**-52
_CHECKED, _MOST_HALVINGS = 10, 4
_SAME = 1e-12
_LEAST = -0.99  # power


class Integral:
    """The outer integral and what it needs, at one precision: dps digits of what is `beside` digits below the scale.

    Args:
        f: function of u, without deltas.
        g: the same for v.
        law: of both; var_u and var_v are positive.
        dps: digits of the value.
        beside: by how many digits the value is smaller than √(E f² E g²), so that its digits are known.
        cancelled: by how many it is smaller than E|f(u) E[g(v)|u]|.

    Raises:
        DivergenceError: f(u) g(v) has no integral.
        VerificationError: what the search for panels cannot resolve.

    >>> import sympy as sp
    >>> from symntk.language.forms.general_form import general_form
    >>> from symntk.language.symbols import x
    >>> law = Law(mp.mpf(1), mp.mpf(1), mp.mpf(0), mp.mpf(0), mp.mpf(0), mp.mpf(1))
    >>> one = Integral(general_form(sp.cos(x), x), general_form(sp.S.One, x), law, 15, 2, 0)
    >>> abs(one.value()[0] - mp.exp(-0.5)) < 1e-15
    True
    """

    def __init__(self, f: GeneralForm, g: GeneralForm, law: Law, dps: int, beside: int, cancelled: int) -> None:
        self.f, self.g, self.law = realized(f), realized(g), law
        self.few, self.dps = dps + cancelled, dps + beside
        self.is_nested = self.g.normal is None and law.determinant != 0
        nats = 2 * (self.dps + 3) * math.log(10)
        self.inner = Inner(g, law, nats)
        self.outer = Outer(f, self.inner, law, nats)
        self.ends = self._ends()
        lost = max(_digits_lost(self.outer.panels), _digits_lost(self.inner.panels))
        if law.determinant == 0:
            _require_product(self.outer.panels, self.inner.panels, law)
        both = [powers_at(one) for one in (self.outer.panels, self.inner.panels)]
        rough = [power for powers in both for power in powers.values()]
        if law.determinant == 0:
            rough.append(max(sum(min(powers.values(), default=0.0) for powers in both), _LEAST))
        # in the distance from such a place
        lost += max(
            ((self.dps + 5) / (1 + power) for power in rough if power < 0), default=float(bool(rough)) * self.dps
        )
        self.digits = 8 * math.ceil((self.dps + 12 + lost + self._cancelled()) / 8)
        self.reach = math.sqrt(2 * nats)

    def value(self) -> tuple[Number, Number]:
        """The expectation, and E|f(u) E[g(v)|u]|."""
        if self.outer.scale == 0:
            return mp.mpf(0), mp.mpf(0)
        with mp.workdps(self.digits):
            law, rule = self.law.rounded(), gauss_legendre(math.ceil(0.9 * self.few) + 8, self.digits)
            deviation, tolerance = mp.sqrt(law.a), mp.mpf(10) ** -self.dps
            inside = self._inside(law, rule, tolerance)
            constant = 1 / mp.sqrt(2 * mp.pi)
            parts: list[tuple[Scalar, Number, Number]] = []
            pairs, infinite = self._panels(law, deviation)
            for left, right in pairs:
                middle = (left + right) / 2
                part = sum(law.m1 + deviation * middle > t for t in self.f.breaks(self.digits))
                value, held = self.f.number_of_part(part), inside(middle)
                integrand = _integrand(value, held, law.m1, deviation, constant)
                parts += pieces(integrand, left, right, infinite, self.dps)
            return integrate(parts, rule, mp.mpf(0), tolerance / 4 * mp.mpf(self.outer.scale))

    def _ends(self) -> list[float]:
        """The edges in z, in floats: those to begin with where floats do not resolve the integrand."""
        try:
            ends, _ = self.outer.layout()
        except VerificationError:
            ends = self.outer.cuts()
        return sorted({float(z) for z in ends.ravel()})

    def _panels(self, law: Law, deviation: Number) -> tuple[list[tuple[Number, Number]], dict[Number, float]]:
        """Edges as mpmath numbers, those that stand for a kink replaced by the kink; powers at what is infinite."""
        kinks = [(t - law.m1) / deviation for t in self.f.breaks(self.digits)]
        powers = powers_at(self.outer.panels)
        rough = [(kink, powers[i]) for i, kink in enumerate(kinks) if i in powers]
        if law.determinant == 0:
            images = [(t - law.m2) / law.slope / deviation for t in self.g.breaks(self.digits)]
            slack = mp.mpf(10) ** (8 - self.digits)
            images = [next((k for k in kinks if abs(k - t) <= slack * (1 + abs(t))), t) for t in images]
            powers = powers_at(self.inner.panels)
            rough += [(image, powers[i]) for i, image in enumerate(images) if i in powers]
            kinks += images
        found = exactly(self.ends, kinks, float(abs(law.m1) / deviation))
        infinite: dict[Number, float] = {}
        for place, power in rough:
            if power < 0.0:
                infinite[place] = infinite.get(place, 0.0) + power
        mild = [(place, power) for place, power in rough if place not in infinite]
        return graded(found, mild, self.dps), infinite

    def _inside(self, law: Law, rule: Rule, tolerance: Number) -> Callable[[Number], Scalar]:
        """For the middle of a panel, the function h(z) that holds on it."""
        slope = law.c / mp.sqrt(law.a)
        if law.determinant == 0:

            def composed(middle: Number) -> Scalar:
                part = sum(law.m2 + slope * middle > t for t in self.g.breaks(self.digits))
                values = self.g.number_of_part(part)
                return lambda z: values(law.m2 + slope * z)

            return composed
        if self.g.normal is not None:
            closed, deviation = given_u(law, numeric(self.g.normal, self.digits).pieces), mp.sqrt(law.a)

            def conditioned(middle: Number) -> Scalar:
                near = closed.near(law.m1 + deviation * middle, law.m1 + deviation * middle)
                return lambda z: near(law.m1 + deviation * z)

            return conditioned
        nested = self._nested(law, rule, tolerance, slope)
        return lambda middle: lambda z: nested(law.m2 + slope * z)

    def _nested(self, law: Law, rule: Rule, tolerance: Number, slope: Number) -> Transform:
        """An inner integral whose panels resolve g: halved until halves make no difference where it matters most."""
        own, breaks = self.inner.panels, self.g.breaks(self.digits)
        pairs = exactly([float(edge) for edge in own.edges], breaks, 0.0)
        powers = powers_at(own)
        pairs = graded(pairs, [(t, powers[i]) for i, t in enumerate(breaks) if powers.get(i, -1.0) >= 0.0], self.dps)
        infinite = {t: powers[i] for i, t in enumerate(breaks) if powers.get(i, 0.0) < 0.0}
        spread, size = mp.sqrt(law.remainder), mp.sqrt(mp.mpf(own.square))
        cut: list[Stretch] = []
        for left, right in pairs:
            part = sum((left + right) / 2 > t for t in breaks)
            cut += stretches(self.g.number_of_part(part), left, right, infinite, self.dps, spread)
        goal = tolerance / 16 * size
        ends = np.array(self.ends)
        middles = (ends[1:] + ends[:-1]) / 2
        with np.errstate(divide="ignore"):
            weight = np.log(np.abs(self.f.piecewise(self.outer.mean + self.outer.deviation * middles)))
        order = np.argsort(weight + np.log(np.diff(ends)) - middles**2 / 2)[-_CHECKED:]
        coarse = Transform(cut, spread, rule, goal, self.reach)
        for _ in range(_MOST_HALVINGS):
            finer = Transform(halved(cut), spread, rule, goal, self.reach)
            if all(_agree(coarse, finer, law.m2 + slope * mp.mpf(float(middles[i])), goal, tolerance) for i in order):
                return coarse
            coarse, cut = finer, halved(cut)
        raise VerificationError(ASKED, "the inner quadrature is not resolved", "fewer digits")

    def _cancelled(self) -> float:
        """Digits that the sum of a closed conditional expectation loses, relative to √(E f² E g²)."""
        if self.law.determinant == 0 or self.g.normal is None or self.outer.scale == 0:
            return 0.0
        with mp.workdps(30):
            closed = given_u(self.law, numeric(self.g.normal, 30).pieces)
            ends = np.array(self.ends)
            z = (ends[1:] + ends[:-1]) / 2
            u = self.outer.mean + self.outer.deviation * z
            parts = [closed.near(mp.mpf(x), mp.mpf(x)).log_size(np.array([x]))[0] for x in u]
            with np.errstate(divide="ignore"):
                size = np.log(np.abs(self.f.piecewise(u))) - z * z / 2 + np.array(parts)
        return max(0.0, float(np.max(size) - math.log(self.outer.scale)) / math.log(10))


def _agree(coarse: Scalar, finer: Scalar, mu: Number, goal: Number, tolerance: Number) -> bool:
    value = finer(mu)
    return bool(abs(coarse(mu) - value) <= max(goal, tolerance / 16 * abs(value)))


def _integrand(value: Scalar, held: Scalar, mean: Number, deviation: Number, constant: Number) -> Scalar:
    return lambda z: value(mean + deviation * z) * held(z) * mp.exp(-z * z / 2) * constant


def _digits_lost(own: Panels) -> float:
    """Digits that cancel in the function's own formula: its noise in double, in units of the rounding."""
    if own.square == 0:
        return 0.0
    lost = math.log10(max(1.0, own.noise[0] / (_EPS * math.sqrt(own.square))))
    return lost if lost < _LOST_MOST else 4 * _LOST_MOST


def _require_product(own: Panels, other: Panels, law: Law) -> None:
    """Refuse an f(u) g(v) at full correlation that is not integrable, though f and g are."""
    for first in own.rough:
        for second in other.rough:
            image = float(law.m1 + (second.place - law.m2) / law.slope)
            same_side = first.side == second.side * (1 if law.c > 0 else -1)
            if abs(image - first.place) < _SAME * own.deviation and same_side and first.power + second.power < -0.99:
                power = first.power + second.power
                text = f"infinite: f(u) g(v) grows like |u − {first.place:.8g}|^({power:.3g}) at full correlation"
                raise DivergenceError(ASKED, text, "|cov| < √(var_u var_v)")
