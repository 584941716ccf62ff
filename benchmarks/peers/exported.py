"""An exported module as a contestant, loaded from its file alone.

    python -m benchmarks.peers.exported PATH TARGET PRECISION [--compiled]

TARGET says what the module runs on: numpy, numba, jax or torch; jax functions are compiled by `jax.jit`, those of torch
by `torch.compile` only if asked. PRECISION is that of the inputs, 32 or 64. Serves the kernels that are asked for by
name, in one pass where the module has `kernels`. Needs NumPy and what the module needs.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.serve import inputs_as, serve


def load_module(path: Path) -> Any:
    """The module in a file, known under the file's name: Numba looks for it there when it reads what it has cached."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def matrices(module: Any, x: Any, get: tuple[str, ...], **network: Any) -> dict[str, Any]:
    """The kernels asked for, in one pass where the module has it; maps of laws (3, n) where those are asked for."""
    if get[0].endswith("_map"):
        return {name: getattr(module, name)(*x) for name in get}
    if hasattr(module, "kernels") and len(get) > 1:
        return dict(zip(get, module.kernels(x, get=get, **network), strict=True))
    return {name: getattr(module, name)(x, **network) for name in get}


def map_values(path: Path, target: str, name: str, laws: np.ndarray, **parameters: float) -> np.ndarray:
    """The map `name` of the module in a file at laws (3, n) in their precision, here, on the target's arrays."""
    place: Callable[[Any], Any] = np.ascontiguousarray
    if target == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)  # before the module makes its constants
        place = jax.numpy.asarray
    elif target == "torch":
        import torch

        place = torch.from_numpy
    found = getattr(load_module(path), name)(*(place(np.ascontiguousarray(row)) for row in laws), **parameters)
    return np.asarray(found)


def plain(module: Any, precision: str, _: bool) -> tuple[Callable[..., Any], Callable[[str], Any], str]:
    """(function, reader of inputs, versions) where arrays are NumPy's."""
    return functools.partial(matrices, module), inputs_as(getattr(np, f"float{precision}")), f"NumPy {np.__version__}"


def numba(module: Any, precision: str, _: bool) -> tuple[Callable[..., Any], Callable[[str], Any], str]:
    """The same, with Numba's version."""
    import numba

    function, load, about = plain(module, precision, _)
    return function, load, f"Numba {numba.__version__}, {about}"


def jax(module: Any, precision: str, _: bool) -> tuple[Callable[..., Any], Callable[[str], Any], str]:
    """Compiled by jax.jit, on JAX's arrays."""
    import jax

    jax.config.update("jax_enable_x64", precision == "64")

    @functools.cache
    def compiled(get: tuple[str, ...], **network: Any) -> Any:
        return jax.jit(lambda x: matrices(module, x, get, **network))

    def function(x: Any, get: tuple[str, ...], **network: Any) -> Any:
        return jax.block_until_ready(compiled(get, **network)(x))

    read = inputs_as(getattr(np, f"float{precision}"))
    return function, lambda path: jax.numpy.asarray(read(path)), f"jax {jax.__version__} ({jax.default_backend()})"


def torch(module: Any, precision: str, compiled: bool) -> tuple[Callable[..., Any], Callable[[str], Any], str]:
    """On torch's arrays, on a GPU where there is one."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    function = functools.partial(matrices, module)
    if compiled:
        function = torch.compile(function)

    def computed(x: Any, get: tuple[str, ...], **network: Any) -> Any:
        found = function(x, get, **network)
        if device == "cuda":
            torch.cuda.synchronize()
        return found

    read = inputs_as(getattr(np, f"float{precision}"))
    return computed, lambda path: torch.from_numpy(read(path)).to(device), f"torch {torch.__version__} ({device})"


TARGETS = {"numpy": plain, "numba": numba, "jax": jax, "torch": torch}


def main() -> None:
    """Serve one module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("precision", choices=["32", "64"])
    parser.add_argument("--compiled", action="store_true")
    options = parser.parse_args()
    if options.target == "jax" and options.precision == "64":
        import jax as library

        library.config.update("jax_enable_x64", True)  # before the module makes its constants
    module = load_module(options.path)
    function, load, about = TARGETS[options.target](module, options.precision, options.compiled)

    def kernels(x: Any, get: list[str], **network: Any) -> dict[str, Any]:
        return function(x, tuple(get), **network)

    serve(kernels, about, load)


if __name__ == "__main__":
    main()
