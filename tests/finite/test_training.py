"""Runs of ensembles: the result depends neither on chunks nor on interruptions, SIGKILL included."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from symntk.errors import DomainError, SymntkError
from symntk.finite import training as ensemble_run
from symntk.finite.ensemble import Ensemble
from symntk.finite.network import DenseTraining
from symntk.finite.training import Schedule
from symntk.kernels.kernels import derive

ANGLE = np.linspace(-3, 3, 6)
X, Y = np.stack([np.sin(ANGLE), np.cos(ANGLE)], axis=1), np.sin(2 * ANGLE)
STEPS = 100


def ensemble(activation="sign", networks=5, **options):
    return Ensemble(derive(activation, "erf"), 3, 24, networks=networks, inputs=2, bias_std=0.1, **options)


def train(which, steps=STEPS, **options):
    schedule = Schedule(steps, 0.3, record=[0, steps // 2, steps], **options)
    return which.train(X, Y, schedule, test=X[:3], progress=False)


def same(one, two):
    assert one.outputs.tobytes() == two.outputs.tobytes()
    assert one.loss.tobytes() == two.loss.tobytes()


@pytest.fixture(scope="module")
def whole():
    return train(ensemble(), keep=True)


def test_training_learns(whole):
    assert whole.outputs.shape == (3, 5, 3)
    assert whole.loss[-1].max() < 0.3 * whole.loss[0].mean()
    np.testing.assert_allclose(ensemble().outputs(X[:3], whole.parameters), whole.outputs[-1], atol=1e-5)
    np.testing.assert_allclose(ensemble().outputs(X[:3]), whole.outputs[0], atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_chunks_do_not_matter(whole, chunk):
    same(train(ensemble(), chunk=chunk), whole)


def test_chunks_do_not_matter_for_other_activations():
    same(train(ensemble("tanh"), 50, chunk=2), train(ensemble("tanh"), 50, chunk=5))


def test_networks_have_streams_of_their_own(whole):
    few = train(ensemble(networks=2))
    assert few.outputs.tobytes() == whole.outputs[:, :2].tobytes()
    assert np.abs(train(ensemble(networks=2, seed=1)).outputs[0] - few.outputs[0]).min() > 1e-4
    assert np.abs(np.diff(whole.outputs[0], axis=0)).min() > 1e-4


class Stopped(Exception):
    pass


def continues(folder, monkeypatch, at, which, **options):
    """Stopped by an exception that nothing catches, in the middle of step `at` of the second chunk; then to its end."""
    expected = train(which, chunk=2, **options)
    trainer = options.get("trainer", DenseTraining)
    real, count = trainer.step, []

    def step(engine):
        real(engine)
        count.append(1)
        if len(count) == STEPS + at:
            raise Stopped

    kept = {"chunk": 2, "checkpoint": folder, "checkpoint_steps": 7, **options}
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(trainer, "step", step)
        train(which, **kept)
    same(train(which, **kept), expected)
    same(train(which, **kept), expected)


@pytest.mark.parametrize("at", [1, 50, 99])
def test_an_interrupted_run_continues_to_the_same_bits(tmp_path, monkeypatch, at):
    continues(tmp_path, monkeypatch, at, ensemble("tanh", networks=3))


SCRIPT = """
import sys
from tests.finite.test_training import ensemble, train
from symntk.runs import checkpoint
if len(sys.argv) > 4:
    import os, resource, signal
    if sys.argv[4] == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    else:
        writes, real = iter(range(4)), os.fsync
        checkpoint.os.fsync = lambda file: real(file) if next(writes) < 3 else os.kill(os.getpid(), signal.SIGKILL)
