"""The numbers of a table: from values of a map on lines through a box to a few functions of each variable.

Stages: the map's values on lines through a box of variances and angles come in; the singular vectors of the lines along
one variable are its functions U, V or W, as Chebyshev series; values at the points where these tell most apart give the
small core between them. Values at laws that had no part in this are the check, and the error that is stated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from symntk.emit.runtime.stored import _Stored, _stored_values, _StoredSide

Reference = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(var_u, var_v, cov, det), which broadcast, to E[f(u) g(v)]; ValueError where it has no value.

det = ab − c² comes apart from the covariance, which is rounded: a kink's map is linear in √det.
"""

# what is tried first serves most maps
_POWERS = (0.25, 0.5, 0.125)
_SHARP = (30.0, 1.0, 1e3)
_COUNTS = (32, 64, 128)  # Chebyshev points along one variable, tried in turn
_LINES = (16, 24, 36)
_CHECKS = 400
_DIGITS = 8  # binary digits beyond the tolerance that are kept
_TAIL = 0.5  # of the tolerance, what the terms of a layer may be that are left out
_SCALE_DEGREE = 4


class NoTable(ValueError):
    """There is no table of the map for this box; the text says why."""


@dataclass(frozen=True)
class Box:
    """Where a table holds: the least and the largest variance, the largest |arcsin ρ|; and its tolerance."""

    low: float
    high: float
    reach: float = 0.5 * np.pi
    tolerance: float = 5e-11

    @property
    def least(self) -> float:
        """The least cos θ."""
        return float(np.cos(self.reach)) if self.reach < 0.5 * np.pi else 0.0


def build(reference: Reference, box: Box, *, symmetric: bool, sense: int) -> tuple[_Stored, float]:
    """The numbers, and the error at the laws that check them; arguments as those of `emit.table.table`.

    Raises:
        NoTable: says why.
    """
    with np.errstate(all="ignore"):
        return _Builder(reference, box, symmetric, sense).table()


