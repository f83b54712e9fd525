"""Pixels of a frame and its explanation. Pure functions without state."""
