"""Sign changes and levels: known places, touches that are none, what is not decided, and how far it reaches."""

from __future__ import annotations

import math
import pickle

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from symntk.errors import SymntkError
from symntk.language.forms.general_form import derivative, general_form
from symntk.language.forms.pieces import resolve
from symntk.language.forms.roots import sign_changes
from symntk.language.intervals import interval
from symntk.language.numbers import number_function
from symntk.language.special.table import rows
from symntk.language.symbols import x
from symntk.language.text.parser import parse

CHANGES = [
    ("tanh(x)-1/2", [0.5493061443340548]),
    ("tanh(x)**2-1/4", [-0.5493061443340548, 0.5493061443340548]),
    ("exp(x)-x-2", [-1.8414056604369606, 1.1461932206205825]),
    ("sin(x)-x/10", [-8.423203932, -7.068174358, -2.852341894, 0, 2.852341894, 7.068174358, 8.423203932]),
    ("x**5-x-1", [1.1673039782614187]),
    ("x*exp(-x**2)-1/10", [0.10102584831568519, 1.679630595829]),
    ("exp(-1e4*(exp(x)-7)**2)-1/2", [math.log(7 + side * math.sqrt(math.log(2) / 1e4)) for side in (-1, 1)]),
    ("x**3-3*x+2", [-2]),
    ("x-sin(x)", [0]),
    ("x**2/8-log(1+x**2)", [-5.14966201748119, 5.14966201748119]),
    ("exp(-x)-exp(-2*x)", [0]),
    ("x**2-3*x+tanh(x)", [0, 2.6227144927974173]),
    # touches
    ("sin(x)-1", []),
    ("exp(x)-x-1", []),
    ("cosh(x)-1", []),
    ("(tanh(x)-1/2)**2", []),
    ("1-exp(-x**2)", []),
    ("erf(x)-1", []),
    ("cos(x)-1+x**2", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "places"), CHANGES)
def test_every_change_of_sign_is_found(text, places):
    found = sign_changes(parse(text), x)
    assert [float(point) for point in found.points] == pytest.approx(places, rel=1e-8, abs=1e-12)
    assert found.reach == math.inf
    function = number_function(parse(text), x)
    ends = [-9.0, *map(float, found.points), 9.0]
    for low, high, sign in zip(ends[:-1], ends[1:], found.signs, strict=True):
        for share in (0.25, 0.75):
            value = function(mp.mpf(low + share * (high - low)))
            assert sign * value >= 0


def test_roots_are_numbers_of_any_precision():
    (root,) = sign_changes(sp.exp(x) * x - 1, x).points
    with mp.workdps(120):
        assert abs(mp.mpf(root.evalf(110)._to_mpmath(400)) - mp.lambertw(1)) < mp.mpf(10) ** -108
    assert pickle.loads(pickle.dumps(root)) == root  # noqa: S301  made above
    assert root.is_positive and (root - 1).is_negative and not root.free_symbols


def test_exact_places_stay_exact():
    assert resolve(sp.Abs(sp.tanh(x) - sp.Rational(1, 2)), x).breaks == (sp.atanh(sp.Rational(1, 2)),)
    assert resolve(sp.Min(sp.exp(x), 5), x).breaks == (sp.log(5),)
    k = sp.Symbol("k", positive=True)
    assert resolve(sp.Max(0, sp.tanh(k * x) - sp.Rational(1, 2)), x).breaks == (sp.atanh(sp.Rational(1, 2)) / k,)
    pieces = resolve(sp.Abs(sp.sin(3 * x + 1)), x)
    assert all(sp.sin(3 * point + 1).equals(0) for point in pieces.breaks[:3])
    assert pieces.reach == pytest.approx(abs(float(pieces.breaks[0])), rel=0.02)


@pytest.mark.parametrize("text", ["tan(x)", "1/(x-1/3)"])
def test_a_pole_is_no_root_and_is_named(text):
    with pytest.raises(SymntkError, match="near x = "):
        sign_changes(parse(text), x)


@pytest.mark.parametrize(
    "text",
    [
        "floor(x)", "Mod(x,1)", "asin(sin(x))", "atan(tan(x))", "floor(8*tanh(x)+1/2)",
        "floor(x**2)", "Mod(3*x,2)*Heaviside(x)", "Max(sin(x),cos(x))", "Max(tanh(x),x/2,erf(x))",
        "floor(Max(0,Min(3,x))+1/2)", "Max(0,x**3-x-3)", "Mod(-x,3/2)",
    ],
)  # fmt: skip
def test_pieces_are_the_function(text):
    expr = parse(text)
    form = general_form(expr, x)
    breaks = [float(point) for point in form.breaks]
    function = number_function(expr.replace(sp.Mod, lambda p, m: p - m * sp.floor(p / m)), x)
    for point in np.linspace(-9.7, 9.9, 83):
        if abs(point) < form.reach and min((abs(point - b) for b in breaks), default=1.0) > 1e-9:
            part = form.parts[sum(b < point for b in breaks)]
            value, truth = number_function(part, x)(mp.mpf(point)), function(mp.mpf(point))
            assert abs(value - truth) <= 1e-12 * (1 + abs(truth)), point


def test_a_triple_root_among_simple_ones():
    found = sign_changes(sp.tanh(x) - sp.sin(x), x, sp.Integer(-7), sp.Integer(7))
    assert [float(point) for point in found.points] == pytest.approx([-1.875104068711961, 0, 1.875104068711961])
    assert found.signs == (-1, 1, -1, 1)


def test_no_jump_at_a_root():
    form = derivative(general_form(sp.Abs(sp.exp(x) - x - 2), x), x)
    assert form.deltas == () and len(form.breaks) == 2


@pytest.mark.parametrize(
    "head", [sp.Abs, *(one.head for one in rows() if one.interval)], ids=lambda head: head.__name__
)
def test_intervals_hold_every_value(head):
    generator = np.random.default_rng(3)
    low = generator.normal(size=40) * 3.0
    high = low + generator.exponential(size=40)
    if head in (sp.asin, sp.acos):
        low, high = np.tanh(low), np.tanh(high)
    elif head is sp.log:
        low, high = np.exp(low), np.exp(high)
    found = interval(head(x), x)(low, high)
    function = number_function(head(x), x) if head is not sp.Abs else abs
    for share in (0.0, 0.3, 0.8, 1.0):
        for i, point in enumerate(low + share * (high - low)):
            value = function(mp.mpf(min(max(point, low[i]), high[i])))
            assert found.low[i] <= value <= found.high[i]


@pytest.mark.parametrize(
    ("text", "breaks"),
    [
        ("Piecewise((x, tanh(x) > 1/2), (0, True))", [0.5493061443340548]),
        ("Piecewise((tanh(x), exp(x) > x + 2), (0, True))", [-1.8414056604369606, 1.1461932206205825]),
        ("Piecewise((1, (x**5 - x > 1) & (x < 2)), (0, True))", [1.1673039782614187, 2]),
        ("Piecewise((x, sqrt(1 + x**2) > 2), (0, True))", [-math.sqrt(3), math.sqrt(3)]),
    ],
)  # fmt: skip
def test_conditions_hold_any_function(text, breaks):
    assert [float(point) for point in resolve(parse(text), x).breaks] == pytest.approx(breaks, rel=1e-12)
