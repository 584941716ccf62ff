"""What the experiments of Engelken et al. 2022 (arXiv 2201.09916) share: exponents from theory, and what is kept.

The networks are balanced ones of threshold-linear units with I_0 = J_0 = 1, if not told otherwise; time is in units
of τ. Theory is extrapolated to continuous time; simulations take Euler's steps. The first-order effect of the step is
known for common input, and is stated beside what is simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from symntk.dynamics import Balanced
from symntk.dynamics.simulation import Drive, Run, Simulation, simulate
from symntk.runs import Options, checkpoint

GAIN, FREQUENCY = 2.0, 0.2
STEP = 1 / 32
"""Of simulations, in units of τ."""


class Simulated(Protocol):
    """What the sizes of an experiment say of its simulations."""

    @property
    def realizations(self) -> int:
        """Simulated networks."""

    @property
    def time(self) -> float:
        """That they are recorded for, in units of τ."""

    @property
    def burn(self) -> float:
        """Time before that."""


def simulated(
    net: Balanced, drives: Sequence[Drive], sizes: Simulated, options: Options, folder: Path | None, **recorded: Any
) -> Simulation:
    """Simulate networks like `net` under several inputs, in Euler steps of `STEP`.

    Each run has a folder of its own, named by all that a network's result depends on, so that other lengths or inputs
    do not meet its files, and more networks extend it.

    Args:
        net: the network; its units are threshold-linear.
        drives: the inputs.
        sizes: how many networks, and how long.
        options: those of all experiments.
        folder: holds the run's folder, where an interrupted run continues; None keeps nothing.
        recorded: `record` or `lags`, as of `simulate`.
    """
    steps, burn = round(sizes.time / STEP), round(sizes.burn / STEP)
    parts = {
        "net": [int(net.N), float(net.g), float(net.I_0), float(net.J_0)],
        "drives": [[one.amplitude, one.common, one.frequency] for one in drives],
        "steps": [steps, burn, STEP],
        "seed": options.seed,
        "recorded": recorded,
    }
    name = f"simulated-seed{options.seed}-{checkpoint.fingerprint(parts)[:12]}"
    run = Run(
        steps,
        burn,
        STEP,
        realizations=sizes.realizations,
        seed=options.seed,
        checkpoint=None if folder is None else folder / name,
        **recorded,
    )
    return simulate(int(net.N), net.g, drives, run, I_0=net.I_0, J_0=net.J_0, progress=options.progress)


def known_or_blank(value: float) -> float | str:
    """A number for a table; blank where it is NaN, not known."""
    return "" if np.isnan(value) else float(value)
