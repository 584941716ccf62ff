"""Expectation: E[f(u) g(v)] as the user holds it. A thin object over the rooms below; nothing is computed twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from mpmath import mp

from symntk.derive.diagonal import Diagonal
from symntk.derive.step import Step
from symntk.errors import DivergenceError, DomainError, FormulaError, SymntkError
from symntk.kernels.arguments import not_too_deep, other_names, real_array
from symntk.kernels.certain import certain_value
from symntk.kernels.differentiated import differentiated
from symntk.kernels.function import Function, as_function, check_where
from symntk.kernels.solution import Growing, Solution, solution_of
from symntk.language.symbols import STATE, STATE_NAMES, x
from symntk.language.tables.registry import exact
from symntk.verify.evaluate import evaluate, scalar

if TYPE_CHECKING:  # a formula alone needs no code: what writes and compiles it is imported where it is used
    from symntk.emit.maps import AnyMap

TOLERANCE = 1e-10
"""The default bound of the error, relative to √(E f² · E g²), where there is no closed form."""
FINEST, COARSEST = 1e-11, 1e-3
_SMALLEST = 1e-70  # of a parameter's size, and the inverse of the largest: fourth powers are float64 numbers
_KEPT = 64  # values of parameters for which a plan is remembered


class Expectation:
    """F(m1, m2, a, b, c) = E[f(u) g(v)], (u, v) ~ N((m1, m2), [[a, c], [c, b]]).

    >>> E = expectation("sign", "erf")
    >>> print(E.expression)
    2*asin(sqrt(2)*c/(sqrt(a)*sqrt(2*b + 1)))/pi
    >>> float(E(1.0, 1.0, 0.5).round(12))
    0.267720472801
    """

    def __init__(self, f: Function, g: Function, *, means: bool = False, tol: float = TOLERANCE) -> None:
        self.f, self.g, self.means = f, g, means
        names = [s.name for s in self.parameters]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            wrong = f"two parameters of f and g are called {', '.join(twice)} but have different assumptions"
            raise FormulaError(str(self), wrong, "one symbol for both")
        try:
            self.tol = float(tol)
        except (TypeError, ValueError):
            self.tol = float("nan")
        if not FINEST <= self.tol <= COARSEST:
            wrong = f"tol = {str(tol)[:40]!r} cannot be kept"
            raise FormulaError(str(self), wrong, f"tol between {FINEST} and {COARSEST}")
        self._at: dict[tuple[float, ...], Expectation] = {}

    @cached_property
    @not_too_deep
    def solution(self) -> Solution:
        """How it is answered."""
        return solution_of(self.f, self.g, means=self.means, tol=self.tol)

    @property
    @not_too_deep
    def derivation(self) -> Step:
        """The tree of steps, or the integral that remains and why; prints as text."""
        return self.solution.derivation

    @property
    @not_too_deep
    def expression(self) -> sp.Expr | None:
        """The closed form in the symbols a, b, c (m1, m2 with means) and the parameters; None where there is none."""
        return self.solution.expression

    def diff(self, *names: Any) -> sp.Expr:
        """The derivative of `expression` by symbols of these names: a `Symbol("c")` of one's own is another one."""
        return differentiated(self, names)

    @property
    @not_too_deep
    def method(self) -> str:
        """How the expectation is computed: "closed form", "one-dimensional", "mixture", "series and quadrature"."""
        return self.solution.method

    @property
    @not_too_deep
    def error_bound(self) -> float:
        """A bound of the method's error relative to √(E f² · E g²); 0 for a closed form.

        A delta counts as its weight times its density at the mean. Of a function that is infinite at a place, like
        |x − t|^p with −1 < p ≤ −1/2, the square has no mean: E|f| takes the place of √(E f²). Then the value may be
        larger than the product of the two, as it is next to a full correlation where it is infinite; there the bound is
        relative to the value.
        """
        return self.solution.error_bound

    @property
    @not_too_deep
    def terms(self) -> str:
        """What is summed where there is no closed form: nodes of a mixture, edges between panels; empty else."""
        return getattr(self.solution, "terms", "")

    @property
    @not_too_deep
    def integral(self) -> sp.Expr:
        """The integral that remains, unevaluated; the closed form where there is one."""
        return self.solution.integral()

    @cached_property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The free symbols besides the covariance and the means, by name."""
        return tuple(sorted({*self.f.parameters, *self.g.parameters}, key=lambda s: s.name))

    @property
    @not_too_deep
    def conditions(self) -> tuple[sp.Basic, ...]:
        """Inequalities under which the expectation exists; none where it always does."""
        return self.solution.conditions

    @property
    @not_too_deep
    def diagonal(self) -> Diagonal:
        """The behaviour at full correlation, v = u: finite, or divergent with its rate."""
        return self.solution.diagonal

    @not_too_deep
    def __call__(
        self, /, var_u: Any, var_v: Any = None, cov: Any = None, mean_u: Any = 0.0, mean_v: Any = 0.0, **parameters: Any
    ) -> Any:
        """The value in float64 (float32 for float32 input); arguments broadcast.

        Args:
            var_u: variance of u, ≥ 0.
            var_v: variance of v, ≥ 0; may be left out where g is a constant.
            cov: covariance, |cov| ≤ √(var_u var_v) up to rounding; may be left out where g is a constant.
            mean_u: mean of u; needs `means=True`.
            mean_v: mean of v; needs `means=True`.
            parameters: a number for each free parameter, by name.

        Raises:
            DomainError: a covariance that is none, or a point where the expectation does not exist; shows the entry.
            DivergenceError: it is infinite there, since a variable of variance 0 is at a delta or a pole, for example.
        """
        self._check_means(mean_u, mean_v)
        var_v, cov = self._second(var_v, cov)
        means = (mean_u, mean_v) if self.means else ()
        numbers = {name: real_array(value, name)[()] for name, value in self._numbers(parameters).items()}
        if numbers and self.solution.needs_numbers:
            return self._with_numbers(numbers)(var_u, var_v, cov, *means)
        for symbol in self.parameters:
            self._check_size(symbol.name, numbers[symbol.name])
        function = self._function if not isinstance(self.solution, Growing) else self._where_it_exists
        try:
            return function(var_u, var_v, cov, *means, **numbers)
        except SymntkError:
            raise
        except ValueError as error:
            raise (DivergenceError if "is infinite" in str(error) else DomainError)(str(self), str(error)) from error
        except OverflowError as error:
            shown = ", ".join(f"{name} = {value}" for name, value in numbers.items())
            wrong = f"the formula holds numbers beyond float64{f' at {shown}' if shown else ''}"
            raise DomainError(str(self), wrong, "other units, or evalf") from error

    def _where_it_exists(self, var_u: Any, var_v: Any, cov: Any, *rest: Any, **parameters: Any) -> Any:
        """The formula in float64 where it holds, and entry by entry the integral where only the mean exists."""
        try:
            return self._function(var_u, var_v, cov, *rest, **parameters)
        except ValueError:
            laws = np.broadcast_arrays(var_u, var_v, cov, *rest, *parameters.values())
            count = 3 + len(rest)
            values = [
                float(self.evalf(*point[:count], dps=17, **dict(zip(parameters, point[count:], strict=True))))
                for point in zip(*(array.ravel().tolist() for array in laws), strict=True)
            ]
            return np.array(values).reshape(laws[0].shape)[()]

    @not_too_deep
    def evalf(
        self,
        var_u: Any,
        var_v: Any = None,
        cov: Any = None,
        mean_u: Any = 0,
        mean_v: Any = 0,
        *,
        dps: int = 50,
        **parameters: Any,
    ) -> Any:
        """The value to `dps` digits of itself, an mpmath number; arguments are as in a call, scalars, and exact.

        Raises:
            VerificationError: others cancel; it says how many digits are known.
            DivergenceError: the point is at full correlation, where the expectation diverges, or a variable of
                variance 0 is where its function is infinite.
        """
        self._check_means(mean_u, mean_v)
        if not isinstance(dps, int) or isinstance(dps, bool) or dps < 1:
            raise DomainError(str(self), f"dps = {str(dps)[:40]!r} is no number of digits", "dps=50")
        var_v, cov = self._second(var_v, cov)
        numbers = dict(zip(STATE, (var_u, var_v, cov, mean_u, mean_v), strict=True))
        for name, value in (by_name := self._numbers(parameters)).items():
            self._real(name, value)
        self._check_point(numbers, values := numbers | {s: by_name[s.name] for s in self.parameters})
        if any(scalar(variance) == 0 for variance in (var_u, var_v)):
            return certain_value(self, values, dps)
        return self.solution.evalf(values, dps)

    @not_too_deep
    def latex(self) -> str:
        """The formula, or the integral that remains, as LaTeX."""
        return str(sp.latex(self.integral))

    @not_too_deep
    def source(self, target: str = "numpy", *, variances: tuple[float, float] | None = None) -> str:
        """Source code that evaluates the expectation and needs neither symntk nor this object.

        Args:
            target: "numpy", "numba", "jax", "torch" or "neural-tangents".
            variances: the least and the largest for which the table of a map without a closed form holds; if not
                given 1e-3 and 1e3, or less where that takes too many numbers; the target "numpy" integrates at any.
        """
        from symntk.kernels.layers import map_text

        return map_text(self, target, variances)

    @cached_property
    def _function(self) -> Callable[..., Any]:
        """The exported map, written and compiled at the first call."""
        from symntk.kernels.layers import compiled_map

        return compiled_map(self.solution, str(self), self.parameters)

    @not_too_deep
    def as_map(self, name: str, title: str = "") -> AnyMap:
        """What the emit room needs to write this expectation as code."""
        if self.parameters and self.solution.needs_numbers:
            listed = ", ".join(s.name for s in self.parameters)
            wrong = f"it is a quadrature, and {listed} has no value: the nodes depend on it"
            raise FormulaError(f"code for {self}", wrong, "numbers in the formula, for example tanh(2*x) for tanh(k*x)")
        found: AnyMap = self.solution.as_map(name, title or str(self), self.parameters)
        return found

    def _with_numbers(self, numbers: dict[str, Any]) -> Expectation:
        """The expectation with numbers for its parameters: what has no closed form is planned for each anew."""
        try:
            key = tuple(float(numbers[s.name]) for s in self.parameters)
        except (TypeError, ValueError) as error:
            wrong = "it is a quadrature, so a parameter is one number, not an array"
            raise DomainError(str(self), wrong, "one call for each value") from error
        if key not in self._at:
            while len(self._at) >= _KEPT:
                del self._at[next(iter(self._at))]
            for symbol, number in zip(self.parameters, key, strict=True):
                self._check_size(symbol.name, number)
            values = {s: exact(number) for s, number in zip(self.parameters, key, strict=True)}
            self._at[key] = Expectation(self.f.at(values), self.g.at(values), means=self.means, tol=self.tol)
        return self._at[key]

    def _check_size(self, name: str, numbers: Any) -> None:
        """Powers of a parameter must neither overflow nor underflow in float64; NaN passes and gives NaN."""
        array = np.abs(np.asarray(numbers, dtype=float))
        extreme = array[(array > 1.0 / _SMALLEST) | ((array < _SMALLEST) & (array != 0.0))]
        if extreme.size:
            wrong = f"|{name}| = {extreme.flat[0]} is too extreme for float64 code"
            raise DomainError(str(self), wrong, "other units, or evalf")

    def _numbers(self, given: dict[str, Any]) -> dict[str, Any]:
        if not given and not self.parameters:
            return given
        names = [s.name for s in self.parameters]
        missing, unknown = [n for n in names if n not in given], [n for n in given if n not in names]
        if missing or unknown:
            raise DomainError(str(self), *other_names(missing, unknown, names))
        for symbol in self.parameters:
            try:
                value = real_array(given[symbol.name], symbol.name)
            except ValueError as error:
                raise DomainError(str(self), str(error)) from error
            if symbol.is_positive and (value <= 0).any():
                raise DomainError(
                    str(self), f"{symbol.name} = {given[symbol.name]}, but it was declared positive", "a positive value"
                )
        return given

    def _second(self, var_v: Any, cov: Any) -> tuple[Any, Any]:
        """Variance of v and covariance; a constant g needs neither.

        Errors: DomainError where one is missing that is needed.
        """
        if var_v is not None and cov is not None:
            return var_v, cov
        missing = [name for name, given in (("var_v", var_v), ("cov", cov)) if given is None]
        if missing and self.g.expression.has(x):
            wrong = f"no value for {' and '.join(missing)}; g = {self.g.name} is no constant"
            raise DomainError(str(self), wrong, "E(var_u, var_v, cov)")
        return 1 if var_v is None else var_v, 0 if cov is None else cov

    def _check_means(self, mean_u: Any, mean_v: Any) -> None:
        if self.means or (type(mean_u) is type(mean_v) is float and mean_u == mean_v == 0.0):
            return
        try:
            centred = not (real_array(mean_u, "mean_u").any() or real_array(mean_v, "mean_v").any())
        except ValueError as error:
            raise DomainError(str(self), str(error)) from error
        if not centred:
            raise DomainError(str(self), "it was derived for means of zero", "expectation(f, g, means=True)")

    def _check_point(self, numbers: dict[sp.Symbol, Any], values: dict[sp.Symbol, Any]) -> None:
        shown = ", ".join(f"{n} = {v}" for n, v in zip(STATE_NAMES, numbers.values(), strict=True))
        with mp.workdps(400):  # enough for products of the given numbers to be exact
            a, b, c, m1, m2 = (self._real(name, n) for name, n in zip(STATE_NAMES, numbers.values(), strict=True))
            if not (a >= 0 and b >= 0 and c * c <= a * b * (1 + mp.mpf(10) ** -12)):
                raise DomainError(
                    str(self), f"this is no covariance: {shown}", "var_u, var_v ≥ 0 and cov² ≤ var_u·var_v"
                )
            identical = c > 0 and c * c >= a * b and a == b and m1 == m2
        for condition in self.conditions:
            if evaluate(condition.gts - condition.lts, values, dps=20) <= 0:
                raise DivergenceError(str(self), f"it is infinite, since not {condition}, at {shown}")
        if identical and self.diagonal.diverges:
            raise DivergenceError(
                str(self), f"at full correlation it {self.diagonal}", "a correlation below 1 in magnitude"
            )

    def _real(self, name: str, given: Any) -> Any:
        """A scalar as an mpmath number."""
        try:
            return scalar(given)
        except (TypeError, ValueError, AttributeError) as error:
            try:
                shape = real_array(given, name).shape
            except ValueError as said:
                raise DomainError(str(self), str(said)) from said
            wrong = f"{name} = {str(given)[:60]!r} of shape {shape} is not one real number"
            raise DomainError(str(self), wrong, "one number") from error

    def __getstate__(self) -> dict[str, Any]:
        """What the expectation is, without its solution and compiled code: a copy finds them again."""
        return {"f": self.f, "g": self.g, "means": self.means, "tol": self.tol}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._at = {}

    def __str__(self) -> str:
        return f"E[f(u) g(v)] with f = {self.f.name}, g = {self.g.name}"

    def __repr__(self) -> str:
        return f"<Expectation {self}: {self.method}>"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


@not_too_deep
def expectation(
    f: Any, g: Any = 1, *, means: bool = False, tol: float = TOLERANCE, where: Mapping[str, str] | None = None
) -> Expectation:
    """Derive E[f(u) g(v)] for a bivariate normal (u, v).

    Args:
        f: a SymPy expression in one real symbol, a string in SymPy's function names, or a registered name.
        g: the same; 1 for the expectation of f alone.
        means: whether u and v have means (m1, m2 in the formula) or are centred.
        tol: the largest error relative to √(E f² · E g²) where there is no closed form; a looser one takes fewer terms.
        where: "real" or "positive" for parameters of strings; positive where nothing is said.

    Raises:
        FormulaError: a string that is not in the language, or a function that is not finite and real.

    >>> print(expectation("Max(0, x)", "erf(x)").expression)
    c/(sqrt(pi)*sqrt(2*b + 1))
    >>> print(expectation("exp(x)", means=True).expression)
    exp(a/2 + m1)
    >>> E = expectation("sigmoid", means=True)
    >>> print(E.method, E.error_bound)
    one-dimensional 1e-10
    >>> E = expectation("Heaviside(x - theta)", where={"theta": "real"})
    >>> print(E(1.0, theta=-0.3).round(12))
    0.617911422189
    """
    result = Expectation(as_function(f, where=where), as_function(g, where=where), means=means, tol=tol)
    check_where(where, result.f, result.g)
    refuse_early(result.f, result.g)
    return result


def refuse_early(*functions: Function) -> None:
    """Raise now, not at first use, what is no finite real function; with parameters, where numbers are given."""
    for function in functions:
        if function.normal is None and not function.parameters:
            from symntk.emit.general import known_shape

            known_shape(function.general)
        elif function.normal is None:
            _ = function.general
