"""What reproduces two papers with symntk: `sgntk`, surrogate-gradient learning, and `balanced`, rate networks.

`sgntk` holds the theorems T1 to T8 and the figures of Eilers, Memmesheimer & Goedeke 2024 (arXiv 2405.15539),
`balanced` the figures and the learning task of Engelken et al. 2022 (arXiv 2201.09916). Both use public names of symntk
only.
"""
