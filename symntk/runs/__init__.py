"""What long runs need: checkpoints, options, tables of results, workers, and stopping between two steps."""

from symntk.runs import checkpoint
from symntk.runs.options import Options
from symntk.runs.stopping import Interrupted, interrupts
from symntk.runs.tables import Table, write_tables

__all__ = ["Interrupted", "Options", "Table", "checkpoint", "interrupts", "write_tables"]
