"""Saves models, past the warnings of those who write them."""

from __future__ import annotations

import warnings
from contextlib import contextmanager


def save(model, path, **options):
    """Saves a model of Keras 2 or 3."""
    with writers_may_warn():
        model.save(path, **options)


@contextmanager
def writers_may_warn():
    """Lets Keras warn of what these tests are about."""
    with warnings.catch_warnings():
        # Files of the legacy format are what is tested.
        warnings.filterwarnings("ignore", "You are saving your model as an HDF5 file", UserWarning)
        # Of Keras, with NumPy 2.
        warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy", DeprecationWarning)
        # Only some layers can be quantized.
        warnings.filterwarnings("ignore", "Layer InputLayer does not have a `quantize` method", UserWarning)
        yield
