"""Outputs: recordings, annotated videos, and the files beside them."""
