"""Measurements, fault injection and screenshots; run from the project's root, as `python -m scripts.faults`."""
