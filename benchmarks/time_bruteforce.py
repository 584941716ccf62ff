"""Kernels in time of random networks against brute force: Monte Carlo of single units' paths, sums written out.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.time_bruteforce [--networks 20] [--samples 400000] [--repeats 10]

Each network has random leak, scales, threshold and unit, and two inputs of four steps. Currents of a unit are drawn
step by step from their covariance, in which the products of activities are means over the samples; back-propagation is
the theory's, with means of products of surrogate derivatives. Differences from the exact recursion are in standard
errors over the repeats. Nothing but formulas of units is shared with symntk.
"""

from __future__ import annotations

import argparse

import numpy as np

import symntk
from symntk import TimeNetwork

STEPS, FEATURES = 4, 3
UNITS = {
    "step": lambda h: (h > 0.0).astype(float),
    "sign": np.sign,
    "relu": lambda h: np.maximum(h, 0.0),
}


def surrogate(h):
    """That of erf, 2 exp(−h²)/√π."""
    return 2.0 / np.sqrt(np.pi) * np.exp(-h * h)


def brute_force(net, activation, x, samples, rng):
    """NNGP of the inputs 0 and 0, 0 and 1, and the surrogate kernel of both, from paths."""
    (scales,), leak, place = net.scales(), net.leak[0], net.threshold
    inner = scales.input * np.einsum("atm,brm->atbr", x, x) / FEATURES + scales.bias
    q, fired = np.array(inner), np.zeros((2, STEPS, 2, STEPS))
    noise = rng.standard_normal((2 * STEPS, samples))
    h, values = np.zeros((2, STEPS, samples)), np.zeros((2, STEPS, samples))
    order = [a * STEPS + t for t in range(STEPS) for a in range(2)]
    for t in range(STEPS):
        q[:, 1:, :, 1:] = inner[:, 1:, :, 1:] + scales.recurrent * fired[:, :-1, :, :-1]
        known = order[: 2 * t + 2]
        root = np.linalg.cholesky(q.reshape(2 * STEPS, -1)[np.ix_(known, known)])
        for a in range(2):
            h[a, t] = root[2 * t + a] @ noise[: len(known)] + (leak * h[a, t - 1] if t else 0.0)
            values[a, t] = activation(h[a, t] - place)
        for a, b, r in np.ndindex(2, 2, t + 1):
            fired[a, t, b, r] = fired[b, r, a, t] = np.mean(values[a, t] * values[b, r])
    slopes, top, found = surrogate(h - place), net.weight_std[0] ** 2, []
    for b in range(2):
        gain = slopes[0] @ slopes[b].T / samples
        back = np.zeros((STEPS + 1, STEPS + 1))
        for t, r in ((t, r) for t in reversed(range(STEPS)) for r in reversed(range(STEPS))):
            for p, k in np.ndindex(STEPS - t, STEPS - r):
                last = top * (t + p == r + k == STEPS - 1)
                back[t, r] += (
                    leak ** (p + k) * gain[t + p, r + k] * (last + scales.recurrent * back[t + p + 1, r + k + 1])
                )
        nngp = top * fired[0, -1, b, -1]
        found += [nngp, nngp + np.sum(back[:-1, :-1] * q[0, :, b])]
    return np.array(found)


def main():
    """Print a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument("--samples", type=int, default=400_000)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    rng, ratios = np.random.default_rng(0), []
    print(
        "| unit | leak | σ_w | σ_b | θ | exact: nngp 00, 01; surrogate 00, 01 | off, in standard errors |\n|"
        + "---|" * 7
    )
    for number in range(options.networks):
        unit = list(UNITS)[number % len(UNITS)]
        leak, gain, bias, place = (
            rng.uniform(0, 0.9),
            rng.uniform(0, 1.5),
            rng.uniform(0.1, 0.5),
            rng.choice([0.0, 0.4]),
        )
        settings = {"leak": leak, "recurrent_std": gain, "bias_std": bias, "threshold": float(place)}
        net = TimeNetwork(symntk.derive(unit, "erf"), **settings)
        x = rng.normal(size=(2, STEPS, FEATURES))
        nngp, tangent = net.kernels(x, get=("nngp", "surrogate_ntk"))
        exact = np.array([nngp[0, 0], tangent[0, 0], nngp[0, 1], tangent[0, 1]])
        found = [brute_force(net, UNITS[unit], x, options.samples, rng) for _ in range(options.repeats)]
        error = np.std(found, axis=0, ddof=1) / np.sqrt(options.repeats)
        ratios.append((np.mean(found, axis=0) - exact) / np.where(error > 0.0, error, np.inf))
        shown = ", ".join(f"{exact[k]:.5f}" for k in (0, 2, 1, 3))
        cells = [unit, *(f"{one:.2f}" for one in (leak, gain, bias, place)), shown]
        print(f"| {' | '.join(cells)} | {', '.join(f'{ratios[-1][k]:.1f}' for k in (0, 2, 1, 3))} |", flush=True)
    print(f"\nroot mean square {np.sqrt(np.mean(np.square(ratios))):.2f}, largest {np.max(np.abs(ratios)):.1f}")


if __name__ == "__main__":
    main()
