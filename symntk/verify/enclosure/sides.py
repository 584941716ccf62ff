"""The two functions of an expectation in ball arithmetic: pieces between kinks, deltas, bounds, conditional means.

Comes in: a normal form or a general form without parameters. Goes out: a `Side`, holomorphic on each of its pieces,
with a majorant Σ C |x|^p exp(αx² + βx) that holds for large |x|; and, for a Gaussian-elementary side, E[g(v) | u] as an
entire function of u. Nothing here is shared with the derivation or with the oracle in floating point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb

import sympy as sp

from symntk.errors import VerificationError
from symntk.language.forms.general_form import GeneralForm
from symntk.language.forms.terms import Delta, NormalForm, Step, Term
from symntk.verify.enclosure.balls import Ball, Holomorphic, arb, ball, compiled, no_enclosure, normal
from symntk.verify.enclosure.growth import growth

_DOUBLINGS = 10


@dataclass(frozen=True)
class Monomial:
    """C |x|^power exp(quadratic·x² + linear·x), a part of a majorant."""

    size: Ball
    power: int
    quadratic: Ball
    linear: Ball


@dataclass(frozen=True)
class Spike:
    """weight · δ^(order)(x − place)."""

    weight: Ball
    place: Ball
    order: int


class Side:
    """One function: `pieces[i]` holds between `breaks[i − 1]` and `breaks[i]`."""

    def __init__(self, form: NormalForm | GeneralForm) -> None:
        self.form = form
        self.normal = form if isinstance(form, NormalForm) else None
        if isinstance(form, NormalForm):
            smooth = [t for t in form.terms if not isinstance(t.window, Delta)]
            places = {t.window.threshold for t in smooth if isinstance(t.window, Step) and t.window.variance == 0}
            self._places: Sequence[sp.Expr] = sorted(places)
            self.pieces: list[Holomorphic] = _pieces(smooth, self._places) if smooth else []
            self.spikes = [
                Spike(ball(t.coefficient).real, ball(t.window.threshold).real, t.window.order)
                for t in form.terms
                if isinstance(t.window, Delta)
            ]
            self._smooth = smooth
        else:
            self._places = form.breaks
            self.pieces = [compiled(part) for part in form.parts] if form.has_regular_part else []
            self.spikes = [Spike(ball(w).real, ball(d.threshold).real, d.order) for w, d in form.deltas]
        self.breaks = [ball(place).real for place in self._places]

    def majorant(self, beyond: Ball) -> tuple[list[Monomial], Ball]:
        """|f(x)| ≤ Σ of the monomials for |x| ≥ R, and R ≥ beyond, where beyond is larger than every |break|."""
        if self.normal is None:
            for _ in range(_DOUBLINGS):
                try:
                    return _growing(self.form, beyond), beyond
                except VerificationError:  # a denominator whose bound needs larger |x|
                    beyond = 2 * beyond
            return _growing(self.form, beyond), beyond
        # |S| ≤ 1 for soft steps, and |e^{βx}| = e^{x Re β}
        bounds = [
            Monomial(abs(ball(t.coefficient)).upper(), t.power, ball(t.quadratic).real, ball(t.linear).real)
            for t in self._smooth
        ]
        return bounds, beyond

    def conditional(self, variance: Ball) -> Callable[[Ball], Ball]:
        """μ ↦ E[g(v)], v ~ N(μ, variance), variance > 0, of the regular part: entire; also of a power series."""
        assert self.normal is not None
        parts = [_conditional_term(term, variance) for term in self._smooth]
        return lambda mu: sum((part(mu) for part in parts[1:]), start=parts[0](mu))


def bump(spike: Spike, variance: Ball) -> Callable[[Ball], Ball]:
    """μ ↦ E[δ^(n)(v − t)] = He_n((t − μ)/s) N(t; μ, s²)/s^n, v ~ N(μ, s² = variance): (−1)^n ∂_t^n of the density."""
    deviation = variance.sqrt()
    front = spike.weight / (deviation ** (spike.order + 1) * (2 * arb.pi()).sqrt())

    def value(mu: Ball) -> Ball:
        z = (mu * (-1) + spike.place) * (1 / deviation)
        before, now = z * 0, z * 0 + 1
        for k in range(spike.order):
            before, now = now, z * now - before * k
        return now * (z * z * (-arb(1) / 2)).exp() * front

    return value


def bump_bound(spike: Spike, variance: Ball) -> Ball:
    """The largest value of |`bump`| over real μ: |He_n(z)| e^{−z²/4} ≤ 1.0866 √n! (Cramér; DLMF 18.14.9)."""
    deviation = variance.sqrt()
    size = arb("1.0866") * arb(spike.order).fac().sqrt() if spike.order else arb(1)
    return (abs(spike.weight) * size / (deviation ** (spike.order + 1) * (2 * arb.pi()).sqrt())).upper()


def _pieces(terms: Sequence[Term], places: Sequence[sp.Expr]) -> list[Holomorphic]:
    """Between two kinks each Heaviside step is 0 or 1, and what is left is entire."""
    found = []
    for i in range(len(places) + 1):
        kept = [_function(term) for term in terms if _is_on(term, places, i)]
        found.append(_sum_of(kept))
    return found


def _is_on(term: Term, places: Sequence[sp.Expr], piece: int) -> bool:
    window = term.window
    if not isinstance(window, Step) or window.variance != 0:
        return True
    right = piece > places.index(window.threshold)
    return right == (window.side > 0)


def _sum_of(functions: Sequence[Callable[[Ball], Ball]]) -> Holomorphic:
    if not functions:
        return lambda z, _: z * 0
    return lambda z, _: sum((function(z) for function in functions[1:]), start=functions[0](z))


def _function(term: Term) -> Callable[[Ball], Ball]:
    coefficient, quadratic, linear = ball(term.coefficient), ball(term.quadratic), ball(term.linear)
    exponential = term.quadratic != 0 or term.linear != 0
    power, window = term.power, term.window
    soft = isinstance(window, Step) and window.variance != 0
    if soft:
        assert isinstance(window, Step)
        scale = window.side / ball(window.variance).real.sqrt()
        place = ball(window.threshold).real

    def value(z: Ball) -> Ball:
        total = coefficient * z**power if power else coefficient
        if exponential:
            total = total * (z * (z * quadratic + linear)).exp()
        return total * normal((z - place) * scale) if soft else total

    return value


def _conditional_term(term: Term, variance: Ball) -> Callable[[Ball], Ball]:
    """E[c v^k e^{γv² + δv} S(v)], v ~ N(μ, s²).

    e^{γv² + δv} N(v; μ, s²) = q^{−1/2} exp((γμ² + δμ + δ²s²/2)/q) N(v; (μ + δs²)/q, s²/q), q = 1 − 2γs² > 0. Then by
    Stein T_k = m T_{k−1} + (k − 1) s² T_{k−2} + s² E[v^{k−1} S'(v)], S' a normal density, whose product with N(m, s²)
    is one again. A Heaviside step is τ² = 0.
    """
    coefficient, gamma, delta = ball(term.coefficient), ball(term.quadratic).real, ball(term.linear)
    q = 1 - 2 * gamma * variance
    if not q > 0:
        raise no_enclosure("the expectation does not exist, or is next to where it ceases to exist")
    spread, plain = variance / q, term.quadratic == 0 and term.linear == 0
    front, constant = coefficient / q.sqrt(), delta * delta * variance / (2 * q)
    moments = _plain_moment if term.window is None else _stepped_moment(term.window, spread)

    def value(mu: Ball) -> Ball:
        if plain:
            return moments(mu, term.power, spread) * front
        mean = (mu + delta * variance) * (1 / q)
        exponent = mu * (mu * gamma + delta) * (1 / q) + constant
        return moments(mean, term.power, spread) * exponent.exp() * front

    return value


def _plain_moment(mean: Ball, power: int, spread: Ball) -> Ball:
    before, now = mean * 0, mean * 0 + 1
    for k in range(power):
        before, now = now, mean * now + before * (spread * k)
    return now


def _stepped_moment(window: Step | Delta, spread: Ball) -> Callable[[Ball, int, Ball], Ball]:
    assert isinstance(window, Step)
    place, noise = ball(window.threshold).real, ball(window.variance).real
    total = spread + noise
    scale, side = 1 / total.sqrt(), window.side

    def moment(mean: Ball, power: int, _: Ball) -> Ball:
        z = (mean - place) * scale
        before, now = mean * 0, normal(z * side)
        if not power:
            return now
        middle = (mean * noise + place * spread) * (1 / total)
        height = (z * z * (-arb(1) / 2)).exp() * (side * spread * scale / (2 * arb.pi()).sqrt())
        edge_before, edge = mean * 0, mean * 0 + 1
        for k in range(power):
            before, now = now, mean * now + before * (spread * k) + height * edge
            edge_before, edge = edge, middle * edge + edge_before * (spread * noise / total * k)
        return now

    return moment


def _growing(form: NormalForm | GeneralForm, beyond: Ball) -> list[Monomial]:
    """C (1 + |x|)^p e^{k|x|} ≤ Σ_i C binom(p, i) |x|^i (e^{kx} + e^{−kx}), the larger of both ends."""
    assert isinstance(form, GeneralForm)
    found: list[Monomial] = []
    for part, sense in ((form.parts[-1], 1), (form.parts[0], -1)):
        bound = growth(part, beyond, sense)
        if bound is None:
            continue
        rates = (bound.rate, -bound.rate) if bound.rate > 0 else (arb(0),)
        for i in range(bound.power + 1):
            found += [Monomial(bound.size * comb(bound.power, i), i, arb(0), rate) for rate in rates]
    return found
