"""Checkpoints: named arrays and the run they belong to, written so that a file is either whole or the one before."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
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


def need_folder(folder: Path) -> None:
    """Make the folder where it is missing; say now what would otherwise be said when the first file is written.

    Raises:
        SymntkError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise SymntkError(f"to write to the folder {folder}", error.strerror or str(error), "another folder") from error


def save(path: Path, run: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the file whole or not at all, also when the process or the machine stops in between.

    Raises:
        SymntkError: the file cannot be written; the one before is still there.
    """
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_part(path))
        part = Path(name)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **{_RUN: np.array(run)}, **arrays)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        wrong = f"{error.strerror or error}; the checkpoint before, if there was one, is kept"
        raise SymntkError(f"to write the checkpoint {path}", wrong, "to make room, then start again") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    for left in path.parent.glob(f"{_part(path)}*"):  # of a process that was killed while it wrote
        left.unlink(missing_ok=True)


def _part(path: Path) -> str:
    """How the names of unfinished files begin."""
    return f".{path.name}-"


def load(path: Path, run: str) -> dict[str, np.ndarray] | None:
    """The arrays of the run's checkpoint, None where there is no file.

    Raises:
        SymntkError: the file is of another run, no checkpoint, or cannot be read.
    """
    asked = f"to resume from {path}"
    try:
        with path.open("rb") as opened, np.lib.npyio.NpzFile(opened, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SymntkError(asked, error.strerror or str(error), "another folder") from error
    except (ValueError, EOFError, RuntimeError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise SymntkError(asked, "it is no checkpoint, or damaged", "to delete it, or another folder") from error
    if str(found.pop(_RUN, "")) != run:
        raise SymntkError(
            asked,
            "it belongs to another run: something that its result depends on differs (functions, sizes, data, seed, "
            "steps, what is recorded, precision, array library, or how the work is split)",
            "the options of that run, or another folder",
        )
    return found


def kept(
    folder: Path | None, parts: Mapping[str, Any], compute: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Arrays from the folder where they are there, else computed and written to it.

    Args:
        folder: None keeps nothing.
        parts: all that the arrays depend on.
        compute: gives the arrays.
    """
    if folder is None:
        return compute()
    folder.mkdir(parents=True, exist_ok=True)
    name = fingerprint(parts)
    path = folder / f"{name[:24]}.npz"
    found = load(path, name)
    if found is None:
        found = compute()
        save(path, name, found)
    return found
