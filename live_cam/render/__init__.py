"""From a frame and its explanation to pixels. Pure functions, no state."""
