"""Running error bounds: evaluate any formula on numbers that carry a bound of their absolute rounding error.

    value, bound = formula(_Tracked(a), _Tracked(c, error_of_c), …)

|true − value| ≤ bound, where "true" is the formula in exact arithmetic at any inputs within their own bounds. Entries
whose bound is too large for the answer take another route. Arithmetic is that of intervals in midpoint–radius form
(Rump 1999, Fast and parallel interval arithmetic), the functions' own errors a few units in the last place. An entry
with a NaN, an overflow, a division by what may be zero or an argument that may leave its domain has an infinite
bound, whatever happens to it later. Evaluate under `np.errstate(all="ignore")`: such entries would warn.

Copied verbatim into exported modules, which import NumPy and SciPy only.
"""

from __future__ import annotations

import numpy as np
import scipy.special as special

# Twice the rounding of one operation; the other half covers the roundings of the bound itself.
_UNIT = 2.0**-52
# Relative error allowed to a library function: a few units in the last place.
_LIBRARY = 8.0 * _UNIT
# What an underflow may lose: a few of the smallest subnormal numbers; erfc returns 0 already below the normal ones.
_UNDERFLOW = 2.0**-1070
_EARLY_UNDERFLOW = 2.0**-1020


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
            return _t_sqrt(self)
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


def _track(x: _Tracked | np.ndarray | float) -> _Tracked:
    """`x` with its bound: 0 for arrays, integers and short binary fractions, one rounding for other Python floats."""
    if isinstance(x, _Tracked):
        return x
    return _Tracked(x) if not isinstance(x, float) or _is_exact(x) else _Tracked(x, _UNIT * abs(x))


def _is_exact(x: float) -> bool:
    """Whether a constant is a multiple of 2**-20, and so hardly the rounding of another number."""
    return float(x * 2.0**20).is_integer()


def _t_sqrt(x: _Tracked | np.ndarray | float) -> _Tracked:
    """√x for an x known not to be negative; its error is that of x over √x + √(x − error), and at most √error."""
    x = _track(x)
    value = np.sqrt(x.value)
    passed = np.fmin(x.error / (value + np.sqrt(np.maximum(x.value - x.error, 0.0))), np.sqrt(x.error))
    return _Tracked(value, passed * (1.0 + 8.0 * _UNIT) + _UNIT * value)


def _t_abs(x: _Tracked | np.ndarray | float) -> _Tracked:
    """|x|."""
    x = _track(x)
    return _Tracked(np.abs(x.value), x.error)


def _t_exp(x: _Tracked | np.ndarray | float) -> _Tracked:
    """e^x, with the error e^x (e^error − 1)."""
    x = _track(x)
    value = np.exp(x.value)
    return _Tracked(value, value * (np.expm1(x.error) * (1.0 + _LIBRARY) + _LIBRARY) + _UNDERFLOW * np.exp(x.error))


def _t_log(x: _Tracked | np.ndarray | float) -> _Tracked:
    """Natural logarithm, where x can only be positive."""
    x = _track(x)
    value = np.log(x.value)
    passed = np.where(x.error < x.value, -np.log1p(-x.error / x.value), np.inf)
    return _Tracked(value, passed * (1.0 + _LIBRARY) + _LIBRARY * np.abs(value))


def _t_sin(x: _Tracked | np.ndarray | float) -> _Tracked:
    """Sine."""
    x = _track(x)
    value = np.sin(x.value)
    return _Tracked(value, x.error * (1.0 + _LIBRARY) + _LIBRARY * np.abs(value))


def _t_cos(x: _Tracked | np.ndarray | float) -> _Tracked:
    """Cosine."""
    x = _track(x)
    value = np.cos(x.value)
    return _Tracked(value, x.error * (1.0 + _LIBRARY) + _LIBRARY * np.abs(value))


