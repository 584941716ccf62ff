"""The two-time recursion: mean, covariance and growth of perturbations, on a band of the two-time plane.

Source: Engelken, Ingrosso, Khajeh, Goedeke & Abbott 2022 (arXiv 2201.09916), non-stationary mean-field theory. With
steps dt, and time in units of τ, for all s ≤ n

    c(n+1, s) = (1−dt) c(n, s) + dt r(n, s)        r(n+1, s+1) = (1−dt) r(n+1, s) + dt (g² q(n+1, s) + C(n+1, s))

with q = E[φ(h(n+1)) φ(h(s))], the input's covariance C, and the diagonal c(n+1, n+1) = (1−dt)² c(n, n)
+ 2 dt (1−dt) r(n, n) + dt² (g² E[φ²] + C). Perturbations follow the same lines with k, l and q' k in place of q. This
is exactly the theory of the Euler-discretized network. The mean's rate is of order √N, so its feedback and the input
that all units share are taken at the step's end, as in the network's own step (`simulation.step`): for N → ∞

    m(n+1) = (1−dt) m(n) + dt (√N I_0(n+1) + δI(n+1) − √N J_0 ν(n+1))

while the input that differs from unit to unit is that of the step's beginning.

Several networks (R of them, the rows of all arrays) go through time at once: a step's cost is then that of the derived
maps on arrays of R · band numbers. Units of one network may have K means, each of a weight: K = 1 for common input, one
per phase for independent sinusoids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from symntk.dynamics.units import Units
from symntk.errors import DomainError

_MOST_NEWTON, _NEWTON_ALONE = 200, 50
_LARGE, _SMALL = 1e100, 1e-100
_DENSE = 128  # sources of a row up to which its filter is a matrix product
_LOOK_BACK = 5.0  # τ over which the growth so far is read
_EXPLODED = 1e8  # of squared inputs: no balanced state has such a variance


@dataclass(frozen=True)
class Setup:
    """What the recursion needs to know; time in units of τ.

    Attributes:
        units: expectations of the activation.
        gain: g, (R,).
        feedback: √N J_0, (R,).
        drive: mean input of each group of units in the step that ends at each time, √N I_0 + δI, (R, K, steps + 1); the
            entry of time 0 is not used.
        weights: of the groups, (K,), with sum 1.
        covariance: of the Gaussian input at lags of 0, 1, … steps, (R, band), or None.
        dt: the step.
        band: lags that are kept, in steps.
        period: of the input in steps; 1 where it has none. Beyond the band q is continued with this period.
        mean: at time 0 and before, (R,).
        row: c(0, s) for s = …, −2, −1, 0: one column where time begins at 0 with all units independent, or `band`
            columns for a past of constant mean and variance; (R, 1) or (R, band).
        exponent: whether perturbations are followed.
    """

    units: Units
    gain: np.ndarray
    feedback: np.ndarray
    drive: np.ndarray
    weights: np.ndarray
    covariance: np.ndarray | None
    dt: float
    band: int
    period: int
    mean: np.ndarray
    row: np.ndarray
    exponent: bool = True


@dataclass(frozen=True)
class Course:
    """What came out, at all steps 0 … n.

    Attributes:
        mean: of each group of units, (R, K, n + 1).
        rate: ν, (R, n + 1).
        variance: c(t, t), (R, n + 1).
        growth: ln k(t, t), (R, n + 1); zeros where perturbations were not followed.
        rows: c(t, t − lag), averaged over the last period, (R, band); index 0 is lag 0.
        last: c(t, t − lag) at the last step, (R, band).
    """

    mean: np.ndarray
    rate: np.ndarray
    variance: np.ndarray
    growth: np.ndarray
    rows: np.ndarray
    last: np.ndarray


def course(setup: Setup, report: Callable[[int], Any] | None = None) -> Course:
    """Go through all steps of the drive.

    Args:
        setup: networks, input and grid.
        report: called with 1 after each step.

    Raises:
        DomainError: the mean has no solution, or a variance leaves the numbers: the message says when.
    """
    going = walk(setup)
    for _ in range(setup.drive.shape[2] - 1):
        going.step()
        if report is not None:
            report(1)
    return going.result()


def walk(setup: Setup) -> Walk:
    """The recursion at time 0, for those who go step by step."""
    return Walk(setup)


class Walk:
    """State at step n: the histories of mean and variance, and the row of the band; column index grows with s."""

    def __init__(self, setup: Setup) -> None:
        self.setup, self.n = setup, 0
        runs, groups, times = setup.drive.shape
        width = setup.row.shape[1]
        self.past = width - 1  # columns of the histories that lie before time 0
        self.mean = np.zeros((runs, groups, self.past + times))
        self.variance = np.zeros((runs, self.past + times))
        self.rate, self.growth = np.zeros((runs, times)), np.zeros((runs, times))
        self.mean[:, :, :width] = setup.mean[:, None, None]
        self.variance[:, :width] = setup.row[:, -1:]
        self.square = (setup.gain**2)[:, None]
        self.c = setup.row.copy()
        # of an input field whose low-pass is h; with one column nothing is known of the field
        self.r = self.c - np.gradient(self.c, setup.dt, axis=1) if self.past else np.zeros((runs, 1))
        self.k = (1.0 - setup.dt) ** np.arange(width - 1, -1, -1.0) * np.ones((runs, 1))
        self.l = np.zeros((runs, width))
        self.scale = np.zeros(runs)
        self.most = _EXPLODED * (1.0 + float(np.max(setup.drive**2)) + float(np.max(setup.row[:, -1])))
        self.ages = (1.0 - setup.dt) ** np.arange(setup.period)[::-1]
        self.keep = np.zeros((runs, setup.band))
        self.kept = 0
        self.rate[:, 0] = self._average(setup.units.rate(self.mean[:, :, self.past], self.variance[:, self.past, None]))

    def step(self) -> None:
        """From n to n + 1."""
        setup, dt = self.setup, self.setup.dt
        now = self.past + self.n
        old_mean, old_variance = self.mean[:, :, now], self.variance[:, now : now + 1]
        power = self.square[:, 0] * self._average(setup.units.power(old_mean, old_variance))
        if setup.covariance is not None:
            power = power + setup.covariance[:, 0]
        variance = (1 - dt) ** 2 * self.c[:, -1] + 2 * dt * (1 - dt) * self.r[:, -1] + dt**2 * power
        if not np.all((variance >= 0.0) & (variance < self.most)):
            raise self._lost(variance)
        if setup.exponent:
            sharp = self.square[:, 0] * self._average(setup.units.sharpness(old_mean, old_variance)) * self.k[:, -1]
            grown = (1 - dt) ** 2 * self.k[:, -1] + 2 * dt * (1 - dt) * self.l[:, -1] + dt**2 * sharp
            self.k = self._longer((1 - dt) * self.k + dt * self.l, grown)
        self.c = self._longer((1 - dt) * self.c + dt * self.r, variance)
        self.n += 1
        self.variance[:, now + 1] = variance
        self._mean_step(now + 1)
        self._fields(now + 1)
        if setup.exponent:
            self._record()
        if self.n > setup.drive.shape[2] - 1 - setup.period and self.c.shape[1] == setup.band:
            self.keep += self.c[:, ::-1]
            self.kept += 1

    def _longer(self, row: np.ndarray, last: np.ndarray) -> np.ndarray:
        """The row at n + 1: all times s ≤ n, then n + 1; the oldest leaves the band."""
        longer = np.concatenate([row, last[:, None]], axis=1)
        return longer[:, -self.setup.band :]

    def _fields(self, now: int) -> None:
        """The rows r(n+1, ·) and l(n+1, ·) from q and q' at the new time and all earlier ones in the band."""
        setup = self.setup
        width = self.c.shape[1]
        past = slice(now - width + 1, now)
        a, b = self.variance[:, None, now : now + 1], self.variance[:, None, past]
        means = self.mean[:, :, now : now + 1], self.mean[:, :, past]
        c = self.c[:, None, :-1]
        source = self.square * np.tensordot(setup.units.product(a, b, c, *means), setup.weights, axes=(1, 0))
        if setup.covariance is not None:
            source = source + setup.covariance[:, width - 1 : 0 : -1]
        first = np.zeros(len(source))
        if width == setup.band:  # what went before the band repeats its first period
            first = setup.dt * (source[:, : setup.period] @ self.ages) / (1.0 - (1.0 - setup.dt) ** setup.period)
        self.r = _accumulate(source, first, setup.dt)
        if setup.exponent:
            slopes = np.tensordot(setup.units.slopes(a, b, c, *means), setup.weights, axes=(1, 0))
            source = self.square * slopes * self.k[:, :-1]
            self.l = _accumulate(source, self._beyond(source), setup.dt)

    def _beyond(self, source: np.ndarray) -> np.ndarray:
        """What perturbations from before the band add to l at its edge: they repeat with the period, but for e^{λT}.

        Without it λ of a state that repeats with the input is too low, as its perturbations do not end with the band.
        λ is that of the last few τ.
        """
        setup = self.setup
        period, dt = setup.period, setup.dt
        back = period * max(1, int(np.ceil(_LOOK_BACK / (period * dt))))
        if source.shape[1] < setup.band - 1 or self.n <= 2 * back:
            return np.zeros(len(source))
        rate = (self.growth[:, self.n - 1] - self.growth[:, self.n - 1 - back]) / (2 * back * dt)
        # perturbations that fall faster than e^{-t/2} have no past that matters
        factor = np.where(np.abs(rate) < 0.5, np.exp(-np.clip(rate, -0.5, 0.5) * period * dt), 0.0)
        return np.asarray(factor * dt * (source[:, :period] @ self.ages) / (1.0 - factor * (1.0 - dt) ** period))

    def _mean_step(self, now: int) -> None:
        """The simulated network's step: m + dt √N J_0 ν(m) = (1 − dt) m_old + dt · input, one unknown for all groups.

        z = dt √N J_0 ν solves z = dt √N J_0 Σ w ν(base − z), whose left side less its right side rises at least as
        fast as z where φ does not fall; Newton's steps from below stay below for convex ν (threshold-linear units).
        """
        setup, dt = self.setup, self.setup.dt
        base = (1 - dt) * self.mean[:, :, now - 1] + dt * setup.drive[:, :, self.n]
        variance = self.variance[:, now : now + 1]
        factor = dt * setup.feedback
        before = self.rate[:, max(self.n - 2, 0)]
        z = factor * (2.0 * self.rate[:, self.n - 1] - before)
        size = 1.0 + np.max(np.abs(base), axis=1)
        low, high = np.full(len(z), -np.inf), np.full(len(z), np.inf)
        for count in range(_MOST_NEWTON):
            if not np.any(factor):
                break
            shifted = base - z[:, None]
            gap = z - factor * self._average(setup.units.rate(shifted, variance))
            with np.errstate(all="ignore"):  # rates without bound; the loop then ends without a solution
                change = gap / np.maximum(1.0 + factor * self._average(setup.units.gain(shifted, variance)), 0.1)
            new = z - np.clip(change, -size, size)
            if count >= _NEWTON_ALONE:  # it may run in circles about units that saturate; for rising ones the gap rises
                low, high = np.where(gap <= 0.0, z, low), np.where(gap > 0.0, z, high)
                held = np.isfinite(low) & np.isfinite(high)
                change = np.where(held, 0.5 * (high - low), change)
                new = np.where(held, 0.5 * (low + high), new)
            z = new
            if np.all(np.abs(change) <= 1e-13 * size):
                break
        else:
            wrong = f"the mean at time {self.n * dt:.6g} τ has no solution that Newton's method finds"
            advice = "a smaller step, an activation that rises, or J_0 ≥ 0: feedback that excites has no balance"
            raise DomainError("the non-stationary theory", wrong, advice)
        self.mean[:, :, now] = base - z[:, None]
        self.rate[:, self.n] = self._average(setup.units.rate(self.mean[:, :, now], variance))

    def _record(self) -> None:
        """The growth so far; k and l are scaled back before they leave the numbers."""
        diagonal = self.k[:, -1]
        if not np.all(diagonal > 0.0):
            at = f"at time {self.n * self.setup.dt:.6g} τ"
            wrong = f"the perturbations' covariance is {float(np.min(diagonal)):.3g} {at}"
            raise DomainError("the non-stationary theory", wrong, "a smaller step")
        self.growth[:, self.n] = self.scale + np.log(diagonal)
        far = (diagonal > _LARGE) | (diagonal < _SMALL)
        if np.any(far):
            factor = np.where(far, diagonal, 1.0)
            self.scale += np.log(factor)
            self.k, self.l = self.k / factor[:, None], self.l / factor[:, None]

    def _average(self, values: Any) -> np.ndarray:
        """Mean over the groups of units; (R, K) becomes (R,)."""
        return np.asarray(np.asarray(values) @ self.setup.weights)

    def _lost(self, variance: np.ndarray) -> DomainError:
        row = int(np.flatnonzero(~((variance >= 0.0) & (variance < self.most)))[0])
        at = f"at time {(self.n + 1) * self.setup.dt:.6g} τ"
        wrong = f"the variance {at} is {float(variance[row]):.3g} (network {row})"
        advice = "a smaller step, or a smaller g: without enough inhibition the activity of unbounded units explodes"
        return DomainError("the non-stationary theory", wrong, advice)

    def rewind(self) -> None:
        """To time 0 with the past that has been reached, at the end of a drive that repeats."""
        kept = self.past + 1
        self.mean[:, :, :kept] = self.mean[:, :, -kept:].copy()
        self.variance[:, :kept] = self.variance[:, -kept:].copy()
        self.rate[:, 0] = self.rate[:, -1]
        self.n = 0

    def result(self) -> Course:
        """All that was recorded."""
        row = self.c[:, ::-1]
        return Course(
            self.mean[:, :, self.past :],
            self.rate,
            self.variance[:, self.past :],
            self.growth,
            self.keep / self.kept if self.kept else row,
            row,
        )


def _accumulate(source: np.ndarray, first: np.ndarray, dt: float) -> np.ndarray:
    """All r(s) of r(s+1) = (1−dt) r(s) + dt · source(s), r(first time) = first; one column more than the source."""
    from scipy.signal import lfilter

    if source.shape[1] <= _DENSE:
        passed = _low_pass(source.shape[1], dt)
        return np.asarray(np.concatenate([first[:, None], source], axis=1) @ passed)
    start = (1.0 - dt) * first[:, None]
    rest = lfilter([dt], [1.0, dt - 1.0], source, axis=1, zi=start)[0]
    return np.concatenate([first[:, None], rest], axis=1)


@lru_cache(maxsize=16)
def _low_pass(count: int, dt: float) -> np.ndarray:
    """What `_accumulate` does to a row of its beginning and `count` sources, as a matrix."""
    age = np.arange(count + 1) - np.arange(count + 1)[:, None]
    passed = np.where(age >= 0, (1.0 - dt) ** np.maximum(age, 0), 0.0)
    passed[1:] *= dt
    return passed
