"""Recipro-CAM against its formula, place by place."""

import numpy as np
import pytest

from live_cam.explain.saliency.recipro_cam import place_masks, recipro_cam


@pytest.mark.parametrize(("height", "width"), [(7, 7), (3, 5), (2, 1), (1, 6)])
def test_masks_are_the_kernel_around_each_place(height, width):
    masks = place_masks(height, width)
    assert (masks.dtype, masks.shape) == (np.float32, (height * width, height, width, 1))
    weight = {0: 1.0, 1: 0.5, 2: 0.25}
    for place, mask in enumerate(masks[..., 0]):
        for y, x in np.ndindex(height, width):
            away = abs(y - place // width), abs(x - place % width)
            assert mask[y, x] == (weight[sum(away)] if max(away) < 2 else 0.0)


def test_map_is_the_score_of_each_place_less_the_least():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((6, 4)).astype(np.float32)
    targets = np.array([[0, 0, 1, 0], [1, -1, 0, 0], [0, 0, 0, -1]], np.float32)
    maps = recipro_cam(scores, targets, 2, 3)
    assert (maps.dtype, maps.shape) == (np.float32, (3, 2, 3))
    for of_target, expected in zip(maps, (scores[:, 2], scores[:, 0] - scores[:, 1], -scores[:, 3]), strict=True):
        np.testing.assert_allclose(of_target, (expected - expected.min()).reshape(2, 3), atol=1e-6)
