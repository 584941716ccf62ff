"""Panels against brute force: dense composite rules over both variables, which know the features and no edges.

Two panel widths must agree before they judge.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf

from symntk.emit.runtime.panels import _panel_expectation
from tests.emit.edges import edges_of

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
# formula, function, kinks, features (place, width)
FUNCTIONS = {
    "sum of soft steps": (
        "tanh(x-1)+exp(-100*(x-1/2)**2)+1/(1+exp(-x))",
        lambda x: np.tanh(x - 1.0) + np.exp(-100.0 * (x - 0.5) ** 2) + 0.5 + 0.5 * np.tanh(0.5 * x),
        [],
        [(1.0, 0.5), (0.5, 0.05), (0.0, 1.0)],
    ),
    "dead zone": (
        "Piecewise((tanh(x-1/2), x > 1/2), (tanh(x+1/2), x < -1/2), (0, True))",
        lambda x: np.where(x > 0.5, np.tanh(x - 0.5), np.where(x < -0.5, np.tanh(x + 0.5), 0.0)),
        [-0.5, 0.5],
        [(-0.5, 0.3), (0.5, 0.3)],
    ),
    "polynomial of degree 19 on an interval": (
        "Piecewise((x**7*(1-x**2)**6, Abs(x) < 1), (0, True))",
        lambda x: np.where(np.abs(x) < 1.0, x**7 * (1.0 - x * x) ** 6, 0.0),
        [-1.0, 1.0],
        [(-1.0, 0.05), (1.0, 0.05), (0.0, 0.1)],
    ),
    "wave in a bell": (
        "cos(6*x+1/3)*exp(-x**2/4)/(1+exp(-9*x))",
        lambda x: np.cos(6.0 * x + 1.0 / 3.0) * np.exp(-0.25 * x * x) * (0.5 + 0.5 * np.tanh(4.5 * x)),
        [],
        [(place, 10.0) for place in np.linspace(-9.0, 9.0, 41)] + [(0.0, 0.1)],
    ),
    "steep and far": (
        "1+erf(20*(x-1/4))+1/(1+(30*(x-2))**2)",
        lambda x: 1.0 + erf(20.0 * (x - 0.25)) + 1.0 / (1.0 + (30.0 * (x - 2.0)) ** 2),
        [],
        [(0.25, 0.02), (2.0, 0.015)],
    ),
}
EDGES = {name: edges_of(formula) for name, (formula, *_) in FUNCTIONS.items()}
# variances, correlation, means
LAWS = [
    (1.3, 0.7, 0.4, 0.0, 0.0),
    (0.3, 2.0, -0.93, 1.1, -2.0),
    (0.01, 30.0, 0.6, -1.5, 4.0),
    (1e-6, 1.0, -0.5, 0.45, 0.0),
    (1e6, 0.2, 0.3, 0.0, 1.0),
    (0.02, 0.03, 0.999, -1.0, -1.2),
    (1.0, 1.0, 1.0, 0.0, 0.0),
    (2.0, 0.5, -1.0, 0.3, 0.1),
    (1e4, 1e-2, 1.0, 3.0, 0.5),
]


def rule(places, ratio, finest, window):
    """Panels that grow geometrically from every place: nodes, and weights times the density."""
    steps = finest * ratio ** np.arange(int(np.log(3.0 * window / finest) / np.log(ratio)) + 2)
    cuts = [np.arange(-window, window, 1.5 * (ratio - 1.0)), [window]]
    for place, width in places:
        grown = steps[(steps > 0.3 * (ratio - 1.0) * min(width, 1.0)) & (steps < 3000.0 * width)]
        cuts += [[place], place + grown, place - grown]
    ends = np.unique(np.clip(np.concatenate(cuts), -window, window))
    half, middle = 0.5 * np.diff(ends)[:, None], 0.5 * (ends[1:] + ends[:-1])[:, None]
    z = (middle + half * NODES).ravel()
    return z, (half * WEIGHTS).ravel() * np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)


def brute(first, second, law, ratio):
    """E[f(u) g(v)] and √(E f² · E g²)."""
    _, f, _, near_f = FUNCTIONS[first]
    _, g, _, near_g = FUNCTIONS[second]
    a, b, rho, m1, m2 = law
    sigma, other = np.sqrt(a), np.sqrt(b)
    slope, blur = rho * other, np.sqrt((1.0 - rho) * (1.0 + rho)) * other
    places = [((x - m1) / sigma, w / sigma) for x, w in near_f]
    places += [((x - m2) / slope, np.hypot(w, 0.5 * blur) / abs(slope)) for x, w in near_g]
    z, weight = rule(places, ratio, 1e-7, 11.0)
    square = np.sum(weight * f(m1 + sigma * z) ** 2)
    y, share = rule([((x - m2) / other, w / other) for x, w in near_g], ratio, 1e-7, 11.0)
    scale = np.sqrt(square * np.sum(share * g(m2 + other * y) ** 2))
    weight = weight * f(m1 + sigma * z)
    centre = m2 + slope * z
    if blur == 0.0:
        return np.sum(weight * g(centre)), scale
    total = 0.0
    kept = np.abs(weight) > 1e-15 * np.max(np.abs(weight))
    for mean, part in zip(centre[kept], weight[kept], strict=True):
        y, share = rule([((x - mean) / blur, w / blur) for x, w in near_g], ratio, 1e-7, 9.5)
        total += part * np.sum(share * g(mean + blur * y))
    return total, scale


@pytest.mark.parametrize("first", FUNCTIONS)
def test_laws_of_all_kinds(first):
    names = list(FUNCTIONS)
    for index, law in list(enumerate(LAWS))[names.index(first) % 2 :: 2]:
        second = names[(names.index(first) + index) % len(names)]
        truth, scale = brute(first, second, law, 2.2)
        if index in (1, 2):
            assert abs(brute(first, second, law, 1.8)[0] - truth) <= 1e-13 * scale
        a, b, rho, m1, m2 = law
        root = np.sqrt(a * b)
        entry = [np.array([x]) for x in (a, b, rho * root, np.sqrt((1.0 - rho) * (1.0 + rho)) * root, m1, m2)]
        sides = [(FUNCTIONS[name][1], [(x, 0.0) for x in FUNCTIONS[name][2]]) for name in (first, second)]
        (f, f_knots), (g, g_knots) = sides
        found = _panel_expectation(f, g, f_knots, g_knots, *entry, (), (), EDGES[first], EDGES[second])[0]
        assert abs(found - truth) <= 1e-12 * scale, (second, law)
