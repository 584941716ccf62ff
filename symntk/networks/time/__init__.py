"""Networks in time: layers of leaky units with thresholds, recurrent, with resets; their kernels in discrete time."""
