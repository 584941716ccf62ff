"""Functions that are infinite at a place but integrable, as |x|^p with p > −1: what stands for them next to it.

Next to the place, on an interval too short for any Gaussian to see, a polynomial with the same moments takes the place
of the function: the core. What is left is bounded, and Gauss–Legendre rules between edges integrate it as any other
function. At full correlation two such functions of one variable meet; their product has a core of its own there.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symntk.emit.runtime.panels import _panel_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from symntk.emit.runtime.deltas import Shape

    # (place, width with the sign of its side, power p of |x − place|^p, Legendre coefficients on the core)
    Core = tuple[float, float, float, Sequence[float]]

# Deviations of a law that is wide enough for a core, in widths of the core: (1/32)^8 is left of a polynomial of degree
# 7, and a constant needs more.
_CORE_SEEN = {1: 1e13, 8: 32.0}
# Intervals of the other function that are shorter than so many widths, or a kink, must not be near.
_CORE_APART = 4.0
# Within so many deviations of its mean a law may have a place, or a blurred edge.
_CORE_REACH = 40.0
_CORE_BLURS = 10.0
# Of the places: images of one place of two functions that differ by less are one.
_CORE_SAME = 2e-15
_CORE_DEGREE = 7
# Nodes of the rules with the weight y^q, of which the second bears the first out to this share of the integral of |f|.
_CORE_NODES = (12, 20)
_CORE_DEFECT = 1e-11
# The step and half the number of nodes of the tanh-sinh rule; by how much twice the step may be worse, when the square
# of that is the error; and the least distance from 0.
_CORE_RULE = (0.125, 26)
_CORE_COARSE = 1e-6
_CORE_NEAREST = 1e-290
# Away from 0 a product may be as large as this on the edge of its core: the rounding of x moves it by 1e-12.
_CORE_LARGEST = 9e3
_CORE_LONGEST = 1e-3


def _cored(whole: Callable[[np.ndarray], np.ndarray], cores: Sequence[Core], x: np.ndarray) -> np.ndarray:
    """The function of a flat array x with its singular ends replaced by polynomials with their moments."""
    values = np.array(whole(x), dtype=np.float64)
    for place, width, _, coefficients in cores:
        y = (x - place) / width
        inside = (y > 0.0) & (y <= 1.0)
        if np.any(inside):
            values[inside] = np.polynomial.legendre.legval(2.0 * y[inside] - 1.0, coefficients)
        values[y == 0.0] = 0.0
    return values


def _cores_of(f: Callable[[np.ndarray], np.ndarray] | None) -> Sequence[Core]:
    """The cores of a function, its attribute `cores`; none where it is an ordinary one."""
    found: Sequence[Core] = getattr(f, "cores", ())
    return found


def _origin(f: Callable[[np.ndarray], np.ndarray] | None) -> float:
    """What a function takes for 0, its attribute `origin`: its arguments are distances from there."""
    found: float = getattr(f, "origin", 0.0)
    return found


def _has_square(f: Callable[[np.ndarray], np.ndarray] | None) -> bool:
    """Whether f² is integrable at every core."""
    return all(power > -0.5 for _, _, power, _ in _cores_of(f))


def _follows(cores: Sequence[Core], mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Where the law is wide enough for every core that it reaches."""
    good = np.ones(len(mean), dtype=bool)
    for place, width, _, coefficients in cores:
        near = np.abs(place - mean) <= _CORE_REACH * scale + abs(width)
        good &= ~near | (scale == 0.0) | (scale >= _CORE_SEEN[len(coefficients)] * abs(width))
    return good


def _follows_pair(f: Callable[[np.ndarray], np.ndarray], g_shape: Shape, law: np.ndarray) -> np.ndarray:
    """Where E[g | u] has no structure as fine as a core of f; law is (a, b, c, d, m1, m2) with d > 0."""
    a, _, c, d, m1, m2 = law
    sigma, slope, blur = np.sqrt(a), c / a, d / np.sqrt(a)
    good = _follows(_cores_of(f), m1, sigma)
    edges = np.array(g_shape[3])
    short = np.diff(edges)
    for place, width, _, coefficients in _cores_of(f):
        core = np.abs(slope * width)
        image, pad = m2 + slope * (place - m1), core + _CORE_BLURS * blur
        doubtful = np.flatnonzero(
            (np.abs(place - m1) <= _CORE_REACH * sigma) & (blur < _CORE_SEEN[len(coefficients)] * core)
        )
        for row in doubtful:
            low, high = image[row] - pad[row], image[row] + pad[row]
            narrow = (short < _CORE_APART * core[row]) & (edges[:-1] < high) & (edges[1:] > low)
            kinks = any(low < knot < high for knot, _ in g_shape[0])
            good[row] &= not (narrow.any() or kinks)
    return good


