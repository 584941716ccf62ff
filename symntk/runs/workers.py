"""Many jobs in this process or in several, which joblib keeps: each on one core, and stopped between two steps."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from joblib import Parallel, delayed, parallel_config

from symntk.errors import SymntkError
from symntk.runs.stopping import Interrupted, interrupts

Task = Callable[..., Any]
"""Called with the numbers of a job and `stopping`, which says whether to stop before the next step."""


def results(task: Task, jobs: Sequence[tuple[Any, ...]], workers: int = 0) -> Iterator[tuple[int, Any]]:
    """Each job's place in the list and `task(*job, stopping)`, as it becomes known.

    Args:
        task: raises `Interrupted` where it stopped because `stopping()` was true.
        jobs: arguments of each call.
        workers: processes, each with linear algebra on one core; 0 is this one.

    Raises:
        KeyboardInterrupt: interrupted; every job under way has stopped as it wanted to.
        SymntkError: that of a job, after the others have stopped; or a process ended.

    >>> [square for _, square in results(lambda n, stopping: n * n, [(1,), (2,)])]
    [1, 4]
    """
    try:
        if workers <= 0:
            with interrupts() as asked:
                for place, job in enumerate(jobs):
                    if asked.is_set():
                        raise Interrupted
                    yield place, task(*job, asked.is_set)
        else:
            yield from _in_processes(task, jobs, workers)
    except Interrupted:
        raise KeyboardInterrupt from None


def _in_processes(task: Task, jobs: Sequence[tuple[Any, ...]], workers: int) -> Iterator[tuple[int, Any]]:
    """The same, in processes; a file tells them to stop."""
    errors: list[Exception] = []
    with TemporaryDirectory(prefix="symntk-") as folder, parallel_config("loky", inner_max_num_threads=1):
        stop = Path(folder, "stop")
        at_once = min(workers, len(jobs))
        pool = Parallel(
            max(2, at_once),  # for one process joblib would take this one
            return_as="generator_unordered",
            pre_dispatch=at_once,
            batch_size=1,
            max_nbytes=None,
        )
        work = delayed(_work)
        with interrupts(stop.touch):
            with _interrupts_later():
                answers = pool(work(task, place, job, stop, os.getpid()) for place, job in enumerate(jobs))
            try:
                for place, answer, error in answers:
                    if error is None:
                        yield place, answer
                    else:
                        errors.append(error)
                        stop.touch()  # the others write their checkpoints and end
            except BrokenProcessPool as error:
                raise SymntkError(
                    f"to work in {workers} processes",
                    "one of them ended: it was killed, or memory was short",
                    "fewer workers; checkpoints continue",
                ) from error
    if errors:
        raise min(errors, key=lambda error: isinstance(error, Interrupted))


def _work(task: Task, place: int, job: tuple[Any, ...], stop: Path, parent: int) -> tuple[int, Any, Exception | None]:
    """One job in a worker, with its error as a value: one that is raised would end the others at once."""

    def stopping() -> bool:
        return stop.exists() or os.getppid() != parent

    try:
        if stopping():
            raise Interrupted  # there is nothing to keep of a job that has not begun
        return place, task(*job, stopping), None
    except (SymntkError, Interrupted) as error:
        return place, None, error
    except Exception as error:
        error.add_note(traceback.format_exc())
        return place, None, error
    finally:
        if os.getppid() != parent:  # killed: there is nobody to answer to
            os._exit(1)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Ctrl-C waits, and processes that start meanwhile never see it: their parent tells them when to stop."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
