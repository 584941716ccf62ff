"""What a balanced network learns from a driven one: teacher, student and recursive least squares.

The task of Engelken et al. 2022 (arXiv 2201.09916, figure 7): a student is to produce sin 2πft on its own, after it has
been taught the currents of a balanced network, the teacher, which is driven by I_1 sin(2πft + θ_i), with all θ_i = 0
(common input) or random ones (independent input). Common input is cancelled by the teacher's recurrent feedback, so
it takes a far larger I_1 to suppress the teacher's chaos, and what is chaotic cannot be learned. Common input well
above √N I_0 silences the teacher for a part of each period; a student that is silent has no memory, and does not learn
that either.

The method is full-FORCE (DePasquale et al. 2018, PLOS ONE 13: e0191527). At each step, with r = φ(h) of the student and
P an estimate of the inverse of Σ r rᵀ, from P = 1/ridge,

    k = P r/(1 + rᵀ P r),    P ← P − k (P r)ᵀ,    J ← J − (J r − T) kᵀ,    w ← w − (w·r − sin 2πft) k,

where T_i = Σ_j J_ij^teacher φ(h_j^teacher) + δI_i(t) is what the teacher's unit i receives besides √N I_0. The paper
names this matching of currents; the numbers below are its figure's, as far as that states them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.linalg.blas import dger
from tqdm import tqdm

from symntk.dynamics.simulation import BLOCK, CYCLE, Drive, Run, courses, phases, plain, simulate, stream, weights
from symntk.dynamics.simulation.checks import (
    affordable,
    all_resolved,
    count,
    listed,
    numbers,
    resolved,
    slope,
    step,
    units,
)
from symntk.errors import DomainError
from symntk.finite import ArrayFunction, NumpyArrays, array_function
from symntk.kernels.function import Function
from symntk.runs import checkpoint

_BURN = 3_200  # steps of the teachers before their exponents are measured
_STUDENT = 4  # the stream of the student's initial weights and state, after those of `simulation.step`


@dataclass(frozen=True)
class Task:
    """The numbers of the task; time in units of τ.

    Attributes:
        N, g, I_0, J_0: of teacher and student, which have random weights of their own.
        frequency: f of input and output.
        dt: Euler's step.
        ridge: inverse of the initial P.
        burn: periods of the teacher before the training.
        epoch, epochs: periods of training before each test, and at most so many times.
        test: periods of the test.
        enough: test error at which the training ends.
        exponent: steps over which the teacher's Lyapunov exponent is measured.
        seed: of all random numbers.
    """

    N: int = 300
    g: float = 2.0
    I_0: float = 1.0
    J_0: float = 1.0
    frequency: float = 0.2
    dt: float = 1 / 16
    ridge: float = 1.0
    burn: int = 20
    epoch: int = 10
    epochs: int = 3
    test: int = 10
    enough: float = 1e-2
    exponent: int = 4_000
    seed: int = 0

    @property
    def period(self) -> int:
        """Steps of a period."""
        return max(1, round(1 / (self.frequency * self.dt)))


FULL = Task(N=500, epochs=20)
"""The paper's size."""


@dataclass(frozen=True)
class Learning:
    """What came of the training.

    Attributes:
        task: its numbers.
        drives: the teachers' inputs.
        error: mean square of output less target over the mean square of the target, while the trained student runs on
            its own (realizations, inputs).
        epochs: of training (realizations, inputs).
        lyapunov: λ₁ of the teachers (realizations, inputs), from networks with the same J and phases.
    """

    task: Task
    drives: tuple[Drive, ...]
    error: np.ndarray
    epochs: np.ndarray
    lyapunov: np.ndarray

    def table(self) -> str:
        """Markdown: input, mean λ₁ of the teachers, median and quartiles of the test error, how many learned."""
        lines = [
            "| I_1 | input | λ₁ of teacher | test error, median | quartiles | learned |",
            "|---|---|---|---|---|---|",
        ]
        for drive, exponents, errors in zip(self.drives, self.lyapunov.T, self.error.T, strict=True):
            low, middle, high = np.quantile(errors, [0.25, 0.5, 0.75])
            kind = "common" if drive.common else "independent"
            learned = f"{np.sum(errors < self.task.enough)} of {len(errors)}"
            start = f"| {drive.amplitude:g} | {kind} | {exponents.mean():.3f} "
            lines.append(f"{start}| {middle:.2g} | {low:.2g} … {high:.2g} | {learned} |")
        return "\n".join(lines)


