"""Figure 2 of Engelken et al. 2022 (arXiv 2201.09916): λ₁ over the amplitude of common and of independent input."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from symntk.dynamics import (
    Balanced,
    Critical,
    Curve,
    common_curve,
    critical_common,
    critical_independent,
    independent_curve,
)
from symntk.dynamics.simulation import Drive, Simulation
from symntk.runs import Options, Table
from symntk_papers.balanced.setting import (
    FREQUENCY,
    GAIN,
    STEP,
    known_or_blank,
    simulated,
)

INDEPENDENT = ("gaussian", "phase")


@dataclass(frozen=True)
class Sizes:
    """How large the experiment is; times in units of τ.

    Attributes:
        N: units, of theory and of simulation.
        realizations: simulated networks.
        time: that they are recorded for.
        burn: time before that.
        common: amplitudes of common input over √N.
        independent: amplitudes of independent input.
        dt: finer step of the theory's chaotic courses; half of it of its repeating states.
        theory_time: length of its chaotic courses.
        points: amplitudes of each kind of input in the theory, besides those that are simulated.
    """

    N: int = 1000
    realizations: int = 2
    time: float = 100.0
    burn: float = 50.0
    common: tuple[float, ...] = (0.05, 0.2, 0.4, 0.6, 0.75, 0.85, 1.0, 1.2, 1.6, 2.2)
    independent: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 3.6, 4.4, 6.0, 10.0, 20.0)
    dt: float = 1 / 16
    theory_time: float = 100.0
    points: int = 24


FULL = Sizes(N=5000, realizations=10, time=500.0, burn=100.0, dt=1 / 32, theory_time=300.0)
"""The paper's size."""


def sizes_of(full: bool, N: int | None = None, realizations: int | None = None) -> Sizes:
    """The sizes, with another number of units and of simulated networks where one is given."""
    sizes = FULL if full else Sizes()
    return replace(sizes, N=N or sizes.N, realizations=realizations or sizes.realizations)


@dataclass(frozen=True)
class Exponents:
    """The result.

    Attributes:
        sizes: of the experiment.
        common: theory of common input.
        independent: theory of independent input: "gaussian" for Gaussian input, "phase" for the mean over phases.
        rest: λ₁ τ without input, from the stationary theory.
        critical: I_1^crit of "common", "gaussian" and "phase".
        simulation: no input, common inputs, independent inputs.
    """

    sizes: Sizes
    common: Curve
    independent: dict[str, Curve]
    rest: float
    critical: dict[str, Critical]
    simulation: Simulation


def run(options: Options, sizes: Sizes | None = None) -> Exponents:
    """Theory and simulation.

    Args:
        options: those of all experiments.
        sizes: other than the fast and the full ones.
    """
    sizes = sizes or sizes_of(options.full)
    net = Balanced(GAIN, sizes.N)
    folder = None if options.checkpoints is None else options.checkpoints / f"dynamics-fig2-{sizes.N}"
    amplitudes = [float(round(one * np.sqrt(sizes.N), 2)) for one in sizes.common]
    dense = np.union1d(np.linspace(min(amplitudes), max(amplitudes), sizes.points).round(2), amplitudes)
    with tqdm(total=len(dense) + 5, unit="point", desc="theory", disable=not options.progress) as bar:
        critical = {"common": critical_common(net, FREQUENCY, dt=sizes.dt)}
        bar.update()
        curve = common_curve(
            net,
            dense.tolist(),
            FREQUENCY,
            dt=sizes.dt,
            time=sizes.theory_time,
            finer=2,
            folder=folder,
            report=bar.update,
        )
        independent = {}
        grid = np.union1d(np.geomspace(0.3, max(sizes.independent), sizes.points), sizes.independent)
        for average in INDEPENDENT:
            independent[average] = independent_curve(net, [float(one) for one in grid], FREQUENCY, average)
            critical[average] = critical_independent(net, FREQUENCY, average=average)
            bar.update(2)
    drives = [Drive(0.0), *(Drive(one, True, FREQUENCY) for one in amplitudes)]
    drives += [Drive(one, False, FREQUENCY) for one in sizes.independent]
    simulation = simulated(net, drives, sizes, options, folder, record=False)
    return Exponents(sizes, curve, independent, net.stationary().lyapunov, critical, simulation)


def table(result: Exponents) -> Table:
    """One row per input that was simulated; of independent input with the theory that averages over phases."""
    headings = (
        "input",
        "I_1",
        "λ₁ theory",
        "numerical error",
        "λ₁ theory at the step",
        "λ₁ simulated",
        "standard error",
    )
    rows: list[tuple[str | float, ...]] = []
    phase = result.independent["phase"]
    known = {(True, a): i for i, a in enumerate(result.common.amplitudes)}
    known |= {(False, a): i for i, a in enumerate(phase.amplitudes)}
    run = result.simulation
    for drive, value, error in zip(run.drives, run.lyapunov.mean(0), run.error, strict=True):
        measured = float(value), float(error)
        if not drive.amplitude:
            rows.append(("none", 0.0, result.rest, "", "", *measured))
            continue
        curve, at = (result.common if drive.common else phase), known[drive.common, drive.amplitude]
        theory = (known_or_blank(one) for one in (curve.exponents[at], curve.errors[at], curve.at_step(STEP)[at]))
        rows.append(("common" if drive.common else "independent", drive.amplitude, *theory, *measured))
    return Table(headings, rows)


def curves(result: Exponents) -> Table:
    """The lines of the figure."""
    rows: list[tuple[str | float, ...]] = []
    for name, curve in {"common": result.common, **result.independent}.items():
        rows += [(name, float(a), float(v)) for a, v in zip(curve.amplitudes, curve.exponents, strict=True)]
    return Table(("input", "I_1", "λ₁ theory"), rows)
