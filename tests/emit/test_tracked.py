"""The bounds hold: random formulas on random inputs against mpmath at 60 digits; and they are not absurdly large."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symntk.emit.runtime import tracked
from symntk.emit.runtime.tracked import _t_where, _Tracked, _TrackedOne

DIGITS = 60

# name -> (arity, on tracked numbers, exactly)
OPERATIONS = {
    "add": (2, lambda x, y: x + y, lambda x, y: x + y),
    "sub": (2, lambda x, y: x - y, lambda x, y: x - y),
    "mul": (2, lambda x, y: x * y, lambda x, y: x * y),
    "div": (2, lambda x, y: x / y, lambda x, y: x / y),
    "atan2": (2, tracked._t_atan2, mp.atan2),
    "neg": (1, lambda x: -x, lambda x: -x),
    "halve": (1, lambda x: 0.5 * x - 1, lambda x: x / 2 - 1),
    "third": (1, lambda x: 1 / (x + 1 / 3), lambda x: 1 / (x + mp.mpf(1) / 3)),
    "pi": (1, lambda x: np.pi * x, lambda x: mp.pi * x),
    "array": (1, lambda x: np.array(0.1) - x, lambda x: mp.mpf(0.1) - x),
    "square": (1, lambda x: x**2, lambda x: x**2),
    "cube": (1, lambda x: x**3, lambda x: x**3),
    "inverse square": (1, lambda x: x**-2, lambda x: x**-2),
    "root": (1, lambda x: x**0.5, lambda x: mp.sqrt(x)),
    "three halves": (1, lambda x: x**1.5, lambda x: x ** mp.mpf(1.5)),
    "inverse root": (1, lambda x: x**-0.5, lambda x: 1 / mp.sqrt(x)),
    "cube root": (1, lambda x: x ** (1 / 3), lambda x: mp.cbrt(x)),
    "exp": (1, tracked._t_exp, mp.exp),
    "sin": (1, tracked._t_sin, mp.sin),
    "cos": (1, tracked._t_cos, mp.cos),
}

numbers = (
    st.floats(-8.0, 8.0)
    | st.floats(1e-9, 1e-3)
    | st.integers(-3, 3).map(float)
    | st.floats(1 - 1e-9, 1 + 1e-9)
    | st.floats(-1e4, 1e4)
)


def trees(children):
    unary = st.sampled_from([name for name, operation in OPERATIONS.items() if operation[0] == 1])
    binary = st.sampled_from([name for name, operation in OPERATIONS.items() if operation[0] == 2])
    return st.tuples(unary, children) | st.tuples(binary, children, children)


expressions = st.recursive(numbers, trees, max_leaves=8)


class Undefined(Exception):
    """The exact formula has no real value here, or one outside what mpmath should be asked for."""


def exactly(tree):
    if isinstance(tree, float):
        return mp.mpf(tree)
    name, *arguments = tree
    values = [exactly(argument) for argument in arguments]
    if name == "exp" and abs(values[0]) > 1e6:
        raise Undefined
    try:
        value = OPERATIONS[name][2](*values)
    except (ZeroDivisionError, ValueError, OverflowError) as error:
        raise Undefined from error
    if isinstance(value, mp.mpc) or not mp.isfinite(value) or mp.mag(value) > 5000:
        raise Undefined
    return value


def with_bounds(tree, number):
    if isinstance(tree, float):
        return number(tree)
    name, *arguments = tree
    return OPERATIONS[name][1](*(with_bounds(argument, number) for argument in arguments))


def both(tree, number=_Tracked):
    with np.errstate(all="ignore"):
        try:
            computed = with_bounds(tree, number)
        except (ArithmeticError, ValueError):  # a single value is refused
            assert number is _TrackedOne
            computed = _Tracked(np.nan)
    with mp.workdps(DIGITS):
        try:
            return float(computed.value), float(computed.error), exactly(tree)
        except Undefined:
            return float(computed.value), float(computed.error), None


@settings(max_examples=600, deadline=None)
@given(expressions)
@example(("root", ("sub", ("square", 0.1), ("square", 0.1))))
@example(("div", 1.0, ("exp", 1000.0)))
@example(("atan2", ("sub", 1e-9, 1e-9), -1.0))
@example(("mul", ("exp", -740.0), ("exp", 700.0)))
@example(("root", ("third", -1 / 3)))
@pytest.mark.parametrize("number", [_Tracked, _TrackedOne])
def test_the_bound_is_never_exceeded(number, tree):
    value, bound, truth = both(tree, number)
    if number is _Tracked:
        assert bound >= 0.0
        assert np.isfinite(value) or bound == np.inf
    else:  # an infinite value may have no bound
        assert bound >= 0.0 or np.isnan(bound)
        assert np.isfinite(value) or not bound < np.inf
    if truth is None or not np.isfinite(bound):
        return
    # mpmath's own roundings, amplified as the formula amplifies them, stay far below float64's.
    with mp.workdps(DIGITS):
        assert abs(mp.mpf(value) - truth) <= mp.mpf(bound) * (1 + mp.mpf(10) ** -30) + mp.mpf(10) ** -50


def test_the_bound_is_not_absurd():
    from random import Random

    random, ratios, infinite = Random(0), [], 0

    def grow(depth):
        if depth == 0 or random.random() < 0.15:
            return random.choice([random.uniform(-4, 4), random.uniform(0, 2), random.uniform(0.9, 1.1)])
        name = random.choice(list(OPERATIONS))
        return (name, *(grow(depth - 1) for _ in range(OPERATIONS[name][0])))

    while len(ratios) < 400:
        value, bound, truth = both(grow(4))
        if truth is None or truth == 0:
            continue
        if not np.isfinite(bound):
            infinite += 1
            continue
        with mp.workdps(DIGITS):
            # The rounding of the result is always there: a luckily exact result is no measure.
            actual = max(abs(mp.mpf(value) - truth), abs(truth) * mp.mpf(2) ** -54)
            ratios.append(float(mp.mpf(bound) / actual))
    assert np.median(ratios) < 100.0
    assert infinite < 40


def test_given_errors_are_carried():
    x = _Tracked(np.array([1.0, 4.0]), np.array([0.25, 0.5]))
    for operation, exact in [(tracked._t_sqrt, np.sqrt), (tracked._t_exp, np.exp), (lambda y: 1 / y, lambda y: 1 / y)]:
        result = operation(x)
        for side in (-1.0, 1.0):
            moved = np.abs(exact(x.value + side * x.error) - exact(x.value))
            assert np.all(moved <= result.error) and np.all(result.error < 2.0 * moved + 0.1)


def test_what_is_not_known_has_an_infinite_bound():
    with np.errstate(all="ignore"):
        nan, huge, loose = _Tracked(np.nan), _Tracked(1e200), _Tracked(0.5, 1.0)
        unknown = [
            nan + 1.0,
            nan**0,
            huge * huge,
            1.0 / (huge * huge),
            1.0 / loose,
            loose**-1,
            tracked._t_exp(_Tracked(-1.0, np.inf)),
            tracked._t_exp(_Tracked(800.0)),
            1.0 / tracked._t_exp(_Tracked(800.0)),
            tracked._t_sqrt(_Tracked(-1e-20, 1e-19)),
            tracked._t_exp(1.0 / _Tracked(0.0)),
            tracked._t_atan2(_Tracked(0.0, 1e-9), -1.0),
            tracked._t_atan2(0.0, _Tracked(0.0)),
        ]
    assert all(result.error == np.inf for result in unknown)
    assert (huge * 0.0).error < 1e-300


def test_arrays_constants_and_choices():
    x = np.array([1.0, 2.0]) * _Tracked(np.array([[3.0], [4.0]])) / np.array([2.0, 2.0])
    assert isinstance(x, _Tracked) and x.value.shape == x.error.shape == (2, 2)
    assert np.all((2.0 - x - 1).error <= 4e-15) and np.all((x + 0.1).error > (x + 0.125).error)
    chosen = _t_where(np.array([True, False]), _Tracked(np.array([1.0, 2.0]), 0.5), 3.0)
    np.testing.assert_array_equal(chosen.value, [1.0, 3.0])
    np.testing.assert_array_equal(chosen.error, [0.5, 0.0])
    with pytest.raises(TypeError):
        2.0**x
    assert (_Tracked(np.zeros(0)) + 1.0).error.shape == (0,)


def test_one_value_has_the_bounds_of_arrays():
    """The same numbers to rounding, also with constants on both sides; with an array it becomes one."""
    x, y = (0.3, 1e-12), (-1.7, 3e-11)
    for name, (arity, operation, _) in OPERATIONS.items():
        if name in {"array", "root", "three halves", "inverse root", "cube root"}:
            continue
        one = operation(*[_TrackedOne(*pair) for pair in (x, y)[:arity]])
        many = operation(*[_Tracked(*pair) for pair in (x, y)[:arity]])
        assert one.value == pytest.approx(float(many.value), rel=1e-15), name
        assert float(one.error) == pytest.approx(float(many.error), rel=1e-6), name
    mixed = np.ones(2) / _TrackedOne(2.0) - _TrackedOne(0.5)
    assert isinstance(mixed, _Tracked) and mixed.value.tolist() == [0.0, 0.0]
    for refused in (lambda: 1.0 / _TrackedOne(0.0), lambda: _TrackedOne(-1.0) ** 1.5):
        with pytest.raises((ArithmeticError, ValueError)):
            refused()
