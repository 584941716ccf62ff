"""Random functions for `benchmarks.adversarial`: each is its text, its values, and all places where it changes quickly.

A `Term` is built from pieces whose centres, widths, kinks and roots are known, so that `edges` cuts the line into
panels on which Gauss–Legendre of 16 points has all digits, without any search. Values are computed here, in long
double where a narrow feature needs it; nothing of symntk is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from scipy import special

Array = np.ndarray
DOUBLING = np.array([0.0, *2.0 ** np.arange(0, 24)])
GAUSSIAN = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.5, 9.0])
SATURATED = 64.0
"""Distances from a centre, in widths: for poles, for Gaussians; and where tanh and the like are constants."""


@dataclass(frozen=True)
class Term:
    """A function: its text, its values, and where its panels end.

    `edges(low, high)` are places (n,) that cut the line into resolved panels; `kinks(low, high)` those of them where
    the function is not smooth; `rate` is a bound of |log f| / |x| far out; `summands` are what is added up, where it
    is a sum: their rounding does not cancel.
    """

    text: str
    value: Callable[[Array], Array]
    edges: Callable[[float, float], Array] = lambda low, high: np.array([])
    kinks: Callable[[float, float], Array] = lambda low, high: np.array([])
    rate: float = 0.0
    summands: Callable[[Array], Array] | None = None

    def size(self, x: Array) -> Array:
        """What rounding is relative to: the value, of a sum those of its summands."""
        return np.abs((self.summands or self.value)(x))


@dataclass(frozen=True)
class Inner:
    """A smooth h(x) that is composed with others: text, values, critical points, and its own panels."""

    text: str
    value: Callable[[Array], Array]
    critical: Callable[[float, float], Array]
    edges: Callable[[float, float], Array] = lambda low, high: np.array([])
    levels: tuple[float, float] = (-3.0, 3.0)
    rate: float = 0.0


@dataclass(frozen=True)
class Outer:
    """A function of h: text with {}, values of h − t given, the levels of h − t that end panels, and its kinks."""

    text: str
    value: Callable[[Array], Array]
    levels: Array
    kinks: Array = field(default_factory=lambda: np.array([]))


def around(centre: float, width: float, distances: Array, limit: float = np.inf) -> Callable[[float, float], Array]:
    """Edges at centre ± width·distances within the asked interval and up to `limit` widths."""
    steps = width * distances[distances <= limit]
    places = np.unique(np.concatenate([centre - steps, centre + steps]))
    return lambda low, high: places[(places > low) & (places < high)]


def at(*places: float) -> Callable[[float, float], Array]:
    """Edges at these places."""
    array = np.array(sorted(places), dtype=float)
    return lambda low, high: array[(array > low) & (array < high)]


def every(step: float) -> Callable[[float, float], Array]:
    """Edges at multiples of a step."""
    return lambda low, high: step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)


def union(*parts: Callable[[float, float], Array]) -> Callable[[float, float], Array]:
    """All edges of all parts."""
    return lambda low, high: np.unique(np.concatenate([np.array([]), *(p(low, high) for p in parts)]))


def shown(q: Fraction) -> str:
    """A rational as a factor."""
    return str(q) if q >= 0 and q.denominator == 1 else f"({q})"


def line(k: Fraction, t: Fraction) -> str:
    """K·(x − t) as text."""
    base = "x" if t == 0 else f"(x{'-' if t > 0 else '+'}{shown(abs(t))})"
    return base if k == 1 else f"{shown(k)}*{base}"


def double(x: Array) -> Array:
    """The same in float64."""
    return np.asarray(x, dtype=float)


# one centre


def soft(kind: str, k: Fraction, t: Fraction) -> Term:
    """A soft step, ramp or bump of slope k at t."""
    slope, centre, arg = float(k), float(t), line(k, t)

    def s(x: Array) -> Array:
        return slope * (double(x) - centre)

    poles = around(centre, 1.0 / slope, DOUBLING, SATURATED)
    far = around(centre, 1.0 / slope, DOUBLING)
    bell = around(centre, 1.0 / slope, GAUSSIAN)
    square = f"({arg})**2"
    table = {
        "tanh": (f"tanh({arg})", lambda x: np.tanh(s(x)), poles),
        "erf": (f"erf({arg})", lambda x: special.erf(s(x)), bell),
        "cdf": (f"normal_cdf({arg})", lambda x: special.ndtr(s(x)), around(centre, 1.5 / slope, GAUSSIAN)),
        "softplus": (f"log(1+exp({arg}))", lambda x: np.logaddexp(0.0, s(x)), poles),
        "sigmoid": (f"1/(1+exp(-{arg}))", lambda x: special.expit(s(x)), poles),
        "gauss": (f"exp(-{square})", lambda x: np.exp(-(s(x) ** 2)), bell),
        "lorentz": (f"1/(1+{square})", lambda x: 1.0 / (1.0 + s(x) ** 2), far),
        "atan": (f"atan({arg})", lambda x: np.arctan(s(x)), far),
        "root": (f"{arg}/sqrt(1+{square})", lambda x: s(x) / np.sqrt(1.0 + s(x) ** 2), far),
        "sech": (f"1/cosh({arg})", lambda x: 2.0 * np.exp(-np.abs(s(x))) / (1.0 + np.exp(-2.0 * np.abs(s(x)))), poles),
    }
    text, value, edges = table[kind]
    return Term(text, value, edges)


def kinked(kind: str, k: Fraction, t: Fraction) -> Term:
    """A step, ramp, soft absolute value or softsign of slope k with its kink at t."""
    slope, centre, arg = float(k), float(t), line(k, t)

    def s(x: Array) -> Array:
        return slope * (double(x) - centre)

    corner = at(centre)
    soft_corner = union(corner, around(centre, 1.0 / slope, DOUBLING, SATURATED))
    far = union(corner, around(centre, 1.0 / slope, DOUBLING))
    table = {
        "step": (f"Heaviside({arg})", lambda x: np.heaviside(double(x) - centre, 0.5), corner),
        "down": (f"Heaviside(-{arg})", lambda x: np.heaviside(centre - double(x), 0.5), corner),
        "ramp": (f"Max(0,{arg})", lambda x: np.maximum(0.0, s(x)), corner),
        "abs": (f"Abs({arg})", lambda x: np.abs(s(x)), corner),
        "soft abs": (f"tanh(Abs({arg}))", lambda x: np.tanh(np.abs(s(x))), soft_corner),
        "softsign": (f"{arg}/(1+Abs({arg}))", lambda x: s(x) / (1.0 + np.abs(s(x))), far),
        "laplace": (f"exp(-Abs({arg}))", lambda x: np.exp(-np.abs(s(x))), soft_corner),
    }
    text, value, edges = table[kind]
    return Term(text, value, edges, corner)


def dead_zone(kind: str, k: Fraction, low: Fraction, high: Fraction) -> Term:
    """0 between −low and high; beyond, a soft function of the distance."""
    slope, left, right = float(k), -float(low), float(high)
    curve = {
        "tanh": np.tanh,
        "atan": np.arctan,
        "x": lambda y: y,
        "1-exp": lambda y: np.sign(y) * -np.expm1(-np.abs(y)),
    }
    names = {"tanh": "tanh({})", "atan": "atan({})", "x": "{}"}

    def value(x: Array) -> Array:
        d = double(x)
        shape = curve[kind]
        return np.where(d > right, shape(slope * (d - right)), np.where(d < left, shape(slope * (d - left)), 0.0))

    up, down = line(k, high), line(k, -low)
    if kind == "1-exp":
        parts = (f"1-exp(-{up})", f"exp({down})-1")
    else:
        parts = (names[kind].format(up), names[kind].format(down))
    text = f"Piecewise(({parts[0]}, x > {high}), ({parts[1]}, x < {-low}), (0, True))"
    kinks = at(left, right)
    edges = union(kinks, around(left, 1.0 / slope, DOUBLING), around(right, 1.0 / slope, DOUBLING))
    return Term(text, value, edges, kinks)


def wave(kind: str, omega: Fraction, phase: Fraction) -> Term:
    """A sine or cosine, with or without an exponential."""
    w, p = float(omega), float(phase)
    arg = f"{shown(omega)}*x{'+' if p >= 0 else '-'}{shown(abs(phase))}" if phase else f"{shown(omega)}*x"
    edges = every(2.0 / w)
    if kind == "sin":
        return Term(f"sin({arg})", lambda x: np.sin(w * double(x) + p), edges)
    if kind == "cos":
        return Term(f"cos({arg})", lambda x: np.cos(w * double(x) + p), edges)
    return Term(f"sin({arg})*exp(-x)", lambda x: np.sin(w * double(x) + p) * np.exp(-double(x)), edges, rate=1.0)


def expanded(root: Fraction, gap: Fraction) -> Term:
    """1/((x − root)² + gap) with the square multiplied out, which hides where it is large; a double pole at gap 0."""
    centre, width = float(root), float(gap) ** 0.5
    linear = f"{'-' if root > 0 else '+'}{shown(2 * abs(root))}*x" if root else ""
    rest = root * root + gap
    text = f"1/(x**2{linear}{f'+{shown(rest)}' if rest else ''})"
    edges = around(centre, width or 1.0, DOUBLING)
    return Term(text, lambda x: 1.0 / ((double(x) - centre) ** 2 + float(gap)), edges)


def power(n: int) -> Term:
    """x^n."""
    return Term("x" if n == 1 else f"x**{n}", lambda x: double(x) ** n)


# compositions


INNERS = (
    Inner("exp(x)", np.exp, lambda low, high: np.array([]), every(1.0), (0.05, 12.0), 1.0),
    Inner(
        "sin(x)",
        np.sin,
        lambda low, high: np.pi * (np.arange(np.ceil(low / np.pi), high / np.pi) + 0.5),
        every(1.0),
        (-1.1, 1.1),
    ),
    Inner("x**2", np.square, lambda low, high: np.array([0.0]), levels=(-0.2, 9.0)),
    Inner(
        "x*tanh(x)",
        lambda x: x * np.tanh(x),
        lambda low, high: np.array([0.0]),
        around(0.0, 1.0, DOUBLING),
        (-0.2, 4.0),
    ),
    Inner("tanh(x)", np.tanh, lambda low, high: np.array([]), around(0.0, 1.0, DOUBLING, SATURATED), (-0.95, 0.95)),
    Inner("x**3", lambda x: x**3, lambda low, high: np.array([0.0]), levels=(-8.0, 8.0)),
    Inner("x**3-3*x", lambda x: x**3 - 3 * x, lambda low, high: np.array([-1.0, 1.0]), levels=(-5.0, 5.0)),
    Inner("x+sin(2*x)", lambda x: x + np.sin(2 * x), lambda low, high: _cosine(low, high), every(0.5), (-4.0, 4.0)),
    Inner(
        "log(1+exp(x))",
        lambda x: np.logaddexp(np.longdouble(0), x),
        lambda low, high: np.array([]),
        around(0.0, 1.0, DOUBLING, SATURATED),
        (0.05, 4.0),
    ),
    Inner(
        "sqrt(1+x**2)",
        lambda x: np.sqrt(1 + x * x),
        lambda low, high: np.array([0.0]),
        around(0.0, 1.0, DOUBLING),
        (0.9, 4.0),
    ),
    Inner("atan(x)", np.arctan, lambda low, high: np.array([]), around(0.0, 1.0, DOUBLING), (-1.3, 1.3)),
    Inner("cosh(x)", np.cosh, lambda low, high: np.array([0.0]), every(1.0), (0.9, 10.0), 1.0),
    Inner("x*exp(-x)", lambda x: x * np.exp(-x), lambda low, high: np.array([1.0]), every(1.0), (-6.0, 0.37), 1.0),
    Inner(
        "1/(1+x**2)",
        lambda x: 1 / (1 + x * x),
        lambda low, high: np.array([0.0]),
        around(0.0, 1.0, DOUBLING),
        (0.05, 1.05),
    ),
)


def _cosine(low: float, high: float) -> Array:
    """Critical points of x + sin 2x: cos 2x = −1/2."""
    turns = np.pi * np.arange(np.floor(low / np.pi) - 1, np.ceil(high / np.pi) + 2)
    places = np.sort(np.concatenate([turns - np.pi / 3, turns + np.pi / 3]))
    return places[(places > low) & (places < high)]


def outer(kind: str, k: Fraction) -> Outer:
    """A function of h − t of slope k; for "narrow" k is the slope's square, for "pole" the pole's order."""
    slope = float(np.sqrt(float(k))) if kind == "narrow" else float(k)
    double_levels = np.concatenate([-DOUBLING[::-1], DOUBLING]) / slope
    soft_levels = double_levels[np.abs(double_levels) * slope <= SATURATED]
    bell = np.concatenate([-GAUSSIAN[::-1], GAUSSIAN]) / slope
    root = np.sqrt(np.longdouble(k.numerator) / np.longdouble(k.denominator))
    zero = np.array([0.0])
    table = {
        "narrow": (f"exp(-{shown(k)}*({{}})**2)", lambda y: np.exp(-double((root * y) ** 2)), bell, None),
        "pole": (f"1/({{}})**{k}", lambda y: 1 / double(y) ** slope, zero, None),
        "tanh": (f"tanh({shown(k)}*({{}}))", lambda y: np.tanh(slope * double(y)), soft_levels, None),
        "erf": (f"erf({shown(k)}*({{}}))", lambda y: special.erf(slope * double(y)), bell, None),
        "lorentz": (f"1/(1+({shown(k)}*({{}}))**2)", lambda y: 1 / (1 + (slope * double(y)) ** 2), double_levels, None),
        "sigmoid": (f"1/(1+exp(-{shown(k)}*({{}})))", lambda y: special.expit(slope * double(y)), soft_levels, None),
        "abs": ("Abs({})", lambda y: np.abs(double(y)), zero, zero),
        "ramp": ("Max(0,{})", lambda y: np.maximum(0.0, double(y)), zero, zero),
        "step": ("Heaviside({})", lambda y: np.heaviside(double(y), 0.5), zero, zero),
        "soft abs": (f"tanh({shown(k)}*Abs({{}}))", lambda y: np.tanh(slope * np.abs(double(y))), soft_levels, zero),
    }
    text, value, levels, kinks = table[kind]
    return Outer(text, value, np.unique(levels), np.array([]) if kinks is None else kinks)


def composed(shape: Outer, h: Inner, t: Fraction) -> Term:
    """shape(h(x) − t): its panels end where h − t is at a level of the shape."""
    level = np.longdouble(t.numerator) / np.longdouble(t.denominator)
    sign = "-" if t > 0 else "+"
    text = shape.text.format(f"{h.text}{sign}{shown(abs(t))}" if t else h.text)

    def value(x: Array) -> Array:
        return shape.value(h.value(np.asarray(x, dtype=np.longdouble)) - level)

    def pulled(levels: Array) -> Callable[[float, float], Array]:
        return lambda low, high: preimages(h, np.asarray(levels, dtype=np.longdouble) + level, low, high)

    edges = union(pulled(shape.levels), h.critical, h.edges)
    growth = h.rate if shape.text.startswith(("Abs", "Max")) else 0.0
    return Term(text, value, edges, pulled(shape.kinks) if shape.kinks.size else at(), growth)


def preimages(h: Inner, levels: Array, low: float, high: float) -> Array:
    """All x in (low, high) with h(x) at one of the levels: bisection between the critical points."""
    turning = h.critical(low, high)
    ends = np.array([low, *turning[(turning > low) & (turning < high)], high], dtype=np.longdouble)
    left, right = np.repeat(ends[:-1], levels.size), np.repeat(ends[1:], levels.size)
    wanted = np.tile(levels, ends.size - 1)
    below = h.value(left) < wanted
    crossing = below != (h.value(right) < wanted)
    left, right, wanted, below = left[crossing], right[crossing], wanted[crossing], below[crossing]
    for _ in range(90):
        middle = (left + right) / 2
        same = (h.value(middle) < wanted) == below
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    return np.unique(double(left))


# sums and products


def scaled(weight: Fraction, term: Term) -> Term:
    """weight·term."""
    number = float(weight)
    if weight == 1:
        return term
    text = f"{shown(weight)}*{term.text}" if _atomic(term.text) else f"{shown(weight)}*({term.text})"
    size = lambda x: number * term.size(x)  # noqa: E731
    return Term(text, lambda x: number * term.value(x), term.edges, term.kinks, term.rate, size)


def _atomic(text: str) -> bool:
    """Whether a factor before the text multiplies all of it: nothing is added outside brackets."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter in "(") - (letter in ")")
        if depth == 0 and letter in "+-/" and i > 0 and text[:2] != "1/":
            return False
    return True


def total(terms: list[Term]) -> Term:
    """The sum."""
    return Term(
        "+".join(t.text for t in terms),
        lambda x: sum((t.value(x) for t in terms[1:]), terms[0].value(x)),
        union(*(t.edges for t in terms)),
        union(*(t.kinks for t in terms)),
        max(t.rate for t in terms),
        lambda x: np.sum([t.size(x) for t in terms], axis=0),
    )


def product(terms: list[Term]) -> Term:
    """The product."""
    return Term(
        "*".join(f"({t.text})" for t in terms),
        lambda x: np.prod([t.value(x) for t in terms], axis=0),
        union(*(t.edges for t in terms)),
        union(*(t.kinks for t in terms)),
        sum(t.rate for t in terms),
        lambda x: np.prod([t.size(x) for t in terms], axis=0),
    )
