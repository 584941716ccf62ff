"""Modules of targets: made once, called on the target's own arrays, skipped where a package is missing."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import tempfile
from pathlib import Path

import numpy as np
import pytest

import symntk
from benchmarks.peers.exported import load_module
from symntk.emit.standalone import TARGETS

OWN_ENVIRONMENT = "neural-tangents"
_FOLDER = tempfile.TemporaryDirectory()
atexit.register(_FOLDER.cleanup)


def need(target: str) -> None:
    """Skip, by name, where a target cannot run here."""
    if target == OWN_ENVIRONMENT:
        pytest.skip("neural-tangents runs in an environment of its own")
    if target in TARGETS and importlib.util.find_spec(TARGETS[target]) is None:
        pytest.skip(f"there is no target {target} yet")
    if target != "numpy" and importlib.util.find_spec(target) is None:
        pytest.skip(f"{target} is not installed")


@functools.cache
def pair(activation: str, surrogate: str | None):
    """The kernels of a pair."""
    return symntk.derive(activation, surrogate)


@functools.cache
def module(activation: str, surrogate: str | None, target: str):
    """The module of a pair for a target that is here."""
    need(target)
    if target == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    path = Path(_FOLDER.name) / f"pair_{activation}_{surrogate}_{target}.py"
    return load_module(pair(activation, surrogate).export(path, target))


def own(target: str, array: np.ndarray):
    """An array as the target's."""
    if target == "jax":
        import jax.numpy

        return jax.numpy.asarray(array)
    if target == "torch":
        import torch

        return torch.from_numpy(np.ascontiguousarray(array))
    return array


def given_back(result, like) -> np.ndarray:
    """A result as a NumPy array; it must be of the same kind of array and precision as what was given."""
    assert type(result) is type(like), (type(result), type(like))
    assert str(result.dtype) == str(like.dtype), (result.dtype, like.dtype)
    return np.asarray(result)


each_target = pytest.mark.parametrize("target", TARGETS)
