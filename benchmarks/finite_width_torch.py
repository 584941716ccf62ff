"""Worker of `finite_width`: the same ensemble in PyTorch alone; it runs in an environment that has PyTorch.

Prints lines of a name and the core-seconds of a step per ten networks.
"""

from __future__ import annotations

import math
import statistics
import time

import torch

NETWORKS, WIDTH, POINTS, RATE, BIAS = 10, 500, 15, 0.1, 0.1


class Sign(torch.autograd.Function):
    """sign with the surrogate derivative erf'."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        """Signs."""
        return torch.sign(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Keep where the slope is taken."""
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, grad):
        """The surrogate derivative in place of the derivative."""
        (x,) = ctx.saved_tensors
        return grad * (2 / math.sqrt(math.pi)) * torch.exp(-(x**2))


def problem():
    """Training points, as rows."""
    angle = (torch.rand(POINTS) * 2 - 1) * math.pi
    x = torch.stack([torch.sin(angle), torch.cos(angle)], dim=1)
    y = 4 * x[:, 0] * x[:, 1] ** 2 - 0.8 * x[:, 0] ** 3 + 1.2 * x[:, 1] ** 2 - 0.8 * x[:, 0] ** 2 * x[:, 1]
    return x, y


def by_vmap(activation):
    """A step by vmap of the gradient of one network."""
    sizes = [2, WIDTH, WIDTH, 1]
    shapes = [shape for a, b in zip(sizes[:-1], sizes[1:], strict=True) for shape in ((a, b), (b,))]
    parameters = [torch.randn(NETWORKS, *shape) for shape in shapes]
    x, y = problem()

    def loss(*one):
        values = x
        for layer in range(3):
            weights, bias = one[2 * layer : 2 * layer + 2]
            h = values @ weights / math.sqrt(sizes[layer]) + BIAS * bias
            values = activation(h) if layer < 2 else h
        return 0.5 * ((values[:, 0] - y) ** 2).mean()

    gradient = torch.func.vmap(torch.func.grad(loss, argnums=tuple(range(6))))

    def step():
        with torch.no_grad():
            for part, change in zip(parameters, gradient(*parameters), strict=True):
                part.sub_(change, alpha=RATE)

    return step


def per_step(step, windows=9, steps=10):
    """Median core-seconds of a step."""
    step()
    spent = []
    for _ in range(windows):
        start = time.process_time()
        for _ in range(steps):
            step()
        spent.append((time.process_time() - start) / steps)
    return statistics.median(spent)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, activation in (("sign", Sign.apply), ("erf", torch.erf), ("tanh", torch.tanh)):
        print(f"{name}, PyTorch {torch.__version__} vmap {per_step(by_vmap(activation)) * 10 / NETWORKS}")
