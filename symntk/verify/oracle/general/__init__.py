"""The oracle of any functions of the language: a search for panels, then two integrals."""
