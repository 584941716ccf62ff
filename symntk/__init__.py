"""symntk: derive, export and verify the Gaussian integrals behind infinite-width kernels."""
