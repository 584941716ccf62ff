"""Checkpoints: named arrays and the run they belong to, written so that a file is either whole or the one before."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from symntk.errors import SymntkError

_RUN = "run"


def fingerprint(parts: Mapping[str, Any]) -> str:
    """A digest of all that a run's result depends on: text, numbers and arrays.

    >>> fingerprint({"seed": 1}) == fingerprint({"seed": 1.0})
    False
    """
    digest = hashlib.sha256()
    for name in sorted(parts):
        value = parts[name]
        if isinstance(value, np.ndarray):
            told = f"{value.dtype.str}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
        else:
            told = json.dumps(value).encode()
        digest.update(name.encode() + b"\0" + told + b"\0")
    return digest.hexdigest()


def save(path: Path, run: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the file whole or not at all, also when the process or the machine stops in between.

    Raises:
        OSError: the file cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **{_RUN: np.array(run)}, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load(path: Path, run: str) -> dict[str, np.ndarray] | None:
    """The arrays of the run's checkpoint, None where there is no file.

    Raises:
        SymntkError: the file is of another run, or no checkpoint.
    """
    asked = f"to resume from {path}"
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise SymntkError(asked, "it is no checkpoint", "another folder") from error
    if str(found.pop(_RUN, "")) != run:
        raise SymntkError(
            asked,
            "it belongs to another run: functions, sizes, seed, data, rate, steps, precision or chunk differ",
            "the options of that run, or another folder",
        )
    return found
