"""One rate network, several inputs at a time: the step of the network and of its tangent vectors.

    τ h_i' = −h_i + Σ_j J_ij φ(h_j) + √N I_0 + δI_i(t),      J_ij ~ N(−J_0/√N, g²/N)

(Engelken et al. 2022, arXiv 2201.09916, equation 1), time in units of τ. The mean of J acts on all
units alike, with the rate √N J_0, far faster than the rest. So the step is Euler's, except that this feedback and the
input common to all units are taken at the step's end:

    h(t+dt) = (1 − dt) h(t) + dt (g/√N) G φ(h(t)) + dt δI(t) + s,
    s = dt (√N (I_0 − J_0 ν(t+dt)) + I(t+dt)),      ν(t) = mean of φ(h_i(t)),

where δI differs from unit to unit and I does not. Its mean-field theory is m(t+dt) = (1 − dt) m(t) + s, with ν of the
theory at t+dt in s, and for c, r, k and l the discretization of `symntk.dynamics.band`. No step is too long for the
mean then. The number s is found by Newton's method, and where that fails by halving an interval, which finds the
solution for any φ that rises. For units that jump there may be none: s − dt (…) jumps over 0 then, and s is where it
does. Tangent vectors follow the derivative of the very same step.

Euler's step answers a sinusoid of frequency ω with 1/√(1 + (1 − dt) ω²) for 1/√(1 + ω²), at dt ω ≪ 1. The exponential
scheme is the same map with dt replaced by 1 − exp(−Δ), where Δ is the time that a step takes: an input that is held
over the step is filtered exactly. The errors of the answer to an input and of the autocovariance fall from O(Δ) to
O(Δ²), the latter since a map with a = dt has the autocovariance of continuous time with lags in units of a/√(1 − a).
That of λ₁ does not: input from other units comes half a step late, which slows what grows and what shrinks. Without
input from outside, the error is −λ₁ Δ (λ₁/2 + T) of Euler's scheme and −λ₁ Δ (1/2 + λ₁/2 + T) of the exponential one to
first order, where T = ∫ψ'²/(2 + 2λ₁) of the normalized ground state ψ of `dynamics.stationary`: of threshold-linear
units at g = 2, where λ₁ = 0.096, it is −0.007 Δ and −0.054 Δ. So Euler's is the scheme for λ₁; neither moves where
λ₁ = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from symntk.errors import DomainError, SymntkError
from symntk.finite.arrays import ArrayFunction, NumpyArrays

_WEIGHTS, _PHASES, _START, _TANGENTS = range(4)  # random streams of a realization
_NEWTON, _CLOSE, _ROUNDING = 60, 1e-12, 2.0**-52
_LARGEST = 1e100  # what a unit's input may reach


@dataclass(frozen=True)
class Drive:
    """An input I_1 w(2πft), the same for all units, or I_1 w(2πft + θ_i) with a random phase of each unit.

    Attributes:
        amplitude: I_1, not scaled by √N.
        common: whether it is the same for all units; else θ_i is uniform in [0, 2π), and stays as it is.
        frequency: f, in units of 1/τ.
        waveform: w, a function of an array of phases. With frequency 1/2π a common input's phase is the time, and w
            need not repeat.
    """

    amplitude: float
    common: bool = True
    frequency: float = 0.2
    waveform: Callable[[np.ndarray], np.ndarray] = field(default=np.sin)

    def at(self, time: float, phases: np.ndarray) -> np.ndarray:
        """The input of each unit at a time, or one number, shape (1,), where it is common."""
        angle = 2 * math.pi * self.frequency * time + (np.zeros(1) if self.common else phases)
        return np.asarray(self.amplitude * self.waveform(angle), dtype=np.float64)


@dataclass(frozen=True)
class Model:
    """All that a network's steps depend on, besides its random numbers.

    Attributes:
        dt: what a step takes of a unit's new input; it leaves 1 − dt of the old.
        time: of a step, in units of τ; dt itself in Euler's scheme.
        exponents: number of tangent vectors.
    """

    N: int
    g: float
    I_0: float
    J_0: float
    dt: float
    time: float
    activation: ArrayFunction
    derivative: ArrayFunction | None
    drives: tuple[Drive, ...]
    exponents: int
    seed: int
    dtype: str


def stream(seed: int, realization: int, which: int) -> np.random.Generator:
    """A random stream of a realization."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(realization, which)))


