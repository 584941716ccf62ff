"""Ensembles of fully connected networks of finite width: gradient descent, surrogate gradient learning, kernels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from symntk.errors import DomainError, FormulaError
from symntk.finite.arrays import ArrayFunction, array_function, arrays
from symntk.finite.network import (
    Architecture,
    Elementwise,
    Parameters,
    empirical_kernel,
    forward,
)
from symntk.finite.training import Run, Schedule, Training, run_chunk
from symntk.kernels.function import Function, as_function
from symntk.kernels.kernels import Kernels
from symntk.runs import checkpoint as checkpoints
from symntk.runs.workers import results

_MEMORY = 2**28  # bytes of weights that kernels and outputs are computed from at a time
_CHUNK = 2**22  # bytes of weights that NumPy trains at a time: about what a core's caches hold


class Ensemble:
    """Networks of one architecture with independent initial weights, all trained by the same rule.

    Args:
        kernels: activation and surrogate derivative of all hidden layers, or one of each hidden layer.
        depth: weight layers.
        width: units of each hidden layer.
        networks: how many. Each has a random stream of its own, so the first ten of a hundred are the ten of ten.
        inputs: features of an input.
        weight_std, bias_std: σ_w and σ_b.
        seed: of the initial weights.
        dtype: "float32" or "float64".
        backend: "numpy", "torch" or "jax"; device: of the last two, by default the GPU where there is one.

    >>> import numpy as np
    >>> from symntk.kernels.kernels import derive
    >>> from symntk.finite import Schedule
    >>> networks = Ensemble(derive("sign", "erf"), depth=3, width=20, networks=4, inputs=2, bias_std=0.1)
    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1.0, -1.0])
    >>> training = networks.train(x, y, Schedule(steps=50, rate=0.1), progress=False)
    >>> training.outputs.shape, bool(training.loss[-1].mean() < training.loss[0].mean())
    ((2, 4, 2), True)
    """

    def __init__(
        self,
        kernels: Kernels | Sequence[Kernels],
        depth: int,
        width: int,
        *,
        networks: int,
        inputs: int,
        weight_std: float = 1.0,
        bias_std: float = 0.0,
        seed: int = 0,
        dtype: str = "float32",
        backend: str = "numpy",
        device: str | None = None,
    ) -> None:
        self.shape = Architecture(inputs, width, depth, float(weight_std), float(bias_std))
        layers = [kernels] * (depth - 1) if isinstance(kernels, Kernels) else list(kernels)
        asked = f"an ensemble of {networks} networks with the seed {seed}"
        if len(layers) != depth - 1:
            raise DomainError(asked, f"{len(layers)} kernels for {depth - 1} hidden layers", "one of each hidden layer")
        if networks < 1 or seed < 0 or networks != int(networks) or seed != int(seed):
            raise DomainError(asked, "numbers that make none", "an integer from 1 on, and a seed from 0 on")
        if dtype not in ("float32", "float64"):
            raise FormulaError(asked, f"the precision {dtype!r}", '"float32" or "float64"')
        self.layers, self.networks, self.seed = layers, int(networks), int(seed)
        self.dtype, self.backend, self.device = dtype, backend, device

    def train(self, x: Any, y: Any, schedule: Schedule, *, test: Any = None, progress: bool = True) -> Training:
        """Full-batch steps of size η on ½ · mean (f − y)².

        Args:
            x: training inputs (points, inputs).
            y: targets (points,).
            schedule: how many steps of which kind, and what is kept of them.
            test: inputs at which outputs are recorded; x by default.
            progress: show a progress bar.

        Raises:
            DivergenceError: rule "gradient" for an activation that jumps.
            DomainError: numbers that make no run.
            SymntkError: the checkpoint is of another run, or cannot be written.
            KeyboardInterrupt: interrupted; the checkpoint is written before.
        """
        points, targets = self._inputs(x), np.asarray(y, dtype=np.float64)
        if targets.shape != points.shape[1:] or not targets.size or not np.all(np.isfinite(targets)):
            raise DomainError(
                "to train an ensemble",
                f"targets of shape {targets.shape} for {points.shape[1]} points, or not finite",
                "one finite number per point",
            )
        times = schedule.recorded()
        memory = _CHUNK if self.backend == "numpy" else _MEMORY
        size = schedule.chunk or max(1, memory // (self.shape.numbers * np.dtype(self.dtype).itemsize))
        run = Run(
            shape=self.shape,
            activations=self._activations(),
            slopes=self._slopes({"gradient": "derivative"}.get(schedule.rule, schedule.rule)),
            seed=self.seed,
            dtype=self.dtype,
            backend=self.backend,
            device=self.device,
            x=points,
            y=targets,
            test=points if test is None else self._inputs(test),
            record=times,
            schedule=schedule,
        )
        if run.folder is not None:
            checkpoints.need_folder(run.folder)
        chunks = [(a, min(a + size, self.networks)) for a in range(0, self.networks, size)]
        return Training.joined(run, _trained(run, chunks, progress))

    def kernel(
        self,
        x1: Any,
        x2: Any = None,
        *,
        first: str | Function = "derivative",
        second: str | Function = "surrogate",
        parameters: list[tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> np.ndarray:
        """The empirical kernel J(x1) Jˢ(x2)ᵀ of each network, (networks, points, points).

        Args:
            x1: test points (points, inputs).
            x2: training points, x1 by default.
            first: what takes the place of σ' in J: "derivative", "surrogate" or a function, such as
                `mollified(kernels.derivative, slope)` where σ' holds deltas.
            second: the same of Jˢ. The NTK has "derivative" in both.
            parameters: weights and biases, of `Training.parameters`; the initial ones by default.

        Raises:
            DivergenceError: the derivative of an activation that jumps.
        """
        p1 = self._inputs(x1)
        p2 = p1 if x2 is None else self._inputs(x2)
        library = arrays(self.backend, self.device)
        sigma = [library.compile(f) for f in self._activations()]
        slopes = tuple([library.compile(f) for f in self._slopes(side)] for side in (first, second))
        a, b = (library.put(p.astype(self.dtype)) for p in (p1, p2))
        out = np.empty((self.networks, p1.shape[1], p2.shape[1]), dtype=self.dtype)
        for rows, held in self._chunks(library, parameters, p1.shape[1] + p2.shape[1]):
            found = empirical_kernel(self.shape, held, sigma, (slopes[0], slopes[1]), a, b)
            out[rows] = library.get(found)
        return out

    def outputs(self, x: Any, parameters: list[tuple[np.ndarray, np.ndarray]] | None = None) -> np.ndarray:
        """The networks' outputs (networks, points), by default with their initial weights."""
        points, library = self._inputs(x), arrays(self.backend, self.device)
        sigma: list[Elementwise] = [library.compile(f) for f in self._activations()]
        out = np.empty((self.networks, points.shape[1]), dtype=self.dtype)
        values = library.put(points.astype(self.dtype))
        for rows, held in self._chunks(library, parameters, points.shape[1]):
            out[rows] = library.get(forward(self.shape, held, sigma, values)[0][-1])[:, 0]
        return out

    def _chunks(self, library: Any, parameters: Any, points: int) -> Any:
        """Rows of the ensemble and their weights, as many as fit the memory."""
        each = (self.shape.numbers + 4 * self.shape.depth * self.shape.width * points) * np.dtype(self.dtype).itemsize
        size = max(1, _MEMORY // each)
        for start in range(0, self.networks, size):
            rows = slice(start, min(start + size, self.networks))
            if parameters is None:
                chosen = self.shape.draw(self.seed, range(rows.start, rows.stop), self.dtype)
            else:
                chosen = [(w[rows].astype(self.dtype), b[rows].astype(self.dtype)) for w, b in parameters]
            held: Parameters = [(library.put(w), library.put(b)) for w, b in chosen]
            yield rows, held

    def _activations(self) -> list[ArrayFunction]:
        return [array_function(kernels.activation) for kernels in self.layers]

    def _slopes(self, role: str | Function) -> list[ArrayFunction]:
        if isinstance(role, Function):
            return [array_function(role)] * len(self.layers)
        if role not in ("derivative", "surrogate"):
            raise FormulaError(
                f"networks with {role!r}", "there is no such rule", '"gradient" (kernels: "derivative") or "surrogate"'
            )
        found = []
        for kernels in self.layers:
            chosen = kernels.derivative if role == "derivative" else kernels.surrogate_derivative
            if chosen is None:
                raise FormulaError(
                    f"surrogate gradients of {kernels.activation.name}", "no surrogate was given", 'derive(…, "erf")'
                )
            found.append(array_function(as_function(chosen)))
        return found

    def _inputs(self, x: Any) -> np.ndarray:
        """Inputs as columns."""
        values = np.asarray(x, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.shape.inputs or not np.all(np.isfinite(values)):
            wrong = f"inputs of shape {values.shape}, or not finite"
            raise DomainError("networks on these inputs", wrong, f"finite numbers, (points, {self.shape.inputs})")
        return np.ascontiguousarray(values.T)


def _trained(run: Run, chunks: list[tuple[int, int]], progress: bool) -> list[dict[str, np.ndarray]]:
    """The results of all chunks, in order; the bar moves with each step in this process, with each chunk in others."""
    parts: dict[int, dict[str, np.ndarray]] = {}
    steps, workers = run.schedule.steps, run.schedule.workers
    with tqdm(total=chunks[-1][1] * steps, unit="step", unit_scale=True, disable=not progress, smoothing=0.05) as bar:
        task = partial(run_chunk, run, int if workers else bar.update)
        for place, part in results(task, chunks, workers):
            parts[place] = part
            start, stop = chunks[place]
            bar.update((stop - start) * steps if workers else 0)
    return [parts[place] for place in range(len(chunks))]
