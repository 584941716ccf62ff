"""Two normal variables: one file per move, the field in which they compute, and the engine that applies them."""
