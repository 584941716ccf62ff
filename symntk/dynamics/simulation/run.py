"""Simulation of balanced and of centred rate networks: Lyapunov exponents, rates, autocorrelations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from symntk.dynamics.simulation.checks import (
    affordable,
    all_resolved,
    count,
    listed,
    numbers,
    slope,
    step,
    units,
)
from symntk.dynamics.simulation.realization import BLOCK, Plan, run_realization
from symntk.dynamics.simulation.step import Drive, Model
from symntk.dynamics.waveform import Course
from symntk.errors import DivergenceError, DomainError, FormulaError
from symntk.finite.arrays import ArrayFunction, array_function
from symntk.kernels.function import Function
from symntk.runs.stopping import Interrupted, interrupts

__all__ = ["Run", "Simulation", "simulate"]
_WINDOWS = 10


@dataclass(frozen=True)
class Simulation:
    """Networks that were simulated. Times are in units of τ, exponents in units of 1/τ.

    Attributes:
        N, g, dt: as they were asked for.
        drives: the inputs.
        growth: logarithms of what the tangent vectors were stretched by in each block of 16 steps
            (realizations, inputs, exponents, blocks).
        rate: mean of φ(h_i(t)) over units, after each step (realizations, inputs, steps).
        mean: mean of h_i(t) over units, the same shape.
        variance: variance of h_i(t) over units, the same shape; c(t, t) of the theory.
        autocorrelation: mean over units and times of x_i(t) x_i(t + lag), where x is h less its mean over units
            (realizations, inputs, lags); c(t, t + lag) of the theory, averaged over t.
        start: steps before the first that is recorded.
    """

    N: int
    g: float
    dt: float
    drives: tuple[Drive, ...]
    growth: np.ndarray
    rate: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    autocorrelation: np.ndarray
    start: int

    @property
    def spectrum(self) -> np.ndarray:
        """The largest Lyapunov exponents, in falling order (realizations, inputs, exponents)."""
        return np.asarray(self.growth.mean(-1) / (BLOCK * self.dt))

    @property
    def lyapunov(self) -> np.ndarray:
        """The largest Lyapunov exponent λ₁ (realizations, inputs); NaN where none was asked for."""
        if not self.growth.shape[2]:
            return np.full(self.growth.shape[:2], np.nan)
        return np.asarray(self.spectrum[..., 0])

    @property
    def error(self) -> np.ndarray:
        """Standard error of the mean of λ₁ over realizations (inputs,).

        Of a single realization: that of the mean over ten windows of the run, which does not hold what differs from
        one J to the next.
        """
        values = self.lyapunov
        if len(values) == 1 and self.growth.shape[2]:
            windows = np.array_split(self.growth[0, :, 0], min(_WINDOWS, self.growth.shape[-1]), axis=-1)
            values = np.array([w.mean(-1) for w in windows]) / (BLOCK * self.dt)
        if len(values) == 1:
            return np.full(values.shape[1:], np.nan)
        return np.asarray(values.std(0, ddof=1) / math.sqrt(len(values)))

    @property
    def times(self) -> np.ndarray:
        """The times of `rate`, `mean` and `variance` (steps,)."""
        return np.asarray((self.start + 1 + np.arange(self.rate.shape[-1])) * self.dt)

    @property
    def lags(self) -> np.ndarray:
        """The lags of `autocorrelation`."""
        return np.asarray(np.arange(self.autocorrelation.shape[-1]) * self.dt)

    def table(self) -> str:
        """Markdown: input, λ₁, its standard error."""
        lines = ["| I_1 | input | λ₁ | standard error |", "|---|---|---|---|"]
        for drive, value, error in zip(self.drives, self.lyapunov.mean(0), self.error, strict=True):
            kind = "common" if drive.common else "independent"
            size = drive.waveform.text if isinstance(drive.waveform, Course) else f"{drive.amplitude:g}"
            lines.append(f"| {size} | {kind if drive.amplitude else 'none'} | {value:.4f} | {error:.4f} |")
        return "\n".join(lines)


@dataclass(frozen=True)
class Run:
    """How networks are simulated, and what is recorded; times are in units of τ.

    Attributes:
        steps: recorded steps, rounded up to a multiple of 16.
        burn: steps before them, rounded up likewise.
        dt: the step.
        scheme: "euler", for which the theory in steps dt is exact and λ₁ of chaos is nearest to that in continuous
            time, or "exponential", with errors of O(dt²) for those of O(dt) of the autocovariance and of the answer to
            an input, but not of λ₁ (`symntk.dynamics.simulation.step` has the numbers).
        realizations: how many.
        seed: of all random numbers.
        lyapunov: how many exponents; 0 for none.
        record: keep rate, mean and variance of each step.
        lags: longest lag of the autocorrelation; None for none.
        dtype: precision of J and of the products with it; states are float64.
        checkpoint: a folder with one file per realization. A run with the same options continues from it, with the
            same result to the last bit as one that was not interrupted.
        checkpoint_seconds: time between writing a file.
    """

    steps: int = 16_000
    burn: int = 3_200
    dt: float = 1 / 16
    scheme: str = "euler"
    realizations: int = 5
    seed: int = 0
    lyapunov: int = 1
    record: bool = True
    lags: float | None = None
    dtype: str = "float32"
    checkpoint: str | Path | None = None
    checkpoint_seconds: float = 60.0

    def checked(self, asked: str) -> Run:
        """The same with Python's own whole numbers.

        Raises:
            DomainError, FormulaError: something of it is none of what it may be.
        """
        least = {"steps": 1, "realizations": 1, "burn": 0, "lyapunov": 0, "seed": 0}
        whole: dict[str, Any] = {
            name: count(asked, name, getattr(self, name), lowest) for name, lowest in least.items()
        }
        numbers(asked, {"dt": self.dt})
        for name, known in (("dtype", ("float32", "float64")), ("scheme", ("euler", "exponential"))):
            if getattr(self, name) not in known:
                raise FormulaError(asked, f"{name} = {getattr(self, name)!r}", " or ".join(f'"{one}"' for one in known))
        return replace(self, **whole)

    @property
    def longest(self) -> int:
        """The steps of the longest lag; negative for none."""
        return -1 if self.lags is None else round(self.lags / self.dt)


def simulate(
    N: int,
    g: float,
    inputs: Sequence[float | str | Drive] = (0.0,),
    run: Run | None = None,
    *,
    I_0: float = 1.0,
    J_0: float = 1.0,
    activation: str | Function = "relu",
    progress: bool = True,
) -> Simulation:
    """Networks τ h_i' = −h_i + Σ_j J_ij φ(h_j) + √N I_0 + δI_i(t), J_ij ~ N(−J_0/√N, g²/N), in time steps dt.

    A realization has its own J, phases of independent input, initial state and tangent vectors, each from a random
    stream of its own: the first two of five are the two of two, and inputs of one realization share them all. All
    inputs are simulated side by side, with one product of matrices per step. `symntk.dynamics.simulation.step` states
    the step, whose mean-field theory is exact for it.

    Args:
        N: units.
        g: standard deviation of J times √N.
        inputs: amplitudes I_1 of I_1 sin 2πft for all units, f = 0.2; formulas in t, such as "10*sign(sin(t))", of
            inputs to all units; or `Drive`s, also of independent input. A period of each takes at least 16 steps.
        run: steps, realizations and what is recorded; `Run()` by default.
        I_0: constant input, as in the equation; 0 for a centred network.
        J_0: mean of J, as in the equation; 0 for a centred network.
        activation: φ, a registered name, a formula or a function of `symntk`.
        progress: show a progress bar.

    Raises:
        DomainError: impossible numbers, an input that the steps do not resolve, or the activity grew without bound.
        DivergenceError: exponents of an activation that jumps.
        SymntkError: the checkpoint is of another run, or the activation falls too steeply for the step.
        KeyboardInterrupt: interrupted; the checkpoint is written before.

    >>> import numpy as np
    >>> short = Run(steps=800, burn=800, realizations=2)
    >>> found = simulate(100, 0.5, run=short, activation="tanh", I_0=0, J_0=0, progress=False)
    >>> found.lyapunov.shape, bool(np.all(found.lyapunov < 0))  # no chaos below g = 1
    ((2, 1), True)
    """
    run = run or Run()
    asked = f"to simulate {N} units with g = {g} in steps of {run.dt}"
    N, run = count(asked, "N", N, 1), run.checked(asked)
    drives = listed(asked, inputs, True, Drive.frequency, (run.burn + run.steps) * run.dt)
    numbers(asked, {"g": g, "I_0": I_0, "J_0": J_0})
    _possible(asked, N, g, J_0, drives, run)
    _affordable(asked, N, len(drives), run)
    function = units(asked, activation)
    model = Model(
        N=N,
        g=float(g),
        I_0=float(I_0),
        J_0=float(J_0),
        dt=float(run.dt) if run.scheme == "euler" else -math.expm1(-run.dt),
        time=float(run.dt),
        activation=array_function(function),
        derivative=_slope(asked, function, run.lyapunov),
        drives=drives,
        exponents=run.lyapunov,
        seed=run.seed,
        dtype=run.dtype,
    )
    plan = Plan(
        model=model,
        burn=-(-run.burn // BLOCK),
        blocks=-(-run.steps // BLOCK),
        record=run.record,
        lags=run.longest,
        folder=None if run.checkpoint is None else Path(run.checkpoint),
        every_seconds=run.checkpoint_seconds,
    )
    if plan.lags >= plan.blocks * BLOCK:
        raise DomainError(asked, f"a lag of {run.lags} is longer than the run", "more steps, or shorter lags")
    return _joined(plan, _all(plan, run.realizations, progress))


def _all(plan: Plan, realizations: int, progress: bool) -> list[dict[str, np.ndarray]]:
    """The results of all realizations, one after the other."""
    if plan.folder is not None:
        plan.folder.mkdir(parents=True, exist_ok=True)
    with (
        interrupts() as stopping,
        tqdm(total=realizations * plan.total, unit="step", disable=not progress, smoothing=0.05) as bar,
    ):
        try:
            return [run_realization(plan, r, bar.update, stopping.is_set) for r in range(realizations)]
        except Interrupted:
            raise KeyboardInterrupt from None


def _joined(plan: Plan, parts: list[dict[str, np.ndarray]]) -> Simulation:
    """The realizations' results side by side."""
    joined = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    return Simulation(plan.model.N, plan.model.g, plan.model.time, plan.model.drives, start=plan.burn * BLOCK, **joined)


