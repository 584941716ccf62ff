"""Figure 3: sign networks of finite width, trained by surrogate gradients, against the process of the SG-NTK.

The process is that of gradient flow with the SG-NTK at the time of the last step. Full-batch steps of size η on the
mean over 15 points are steps of η/15 on their sum, so after t steps the flow of the sum has run for tη/15.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from symntk.kernels.kernels import Kernels
from symntk.kernels.kernels import derive as derive_kernels
from symntk.networks.ensemble import Ensemble
from symntk.networks.experiments import (
    BIAS_STD,
    DEPTH,
    RATE,
    WEIGHT_STD,
    Options,
    Table,
    circle_angles,
    on_circle,
    target,
    training_angles,
)
from symntk.networks.network import Network
from symntk.networks.regression import GradientFlow, Prediction

TOLERANCE = 0.05
"""Part of the process's sd by which an ensemble's mean may be off, beside its standard error."""


@dataclass(frozen=True)
class Sizes:
    """Widths in the order in which they are trained, networks of each and steps."""

    widths: tuple[int, ...]
    networks: int
    steps: int


FULL = Sizes((500, 100, 20), 500, 30_000)
FAST = Sizes((100, 20), 100, 2_000)


@dataclass(frozen=True)
class Theory:
    """What infinitely wide networks predict at the test points.

    Attributes:
        x: training inputs (15, 2); y: targets (15,); test: test inputs (100, 2).
        surrogate: the process of the SG-NTK after each of the recorded steps.
        bayes: regression with the NNGP Σ_sign, the exact posterior of the untrained networks.
    """

    x: np.ndarray
    y: np.ndarray
    test: np.ndarray
    surrogate: dict[int, Prediction]
    bayes: Prediction


@dataclass(frozen=True)
class Fit:
    """An ensemble of one width: outputs (networks, test points) after each recorded step, and the last loss."""

    width: int
    outputs: dict[int, np.ndarray]
    loss: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """An ensemble's outputs against the process.

    Attributes:
        distance: ensemble mean minus the process's mean, in units of the process's sd, at each test point.
        error: standard error of the ensemble mean in the same units.
        inside: share of networks within two sd of the process's mean, at each test point.
        spread: the ensemble's sd in the same units.
    """

    distance: np.ndarray
    error: np.ndarray
    inside: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, outputs: np.ndarray, process: Prediction) -> Comparison:
        """Compare outputs (networks, test points)."""
        off = (outputs.astype(np.float64) - process.mean) / process.std
        spread = off.std(axis=0, ddof=1)
        return cls(off.mean(axis=0), spread / np.sqrt(len(off)), np.mean(np.abs(off) <= 2, axis=0), spread)

    @property
    def within(self) -> np.ndarray:
        """At which test points the distance is at most the standard error plus 5 % of the sd."""
        return np.asarray(np.abs(self.distance) <= self.error + TOLERANCE)


def theory(kernels: Kernels, seed: int, record: tuple[int, ...]) -> Theory:
    """The predictions for the training points of a seed."""
    x, test = on_circle(training_angles(seed)), on_circle(circle_angles())
    y = target(x)
    net = Network(kernels, DEPTH, weight_std=WEIGHT_STD, bias_std=BIAS_STD)
    flow = net.flow(x, y, kernel="sg_ntk", learning_rate=RATE, reduction="mean")
    prior, across, within = net.nngp(x), net.nngp(test, x), net.nngp(test)
    bayes = GradientFlow(prior, prior, y).posterior(across, within, across)
    return Theory(x, y, test, {step: flow.predict(test, step) for step in record}, bayes)


def recorded(steps: int) -> tuple[int, ...]:
    """The steps after which outputs are compared: a hundredth, a tenth and all of them.

    >>> recorded(30_000)
    (300, 3000, 30000)
    """
    return tuple(sorted({max(1, steps // 100), max(1, steps // 10), steps}))


def fits(sizes: Sizes, options: Options, kernels: Kernels, known: Theory) -> Iterator[Fit]:
    """Train one width after the other."""
    record = recorded(sizes.steps)
    for width in sizes.widths:
        ensemble = Ensemble(
            kernels,
            DEPTH,
            width,
            networks=sizes.networks,
            inputs=2,
            weight_std=WEIGHT_STD,
            bias_std=BIAS_STD,
            seed=options.seed,
        )
        trained = ensemble.train(
            known.x,
            known.y,
            steps=sizes.steps,
            rate=RATE,
            rule="surrogate",
            test=known.test,
            record=record,
            workers=options.workers,
            checkpoint=options.folder(f"sgntk-fig3-width{width}-{sizes.networks}x{sizes.steps}"),
            progress=options.progress,
        )
        yield Fit(width, dict(zip(record, trained.outputs, strict=True)), trained.loss[-1])


def run(options: Options, sizes: Sizes | None = None) -> Iterator[tuple[Theory, list[Fit]]]:
    """The experiment: the theory and the ensembles trained so far, by width, after each of them.

    Args:
        options: those of all experiments.
        sizes: other sizes than `FULL` and `FAST`.
    """
    chosen = sizes or (FULL if options.full else FAST)
    kernels = derive_kernels("sign", "erf")
    known = theory(kernels, options.seed, recorded(chosen.steps))
    done: list[Fit] = []
    for fit in fits(chosen, options, kernels, known):
        done = sorted([*done, fit], key=lambda one: one.width)
        yield known, done


def table(known: Theory, done: list[Fit]) -> Table:
    """One row for each width and recorded step; for a Gaussian the last share but one would be 0.9545."""
    headings = (
        "width",
        "networks",
        "steps",
        "rms distance / sd",
        "rms standard error / sd",
        "rms distance / rms sd",
        "largest distance / sd",
        "share of points within standard error + 5 % of sd",
        "ensemble sd / sd (rms)",
        "networks inside ±2 sd, mean over points",
        "least over points",
    )
    rows: list[tuple[str | int | float, ...]] = []
    for fit in done:
        for step, outputs in fit.outputs.items():
            process = known.surrogate[step]
            seen = Comparison.of(outputs, process)
            rows.append(
                (
                    fit.width,
                    len(outputs),
                    step,
                    rms(seen.distance),
                    rms(seen.error),
                    rms(seen.distance * process.std) / rms(process.std),
                    float(np.max(np.abs(seen.distance))),
                    float(np.mean(seen.within)),
                    rms(seen.spread),
                    float(np.mean(seen.inside)),
                    float(np.min(seen.inside)),
                )
            )
    return Table(headings, rows)


def curves(known: Theory, done: list[Fit]) -> Table:
    """What the figure draws, a row for each test point."""
    step = max(known.surrogate)
    process = known.surrogate[step]
    columns = {
        "angle": circle_angles(),
        "target": target(known.test),
        "SG-NTK mean": process.mean,
        "SG-NTK sd": process.std,
        "NNGP mean": known.bayes.mean,
        "NNGP sd": known.bayes.std,
    }
    for fit in done:
        outputs = fit.outputs[step].astype(np.float64)
        columns[f"mean of width {fit.width}"] = outputs.mean(axis=0)
        columns[f"sd of width {fit.width}"] = outputs.std(axis=0, ddof=1)
    return Table(tuple(columns), [tuple(float(v) for v in row) for row in zip(*columns.values(), strict=True)])


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
