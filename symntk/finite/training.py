"""One chunk of an ensemble, trained from its start or its checkpoint to the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from symntk.errors import DomainError, SymntkError
from symntk.finite.arrays import ArrayFunction, Arrays, arrays
from symntk.finite.network import Architecture, DenseTraining, Steps, forward
from symntk.runs import checkpoint
from symntk.runs.stopping import Interrupted


@dataclass(frozen=True)
class Schedule:
    """Full-batch steps of an ensemble, and what is kept of them.

    Attributes:
        steps: how many.
        rate: η.
        rule: "gradient" propagates back the true derivative, "surrogate" the surrogate derivative.
        trainer: the class that makes the steps, `DenseTraining` or one with its arguments and methods.
        record: steps at which outputs are recorded, from 0 (before training) to `steps`; these two by default.
        keep: keep the trained weights, as `Training.parameters`.
        chunk: networks trained together; by default as many as the caches hold, or a GPU's memory. With NumPy the
            result does not depend on it, to the last bit.
        workers: processes that share the work, each with linear algebra on one core: the fastest way to use several
            cores. 0 is this process. Any number of workers from 1 on gives the same bits; so does this process if its
            linear algebra uses one core, else rounding differs, and in the end single networks of `sign` differ visibly
            (one sign that flips earlier changes what follows), while the ensemble's statistics agree.
        checkpoint: a folder with one file per chunk. A run with the same options continues from it, with the same
            result to the last bit as one that was not interrupted.
        checkpoint_steps: a file is written after so many steps, where given.
        checkpoint_seconds: a file is written after so many seconds.
    """

    steps: int
    rate: float
    rule: str = "surrogate"
    trainer: Callable[..., Steps] = DenseTraining
    record: Sequence[int] | None = None
    keep: bool = False
    chunk: int | None = None
    workers: int = 0
    checkpoint: str | Path | None = None
    checkpoint_steps: int | None = None
    checkpoint_seconds: float = 60.0

    def recorded(self) -> tuple[int, ...]:
        """The steps at which outputs are recorded, in order.

        Raises:
            DomainError: numbers that make no run.
        """
        asked = "to train an ensemble"
        times = sorted({0, self.steps} if self.record is None else set(self.record))
        if not times or not all(0 <= t <= self.steps and t == int(t) for t in (*times, self.steps)):
            wrong = f"{self.steps} steps, recorded at {times}"
            raise DomainError(asked, wrong, "integers, 0 ≤ record ≤ steps, at least one")
        if self.workers < 0 or (self.chunk is not None and self.chunk < 1):
            wrong = f"{self.workers} workers, {self.chunk} networks at a time"
            raise DomainError(asked, wrong, "workers from 0 on, chunks from 1 on")
        if not (np.isfinite(self.rate) and self.rate >= 0):
            raise DomainError(asked, f"the rate {self.rate}", "a number that is not negative")
        return tuple(int(t) for t in times)


@dataclass(frozen=True)
class Run:
    """All that training depends on; inputs are columns."""

    shape: Architecture
    activations: list[ArrayFunction]
    slopes: list[ArrayFunction]
    seed: int
    dtype: str
    backend: str
    device: str | None
    x: np.ndarray
    y: np.ndarray
    test: np.ndarray
    record: tuple[int, ...]
    schedule: Schedule

    @property
    def folder(self) -> Path | None:
        """Where checkpoints lie."""
        return None if self.schedule.checkpoint is None else Path(self.schedule.checkpoint)

    @cached_property
    def told(self) -> dict[str, object]:
        """What the result depends on, as text, numbers and arrays."""
        shape, how = self.shape, self.schedule
        numbers = [self.seed, self.dtype, self.backend, self.device, float(how.rate), int(how.steps), *self.record]
        return {
            "shape": [shape.inputs, shape.width, shape.depth, shape.weight_std, shape.bias_std],
            "functions": [f.text for f in (*self.activations, *self.slopes)],
            "numbers": numbers,
            "flags": [how.keep, how.workers > 0],  # linear algebra on one core may round otherwise
            "trainer": getattr(how.trainer, "__qualname__", str(how.trainer)),
            "x": self.x,
            "y": self.y,
            "test": self.test,
        }

    @property
    def results(self) -> set[str]:
        """Names of the arrays of a finished chunk."""
        kept = range(self.shape.depth if self.schedule.keep else 0)
        return {"outputs", "loss", *(f"{kind}{i}" for i in kept for kind in "wb")}


@dataclass(frozen=True)
class Training:
    """What training gave.

    Attributes:
        record: steps at which outputs were recorded.
        outputs: (records, networks, test points); not finite for a network that a rate too large made diverge.
        loss: ½ · mean (f − y)² on the training points, (records, networks).
        parameters: weights and biases of each layer, where they were kept.
    """

    record: tuple[int, ...]
    outputs: np.ndarray
    loss: np.ndarray
    parameters: list[tuple[np.ndarray, np.ndarray]] | None

    @classmethod
    def joined(cls, run: Run, parts: list[dict[str, np.ndarray]]) -> Training:
        """The chunks' results, one after the other."""
        outputs, loss = (np.concatenate([part[name] for part in parts], axis=1) for name in ("outputs", "loss"))
        parameters = None
        if run.schedule.keep:
            parameters = [
                (np.concatenate([part[f"w{i}"] for part in parts]), np.concatenate([part[f"b{i}"] for part in parts]))
                for i in range(run.shape.depth)
            ]
        return cls(run.record, outputs, loss, parameters)