def _full_expectation(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    f_shape: Shape,
    g_shape: Shape,
    law: np.ndarray,
) -> np.ndarray:
    """E[f(u) g(v)] at full correlation, v = m2 + s(u − m1), for rows (a, b, c, d, m1, m2) of shape (6, n).

    Infinite where f(u) g(v) is like |u − t|^q with q ≤ −1.

    >>> def power(x):
    ...     return _cored(power.whole, power.cores, x)
    >>> power.whole, height = lambda x: np.abs(x) ** -0.25, 2.0**25 / 0.75
    >>> power.cores = [(0.0, side * 2.0**-100, -0.25, [height]) for side in (1.0, -1.0)]
    >>> edges = np.concatenate([-(2.0 ** np.arange(5.0, -101.0, -1.0)), [0.0], 2.0 ** np.arange(-100.0, 6.0)])
    >>> one, shape = np.ones(1), ([(0.0, 0.0)], [0.0], [], edges)
    >>> law = np.array([one, one, one, 0.0 * one, 0.0 * one, 0.0 * one])
    >>> print(_full_expectation(power, power, shape, shape, law).round(10))  # E|u|^(−1/2)
    [1.72007997]
    """
    a, b, c, _, m1, m2 = law
    slope = np.sign(c) * np.sqrt(b / a)
    shift = m2 - slope * m1
    result = np.empty(len(a))
    lines, owner = np.unique(slope + 1j * shift, return_inverse=True)
    for number, line in enumerate(lines):
        rows = np.flatnonzero(owner.ravel() == number)
        product = _product_on_line(f, g, f_shape, g_shape, line.real, line.imag)
        if isinstance(product, float):
            result[rows] = product
            continue
        function, cores, knots, edges = product
        result[rows] = _panel_mean(function, knots, m1[rows], a[rows], [0.0], edges)
        result[rows[~_follows(cores, m1[rows], np.sqrt(a[rows]))]] = np.nan
    return result


def _product_on_line(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    f_shape: Shape,
    g_shape: Shape,
    slope: float,
    shift: float,
) -> tuple[Callable[[np.ndarray], np.ndarray], list[Core], list[tuple[float, float]], list[float]] | float:
    """f(x) g(shift + slope · x), its cores, kinks and edges; ±∞ or NaN where that has no integral, or no core."""
    first, second = [x for x, _ in f_shape[0]], [x for x, _ in g_shape[0]]
    for place in first:  # what meets but for the rounding of the law meets
        for other in second:
            if 0.0 < abs(shift + slope * place - other) <= _CORE_SAME * (abs(slope * place) + abs(other) + abs(shift)):
                shift = other - slope * place

    def whole(x: np.ndarray) -> np.ndarray:
        return np.asarray(f(x) * g(shift + slope * x))

    places = [*first, *(_image(other, slope, shift, first) for other in second)]
    edges = sorted({*f_shape[3], *((edge - shift) / slope for edge in g_shape[3]), *places})
    cores: list[Core] = []
    infinite = 0.0
    for core in _cores_of(g):
        place = _image(core[0], slope, shift, first)
        one = _met(f, g, core, place, slope)
        if isinstance(one, float):
            infinite += one  # NaN where both signs meet
        elif one is not None:
            edges = [x for x in edges if not 0.0 < (x - place) / one[1] < 1.0]
            cores.append(one)
    if infinite != 0.0:
        return infinite
    edges = sorted({*edges, *(place + width for place, width, _, _ in cores)})
    alone = [core for core in _cores_of(f) if all(core[0] != one[0] for one in cores)]
    return lambda x: _cored(whole, cores, x), [*cores, *alone], [(x, 0.0) for x in places], edges


def _met(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    core: Core,
    place: float,
    slope: float,
) -> Core | float | None:
    """The core that a core of g makes at f's `place`; None where its own serves, ±∞ where there is no integral."""
    other, length, more, _ = core
    own = {(at, np.sign(width)): (width, power) for at, width, power, _ in _cores_of(f)}
    sense = np.sign(length * slope)
    width, power = own.get((place, sense), (0.0, 0.0))
    if width == 0.0 and (place, -sense) in own and own[place, -sense][1] + more < -1.0:
        width, power = own[place, -sense]  # on two sides of one place the limit is infinite
    if power + more <= -1.0:
        return float(np.sign(_whole(f, place + width) * _whole(g, other + length))[0]) * np.inf
    if width == 0.0 and place == 0.0:
        return None
    size = max(abs(width), abs(length / slope))
    if place != 0.0:
        size = max(size, min(abs(place) * _CORE_LARGEST ** (1.0 / (power + more)), _CORE_LONGEST * abs(place)))
    return _new_core(f, g, (place, other), sense * size, power + more, slope) or np.nan


