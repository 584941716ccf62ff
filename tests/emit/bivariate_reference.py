"""The bivariate normal distribution function as an enclosure, and the points at which the float64 one is measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from flint import acb, arb, ctx
from scipy.special import log_ndtr

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def normal_cdf(x: arb) -> arb:
    """Enclosure of Phi(x)."""
    return (-x / arb(2).sqrt()).erfc() / 2


def reference(h: float, k: float, c: float, d: float, log_factor: float = 0.0, least: float = -900.0) -> arb | None:
    """exp(log_factor) Phi2(h, k) to some 25 digits, None where the integrand is below exp(least); finite h, k; d > 0.

    Method: int_0^inf phi(h - t) Phi((k - rho (h - t))/s) dt. The logarithm of the integrand is concave in t; it is
    integrated by `acb.integral` where it is within 100 of its maximum, found in float64, which decides nothing else.
    """
    ctx.prec = 200
    h_, k_, c_, d_ = arb(h), arb(k), arb(c), arb(d)
    norm = (c_ * c_ + d_ * d_).sqrt()
    rho, s = c_ / norm, d_ / norm

    def log_integrand(t: float) -> float:
        x = h_ - arb(t)
        return float((-x * x / 2).mid()) + float(log_ndtr(float(((k_ - rho * x) / s).mid())))

    left, right = 0.0, 2 * (abs(h) + abs(k)) + 10
    for _ in range(200):
        t1, t2 = left + 0.382 * (right - left), left + 0.618 * (right - left)
        left, right = (t1, right) if log_integrand(t1) < log_integrand(t2) else (left, t2)
    mode = 0.0 if log_integrand(0.0) >= log_integrand((left + right) / 2) else (left + right) / 2
    top = log_integrand(mode)
    if top < least:
        return None

    def end(side: int) -> float:
        width = 1e-30
        while mode + side * width > 0 and log_integrand(mode + side * width) > top - 100:
            width *= 2
        return max(0.0, mode + side * width)

    def integrand(t: acb, _: bool) -> acb:
        x = acb(h_) - t
        return (-arb(top) - x * x / 2).exp() * ((acb(rho) * x - acb(k_)) / (acb(s) * arb(2).sqrt())).erfc() / 2

    left, right = end(-1), end(1)
    cuts = {left, mode, right}
    if c != 0:
        # Around the step of Phi, which is as sharp as s is small.
        step, width = float((h_ - k_ / rho).mid()), float(abs(s / rho).mid())
        cuts |= {step + sign * width * 1.5 * 4**j for sign in (-1, 0, 1) for j in range(24)}
    points = sorted(t for t in cuts if left <= t <= right)
    total = acb(0)
    for start, stop in zip(points, points[1:], strict=False):
        tolerance = {"rel_tol": arb(2) ** -90, "abs_tol": arb(2) ** -400}
        total += acb.integral(integrand, acb(arb(start)), acb(arb(stop)), **tolerance)
    value = total.real / (2 * arb.pi()).sqrt() * (arb(log_factor) + arb(top)).exp()
    if value.rel_accuracy_bits() < 70:
        raise ArithmeticError(f"no enclosure of Phi2 at h={h}, k={k}, c={c}, d={d}")
    return value


def relative_error(value: float, exact: arb) -> float:
    """|value/exact - 1|."""
    return abs(float((arb(value) / exact - 1).mid())) if np.isfinite(value) else np.inf


def regions(seed: int, size: int) -> dict[str, Arrays]:
    """Named arrays (h, k, c, d), each of length `size`, drawn with `seed`."""
    rng = np.random.default_rng(seed)

    def any_rho(low: float = -1, high: float = 1) -> tuple[np.ndarray, np.ndarray]:
        rho = rng.uniform(low, high, size)
        return rho, np.sqrt((1 - rho) * (1 + rho))

    def near(sign: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        angle = 10 ** rng.uniform(-12, 0, size)
        return (rng.choice([-1, 1], size) if sign is None else sign) * np.cos(angle), np.sin(angle)

    def apex(sign: int) -> Arrays:
        (c, d), h = near(sign), rng.uniform(-30, 30, size)
        return h, c * h + 1.5 * d * normal(), c, d

    normal: Callable[[], np.ndarray] = lambda: rng.normal(size=size)  # noqa: E731
    offset: Callable[[], np.ndarray] = lambda: 10 ** rng.uniform(-14, 0, size) * rng.choice([-1, 0, 1], size)  # noqa: E731
    h1, h2, h3 = 2 * normal(), 2 * normal(), rng.uniform(-30, 30, size)
    tiny = 10 ** rng.uniform(-10, 0, size)
    return {
        "centre": (normal(), normal(), *any_rho()),
        "wide": (4 * normal(), 4 * normal(), *any_rho()),
        "both tails": (-rng.uniform(3, 30, size), -rng.uniform(3, 30, size), *any_rho(-0.3)),
        "one tail": (-rng.uniform(3, 35, size), rng.uniform(-2, 35, size), *any_rho()),
        "one tail, rho near +-1": (-rng.uniform(3, 35, size), rng.uniform(-2, 35, size), *near()),
        "rho near 1, h near k": (h1, h1 + offset(), *near(1)),
        "rho near -1, h near -k": (h2, -h2 + offset(), *near(-1)),
        "same, far out": (h3, -h3 + offset(), *near(-1)),
        "k near rho h, rho near 1": apex(1),
        "k near rho h, rho near -1": apex(-1),
        "rho near +-1": (2 * normal(), 2 * normal(), *near()),
        "h = 0": (np.zeros(size), 3 * normal(), *near()),
        "tiny h, k": (tiny * normal(), tiny * normal(), *near()),
        "thresholds of the method": (-rng.uniform(0, 3, size), rng.uniform(-3, 3, size), *any_rho()),
    }
