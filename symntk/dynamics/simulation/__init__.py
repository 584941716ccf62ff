"""Simulation of rate networks: the step, runs of many steps, and what is recorded; `simulate` is the door.

What another simulation of such networks needs is public, too: weights, phases and random streams, the inputs as they
are read and checked.
"""

from symntk.dynamics.simulation import checks
from symntk.dynamics.simulation.realization import BLOCK, CYCLE, courses, plain
from symntk.dynamics.simulation.run import Run, Simulation, simulate
from symntk.dynamics.simulation.step import Drive, Model, RateNetwork, phases, stream, weights

__all__ = [
    "BLOCK",
    "CYCLE",
    "Drive",
    "Model",
    "RateNetwork",
    "Run",
    "Simulation",
    "checks",
    "courses",
    "phases",
    "plain",
    "simulate",
    "stream",
    "weights",
]
