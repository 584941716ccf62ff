"""What mean-field theory must know of a unit: expectations of its activation and of its slope, derived and compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy as sp

from symntk.errors import DivergenceError, DomainError, FormulaError
from symntk.kernels.expectation import TOLERANCE, Expectation
from symntk.kernels.function import Function, as_function
from symntk.language.forms.general_form import parity
from symntk.language.symbols import x
from symntk.language.tables.activations import ACTIVATIONS

_LEAST = 1e-15
"""1 − ρ² is at least this times 1 + m1²/a + m2²/b: what rounding leaves of it, and of the exponents divided by it."""
_SMALLEST = 1e-140
_NARROW = 1e-12
"""A variance is at least this times the mean's square: below, φ is its value at the mean to all digits that remain."""
_CLOSED = "closed form"

Map = Callable[..., Any]


class Units:
    """Expectations of φ and φ' over normal variables, with means; every one is derived by the engine.

    u and v have variances a, b, means m1, m2 and covariance c. Closed forms run as the plain lines that the engine
    writes, without the bounds of rounding errors that `Expectation` carries: a value's error is some units of rounding
    of its largest term, which is all that a sum over time can use. What is not closed is computed by `Expectation`
    itself, within `tol`.

    Args:
        activation: name, formula or SymPy expression, without free parameters.
        means: False for odd units without mean, whose centred expectations are faster.
        tol: the error allowed where there is no closed form, relative to √(E f² · E g²).

    >>> units = Units("relu")
    >>> print(units.product(1.0, 2.0, 0.5, 0.3, -0.2).round(12), units.slopes(1.0, 2.0, 0.5, 0.3, -0.2).round(12))
    0.416753951641 0.328070864557
    >>> print(units.rate(0.0, 1.0).round(12), units.gain(0.0, 1.0).round(12))
    0.398942280401 0.5
    """

    def __init__(self, activation: Any, *, means: bool = True, tol: float = TOLERANCE) -> None:
        self.activation = as_function(activation, ACTIVATIONS)
        self.means, self.tol = means, tol
        if self.activation.parameters:
            listed = ", ".join(s.name for s in self.activation.parameters)
            raise FormulaError(str(self), f"{listed} has no value", "a number in its place, as in leaky_relu(0.1)")
        self.slope = self.activation.derivative

    @property
    def is_odd(self) -> bool:
        """Whether φ(−x) = −φ(x)."""
        return bool(parity(self.activation.general, x) == -1)

    def product(self, a: Any, b: Any, c: Any, m1: Any = 0.0, m2: Any = 0.0) -> Any:
        """The product q = E[φ(u) φ(v)]; arguments broadcast."""
        return self._product(a, b, c, m1, m2)

    def slopes(self, a: Any, b: Any, c: Any, m1: Any = 0.0, m2: Any = 0.0) -> Any:
        """The product of slopes q' = E[φ'(u) φ'(v)] = ∂q/∂c (Price's theorem); arguments broadcast."""
        return self._slopes(a, b, c, m1, m2)

    def rate(self, m: Any, a: Any) -> Any:
        """The rate ν = E[φ(u)]."""
        return self._rate(m, a)

    def gain(self, m: Any, a: Any) -> Any:
        """∂ν/∂m = E[φ'(u)]."""
        return self._gain(m, a)

    def power(self, m: Any, a: Any) -> Any:
        """E[φ(u)²], q at full correlation."""
        return self._power(m, a)

    def sharpness(self, m: Any, a: Any) -> Any:
        """E[φ'(u)²], q' at full correlation.

        Raises:
            DivergenceError: φ jumps, as sign does: infinitesimal perturbations grow infinitely fast.
        """
        return self._sharpness(m, a)

    @cached_property
    def method(self) -> str:
        """How q is computed, "closed form" or the name of a quadrature."""
        return self._pair(self.activation).method

    @cached_property
    def _product(self) -> Map:
        return _two_variables(self._pair(self.activation))

    @cached_property
    def _slopes(self) -> Map:
        self._refuse_jumps()
        return _two_variables(self._pair(self.slope))

    @cached_property
    def _rate(self) -> Map:
        return _one_variable(self._single(self.activation))

    @cached_property
    def _gain(self) -> Map:
        return _one_variable(self._single(self.slope))

    @cached_property
    def _power(self) -> Map:
        return self._square(self.activation)

    @cached_property
    def _sharpness(self) -> Map:
        self._refuse_jumps()
        return self._square(self.slope)

    def _pair(self, one: Function) -> Expectation:
        return Expectation(one, one, means=self.means, tol=self.tol)

    def _single(self, one: Function) -> Expectation:
        return Expectation(one, as_function(1), means=self.means, tol=self.tol)

    def _square(self, one: Function) -> Map:
        """E[f(u)²]: of the function f², or of the pair at full correlation where only that is closed, as for erf."""
        square, pair = self._single(_squared(one)), self._pair(one)
        if square.method == _CLOSED or pair.method != _CLOSED or pair.diagonal.diverges:
            return _one_variable(square)
        # through its bounds of rounding errors: at small variances the terms of the pair cancel
        return (lambda m, a: pair(a, a, a, m, m)) if self.means else (lambda m, a: pair(a, a, a) + 0.0 * m)

    def _refuse_jumps(self) -> None:
        diagonal = self._pair(self.slope).diagonal
        if diagonal.diverges:
            wrong = f"E[φ'(u) φ'(v)] {diagonal} at full correlation: infinitesimal perturbations grow infinitely fast"
            raise DivergenceError(f"the Lyapunov exponent of {self}", wrong, "a continuous activation")

    def __str__(self) -> str:
        return f"units with the activation {self.activation.name}"


