"""Deletion and insertion, worked by hand on four pixels."""

import numpy as np
import pytest

from live_cam import UsageError
from live_cam.explain.metrics.deletion import blur, deletion, insertion
from live_cam.explain.saliency.occlusion import FILL_RGB

IMAGE = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
MAP = np.array([[4, 3], [2, 1]], np.float32)
WEIGHTS = np.array([0.4, 0.3, 0.2, 0.1])


def predict(images):
    """The second of two classes: the sum of the weights of the pixels that are as in the image."""
    seen = (images == IMAGE).all(axis=-1).reshape(len(images), 4) @ WEIGHTS
    return np.stack([1.0 - seen, seen], axis=1)


def test_deletion_is_the_area_under_the_scores():
    curve = deletion(IMAGE, MAP, predict, 1, steps=4)
    assert curve.fractions.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert curve.scores == pytest.approx([1.0, 0.6, 0.3, 0.1, 0.0])
    assert curve.area == pytest.approx((1.0 / 2 + 0.6 + 0.3 + 0.1 + 0.0 / 2) / 4)


def test_insertion_is_the_area_under_the_scores():
    curve = insertion(IMAGE, MAP, predict, 1, steps=4)
    assert curve.scores == pytest.approx([0.0, 0.4, 0.7, 0.9, 1.0])
    assert curve.area == pytest.approx((0.0 / 2 + 0.4 + 0.7 + 0.9 + 1.0 / 2) / 4)


def test_the_worst_order_has_the_worst_areas():
    assert deletion(IMAGE, -MAP, predict, 1, steps=4).area == pytest.approx((1.0 / 2 + 0.9 + 0.7 + 0.4) / 4)
    assert insertion(IMAGE, -MAP, predict, 1, steps=4).area == pytest.approx((0.1 + 0.3 + 0.6 + 1.0 / 2) / 4)


def test_two_steps_change_two_pixels_each():
    assert deletion(IMAGE, MAP, predict, 1, steps=2).scores == pytest.approx([1.0, 0.3, 0.0])


def test_deleted_pixels_are_the_mean_colour_and_the_image_stays():
    seen, before = [], IMAGE.copy()
    deletion(IMAGE, MAP, lambda images: (seen.extend(images), predict(images))[1], 1, steps=4)
    assert (seen[-1] == FILL_RGB).all()
    assert (seen[1] == FILL_RGB).all(axis=-1).tolist() == [[True, False], [False, False]]
    assert (before == IMAGE).all()


def test_blur_is_that_of_the_authors():
    # `gkern(11, 5)` of RISE: a Gaussian up to 4 standard deviations, mirrored at the edges of 11 places.
    taps = np.exp(-0.5 * (np.arange(-20, 21) / 5.0) ** 2)
    kernel = np.zeros(11)
    for tap, place in zip(taps / taps.sum(), np.arange(-20, 21) + 5, strict=True):
        kernel[min(place % 22, 21 - place % 22)] += tap
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (9, 14, 3), np.uint8)
    padded = np.pad(image.astype(float) - FILL_RGB, ((5, 5), (5, 5), (0, 0)))
    expected = np.empty(image.shape)
    for row, column in np.ndindex(9, 14):
        window = padded[row : row + 11, column : column + 11]
        expected[row, column] = np.einsum("y,x,yxc->c", kernel, kernel, window) + FILL_RGB
    assert np.abs(blur(image) - expected).max() <= 0.51


def test_there_is_at_least_one_step():
    with pytest.raises(UsageError, match="steps is at least 1, not 0"):
        deletion(IMAGE, MAP, predict, 1, steps=0)
