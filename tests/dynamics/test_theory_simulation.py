"""The non-stationary theory is that of the simulated network, step for step: means, covariances and rates."""

import numpy as np
import pytest

from symntk.dynamics.band import Setup, course
from symntk.dynamics.simulation.step import Drive, Model, RateNetwork
from symntk.dynamics.units import shared_units
from symntk.finite.arrays import array_function
from symntk.kernels.expectation import TOLERANCE
from symntk.kernels.function import as_function

# a long step and a weak feedback: what the step takes at its end, and what at its beginning, is far above the noise
N, G, MEAN, DT, STEPS, AMPLITUDE, F, PHASES = 4000, 1.6, 0.05, 1 / 4, 8, 4.0, 0.2, 16
REALIZATIONS = 4
INPUTS = (True, False)


@pytest.fixture(scope="module")
def simulated():
    """Mean of h, variance, covariance with the last step, rate: (realizations, inputs, steps + 1) each."""
    function = as_function("relu")
    drives = tuple(Drive(AMPLITUDE, common, F) for common in INPUTS)
    codes = array_function(function), array_function(function.derivative)
    model = Model(N, G, MEAN, MEAN, DT, DT, *codes, drives, 0, 1, "float32")
    found = []
    for realization in range(REALIZATIONS):
        network = RateNetwork(model, realization)
        h, rates = [network.h], [network.rates]
        for _ in range(STEPS):
            network.step()
            h.append(network.h)
            rates.append(network.rates)
        mean = np.mean(h, axis=-1)
        apart = np.array(h) - mean[..., None]
        found.append([mean, (apart**2).mean(-1), (apart * apart[-1]).mean(-1), np.mean(rates, axis=-1)])
    return np.array(found).transpose(1, 0, 3, 2)


def predicted(common):
    """The same from theory, which begins like the networks with independent N(0, 1)."""
    times, one, root = np.arange(STEPS + 1) * DT, np.ones(1), np.sqrt(N) * MEAN
    theta = np.zeros(1) if common else 2 * np.pi * (np.arange(PHASES) + 0.5) / PHASES
    at = times if common else times - DT
    drive = root + AMPLITUDE * np.sin(2 * np.pi * F * at + theta[:, None])
    share = np.full(len(theta), 1 / len(theta))
    units = shared_units("relu", True, TOLERANCE)
    found = course(
        Setup(units, G * one, root * one, drive[None], share, None, DT, STEPS + 2, 1, 0 * one, np.ones((1, 1)))
    )
    mean = share @ found.mean[0]
    apart = found.mean[0] - mean
    covariance = found.last[0, STEPS::-1] + share @ (apart * apart[:, -1:])
    return mean, found.variance[0] + share @ apart**2, covariance, found.rate[0]


@pytest.mark.parametrize("row", [0, 1])
def test_a_few_steps_agree_within_the_sampling_error(simulated, row):
    """Differences below 4 standard errors, where taking an input one step later makes more than 10."""
    for name, values, theory in zip(("m", "c(t,t)", "c(t,s)", "ν"), simulated, predicted(INPUTS[row]), strict=True):
        error = np.sqrt(np.mean(np.var(values[:, row], axis=0, ddof=1)) / REALIZATIONS)
        miss = np.abs(values[:, row].mean(0) - theory)
        assert miss.max() < 4 * error, (name, miss / error)
        assert error < 0.02 * np.abs(theory).max(), name
