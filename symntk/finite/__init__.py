"""Networks of finite width: forward, back-propagation, empirical kernels, ensembles that are trained."""

from typing import TYPE_CHECKING

from symntk.later import later

if TYPE_CHECKING:
    from symntk.finite.arrays import mollified
    from symntk.finite.ensemble import Ensemble
    from symntk.finite.training import Training

__all__ = ["Ensemble", "Training", "mollified"]
__getattr__, __dir__ = later(__name__, {"arrays": ["mollified"], "ensemble": ["Ensemble"], "training": ["Training"]})
