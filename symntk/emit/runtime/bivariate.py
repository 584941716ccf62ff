"""The normal distribution function of one and of two variables in float64, to high relative accuracy everywhere.

SciPy has no public vectorized bivariate normal distribution function, and Owen's T loses every digit in the tails.
Exported modules carry verbatim copies of the functions and constants below, so each is a plain module-level name, and
none needs more than `numpy` and `scipy.special`.

Method. In independent standard coordinates {X <= h, Y <= k} is a wedge. Reflections that add positive terms, or
subtract little, leave a wedge with one edge at distance a from the origin and the other at distance b <= a. Its apex is
q away from the foot of the perpendicular to the first edge, p away on the second edge, so that it is at the distance R,
R^2 = a^2 + q^2 = b^2 + p^2. Two integrals, both with positive integrands, give the probability of the wedge:

* from the apex, exp(-R^2/2)/(2 pi) int_0^angle g(q cos t + a sin t) dt, g(z) = int_0^inf r exp(-r z - r^2/2) dr: g is
  entire, so few nodes suffice while its argument stays small, however narrow the wedge is (`_wedge_integral`);
* from the origin, exp(-R^2/2)/(2 pi) int_0^inf exp(-q u - u^2/2) V(q + u) du: V is algebraic with poles R or p
  away from u = 0, so it is the better form where those are at least 2, that is in the tails (`_edge_integral`).

The first is the density in polar coordinates; for the second see Owen (1956), Ann. Math. Statist. 27, 1075.
The factors exp(-R^2/2) and exp(log_factor) meet in one exponent, as in erfcx, so that the product neither overflows nor
underflows before the result does.
"""

import numpy as np
import scipy.special as special

# The relative error is at most this times 1 + |log_factor| + |log Phi2|. The logarithms are the conditioning: arguments
# known to a relative eps determine exp(log_factor - R^2/2) no better than to eps times |log_factor| + R^2.
_BIVARIATE_ERROR = 2e-15
# Gauss-Legendre rules with the fewest nodes that reach rounding error on the domains of the two integrals.
_WEDGE_RULE = np.polynomial.legendre.leggauss(18)
_EDGE_RULE = np.polynomial.legendre.leggauss(26)
# Entries handled at once: enough to hide the cost of a NumPy call; few enough that values at all nodes stay in cache.
_BIVARIATE_BLOCK = 4096
_INTEGRAL_BLOCK = 512


def _exp_normal_cdf(log_factor: np.ndarray, h: np.ndarray) -> np.ndarray:
    """exp(log_factor) Phi(h), finite whenever the product is; arguments broadcast, h may be infinite.

    Source: Phi(h) = exp(-h^2/2) erfcx(-h/sqrt 2)/2 for h < 0, so that exponents are added before they are used.

    >>> print(f"{_exp_normal_cdf(5000.0, -100.0):.13f}")
    0.0039890239814
    """
    log_factor, h = np.broadcast_arrays(np.asarray(log_factor, dtype=np.float64), np.asarray(h, dtype=np.float64))
    with np.errstate(all="ignore"):
        below = np.minimum(h, 0.0)
        cdf = np.where(h < 0, 0.5 * special.erfcx(-below * np.sqrt(0.5)), special.ndtr(h))
        # Half the exponent twice: at once it may overflow although the product with a small cdf does not.
        root = np.exp(0.5 * (log_factor - 0.5 * below**2))
        product: np.ndarray = cdf * root * root
    return product


