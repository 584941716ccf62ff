"""Means of functions that grow like exp(αx²) on one ray, where no term of them has a mean on the whole plane.

One integral over u of f(u)·N(u)·E[g(v) | u], the latter by truncated moments under the tilted conditional law. Comes
in: normal forms without parameters, with Heaviside steps alone. Goes out: an mpmath number.
"""

from __future__ import annotations

from itertools import pairwise

from symntk.errors import DomainError, VerificationError
from symntk.language.forms.terms import NormalForm
from symntk.verify.oracle.elementary.numeric import Numeric, Piece, numeric
from symntk.verify.oracle.numbers import Number, mp

ASKED = "the mean of a function that grows on one ray"


def growing_mean(f: NormalForm, g: NormalForm, law: tuple[Number, ...], dps: int) -> Number:
    """E[f(u) g(v)] at a law (a, b, c, m1, m2) where it exists.

    Raises:
        DomainError: deltas or soft steps; a law without a density.
        VerificationError: the integral does not settle to dps digits of the value.

    >>> import sympy as sp
    >>> from symntk.language.forms.normal_form import normal_form
    >>> from symntk.language.symbols import x
    >>> ray = normal_form(sp.exp(x**2 / 3) * sp.Heaviside(x), x)
    >>> print(mp.nstr(growing_mean(ray, ray, (1, 1, mp.mpf(-9) / 10, 0, 0), 12), 10))
    0.07863715312
    """
    with mp.workdps(2 * dps + 25):
        a, b, c, m1, m2 = map(mp.mpf, law)
        first, second = numeric(f, mp.dps), numeric(g, mp.dps)
        determinant = a * b - c * c
        ramps = [p.ramp for p in (*first.pieces, *second.pieces) if p.ramp is not None]
        if first.spikes or second.spikes or any(ramp.variance for ramp in ramps) or determinant <= 0:
            wrong = "it has deltas or soft steps, or the law has no density"
            raise DomainError(ASKED, wrong, "variances at which the closed form holds")
        spread = determinant / a

        def integrand(u: Number) -> Number:
            mean = m2 + c / a * (u - m1)
            inner = mp.fsum(_truncated(p, mean, spread) for p in second.pieces)
            own = mp.fsum(_at(p, u) for p in first.pieces)
            return mp.re(own) * mp.re(inner) * mp.exp(-((u - m1) ** 2) / (2 * a)) / mp.sqrt(2 * mp.pi * a)

        kinks = sorted({p.ramp.threshold for p in first.pieces if p.ramp is not None})
        ends = _ends(integrand, kinks, first, mp.sqrt(a), dps)
        with mp.workdps(dps + 15):
            size = max(abs(integrand(u)) for u in ends) or mp.mpf(1)  # what quad aims at is absolute
            parts = [
                mp.quad(lambda u: integrand(u) / size, [left, right], error=True, maxdegree=8)
                for left, right in pairwise(ends)
            ]
            total = mp.fsum(value for value, _ in parts)
            rounding = mp.fsum(abs(value) for value, _ in parts) * mp.mpf(10) ** (-dps - 12)
            error = mp.fsum(error for _, error in parts) + rounding
            if error > mp.mpf(10) ** -dps * abs(total):
                wrong = f"it does not settle: it is {mp.nstr(size * total, 5)} ± {mp.nstr(size * error, 2)}"
                raise VerificationError(ASKED, wrong, "fewer digits")
            return size * total


def _at(p: Piece, u: Number) -> Number:
    """A piece at a point."""
    if p.ramp is not None and p.ramp.side * (u - p.ramp.threshold) < 0:
        return mp.mpf(0)
    return p.coefficient * u**p.power * mp.exp(p.quadratic * u * u + p.linear * u)


def _truncated(p: Piece, mean: Number, spread: Number) -> Number:
    """The mean of a piece under N(mean, spread): the law is tilted, and its moments beyond the threshold summed."""
    precision = 1 / spread - 2 * p.quadratic
    if precision <= 0:
        raise DomainError(ASKED, "a piece outgrows its conditional law", "a smaller variance")
    width = 1 / precision
    centre = width * (mean / spread + p.linear)
    front = mp.sqrt(width / spread) * mp.exp(centre**2 / (2 * width) - mean**2 / (2 * spread))
    root = mp.sqrt(width)
    if p.ramp is None:
        moments = [mp.mpf(1), centre]
        edge, at = mp.mpf(0), mp.mpf(0)
    else:
        at = p.ramp.threshold
        z = (at - centre) / root
        edge = p.ramp.side * root * mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)
        moments = [mp.erfc(p.ramp.side * z / mp.sqrt(2)) / 2]
        moments.append(centre * moments[0] + edge)
    for k in range(2, p.power + 1):
        moments.append(centre * moments[-1] + (k - 1) * width * moments[-2] + edge * at ** (k - 1))
    return p.coefficient * front * moments[p.power]


def _ends(integrand: object, kinks: list[Number], f: Numeric, scale: Number, dps: int) -> list[Number]:
    """Points between which the integrand is smooth, from where it is negligible to where it is so again."""
    assert callable(integrand)
    offsets = [scale * mp.mpf(2) ** k for k in range(-20, 8)]
    anchors = kinks or [mp.mpf(0)]
    points = sorted({*anchors, *(t + side * d for t in anchors for d in offsets for side in (1, -1))})
    with mp.workdps(15):
        sizes = [abs(integrand(point)) for point in points]
    floor = max(sizes) * mp.mpf(10) ** (-dps - 10)
    kept = [i for i, size in enumerate(sizes) if size > floor]
    if not kept:
        return anchors
    first, last = max(kept[0] - 1, 0), min(kept[-1] + 1, len(points) - 1)
    found = points[first : last + 1]
    # long ones in parts: far out the integrand is a bell
    return sorted(
        {*found, *(p + (q - p) * k / 4 for p, q in pairwise(found) for k in range(1, 4) if q - p > scale / 4)}
    )
