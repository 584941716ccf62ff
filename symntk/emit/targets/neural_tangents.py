"""neural-tangents: a layer for `stax.serial` whose kernels are those of a pair."""

from __future__ import annotations

from collections.abc import Mapping

from symntk.emit.layers import LayerMap
from symntk.emit.targets import jax
from symntk.errors import FormulaError

_LAYER = '''
def Elementwise({keywords}):
    """A layer for `neural_tangents.stax.serial`: the activation's NNGP, and what its NTK is multiplied by.

    The derivative is {slope}; `fn` is the activation where a network of finite width is to be computed.
    """

    def nngp_fn(cov12, var1, var2):
        return {nngp}(*jnp.broadcast_arrays(var1, var2, cov12){passed})

    def d_nngp_fn(cov12, var1, var2):
        return {ntk}(*jnp.broadcast_arrays(var1, var2, cov12){passed})

    return stax.Elementwise(fn, nngp_fn=nngp_fn, d_nngp_fn=d_nngp_fn)
'''


class _NeuralTangents(jax.Jax):
    shortcuts = False  # it has no Gram matrices

    def gram(self, layers: Mapping[str, LayerMap], scales: str) -> str:  # noqa: ARG002  they are those of other layers
        """The layer; its second map is that of the surrogate gradient where the pair has one."""
        slope = next((name for name in ("sg_ntk", "ntk") if name in layers), None)
        if "nngp" not in layers or slope is None:
            raise FormulaError("a layer of neural-tangents", "the pair has no NTK", 'target="jax"')
        names = list(dict.fromkeys(name for one in ("nngp", slope) for name in layers[one].keywords))
        return _LAYER.strip("\n").format(
            keywords=", ".join(["fn=None", *(["*", *names] if names else [])]),
            slope="the product of the true and the surrogate one" if slope == "sg_ntk" else "the activation's",
            nngp=layers["nngp"].name,
            ntk=layers[slope].name,
            passed="".join(f", {name}={name}" for name in names),
        )


TARGET = _NeuralTangents(
    "neural-tangents",
    jax.TARGET.native,
    "jnp.where({condition}, {yes}, {no})",
    f"{jax.TARGET.imports}\nfrom neural_tangents import stax",
    jax.TARGET.texts,
)
