"""NumPy and SciPy: vectorized, on arrays or on numbers that carry a bound of their rounding error."""

from __future__ import annotations

from symntk.emit.targets.base import PythonTarget

_FUNCTIONS = {
    "sqrt": "np.sqrt",
    "exp": "np.exp",
    "log": "np.log",
    "cos": "np.cos",
    "sin": "np.sin",
    "abs": "np.abs",
    "atan2": "np.arctan2",
    "normal_cdf": "special.ndtr",
    "exp_sinh": "_exp_sinh",
    "exp_cosh": "_exp_cosh",
    "exp_normal_cdf": "_exp_normal_cdf",
    "exp_bivariate": "_exp_bivariate",
    "exp_erfi": "_exp_erfi",
    "exp_complex_normal_cdf": "_exp_complex_normal_cdf",
    "orthant_moment": "_orthant_moment(int({}), int({}), {}, {}, {}, {})",
    "real": "{}.real",
    "imag": "{}.imag",
}
_TRACKED = ["sqrt", "exp", "cos", "sin", "atan2", "normal_cdf", *(name for name in _FUNCTIONS if "exp_" in name)]

NUMPY = PythonTarget("numpy", _FUNCTIONS, "np.where({condition}, {yes}, {no})")
TRACKED = PythonTarget(
    "numpy with error bounds",
    {**_FUNCTIONS, **{name: f"_t_{name}" for name in _TRACKED}},
    "_t_where({condition}, {yes}, {no})",
)
"""The same over `runtime.tracked`, which bounds rounding errors as it goes."""
