"""The experiments of Eilers, Memmesheimer & Goedeke 2024 (arXiv 2405.15539): their setting, and tables of numbers.

Inputs lie on the unit circle, x = (sin α, cos α). The networks have 2 inputs and L = 3 weight layers, σ_w = 1 and
σ_b = 0.1; they are trained by full-batch steps with η = 0.1 on ½ · mean (f − y)², without noise in the targets.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from symntk.errors import DomainError

DEPTH, WEIGHT_STD, BIAS_STD = 3, 1.0, 0.1
RATE = 0.1
TRAINING_POINTS, TEST_POINTS = 15, 100
_DATA_STREAM = 15  # keeps the stream of the training angles apart from those of the weights


def on_circle(angles: np.ndarray) -> np.ndarray:
    """Inputs (sin α, cos α), (points, 2)."""
    return np.stack([np.sin(angles), np.cos(angles)], axis=1)


def target(x: np.ndarray) -> np.ndarray:
    """4x₁x₂² − 0.8x₁³ + 1.2x₂² − 0.8x₁²x₂ at inputs (points, 2).

    >>> target(on_circle(np.array([0.0]))).round(12).tolist()
    [1.2]
    """
    a, b = x[:, 0], x[:, 1]
    return np.asarray(4 * a * b**2 - 0.8 * a**3 + 1.2 * b**2 - 0.8 * a**2 * b)


def circle_angles() -> np.ndarray:
    """α_i = 2πi/100 − π for i = 0 … 99; the 51st is 0."""
    return 2 * np.pi * np.arange(TEST_POINTS) / TEST_POINTS - np.pi


def training_angles(seed: int) -> np.ndarray:
    """One angle drawn uniformly from each of 15 equal arcs, in order.

    The paper does not list its training points; these cover the circle without being a regular grid, on which all
    kernel matrices would be circulant.

    >>> bool(np.all(np.diff(training_angles(0)) > 0))
    True
    """
    drawn = np.random.default_rng([seed, _DATA_STREAM]).uniform(size=TRAINING_POINTS)
    return 2 * np.pi * (np.arange(TRAINING_POINTS) + drawn) / TRAINING_POINTS - np.pi


@dataclass(frozen=True)
class Options:
    """What all experiments are asked with.

    Attributes:
        full: the paper's sizes; else sizes that take seconds.
        seed: of the training points and of the initial weights.
        workers: processes that share the training; 0 is this one.
        checkpoints: a folder from which an interrupted run continues; None writes none.
        progress: show progress bars.
    """

    full: bool = False
    seed: int = 0
    workers: int = 0
    checkpoints: Path | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        if self.seed < 0 or self.workers < 0:
            wrong = f"seed {self.seed} and {self.workers} workers"
            raise DomainError("an experiment of the paper", wrong, "integers that are not negative")

    def folder(self, name: str) -> Path | None:
        """Where the checkpoints of one ensemble lie; the name holds all that tells ensembles apart."""
        return None if self.checkpoints is None else self.checkpoints / f"{name}-seed{self.seed}"


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers under headings; a number is written with as many digits as the reader is given.

    >>> table = Table(("n", "share"), [(20, 0.5), (100, float("inf"))])
    >>> print(table.markdown(3))
    | n | share |
    |---|---|
    | 20 | 0.5 |
    | 100 | ∞ |
    """

    headings: tuple[str, ...]
    rows: Sequence[tuple[str | int | float, ...]]

    def markdown(self, digits: int = 4) -> str:
        """The table in Markdown."""
        lines = [" | ".join(self.headings), None, *(" | ".join(_shown(v, digits) for v in row) for row in self.rows)]
        return "\n".join("|" + "---|" * len(self.headings) if line is None else f"| {line} |" for line in lines)

    def csv(self) -> str:
        """The table as comma-separated values, with all digits of a float32."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.headings)
        writer.writerows([f"{v:.9g}" if isinstance(v, float) else v for v in row] for row in self.rows)
        return file.getvalue()


def _shown(value: str | int | float, digits: int) -> str:
    if isinstance(value, float):
        return "∞" if value == np.inf else f"{value:.{digits}g}"
    return str(value)
