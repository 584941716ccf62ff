"""What a contestant's process does: compute kernels on request, and say what they cost. Needs NumPy alone; Linux.

A request is a line of JSON on standard input with `inputs` (path of an .npy file) and `do`: "time", "memory", or "save"
with `to`, where to write the matrices as .npz; `ask` holds keywords for the kernels. The answer is a line of JSON on
standard output.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Kernels = Callable[..., Mapping[str, Any]]


def inputs_as(dtype: type) -> Callable[[str], np.ndarray]:
    """A reader of inputs in one precision."""
    return lambda path: np.load(path).astype(dtype)


def serve(kernels: Kernels, about: str, load: Callable[[str], Any] = np.load) -> None:
    """Answer requests until input ends.

    Args:
        kernels: from inputs (n, features) and the keywords asked with to matrices (n, n) by name, all computed.
        about: the versions of what computes them.
        load: reads inputs as the arrays that kernels takes; it is not timed.
    """
    print(json.dumps({"about": about}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(_answer(kernels, load, **request)), flush=True)


def _answer(
    kernels: Kernels, load: Callable[[str], Any], *, inputs: str, do: str, to: str = "", ask: Any = None
) -> Any:
    x, ask = load(inputs), ask or {}
    if do == "memory":
        size, held = peak_growth(lambda: kernels(x, **ask))
        return {"bytes": size, "result": held}
    if do == "save":
        np.savez(to, **{name: np.asarray(matrix) for name, matrix in kernels(x, **ask).items()})
        return {}
    spent, start = time.process_time(), time.perf_counter()
    kernels(x, **ask)
    return {"wall": time.perf_counter() - start, "seconds": time.process_time() - spent}


def peak_growth(call: Callable[[], Mapping[str, Any]]) -> tuple[int, int]:
    """Bytes by which a call raises the resident memory of this process at its peak, and those of its result.

    The first call may compile. What it frees must have gone back to the system, else the second seems to need nothing:
    glibc does so at once where the variable MALLOC_MMAP_THRESHOLD_ is small. JAX frees from threads of its own, shortly
    after.
    """
    call()
    time.sleep(1.0)
    before = _status("VmRSS")
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
    found = call()
    return _status("VmHWM") - before, sum(int(matrix.nbytes) for matrix in found.values())


def _status(field: str) -> int:
    """A size in bytes from the kernel's account of this process."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))
