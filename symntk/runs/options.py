"""What long runs are asked with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from symntk.errors import DomainError


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
            raise DomainError("an experiment", wrong, "integers that are not negative")

    def folder(self, name: str) -> Path | None:
        """Where the checkpoints of one ensemble lie; the name holds all that tells ensembles apart."""
        return None if self.checkpoints is None else self.checkpoints / f"{name}-seed{self.seed}"
