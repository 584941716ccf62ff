"""The command for networks in time: their kernels for inputs in a file, and what they remember."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symntk.cli.options import with_options
from symntk.errors import SymntkError

if TYPE_CHECKING:
    from symntk.networks.time.network import TimeNetwork

_EPILOG = """
FILE is an array (n, time, features) as numpy.save writes it, NaN at steps that an input does not have. Without a FILE
the network's long run is printed: variance, and how long inputs are told apart.
"""
_KERNELS = ("nngp", "ntk", "sg_ntk", "surrogate_ntk")


def _is_network(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which network."""
    number: dict[str, Any] = {"type": float, "show_default": True}
    options = [
        click.option("--surrogate", "-s", metavar="S", help="Name of a surrogate, or its primitive's formula."),
        click.option("--surrogate-derivative", metavar="F", help="Formula of the surrogate derivative itself."),
        click.option("--layers", default=1, show_default=True, type=click.IntRange(1), help="How many."),
        click.option("--leak", default=0.9, help="Of a potential from step to step, 0 to 1.", **number),
        click.option("--threshold", default=0.0, help="By which activation and surrogate are shifted.", **number),
        click.option("--reset", default="none", show_default=True, type=click.Choice(["none", "subtract", "zero"])),
        click.option("--detach-reset", is_flag=True, help="Leave the reset out of back-propagation."),
        click.option("--weight-std", default=1.0, help="Of weights to the next layer and to the output.", **number),
        click.option("--recurrent-std", default=1.0, help="Of recurrent weights.", **number),
        click.option("--input-std", default=1.0, help="Of the first layer's weights.", **number),
        click.option("--bias-std", default=0.0, help="Of biases.", **number),
        click.option("--readout", default="last", show_default=True, type=click.Choice(["last", "mean", "each"])),
    ]
    return with_options(command, options)


@click.command(epilog=_EPILOG, short_help="Kernels of spiking and recurrent networks in time.")
@click.argument("activation")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@_is_network
@click.option("--kernel", default="sg_ntk", show_default=True, type=click.Choice(_KERNELS), help="With a FILE.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Write the Gram matrix, .npy; else it is printed."
)
@click.option(
    "--drive", default="white", show_default=True, type=click.Choice(["white", "constant"]), help="Without one."
)
@click.option("--power", default=1.0, show_default=True, help="Of the input without a FILE: mean square of a feature.")
def time(
    activation: str,
    surrogate: str | None,
    surrogate_derivative: str | None,
    file: Path | None,
    kernel: str,
    output: Path | None,
    drive: str,
    power: float,
    **settings: Any,
) -> None:
    """Kernels of layers of leaky, recurrent units with thresholds and resets, trained by surrogate gradients."""
    from symntk.kernels.kernels import derive
    from symntk.networks.time.network import TimeNetwork

    net = TimeNetwork(derive(activation, surrogate, surrogate_derivative=surrogate_derivative), **settings)
    if file is None:
        from symntk.networks.time.mean_field import TimeMeanField

        if output is not None:
            raise SymntkError(f"the file {output}", "there are no inputs to compute a Gram matrix of", "FILE.npy")
        click.echo(f"{net}, {drive} input\n{TimeMeanField(net, drive, power)}")
        return
    _gram(net, file, kernel, output)


def _gram(net: TimeNetwork, file: Path, kernel: str, output: Path | None) -> None:
    """Read inputs, write or print their Gram matrix."""
    import numpy as np

    try:
        x = np.load(file, allow_pickle=False)
    except ValueError as error:
        raise SymntkError(
            f"the file {file}", f"it holds no array of numbers ({error})", "numpy.save(FILE, x)"
        ) from error
    if x.ndim == 3 and x.dtype.kind == "f" and np.isnan(x).any():
        missing = np.isnan(x).all(axis=2, keepdims=True)
        x = np.ma.array(x, mask=np.broadcast_to(missing, x.shape))
    (gram,) = net.kernels(x, get=kernel)
    if output is None:
        click.echo(np.array2string(gram, precision=9, threshold=10_000, max_line_width=120))
        return
    with output.open("wb") as stream:
        np.save(stream, gram)
    click.echo(f"{output}: {kernel} of {net}, {' × '.join(map(str, gram.shape))}")
