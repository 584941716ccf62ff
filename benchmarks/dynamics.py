"""Mean-field theory of balanced networks: speed beside scipy's quad, cost over the band, exponents, critical inputs.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.dynamics [speed] [band] [exponents] [critical] [quasi-static]

All parts by default; times are processor seconds. "speed" runs the same recursion twice: once with the derived closed
forms of q and q', once with scipy.integrate.quad for each element, ∫ Dz E[φ(u)|z] E[φ(v)|z], as published code does.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from scipy.integrate import quad
from scipy.special import ndtr

from symntk.dynamics import Balanced
from symntk.dynamics.band import Setup, course
from symntk.dynamics.critical import critical_common, critical_independent, quasi_static
from symntk.dynamics.units import Units

G, N, F = 2.0, 5000, 0.2


class ByQuad(Units):
    """Threshold-linear units whose q and q' are integrated numerically, element by element.

    u = m1 + √(a−w a) x + √(w a) z, v likewise with a shared z, so that both are independent given z.
    """

    def product(self, a, b, c, m1=0.0, m2=0.0):
        """E[φ(u) φ(v)]."""
        return self._each(
            a, b, c, m1, m2, lambda m, s: m * ndtr(m / s) + s * np.exp(-0.5 * (m / s) ** 2) / 2.5066282746
        )

    def slopes(self, a, b, c, m1=0.0, m2=0.0):
        """E[φ'(u) φ'(v)]."""
        return self._each(a, b, c, m1, m2, lambda m, s: ndtr(m / s))

    @staticmethod
    def _each(a, b, c, m1, m2, inner):
        arrays = np.broadcast_arrays(a, b, c, m1, m2)
        out = np.empty(arrays[0].shape)
        for index in np.ndindex(out.shape):
            a1, b1, c1, x, y = (float(one[index]) for one in arrays)
            rho = min(max(c1 / np.sqrt(a1 * b1), -1.0), 1.0)
            sign, root = np.sign(rho), np.sqrt(abs(rho))
            rest = np.sqrt(max(1.0 - abs(rho), 1e-14))
            s, t = np.sqrt(a1), np.sqrt(b1)

            def integrand(z, s=s, t=t, x=x, y=y, sign=sign, root=root, rest=rest):
                first, second = inner(x + s * root * z, s * rest), inner(y + sign * t * root * z, t * rest)
                return first * second * np.exp(-0.5 * z * z) / 2.5066282746310002

            out[index] = quad(integrand, -9.0, 9.0, epsabs=1e-9, epsrel=1e-9, limit=200)[0]
        return out


def setup(band=10.0, dt=1 / 16, time_=10.0, amplitude=40.0, units=None):
    """One network with common input, from a past that decorrelates within 2 τ."""
    steps, width = int(time_ / dt), int(band / dt)
    times = np.arange(steps + 1) * dt
    drive = np.sqrt(N) + amplitude * np.sin(2 * np.pi * F * times)
    row = 20.0 * np.exp(-((np.arange(width - 1, -1, -1.0) * dt / 2) ** 2))
    one = np.ones(1)
    root = np.sqrt(N) * one
    period = int(round(1 / F / dt))
    return Setup(
        units or Units("relu"), G * one, root, drive[None, None], one, None, dt, width, period, -1.7 * one, row[None]
    )


def timed(function, *arguments, **keywords):
    """What a call gives, and its processor seconds."""
    start = time.process_time()
    found = function(*arguments, **keywords)
    return found, time.process_time() - start


def speed():
    print("| band | steps | closed forms s | quad s | ratio | largest relative difference of c, m, ln k |")
    print("|---|---|---|---|---|---|")
    fast = setup(band=7.5, time_=6.0)
    course(fast)  # compiled
    ours, seconds = timed(course, fast)
    theirs, baseline = timed(course, replace(fast, units=ByQuad("relu")))
    pairs = (
        (ours.variance, theirs.variance),
        (ours.mean, theirs.mean),
        (ours.growth, theirs.growth),
        (ours.last, theirs.last),
    )
    worst = max(float(np.max(np.abs(x - y)) / np.max(np.abs(y))) for x, y in pairs)
    steps = fast.drive.shape[2] - 1
    print(
        f"| {fast.band} | {steps} | {seconds:.3f} | {baseline:.1f} | {baseline / seconds:.0f} | {worst:.1e} |",
        flush=True,
    )


def band():
    print("| lags in the band | ms per step, 1 network | ms per step, 8 networks | µs per element, 8 networks |")
    print("|---|---|---|---|")
    for lags in (160, 320, 640, 1280, 2560):
        cells = []
        for runs in (1, 8):
            one = setup(band=lags / 16, time_=10.0)
            many = replace(
                one,
                gain=np.repeat(one.gain, runs),
                feedback=np.repeat(one.feedback, runs),
                drive=np.repeat(one.drive, runs, axis=0),
                mean=np.repeat(one.mean, runs),
                row=np.repeat(one.row, runs, axis=0),
            )
            cells.append(timed(course, many)[1] / (one.drive.shape[2] - 1))
        print(f"| {lags} | {cells[0] * 1e3:.2f} | {cells[1] * 1e3:.2f} | {cells[1] / lags / 8 * 1e6:.2f} |", flush=True)


def exponents():
    print("| g | λ_0 τ, stationary theory | its error | non-stationary, dt → 0 | its error | s |")
    print("|---|---|---|---|---|---|")
    for g in (1.5, 1.6, 2.0, 2.5):
        net = Balanced(g, N)
        state = net.stationary()
        # near the onset c(Δ) falls slowly, so lags and times are long
        reach, length = (40.0, 400.0) if g < 1.8 else (20.0, 150.0)
        run, seconds = timed(net.common, 0.0, None, band=reach, time=length, dt=1 / 8, refine=True)
        cells = (
            f"{state.lyapunov:.10f}",
            f"{state.lyapunov_error:.0e}",
            f"{run.lyapunov:.5f}",
            f"{run.lyapunov_error:.0e}",
        )
        print(f"| {g} | {' | '.join(cells)} | {seconds:.1f} |", flush=True)


def critical():
    print("| N | common | error | s | independent, Gaussian | error | independent, phases | error | s |")
    print("|---|---|---|---|---|---|---|---|---|")
    found = {}
    for count in (500, 5000, 20000):
        net = Balanced(G, count)
        common, seconds = timed(critical_common, net, F)
        gaussian, more = timed(critical_independent, net, F, average="gaussian")
        phase, most = timed(critical_independent, net, F, average="phase")
        found[count] = [one.amplitude for one in (common, gaussian, phase)]
        print(
            f"| {count} | {common.amplitude:.3f} | {common.error:.3f} | {seconds:.1f} | {gaussian.amplitude:.6f} | "
            f"{gaussian.error:.0e} | {phase.amplitude:.6f} | {phase.error:.0e} | {more + most:.1f} |",
            flush=True,
        )
    exponents = [np.log(y / x) / np.log(4.0) for x, y in zip(found[5000], found[20000], strict=True)]
    print("\nlocal exponents in N from 5,000 to 20,000: " + ", ".join(f"{one:.4f}" for one in exponents))


def slow():
    """Critical common input over its quasi-static limit; slower input has longer periods, so a coarser step."""
    print("| g | f τ | finest step, τ | I_1^crit, common | error | over its quasi-static limit | s |")
    print("|---|---|---|---|---|---|---|")
    for g in (1.6, 2.0, 2.5):
        net = Balanced(g, 1000)
        limit = quasi_static(net)
        for f, dt in ((0.2, 1 / 16), (0.1, 1 / 16), (0.05, 1 / 16), (0.02, 1 / 12), (0.01, 1 / 8), (0.005, 1 / 6)):
            found, seconds = timed(critical_common, net, f, dt=dt)
            print(
                f"| {g} | {f} | {dt:.3f} | {found.amplitude:.3f} | {found.error:.3f} | "
                f"{found.amplitude / limit:.4f} | {seconds:.0f} |",
                flush=True,
            )


PARTS = {"speed": speed, "band": band, "exponents": exponents, "critical": critical, "quasi-static": slow}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=[])
    for name in parser.parse_args().parts or PARTS:
        PARTS[name]()
        print()


if __name__ == "__main__":
    main()
