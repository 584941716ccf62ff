"""Checkpoints: whole or the one before, and refused where they are damaged."""

from __future__ import annotations

import numpy as np
import pytest

from symntk.errors import SymntkError
from symntk.runs.checkpoint import load, save


@pytest.mark.parametrize("damage", ["truncated", "changed", "empty", "another format", "a folder"])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    path = tmp_path / "one.npz"
    save(path, "run", {"a": np.arange(1000.0)})
    whole = path.read_bytes()
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage == "another format":
        with path.open("wb") as file:
            np.save(file, np.arange(3))
    else:
        middle = len(whole) // 2
        changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        path.write_bytes({"truncated": whole[:middle], "changed": changed, "empty": b""}[damage])
    with pytest.raises(SymntkError, match=r"to resume from .*one\.npz: (it is no checkpoint|Is a directory)"):
        load(path, "run")


def test_a_checkpoint_is_whole_or_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "one.npz"
    save(path, "run", {"a": np.arange(3)})

    def fails(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr(np, "savez", fails)
    with pytest.raises(SymntkError, match="the disk is full; the checkpoint before"):
        save(path, "run", {"a": np.arange(4)})
    monkeypatch.undo()
    np.testing.assert_array_equal(load(path, "run")["a"], np.arange(3))
    assert [p.name for p in tmp_path.iterdir()] == ["one.npz"]
    assert load(tmp_path / "none.npz", "run") is None
