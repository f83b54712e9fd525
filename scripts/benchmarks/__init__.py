"""Benchmarks; run from the project's root, as `python -m scripts.benchmarks.main`."""
