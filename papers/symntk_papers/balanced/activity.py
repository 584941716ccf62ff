"""Figure 9 of Engelken et al. 2022 (arXiv 2201.09916): activity, rate and autocovariance under independent input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from symntk import activations as ACTIVATIONS
from symntk.dynamics import Balanced
from symntk.dynamics.simulation import Drive, Model, RateNetwork, Simulation
from symntk.finite import array_function
from symntk.kernels.function import as_function
from symntk.runs import Options, Table, checkpoint
from symntk_papers.balanced.setting import GAIN, STEP, known_or_blank, simulated

FREQUENCY = 0.05
AVERAGES = ("gaussian", "phase")
_UNITS = 3
_SHOWN = 60.0  # τ of activity


@dataclass(frozen=True)
class Sizes:
    """How large the experiment is; times in units of τ.

    Attributes:
        N: units.
        amplitudes: of independent input.
        realizations: simulated networks.
        time: that they are recorded for.
        burn: time before that.
        lags: longest lag.
    """

    N: int = 1000
    amplitudes: tuple[float, ...] = (0.0, 0.8, 10.0)
    realizations: int = 2
    time: float = 120.0
    burn: float = 60.0
    lags: float = 30.0


FULL = Sizes(N=5000, realizations=10, time=500.0, burn=100.0)
"""The paper's size."""


def sizes_of(full: bool, N: int | None = None, realizations: int | None = None) -> Sizes:
    """The sizes, with another number of units and of simulated networks where one is given."""
    sizes = FULL if full else Sizes()
    return replace(sizes, N=N or sizes.N, realizations=realizations or sizes.realizations)


@dataclass(frozen=True)
class State:
    """What the stationary theory says; c holds the units' own sinusoids.

    Attributes:
        mean: of the units' inputs h.
        rate: ν.
        autocovariance: c at the lags of the simulation.
        lyapunov: λ₁ τ.
    """

    mean: float
    rate: float
    autocovariance: np.ndarray
    lyapunov: float


@dataclass(frozen=True)
class Activity:
    """The result.

    Attributes:
        sizes: of the experiment.
        theory: average -> one state per amplitude.
        simulation: of all amplitudes.
        times: of the activity that is shown, from 0 (steps,).
        activity: φ(h_i(t)) of three units of one network (amplitudes, units, steps).
    """

    sizes: Sizes
    theory: dict[str, list[State]]
    simulation: Simulation
    times: np.ndarray
    activity: np.ndarray

    @property
    def autocovariance(self) -> np.ndarray:
        """The simulation's c, its mean over networks (amplitudes, lags)."""
        return np.asarray(self.simulation.autocorrelation.mean(0))

    @property
    def error(self) -> np.ndarray:
        """The standard error of that mean, the same shape; NaN for a single network."""
        found = self.simulation.autocorrelation
        if len(found) == 1:
            return np.full(found.shape[1:], np.nan)
        return np.asarray(found.std(0, ddof=1) / np.sqrt(len(found)))


def run(options: Options, sizes: Sizes | None = None) -> Activity:
    """Theory and simulation.

    Args:
        options: those of all experiments.
        sizes: other than the fast and the full ones.
    """
    sizes = sizes or sizes_of(options.full)
    net = Balanced(GAIN, sizes.N)
    folder = None if options.checkpoints is None else options.checkpoints / f"dynamics-fig9-{sizes.N}"
    drives = [Drive(one, False, FREQUENCY) for one in sizes.amplitudes]
    simulation = simulated(net, drives, sizes, options, folder, lags=sizes.lags)
    theory = {average: [state(net, one, average, simulation.lags) for one in sizes.amplitudes] for average in AVERAGES}
    activity = _activity(sizes, drives, options, folder)
    return Activity(sizes, theory, simulation, np.arange(activity.shape[-1]) * STEP, activity)