@lru_cache(maxsize=64)
def shared_units(activation: Any, means: bool, tol: float) -> Units:
    """Units that all networks with this activation use: what is derived and compiled once stays so."""
    return Units(activation, means=means, tol=tol)


def _squared(one: Function) -> Function:
    square = one.expression**2
    if square.has(sp.I):  # a wave's slope is written as e^{ix}; its square is wanted as a wave again
        square = sp.expand(sp.expand(square).rewrite(sp.cos))
    return Function(f"({one.name})**2", square)


def _two_variables(E: Expectation) -> Map:
    """E as a function of flat arrays a, b, c, m1, m2."""
    formula = _plain(E)
    if formula is None:
        means = E.means

        def checked(a: Any, b: Any, c: Any, m1: Any, m2: Any) -> Any:
            full = np.sqrt(np.multiply(a, b))
            c = np.clip(c, -full, full)
            return E(a, b, c, m1, m2) if means else E(a, b, c)

        return checked

    def plain(a: Any, b: Any, c: Any, m1: Any, m2: Any) -> Any:
        a, b = np.maximum(a, _SMALLEST + _NARROW * m1 * m1), np.maximum(b, _SMALLEST + _NARROW * m2 * m2)
        least = np.minimum(_LEAST * (1.0 + m1 * m1 / a + m2 * m2 / b), 0.5)
        full = np.sqrt(a * b * (1.0 - least))
        c = np.clip(c, -full, full)
        det = np.maximum(a * b - c * c, least * a * b)
        with np.errstate(all="ignore"):
            value = formula(a, b, c, det, np.sqrt(det), m1, m2)
        return _full(value, np.broadcast_shapes(det.shape, np.shape(m1), np.shape(m2)))

    return plain


def _one_variable(E: Expectation) -> Map:
    """E[f(u)] as a function of the mean and the variance."""
    formula = _plain(E)
    if formula is None:
        return (lambda m, a: E(a, 1.0, 0.0, m)) if E.means else (lambda m, a: E(a, 1.0, 0.0) + 0.0 * m)

    def plain(m: Any, a: Any) -> Any:
        a, m = np.maximum(a, _SMALLEST), np.asarray(m)
        with np.errstate(all="ignore"):
            value = formula(a, 1.0, 0.0, a, np.sqrt(a), m, 0.0)
        return _full(value, np.broadcast_shapes(a.shape, m.shape))

    return plain


def _full(value: Any, shape: tuple[int, ...]) -> Any:
    """The value in the arguments' shape; of a linear function it is one number."""
    return np.asarray(value)[()] if np.shape(value) == shape else np.full(shape, value)


def _plain(E: Expectation) -> Map | None:
    """The closed form as compiled lines in a, b, c, det, d, m1, m2; None where there is none.

    Raises:
        DomainError: the expectation exists for small variances only.
    """
    from symntk.emit.compile import functions
    from symntk.emit.formula import formula
    from symntk.emit.maps import Map as Closed
    from symntk.emit.targets.numpy import NUMPY

    written = E.as_map("plain_map")
    if E.conditions:
        wrong = f"it exists only where {', '.join(str(c) for c in E.conditions)}"
        raise DomainError(str(E), wrong, "an activation that grows less")
    if not isinstance(written, Closed):
        return None
    code = NUMPY.write(formula("plain_map", written.value).definition)
    function: Map = functions(code)["plain_map"]
    return function