def _possible(asked: str, N: int, g: float, J_0: float, drives: tuple[Drive, ...], run: Run) -> None:
    """Refuse numbers with which there is nothing to simulate."""
    if run.lyapunov > N:
        raise DomainError(asked, f"{run.lyapunov} Lyapunov exponents of {N} units", f"at most {N}")
    if g < 0:
        raise DomainError(asked, "g is a standard deviation, and it is negative", "g ≥ 0")
    if J_0 < 0:
        raise DomainError(
            asked,
            f"J_0 = {J_0}: the mean of J is excitatory, so the rate √N J_0 of the mean grows instead of balancing I_0",
            "J_0 > 0, or J_0 = 0 for a centred network",
        )
    step(asked, run.dt)
    all_resolved(asked, drives, run.dt)
    if run.lags is not None:
        numbers(asked, {"lags": run.lags})
        if run.lags < 0:
            advice = "a time of at least 0, or None for no autocorrelation"
            raise DomainError(asked, f"lags = {run.lags!r}", advice)


def _affordable(asked: str, N: int, drives: int, run: Run) -> None:
    """Refuse what no machine can hold, or what would not end."""
    kept = drives * (3.0 * run.steps * run.record + run.lyapunov * run.steps / BLOCK)
    kept += drives * 0.5 * N * (1.0 + run.longest)
    steps = run.realizations * float(run.burn + run.steps)
    affordable(asked, N, kept, drives * run.lyapunov, steps, run.dtype)


def _slope(asked: str, function: Function, lyapunov: int) -> ArrayFunction | None:
    """φ', None where none is needed and φ jumps."""
    try:
        return slope(asked, function, "lyapunov=0 for a simulation without exponents, or a continuous activation")
    except DivergenceError:
        if lyapunov:
            raise
        return None
