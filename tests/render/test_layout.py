import cv2
import numpy as np
import pytest
from PIL import Image

from live_cam.render.layout import hstack_frames, thumbnails
from live_cam.render.overlay import overlay
from live_cam.types import OverlayStyle


@pytest.mark.parametrize(("height", "width"), [(1, 1), (33, 77), (480, 640), (1080, 1920)])
def test_stacked_frames_keep_their_pixels_and_have_a_dark_gap_between(height, width):
    left, right = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
    stacked = hstack_frames(left, right)
    assert stacked.dtype == np.uint8
    assert stacked.shape[0] == height
    assert stacked.shape[1] % 2 == 0
    assert np.array_equal(stacked[:, :width], left)
    assert np.array_equal(stacked[:, -width:], right)
    gap = stacked[:, width:-width]
    assert 2 <= gap.shape[1] <= max(2, width / 40)
    assert gap.max() < 40


def test_the_middle_of_the_gap_is_the_middle_of_the_result():
    left, right = np.full((48, 64, 3), 200, np.uint8), np.full((48, 64, 3), 100, np.uint8)
    stacked = hstack_frames(left, right)
    half = stacked.shape[1] // 2
    assert not (stacked[:, :half] == 100).all(axis=2).any()
    assert not (stacked[:, half:] == 200).all(axis=2).any()


def test_thumbnails_are_equal_parts_of_one_image_each_with_its_own_map(make_frame, make_explanation):
    frame = make_frame(np.full((480, 640, 3), 128, np.uint8))
    explanations = [make_explanation(evidence=evidence) for evidence in (1.0, 0.5, 0.0)]
    image = thumbnails(frame, explanations, OverlayStyle())
    assert image.dtype == np.uint8
    assert image.shape == (120, 480, 3)
    first, second, third = np.split(image.astype(np.int16), 3, axis=1)
    assert np.abs(first - 128).max() > np.abs(second - 128).max() > 0
    assert np.abs(third - 128).max() == 0


def test_a_thumbnail_shows_the_whole_frame(make_frame, make_explanation, gradio_media):
    with Image.open(gradio_media / "images" / "cheetah.jpg") as file:
        photograph = np.array(file.convert("RGB"))
    image = thumbnails(make_frame(photograph), [make_explanation(evidence=0.0)], OverlayStyle(), height_px=60)
    expected = cv2.resize(photograph, (image.shape[1], 60), interpolation=cv2.INTER_AREA)
    assert image.shape[1] / 60 == pytest.approx(photograph.shape[1] / photograph.shape[0], abs=0.01)
    assert np.array_equal(image, expected)


def test_a_frame_lower_than_a_thumbnail_is_not_enlarged(make_frame, make_explanation):
    frame, explanation = make_frame(), make_explanation()
    image = thumbnails(frame, [explanation, explanation], OverlayStyle())
    assert np.array_equal(image[:, :64], overlay(frame, explanation, OverlayStyle()))
    assert image.shape == (48, 128, 3)
