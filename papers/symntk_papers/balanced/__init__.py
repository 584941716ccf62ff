"""Figures 2, 3, 7 and 9 of Engelken et al. 2022 (arXiv 2201.09916): balanced rate networks and their inputs."""
