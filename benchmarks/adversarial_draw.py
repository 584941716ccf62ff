"""What `benchmarks.adversarial` draws: constructions (a pair of functions) and laws, from a seed and a number alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from benchmarks.adversarial_terms import (
    INNERS,
    Term,
    composed,
    dead_zone,
    expanded,
    kinked,
    outer,
    power,
    preimages,
    product,
    scaled,
    soft,
    total,
    wave,
)

ONE = Term("1", lambda x: np.ones(np.shape(x)))
KINDS = ("many", "narrow", "kinked", "quotient", "oscillating", "product", "composed", "pole")
SOFT = ("tanh", "erf", "softplus", "sigmoid", "gauss", "cdf", "lorentz", "atan", "root", "sech")
KINKED = ("step", "down", "ramp", "abs", "soft abs", "softsign", "laplace")
DENOMINATORS = (1, 1, 1, 2, 2, 3, 4, 5, 7, 10)


@dataclass(frozen=True)
class Construction:
    """A pair of functions; `one` where g = 1; `infinite` where the expectation is."""

    kind: str
    f: Term
    g: Term
    means: bool
    infinite: bool = False

    @property
    def one(self) -> bool:
        """Whether it has one variable."""
        return self.g is ONE


@dataclass(frozen=True)
class Law:
    """var_u, var_v, cov, mean_u, mean_v."""

    a: float
    b: float
    c: float
    m1: float = 0.0
    m2: float = 0.0


def rational(rng, low, high):
    """A rational with a small denominator in [low, high]."""
    d = int(rng.choice(DENOMINATORS))
    return Fraction(int(rng.integers(math.ceil(low * d), math.floor(high * d) + 1)), d)


def centre(rng):
    """A centre in −5 … 5, most of them in −2 … 2."""
    return rational(rng, -2, 2) if rng.uniform() < 0.6 else rational(rng, -5, 5)


def slope(rng, low=1.0, high=50.0):
    """A slope, log-uniform, to two digits."""
    value = math.exp(rng.uniform(math.log(low), math.log(high)))
    return Fraction(f"{value:.1e}") if value >= 10 else Fraction(round(2 * value), 2)


def weight(rng):
    """A factor: 1, or a rational of size 0.2 … 3 with a sign."""
    if rng.uniform() < 0.5:
        return Fraction(1)
    found = rational(rng, 0.2, 3)
    return found * int(rng.choice((-1, 1))) if found else Fraction(1)


def draw_soft(rng):
    """One soft or kinked term at a centre."""
    if rng.uniform() < 0.8:
        return soft(str(rng.choice(SOFT)), slope(rng), centre(rng))
    return kinked(str(rng.choice(KINKED[:3] if rng.uniform() < 0.6 else KINKED)), slope(rng), centre(rng))


def draw_many(rng):
    """A sum of three to five soft terms, now and then a wave."""
    terms = [scaled(weight(rng), draw_soft(rng)) for _ in range(int(rng.integers(3, 6)))]
    if rng.uniform() < 0.1:
        terms[-1] = draw_wave(rng)
    return total(terms)


def draw_narrow(rng):
    """exp(−K (h(x) − t)²) or 1/(1 + (k(h(x) − t))²), at times times something or on top of it."""
    h = INNERS[int(rng.integers(len(INNERS)))]
    level = Fraction(f"{rng.uniform(*h.levels):.{int(rng.integers(1, 5))}f}")
    if rng.uniform() < 0.85:
        shape = outer("narrow", Fraction(f"{10 ** rng.uniform(2, 7):.0e}"))
    else:
        shape = outer("lorentz", Fraction(f"{10 ** rng.uniform(1, 3.5):.0e}"))
    narrow = composed(shape, h, level)
    kind = rng.uniform()
    if kind < 0.6:
        return narrow
    if kind < 0.75:
        return product([power(int(rng.integers(1, 4))), narrow])
    if kind < 0.9:
        return total([narrow, scaled(weight(rng), draw_soft(rng))])
    return product([narrow, draw_soft(rng)])


def draw_kinked(rng):
    """Dead zones, soft absolute values, and functions of |h(x) − t|."""
    kind = rng.uniform()
    if kind < 0.3:
        low, high = (abs(rational(rng, 0.2, 2)) or Fraction(1, 2) for _ in range(2))
        if rng.uniform() < 0.5:
            low = high
        name = str(rng.choice(("tanh", "atan", "x", "1-exp")))
        return dead_zone(name, slope(rng, 1, 20), low, high)
    if kind < 0.6:
        return total([scaled(weight(rng), kinked(str(rng.choice(KINKED)), slope(rng), centre(rng))), draw_soft(rng)])
    if kind < 0.8:
        return product([kinked(str(rng.choice(KINKED)), slope(rng), centre(rng)), draw_soft(rng)])
    h = INNERS[int(rng.integers(len(INNERS)))]
    level = Fraction(f"{rng.uniform(*h.levels):.1f}")
    return composed(outer(str(rng.choice(("abs", "ramp", "step", "soft abs"))), slope(rng, 1, 20)), h, level)


def draw_quotient(rng):
    """1/(1 + (s(x − t))²), alone, in sums, and below a soft term; at times with the square multiplied out."""
    lorentz = soft("lorentz", slope(rng), centre(rng))
    if rng.uniform() < 0.2:
        lorentz = expanded(Fraction(f"{rng.uniform(-3, 3):.3f}"), Fraction(f"{10 ** rng.uniform(-4, -1):.0e}"))
    if rng.uniform() < 0.5:
        return total([scaled(weight(rng), lorentz), scaled(weight(rng), draw_soft(rng))])
    return product([draw_soft(rng), lorentz])


def draw_wave(rng):
    """sin, cos, or sin times exp(−x)."""
    return wave(str(rng.choice(("sin", "cos", "damped"))), slope(rng, 1, 30), rational(rng, -3, 3))


def draw_oscillating(rng):
    """A wave alone, times a soft term, or plus one."""
    kind, one = rng.uniform(), draw_wave(rng)
    if kind < 0.2:
        return one
    return product([one, draw_soft(rng)]) if kind < 0.6 else total([one, scaled(weight(rng), draw_soft(rng))])


def draw_product(rng):
    """A product of two or three soft terms."""
    return product([draw_soft(rng) for _ in range(int(rng.integers(2, 4)))])


def draw_composed(rng):
    """A soft step or bump of h(x) − t."""
    h = INNERS[int(rng.integers(len(INNERS)))]
    level = Fraction(f"{rng.uniform(*h.levels):.{int(rng.integers(0, 3))}f}")
    one = composed(outer(str(rng.choice(("tanh", "erf", "lorentz", "sigmoid"))), slope(rng, 1, 50)), h, level)
    return one if rng.uniform() < 0.6 else total([one, scaled(weight(rng), draw_soft(rng))])


def draw_pole(rng):
    """A double or simple pole at a root of h(x) = t in −5 … 5: the expectation is infinite, or has no value."""
    while True:
        if rng.uniform() < 0.1:
            return expanded(Fraction(f"{rng.uniform(-3, 3):.6f}"), Fraction(0))
        h = INNERS[int(rng.integers(len(INNERS)))]
        level = Fraction(f"{rng.uniform(*h.levels):.{int(rng.integers(1, 5))}f}")
        if preimages(h, np.array([float(level)]), -5.0, 5.0).size:
            break
    return composed(outer("pole", Fraction(int(rng.choice((1, 2, 2))))), h, level)


DRAWS = {
    "many": draw_many,
    "narrow": draw_narrow,
    "kinked": draw_kinked,
    "quotient": draw_quotient,
    "oscillating": draw_oscillating,
    "product": draw_product,
    "composed": draw_composed,
    "pole": draw_pole,
}
PARTNERS = (
    total([power(1), Term("1", ONE.value), soft("tanh", Fraction(1), Fraction(0))]),
    power(1),
    kinked("ramp", Fraction(1), Fraction(0)),
    kinked("step", Fraction(1), Fraction(0)),
    soft("erf", Fraction(1), Fraction(0)),
    soft("tanh", Fraction(1), Fraction(0)),
)


def draw_construction(rng, kind: str) -> Construction:
    """A pair: with itself, with another of a random kind, with a partner, or one variable alone."""
    kind = str(rng.choice(KINDS)) if kind == "all" else kind
    if kind == "pole":
        partners = (ONE, soft("sigmoid", slope(rng), centre(rng)), soft("softplus", slope(rng), centre(rng)))
        return Construction(kind, draw_pole(rng), partners[int(rng.integers(3))], bool(rng.uniform() < 0.5), True)
    f, choice = DRAWS[kind](rng), rng.uniform()
    if choice < 0.3:
        g = ONE
    elif choice < 0.55:
        g = f
    elif choice < 0.75:
        g = PARTNERS[int(rng.integers(len(PARTNERS)))]
    else:
        g = DRAWS[str(rng.choice(KINDS[:-1])) if rng.uniform() < 0.5 else kind](rng)
    return Construction(kind, f, g, bool(rng.uniform() < 0.5))


def variance(rng):
    """Mostly 0.1 … 5, at times 0.001 … 100."""
    low, high = (0.1, 5.0) if rng.uniform() < 0.7 else (1e-3, 100.0)
    found = math.exp(rng.uniform(math.log(low), math.log(high)))
    return float(f"{found:.1g}") if rng.uniform() < 0.3 else found


def draw_law(rng, construction: Construction) -> Law:
    """A covariance in float64, exactly one, and means."""
    a, b = variance(rng), variance(rng)
    m1 = m2 = 0.0
    if construction.means:
        spread = float(rng.choice((0.3, 1.0, 3.0)))
        m1, m2 = (float(round(m, 2)) for m in rng.normal(size=2) * spread)
    if construction.one:
        return Law(a, 1.0, 0.0, m1, 0.0)
    kind, sign = rng.uniform(), float(rng.choice((-1, 1)))
    if kind < 0.1:
        b, c = a, a  # u and v are the same but for their means
        m2 = m1 if rng.uniform() < 0.7 else m2
    elif kind < 0.2:
        half = int(rng.integers(-2, 3))
        b, c = a * 4.0**half, sign * a * 2.0**half
    else:
        rho = (
            rng.uniform(-1, 1)
            if kind < 0.75
            else 0.0
            if kind < 0.8
            else sign * (1 - 1e-12)
            if kind < 0.85
            else sign * (1 - 10 ** -rng.uniform(1, 15))
        )
        c = float(rho * math.sqrt(a) * math.sqrt(b))
        while Fraction(c) ** 2 > Fraction(a) * Fraction(b):
            c = float(np.nextafter(c, 0))
    return Law(a, b, c, m1, m2)
