"""Rate networks in mean-field theory, as a user holds them: without input, with common and with independent input.

    τ h_i' = −h_i + Σ_j J_ij φ(h_j) + √N I_0 + δI_i(t),   J_ij ~ N(−J_0/√N, g²/N)

Source: Engelken, Ingrosso, Khajeh, Goedeke & Abbott 2022 (PLOS Comput. Biol., arXiv 2201.09916); for odd units without
mean Sompolinsky, Crisanti & Sommers 1988 (Phys. Rev. Lett. 61, 259).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from tqdm import tqdm

from symntk.dynamics import waveform
from symntk.dynamics.band import Setup, course
from symntk.dynamics.independent import AVERAGES, PHASES, Driven, Problem
from symntk.dynamics.nonstationary import NonStationary, read
from symntk.dynamics.orbit import Orbit, orbits
from symntk.dynamics.settled import settled
from symntk.dynamics.sizes import afford_memory
from symntk.dynamics.static import Static, onset, static
from symntk.dynamics.stationary import Stationary, stationary
from symntk.dynamics.units import Units, shared_units
from symntk.errors import DomainError
from symntk.kernels.expectation import TOLERANCE

DT, BAND, TIME, GROUPS = 1 / 16, 20.0, 150.0, 16
"""Defaults in units of τ: step, lags kept, time; and how many phases."""
Signal = Callable[[np.ndarray, int], np.ndarray]
_HISTORIES, _ROWS = 10, 30  # numbers per step, and per lag that is kept, for each group of units, about
_MEMORY = 2.0  # τ: how fast the past that a run begins with decorrelates


@dataclass(frozen=True)
class Balanced:
    """A network of N units with the couplings −J_0/√N ± g/√N and the mean input √N I_0.

    Args:
        g: standard deviation of the couplings times √N.
        N: number of units.
        I_0: mean input over √N.
        J_0: mean coupling times −√N; 0 for classical networks.
        activation: φ, a name or formula.
        tau: τ, in the unit that times and frequencies are in; exponents are in 1/τ, so they do not depend on it.
        tol: error of expectations that have no closed form.

    >>> net = Balanced(2.0, 5000)
    >>> print(round(net.stationary().lyapunov, 9))
    0.096006649
    >>> print(round(net.onset(), 12))  # √2
    1.414213562373
    """

    g: float
    N: float
    I_0: float = 1.0
    J_0: float = 1.0
    activation: Any = "relu"
    tau: float = 1.0
    tol: float = TOLERANCE

    def __post_init__(self) -> None:
        for name, positive in (("g", True), ("N", True), ("tau", True), ("I_0", False), ("J_0", False)):
            value = getattr(self, name)
            if not (isinstance(value, int | float | np.number) and np.isfinite(value) and (value > 0 or not positive)):
                advice = "a positive number" if positive else "a number"
                raise DomainError("a rate network", f"{name} = {value!r}", advice)
        if self.N < 1:
            raise DomainError("a rate network", f"N = {self.N!r} units", "at least 1")

    @cached_property
    def units(self) -> Units:
        """Expectations of the activation; centred where odd units have no mean input."""
        units = shared_units(self.activation, True, self.tol)
        return shared_units(self.activation, False, self.tol) if self.I_0 == 0.0 and units.is_odd else units

    @property
    def feedback(self) -> float:
        """√N J_0."""
        return float(np.sqrt(self.N) * self.J_0)

    @property
    def drive(self) -> float:
        """√N I_0."""
        return float(np.sqrt(self.N) * self.I_0)

    def static(self) -> Static:
        """The fixed point, stable or not; its exponents are in 1/τ."""
        return static(self.units, self.g, self.feedback, self.drive)

    def onset(self) -> float:
        """The g above which the network without input is chaotic.

        With a mean: where the fixed point becomes unstable. Of centred odd units: where a chaotic state first exists,
        which can be below where silence becomes unstable.
        """
        return onset(self.units, self.feedback, self.drive, self.g)[0]

    def stationary(self) -> Stationary:
        """The state without input; its lags are in units of τ, its exponents in 1/τ."""
        return self._stationary

    @cached_property
    def _stationary(self) -> Stationary:
        return stationary(self.units, self.g, self.feedback, self.drive)

    def independent_stationary(self, I_1: float, f: float, *, average: str = "phase", points: int = 0) -> Driven:
        """The stationary state with independent sinusoids: repeating where that is stable, else chaotic; time over τ.

        Args:
            I_1: amplitude, not scaled by √N.
            f: frequency in 1/time.
            average: "gaussian" for Gaussian input of the same covariance, "phase" for the mean over random phases.
            points: of lags on half a period; 0 chooses.

        Raises:
            DomainError: a state is not found, as the chaotic one very close to its onset.
        """
        return settled(self.problem(I_1, f, average), self.stationary(), points)

    def problem(self, I_1: float, f: float, average: str = "phase", phases: int = PHASES) -> Problem:
        """The equations with independent sinusoids."""
        waveform.check_sinusoid(I_1, f)
        if average not in AVERAGES or phases < 1:
            wrong = f"average = {average!r}, phases = {phases!r}"
            raise DomainError("independent input", wrong, "gaussian or phase, and at least 1 phase")
        shared = self.units if average == "gaussian" else self._with_means
        return Problem(shared, self.g, self.feedback, self.drive, float(I_1), float(f) * self.tau, average, phases)

    @cached_property
    def _with_means(self) -> Units:
        return shared_units(self.activation, True, self.tol)

    def common(
        self,
        I_1: Any,
        f: float | None = None,
        *,
        mean: Any = None,
        time: float | None = None,
        dt: float | None = None,
        band: float | None = None,
        refine: bool = False,
        progress: bool = False,
    ) -> NonStationary:
        """The course with an input that all units share.

        Args:
            I_1: amplitude of sin 2πft; or the input itself, a formula in t, or an array with a value for each of the
                times 0, dt, …, `time`, or for those of one period.
            f: frequency of the sinusoid, or of the period of a formula or array; None where nothing repeats: then what
                lies beyond the band is taken as constant.
            mean: I_0 over time, a formula or an array; None for the network's own.
            time: how long it runs, in the network's units; 150 τ by default, and at least four periods.
            dt: the step, τ/16 by default; shortened to divide the period, into 16 steps at least.
            band: lags that are kept; 20 τ by default, or 1.5 periods where that is longer.
            refine: also run with twice the step, and extrapolate λ; formulas and sinusoids only.
            progress: whether a bar is shown.

        Raises:
            DomainError: an impossible parameter, or a state that does not exist; the message says which.
        """
        signal = self._signal(self._with_sinusoid(I_1, f), mean)
        return self._run(signal, np.ones(1), None, f, time, dt, band, refine, progress)

    def independent(
        self,
        I_1: Any,
        f: float | None = None,
        *,
        average: str = "phase",
        mean: Any = None,
        time: float | None = None,
        dt: float | None = None,
        band: float | None = None,
        refine: bool = False,
        progress: bool = False,
        phases: int = GROUPS,
    ) -> NonStationary:
        """The course with an input of its own for each unit, independent of the others'.

        Args:
            I_1: amplitude of sin(2πft + θ); or the covariance of Gaussian input, a formula in the lag t ≥ 0.
            f: frequency.
            average: "phase": units in groups of one phase each, which is what simulated networks follow
                (`symntk.dynamics.independent` says by how much); "gaussian": Gaussian input of the covariance
                (I_1²/2) cos 2πfΔ, as in the paper. A covariance that is given is always that of Gaussian input.
            mean: I_0 over time, as for common input.
            time: as for common input.
            dt: as for common input.
            band: as for common input.
            refine: as for common input.
            progress: whether a bar is shown.
            phases: number of groups; 16 agree with 32 to 6 digits at I_1 = 20 and g = 2, and the time grows with them.
        """
        if average == "gaussian" or isinstance(I_1, str):
            covariance = I_1
            if not isinstance(I_1, str):
                waveform.check_sinusoid(I_1, f)
                covariance = f"{0.5 * float(I_1) ** 2!r}*cos({2.0 * np.pi * float(f or 0.0)!r}*t)"
            return self._run(self._signal(0.0, mean), np.ones(1), covariance, f, time, dt, band, refine, progress)
        self.problem(I_1, float(f or 0.0), average, phases)
        afford_memory("the non-stationary theory", _ROWS * phases * BAND / DT, f"{phases} phases")
        theta = 2.0 * np.pi * (np.arange(phases) + 0.5) / phases
        shared = self._signal(0.0, mean)

        def signal(times: np.ndarray, period: int) -> np.ndarray:
            # a step adds what the units' own inputs are at its beginning, and the common one at its end
            begins = times - (times[1] - times[0])
            waves = float(I_1) * np.sin(2.0 * np.pi * float(f or 0.0) * begins + theta[:, None])
            return np.asarray(shared(times, period) + waves)

        return self._run(signal, np.full(phases, 1.0 / phases), None, f, time, dt, band, refine, progress)

    def orbit(self, I_1: Any, f: float, *, mean: Any = None, dt: float | None = None) -> Orbit:
        """One period of the state that repeats with a common input, also where it is unstable; λ in 1/τ."""
        setup = self.orbit_setup([I_1], f, mean, dt)
        return orbits(setup)[0]

    def orbit_setup(
        self, inputs: list[Any], f: float, mean: Any = None, dt: float | None = None, shape: str | None = None
    ) -> Setup:
        """One period of several common inputs, each as in `common`, for `orbit.orbits`; or amplitudes of a shape."""
        waveform.check_sinusoid(0.0, f)
        period = 1.0 / (f * self.tau)
        target = waveform.given_or(dt, DT * self.tau, "dt") / self.tau
        step, count, _ = waveform.grid(period, target, 2.0 * period)
        times = np.arange(count + 1) * step * self.tau
        if shape is not None:
            values = waveform.of_phase(shape, 2.0 * np.pi * np.arange(count) / count)
            inputs = [float(one) * values for one in inputs]
        drive = np.stack([self._signal(self._with_sinusoid(one, f), mean)(times, count) for one in inputs])
        m, c = self._begin()
        ones = np.ones(len(inputs))
        return Setup(
            self._with_means,
            self.g * ones,
            self.feedback * ones,
            drive,
            np.ones(1),
            None,
            step,
            count + 1,
            count,
            m * ones,
            c * ones[:, None],
        )

    def _with_sinusoid(self, I_1: Any, f: float | None) -> Any:
        """A plain number is the amplitude of a sinusoid; all else is the input itself."""
        if isinstance(I_1, str) or np.ndim(I_1):
            return I_1
        if f is None and float(I_1) == 0.0:
            return 0.0
        waveform.check_sinusoid(I_1, f)
        return f"{float(I_1)!r}*sin({2.0 * np.pi * float(f or 0.0)!r}*t)" if float(I_1) else 0.0

    def _signal(self, modulation: Any, mean: Any) -> Signal:
        """√N I_0(t) + δI(t) of one group, as a function of times and of the steps in a period."""
        base = self.I_0 if mean is None else mean

        def signal(times: np.ndarray, period: int) -> np.ndarray:
            first = waveform.sample(base, times, "the mean input I_0", period)
            second = waveform.sample(modulation, times, "the input's modulation", period)
            return np.asarray(np.sqrt(self.N) * first + second)[None, :]

        return signal

    def _begin(self) -> tuple[float, float]:
        """Mean and variance that a run begins with: the fixed point's, or 0 and g² where there is none."""
        try:
            rest = self.static()
        except DomainError:
            return 0.0, self.g**2
        return rest.mean, rest.variance if rest.variance > 1e-6 else self.g**2

    def _run(
        self,
        signal: Signal,
        weights: np.ndarray,
        covariance: Any,
        f: float | None,
        time: float | None,
        dt: float | None,
        band: float | None,
        refine: bool,
        progress: bool,
    ) -> NonStationary:
        """One run, or two of which the second has half the step of the first."""
        if f is not None:
            waveform.check_sinusoid(0.0, f)
        period = None if f is None else 1.0 / (f * self.tau)
        fine = waveform.finest(period, waveform.given_or(dt, DT * self.tau, "dt") / self.tau, int(refine))
        length = max(waveform.given_or(time, TIME * self.tau, "time") / self.tau, 4.0 * (period or 0.0))
        reach = waveform.given_or(band, max(BAND, 1.5 * (period or 0.0)) * self.tau, "band") / self.tau
        found = []
        for target in [2.0 * fine, fine] if refine else [fine]:
            step, count, steps = waveform.grid(period, target, length)
            entries = len(weights) * (_HISTORIES * steps + _ROWS * reach / step)
            afford_memory("the non-stationary theory", entries, f"{steps} steps and lags of {reach:g} τ")
            times = np.arange(steps + 1) * step
            drive = signal(times * self.tau, count)
            width = max(int(np.ceil(reach / step)), count + 1, 3)
            lags = np.arange(width) * step
            spread = None
            if covariance is not None:
                spread = waveform.covariance(covariance, lags * self.tau)[None, :]
            setup = self._setup(drive, weights, spread, step, width, count)
            with tqdm(total=steps, unit="step", disable=not progress) as bar:
                found.append(read(course(setup, bar.update), times, lags, step, count, weights, self.tau))
        if not refine:
            return found[-1]
        coarse, last = found
        value = 2.0 * last.lyapunov - coarse.lyapunov
        error = abs(value - last.lyapunov) + last.lyapunov_error
        return replace(last, lyapunov=value, lyapunov_error=error)

    def _setup(self, drive: np.ndarray, weights: np.ndarray, spread: Any, step: float, width: int, count: int) -> Setup:
        m, c = self._begin()
        ages = np.arange(width - 1, -1, -1.0) * step
        row = c * np.exp(-((ages / _MEMORY) ** 2))
        if spread is None and np.all(drive == self.drive):
            # near the onset another past would lead to the fixed point, which the band cannot tell from unstable
            with suppress(DomainError):
                m, row = self.stationary().mean, np.maximum(self.stationary().autocovariance(ages), 1e-6)
        one = np.ones(1)
        units = self.units if not np.any(drive) else self._with_means
        return Setup(
            units,
            self.g * one,
            self.feedback * one,
            drive[None],
            weights,
            spread,
            step,
            width,
            count,
            m * one,
            row[None],
        )


def classical(g: float, activation: Any = "tanh", *, tau: float = 1.0, tol: float = TOLERANCE) -> Balanced:
    """The network of Sompolinsky, Crisanti & Sommers 1988: odd units, couplings without mean, no mean input.

    >>> print(round(classical(1.5, "erf").onset(), 9))  # 1/φ'(0)
    0.886226925
    """
    return Balanced(g, 1.0, 0.0, 0.0, activation, tau, tol)
