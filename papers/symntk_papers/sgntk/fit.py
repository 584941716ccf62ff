"""Figure 3: sign networks of finite width, trained by surrogate gradients, against the process of the SG-NTK.

The process is that of gradient flow with the SG-NTK at the time of the last step. Full-batch steps of size η on the
mean over 15 points are steps of η/15 on their sum, so after t steps the flow of the sum has run for tη/15.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import erf

from symntk import Kernels, Network
from symntk import derive as derive_kernels
from symntk.finite import Ensemble, Schedule
from symntk.networks import GradientFlow, Prediction
from symntk.runs import Options, Table
from symntk_papers.sgntk.setting import (
    BIAS_STD,
    DEPTH,
    RATE,
    WEIGHT_STD,
    circle_angles,
    on_circle,
    target,
    training_angles,
)
from symntk_papers.sgntk.steps import StepTraining

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
        off: outputs minus the process's mean, in units of the process's sd, (networks, test points).
    """

    off: np.ndarray

    @classmethod
    def of(cls, outputs: np.ndarray, process: Prediction) -> Comparison:
        """Compare outputs (networks, test points)."""
        return cls((outputs.astype(np.float64) - process.mean) / process.std)

    @cached_property
    def distance(self) -> np.ndarray:
        """Ensemble mean minus the process's mean, in units of the process's sd, at each test point."""
        return np.asarray(self.off.mean(axis=0))

    @cached_property
    def spread(self) -> np.ndarray:
        """The ensemble's sd in the same units."""
        return np.asarray(self.off.std(axis=0, ddof=1))

    @property
    def error(self) -> np.ndarray:
        """Standard error of the ensemble's mean in the same units."""
        return np.asarray(self.spread / np.sqrt(len(self.off)))

    @cached_property
    def bias(self) -> tuple[float, float]:
        """The root mean square of the distance without its sampling error, and its own standard error.

        distance² = bias² + error² in expectation; pairs of different networks alone give bias², without error². The
        standard error is the jackknife's over networks.
        """
        networks, points = self.off.shape
        pairs = self.off @ self.off.T / points
        np.fill_diagonal(pairs, 0.0)
        square = pairs.sum() / (networks * (networks - 1))
        without = (pairs.sum() - 2 * pairs.sum(axis=0)) / ((networks - 1) * (networks - 2))
        error = np.sqrt((networks - 1) * without.var())
        value = np.sqrt(max(0.0, square))
        return float(value), float(error / max(2 * value, np.sqrt(error)))  # of a root near 0: the root of the error

    @property
    def within(self) -> np.ndarray:
        """At which test points the distance is at most the standard error plus 5 % of the sd."""
        return np.asarray(np.abs(self.distance) <= self.error + TOLERANCE)

    @property
    def within_expected(self) -> float:
        """The share of points that would be within if the distance were nothing but Gaussian sampling error."""
        return float(np.mean(erf((1 + TOLERANCE / self.error) / np.sqrt(2))))

    @property
    def inside(self) -> np.ndarray:
        """Which outputs are within two sd of the process's mean, (networks, test points)."""
        return np.asarray(np.abs(self.off) <= 2)

    @property
    def inside_own(self) -> np.ndarray:
        """Which are within two sd of the process around the ensemble's own mean, (networks, test points)."""
        return np.asarray(np.abs(self.off - self.distance) <= 2)


def share(inside: np.ndarray) -> tuple[float, float]:
    """Mean of (networks, points) and its standard error: networks are independent, a network's points are not.

    >>> share(np.array([[True, True], [False, False]]))
    (0.5, 0.5)
    """
    each = inside.mean(axis=1)
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))


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
            Schedule(
                sizes.steps,
                RATE,
                trainer=StepTraining,
                record=record,
                workers=options.workers,
                checkpoint=options.folder(f"sgntk-fig3-width{width}-{sizes.networks}x{sizes.steps}"),
            ),
            test=known.test,
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
    """One row for each width and recorded step; for a Gaussian the shares of networks would be 0.9545."""
    rows: list[dict[str, str | int | float]] = []
    for fit in done:
        for step, outputs in fit.outputs.items():
            process = known.surrogate[step]
            seen = Comparison.of(outputs, process)
            inside, inside_error = share(seen.inside)
            rows.append(
                {
                    "width": fit.width,
                    "networks": len(outputs),
                    "steps": step,
                    "rms distance / sd": rms(seen.distance),
                    "rms standard error / sd": rms(seen.error),
                    "rms distance beyond sampling error / sd": seen.bias[0],
                    "standard error of that": seen.bias[1],
                    "rms distance / rms sd": rms(seen.distance * process.std) / rms(process.std),
                    "largest distance / sd": float(np.max(np.abs(seen.distance))),
                    "share of points within standard error + 5 % of sd": float(np.mean(seen.within)),
                    "that share without bias": seen.within_expected,
                    "ensemble sd / sd (rms)": rms(seen.spread),
                    "networks inside ±2 sd, mean over points": inside,
                    "standard error of this mean": inside_error,
                    "least over points": float(np.min(seen.inside.mean(axis=0))),
                    "networks inside ±2 sd of their own mean": share(seen.inside_own)[0],
                }
            )
    return Table(tuple(rows[0]), [tuple(row.values()) for row in rows])


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
