"""The normal distribution function at complex arguments: steps against sines and cosines."""

from __future__ import annotations

import numpy as np
import scipy.special as special


def _exp_complex_normal_cdf(
    log_real: np.ndarray, log_imag: np.ndarray, h_real: np.ndarray, h_imag: np.ndarray
) -> np.ndarray:
    """exp(q)·Φ(h) for complex q and h, through the Faddeeva function w; complex128, shapes broadcast.

    Φ(h) = e^{−h²/2} w(−ih/√2)/2 for Re h ≤ 0, and 1 − Φ(−h) else; the exponents are merged before exp.

    >>> print(np.round(_exp_complex_normal_cdf(np.array(0.0), np.array(0.0), np.array(-1.0), np.array(0.0)), 12))
    (0.158655253931+0j)
    """
    q, h = log_real + 1j * log_imag, h_real + 1j * h_imag
    above = h.real > 0.0
    lower = np.where(above, -h, h)
    tail = 0.5 * np.exp(q - 0.5 * h * h) * special.wofz(-1j * lower / np.sqrt(2.0))
    product: np.ndarray = np.where(above, np.exp(q) - tail, tail)
    return product
