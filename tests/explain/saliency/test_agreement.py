"""How far two maps agree."""

import numpy as np
import pytest

from live_cam.explain.saliency.agreement import correlation


def test_flat_maps_agree_only_with_flat_maps():
    flat, peaked = np.zeros((2, 2), np.float32), np.eye(2, dtype=np.float32)
    assert (correlation(flat, flat), correlation(flat, peaked), correlation(peaked, flat)) == (1.0, 0.0, 0.0)
    assert correlation(peaked, 2 * peaked) == pytest.approx(1.0)
