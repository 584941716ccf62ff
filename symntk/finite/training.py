"""One chunk of an ensemble, trained from its start or its checkpoint to the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from symntk.errors import SymntkError
from symntk.finite.arrays import ArrayFunction, Arrays, arrays
from symntk.finite.network import Architecture, Steps, forward
from symntk.runs import checkpoint
from symntk.runs.stopping import Interrupted


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
    rate: float
    steps: int
    record: tuple[int, ...]
    keep: bool
    folder: Path | None
    every_steps: int | None
    every_seconds: float
    own_processes: bool
    trainer: Callable[..., Steps]

    @cached_property
    def told(self) -> dict[str, object]:
        """What the result depends on, as text, numbers and arrays."""
        shape = self.shape
        return {
            "shape": [shape.inputs, shape.width, shape.depth, shape.weight_std, shape.bias_std],
            "functions": [f.text for f in (*self.activations, *self.slopes)],
            "numbers": [self.seed, self.dtype, self.backend, self.device, self.rate, self.steps, *self.record],
            "flags": [self.keep, self.own_processes],  # linear algebra on one core may round otherwise
            "trainer": self.trainer.__qualname__,
            "x": self.x,
            "y": self.y,
            "test": self.test,
        }

    @property
    def results(self) -> set[str]:
        """Names of the arrays of a finished chunk."""
        kept = range(self.shape.depth if self.keep else 0)
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
        if run.keep:
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
        report(networks * run.steps)
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
    last_time, last_step = time.monotonic(), work.done
    while True:
        if work.done in run.record:
            work.record()
        if work.done == run.steps:
            return
        if stopping():
            save()
            raise Interrupted
        work.engine.step()
        work.done += 1
        report(work.networks)
        due = run.every_steps is not None and work.done - last_step >= run.every_steps
        if due or time.monotonic() - last_time >= run.every_seconds:
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
        self.engine = run.trainer(self.arrays, run.shape, held, self.sigma, slopes, put(x), put(y), run.rate)
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
        if self.run.keep:
            for i, (weights, biases) in enumerate(self.engine.parameters()):
                out[f"w{i}"], out[f"b{i}"] = self.arrays.get(weights), self.arrays.get(biases)
        return out
