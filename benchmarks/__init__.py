"""What is fast, measured against what one would use instead: `python -m benchmarks`."""
