"""The part of the comparison that runs beside google/neural-tangents, in an environment of its own.

    python benchmarks/neural_tangents_worker.py ACTIVATION PRECISION BATCH

Builds the kernel function of one hidden layer by `stax.ElementwiseNumerical` of degree 25, then answers requests.
PRECISION is 32 (what JAX users have by default) or 64. BATCH is a batch size for `neural_tangents.batch`, or 0 for the
whole matrix in one compiled call. Needs NumPy here, JAX and neural-tangents only when run; Linux, for /proc.

A request is a line of JSON on standard input with `inputs` (path of an .npy file) and `do`: "time", "memory", or "save"
with `to`, where to write the matrices nngp and ntk as .npz. The answer is a line of JSON on standard output.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

DEGREE = 25


def serve(kernels: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], about: str) -> None:
    """Answer requests with a function from inputs (n, features) to nngp and ntk, both (n, n), until input ends."""
    print(json.dumps({"about": about}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        x = np.load(request["inputs"])
        answer: dict[str, object] = {}
        if request["do"] == "time":
            start = time.process_time()
            kernels(x)
            answer["seconds"] = time.process_time() - start
        elif request["do"] == "memory":
            answer["bytes"] = peak_growth(lambda x=x: kernels(x))
        else:
            nngp, ntk = kernels(x)
            np.savez(request["to"], nngp=nngp, ntk=ntk)
            del nngp, ntk
        print(json.dumps(answer), flush=True)


def peak_growth(call: Callable[[], object]) -> int:
    """Bytes by which a call raises the resident memory of this process at its peak; the first call may compile.

    What the first call frees must have gone back to the system, else the second seems to need nothing: glibc does so
    at once where the variable MALLOC_MMAP_THRESHOLD_ is small. JAX frees from threads of its own, shortly after.
    """
    call()
    time.sleep(1.0)
    before = _status("VmRSS")
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
    call()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    """A size in bytes from the kernel's account of this process."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def main(activation: str, precision: str, batch: str) -> None:
    """Serve neural-tangents."""
    warnings.simplefilter("ignore")
    import jax

    jax.config.update("jax_enable_x64", precision == "64")
    import jax.numpy as jnp
    import neural_tangents
    from neural_tangents import stax

    functions = {
        "tanh": (jnp.tanh, lambda x: 1.0 - jnp.tanh(x) ** 2),
        "erf": (jax.scipy.special.erf, lambda x: 2.0 / jnp.sqrt(jnp.pi) * jnp.exp(-(x**2))),
    }
    fn, df = functions[activation]
    layer = stax.ElementwiseNumerical(fn=fn, deg=DEGREE, df=df)
    _, _, kernel = stax.serial(stax.Dense(1, W_std=1.0, b_std=0.0), layer, stax.Dense(1, W_std=1.0, b_std=0.0))
    if batch == "0":
        compiled = jax.jit(lambda x: kernel(x, None, ("nngp", "ntk")))
    else:
        batched = neural_tangents.batch(kernel, batch_size=int(batch), device_count=0)
        compiled = lambda x: batched(x, None, ("nngp", "ntk"))  # noqa: E731

    def kernels(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        result = jax.block_until_ready(compiled(x))
        return np.asarray(result.nngp), np.asarray(result.ntk)

    serve(kernels, f"neural-tangents {neural_tangents.__version__}, jax {jax.__version__}, NumPy {np.__version__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
