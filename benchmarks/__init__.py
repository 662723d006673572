"""Benchmarks anyone can run: `python -m benchmarks.step`, `python -m benchmarks.frames`."""
