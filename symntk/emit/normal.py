"""φ, Φ and Φ₂ in float64 as functions of arrays: what code that SymPy prints of a formula calls.

>>> import sympy as sp
>>> from symntk.language.special import bivariate_normal_cdf as Phi2
>>> h, k = sp.symbols("h k", real=True)
>>> print(sp.lambdify((h, k), Phi2(h, k, 0.5), "numpy")(-1.0, [-30.0, 0.0]))
[4.90671393e-198 1.27398207e-001]
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp
from scipy import special

from symntk.emit.runtime.bivariate import _bivariate
from symntk.emit.runtime.complex_normal import _exp_complex_normal_cdf
from symntk.language.special import normal_mpmath

_BITS = 64  # of Φ₂ at complex arguments, where float64 code would cancel


def normal_pdf(x: Any) -> Any:
    """The density φ(x) = exp(−x²/2)/√(2π); x real or complex, of any shape.

    >>> print(f"{normal_pdf(1.0):.12f}")
    0.241970724519
    """
    x = np.asarray(x)
    return (np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi))[()]


def normal_cdf(x: Any) -> Any:
    """The distribution function Φ(x), relatively accurate in the tails; x real or complex, of any shape.

    >>> print(f"{normal_cdf(-30.0):.12e}", normal_cdf(1j).round(12))
    4.906713927148e-198 (0.5+0.476719134626j)
    """
    x = np.asarray(x)
    if np.iscomplexobj(x):
        return _exp_complex_normal_cdf(np.zeros(()), np.zeros(()), x.real, x.imag)[()]
    return special.ndtr(x)


def bivariate_normal_cdf(h: Any, k: Any, rho: Any) -> Any:
    """Φ₂(h, k; ρ) = P(X ≤ h, Y ≤ k), relatively accurate in the tails; arguments broadcast, NaN for |ρ| > 1.

    h and k may be complex (so may rho in type); such values are computed one by one, some ten a second.

    >>> print(f"{bivariate_normal_cdf(0.0, 0.0, 0.5):.12f}", bivariate_normal_cdf(1j, 0.5, 0.3).round(12))
    0.333333333333 (0.416841997247+0.335315685325j)
    """
    if any(np.iscomplexobj(one) for one in (h, k, rho)):
        return _bivariate_complex(h, k, rho)[()]
    h, k, rho = np.broadcast_arrays(*(np.asarray(one, dtype=np.float64) for one in (h, k, rho)))
    nan = np.isnan(h) | np.isnan(k) | ~(np.abs(rho) <= 1.0)
    c = np.where(nan, 0.0, rho)
    flat = (np.where(nan, 0.0, h), np.where(nan, 0.0, k), c, np.sqrt((1.0 - c) * (1.0 + c)))
    value = _bivariate(*(np.atleast_1d(one) for one in flat)).reshape(np.shape(c))
    return np.where(nan, np.nan, value)[()]


def _one(h: complex, k: complex, rho: complex) -> complex:
    if not abs(rho) <= 1.0 or rho.imag != 0.0 or np.isnan(h) or np.isnan(k):
        return complex(np.nan)
    with mp.workprec(_BITS):
        return complex(normal_mpmath.bivariate_normal_cdf(mp.mpc(h), mp.mpc(k), mp.mpf(rho.real)))


_bivariate_complex = np.vectorize(_one, otypes=[np.complex128])