def teach(
    inputs: Sequence[Drive | float],
    task: Task | None = None,
    *,
    common: bool = True,
    activation: str | Function = "relu",
    realizations: int = 3,
    checkpoint_folder: str | Path | None = None,
    progress: bool = True,
) -> Learning:
    """Train a student of each driven teacher, and test it.

    Args:
        inputs: I_1 of each teacher, or drives.
        task: sizes and rates; `FULL` is the paper's size.
        common: of amplitudes: whether all units of the teacher get the same input.
        activation: φ of teacher and student.
        realizations: how many of each, with random numbers of their own.
        checkpoint_folder: a folder with one file per trained student; a run with the same options continues from it,
            and one with further inputs or realizations trains those alone.
        progress: show a progress bar.

    Raises:
        DomainError: impossible numbers, or a step that is too long for the feedback of the mean or for an input.
        DivergenceError: the activation jumps.

    >>> small = Task(N=60, burn=4, epoch=4, epochs=1, test=2, exponent=160)
    >>> teach([Drive(8.0, common=False)], small, realizations=1, progress=False).error.shape
    (1, 1)
    """
    task = task or Task()
    asked = f"to teach a network of {task.N} units in steps of {task.dt}"
    realizations = _possible(asked, task, realizations)
    end = max((task.burn + task.epoch * task.epochs + task.test) / task.frequency, (task.exponent + _BURN) * task.dt)
    steps = realizations * end / task.dt
    affordable(asked, task.N, 3.0 * task.N**2, 0, steps, "float64")
    drives = listed(asked, inputs, common, task.frequency, end)
    all_resolved(asked, drives, task.dt)
    function = units(asked, activation)
    slope(asked, function, 'a continuous activation, such as "tanh", or "erf(4*x)" for "sign"')
    phi = array_function(function)
    folder = None if checkpoint_folder is None else Path(checkpoint_folder)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    found = np.empty((2, realizations, len(drives)))
    with tqdm(total=found[0].size, unit="student", disable=not progress) as bar:
        for r in range(realizations):
            for i, drive in enumerate(drives):
                found[:, r, i] = _kept(folder, task, phi, drive, r)
                bar.update()
    run = Run(
        task.exponent,
        _BURN,
        task.dt,
        realizations=realizations,
        seed=task.seed,
        record=False,
        checkpoint=None if folder is None else folder / _exponents(task, phi, drives),
    )
    teachers = simulate(
        task.N, task.g, drives, run, I_0=task.I_0, J_0=task.J_0, activation=activation, progress=progress
    )
    return Learning(task, drives, found[0], found[1].astype(int), teachers.lyapunov)


def _kept(folder: Path | None, task: Task, phi: ArrayFunction, drive: Drive, realization: int) -> np.ndarray:
    """Error and epochs of one student, from its file where there is one."""
    if folder is None:
        return _Lesson(task, phi, drive, realization).learn()
    steps = (task.burn + task.epochs * task.epoch) * task.period
    values = [plain(one) for one in vars(task).values()]
    told = [values, phi.text, plain(drive.amplitude), drive.common, plain(drive.frequency), realization]
    name = checkpoint.fingerprint({"task": told, "waveform": drive.waveform(CYCLE)} | courses([drive], steps, task.dt))
    path = folder / f"student-{name[:16]}.npz"
    found = checkpoint.load(path, name)
    if found is None:
        found = {"result": _Lesson(task, phi, drive, realization).learn()}
        checkpoint.save(path, name, found)
    return found["result"]


