"""Verification of expectations and kernels: every check that applies, with the formulas that the identities need.

Comes in: an `Expectation` or a `Kernels`. Goes out: a `Verification`, which prints as a table and knows whether all
of it holds. Nothing here computes an expectation: the formulas are derived by the rooms below, and believed only
where the oracle, which shares no code with them, says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from symntk.errors import DomainError, VerificationError
from symntk.kernels.pair import pair_record
from symntk.kernels.solution import ClosedForm
from symntk.kernels.verification_clock import LIMIT, PART, Clock
from symntk.kernels.verification_closed import FLOAT_DIGITS, ClosedTests
from symntk.kernels.verification_general import GeneralClaim, float64_check
from symntk.kernels.verification_tests import GeneralTests
from symntk.language.registry import exact
from symntk.verify.certificate import Certificate, Check
from symntk.verify.checks import Claim, random_check
from symntk.verify.points import Law, parameter_values, random_points
from symntk.version import VERSION

__all__ = ["FLOAT_DIGITS", "Verification", "export_certificate", "verify_expectation", "verify_kernels"]

if TYPE_CHECKING:
    from symntk.kernels.expectation import Expectation
    from symntk.kernels.kernels import Kernels

_TESTS = 10  # of one expectation, about
Progress = Callable[[str, str], None]
"""Called with the subject and the check that comes next."""


@dataclass(frozen=True)
class Verification:
    """Certificates by the name of the kernel.

    Attributes:
        certificates: what was checked of each kernel.
        pair: what names the pair, so that it can be derived again: activation, surrogate, its derivative, tol.
        dps, points, seed: as given.
        given: the parameters that were given, as text of rational numbers; the others were drawn.
        limit: seconds that all checks could take.
    """

    certificates: dict[str, Certificate]
    pair: dict[str, Any] = field(default_factory=dict)
    dps: int = 50
    points: int = 3
    seed: int = 0
    given: dict[str, str] = field(default_factory=dict)
    limit: float = LIMIT

    @property
    def passed(self) -> bool:
        """Whether no value is wrong, and of each expectation something was checked."""
        return bool(self.certificates) and all(c.passed for c in self.certificates.values())

    @property
    def failures(self) -> tuple[tuple[str, Check], ...]:
        """The checks that failed, with their kernels."""
        return tuple((n, c) for n, cert in self.certificates.items() for c in cert.checks if not c.passed)

    def table(self) -> str:
        """Plain text for a terminal."""
        made = [c for cert in self.certificates.values() for c in cert.checks if not c.is_skipped]
        parts = [f"{name}: {certificate.table()}" for name, certificate in self.certificates.items()]
        skipped = sum(len(cert.checks) for cert in self.certificates.values()) - len(made)
        summary = f"{sum(c.passed for c in made)} of {len(made)} checks passed"
        summary += f", {skipped} skipped" if skipped else ""
        summary += f" (time limits: {self.limit / PART:g} s for a check, {self.limit:g} s for all)"
        without = [name for name, certificate in self.certificates.items() if certificate.formula is None]
        if without:
            summary += f"\nno formula, so float64 code was tested, to 16 digits whatever dps says: {', '.join(without)}"
        return "\n\n".join([*parts, summary if not self.failures else f"FAILED: {summary}"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return {"passed": self.passed, "certificates": {n: c.to_dict() for n, c in self.certificates.items()}}

    def write(self, path: str | Path) -> Path:
        """Write the certificate as a file: JSON, which `symntk verify --replay` reads, or plain text for `.txt`.

        Raises:
            OSError: the file cannot be written.
        """
        from symntk.kernels.certificate_file import write_certificate

        return write_certificate(self, Path(path))

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"<Verification of {', '.join(self.certificates)}: {'passed' if self.passed else 'FAILED'}>"


def verify_kernels(
    kernels: Kernels,
    *,
    dps: int = 50,
    points: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
    limit: float = LIMIT,
    **parameters: Any,
) -> Verification:
    """Check every kernel that exists for the pair.

    Args:
        kernels: what `derive` returned.
        dps: digits of oracle and identities; some formulas take a minute at the edges with 50, and seconds with 20.
        points: random points per check.
        seed: of the random points and of parameters without a value.
        progress: called with the kernel's name and the next check's.
        limit: seconds for all checks together; one check has a fifth of them. What is not done by then is skipped.
        parameters: a number for each free parameter, by name; random in their domains where not given.

    Raises:
        DomainError: a parameter that no kernel has, or fewer than one point or ten digits.
    """
    known = {symbol.name for _, E in kernels.items() for symbol in E.parameters}
    _refuse_unknown(str(kernels.activation.name), known, parameters)
    done, clock = {}, Clock(limit, _TESTS * len(list(kernels.items())))
    for name, E in kernels.items():
        own = {key: value for key, value in parameters.items() if key in {s.name for s in E.parameters}}
        done[name] = verify_expectation(
            E, dps=dps, points=points, seed=seed, progress=progress, subject=name, clock=clock, **own
        )
    given = {name: str(exact(value, f"the value of {name}")) for name, value in parameters.items()}
    return Verification(done, pair_record(kernels), dps, points, seed, given, limit)


def export_certificate(kernels: Kernels, *, points: int = 3, dps: int = 20, seed: int = 0) -> list[str]:
    """What an exported module says of its own verification: each formula against the oracle at random points.

    Raises:
        VerificationError: a formula that the oracle contradicts.
    """
    lines = [f"Certificate: at {points} random covariances each formula, in mpmath with {dps} digits, and each map"]
    lines.append("without one, in float64, was compared with an independent quadrature. Digits of agreement:")
    for name, E in kernels.items():
        rng = Random(seed)
        if isinstance(E.solution, ClosedForm):
            values = parameter_values(E.parameters, {}, rng)
            claim = Claim(E.f.form, E.g.form, E.expression, E.means, values)
            check = random_check(claim, random_points(rng, points, means=E.means), dps=dps)
        else:
            check = float64_check(GeneralClaim(E, {}, rng), random_points(rng, points, means=E.means))
        if not check.passed:
            raise VerificationError(f"{name} of {kernels.activation.name}", f"the oracle differs: {check.detail}")
        shown = f"skipped, because {check.detail}" if check.digits is None else f"{check.digits:.0f}"
        lines.append(f"    {name}: {shown}")
    return lines


def verify_expectation(
    E: Expectation,
    *,
    dps: int = 50,
    points: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
    subject: str = "",
    at: Sequence[Law] | None = None,
    limit: float = LIMIT,
    clock: Clock | None = None,
    **parameters: Any,
) -> Certificate:
    """Check one expectation against the oracle and the identities that it must obey, and its float64 code against it.

    Args:
        E: the expectation.
        dps: digits of oracle and identities; some formulas take a minute at the edges with 50, and seconds with 20.
        points: random points per check.
        seed: of the random points and of parameters without a value.
        progress: called with the subject and the next check's name.
        subject: what the progress is told; the expectation itself by default.
        at: var_u, var_v, cov, mean_u, mean_v of the points, in place of random ones.
        limit: seconds for all checks together; one check has a fifth of them. What is not done by then is skipped.
        clock: in place of `limit`, one that other checks share.
        parameters: a number for each free parameter, by name; random in their domains where not given.

    Raises:
        DomainError: a parameter that E does not have, or fewer than one point or ten digits.
    """
    _refuse_unknown(str(E), {s.name for s in E.parameters}, parameters)
    if dps < 10 or points < 1:
        raise DomainError(f"a verification with {points} points at {dps} digits", "that shows nothing", "points=3")
    clock = Clock(limit) if clock is None else clock
    with clock.preparing():
        tests = tests_of(E, dps, points, seed, parameters, at)
    checks = []
    for name, check in tests:
        if progress is not None:
            progress(subject or str(E), name)
        checks.append(clock.made(name, check))
    return Certificate(
        str(E),
        tuple(checks),
        dps,
        VERSION,
        method=E.method,
        formula=None if E.expression is None else str(E.expression),
        error_bound=E.error_bound,
        diagonal=str(E.diagonal),
        conditions=tuple(str(condition) for condition in E.conditions),
        parameters={symbol.name: str(value) for symbol, value in tests.values.items()},
        laws=tuple(point.law for point in tests.tested),
        edges=tuple((point.label, point.law) for point in tests.edges),
    )


def tests_of(
    E: Expectation, dps: int, points: int, seed: int, given: dict[str, Any], at: Sequence[Law] | None = None
) -> ClosedTests | GeneralTests:
    """All tests of an expectation, none of them made; arguments as in `verify_expectation`."""
    kind = ClosedTests if isinstance(E.solution, ClosedForm) else GeneralTests
    return kind(E, dps, points, seed, given, at)


def _refuse_unknown(asked: str, known: set[str], parameters: dict[str, Any]) -> None:
    unknown = sorted(set(parameters) - known)
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        raise DomainError(f"the verification of {asked}", f"no parameter {', '.join(unknown)}", f"parameters: {names}")
