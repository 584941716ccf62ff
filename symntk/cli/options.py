"""Options that several groups of commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

WORKERS = click.option("--workers", default=2, show_default=True, type=click.IntRange(0), help="Processes; 0 for none.")


def is_experiment(command: Callable[..., None]) -> Callable[..., None]:
    """The options of all experiments, which write tables and a figure."""
    path = click.Path(path_type=Path, file_okay=False)
    options = [
        click.option("--full", is_flag=True, help="The paper's sizes, instead of some that take a minute or two."),
        click.option("--output", "-o", default=".", type=path, help="Folder of the files, by default this one."),
        click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of all random numbers."),
        click.option("--checkpoints", type=path, help="Their folder, by default OUTPUT/checkpoints."),
        click.option("--no-figure", is_flag=True, help="Write the tables alone; matplotlib is not needed."),
    ]
    return with_options(command, options)


def with_options(command: Callable[..., None], options: list[Callable[..., Any]]) -> Callable[..., None]:
    """The command with the options, which help shows in this order."""
    for option in reversed(options):
        command = option(command)
    return command
