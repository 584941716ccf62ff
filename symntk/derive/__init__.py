"""How it is integrated: one file per move, and the engine."""
