"""What a user holds: Expectation and Kernels."""
