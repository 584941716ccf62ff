"""What is exported for each target, run and compared; targets whose package is not installed are skipped by name."""
