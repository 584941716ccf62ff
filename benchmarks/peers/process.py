"""Contestants as processes, from the side of the one who asks: started, asked in alternating rounds, ended."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""The variables by which libraries are told how many threads to run."""


class Worker:
    """A process that computes kernels on request; `stop` ends it. Keywords are environment variables."""

    def __init__(self, command: Sequence[Any], log: Path, **variables: str) -> None:
        self._log = log
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, "PYTHONPATH": paths, **variables},
            )
        self.about = self._answer()["about"]

    def ask(self, **request: Any) -> Any:
        """The answer to one request; SystemExit with the end of its log where the process ended instead."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a contestant ended:\n{self._log.read_text()[-2000:]}")
        return json.loads(line)

    def stop(self) -> None:
        """Wait until the process has ended."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def started(
    commands: Mapping[str, Sequence[Any]], folder: Path, threads: int = 1, **variables: str
) -> Iterator[dict[str, Worker]]:
    """A worker for each command, by name, on so many cores, ended on leaving; keywords are environment variables."""
    variables |= {name: str(threads) for name in THREADS}
    workers: dict[str, Worker] = {}
    try:
        for index, (name, command) in enumerate(commands.items()):
            with _cores(threads):
                workers[name] = Worker(command, folder / f"{index}-{threads}.log", **variables)
        yield workers
    finally:
        for worker in workers.values():
            worker.stop()


@contextmanager
def _cores(count: int) -> Iterator[None]:
    """Children started here are bound to so many cores."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(own)[-count:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def alternate(workers: Mapping[str, Worker], rounds: int, clock: str = "seconds", **request: Any) -> dict[str, float]:
    """Median cost of the same request to each, in rounds in which they take turns, after one that is not counted.

    clock is "seconds" (user and system time of the process) or "wall".
    """
    spent: dict[str, list[float]] = {name: [] for name in workers}
    for counted in [False] + [True] * rounds:
        for name, worker in workers.items():
            cost = worker.ask(do="time", **request)[clock]
            if counted:
                spent[name].append(cost)
    return {name: statistics.median(values) for name, values in spent.items()}


def results(worker: Worker, folder: Path, **request: Any) -> dict[str, np.ndarray]:
    """The matrices that a request gives, by name."""
    worker.ask(do="save", to=str(folder / "result.npz"), **request)
    with np.load(folder / "result.npz") as matrices:
        return dict(matrices)
