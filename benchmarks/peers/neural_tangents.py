"""The part of a comparison that runs beside google/neural-tangents, in an environment of its own.

    python -m benchmarks.peers.neural_tangents LAYER PRECISION [--degree 25] [--batch 50]

LAYER names a closed form of `stax` (Erf, Relu, Gelu); with a degree it is tanh or erf, through
`stax.ElementwiseNumerical`. PRECISION is 32 (what JAX users have by default) or 64. A batch size is for
`neural_tangents.batch`; without one the whole matrix is one compiled call. Serves the kernels asked for by name, with
the keywords depth, weight_std and bias_std. Needs NumPy here, JAX and neural-tangents only when run.
"""

from __future__ import annotations

import argparse
import functools
import warnings
from typing import Any

import numpy as np

from benchmarks.peers.serve import inputs_as, serve


def layer(name: str, degree: int | None) -> Any:
    """One layer of activations."""
    import jax
    import jax.numpy as jnp
    from neural_tangents import stax

    if degree is not None:
        functions = {
            "tanh": (jnp.tanh, lambda x: 1.0 - jnp.tanh(x) ** 2),
            "erf": (jax.scipy.special.erf, lambda x: 2.0 / jnp.sqrt(jnp.pi) * jnp.exp(-(x**2))),
        }
        fn, df = functions[name]
        return stax.ElementwiseNumerical(fn=fn, deg=degree, df=df)
    if name == "Gelu":
        return stax.Gelu(approximate=False)
    return getattr(stax, name)()


def main() -> None:
    """Serve neural-tangents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("layer")
    parser.add_argument("precision", choices=["32", "64"])
    parser.add_argument("--degree", type=int)
    parser.add_argument("--batch", type=int)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import jax

    jax.config.update("jax_enable_x64", options.precision == "64")
    import neural_tangents
    from neural_tangents import stax

    @functools.cache
    def compiled(get: tuple[str, ...], depth: int, weight_std: float, bias_std: float) -> Any:
        dense = stax.Dense(1, W_std=weight_std, b_std=bias_std)
        layers = [part for _ in range(depth - 1) for part in (dense, layer(options.layer, options.degree))]
        _, _, kernel = stax.serial(*layers, dense)
        if options.batch is None:
            return jax.jit(lambda x: kernel(x, None, get))
        batched = neural_tangents.batch(kernel, batch_size=options.batch, device_count=0)
        return lambda x: batched(x, None, get)

    def kernels(x: np.ndarray, get: list[str], **network: Any) -> dict[str, Any]:
        result = jax.block_until_ready(compiled(tuple(get), **network)(x))
        return {name: getattr(result, name) for name in get}

    about = f"neural-tangents {neural_tangents.__version__}, jax {jax.__version__}, NumPy {np.__version__}"
    serve(kernels, about, inputs_as(np.float64 if options.precision == "64" else np.float32))


if __name__ == "__main__":
    main()
