"""Compares what is explained with what the model itself says, and finds signs of the wrong preprocessing."""
