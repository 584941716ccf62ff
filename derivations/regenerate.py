"""Write one record per derived pair: the kernels with their steps, and what the independent oracle made of them.

    python derivations/regenerate.py            writes the records that are missing or have changed
    python derivations/regenerate.py --check    compares only, and fails where a record differs

The pairs are every activation of the table alone, sign with every surrogate derivative, and step with every one of
class 1, but for the periodic exponential, which has infinitely many kinks.
The certificate of a record is computed when its formulas change; the tests compare everything above it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tqdm import tqdm

import symntk
from symntk.kernels.verification import export_certificate
from symntk.report.text import kernels_text

FOLDER = Path(__file__).parent
MARK = "Certificate"


def pairs() -> list[tuple[str, str | None]]:
    """Activation and surrogate of every record."""
    alone: list[tuple[str, str | None]] = [(name, None) for name in symntk.activations]
    with_sign = [("sign", name) for name in symntk.surrogates if name != "periodic_exponential"]
    elementary = [name for name, entry in symntk.surrogates.items() if entry.gaussian_class == "1"]
    return alone + with_sign + [("step", name) for name in elementary]


def path_of(activation: str, surrogate: str | None) -> Path:
    """Where the record of a pair lies."""
    return FOLDER / (f"{activation}.txt" if surrogate is None else f"{activation}_{surrogate}.txt")


def derivation(activation: str, surrogate: str | None) -> str:
    """The part of the record that is derived anew at each test."""
    kernels = symntk.derive(activation, surrogate)
    return kernels_text(kernels, steps=True).rstrip() + "\n"


def recorded(path: Path) -> str:
    """The derivation that a record holds; empty where there is none."""
    return path.read_text(encoding="utf-8").split(f"\n{MARK}")[0] if path.exists() else ""


def main() -> int:
    """Regenerate or compare."""
    check, changed = "--check" in sys.argv[1:], []
    for activation, surrogate in tqdm(pairs(), disable=None):
        path, text = path_of(activation, surrogate), derivation(activation, surrogate)
        if recorded(path) == text:
            continue
        changed.append(path.name)
        if not check:
            certificate = "\n".join(export_certificate(symntk.derive(activation, surrogate)))
            path.write_text(f"{text}\n{certificate}\n", encoding="utf-8")
    print(f"{len(changed)} records {'differ' if check else 'written'}: {', '.join(changed) or 'none'}")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
