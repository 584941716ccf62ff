"""Φ₂ in C99, for formulas that SymPy's `ccode` prints: it writes a call of bivariate_normal_cdf(h, k, rho).

Source: Drezner & Wesolowsky (1990), J. Statist. Comput. Simul. 35, 101, in the form of Genz (2004), Stat. Comput. 14,
251: the integral over the correlation, from 0 for |ρ| < 0.925, else from ±1 with the singular part taken out. The
error is some 1e-15, absolute: in far tails the functions of `symntk.emit.normal` keep relative digits, this one does
not.
"""

from __future__ import annotations

import numpy as np

_NODES = 20
_CODE = """\
#include <math.h>

/* P(X <= h, Y <= k), standard normal X and Y of correlation rho; the error is some 1e-15, absolute. */
double bivariate_normal_cdf(double h, double k, double rho) {
  static const double node[%(half)d] = {%(nodes)s};
  static const double weight[%(half)d] = {%(weights)s};
  const double root_half = 0.70710678118654752440, two_pi = 6.28318530717958647693;
  double sum = 0.0;
  int i, side;
  if (!(fabs(rho) <= 1.0) || isnan(h) || isnan(k)) return NAN;
  if (isinf(h) || isinf(k)) {
    if (h == -INFINITY || k == -INFINITY) return 0.0;
    return h == INFINITY ? 0.5 * erfc(-k * root_half) : 0.5 * erfc(-h * root_half);
  }
  h = -h;
  k = -k;
  if (fabs(rho) < 0.925) {
    const double angle = asin(rho), squares = 0.5 * (h * h + k * k);
    for (i = 0; i < %(half)d; i++)
      for (side = -1; side <= 1; side += 2) {
        const double s = sin(0.5 * angle * (1.0 + side * node[i]));
        sum += weight[i] * exp((s * h * k - squares) / (1.0 - s * s));
      }
    return sum * angle / (2.0 * two_pi) + 0.25 * erfc(h * root_half) * erfc(k * root_half);
  }
  if (rho < 0.0) k = -k;
  if (fabs(rho) < 1.0) {
    const double rest = (1.0 - rho) * (1.0 + rho), gap = fabs(h - k), hk = h * k;
    const double c = (4.0 - hk) / 8.0, d = (12.0 - hk) / 16.0;
    const double half = 0.5 * sqrt(rest), square = gap * gap;
    sum = 2.0 * half * exp(-0.5 * (square / rest + hk))
          * (1.0 - c * (square - rest) * (1.0 - d * square / 5.0) / 3.0 + c * d * rest * rest / 5.0);
    sum -= exp(-0.5 * hk) * sqrt(two_pi) * 0.5 * erfc(root_half * gap / (2.0 * half)) * gap
           * (1.0 - c * square * (1.0 - d * square / 5.0) / 3.0);
    for (i = 0; i < %(half)d; i++)
      for (side = -1; side <= 1; side += 2) {
        const double t = half * (1.0 + side * node[i]), s = t * t, r = sqrt(1.0 - s);
        sum += half * weight[i] * exp(-0.5 * (square / s + hk))
               * (exp(-0.5 * hk * s / ((1.0 + r) * (1.0 + r))) / r - (1.0 + c * s * (1.0 + d * s)));
      }
    sum = -sum / two_pi;
  }
  if (rho > 0.0) return sum + 0.5 * erfc(root_half * fmax(h, k));
  return k > h ? 0.5 * (erfc(h * root_half) - erfc(k * root_half)) - sum : -sum;
}
"""


def _written() -> str:
    nodes, weights = (part[_NODES // 2 :] for part in np.polynomial.legendre.leggauss(_NODES))
    listed = {name: ", ".join(f"{v:.20g}" for v in part) for name, part in (("nodes", nodes), ("weights", weights))}
    return _CODE % {"half": _NODES // 2, **listed}


SOURCE = _written()
"""C99 source of double bivariate_normal_cdf(double h, double k, double rho)."""
