"""How it is written: stable forms, printers, the standalone module, LaTeX."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`symntk.emit.normal` is loaded where it is first asked for: printed code calls it by this name."""
    if name == "normal":
        from importlib import import_module

        return import_module("symntk.emit.normal")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
