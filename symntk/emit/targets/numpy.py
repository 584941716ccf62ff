"""NumPy and SciPy: vectorized, on arrays or on numbers that carry a bound of their rounding error."""

from __future__ import annotations

from symntk.emit.targets.base import PythonTarget
from symntk.language.special.table import rows

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
    "difference": "({4} * {0} - {5} * {2})",
    "exp_normal_cdf": "_exp_normal_cdf",
    "exp_bivariate": "_exp_bivariate",
    "exp_erfi": "_exp_erfi",
    "exp_complex_normal_cdf": "_exp_complex_normal_cdf",
    "orthant_moment": "_orthant_moment(int({}), int({}), {}, {}, {}, {})",
    "real": "{}.real",
    "imag": "{}.imag",
}
_SAME = "tan sinh cosh tanh sign floor log1p logaddexp power copysign arange maximum minimum"
_FUNCTIONS |= {name: f"np.{name}" for name in _SAME.split()}
_FUNCTIONS |= {
    "asin": "np.arcsin",
    "asinh": "np.arcsinh",
    "wofz": "special.wofz",
    "acos": "np.arccos",
    "atan": "np.arctan",
    "besselk0e": "special.k0e",
    "besselk1e": "special.k1e",
    "expint1": "special.expn(1, {})",
    "complex": "complex",
    "list": "[{all}]",
    "tuple": "({all})",
    "array": "np.array([{all}])",
    "take": "{}[{}]",
    "is_in": "np.isin",
    "both": "({}) & ({})",
    "either": "({}) | ({})",
    "ceiling": "np.ceil",
    "Mod": "np.mod",
    "Heaviside": "np.heaviside",
    "search_left": "np.searchsorted({}, {}, 'left')",
    "search_right": "np.searchsorted({}, {}, 'right')",
}
_DENSITY = "(-0.5 * ({4} ** 2 * {0} + {5} ** 2 * {1}) / {3}, {4} * {5} * {2} / {3})"
_DENSITIES = {f"density_{kind}": f"_exp_{kind}{_DENSITY}" for kind in ("sinh", "cosh")}
_FUNCTIONS |= _DENSITIES
_EXPONENT = "(-0.5 * ({4} ** 2 * {0} + {5} ** 2 * {1} - 2.0 * {4} * {5} * {2}) / {3})"
_FUNCTIONS["density_exp"] = f"np.exp{_EXPONENT}"
_TRACKED = [
    "sqrt",
    "exp",
    "cos",
    "sin",
    "atan2",
    "normal_cdf",
    *(name for name in _FUNCTIONS if name.startswith("exp_")),
]


class NumpyTarget(PythonTarget):
    """NumPy, with SciPy's functions by what their rows in the table of special functions say."""

    def called(self, function: str) -> str | None:
        """A template."""
        return super().called(function) or next((one.source for one in rows() if one.name == function), None)


NUMPY = NumpyTarget("numpy", _FUNCTIONS, "np.where({condition}, {yes}, {no})")
TRACKED = NumpyTarget(
    "numpy with error bounds",
    {
        **_FUNCTIONS,
        **{name: f"_t_{name}" for name in _TRACKED},
        **{k: f"_t{v}" for k, v in _DENSITIES.items()},
        "density_exp": f"_t_exp{_EXPONENT}",
    },
    "_t_where({condition}, {yes}, {no})",
)
"""The same over `runtime.tracked`, which bounds rounding errors as it goes."""