class _Line:
    """The points of one variable: Chebyshev points of a place in [−1, 1], and what they stand for."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.place = np.cos(np.pi * (np.arange(count) + 0.5) / count)

    def series(self, values: np.ndarray) -> np.ndarray:
        """Chebyshev coefficients of columns of values."""
        matrix = np.cos(np.arange(self.count)[:, None] * (np.pi * (np.arange(self.count) + 0.5) / self.count))
        matrix *= 2.0 / self.count
        matrix[0] *= 0.5
        return np.asarray(matrix @ values)

    def enough(self, values: np.ndarray, tolerance: float) -> bool:
        """Whether the points are enough for columns of values."""
        if not np.all(np.isfinite(values)):
            raise NoTable("the map is not finite in the box")
        largest = np.max(np.abs(self.series(values)), axis=1)
        return bool(np.max(largest[-2 - self.count // 16 :]) <= tolerance)


class _Builder:
    def __init__(self, reference: Reference, box: Box, symmetric: bool, sense: int) -> None:
        self.reference, self.box, self.symmetric, self.sense = reference, box, symmetric, sense
        self.tolerance = box.tolerance
        self.log_middle = 0.5 * np.log(box.low * box.high)
        self.log_half = 0.5 * np.log(box.high / box.low)

    def table(self) -> tuple[_Stored, float]:
        """The numbers and their error."""
        self.scales = self._scales()
        power, count = self._shape_of_sides()
        sharpness, angles = self._shape_of_angles()
        reason = ""
        for lines in _LINES:
            stored = self._trial(power, count, sharpness, angles, lines)
            error = self._check(stored)
            if error <= self.tolerance:
                return stored, error
            reason = f"at other laws it is off by {error:.1e}, more than {self.tolerance:.0e}"
        raise NoTable(reason)

    def values(self, u: np.ndarray, v: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """The map over its scale at log-variances and angles, which broadcast."""
        a, b = np.exp(u), np.exp(v)
        found = self.asked(a, b, np.sin(theta), np.cos(theta))
        return np.asarray(found / np.exp(self.scale(0, u) + self.scale(1, v)))

    def asked(self, a: np.ndarray, b: np.ndarray, sine: np.ndarray, cosine: np.ndarray) -> np.ndarray:
        """The map at variances and angles."""
        full = np.sqrt(a) * np.sqrt(b)
        try:
            return self.reference(a, b, full * sine, (full * cosine) ** 2)
        except ValueError as error:
            raise NoTable(str(error)) from error

    def parts(self, u: np.ndarray, v: np.ndarray, theta: np.ndarray) -> list[np.ndarray]:
        """The map's even part and its odd part over sin θ, None for one that is not there; θ > 0."""
        right = self.values(u, v, theta)
        if self.sense > 0:
            return [right]
        if self.sense < 0:
            return [right / np.sin(theta)]
        left = self.values(u, v, -theta)
        return [0.5 * (right + left), 0.5 * (right - left) / np.sin(theta)]

    def scale(self, side: int, u: np.ndarray) -> np.ndarray:
        """Log of the scale of a side."""
        return np.asarray(np.polynomial.polynomial.polyval((u - self.log_middle) / self.log_half, self.scales[side]))

    def _scales(self) -> list[np.ndarray]:
        """Coefficients of two polynomials, the logarithms of smooth scales of the map: s(a) s(b)."""
        self.scales = [np.zeros(1), np.zeros(1)]
        place = _Line(9).place
        u = self.log_middle + self.log_half * place
        theta = self.box.reach * np.array([-1.0, -0.6, -0.2, 0.2, 0.6, 1.0])
        values = self.values(u[:, None, None], u[None, :, None], theta)
        if not np.all(np.isfinite(values)):
            raise NoTable("the map is not finite in the box")
        size = 0.5 * np.log(np.mean(np.square(values), axis=2))
        if not np.all(np.isfinite(size)):
            raise NoTable("the map is 0 in the box")
        fits = [np.polynomial.polynomial.polyfit(place, size.mean(axis=k), _SCALE_DEGREE) for k in (1, 0)]
        for one in fits:
            one[0] -= 0.5 * size.mean()
        if self.symmetric:
            fits = [0.5 * (fits[0] + fits[1])] * 2
        return fits

    def variance_of(self, power: float, place: np.ndarray) -> np.ndarray:
        """Log-variances at places of [−1, 1]."""
        top = np.tanh(0.5 * power * self.log_half)
        return np.asarray(self.log_middle + 2.0 / power * np.arctanh(top * place))

    def angle_of(self, sharpness: float, place: np.ndarray) -> np.ndarray:
        """Angles θ > 0 at places of [−1, 1], π/2 or the reach at −1."""
        start, end = self.ends(sharpness)
        y = 0.5 * (start + end) + 0.5 * (end - start) * place
        return np.asarray(np.arccos(np.minimum(np.sinh(y) / sharpness, 1.0)))

    def ends(self, sharpness: float) -> tuple[float, float]:
        """The range of arsinh(K cos θ)."""
        return float(np.arcsinh(sharpness * self.box.least)), float(np.arcsinh(sharpness))

    def _shape_of_sides(self) -> tuple[float, int]:
        """A power of the variances with a short series, and how many points it takes."""
        places = np.array([-1.0, -0.6, -0.3, 0.1, 0.5, 1.0])
        other = self.log_middle + self.log_half * places[:, None]
        theta = self.angle_of(30.0, np.array([-0.999, 0.0, 0.9]))
        for count in _COUNTS:
            line = _Line(count)
            for power in _POWERS:
                u = self.variance_of(power, line.place)[:, None, None]
                sides = [(u, other)] if self.symmetric else [(u, other), (other, u)]
                lines = [part.reshape(count, -1) for one, two in sides for part in self.parts(one, two, theta)]
                if line.enough(np.concatenate(lines, axis=1), 0.1 * self.tolerance):
                    return power, count
        raise NoTable(f"variances from {self.box.low:g} to {self.box.high:g} take more than {_COUNTS[-1]} terms")

    def _shape_of_angles(self) -> tuple[float, int]:
        """A sharpness with a short series, and how many points it takes."""
        ends = self.log_middle + self.log_half * np.array([-1.0, -0.5, -0.2, 0.1, 0.7, 1.0])
        for count in _COUNTS:
            line = _Line(count)
            for sharpness in _SHARP:
                theta = self.angle_of(sharpness, line.place)[:, None, None]
                lines = [part.reshape(count, -1) for part in self.parts(ends[:, None], ends, theta)]
                if line.enough(np.concatenate(lines, axis=1), 0.2 * self.tolerance):
                    return sharpness, count
        raise NoTable(f"angles up to {self.box.reach:.4g} take more than {_COUNTS[-1]} terms")

    def _trial(self, power: float, count: int, sharpness: float, angles: int, lines: int) -> _Stored:
        line, turn = _Line(count), _Line(angles)
        u, theta = self.variance_of(power, line.place), self.angle_of(sharpness, turn.place)
        some = self.variance_of(power, np.cos(np.pi * np.arange(lines) / (lines - 1)))
        # through each of some variances lines at a few angles, which differ between them
        every = self.angle_of(sharpness, np.cos(np.pi * (np.arange(3 * lines // 2) + 0.5) / (3 * lines // 2)))
        here = every.reshape(-1, 3).T[np.arange(lines) % 3]
        sides = []
        for side in (0,) if self.symmetric else (0, 1):
            one, two = (u[:, None, None], some[:, None]) if side == 0 else (some[:, None], u[:, None, None])
            found = [part.reshape(count, -1) for part in self.parts(one, two, here)]
            sides.append(self._functions(line, np.concatenate(found, axis=1)))
        sides = sides * (3 - len(sides))
        p, q = self._pairs(lines)
        chosen = (p + q) % 2 == 0
        turns = [self._functions(turn, part) for part in self.parts(some[p[chosen]], some[q[chosen]], theta[:, None])]
        return self._stored(power, sharpness, (line, turn), sides, turns, self._core(u, theta, sides, turns))

    def _pairs(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of indices below a count, one of each two that are exchanged where the map is symmetric."""
        p, q = np.triu_indices(count) if self.symmetric else np.indices((count, count)).reshape(2, -1)
        return p, q

    def _functions(self, line: _Line, values: np.ndarray) -> np.ndarray:
        """The singular vectors of the columns that matter: (n, r), at the line's points."""
        left, sizes, _ = np.linalg.svd(values / np.sqrt(line.count), full_matrices=False)
        rank = max(int(np.sum(sizes > 0.05 * self.tolerance)), 1)
        if rank >= min(values.shape):
            raise NoTable(f"its functions of one variable are more than {rank}")
        return np.asarray(left[:, :rank] * np.sqrt(line.count))

    def _core(self, u: np.ndarray, theta: np.ndarray, sides: list[np.ndarray], turns: list[np.ndarray]) -> np.ndarray:
        """C from the map's values where the functions are told apart best."""
        rows, columns = (_telling(side) for side in sides)
        angles = _telling(max(turns, key=lambda turn: turn.shape[1]))
        if self.symmetric:
            p, q = self._pairs(len(rows))
        else:
            p, q = np.indices((len(rows), len(columns))).reshape(2, -1)
        values = self.parts(u[rows[p]], u[columns[q]], theta[angles][:, None])
        inverses = [np.linalg.inv(side[points]) for side, points in zip(sides, (rows, columns), strict=True)]
        out = []
        for turn, part in zip(turns, values, strict=True):
            grid = np.empty((len(rows), len(columns), len(angles)))
            grid[p, q] = part.T
            if self.symmetric:
                grid[q, p] = part.T
            out.append(np.einsum("ip,jq,kr,pqr->ijk", *inverses, np.linalg.pinv(turn[angles]), grid, optimize=True))
        core = np.concatenate(out, axis=2)
        return np.asarray(0.5 * (core + core.transpose(1, 0, 2)) if self.symmetric else core)

    def _stored(
        self,
        power: float,
        sharpness: float,
        lines: tuple[_Line, _Line],
        sides: list[np.ndarray],
        turns: list[np.ndarray],
        core: np.ndarray,
    ) -> _Stored:
        """All parts together, rounded to what the tolerance leaves of them."""
        weight = [np.max(np.abs(core), axis=axes) for axes in ((1, 2), (0, 2), (0, 1))]
        middle = float(np.exp(power * self.log_middle))
        zeros = [self._at_zero(side) for side in (0, 1)]
        made = []
        for side in (0, 1):
            columns = _rounded(lines[0].series(sides[side]), self.tolerance / np.maximum(weight[side], self.tolerance))
            scale = tuple(float(x) for x in self._in_logs(self.scales[side]))
            made.append(_StoredSide(self.box.low, self.box.high, power, middle, columns, scale, *zeros[side]))
        if self.symmetric:
            made[1] = made[0]
        parts = [np.zeros((1, 0)), np.zeros((1, 0))]
        start = 0
        for index, turn in zip((0, 1) if self.sense == 0 else (0,) if self.sense > 0 else (1,), turns, strict=True):
            each = weight[2][start : start + turn.shape[1]]
            parts[index] = _rounded(lines[1].series(turn), self.tolerance / np.maximum(each, self.tolerance))
            start += turn.shape[1]
        quantum = _quantum(np.array(self.tolerance))
        core = np.round(core / quantum) * quantum
        return _Stored(made[0], made[1], sharpness, self.box.least, parts[0], parts[1], core, _TAIL * self.tolerance)

    def _in_logs(self, polynomial: np.ndarray) -> np.ndarray:
        """Coefficients in powers of the log-variance of a polynomial in its place in the box."""
        place = np.polynomial.Polynomial([-self.log_middle / self.log_half, 1.0 / self.log_half])
        return np.asarray(np.polynomial.Polynomial(polynomial)(place).coef)

    def _at_zero(self, side: int) -> tuple[float, float]:
        """A variance at which the mean of f(u) is far from 0, and f(0) over it."""
        points = np.array([self.box.low, np.exp(self.log_middle), self.box.high])
        other = np.full(3, points[1])
        zero = np.zeros(3)
        try:
            first, second = (points, other) if side == 0 else (other, points)
            found = self.reference(first, second, zero, first * second)
            first, second = (zero, other) if side == 0 else (other, zero)
            sure = self.reference(first, second, zero, zero)
        except ValueError:  # infinite
            return float(points[1]), float("nan")
        best = int(np.argmax(np.abs(found)))
        value = float(sure[0])
        if value and abs(found[best]) < 1e-6 * abs(value):
            return float(points[best]), float("nan")
        return float(points[best]), value / float(found[best]) if value else 0.0

    def _check(self, stored: _Stored) -> float:
        """The largest difference at laws all over the box, over the map's root mean square there."""
        random = np.random.default_rng(7)
        u, v = self.log_middle + self.log_half * random.uniform(-1.0, 1.0, (2, _CHECKS))
        near = random.uniform(0.0, 1.0, _CHECKS) < 0.5
        v = np.where(near, u + 0.1 * random.standard_normal(_CHECKS), v)
        v = np.clip(v, self.log_middle - self.log_half, self.log_middle + self.log_half)
        least = np.cos(self.box.reach)
        cosine = np.where(random.uniform(0.0, 1.0, _CHECKS) < 0.5, 10.0 ** random.uniform(-5.0, 0.0, _CHECKS), 0.0)
        cosine = np.where(cosine > 0.0, cosine, np.cos(random.uniform(0.0, self.box.reach, _CHECKS)))
        cosine = np.clip(cosine, least, 1.0)
        theta = np.arccos(cosine) * np.where(random.uniform(0.0, 1.0, _CHECKS) < 0.5, -1.0, 1.0)
        a, b, sine = np.exp(u), np.exp(v), np.sin(theta)
        full = np.sqrt(a) * np.sqrt(b)
        right = self.asked(a, b, sine, cosine)
        found = _stored_values(stored, a, b, full * sine, full * cosine)
        scale = np.exp(self.scale(0, u) + self.scale(1, v))
        worst = float(np.max(np.abs(found - right) / scale))
        return worst if np.isfinite(worst) else float("inf")


def _telling(functions: np.ndarray) -> np.ndarray:
    """Which points tell functions (n, r) apart best: r indices in rising order."""
    _, _, order = scipy.linalg.qr(functions.T, mode="economic", pivoting=True)
    return np.sort(order[: functions.shape[1]])


def _quantum(tolerance: np.ndarray) -> np.ndarray:
    """A power of two well below the tolerance."""
    return np.asarray(2.0 ** (np.floor(np.log2(tolerance)) - _DIGITS))


def _rounded(values: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Columns in multiples of a quantum, trailing rows of zeros left out."""
    quantum = _quantum(tolerance)
    out = np.round(values / quantum) * quantum
    used = np.flatnonzero(np.any(out != 0.0, axis=1))
    return np.asarray(out[: int(used[-1]) + 1 if len(used) else 1])