def _image(other: float, slope: float, shift: float, first: Sequence[float]) -> float:
    """The x that g sees as `other`: one of f's places if it is that to rounding."""
    for place in first:
        if shift + slope * place == other:
            return place
    return (other - shift) / slope


def _whole(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray | float) -> np.ndarray:
    """The function itself, without what replaces it."""
    return np.asarray(getattr(f, "whole", f)(np.atleast_1d(x)))


def _new_core(
    f: Callable[[np.ndarray], np.ndarray],
    g: Callable[[np.ndarray], np.ndarray],
    places: tuple[float, float],
    width: float,
    power: float,
    slope: float,
) -> Core | None:
    """The core of a product next to its `places` in f and in g, which is slope times as far; None where none is found.

    Away from 0 it must be a smooth function times the power of the distance.
    """

    def product(y: np.ndarray) -> np.ndarray:
        return np.asarray(_whole(f, places[0] + width * y) * _whole(g, places[1] + slope * width * y))

    if places[0] == 0.0 and places[1] == 0.0:
        mean = _core_mean(product, power, abs(width))
        return None if np.isnan(mean) else (0.0, width, power, [mean])
    found = []
    for count in _CORE_NODES:
        y, weight = _power_rule(power, count)
        basis = np.polynomial.legendre.legvander(2.0 * y - 1.0, _CORE_DEGREE if places[0] else 0)
        values = weight * product(y) * y**-power
        found.append((2.0 * np.arange(basis.shape[1]) + 1.0) * (basis.T @ values))
    defect, size = np.max(np.abs(found[1] - found[0])), np.max(np.abs(found[1]))
    return (places[0], width, power, found[1]) if defect <= _CORE_DEFECT * size else None


def _core_mean(product: Callable[[np.ndarray], np.ndarray], power: float, width: float) -> float:
    """∫₀¹ product(y) dy for what is like y^power, perhaps with a logarithm or another power; NaN where it is not found.

    With y = s^(1/(1 + power)) the power goes into dy; then the tanh-sinh rule, at two steps.

    >>> print(round(_core_mean(lambda y: y**-0.5 * np.log(y), -0.5, 1.0), 11))
    -4.0
    """
    t = np.arange(-_CORE_RULE[1], _CORE_RULE[1] + 1.0) * _CORE_RULE[0]
    s = 1.0 / (1.0 + np.exp(-np.pi * np.sinh(t)))
    weight = _CORE_RULE[0] * np.pi * np.cosh(t) * s / (1.0 + np.exp(np.pi * np.sinh(t)))
    y = s ** (1.0 / (1.0 + power))
    near = np.maximum(y, _CORE_NEAREST / width)  # nearer to the place there are no floats: it is the power alone
    values = weight * product(near) * near**-power / (1.0 + power)
    fine, coarse = float(np.sum(values)), 2.0 * float(np.sum(values[::2]))
    return fine if abs(fine - coarse) <= _CORE_COARSE * float(np.sum(np.abs(values))) else np.nan


def _power_rule(power: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss's rule for ∫₀¹ y^power f(y) dy, from the Jacobi polynomials' recurrence (Golub and Welsch 1969).

    >>> y, weight = _power_rule(-0.5, 3)
    >>> print((weight @ y**5).round(14), round(1 / 5.5, 14))
    0.18181818181818 0.18181818181818
    """
    n = np.arange(count, dtype=np.float64)
    twice = 2.0 * n + power
    with np.errstate(all="ignore"):
        diagonal = power**2 / (twice * (twice + 2.0))
    diagonal[0] = power / (power + 2.0)
    n, twice = n[1:], twice[1:]
    beside = np.sqrt(4.0 * n**2 * (n + power) ** 2 / (twice**2 * (twice**2 - 1.0)))
    if count > 1:
        beside[0] = np.sqrt(4.0 * (1.0 + power) / ((2.0 + power) ** 2 * (3.0 + power)))
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return 0.5 + 0.5 * nodes, vectors[0] ** 2 / (power + 1.0)
