"""Running error bounds: evaluate any formula on numbers that carry a bound of their absolute rounding error.

    value, bound = formula(_Tracked(a), _Tracked(c, error_of_c), …)

|true − value| ≤ bound, where "true" is the formula in exact arithmetic at any inputs within their own bounds. Entries
whose bound is too large for the answer take another route. Arithmetic is that of intervals in midpoint–radius form
(Rump 1999, Fast and parallel interval arithmetic), the functions' own errors a few units in the last place. An entry
with a NaN, an overflow, a division by what may be zero or an argument that may leave its domain has an infinite
bound, whatever happens to it later. Evaluate under `np.errstate(all="ignore")`: such entries would warn.

One law has a class of its own, in Python's floats: the same bounds at a fiftieth of the time. What these refuse, such
as a division by 0, is an ArithmeticError or a ValueError, and the law takes the way of arrays.

Copied verbatim into exported modules, which import NumPy only.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

# Twice the rounding of one operation; the other half covers the roundings of the bound itself.
_UNIT = 2.0**-52
# Relative error allowed to a library function: a few units in the last place.
_LIBRARY = 8.0 * _UNIT
# What an underflow may lose: a few of the smallest subnormal numbers.
_UNDERFLOW = 2.0**-1070
# The roundings of bounds of sums and of products.
_SUM_SLACK = 1.0 + 4.0 * _UNIT
_PRODUCT_SLACK = 1.0 + 8.0 * _UNIT


class _Tracked:
    """Float64 values with bounds of their absolute errors: + − × ÷, unary − and constant powers.

    The other operand may be a float or an array. Arrays and integers are exact; a Python float that is no multiple of
    2**-20, such as 1/3 or π, is taken as rounded.

    >>> x = (_Tracked(np.array([1.0, 1e8])) + 1.0) - np.array([1.0, 1e8])
    >>> print(x.value, (x.error < 1e-14).tolist())
    [1. 1.] [True, False]
    """

    # NumPy arrays on the left leave the operation to this class.
    __array_ufunc__ = None

    def __init__(self, value: np.ndarray | float, error: np.ndarray | float = 0.0) -> None:
        self.value: np.ndarray = np.asarray(value, dtype=np.float64)
        known = np.isfinite(self.value) & np.isfinite(error)
        self.error: np.ndarray = np.where(known, error, np.inf)

    def __neg__(self) -> _Tracked:
        return _Tracked(-self.value, self.error)

    def __add__(self, other: _Tracked | np.ndarray | float) -> _Tracked:
        y = _track(other)
        value = self.value + y.value
        return _Tracked(value, (self.error + y.error) * (1.0 + 4.0 * _UNIT) + _UNIT * np.abs(value))

    def __sub__(self, other: _Tracked | np.ndarray | float) -> _Tracked:
        return self + -_track(other)

    def __mul__(self, other: _Tracked | np.ndarray | float) -> _Tracked:
        y = _track(other)
        value = self.value * y.value
        passed = np.abs(self.value) * y.error + (np.abs(y.value) + y.error) * self.error
        return _Tracked(value, passed * (1.0 + 8.0 * _UNIT) + _UNIT * np.abs(value) + _UNDERFLOW)

    def __truediv__(self, other: _Tracked | np.ndarray | float) -> _Tracked:
        y = _track(other)
        value = self.value / y.value
        smallest = (np.abs(y.value) - y.error) * (1.0 - _UNIT)
        passed = (self.error + (np.abs(value) + _UNDERFLOW) * y.error + _UNDERFLOW) / smallest
        passed = np.where(smallest > 0.0, passed, np.inf)
        return _Tracked(value, passed * (1.0 + 8.0 * _UNIT) + _UNIT * np.abs(value) + _UNDERFLOW)

    def __radd__(self, other: np.ndarray | float) -> _Tracked:
        return self + other

    def __rsub__(self, other: np.ndarray | float) -> _Tracked:
        return _track(other) - self

    def __rmul__(self, other: np.ndarray | float) -> _Tracked:
        return self * other

    def __rtruediv__(self, other: np.ndarray | float) -> _Tracked:
        return _track(other) / self

    def __pow__(self, exponent: float) -> _Tracked:
        """A constant power; unless it is a positive integer, the base must be known not to be 0.

        With r the relative error of the base: (1 + r)^n − 1 for integers n > 0, else the larger (1 − r)^-|n| − 1.
        """
        if exponent == 0.5:
            return _t_sqrt(self)  # type: ignore[no-any-return]
        value = self.value**exponent
        size, magnitude = np.abs(value), np.abs(self.value)
        if exponent >= 1.0 and exponent == int(exponent):
            passed = np.where(
                self.error < magnitude,
                size * np.expm1(exponent * np.log1p(self.error / magnitude)),
                (magnitude + self.error) ** exponent,
            )
        else:
            shrunk = np.where(self.error < magnitude, np.log1p(-self.error / magnitude), -np.inf)
            passed = np.where(self.error > 0.0, size * np.expm1(-abs(exponent) * shrunk), 0.0)
        rounded = 0.0 if _is_exact(exponent) else abs(exponent) * _UNIT * np.abs(np.log(magnitude))
        return _Tracked(value, passed * (1.0 + 1e-12) + (_LIBRARY + rounded) * size + _UNDERFLOW)


class _TrackedOne:
    """One float64 value with a bound of its absolute error, by the rules of `_Tracked`, in Python's floats.

    With an array, or a function that has no rule of its own for one value, it becomes a `_Tracked`.

    >>> x = 1.0 - _TrackedOne(0.3, 1e-17) ** 2
    >>> print(x.value, x.error < 5e-16, type(np.ones(2) * x).__name__)
    0.91 True _Tracked
    """

    __slots__ = ("error", "value")
    __array_ufunc__ = None

    def __init__(self, value: float, error: float = 0.0) -> None:
        self.value = value
        self.error = error

    def __neg__(self) -> _TrackedOne:
        return _TrackedOne(-self.value, self.error)

    def __add__(self, other: Any) -> Any:
        y = other if type(other) is _TrackedOne else _track_one(other)
        if y is None:
            return _track(self) + other
        value = self.value + y.value
        return _TrackedOne(value, (self.error + y.error) * _SUM_SLACK + _UNIT * abs(value))

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __mul__(self, other: Any) -> Any:
        y = other if type(other) is _TrackedOne else _track_one(other)
        if y is None:
            return _track(self) * other
        value = self.value * y.value
        passed = abs(self.value) * y.error + (abs(y.value) + y.error) * self.error
        return _TrackedOne(value, passed * _PRODUCT_SLACK + _UNIT * abs(value) + _UNDERFLOW)

    def __truediv__(self, other: Any) -> Any:
        y = other if type(other) is _TrackedOne else _track_one(other)
        if y is None:
            return _track(self) / other
        value = self.value / y.value
        smallest = (abs(y.value) - y.error) * (1.0 - _UNIT)
        passed = (self.error + (abs(value) + _UNDERFLOW) * y.error + _UNDERFLOW) / smallest
        passed = passed if smallest > 0.0 else math.inf
        return _TrackedOne(value, passed * _PRODUCT_SLACK + _UNIT * abs(value) + _UNDERFLOW)

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __rtruediv__(self, other: Any) -> Any:
        y = _track_one(other)
        return other / _track(self) if y is None else y / self

    def __pow__(self, exponent: float) -> _TrackedOne:
        """A constant power, as that of `_Tracked`."""
        if exponent == 2.0:
            return self * self  # type: ignore[no-any-return]
        if exponent == 0.5:
            return self.sqrt()
        whole = exponent == int(exponent)
        if self.value < 0.0 and not whole:
            raise ValueError("a broken power of a negative number")
        value, magnitude = self.value**exponent, abs(self.value)
        size, passed = abs(value), 0.0
        if self.error == 0.0:
            pass
        elif exponent >= 1.0 and whole:
            near = self.error < magnitude
            share = math.expm1(exponent * math.log1p(self.error / magnitude)) if near else 0.0
            passed = size * share if near else (magnitude + self.error) ** exponent
        else:
            passed = size * math.expm1(-abs(exponent) * math.log1p(-self.error / magnitude))
        rounded = 0.0 if _is_exact(exponent) else abs(exponent) * _UNIT * abs(math.log(magnitude))
        return _TrackedOne(value, passed * (1.0 + 1e-12) + (_LIBRARY + rounded) * size + _UNDERFLOW)

    def sqrt(self) -> _TrackedOne:
        """The root, as `_t_sqrt` has it."""
        value, passed = math.sqrt(self.value), 0.0
        if self.error != 0.0:
            passed = self.error / (value + math.sqrt(max(self.value - self.error, 0.0)))
            passed = min(passed, math.sqrt(self.error))
        return _TrackedOne(value, passed * (1.0 + 8.0 * _UNIT) + _UNIT * value)


def _track_one(x: Any) -> _TrackedOne | None:
    """A Python number with its bound, as `_track` has it; None for what is none."""
    if isinstance(x, float):
        return _TrackedOne(x, 0.0 if (x * 1048576.0).is_integer() else _UNIT * abs(x))
    return _TrackedOne(float(x)) if isinstance(x, int) else None


def _ones(*arguments: Any) -> list[_TrackedOne] | None:
    """All as single values with bounds, where one of them is and the others are numbers; else None."""
    if not any(type(x) is _TrackedOne for x in arguments):
        return None
    found = [x if type(x) is _TrackedOne else _track_one(x) for x in arguments]
    return None if None in found else found  # type: ignore[return-value]


def _track(x: Any) -> _Tracked:
    """`x` with its bound: 0 for arrays, integers and short binary fractions, one rounding for other Python floats."""
    if isinstance(x, _Tracked):
        return x
    if isinstance(x, _TrackedOne):
        return _Tracked(x.value, x.error)
    return _Tracked(x) if not isinstance(x, float) or _is_exact(x) else _Tracked(x, _UNIT * abs(x))


def _is_exact(x: float) -> bool:
    """Whether a constant is a multiple of 2**-20, and so hardly the rounding of another number."""
    return float(x * 2.0**20).is_integer()


def _t_sqrt(x: Any) -> Any:
    """√x for an x known not to be negative; its error is that of x over √x + √(x − error), and at most √error."""
    if type(x) is _TrackedOne:
        return x.sqrt()
    x = _track(x)
    value = np.sqrt(x.value)
    passed = np.fmin(x.error / (value + np.sqrt(np.maximum(x.value - x.error, 0.0))), np.sqrt(x.error))
    return _Tracked(value, passed * (1.0 + 8.0 * _UNIT) + _UNIT * value)


def _t_exp(x: Any) -> Any:
    """e^x, with the error e^x (e^error − 1)."""
    if type(x) is _TrackedOne:
        one = math.exp(x.value)
        passed = one * (math.expm1(x.error) * (1.0 + _LIBRARY) + _LIBRARY)
        return _TrackedOne(one, passed + _UNDERFLOW * math.exp(x.error))
    x = _track(x)
    value = np.exp(x.value)
    return _Tracked(value, value * (np.expm1(x.error) * (1.0 + _LIBRARY) + _LIBRARY) + _UNDERFLOW * np.exp(x.error))


def _t_sin(x: Any) -> _Tracked:
    """Sine."""
    x = _track(x)
    value = np.sin(x.value)
    return _Tracked(value, x.error * (1.0 + _LIBRARY) + _LIBRARY * np.abs(value))


def _t_cos(x: Any) -> _Tracked:
    """Cosine."""
    x = _track(x)
    value = np.cos(x.value)
    return _Tracked(value, x.error * (1.0 + _LIBRARY) + _LIBRARY * np.abs(value))


def _t_atan2(y: Any, x: Any) -> Any:
    """atan2(y, x): a point that moves by e at distance r turns by at most arcsin(e/r), unless it may cross the cut."""
    if type(y) is _TrackedOne and type(x) is _TrackedOne:
        angle = math.atan2(y.value + 0.0, x.value)
        turned = math.hypot(y.error, x.error) / math.hypot(y.value, x.value) * (1.0 + _LIBRARY)
        crossed = y.error > 0.0 and abs(y.value) <= y.error and x.value < x.error
        turn = math.asin(turned) if turned < 1.0 and not crossed else math.inf
        return _TrackedOne(angle, turn * (1.0 + _LIBRARY) + _LIBRARY * abs(angle) + _UNDERFLOW)
    y, x = _track(y), _track(x)
    value = np.arctan2(y.value + 0.0, x.value)  # −0 is 0
    share = np.hypot(y.error, x.error) / np.hypot(y.value, x.value) * (1.0 + _LIBRARY)
    crosses = (y.error > 0.0) & (np.abs(y.value) <= y.error) & (x.value < x.error)
    passed = np.where((share < 1.0) & ~crosses, np.arcsin(np.minimum(share, 1.0)), np.inf)
    return _Tracked(value, passed * (1.0 + _LIBRARY) + _LIBRARY * np.abs(value) + _UNDERFLOW)


def _t_where(condition: Any, x: Any, y: Any) -> _Tracked:
    """Choose x where `condition`, else y; the condition counts as known."""
    x, y = _track(x), _track(y)
    return _Tracked(np.where(condition, x.value, y.value), np.where(condition, x.error, y.error))