train(ensemble(), int(sys.argv[2]), chunk=3, checkpoint=sys.argv[1], checkpoint_steps=20, workers=int(sys.argv[3]))
"""


def start(folder, steps, workers=0, *more):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(steps), str(workers), *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def wait_for(process, ready):
    """Until it is ready; a run that ends before is a failure, however long it takes."""
    while not ready():
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.002)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_continues_to_the_same_bits(tmp_path, how):
    steps = 1000
    process = start(tmp_path, steps)
    path = tmp_path / "networks-000000-000003.npz"
    wait_for(process, path.exists)
    process.send_signal(how)
    error = process.communicate()[1].decode()
    assert process.returncode != 0
    assert how is signal.SIGKILL or "KeyboardInterrupt" in error
    with np.load(path) as file:
        assert 0 < int(file["state/step"]) < steps, "the run was not stopped in the middle"
    resumed = train(ensemble(), steps, chunk=3, checkpoint=tmp_path, checkpoint_steps=20)
    same(resumed, train(ensemble(), steps, chunk=3))


def test_killed_in_the_middle_of_a_write(tmp_path):
    """The file before is whole, and what the killed process left goes away with the next file."""
    process = start(tmp_path, 200, 0, "kill")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    path = tmp_path / "networks-000000-000003.npz"
    left = [p for p in tmp_path.iterdir() if p != path]
    assert [p.name.startswith(f".{path.name}") for p in left] == [True]
    with np.load(path) as file:
        assert int(file["state/step"]) == 60
    same(train(ensemble(), 200, chunk=3, checkpoint=tmp_path), train(ensemble(), 200, chunk=3))
    assert not left[0].exists()


def test_a_full_disk_is_told_and_what_was_written_stays(tmp_path):
    """Files of at most 10 kB: a checkpoint in the middle does not fit."""
    process = start(tmp_path, 200, 0, "full")
    error = process.communicate()[1].decode()
    assert process.returncode == 1
    assert "SymntkError: to write the checkpoint" in error
    assert "make room" in error
    assert list(tmp_path.iterdir()) == []


def test_workers_do_the_same(tmp_path):
    process = start(tmp_path, 60, workers=2)
    error = process.communicate()[1].decode()
    assert process.returncode == 0, error
    found = [dict(np.load(path)) for path in sorted(tmp_path.glob("*.npz"))]
    assert [part["loss"].shape[1] for part in found] == [3, 2]
    outputs = np.concatenate([part["outputs"] for part in found], axis=1)
    np.testing.assert_allclose(outputs, train(ensemble(), 60).outputs, atol=1e-4)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    train(ensemble(), 40, checkpoint=tmp_path)
    for other in (ensemble(seed=1), ensemble(dtype="float64")):
        with pytest.raises(SymntkError, match="another run"):
            train(other, 40, checkpoint=tmp_path)
    with pytest.raises(SymntkError, match="another run"):
        train(ensemble(), 50, checkpoint=tmp_path)


@pytest.mark.parametrize("missing", ["state/step", "engine/w0", "outputs"])
def test_a_checkpoint_that_lost_an_array_is_refused(tmp_path, monkeypatch, missing):
    """A bit that flips in a file's directory can hide arrays; without the step it would look finished."""
    real = ensemble_run._Work.state
    monkeypatch.setattr(ensemble_run._Work, "state", lambda work: {k: v for k, v in real(work).items() if k != missing})
    monkeypatch.setattr(ensemble_run._Work, "result", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(ensemble(), 40, checkpoint=tmp_path, checkpoint_steps=10)
    monkeypatch.undo()
    with pytest.raises(SymntkError, match="arrays are missing"):
        train(ensemble(), 40, checkpoint=tmp_path)


@pytest.mark.parametrize("wrong", [{"chunk": -1}, {"chunk": 0}, {"workers": -1}, {"steps": 2.5}, {"steps": -1}])
def test_numbers_that_make_no_run(wrong):
    with pytest.raises(DomainError):
        ensemble().train(X, Y, Schedule(**{"steps": 2, "rate": 0.1, **wrong}), progress=False)
    for record in ([], [1.5], [-1], [3]):
        with pytest.raises(DomainError, match="record"):
            ensemble().train(X, Y, Schedule(2, 0.1, record=record), progress=False)
    with pytest.raises(DomainError, match="targets"):
        ensemble().train(X[:0], Y[:0], Schedule(2, 0.1), progress=False)
    for options in ({"seed": -1}, {"networks": 0}, {"networks": 1.5}):
        with pytest.raises(DomainError):
            ensemble(**options)


def test_a_folder_that_cannot_be_written_to_is_told_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SymntkError, match="to write to the folder"):
        train(ensemble(), 10**9, checkpoint=tmp_path / "file" / "x")
