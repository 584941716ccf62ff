"""Chunks of an ensemble in this process or in several, with a progress bar, and stopping at a step's end."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import numpy as np
from tqdm import tqdm

from symntk.errors import SymntkError
from symntk.networks.ensemble_run import Interrupted, Run

Chunk = Callable[..., dict[str, np.ndarray]]
_SHARED: dict[str, Any] = {}
_REPORT = 0.2  # seconds between a worker's reports


def run_all(
    run: Run, chunks: list[tuple[int, int]], workers: int, progress: bool, chunk: Chunk
) -> list[dict[str, np.ndarray]]:
    """The results of all chunks, in order.

    Raises:
        KeyboardInterrupt: interrupted; each chunk under way has stopped after a whole step and written its checkpoint.
    """
    networks = chunks[-1][1]
    with (
        interrupts() as stopping,
        tqdm(total=networks * run.steps, unit="step", unit_scale=True, disable=not progress, smoothing=0.05) as bar,
    ):
        try:
            if workers <= 0:
                return [chunk(run, a, b, bar.update, stopping.is_set) for a, b in chunks]
            return _in_processes(run, chunks, min(workers, len(chunks)), bar, stopping, chunk)
        except Interrupted:
            raise KeyboardInterrupt from None


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, in place of an exception in the middle of a step."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # signals reach the main thread only
        return
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def _in_processes(
    run: Run, chunks: list[tuple[int, int]], workers: int, bar: Any, stopping: threading.Event, chunk: Chunk
) -> list[dict[str, np.ndarray]]:
    context = mp.get_context("spawn")
    count, stop = context.Value("q", 0), context.Event()
    with one_core_each(), ProcessPoolExecutor(workers, context, _start, (count, stop)) as pool:
        with _interrupts_later():
            jobs = [pool.submit(_work, chunk, run, a, b) for a, b in chunks]
        waiting = set(jobs)
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_REPORT, return_when=FIRST_COMPLETED)
                bar.update(count.get_obj().value - bar.n)  # no lock: a worker may have been killed while it held it
                if stopping.is_set() or any(job.exception() is not None for job in done):
                    stop.set()
        finally:
            stop.set()  # whatever happened, the others write their checkpoints and end
    errors = [e for e in (job.exception() for job in jobs) if e is not None]
    for error in sorted(errors, key=lambda e: isinstance(e, Interrupted)):
        if isinstance(error, _Told):
            raise SymntkError(*error.args)
        if isinstance(error, BrokenProcessPool):
            raise SymntkError(
                f"to train an ensemble in {workers} processes",
                "one of them ended: it was killed, memory was short, or the script lacks its main guard",
                'fewer workers, or `if __name__ == "__main__":` around what runs; checkpoints continue',
            ) from error
        raise error
    return [job.result() for job in jobs]


class _Told(Exception):
    """A `SymntkError` on its way from a worker, as its three texts."""


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Ctrl-C waits, and processes that start meanwhile never see it: it would break them before `_start`."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def one_core_each() -> Iterator[None]:
    """Environment of new processes: linear algebra on one core."""
    wanted = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start(count: Any, stop: Any) -> None:
    """In a worker: Ctrl-C is the parent's to handle, and without a parent there is nothing to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _SHARED.update(count=count, stop=stop, busy=False, orphan=False)
    threading.Thread(target=_outlive_the_parent_shortly, daemon=True).start()


def _outlive_the_parent_shortly() -> None:
    """When the parent was killed: let the chunk under way write its checkpoint, then end, as the pool never would."""
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        _SHARED["orphan"] = True
        while _SHARED["busy"]:
            time.sleep(0.01)
        os._exit(1)


def _work(chunk: Chunk, run: Run, start: int, stop: int) -> dict[str, np.ndarray]:
    """One chunk in a worker; reports now and then.

    Raises:
        _Told: an error for people.
        Interrupted: it was asked to stop.
    """
    count, asked = _SHARED["count"], _SHARED["stop"]
    if asked.is_set() or _SHARED["orphan"]:
        raise Interrupted  # there is nothing to keep of a chunk that has not begun
    kept, last = 0, time.monotonic()
    _SHARED["busy"] = True

    def report(steps: int) -> None:
        nonlocal kept, last
        kept += steps
        if time.monotonic() - last >= _REPORT:
            if not _SHARED["orphan"]:
                with count.get_lock():
                    count.value += kept
            kept, last = 0, time.monotonic()

    try:
        return chunk(run, start, stop, report, lambda: _SHARED["orphan"] or asked.is_set())
    except SymntkError as error:
        raise _Told(error.asked, error.wrong, error.advice) from None
    finally:
        _SHARED["busy"] = False
        if not _SHARED["orphan"]:  # the parent may have been killed while it held the lock
            with count.get_lock():
                count.value += kept
