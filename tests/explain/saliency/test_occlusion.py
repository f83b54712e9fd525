"""Occluding parts of a frame."""

import numpy as np
import pytest

from live_cam.explain.saliency.occlusion import FILL_RGB, occlude, patch
from live_cam.explain.saliency.targets import probabilities
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.models.preprocess import resize_to_input

INPUT_PX = IMAGENET_RESNET50.input_px
ESPRESSO = 967


def is_occluded(rgb):
    return (rgb == FILL_RGB).all(axis=-1)


@pytest.mark.parametrize(("width_px", "height_px"), [(640, 480), (480, 640), (100, 100), (1920, 200)])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (0.02, 0.9)])
def test_patch_is_square_and_inside_the_frame(width_px, height_px, place):
    left, top, right, bottom = patch(place[0], place[1], width_px, height_px)
    side_px = min(width_px, height_px) / 4
    assert (right - left) * width_px == pytest.approx(side_px)
    assert (bottom - top) * height_px == pytest.approx(side_px)
    assert left >= 0.0
    assert top >= 0.0
    assert right <= 1.0 + 1e-9
    assert bottom <= 1.0 + 1e-9


def test_patch_is_centred_if_there_is_room():
    left, top, right, bottom = patch(0.4, 0.6, 640, 480)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((0.4, 0.6))


def test_box_is_occluded_and_nothing_else():
    white = np.full((480, 640, 3), 255, np.uint8)
    occluded = is_occluded(occlude(white, (0.25, 0.5, 0.5, 1.0), INPUT_PX))
    assert occluded.shape == (224, 224)
    assert occluded[112:, 56:112].all()
    assert occluded.sum() == 112 * 56


def test_patch_at_the_edge_is_occluded_entirely():
    white = np.full((224, 224, 3), 255, np.uint8)
    assert is_occluded(occlude(white, patch(1.0, 1.0, 224, 224), INPUT_PX))[168:, 168:].all()


@pytest.mark.parametrize("shape", [(7, 7), (56, 56), (3, 5), (224, 224)])
def test_mask_is_stretched_over_the_frame(shape):
    white = np.full((333, 500, 3), 255, np.uint8)
    mask = np.random.default_rng(0).random(shape) < 0.5
    occluded = is_occluded(occlude(white, mask, INPUT_PX))
    rows, columns = ((2 * np.arange(224) + 1) * cells // 448 for cells in shape)
    np.testing.assert_array_equal(occluded, mask[rows][:, columns])


def test_the_rest_and_the_frame_itself_are_unchanged(photographs):
    lion = photographs["lion"].copy()
    lion.flags.writeable = False
    resized = np.empty((1, 224, 224, 3), np.uint8)
    resize_to_input([lion], resized)
    np.testing.assert_array_equal(occlude(lion, np.zeros((7, 7), bool), INPUT_PX), resized[0])
    half = occlude(lion, (0.0, 0.0, 0.5, 1.0), INPUT_PX)
    np.testing.assert_array_equal(half[:, 112:], resized[0, :, 112:])
    # The step resizes it once more, which must not change it.
    again = np.empty_like(resized)
    resize_to_input([half], again)
    np.testing.assert_array_equal(again[0], half)


@pytest.mark.slow
def test_occluding_the_espresso_lowers_its_probability_and_the_table_does_not(explainer, photographs):
    coffee = photographs["espresso"]
    cup, corner = (0.2, 0.05, 0.8, 0.75), (0.8, 0.0, 1.0, 1.0)
    logits = explainer.logits([coffee, occlude(coffee, cup, INPUT_PX), occlude(coffee, corner, INPUT_PX)])
    original, without_cup, without_corner = probabilities(logits, "softmax")[:, ESPRESSO]
    assert original > 0.9
    assert without_cup < 0.1
    assert without_corner > 0.8