def weights(N: int, seed: int = 0, realization: int = 0, dtype: str = "float32") -> np.ndarray:
    """The transpose of G, (N, N), of a realization: independent N(0, 1); J = g G/√N − J_0/√N.

    Row j holds the weights from unit j. In float64 these are the numbers of float32, so that precisions compare.
    """
    return stream(seed, realization, _WEIGHTS).standard_normal((N, N), dtype=np.float32).astype(dtype, copy=False)


def phases(N: int, seed: int = 0, realization: int = 0) -> np.ndarray:
    """The phases θ_i (N,) of a realization, uniform in [0, 2π)."""
    return stream(seed, realization, _PHASES).uniform(0.0, 2 * np.pi, N)


class RateNetwork:
    """One realization under each of the drives, with tangent vectors; rows are drives.

    Attributes:
        h: inputs of the units (drives, N).
        rates: φ(h) (drives, N).
        tangents: (drives, exponents, N).
        steps: how many were done.
    """

    def __init__(self, model: Model, realization: int) -> None:
        self.model = model
        library = NumpyArrays()
        self._phi = library.compile(model.activation)
        self._slope = library.compile(model.derivative) if model.derivative else None
        self._G = weights(model.N, model.seed, realization, model.dtype)
        self._phases = phases(model.N, model.seed, realization)
        rows, N = len(model.drives), model.N
        start = stream(model.seed, realization, _START).standard_normal(N)
        tangents = stream(model.seed, realization, _TANGENTS).standard_normal((model.exponents, N))
        self.restore(
            {
                "h": np.tile(start, (rows, 1)),
                "drive": np.zeros(rows),
                "tangents": np.tile(tangents, (rows, 1, 1)),
                "step": np.array(0),
            }
        )
        self.orthonormalize()

    def state(self) -> dict[str, np.ndarray]:
        """All that the next step depends on."""
        return {"h": self.h, "drive": self._drive, "tangents": self.tangents, "step": np.array(self.steps)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from a state."""
        self.h, self._drive, self.tangents = state["h"], state["drive"], state["tangents"]
        self.steps = int(state["step"])
        self.rates = self._phi(self.h)
        self._slopes = self._slope_at(self.h)

    def step(self) -> None:
        """One step of all rows.

        Raises:
            DomainError: the activity grew without bound.
            SymntkError: the implicit step has no solution that was found.
        """
        model, rows = self.model, len(self.model.drives)
        dt, N, gain = model.dt, model.N, model.g / math.sqrt(model.N)
        moved = self._slopes[:, None, :] * self.tangents
        with np.errstate(over="ignore", invalid="ignore"):  # activity without bound; _balance says so
            columns = np.concatenate([self.rates, moved.reshape(-1, N)]).astype(model.dtype, copy=False)
            product = columns @ self._G
        x = (1 - dt) * self.h
        x += (dt * gain) * product[:rows]
        shared = np.full(rows, math.sqrt(N) * model.I_0)
        for row, drive in enumerate(model.drives):
            if drive.common:
                shared[row] += drive.at((self.steps + 1) * model.time, self._phases)[0]
            elif drive.amplitude:
                x[row] += dt * drive.at(self.steps * model.time, self._phases)
        feedback = dt * math.sqrt(N) * model.J_0
        self._balance(x, feedback, dt * shared)
        if model.exponents:
            xi = (1 - dt) * self.tangents
            xi += (dt * gain) * product[rows:].reshape(xi.shape)
            pull = (self._slopes[:, None, :] * xi).mean(-1)
            xi -= (feedback * pull / (1 + feedback * self._slopes.mean(-1))[:, None])[..., None]
            self.tangents = xi
        self.steps += 1

    def orthonormalize(self) -> np.ndarray:
        """Orthonormal tangent vectors of the same span; the logarithms of what they were stretched by."""
        if not self.model.exponents:
            return np.zeros(self.tangents.shape[:2])
        q, r = np.linalg.qr(self.tangents.swapaxes(1, 2))
        self.tangents = np.ascontiguousarray(q.swapaxes(1, 2))
        return np.asarray(np.log(np.abs(np.diagonal(r, axis1=1, axis2=2))))

    def _slope_at(self, h: np.ndarray) -> np.ndarray:
        return np.zeros_like(h) if self._slope is None else self._slope(h)

    def _balance(self, x: np.ndarray, feedback: float, push: np.ndarray) -> None:
        """Solve s = push − feedback · mean φ(x + s) in each row, and take h = x + s.

        A row is left as it is once it is solved, so no row depends on the others.
        """
        asked = f"step {self.steps + 1} of a network of {self.model.N} units with g = {self.model.g}"
        if not np.abs(x).max() < _LARGEST:  # or NaN
            raise DomainError(
                asked, "its activity grows without bound", "a smaller g, J_0 > 0, or an activation that is bounded"
            )
        s, before, open_rows = self._drive.copy(), self._drive, np.ones(len(x), dtype=bool)
        failed = np.zeros(len(x), dtype=bool)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is halved, or said
            for _ in range(_NEWTON):
                h = x + s[:, None]
                rates, slopes = self._phi(h), self._slope_at(h)
                answer = feedback * rates.mean(-1)
                miss, steep = s + answer - push, 1 + feedback * slopes.mean(-1)
                close = np.abs(miss) <= _CLOSE * (np.abs(push) + np.abs(answer) + np.abs(s))
                open_rows &= ~(close & np.isfinite(miss))
                if np.any(steep[open_rows & ~failed] <= 0):
                    raise _falls(asked, self.model.dt)
                after = np.where(open_rows, s - miss / steep, s)
                failed |= open_rows & ((after == before) | ~np.isfinite(after))  # it goes round, or too far
                if not np.any(open_rows & ~failed):
                    break
                s, before = np.where(failed, s, after), s
            if not open_rows.any():
                self.h, self.rates, self._slopes, self._drive = h, rates, slopes, s
                return
            for row in np.flatnonzero(open_rows):
                s[row] = self._halved(x[row], feedback, push[row], self._drive[row], asked)
        self.h, self._drive = x + s[:, None], s
        self.rates, self._slopes = self._phi(self.h), self._slope_at(self.h)

    def _halved(self, x: np.ndarray, feedback: float, push: float, start: float, asked: str) -> float:
        """The s of a row from an interval that is halved until its ends differ by rounding: the end that misses less.

        Where φ rises, the miss rises at least as fast as s, so the start less twice its miss is beyond the solution.
        """

        def miss(s: float) -> float:
            return float(s + feedback * self._phi(x[None] + s).mean() - push)

        at = miss(start)
        low, high = min(start, start - 2 * at), max(start, start - 2 * at)
        ends = {low: miss(low), high: miss(high)}
        if not math.isfinite(at) or math.isnan(ends[low] + ends[high]):
            raise SymntkError(asked, "the activation is not finite where the units are", "a smaller input or g")
        if ends[low] > 0 or ends[high] < 0:
            raise _falls(asked, self.model.dt)
        while high - low > _ROUNDING * (abs(low) + abs(high) + np.abs(x).max() + abs(push) + _ROUNDING):
            middle = 0.5 * (low + high)
            ends[middle] = at = miss(middle)
            low, high = (low, middle) if at >= 0 else (middle, high)
        return min(low, high, key=lambda end: abs(ends[end]))


def _falls(asked: str, dt: float) -> SymntkError:
    wrong = "the feedback of the mean has no solution that is found: the activation falls too steeply"
    return SymntkError(asked, wrong, f"a step dt below {dt}, or a smaller J_0")