def _scaled_normal_interval(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """exp(low^2/2) (Phi(high) - Phi(low)) for one-dimensional arrays, 0 <= low <= high <= 1e150.

    A short interval is integrated, since the distribution function at its ends would cancel.

    >>> print(f"{_scaled_normal_interval(np.array([30.0]), np.array([30.0 + 2.0**-40]))[0] * 2.0**40:.12f}")
    0.398942280396
    """
    root_half = np.sqrt(0.5)
    drop = 0.5 * (high - low) * (high + low)
    value: np.ndarray = 0.5 * (special.erfcx(low * root_half) - np.exp(-drop) * special.erfcx(high * root_half))
    short = np.flatnonzero(drop < 1)
    nodes, weights = _WEDGE_RULE
    half, start = 0.5 * (high[short] - low[short]), low[short]
    u = half * (1 + nodes[:, None])
    value[short] = (weights @ np.exp(-u * (start + 0.5 * u))) * half / np.sqrt(2 * np.pi)
    return value


def _wedge_integral(a: np.ndarray, q: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """int_0^angle g(q cos t + a sin t) dt for one-dimensional arrays, if -1 <= q cos t + a sin t <= 2 on the way.

    g(z) = 1 - z sqrt(2 pi) exp(z^2/2) Phi(-z), which is at least 0.15 here: little is lost in the subtraction.

    >>> print(_wedge_integral(np.zeros(1), np.zeros(1), np.full(1, 0.5)).round(15))
    [0.5]
    """
    nodes, weights = _WEDGE_RULE
    nodes, weights = nodes[9:, None], weights[9:]
    half = 0.5 * angle
    cos, sin = np.cos(half), np.sin(half)
    middle, slope = q * cos + a * sin, a * cos - q * sin
    # Nodes lie in pairs about the middle, and the sine of half an angle gives both its sine and its cosine.
    s = np.sin((0.5 * half) * nodes)
    t = s * s
    z = np.empty((2, *s.shape))
    even, odd = np.multiply(t, -2.0, out=z[0]), np.sqrt(np.subtract(1.0, t, out=t), out=t)
    odd *= s
    odd *= 2 * slope
    even += 1.0
    even *= middle
    np.subtract(odd, even, out=z[1])
    even += odd
    np.negative(even, out=even)
    # z holds -z at both nodes of each pair.
    g = special.ndtr(z)
    g *= z
    z *= z
    z *= 0.5
    g *= np.exp(z, out=z)
    g *= np.sqrt(2 * np.pi)
    g += 1.0
    integral: np.ndarray = half * (weights @ (g[0] + g[1]))
    return integral


def _edge_integral(a: np.ndarray, b: np.ndarray, q: np.ndarray) -> np.ndarray:
    """int_0^inf exp(-q u - u^2/2) V(q + u) du for one-dimensional arrays, 0 <= b <= a, q >= 0, q^2 + a^2 - b^2 >= 4.

    V(x) = a/(a^2 + x^2) - b/(b^2 + y^2) dy/dx on y^2 = x^2 + a^2 - b^2: what is seen through the first edge less
    what is seen through the second; free of the cancellation it is (a^2 - b^2)/(y (a y + b x)).

    >>> half = _edge_integral(np.full(1, 3.0), np.zeros(1), np.zeros(1)) / (2 * np.pi)
    >>> print(f"{2 * half[0] * np.exp(-4.5):.12f} {special.ndtr(-3.0):.12f}")
    0.001349898032 0.001349898032
    """
    nodes, weights = _EDGE_RULE
    # At the end of the interval the exponential is exp(-36) < 3e-16.
    half = 36 / (q + np.sqrt(q * q + 72))
    # Divided by a, for which the lower bound matters only where a = b = 0 and the integral is 0.
    ratio = b / np.maximum(a, 1e-300)
    u = half * (1 + nodes[:, None])
    x = q + u
    y = x * x
    y += (a - b) * (a + b)
    np.sqrt(y, out=y)
    x *= ratio
    x += y
    x *= y
    np.multiply(u, -0.5, out=y)
    y -= q
    y *= u
    np.exp(y, out=y)
    y /= x
    integral: np.ndarray = (weights @ y) * (half * (a - b) * (1 + ratio))
    return integral


def _bivariate_integral(a: np.ndarray, other: np.ndarray, q: np.ndarray, near: bool) -> np.ndarray:
    """`_wedge_integral` (near; other = angle) or `_edge_integral` (other = b), in pieces that fit in cache.

    >>> print(_bivariate_integral(np.zeros(1000), np.ones(1000), np.zeros(1000), True).round(12).sum())
    1000.0
    """
    result = np.empty_like(a)
    for start in range(0, a.size, _INTEGRAL_BLOCK):
        piece = slice(start, start + _INTEGRAL_BLOCK)
        if near:
            result[piece] = _wedge_integral(a[piece], q[piece], other[piece])
        else:
            result[piece] = _edge_integral(a[piece], other[piece], q[piece])
    return result


def _bivariate_wedge(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, mixed: np.ndarray, opposed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """P(X <= -a, Y <= -b), or P(X <= -a, Y <= b) where mixed, for 0 <= b <= a: one-dimensional arrays.

    c, d >= 0: the correlation is -c/hypot(c, d) where opposed or mixed (not both), c/hypot(c, d) elsewhere. Returns
    (value, place) with the probability exp(-(a^2 + place^2)/2) value; place is q, or 0 where the foot of the
    perpendicular to the first edge lies in the wedge, which then is computed as Phi(-a) less the rest.

    >>> one = np.ones(1)
    >>> value, place = _bivariate_wedge(one, one, 0 * one, one, one > 1, one > 1)
    >>> print(f"{np.exp(-0.5 * (1 + place[0] ** 2)) * value[0]:.12f} {special.ndtr(-1.0) ** 2:.12f}")
    0.025171489600 0.025171489600
    """
    norm = np.hypot(c, d)
    # 1/s, |rho|/s and (1 - |rho|)/s, s = sqrt(1 - rho^2). The bounds let d = 0 through: 0 * 1e300 is the limit wanted.
    per_s, cot, tau = np.minimum(norm / d, 1e300), np.minimum(c / d, 1e300), d / (norm + c)
    # |rho| a - b as a difference of small terms: a - b is exact where they cancel.
    lean = (a - b) * per_s - a * tau
    q = np.where(opposed, b * per_s + a * cot, np.where(mixed, lean, -lean))
    p = np.where(opposed, a * per_s + b * cot, (a - b) * per_s + b * tau)
    q, p = np.maximum(np.minimum(q, 1e150), -1e150), np.minimum(p, 1e150)
    # Where the argument of g stays within -1 and 2; and where little cancels in Phi(-a) less the rest.
    small = (a * a + q * q < 4) | (mixed & (p < 2) & (q >= -1))
    flipped = q < np.where(small, -1.0, 0.0)
    single = mixed & ~flipped
    q = np.where(flipped, -q, q)

    value = np.empty_like(a)
    near, far = np.flatnonzero(small), np.flatnonzero(~small)
    if near.size:
        angle = np.arctan2(d[near], np.where((opposed | mixed)[near] == flipped[near], -c[near], c[near]))
        value[near] = _bivariate_integral(a[near], angle, q[near], True)
    if far.size:
        value[far] = _bivariate_integral(a[far], np.where(single[far], b[far], 0.0), q[far], False)
        pair = far[~single[far]]
        second = _bivariate_integral(b[pair], np.zeros_like(b[pair]), p[pair], False)
        value[pair] += np.where(flipped[pair] & ~mixed[pair], -second, second)
    value /= 2 * np.pi
    whole = np.flatnonzero(flipped)
    value[whole] = 0.5 * special.erfcx(a[whole] * np.sqrt(0.5)) - np.exp(-0.5 * q[whole] ** 2) * value[whole]
    return value, np.where(flipped, 0.0, q)


def _exp_bivariate_block(
    log_factor: np.ndarray, h: np.ndarray, k: np.ndarray, c: np.ndarray, d: np.ndarray
) -> np.ndarray:
    """`_exp_bivariate` for one-dimensional arrays of equal length: the reduction to `_bivariate_wedge`.

    Both h, k >= 0: Phi2(h, k; rho) = Phi(h) - Phi(-k) + Phi2(-h, -k; rho).
    Signs differ, rho >= 0: Phi2(-l, m; rho) = Phi(-l) - Phi2(-l, -m; -rho), the latter at most half of the former.
    Signs differ, rho < 0: Phi2(-l, m; rho) = max(0, Phi(m) - Phi(l)) + Phi2(-a, b; rho), a, b = max, min of l, m, as
    the integral of the density over correlations from -1 to rho is symmetric (Plackett 1954, Biometrika 41, 351).

    >>> ones = np.ones(1)
    >>> print(_exp_bivariate_block(0 * ones, 0 * ones, 0 * ones, ones, ones).round(12))
    [0.375]
    """
    root_half = np.sqrt(0.5)
    # A negative d has no meaning and becomes NaN; a negative zero becomes zero.
    d = np.where((c == 0) & (d == 0), 1.0, np.where(d >= 0, d + 0.0, np.nan))
    rising, c = c >= 0, abs(c)
    # Beyond 1e150 nothing changes, and squares stay finite.
    h, k = np.maximum(np.minimum(h, 1e150), -1e150), np.maximum(np.minimum(k, 1e150), -1e150)
    a, b = np.maximum(abs(h), abs(k)), np.minimum(abs(h), abs(k))
    low = -np.minimum(h, k)
    upper, mixed = (h >= 0) & (k >= 0), (h >= 0) != (k >= 0)
    value, place = _bivariate_wedge(a, b, c, d, mixed & ~rising, mixed == rising)

    added, less, between = np.flatnonzero(upper), mixed & rising, np.flatnonzero(mixed & ~rising & (low < a))
    whole = np.flatnonzero(less)
    base = np.zeros_like(a)
    base[added] = 0.5 * (special.erf(h[added] * root_half) + special.erf(k[added] * root_half))
    base[whole] = 0.5 * special.erfcx(low[whole] * root_half)
    base[between] = _scaled_normal_interval(low[between], a[between])

    # The sum is formed relative to the exponential of its largest term.
    alone = base == 0
    reach = np.where(alone, a, np.where(upper, 0.0, low))
    gap = (a - reach) * (a + reach) + np.where(alone, 0.0, place * place)
    value *= np.exp(-0.5 * gap)
    total: np.ndarray = base + np.where(less, -value, value)
    # Half the exponent twice: at once it may overflow although the product with a small value does not.
    root = np.exp(0.5 * (log_factor - 0.5 * (reach * reach + np.where(alone, place * place, 0.0))))
    total *= root
    total *= root
    return total


def _exp_bivariate(log_factor: np.ndarray, h: np.ndarray, k: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """exp(log_factor) P(X <= h, Y <= k), X and Y standard normal with correlation rho = c/hypot(c, d); broadcasts.

    d >= 0 stands for sqrt(1 - rho^2), which rho near 1 does not determine: for a covariance matrix pass the covariance
    and the root of the determinant. d = 0 is full correlation; c = d = 0, a variance that vanishes, counts as rho = 0.
    h, k may be infinite. NaN, or d < 0, gives NaN at its entry alone. For the relative error see `_BIVARIATE_ERROR`.

    >>> print(f"{_exp_bivariate(0.0, 0.0, 0.0, 0.5, np.sqrt(0.75)):.14f}")
    0.33333333333333
    >>> print(f"{_exp_bivariate(10000.0, -100.0, -100.0, 0.0, 1.0):.10e}")
    1.5912312324e-05
    """
    arrays = np.broadcast_arrays(*[np.asarray(x, dtype=np.float64) for x in (log_factor, h, k, c, d)])
    flat = [x.ravel() for x in arrays]
    result = np.empty(flat[0].size)
    with np.errstate(all="ignore"):
        for start in range(0, result.size, _BIVARIATE_BLOCK):
            block = slice(start, start + _BIVARIATE_BLOCK)
            result[block] = _exp_bivariate_block(*[x[block] for x in flat])
    return result.reshape(arrays[0].shape)


def _bivariate(h: np.ndarray, k: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """P(X <= h, Y <= k) for standard normal X, Y with correlation c/hypot(c, d): `_exp_bivariate` with no factor.

    >>> print(f"{_bivariate(-30.0, np.inf, 0.3, 0.4):.12e}")
    4.906713927148e-198
    """
    return _exp_bivariate(np.zeros(()), h, k, c, d)
