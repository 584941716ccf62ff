"""Recurrent rate networks: stationary and non-stationary mean-field theory, Lyapunov exponents, critical inputs."""

from symntk.dynamics.theory import Balanced, NonStationary, classical

__all__ = ["Balanced", "NonStationary", "classical"]
