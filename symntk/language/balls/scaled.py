"""Ball rules of the functions of `scaled`: values at the centre, and bounds of the derivative over the ball."""

from __future__ import annotations

import numpy as np

from symntk.language.balls import rules
from symntk.language.balls.ball import Ball, inverse, known, log1p, outer, product, total, where
from symntk.language.balls.ball import scaled as times
from symntk.language.special import arrays
from symntk.language.special.late import special


def logcosh(w: Ball) -> Ball:
    """Log cosh w."""
    slope = rules.tanh(w)
    right = np.where(w.centre.real < 0.0, -w.centre, w.centre)
    near = np.log1p(2.0 * np.sinh(0.5 * w.centre) ** 2)
    far = right + log1p(np.exp(-2.0 * right)) - np.log(2.0)
    # on both sides of the imaginary axis beyond its first pole lie two branches
    one = (right.real > w.radius) | (np.abs(w.centre.imag) + w.radius < 1.5)
    # 1 + 2 sinh² rounds, next to 0
    radius = np.where(one, w.radius * outer(slope) + np.where(np.abs(w.centre) < 1.0, 4e-16, 0.0), np.inf)
    return Ball(np.where(one, np.where(np.abs(w.centre) < 1.0, near, far), 0.0), radius)


def erfcx(w: Ball) -> Ball:
    """The integral of exp(−t²/4 − zt)/√π over t > 0: moduli of derivatives are at most theirs at the real part."""
    slope = 2.0 * arrays.ierfcx(w.centre.real - w.radius)
    return Ball(special.wofz(1j * w.centre), w.radius * slope)


def ierfcx(w: Ball) -> Ball:
    """1/√π − w erfcx(w)."""
    least = w.centre.real - w.radius
    slope = special.erfcx(least) + 2.0 * np.maximum(-least, 0.0) * arrays.ierfcx(least)
    slope = np.where(least > 1.0, np.minimum(slope, 1.0 / (np.sqrt(np.pi) * least**3)), slope)
    far = np.abs(w.centre) > 50.0
    z = np.where(far, w.centre, 50.0)
    series = 0.5 / z**2 * (1.0 - 1.5 / z**2 * (1.0 - 2.5 / z**2 * (1.0 - 3.5 / z**2)))
    value = np.where(far & (w.centre.real > 0.0), series, 1.0 - np.sqrt(np.pi) * w.centre * special.wofz(1j * w.centre))
    # what cancels, and what the series leaves
    cancelled = 1e-15 * (1.0 + np.abs(w.centre) * np.abs(special.wofz(1j * w.centre)))
    rounding = np.where(far & (w.centre.real > 0.0), 60.0 / np.abs(z) ** 10, cancelled)
    return Ball(value / np.sqrt(np.pi), w.radius * slope + rounding)


def inverse_mills(w: Ball) -> Ball:
    """φ(w)/Φ(w)."""
    left = times(inverse(known(erfcx(times(w, -np.sqrt(0.5))))), np.sqrt(2.0 / np.pi))
    right = product(known(rules.normal_pdf(w)), inverse(known(rules.normal_cdf(w))))
    return where(w.centre.real > 0.0, right, left)


def mills_excess(w: Ball) -> Ball:
    """W + φ(w)/Φ(w)."""
    turned = times(w, -np.sqrt(0.5))
    quotient = times(product(known(ierfcx(turned)), inverse(known(erfcx(turned)))), np.sqrt(2.0))
    return where(w.centre.real < 0.0, quotient, total(w, inverse_mills(w)))


def log_normal_cdf(w: Ball) -> Ball:
    """Log Φ(w)."""
    return Ball(special.log_ndtr(w.centre), w.radius * outer(inverse_mills(w)))


def softplus_ratio(w: Ball) -> Ball:
    """log(1 + e^w)/e^w."""
    t = rules.exp(w)
    size = outer(t)
    small = np.where(t.centre == 0.0, 1.0, log1p(t.centre) / np.where(t.centre == 0.0, 1.0, t.centre))
    near = Ball(small, t.radius / (1.0 - size))
    return where(size < 0.5, near, product(rules.softplus(w), rules.exp(times(w, -1.0))))