def _t_atan2(y: _Tracked | np.ndarray | float, x: _Tracked | np.ndarray | float) -> _Tracked:
    """atan2(y, x): a point that moves by e at distance r turns by at most arcsin(e/r), unless it may cross the cut."""
    y, x = _track(y), _track(x)
    value = np.arctan2(y.value + 0.0, x.value)  # −0 is 0
    share = np.hypot(y.error, x.error) / np.hypot(y.value, x.value) * (1.0 + _LIBRARY)
    crosses = (y.error > 0.0) & (np.abs(y.value) <= y.error) & (x.value < x.error)
    passed = np.where((share < 1.0) & ~crosses, np.arcsin(np.minimum(share, 1.0)), np.inf)
    return _Tracked(value, passed * (1.0 + _LIBRARY) + _LIBRARY * np.abs(value) + _UNDERFLOW)


def _t_atan(x: _Tracked | np.ndarray | float) -> _Tracked:
    """Arctangent."""
    return _t_atan2(x, 1.0)


def _t_erf(x: _Tracked | np.ndarray | float) -> _Tracked:
    """Error function; the slope is largest at the end of the interval nearest to 0."""
    x = _track(x)
    value = special.erf(x.value)
    return _Tracked(value, _erf_slope(x) * x.error + _LIBRARY * np.abs(value) + _UNDERFLOW)


def _t_erfc(x: _Tracked | np.ndarray | float) -> _Tracked:
    """Complement of erf; the library's relative error grows with the rounding of x² in its exponential."""
    x = _track(x)
    value = special.erfc(x.value)
    own = (_LIBRARY + _UNIT * np.maximum(x.value, 0.0) ** 2) * value
    return _Tracked(value, _erf_slope(x) * x.error + own + _EARLY_UNDERFLOW)


def _t_erfcx(x: _Tracked | np.ndarray | float) -> _Tracked:
    """e^{x²} erfc x; it is convex and falls, so that its slope is largest at the lower end of the interval."""
    x = _track(x)
    value = special.erfcx(x.value)
    low = x.value - x.error
    at_low = special.erfcx(low)
    # |slope| = 2/√π − 2x·erfcx(x) ≤ erfcx(x)/x for x > 0, where the difference cancels.
    slope = np.where(low > 1.0, at_low / low, 2.0 / np.sqrt(np.pi) - 2.0 * low * at_low)
    own = (_LIBRARY + _UNIT * np.minimum(x.value, 0.0) ** 2) * value
    return _Tracked(value, slope * x.error * (1.0 + _LIBRARY + _UNIT * low * low) + own + _UNDERFLOW)


def _erf_slope(x: _Tracked) -> np.ndarray:
    """The largest slope of erf on the interval, with room for its own rounding."""
    nearest = np.maximum(np.abs(x.value) - x.error, 0.0)
    slope: np.ndarray = 1.2 * np.exp(-nearest * nearest)
    return slope


def _t_where(condition: np.ndarray, x: _Tracked | np.ndarray | float, y: _Tracked | np.ndarray | float) -> _Tracked:
    """Choose x where `condition`, else y; the condition counts as known."""
    x, y = _track(x), _track(y)
    return _Tracked(np.where(condition, x.value, y.value), np.where(condition, x.error, y.error))


def _t_call(
    value: np.ndarray, slopes: list[np.ndarray], arguments: list[_Tracked], relative: np.ndarray | float
) -> _Tracked:
    """Any other function from its value, its partial derivatives there, its arguments and its own relative error.

    First order: the bound is Σ |slope| · error + relative · |value|, true while slopes change little within the errors.

    >>> x = _Tracked(np.array(2.0), 1e-10)
    >>> cube = _t_call(x.value**3, [3.0 * x.value**2], [x], 1e-15)
    >>> print(cube.value, round(float(cube.error), 12))
    8.0 1.2e-09
    """
    passed: np.ndarray = np.zeros(np.shape(value))
    for slope, argument in zip(slopes, arguments, strict=True):
        passed = passed + np.where(argument.error > 0.0, np.abs(slope) * argument.error, 0.0)
    return _Tracked(value, passed + relative * np.abs(value) + _UNDERFLOW)
