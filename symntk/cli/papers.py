"""Commands of `symntk_papers`, which reproduces two papers: where it is not installed, one that says how."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

import click

from symntk.errors import SymntkError

_PACKAGE = "symntk_papers"


def add_papers(group: click.Group, names: Mapping[str, str]) -> None:
    """Add commands to a group.

    Args:
        group: of commands.
        names: of the commands in `symntk_papers.commands` -> what help says of one that is not installed.
    """
    installed = find_spec(_PACKAGE) is not None
    for name, about in names.items():
        group.add_command(getattr(import_module(f"{_PACKAGE}.commands"), name) if installed else _missing(name, about))


def _missing(name: str, about: str) -> click.Command:
    """A command that takes anything and says how to install what it is part of."""

    @click.command(name, short_help=about, context_settings={"ignore_unknown_options": True})
    @click.argument("anything", nargs=-1, type=click.UNPROCESSED)
    def command(anything: tuple[str, ...]) -> None:
        wrong = f"it is part of {_PACKAGE}, which is not installed"
        raise SymntkError(f"the command {name}", wrong, "pip install . ./papers in the folder of the repository")

    command.help = f"{about} Part of {_PACKAGE}, which is not installed: pip install . ./papers."
    return command