def state(net: Balanced, amplitude: float, average: str, lags: np.ndarray) -> State:
    """The stationary state under independent input of the frequency of this figure.

    Args:
        net: the network.
        amplitude: I_1.
        average: "gaussian" or "phase".
        lags: in units of τ.

    >>> found = state(Balanced(2.0, 1000), 10.0, "phase", np.array([0.0, 10.0, 20.0]))
    >>> bool(np.isclose(found.autocovariance[0], found.autocovariance[2]))  # it has the input's period
    True
    """
    if amplitude == 0.0:
        rest = net.stationary()
        return State(rest.mean, rest.rate, rest.autocovariance(lags), rest.lyapunov)
    found = net.independent_stationary(amplitude, FREQUENCY, average=average)
    c = found.at(lags)
    if average == "phase":
        omega = 2.0 * np.pi * FREQUENCY
        c = c + 0.5 * amplitude**2 / (1.0 + omega**2) * np.cos(omega * lags)
    return State(found.mean, found.rate, c, found.lyapunov)


def _activity(sizes: Sizes, drives: list[Drive], options: Options, folder: Path | None) -> np.ndarray:
    """φ(h_i(t)) of the first units of the first realization, after the burn (amplitudes, units, steps)."""
    relu = as_function("relu", ACTIVATIONS)
    model = Model(
        N=sizes.N,
        g=GAIN,
        I_0=1.0,
        J_0=1.0,
        dt=STEP,
        time=STEP,
        activation=array_function(relu),
        derivative=array_function(relu.derivative),
        drives=tuple(drives),
        exponents=0,
        seed=options.seed,
        dtype="float32",
    )

    def compute() -> dict[str, np.ndarray]:
        network = RateNetwork(model, 0)
        before, steps = round(sizes.burn / STEP), round(_SHOWN / STEP)
        rates = np.empty((len(drives), _UNITS, steps))
        for n in tqdm(range(before + steps), unit="step", desc="activity", disable=not options.progress):
            network.step()
            if n >= before:
                rates[:, :, n - before] = network.rates[:, :_UNITS]
        return {"rates": rates}

    told = {"numbers": [sizes.N, sizes.burn, options.seed], "amplitudes": list(sizes.amplitudes), "kind": "activity"}
    return checkpoint.kept(folder, told, compute)["rates"]


def table(result: Activity) -> Table:
    """One row per amplitude; the theory averages over phases."""
    headings = ["I_1", "λ₁ theory", "λ₁ simulated", "standard error", "ν theory", "ν simulated", "variance theory"]
    headings += ["variance simulated", "rms difference of the autocovariance / variance", "that of Gaussian input"]
    rows: list[tuple[str | int | float, ...]] = []
    run = result.simulation
    simulated = result.autocovariance
    for i, amplitude in enumerate(result.sizes.amplitudes):
        found = {average: states[i] for average, states in result.theory.items()}
        misses = [
            float(np.sqrt(np.mean((simulated[i] - found[one].autocovariance) ** 2)) / simulated[i, 0])
            for one in ("phase", "gaussian")
        ]
        one = found["phase"]
        rows.append(
            (
                amplitude,
                float(one.lyapunov),
                float(run.lyapunov[:, i].mean()),
                float(run.error[i]),
                float(one.rate),
                float(run.rate[:, i].mean()),
                float(one.autocovariance[0]),
                float(simulated[i, 0]),
                *misses,
            )
        )
    return Table(tuple(headings), rows)


def curves(result: Activity) -> Table:
    """The autocovariances of the figure."""
    rows: list[tuple[str | int | float, ...]] = []
    for i, amplitude in enumerate(result.sizes.amplitudes):
        for j, lag in enumerate(result.simulation.lags):
            theory = [float(result.theory[average][i].autocovariance[j]) for average in ("phase", "gaussian")]
            error = known_or_blank(result.error[i, j])
            rows.append((amplitude, float(lag), *theory, float(result.autocovariance[i, j]), error))
    headings = ("I_1", "lag", "c theory, phases", "c theory, Gaussian", "c simulated, mean", "standard error")
    return Table(headings, rows)
