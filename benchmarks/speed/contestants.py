"""Who takes part: the hand-written loop, neural-tangents, and symntk's module for each target."""

from __future__ import annotations

import functools
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import symntk
from benchmarks.peers.environment import environment
from symntk.errors import SymntkError

FUSED, THEIRS, TARGETS = "fused", "neural-tangents", ("numpy", "numba", "jax", "torch")
ALL = (FUSED, THEIRS, *TARGETS)
BY_HAND = {("erf", None), ("relu", None), ("gelu", None), ("sign", "erf")}
LAYERS = {"erf": "Erf", "relu": "Relu", "gelu": "Gelu"}
NETWORK = {"depth": 3, "weight_std": 1.0, "bias_std": 0.1}
FEATURES = 64


@dataclass(frozen=True)
class Field:
    """Where contestants run.

    Attributes:
        python: a Python with the packages that the targets need.
        environment: the folder of neural-tangents' environment, made if missing.
        wanted: who is to take part, of `ALL`.
        folder: where modules, inputs and results lie.
        missing: who does not take part, and why; filled as contestants are called.
    """

    python: Path
    environment: Path
    wanted: tuple[str, ...]
    folder: Path
    missing: dict[str, str] = field(default_factory=dict)

    def contestants(self, activation: str, surrogate: str | None, precision: str) -> dict[str, list[Any]]:
        """How to start each that computes the kernels of a pair in float32 or float64 ("32", "64"), by name."""
        found: dict[str, list[Any]] = {}
        if FUSED in self.wanted and (activation, surrogate) in BY_HAND and self._has("numba", FUSED):
            found[FUSED] = [self.python, "-m", "benchmarks.peers.fused", activation, precision]
        if THEIRS in self.wanted and activation in LAYERS and surrogate is None:
            peer = environment(self.environment)
            found[THEIRS] = [peer, "-m", "benchmarks.peers.neural_tangents", LAYERS[activation], precision]
        return found | self.modules(activation, surrogate, precision)

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that are to take part."""
        return tuple(name for name in TARGETS if name in self.wanted)

    def modules(self, activation: str, surrogate: str | None, precision: str) -> dict[str, list[Any]]:
        """How to start those that run symntk's modules, by name."""
        found: dict[str, list[Any]] = {}
        for target in self.targets:
            path = self.exported(activation, surrogate, target)
            if path is not None:
                command = [self.python, "-m", "benchmarks.peers.exported", path, target, precision]
                found[target] = command
                if target == "torch":
                    found["torch compiled"] = [*command, "--compiled"]
        return found

    def exported(self, activation: str, surrogate: str | None, target: str) -> Path | None:
        """The module of a pair for a target; None, with the reason kept, where it cannot be made or run."""
        if target != "numpy" and not self._has(target, target):
            return None
        path = self.folder / f"pair{abs(hash((activation, surrogate)))}_{target}.py"
        try:
            return path if path.exists() else symntk.derive(activation, surrogate).export(path, target)
        except SymntkError as error:
            self.missing[f"{target} of {title(activation, surrogate)}"] = " ".join(str(error).split())
            return None

    def inputs(self, n: int) -> str:
        """The path of n inputs N(0, 1)."""
        path = self.folder / f"inputs_{n}.npy"
        if not path.exists():
            np.save(path, np.random.default_rng(0).normal(size=(n, FEATURES)))
        return str(path)

    def _has(self, package: str, contestant: str) -> bool:
        found = importable(self.python, package)
        if not found:
            self.missing[contestant] = f"{self.python} has no {package}"
        return found


@functools.cache
def importable(python: Path, package: str) -> bool:
    """Whether a Python has a package."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0


def title(activation: str, surrogate: str | None) -> str:
    """A pair as it is shown."""
    return activation if surrogate is None else f"{activation} + {surrogate}"


def asked(surrogate: str | None, **network: Any) -> dict[str, Any]:
    """Keywords of a request for both kernels of a pair."""
    return {"get": ["nngp", "ntk" if surrogate is None else "sg_ntk"], **NETWORK, **network}
