"""Work in several processes: results, errors, interruptions, and processes that end."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time

import pytest

from symntk.errors import DomainError, NotGaussianElementaryError, SymntkError
from symntk.runs.stopping import Interrupted
from symntk.runs.workers import results

UNTIL_STOPPED = """
import sys, time
from pathlib import Path
from symntk.runs.stopping import Interrupted
from symntk.runs.workers import results

def waits(path, stopping):
    path.with_suffix(".begun").touch()
    while not stopping():
        time.sleep(0.01)
    path.touch()
    raise Interrupted

list(results(waits, [(Path(sys.argv[1], str(i)),) for i in range(2)], 2))
"""


def _fails_at_0(n, stopping):
    if n == 0:
        raise DomainError("a job", "it fails", "nothing")
    while not stopping():
        time.sleep(0.01)
    raise Interrupted


def _sees_no_interrupt(stopping):
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_results_are_told_apart():
    found = dict(results(lambda n, stopping: (n, os.getpid(), os.environ["OPENBLAS_NUM_THREADS"]), [(5,), (6,)], 2))
    assert [found[place][0] for place in (0, 1)] == [5, 6]
    assert os.getpid() not in {one[1] for one in found.values()}
    assert {one[2] for one in found.values()} == {"1"}


def test_an_error_in_a_worker_stops_all():
    with pytest.raises(DomainError, match="a job: it fails") as info:
        list(results(_fails_at_0, [(0,), (1,)], 2))
    assert info.value.advice == "nothing"


def test_a_worker_that_ends_is_told():
    with pytest.raises(SymntkError, match="one of them ended"):
        list(results(lambda stopping: os._exit(1), [()], 2))


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks")
def test_ctrl_c_does_not_break_a_worker_that_starts():
    """It reaches a whole group of processes, workers that still import among them; the parent alone handles it."""
    assert dict(results(_sees_no_interrupt, [()], 1)) == {0: True}
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_stop_when_they_are_asked_or_left_alone(tmp_path, how):
    process = subprocess.Popen(
        [sys.executable, "-c", UNTIL_STOPPED, str(tmp_path)],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    end = time.monotonic() + 60.0

    def wait(count, pattern):
        while len(list(tmp_path.glob(pattern))) < count:
            assert time.monotonic() < end
            time.sleep(0.01)

    wait(2, "*.begun")
    process.send_signal(how)
    wait(2, "[01]")
    error = process.communicate()[1].decode()
    assert process.returncode != 0
    assert how is signal.SIGKILL or "KeyboardInterrupt" in error


@pytest.mark.parametrize("error", [DomainError("a", "b", "c"), NotGaussianElementaryError("a", "part", "b")])
def test_errors_come_back_as_they_were(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
