"""A spiking network of finite width against SpikingJelly and snnTorch: outputs and surrogate gradients to float32.

    pip install torch spikingjelly snntorch loguru  # in an environment of its own
    python -m benchmarks.peers.spiking_libraries

The same weights, inputs and surrogate (arctan, alpha = 2) give the same outputs and the same gradients of a loss by all
weights and biases. SpikingJelly subtracts the threshold before the potential leaks, so that ρ = β θ; snnTorch
after it, ρ = θ, and it detaches the reset. snnTorch's reset to zero also loses the current of the step, which is not
that of `TimeNetwork`.
"""

from __future__ import annotations

import numpy as np

import symntk
from symntk import TimeNetwork
from symntk.finite import FiniteTimeNetwork
from symntk.networks.time.sequences import read

STEPS, WIDTH, FEATURES, INPUTS = 6, 64, 4, 5
LEAK, THRESHOLD = 0.8, 0.5
CASES = [
    *(("SpikingJelly", reset, detached) for reset in ("subtract", "zero") for detached in (False, True)),
    ("snnTorch", "subtract", True),
]


def node(library, reset, detached):
    """The library's leaky unit as a function of its current, and how much of a spike its reset subtracts."""
    if library == "SpikingJelly":
        from spikingjelly.activation_based import neuron, surrogate

        unit = neuron.LIFNode(
            tau=1.0 / (1.0 - LEAK),
            decay_input=False,
            v_threshold=THRESHOLD,
            v_reset=None if reset == "subtract" else 0.0,
            surrogate_function=surrogate.ATan(alpha=2.0),
            detach_reset=detached,
        )
        return unit, LEAK * THRESHOLD
    import snntorch
    from snntorch import surrogate

    unit = snntorch.Leaky(LEAK, threshold=THRESHOLD, spike_grad=surrogate.atan(alpha=2.0), reset_mechanism=reset)
    state = [unit.init_leaky()]

    def step(current):
        spikes, state[0] = unit(current, state[0])
        return spikes

    return step, THRESHOLD


def theirs(one, unit, x):
    """Outputs, and the gradients of ½ Σ (f − 1)² by feed-forward and recurrent weights, biases and readout."""
    import torch

    weights = one.layers[0]
    parts = [
        torch.tensor(part, dtype=torch.float32, requires_grad=True)
        for part in (weights.feed, weights.recurrent, weights.bias, one.readout)
    ]
    gains, spikes, total = one.gains[0], torch.zeros(INPUTS, WIDTH), 0.0
    for inputs in torch.tensor(x, dtype=torch.float32).swapaxes(0, 1):
        spikes = unit(gains[0] * inputs @ parts[0] + gains[1] * spikes @ parts[1] + gains[2] * parts[2])
        total = total + spikes / STEPS
    outputs = one.top * total @ parts[3]
    (0.5 * torch.sum((outputs - 1.0) ** 2)).backward()
    return [outputs.detach().numpy(), *(part.grad.numpy() for part in parts)]


def ours(one, x):
    """The same: a step of descent at rate 1 tells the gradients."""
    outputs = one.outputs(x)
    before = [part.copy() for part in (one.layers[0].feed, one.layers[0].recurrent, one.layers[0].bias, one.readout)]
    one.train(x, np.ones(INPUTS), learning_rate=1.0, steps=1)
    after = (one.layers[0].feed, one.layers[0].recurrent, one.layers[0].bias, one.readout)
    return [outputs, *(a - b for a, b in zip(before, after, strict=True))]


def main():
    """Print the table."""
    x = 1.5 * np.random.default_rng(0).normal(size=(INPUTS, STEPS, FEATURES))
    names = ("output", "∂U", "∂W", "∂b", "∂V")
    print(f"| library | reset | backward | recurrent | spikes | {' | '.join(names)} |\n|{'---|' * (5 + len(names))}")
    kernels = symntk.derive("step", surrogate_derivative="1/(1 + (pi*x)**2)")
    for library, reset, detached in CASES:
        for recurrent in (0.0, 1.1):
            unit, size = node(library, reset, detached)
            net = TimeNetwork(
                kernels,
                leak=LEAK,
                threshold=THRESHOLD,
                reset=reset,
                reset_size=size if reset == "subtract" else None,
                detach_reset=detached,
                recurrent_std=recurrent,
                bias_std=0.3,
                readout="mean",
            )
            one = FiniteTimeNetwork(net, WIDTH, FEATURES, seed=1)
            spikes = int(one.run(read("x", x, "the benchmark")).values[0].sum())
            found = zip(theirs(one, unit, x), ours(one, x), strict=True)
            off = [f"{np.max(np.abs(a - b)) / max(np.max(np.abs(b)), 1e-30):.0e}" for a, b in found]
            row = [library, reset, "detached" if detached else "attached", "yes" if recurrent else "no", str(spikes)]
            print(f"| {' | '.join([*row, *off])} |", flush=True)


if __name__ == "__main__":
    main()