def _exponents(task: Task, phi: ArrayFunction, drives: tuple[Drive, ...]) -> str:
    """The name of the folder with the teachers' exponents: teachers that are simulated together have their own.

    What the name leaves out, the fingerprints of its files hold.
    """
    used = [task.N, task.g, task.I_0, task.J_0, task.dt, task.exponent, task.seed]
    parts = {
        "task": [plain(one) for one in used],
        "function": phi.text,
        "drives": [[plain(d.amplitude), d.common, plain(d.frequency)] for d in drives],
        "waveforms": np.array([d.waveform(CYCLE) for d in drives]),
    }
    steps = -(-task.exponent // BLOCK) * BLOCK + _BURN
    return f"exponents-{checkpoint.fingerprint(parts | courses(drives, steps, task.dt))[:16]}"


class _Lesson:
    """A teacher and its student."""

    def __init__(self, task: Task, phi: ArrayFunction, drive: Drive, realization: int) -> None:
        self.task, self.drive, self.steps = task, drive, 0
        self.phi: Callable[[np.ndarray], np.ndarray] = NumpyArrays().compile(phi)
        N, random = task.N, stream(task.seed, realization, _STUDENT)
        mean, gain = task.J_0 / math.sqrt(N), task.g / math.sqrt(N)
        self.teacher = gain * weights(N, task.seed, realization, "float64").T - mean
        self.student = np.asfortranarray(gain * random.standard_normal((N, N)) - mean)
        self.phases = phases(N, task.seed, realization)
        self.h_teacher, self.h = random.standard_normal((2, N))
        self.P = np.asfortranarray(np.eye(N) / task.ridge)
        self.w = np.zeros(N)
        self.constant = math.sqrt(N) * task.I_0

    def learn(self) -> np.ndarray:
        """Test error and epochs."""
        task = self.task
        for _ in range(task.burn * task.period):
            self._teacher_step()
        error, epochs = math.inf, 0
        while epochs < task.epochs and error >= task.enough:
            for _ in range(task.epoch * task.period):
                self._lesson_step()
            error, epochs = self._test(), epochs + 1
        return np.array([error, epochs])

    def _teacher_step(self) -> np.ndarray:
        """The currents of the teacher's units, after which it goes on by one step."""
        currents = np.asarray(self.teacher @ self.phi(self.h_teacher))
        currents += self.drive.at(self.steps * self.task.dt, self.phases)
        self.h_teacher = self._euler(self.h_teacher, currents)
        self.steps += 1
        return currents

    def _lesson_step(self) -> None:
        """One step of both, with the student's weights corrected before its own."""
        wanted, target = np.sin(2 * np.pi * self.task.frequency * self.steps * self.task.dt), self._teacher_step()
        rates = self.phi(self.h)
        projected = self.P @ rates
        scale = 1 / (1 + rates @ projected)
        self.P = dger(-scale, projected, projected, a=self.P, overwrite_a=1)
        gain = scale * projected
        self.student = dger(-1.0, self.student @ rates - target, gain, a=self.student, overwrite_a=1)
        self.w -= (self.w @ rates - wanted) * gain
        self.h = self._euler(self.h, self.student @ rates)

    def _test(self) -> float:
        """Error of the student on its own, from where it is; what does not stay finite has the error infinity."""
        task, h = self.task, self.h
        steps = task.test * task.period
        target = np.sin(2 * np.pi * task.frequency * (self.steps + np.arange(steps)) * task.dt)
        output = np.empty(steps)
        with np.errstate(all="ignore"):
            for n in range(steps):
                rates = self.phi(h)
                output[n] = self.w @ rates
                h = self._euler(h, self.student @ rates)
            error = float(np.mean((output - target) ** 2) / np.mean(target**2))
        return error if math.isfinite(error) else math.inf

    def _euler(self, h: np.ndarray, currents: np.ndarray) -> np.ndarray:
        return np.asarray(h + self.task.dt * (self.constant + currents - h))


def _possible(asked: str, task: Task, realizations: int) -> int:
    """Refuse numbers with which nothing can be learned; the number of realizations."""
    for name in ("N", "epoch", "epochs", "test", "exponent"):
        count(asked, name, getattr(task, name), 1)
    for name in ("burn", "seed"):
        count(asked, name, getattr(task, name), 0)
    numbers(asked, {n: getattr(task, n) for n in ("g", "I_0", "J_0", "frequency", "dt", "ridge", "enough")})
    for name in ("g", "frequency", "dt", "ridge"):
        if getattr(task, name) <= 0:
            raise DomainError(asked, f"{name} = {getattr(task, name)}", "a positive number")
    rate = 1 + math.sqrt(task.N) * task.J_0
    if task.J_0 < 0 or task.dt * rate >= 2:
        raise DomainError(
            asked,
            f"the mean relaxes with the rate 1 + √N J_0 = {rate:.3g}, for which Euler's step is unstable",
            f"J_0 ≥ 0 and dt < {2 / abs(rate):.2g}",
        )
    step(asked, task.dt)
    resolved(asked, "the target", task.frequency, task.dt)
    return count(asked, "realizations", realizations, 1)
