"""Runs of ensembles: the result depends neither on chunks nor on interruptions, SIGKILL included."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from symntk.errors import FormulaError, SymntkError
from symntk.kernels.kernels import derive
from symntk.networks import ensemble_run, finite_steps
from symntk.networks.checkpoint import load, save
from symntk.networks.ensemble import Ensemble

ANGLE = np.linspace(-3, 3, 6)
X, Y = np.stack([np.sin(ANGLE), np.cos(ANGLE)], axis=1), np.sin(2 * ANGLE)
STEPS, FLUSH = 100, 40  # through two flushes of the fast step


def ensemble(activation="sign", networks=5, **options):
    return Ensemble(derive(activation, "erf"), 3, 24, networks=networks, inputs=2, bias_std=0.1, **options)


def train(which, steps=STEPS, **options):
    return which.train(
        X, Y, steps=steps, rate=0.3, test=X[:3], record=[0, steps // 2, steps], progress=False, **options
    )


@pytest.fixture(scope="module", autouse=True)
def _flush():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finite_steps, "FLUSH", FLUSH)
        yield


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


@pytest.mark.parametrize("activation", ["sign", "tanh"])
@pytest.mark.parametrize("at", [1, 40, 50, 99])
def test_an_interrupted_run_continues_to_the_same_bits(tmp_path, monkeypatch, activation, at):
    """Stopped by an exception that nothing catches, in the middle of step `at` of the second chunk."""
    expected = train(ensemble(activation, networks=3), chunk=2)
    real, count = ensemble_run._Work.record, []

    class Engine:
        def __init__(self, engine):
            self.engine = engine

        def step(self):
            self.engine.step()
            count.append(1)
            if len(count) == STEPS + at:
                raise Stopped

        def __getattr__(self, name):
            return getattr(self.engine, name)

    def wrapped(work):
        if not isinstance(work.engine, Engine):
            work.engine = Engine(work.engine)
        real(work)

    monkeypatch.setattr(ensemble_run._Work, "record", wrapped)
    options = {"chunk": 2, "checkpoint": tmp_path, "checkpoint_steps": 7}
    with pytest.raises(Stopped):
        train(ensemble(activation, networks=3), **options)
    monkeypatch.undo()
    same(train(ensemble(activation, networks=3), **options), expected)
    same(train(ensemble(activation, networks=3), **options), expected)


SCRIPT = """
import sys
from symntk.networks import finite_steps
from tests.networks.test_finite_run import FLUSH, ensemble, train
finite_steps.FLUSH = FLUSH
if __name__ == "__main__":
    train(ensemble(), int(sys.argv[2]), chunk=3, checkpoint=sys.argv[1], checkpoint_steps=20, workers=int(sys.argv[3]))
"""


def start(folder, steps, workers=0):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(steps), str(workers)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def wait_for(process, ready, seconds=60):
    end = time.monotonic() + seconds
    while not ready():
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < end, "the run did not get there"
        time.sleep(0.002)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_continues_to_the_same_bits(tmp_path, how):
    steps = 3000
    process = start(tmp_path, steps)
    path = tmp_path / "networks-000000-000003.npz"
    wait_for(process, path.exists)
    process.send_signal(how)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode != 0
    assert how is signal.SIGKILL or "KeyboardInterrupt" in error
    with np.load(path) as file:
        assert 0 < int(file["state/step"]) < steps, "the run was not stopped in the middle"
    resumed = train(ensemble(), steps, chunk=3, checkpoint=tmp_path, checkpoint_steps=20)
    same(resumed, train(ensemble(), steps, chunk=3))


def test_workers_do_the_same(tmp_path):
    process = start(tmp_path, 60, workers=2)
    error = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 0, error
    found = [dict(np.load(path)) for path in sorted(tmp_path.glob("*.npz"))]
    assert [part["loss"].shape[1] for part in found] == [3, 2]
    outputs = np.concatenate([part["outputs"] for part in found], axis=1)
    np.testing.assert_allclose(outputs, train(ensemble(), 60).outputs, atol=1e-4)
    assert "SymntkError: to resume from" in start(tmp_path, 70, workers=2).communicate(timeout=60)[1].decode()


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    train(ensemble(), 40, checkpoint=tmp_path)
    for other in (ensemble(seed=1), ensemble(dtype="float64")):
        with pytest.raises(SymntkError, match="another run"):
            train(other, 40, checkpoint=tmp_path)
    with pytest.raises(SymntkError, match="another run"):
        train(ensemble(), 50, checkpoint=tmp_path)
    (tmp_path / "networks-000000-000005.npz").write_bytes(b"PK")
    with pytest.raises(SymntkError, match="no checkpoint"):
        train(ensemble(), 40, checkpoint=tmp_path)


def test_a_checkpoint_is_whole_or_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "one.npz"
    save(path, "run", {"a": np.arange(3)})

    def fails(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr(np, "savez", fails)
    with pytest.raises(OSError, match="full"):
        save(path, "run", {"a": np.arange(4)})
    monkeypatch.undo()
    np.testing.assert_array_equal(load(path, "run")["a"], np.arange(3))
    assert [p.name for p in tmp_path.iterdir()] == ["one.npz"]
    assert load(tmp_path / "none.npz", "run") is None


def test_torch_gives_the_same_where_it_is_installed():
    """PyTorch is an extra: without it, asking for it is an error that names the extra."""
    try:
        import torch  # noqa: F401
    except ImportError:
        with pytest.raises(FormulaError, match=r"symntk\[torch\]"):
            train(ensemble(backend="torch"), 2)
        return
    for activation in ("sign", "tanh", "elu"):
        one, two = (
            train(ensemble(activation, dtype="float64", backend=backend, device=device), 40)
            for backend, device in (("numpy", None), ("torch", "cpu"))
        )
        np.testing.assert_allclose(one.outputs, two.outputs, atol=1e-9)
    smooth = ensemble("tanh", dtype="float64", backend="torch", device="cpu")
    np.testing.assert_allclose(smooth.kernel(X), ensemble("tanh", dtype="float64").kernel(X), atol=1e-10)
