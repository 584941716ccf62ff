"""One realization of a simulation, from its start or its checkpoint to the end, and what is recorded of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from symntk.dynamics.simulation.step import Drive, Model, RateNetwork
from symntk.runs import checkpoint
from symntk.runs.stopping import Interrupted

BLOCK = 16  # steps between orthonormalizations of the tangent vectors
CYCLE = np.linspace(0.0, 2 * np.pi, 97)  # phases that tell waveforms which repeat apart
_GOLDEN = 0.5 * (5.0**0.5 - 1.0)
_SAMPLE = 4  # steps between the times that the autocorrelation is averaged over


@dataclass(frozen=True)
class Plan:
    """A simulation: the network, its length and what is recorded.

    Attributes:
        model: the network.
        burn, blocks: blocks of steps before and while results are recorded.
        record: whether rates, means and variances of each step are kept.
        lags: steps of the longest lag of the autocorrelation; negative for none.
        folder: of checkpoints.
        every_seconds: time between them.
    """

    model: Model
    burn: int
    blocks: int
    record: bool
    lags: int
    folder: Path | None
    every_seconds: float

    @property
    def total(self) -> int:
        """All steps of a realization."""
        return (self.burn + self.blocks) * BLOCK

    def told(self, realization: int) -> str:
        """The digest of all that a realization's result depends on."""
        m = self.model
        return checkpoint.fingerprint(
            {
                "numbers": [m.N, m.g, m.I_0, m.J_0, m.dt, m.exponents, m.seed, m.dtype, realization],
                "length": [self.burn, self.blocks, self.record, self.lags],
                "functions": [f.text if f else None for f in (m.activation, m.derivative)],
                "drives": [[plain(d.amplitude), d.common, plain(d.frequency) * (m.time / m.dt)] for d in m.drives],
                "waveforms": np.array([d.waveform(CYCLE) for d in m.drives]),
            }
            | courses(m.drives, self.total, m.time)
        )


def courses(drives: Sequence[Drive], steps: int, dt: float) -> dict[str, np.ndarray]:
    """What else tells waveforms apart: those that are not the sine, at an angle of each step of a run.

    Common input has one angle per step. Of independent input it is that of another phase at each step, spread evenly
    by the golden ratio.

    >>> fades = Drive(1.0, frequency=0.5 / np.pi, waveform=lambda t: np.where(t < 7, np.sin(t), 0.0))
    >>> list(courses([Drive(1.0), fades], 64, 1 / 16)), list(courses([Drive(1.0), fades], 160, 1 / 16))
    ([], ['course 1'])
    """
    times, found = np.arange(steps + 1), {}
    spread = 2 * np.pi * (times * _GOLDEN % 1.0)
    for i, drive in enumerate(drives):
        angles = 2 * np.pi * drive.frequency * dt * times + (0.0 if drive.common else spread)
        values = np.asarray(drive.waveform(angles), dtype=np.float64)
        if not np.array_equal(values, np.sin(angles)):
            found[f"course {i}"] = values
    return found


def plain(value: float) -> float:
    """Python's own number, which can be written into a fingerprint."""
    return value.item() if isinstance(value, np.generic) else value


def run_realization(
    plan: Plan, realization: int, report: Callable[[int], None], stopping: Callable[[], bool]
) -> dict[str, np.ndarray]:
    """Growth (drives, exponents, blocks), and what else the plan records, of one realization.

    Args:
        plan: what to simulate.
        realization: which.
        report: takes the number of steps that were just done.
        stopping: says whether to stop before the next step.

    Raises:
        Interrupted: it was asked to stop; the checkpoint is written.
        DomainError: the activity grew without bound.
    """
    path, name = None, ""
    if plan.folder is not None:
        path, name = plan.folder / f"realization-{realization:04d}.npz", plan.told(realization)
    found = None if path is None else checkpoint.load(path, name)
    if found is not None and "network/step" not in found:
        report(plan.total)
        return found
    network, records = RateNetwork(plan.model, realization), _Records(plan)
    if found is not None:
        network.restore(_part(found, "network/"))
        records.held = _part(found, "records/")
        report(network.steps)

    def save() -> None:
        if path is not None:
            state = {f"network/{k}": v for k, v in network.state().items()}
            checkpoint.save(path, name, state | {f"records/{k}": v for k, v in records.held.items()})

    last = time.monotonic()
    while network.steps < plan.total:
        if stopping():
            save()
            raise Interrupted
        network.step()
        records.take(network)
        report(1)
        if path is not None and time.monotonic() - last >= plan.every_seconds:
            save()
            last = time.monotonic()
    result = records.result()
    if path is not None:
        checkpoint.save(path, name, result)
    return result


def _part(found: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(name): v for k, v in found.items() if k.startswith(name)}


class _Records:
    """What has been recorded so far, as named arrays."""

    def __init__(self, plan: Plan) -> None:
        self.plan, model = plan, plan.model
        rows, steps = len(model.drives), plan.blocks * BLOCK if plan.record else 0
        self.held = {"growth": np.zeros((rows, model.exponents, plan.blocks))}
        self.held |= {kind: np.zeros((rows, steps)) for kind in ("rate", "mean", "variance")}
        if plan.lags >= 0:
            self.held["past"] = np.zeros((rows, plan.lags + 1, model.N), dtype=np.float32)  # the last steps, in a ring
            self.held["products"], self.held["samples"] = np.zeros((rows, plan.lags + 1)), np.array(0)

    def take(self, network: RateNetwork) -> None:
        """Record the state after a step."""
        plan, held = self.plan, self.held
        if network.steps % BLOCK == 0:
            stretched = network.orthonormalize()
            block = network.steps // BLOCK - plan.burn - 1
            if block >= 0:
                held["growth"][:, :, block] = stretched
        now = network.steps - plan.burn * BLOCK - 1
        if now < 0 or not (plan.record or plan.lags >= 0):
            return
        mean = network.h.mean(-1)
        apart = network.h - mean[:, None]
        if plan.record:
            held["rate"][:, now] = network.rates.mean(-1)
            held["mean"][:, now] = mean
            held["variance"][:, now] = (apart * apart).mean(-1)
        if plan.lags >= 0:
            self._correlate(now, apart.astype(np.float32))

    def _correlate(self, now: int, apart: np.ndarray) -> None:
        """Put the state into the ring, and once that is full, its products with what the ring holds into the sums."""
        held, size = self.held, self.plan.lags + 1
        held["past"][:, now % size] = apart
        if now < self.plan.lags or now % _SAMPLE:
            return
        found = np.matmul(held["past"], apart[..., None])[..., 0]
        held["products"] += found[:, (now - np.arange(size)) % size]
        held["samples"] = held["samples"] + 1

    def result(self) -> dict[str, np.ndarray]:
        """What is kept of a finished realization."""
        held = self.held
        kept = {name: held[name] for name in ("growth", "rate", "mean", "variance")}
        rows = len(self.plan.model.drives)
        kept["autocorrelation"] = np.zeros((rows, 0))
        if self.plan.lags >= 0:
            kept["autocorrelation"] = held["products"] / (held["samples"] * self.plan.model.N)
        return kept
