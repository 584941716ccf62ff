"""Others who compute the same kernels, each in a process of its own that answers requests."""
