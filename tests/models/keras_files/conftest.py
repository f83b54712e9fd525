"""Pictures, and the comparison with what a model said where it was written."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from live_cam.models.keras_files.load import load_keras_model


@pytest.fixture(scope="session")
def pictures():
    """Three pictures for small models, float32 from 0 to 255."""
    return np.random.default_rng(7).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="session")
def compare():
    """Asserts that a file is opened as a model that says the same."""

    def compare(path, pictures, expected, tolerance=1e-5):
        loaded = load_keras_model(path)
        assert isinstance(loaded.model, keras.Model)
        said = loaded.model(pictures)
        keras.tree.assert_same_structure(said, expected)
        for ours, theirs in zip(keras.tree.flatten(said), keras.tree.flatten(expected), strict=True):
            np.testing.assert_allclose(np.asarray(ours, np.float32), theirs, rtol=0, atol=tolerance)
        return loaded

    return compare