def run_chunk(
    run: Run, report: Callable[[int], object], start: int, stop: int, stopping: Callable[[], bool]
) -> dict[str, np.ndarray]:
    """Train the networks start … stop − 1.

    Args:
        run: what to train.
        report: takes the number of network steps that were just done.
        start: the first network.
        stop: the one after the last.
        stopping: says whether to stop before the next step.

    Raises:
        Interrupted: it was asked to stop.
        SymntkError: the checkpoint is of another run or damaged, or cannot be written.
    """
    path, name = None, ""
    if run.folder is not None:
        path = run.folder / f"networks-{start:06d}-{stop:06d}.npz"
        name = checkpoint.fingerprint({**run.told, "chunk": [start, stop]})
    networks = stop - start
    found = None if path is None else checkpoint.load(path, name)
    if found is not None and found.keys() == run.results:
        report(networks * run.schedule.steps)
        return found
    work = _Work(run, start, stop)
    if found is not None:
        if found.keys() != work.state().keys():
            raise SymntkError(f"to resume from {path}", "arrays are missing", "to delete it, or another folder")
        work.restore(found)
        report(networks * work.done)

    def save() -> None:
        if path is not None:
            checkpoint.save(path, name, work.state())

    _train(run, work, report, stopping, save)
    result = work.result()
    if path is not None:
        checkpoint.save(path, name, result)
    return result


def _train(
    run: Run, work: _Work, report: Callable[[int], object], stopping: Callable[[], bool], save: Callable[[], None]
) -> None:
    """Steps, records and checkpoints up to the last step."""
    last_time, last_step, every = time.monotonic(), work.done, run.schedule.checkpoint_steps
    while True:
        if work.done in run.record:
            work.record()
        if work.done == run.schedule.steps:
            return
        if stopping():
            save()
            raise Interrupted
        work.engine.step()
        work.done += 1
        report(work.networks)
        due = every is not None and work.done - last_step >= every
        if due or time.monotonic() - last_time >= run.schedule.checkpoint_seconds:
            save()
            last_time, last_step = time.monotonic(), work.done


class _Work:
    """A chunk's engine, the steps it has done and what it has recorded."""

    def __init__(self, run: Run, start: int, stop: int) -> None:
        self.run, self.done, self.networks = run, 0, stop - start
        self.arrays: Arrays = arrays(run.backend, run.device)
        self.sigma = [self.arrays.compile(f) for f in run.activations]
        slopes = [self.arrays.compile(f) for f in run.slopes]
        x, y = run.x.astype(run.dtype), run.y.astype(run.dtype)
        drawn = run.shape.draw(run.seed, range(start, stop), run.dtype)
        put = self.arrays.put
        held = [(put(w), put(b)) for w, b in drawn]
        rate = float(run.schedule.rate)
        self.engine = run.schedule.trainer(self.arrays, run.shape, held, self.sigma, slopes, put(x), put(y), rate)
        self.test, self.x = (self.arrays.put(p.astype(run.dtype)) for p in (run.test, run.x))
        self.outputs = np.zeros((len(run.record), stop - start, run.test.shape[1]), run.dtype)
        self.loss = np.zeros((len(run.record), stop - start), run.dtype)

    def record(self) -> None:
        """Outputs and losses of the weights as they are."""
        row, held = self.run.record.index(self.done), self.engine.parameters()
        for points, target in ((self.test, self.outputs), (self.x, None)):
            f = self.arrays.get(forward(self.run.shape, held, self.sigma, points)[0][-1])[:, 0]
            if target is not None:
                target[row] = f
            else:
                self.loss[row] = 0.5 * np.mean((f - self.run.y) ** 2, axis=-1)

    def state(self) -> dict[str, np.ndarray]:
        engine = {f"engine/{name}": part for name, part in self.engine.state().items()}
        return {**engine, "state/step": np.array(self.done), "outputs": self.outputs, "loss": self.loss}

    def restore(self, found: dict[str, np.ndarray]) -> None:
        self.engine.restore({k.removeprefix("engine/"): v for k, v in found.items() if k.startswith("engine/")})
        self.done = int(found["state/step"])
        self.outputs, self.loss = found["outputs"], found["loss"]

    def result(self) -> dict[str, np.ndarray]:
        out = {"outputs": self.outputs, "loss": self.loss}
        if self.run.schedule.keep:
            for i, (weights, biases) in enumerate(self.engine.parameters()):
                out[f"w{i}"], out[f"b{i}"] = self.arrays.get(weights), self.arrays.get(biases)
        return out
