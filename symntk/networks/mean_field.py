"""Mean-field facts of deep networks: fixed points of the variance, χ₁, the edge of chaos, depth scales.

Sources: Poole, Lahiri, Raghu, Sohl-Dickstein & Ganguli 2016 (arXiv 1606.05340, section 2: the maps of variance
and correlation, χ₁); Schoenholz, Gilmer, Ganguli & Sohl-Dickstein 2017 (arXiv 1611.01232, sections 2 and 3: depth
scales). The maps are those of the kernels, so the activation may be any.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.optimize

from symntk.errors import DivergenceError, DomainError
from symntk.kernels.expectation import Expectation
from symntk.kernels.function import Function
from symntk.kernels.kernels import Kernels
from symntk.language.symbols import x
from symntk.networks.layers import layer_map, numbers_for

RANGE = (1e-10, 1e10)
"""Variances between which fixed points are looked for."""
_POINTS = 241
_FLAT = 1e-9
_NEXT_TO_ONE = 1e-12
_SMALLEST = 1e-24  # stands for a variance that tends to 0; what a kink at 0 adds is of the order of its root


@dataclass(frozen=True)
class FixedPoint:
    """A variance q* = σ_w² E[σ(√q* z)²] + σ_b².

    Attributes:
        variance: q*.
        slope: derivative of the variance map at q*; a deviation from q* is multiplied by it in each layer.
    """

    variance: float
    slope: float

    @property
    def is_stable(self) -> bool:
        """Whether layers bring nearby variances closer."""
        return abs(self.slope) < 1.0

    @property
    def depth_scale(self) -> float:
        """ξ_q = −1/ln|slope|: layers in which a deviation falls e-fold; inf where it does not fall."""
        return _depth_scale(self.slope)


@dataclass(frozen=True)
class CorrelationPoint:
    """The correlation to which two inputs tend.

    Attributes:
        correlation: c*.
        slope: derivative of the correlation map at c*, χ₁ where c* = 1.
        chi: χ₁, the derivative at full correlation; inf where E[σ'²] is infinite.
    """

    correlation: float
    slope: float
    chi: float

    @property
    def phase(self) -> str:
        """Either "ordered" (χ₁ < 1: inputs become equal), "chaotic" (χ₁ > 1: close inputs part) or "critical"."""
        if abs(self.chi - 1.0) <= _FLAT:
            return "critical"
        return "ordered" if self.chi < 1.0 else "chaotic"

    @property
    def depth_scale(self) -> float:
        """ξ_c = −1/ln|slope|: layers in which a deviation from c* falls e-fold; inf at the edge of chaos."""
        return _depth_scale(self.slope)


class MeanField:
    """The maps of variance and correlation from layer to layer of wide networks with one activation.

    Weights have the standard deviation σ_w/√n, biases σ_b, as in `Network`.

    Args:
        kernels: the activation's `Kernels`.
        parameters: a number for each of its free parameters.

    >>> import symntk
    >>> field = MeanField(symntk.derive("erf"))
    >>> print(round(field.edge_of_chaos(0.0) ** 2 * 4 / np.pi, 6))  # χ₁ = σ_w² · 4/π at variance 0
    1.0
    >>> [point] = [p for p in field.fixed_points(2.0, 0.3) if p.is_stable]
    >>> print(round(point.variance, 6), round(field.correlation(2.0, 0.3).correlation, 6))
    2.631001 0.186602
    """

    def __init__(self, kernels: Kernels, **parameters: float) -> None:
        if not isinstance(kernels, Kernels):
            raise DomainError("mean-field theory", f"{kernels!r} is no Kernels", "symntk.derive(...)")
        self.kernels = kernels
        self.numbers = numbers_for(str(self), [kernels.nngp, kernels.ntk], parameters)

    def variance_map(self, variance: Any, weight_std: float, bias_std: float = 0.0) -> Any:
        """The next layer's variance, σ_w² E[σ(√q z)²] + σ_b²; broadcasts over q > 0."""
        weight, bias = self._scales(weight_std, bias_std)
        return weight * self._square(self._variance(variance)) + bias

    def slope(self, variance: Any, weight_std: float) -> Any:
        """Derivative of the variance map, σ_w² (E[u² σ(u)²]/q − E[σ(u)²])/(2q) with u ~ N(0, q), q > 0.

        For smooth σ it is σ_w² E[σ'² + σ σ''] (by Stein's lemma); this form serves jumps, too.
        """
        q = self._variance(variance)
        weight = self._scales(weight_std, 0.0)[0]
        moment = layer_map(self._moment, self.numbers)(q, q, q, None)
        return weight * (moment / q - self._square(q)) / (2.0 * q)

    def chi(self, variance: Any, weight_std: float) -> Any:
        """χ₁ = σ_w² E[σ'(u)²], u ~ N(0, q): the derivative of the correlation map at 1 where q is a fixed point.

        Raises:
            DivergenceError: E[σ'²] is infinite, as for sign: nearby inputs part at any σ_w.
        """
        self._refuse_infinite("χ₁")
        return self._scales(weight_std, 0.0)[0] * self._gain(self._variance(variance))

    def fixed_points(self, weight_std: float, bias_std: float = 0.0) -> list[FixedPoint]:
        """All fixed points of the variance map between 1e-10 and 1e10, and 0 where it is one, from least to greatest.

        Empty where there is none: then the variance grows without bound, or beyond the range. Variances at which the
        map has no value in float64, as where large ones leave nothing of a wave, are passed over; `variance_map` names
        the reason.

        Raises:
            DomainError: every variance is a fixed point, as for ReLU at σ_w² = 2, σ_b = 0.
        """
        weight, bias = self._scales(weight_std, bias_std)
        grid = np.geomspace(*RANGE, _POINTS)
        gap = (weight * _known(self._square, grid) + bias) / grid - 1.0
        if np.all(np.isnan(gap)):
            self._square(grid)  # names the reason
        if np.all(np.abs(gap[~np.isnan(gap)]) <= _FLAT):
            wrong = f"every variance is a fixed point at weight_std = {weight_std:g}, bias_std = {bias_std:g}"
            raise DomainError(str(self), wrong, "another weight_std or bias_std")
        found = []
        if float(weight * self._square(np.zeros(1))[0] + bias) < _SMALLEST**3:
            found.append(FixedPoint(0.0, float(weight * self._square(np.array([_SMALLEST]))[0] / _SMALLEST)))

        def excess(log: float) -> float:
            q = np.exp(log)
            return float((weight * self._square(np.array([q]))[0] + bias) / q - 1.0)

        # a gap that is rounding, as next to the fixed point 0 with slope 1, has no sign
        signs = np.where(np.abs(gap) <= _FLAT, 0.0, np.sign(gap))
        for log in _roots(excess, np.log(grid), signs):
            q = float(np.exp(log))
            found.append(FixedPoint(q, float(self.slope(q, weight_std))))
        return found

    def fixed_point(self, weight_std: float, bias_std: float = 0.0) -> FixedPoint:
        """The stable fixed point, the largest where there are several.

        Raises:
            DomainError: none is stable; the message says what the variance does.
        """
        points = self.fixed_points(weight_std, bias_std)
        stable = [p for p in points if p.is_stable]
        if not stable:
            at = f"at weight_std = {weight_std:g}, bias_std = {bias_std:g}"
            shown = ", ".join(f"{p.variance:.6g} with slope {p.slope:.6g}" for p in points)
            grid = np.geomspace(*RANGE, _POINTS)
            moved = _known(lambda q: self.variance_map(q, weight_std, bias_std), grid)
            grown = bool(np.any((moved > grid)[~np.isnan(moved)][-1:]))
            wrong = f"the variance has no stable fixed point {at}"
            wrong += f"; fixed points: {shown}" if shown else ""
            wrong += "; large variances grow from layer to layer" if grown else ""
            raise DomainError(str(self), wrong, "a smaller weight_std" if grown else "a larger bias_std")
        return stable[-1]

    def correlation_map(self, correlation: Any, variance: float, weight_std: float, bias_std: float = 0.0) -> Any:
        """The next layer's correlation, (σ_w² E[σ(u) σ(v)] + σ_b²)/q, for inputs of variance q, a fixed point."""
        weight, bias = self._scales(weight_std, bias_std)
        q, c = self._variance(variance), np.asarray(correlation, dtype=float)
        value = layer_map(self.kernels.nngp, self.numbers)(q, q, q * c, None)
        return (weight * value + bias) / q

    def correlation(self, weight_std: float, bias_std: float = 0.0) -> CorrelationPoint:
        """The stable fixed point c* in [0, 1] of the correlation map at the stable variance.

        Its power series in c has coefficients ≥ 0 (Mehler), so it is convex on [0, 1]: where χ₁ ≤ 1, c* = 1; where
        χ₁ > 1 there is exactly one other fixed point, and that is stable.

        Raises:
            DomainError: no stable variance, or it is 0, where correlations are not defined.
        """
        q = self.fixed_point(weight_std, bias_std).variance
        if q == 0.0:
            wrong = f"the variance tends to 0 at weight_std = {weight_std:g}, bias_std = {bias_std:g}"
            raise DomainError(str(self), wrong, "a larger weight_std, or bias_std > 0")
        chi = np.inf if self.kernels.ntk.diagonal.diverges else float(self.chi(q, weight_std))
        if chi <= 1.0 + _FLAT:
            return CorrelationPoint(1.0, chi, chi)

        def excess(c: float) -> float:
            return float(self.correlation_map(c, q, weight_std, bias_std)) - c

        high = 0.5
        while excess(high) >= 0.0 and 1.0 - high > _NEXT_TO_ONE:
            high = 1.0 - 0.5 * (1.0 - high)
        if excess(0.0) <= _FLAT:
            c = 0.0
        elif excess(high) < 0.0:
            c = float(scipy.optimize.brentq(excess, 0.0, high, xtol=1e-13, rtol=1e-13))
        else:
            return CorrelationPoint(1.0, chi, chi)
        gain = layer_map(self.kernels.ntk, self.numbers)(*np.array([[q], [q], [q * c]]), None)
        return CorrelationPoint(c, float(weight_std**2 * gain[0]), chi)

    def edge_of_chaos(self, bias_std: Any, *, missing: str = "raise") -> Any:
        """The σ_w at which χ₁ = 1 at the fixed point of the variance, for each σ_b of an array or number.

        The line is a curve in q: χ₁ = 1 gives σ_w² = 1/E[σ'²], the fixed point σ_b² = q − E[σ²]/E[σ'²]; the q that
        belongs to σ_b is bracketed on a logarithmic grid and refined, and the variance must be stable there. Without
        bias the point may be the limit q → 0, or every q as for ReLU; there the variance map has slope 1.

        Args:
            bias_std: σ_b ≥ 0, a number or an array of any shape.
            missing: "raise", or "nan" for NaN at each σ_b that has no such σ_w, as where a line is drawn.

        Returns:
            A number, or an array of the shape of bias_std.

        Raises:
            DivergenceError: χ₁ is infinite (sign): all (σ_w, σ_b) are chaotic.
            DomainError: no variance up to 1e10 belongs to a σ_b, or none that is stable, as for GELU at small σ_b,
                where the stable variance is ordered until it vanishes; the first such entry is named.

        >>> import symntk
        >>> print(MeanField(symntk.derive("relu")).edge_of_chaos([0.0, 0.1], missing="nan").round(6))
        [1.414214      nan]
        """
        self._refuse_infinite("the edge of chaos")
        if missing not in ("raise", "nan"):
            raise DomainError(str(self), f"missing = {missing!r}", "'raise' or 'nan'")
        given = self._numbers("bias_std", bias_std)
        if not np.all(np.isfinite(given) & (given >= 0)):
            raise DomainError(str(self), f"bias_std = {bias_std!r}", "finite numbers of at least 0")
        found = np.empty(given.shape)
        for index, one in np.ndenumerate(given):
            try:
                found[index] = self._edge(float(one))
            except DomainError as error:
                if missing == "raise" and given.ndim:
                    where = index[0] if given.ndim == 1 else index
                    wrong, advice = f"at index {where}: {error.wrong}", f"{error.advice}; or missing='nan'"
                    raise DomainError(str(self), wrong, advice) from error
                if missing == "raise":
                    raise
                found[index] = np.nan
        return found if given.ndim else float(found)

    def _edge(self, bias_std: float) -> float:
        grid, line = self._edge_line
        if bias_std == 0.0 and abs(self._line(np.array([_SMALLEST]))[0]) <= _FLAT:
            # at variance 0, or at every variance for homogeneous activations
            return float(self._gain(np.array([_SMALLEST]))[0] ** -0.5)
        target = bias_std**2

        def excess(log: float) -> float:
            q = np.array([np.exp(log)])
            return float((self._line(q) - target / q)[0])

        roots = _roots(excess, np.log(grid), np.sign(line - target / grid))
        if not roots:
            raise DomainError(str(self), *self._no_edge(bias_std))
        scales = [float(self._gain(np.array([np.exp(log)]))[0] ** -0.5) for log in roots]
        slopes = [float(self.slope(np.exp(log), w)) for log, w in zip(roots, scales, strict=True)]
        for weight_std, slope in zip(scales, slopes, strict=True):
            if abs(slope) < 1.0:
                return weight_std
        shown = f"weight_std = {scales[0]:.6g}, variance {np.exp(roots[0]):.6g} with slope {slopes[0]:.6g}"
        wrong = f"at bias_std = {bias_std:g} χ₁ = 1 only where the variance is not stable: {shown}"
        raise DomainError(str(self), wrong, "another bias_std, or fixed_points(weight_std, bias_std)")

    def _no_edge(self, bias_std: float) -> tuple[str, str]:
        """Why no variance belongs to this σ_b, and what to try."""
        grid, line = self._edge_line
        wrong = f"no variance from {RANGE[0]:g} to {RANGE[1]:g} is a fixed point with χ₁ = 1 at bias_std = {bias_std:g}"
        if not np.any(line):
            return wrong, "bias_std = 0"
        reached = np.sqrt((line * grid)[line > 0])
        if not len(reached):
            return wrong, "correlation(weight_std, bias_std).phase, which is one and the same at all scales"
        return wrong, f"bias_std between {np.min(reached):.3g} and {np.max(reached):.3g}"

    @cached_property
    def _edge_line(self) -> tuple[Any, Any]:
        """Variances q and σ_b²(q)/q on the line χ₁ = 1, rounding set to 0."""
        grid = np.geomspace(*RANGE, _POINTS)
        line = self._line(grid)
        return grid, np.where(np.abs(line) <= _FLAT, 0.0, line)

    def _line(self, q: Any) -> Any:
        """σ_b²(q)/q where χ₁ = 1; −1 where the moments are beyond float64, or χ₁ is 0."""
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            line = 1.0 - _known(self._square, q) / _known(self._gain, q) / q
        return np.where(np.isfinite(line), line, -1.0)

    @cached_property
    def _moment(self) -> Expectation:
        """E[u σ(u) v σ(v)]."""
        one = Function(f"x*({self.kernels.activation.name})", x * self.kernels.activation.expression)
        return Expectation(one, one, tol=self.kernels.tol)

    def _square(self, q: Any) -> Any:
        return layer_map(self.kernels.nngp, self.numbers)(q, q, q, None)

    def _gain(self, q: Any) -> Any:
        return layer_map(self.kernels.ntk, self.numbers)(q, q, q, None)

    def _refuse_infinite(self, what: str) -> None:
        diagonal = self.kernels.ntk.diagonal
        if diagonal.diverges:
            wrong = (
                f"E[σ'²] is infinite, since E[σ'(u) σ'(v)] {diagonal} at full correlation: χ₁ = ∞ for every weight_std"
            )
            raise DivergenceError(f"{what} of {self.kernels.activation.name}", wrong, "a continuous activation")

    def _numbers(self, name: str, given: Any) -> Any:
        try:
            return np.asarray(given, dtype=float)
        except (TypeError, ValueError) as error:
            raise DomainError(str(self), f"{name} = {given!r} is not numbers", "a number, or an array") from error

    def _variance(self, given: Any) -> Any:
        q = self._numbers("variance", given)
        if not np.all(np.isfinite(q) & (q > 0)):
            raise DomainError(str(self), f"variance {given!r}", "finite variances above 0")
        return q

    def _scales(self, weight_std: float, bias_std: float) -> tuple[float, float]:
        try:
            weight, bias = float(weight_std), float(bias_std)
        except (TypeError, ValueError):
            weight = bias = np.nan
        if not (np.isfinite(weight) and weight > 0 and np.isfinite(bias) and bias >= 0):
            raise DomainError(
                str(self), f"weight_std = {weight_std!r}, bias_std = {bias_std!r}", "two numbers, σ_w > 0 and σ_b ≥ 0"
            )
        return weight**2, bias**2

    def __str__(self) -> str:
        return f"the mean-field theory of {self.kernels.activation.name}"

    def __repr__(self) -> str:
        return f"<MeanField of {self.kernels.activation.name}>"


def _known(function: Any, q: Any) -> Any:
    """The function at flat variances q, NaN where it refuses one."""
    try:
        return function(q)
    except DomainError:
        if len(q) == 1:
            return np.full(1, np.nan)
        half = len(q) // 2
        return np.concatenate([_known(function, q[:half]), _known(function, q[half:])])


def _roots(function: Any, grid: Any, signs: Any) -> list[float]:
    """A root in each interval of the grid over which the sign changes; zeros on the grid between two signs, too.

    NaN is no sign, and nothing is looked for beside it.
    """
    known = np.flatnonzero(signs)
    out = []
    for left, right in zip(known[:-1], known[1:], strict=True):
        if signs[left] * signs[right] < 0:
            low, high = float(grid[left]), float(grid[right])
            if function(low) * function(high) < 0:
                out.append(float(scipy.optimize.brentq(function, low, high, xtol=1e-13, rtol=1e-13)))
    return out


def _depth_scale(slope: float) -> float:
    size = abs(slope)
    if size == 0.0:
        return 0.0
    return float(-1.0 / np.log(size)) if size < 1.0 - _FLAT else float("inf")
