"""Two forms of a function: a normal form of Gaussian-elementary terms, and smooth parts between breaks."""
