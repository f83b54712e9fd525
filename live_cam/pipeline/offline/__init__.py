"""Annotating files: nothing is dropped, and nothing is live."""
