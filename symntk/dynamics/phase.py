"""Phase diagrams: critical amplitudes, or exponents, over a grid of g, f, N and I_1; in parallel, and resumable.

Each point is written to a file as soon as it is known; an interrupted run goes on with the points that are missing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from symntk.dynamics.critical import Critical, critical_common, critical_independent
from symntk.dynamics.independent import with_error
from symntk.dynamics.theory import DT, Balanced
from symntk.dynamics.waveform import finest, given_or
from symntk.errors import DomainError, SymntkError
from symntk.runs import checkpoint
from symntk.runs.workers import results

AXES = ("g", "f", "N", "I_1")
KINDS = ("common", "gaussian", "phase")


@dataclass(frozen=True)
class PhaseDiagram:
    """Values over a grid.

    Attributes:
        axes: name -> values, in the order of the array's dimensions: g, f, N and, where it was given, I_1.
        values: critical amplitudes, or exponents λ τ of the state that repeats with the input (the network is chaotic
            where they are positive); NaN where the theory has no answer.
        errors: estimates of the errors; NaN where there is none.
        reasons: index -> why there is no answer.
    """

    axes: dict[str, np.ndarray]
    values: np.ndarray
    errors: np.ndarray
    reasons: dict[tuple[int, ...], str]


def phase_diagram(
    *,
    g: Any = 2.0,
    f: Any = 0.2,
    N: Any = 5000,
    I_1: Any = None,
    kind: str = "common",
    folder: Any = None,
    workers: int = 0,
    progress: bool = True,
    dt: float | None = None,
    **network: Any,
) -> PhaseDiagram:
    """Critical amplitudes over g, f and N; or exponents over g, f, N and I_1, where I_1 is given.

    Args:
        g: number or numbers.
        f: frequencies in 1/time.
        N: numbers of units.
        I_1: amplitudes; None for the critical ones.
        kind: "common", or independent input as "gaussian" or "phase".
        folder: where points are kept; a run with the same folder goes on with what is missing. Diagrams may share it,
            as each point's file is named by all that it depends on.
        workers: processes; 0 for this one alone.
        progress: whether a bar is shown.
        dt: the finest step of common input.
        network: further arguments of `Balanced`: I_0, J_0, activation, tau, tol.

    Raises:
        DomainError: an axis is empty or no array of numbers, or the kind is unknown.
    """
    if kind not in KINDS:
        raise DomainError("a phase diagram", f"kind = {kind!r}", " or ".join(KINDS))
    given = {"g": g, "f": f, "N": N} | ({} if I_1 is None else {"I_1": I_1})
    axes = {name: _axis(name, values) for name, values in given.items()}
    shape = tuple(len(values) for values in axes.values())
    jobs = {}
    for index in itertools.product(*(range(n) for n in shape)):
        point = {name: float(values[i]) for (name, values), i in zip(axes.items(), index, strict=True)}
        jobs[index] = (point, kind, dt, dict(network))
    store = None if folder is None else Path(folder)
    if store is not None:
        store.mkdir(parents=True, exist_ok=True)
    values, errors = np.full(shape, np.nan), np.full(shape, np.nan)
    reasons: dict[tuple[int, ...], str] = {}
    with tqdm(total=len(jobs), unit="point", disable=not progress) as bar:
        for index, (value, error, reason) in _answers(jobs, store, workers):
            values[index], errors[index] = value, error
            if reason:
                reasons[index] = reason
            bar.update()
    return PhaseDiagram(axes, values, errors, reasons)


Job = tuple[dict[str, float], str, float | None, dict[str, Any]]
Answer = tuple[float, float, str]


def _answers(
    jobs: Mapping[tuple[int, ...], Job], store: Path | None, workers: int
) -> Iterator[tuple[tuple[int, ...], Answer]]:
    """Each point's answer as it becomes known, those in the folder first."""
    missing = {}
    for index, job in jobs.items():
        known = None if store is None else _read(store, job)
        if known is None:
            missing[index] = job
        else:
            yield index, known
    indices = list(missing)
    for place, answer in results(_point, [(job,) for job in missing.values()], workers):
        index = indices[place]
        yield index, _kept(store, missing[index], answer)


def _point(job: Job, _stopping: Callable[[], bool]) -> Answer:
    """Value, error and, where there is none, the reason; an interrupt waits for the points under way."""
    point, kind, dt, network = job
    try:
        net = Balanced(point["g"], point["N"], **network)
        if "I_1" in point:
            return _exponent(net, point["f"], point["I_1"], kind, dt)
        found: Critical = (
            critical_common(net, point["f"], dt=dt)
            if kind == "common"
            else critical_independent(net, point["f"], average=kind)
        )
        return found.amplitude, found.error, ""
    except SymntkError as error:
        return float("nan"), float("nan"), str(error)


def _exponent(net: Balanced, f: float, amplitude: float, kind: str, dt: float | None) -> Answer:
    """λ τ of the state that repeats with the input, and the change by the extrapolation or a finer grid."""
    if kind == "common":
        fine = finest(1.0 / f, given_or(dt, DT * net.tau, "dt"), 1)
        coarse, last = (net.orbit(amplitude, f, dt=step).lyapunov for step in (2.0 * fine, fine))
        return 2.0 * last - coarse, abs(last - coarse), ""
    found = with_error(net.problem(amplitude, f, kind), net.stationary())
    return found.lyapunov, found.lyapunov_error, ""


def _name(job: Job) -> str:
    """A file name from all that the point depends on."""
    point, kind, dt, network = job
    shown = {name: value if isinstance(value, int | float) else str(value) for name, value in network.items()}
    return checkpoint.fingerprint({"point": point, "kind": kind, "dt": dt, "network": shown})


def _read(store: Path, job: Job) -> Answer | None:
    name = _name(job)
    found = checkpoint.load(store / f"{name[:24]}.npz", name)
    return None if found is None else (float(found["value"]), float(found["error"]), str(found["reason"]))


def _kept(store: Path | None, job: Job, answer: Answer) -> Answer:
    if store is not None:
        name = _name(job)
        value, error, reason = answer
        arrays = {"value": np.array(value), "error": np.array(error), "reason": np.array(reason)}
        checkpoint.save(store / f"{name[:24]}.npz", name, arrays)
    return answer


def _axis(name: str, values: float | Sequence[float]) -> np.ndarray:
    try:
        found = np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.ndim != 1 or not found.size or not np.all(np.isfinite(found)):
        raise DomainError("a phase diagram", f"{name} = {str(values)[:60]}", "one or more finite numbers")
    return found
