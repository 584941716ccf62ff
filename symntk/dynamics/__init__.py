"""Recurrent rate networks: mean-field theory, Lyapunov exponents, critical inputs, simulation.

`Balanced` is a network in theory, `classical` one with odd units and no mean; `simulate` runs such networks.

>>> from symntk.dynamics import Balanced, Run, simulate
>>> net = Balanced(g=2.0, N=400)
>>> driven = net.orbit(30.0, f=0.2, dt=1 / 4)  # common input I_1 sin 2πft: the state that repeats with it
>>> print(net.stationary().lyapunov > 0 > driven.lyapunov)  # chaos, which the input suppresses
True
>>> found = simulate(400, 2.0, [0.0, 30.0], Run(steps=800, burn=400, dt=1 / 4, realizations=1), progress=False)
>>> print(found.lyapunov.shape, bool(found.lyapunov[0, 0] > 0 > found.lyapunov[0, 1]))
(1, 2) True
"""

from typing import TYPE_CHECKING

from symntk.dynamics.nonstationary import NonStationary
from symntk.dynamics.sizes import allow
from symntk.dynamics.theory import Balanced, classical
from symntk.later import later

if TYPE_CHECKING:
    from symntk.dynamics.critical import Critical, critical_common, critical_independent, quasi_static
    from symntk.dynamics.curves import Curve, common_curve, independent_curve
    from symntk.dynamics.orbit import orbits
    from symntk.dynamics.phase import PhaseDiagram, phase_diagram
    from symntk.dynamics.simulation import Drive, Run, Simulation, simulate
    from symntk.dynamics.units import Units
    from symntk.dynamics.waveform import finest

_ROOMS = {
    "critical": ("Critical", "critical_common", "critical_independent", "quasi_static"),
    "curves": ("Curve", "common_curve", "independent_curve"),
    "orbit": ("orbits",),
    "phase": ("PhaseDiagram", "phase_diagram"),
    "simulation": ("Drive", "Run", "Simulation", "simulate"),
    "units": ("Units",),
    "waveform": ("finest",),
}
__all__ = [
    "Balanced",
    "Critical",
    "Curve",
    "Drive",
    "NonStationary",
    "PhaseDiagram",
    "Run",
    "Simulation",
    "Units",
    "allow",
    "classical",
    "common_curve",
    "critical_common",
    "critical_independent",
    "finest",
    "independent_curve",
    "orbits",
    "phase_diagram",
    "quasi_static",
    "simulate",
]
__getattr__, __dir__ = later(__name__, _ROOMS)
