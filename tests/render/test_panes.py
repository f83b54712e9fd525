import cv2
import numpy as np
import pytest

from live_cam.frame import Look
from live_cam.render.overlay import overlay
from live_cam.render.panes import beside, thumbnails


@pytest.mark.parametrize(("height", "width"), [(1, 1), (33, 77), (480, 640), (1080, 1920)])
def test_two_pictures_side_by_side_keep_their_pixels_and_have_a_dark_gap_between(height, width):
    left, right = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
    picture = beside(left, right)
    assert picture.dtype == np.uint8
    assert picture.shape[0] == height
    assert picture.shape[1] % 2 == 0
    assert np.array_equal(picture[:, :width], left)
    assert np.array_equal(picture[:, -width:], right)
    gap = picture[:, width:-width]
    assert 2 <= gap.shape[1] <= max(2, width / 40)
    assert gap.max() < 40


def test_the_middle_of_the_gap_parts_the_picture_in_equal_halves():
    left, right = np.full((48, 64, 3), 200, np.uint8), np.full((48, 64, 3), 100, np.uint8)
    picture = beside(left, right)
    half = picture.shape[1] // 2
    assert not (picture[:, :half] == 100).all(axis=2).any()
    assert not (picture[:, half:] == 200).all(axis=2).any()


def test_thumbnails_are_equal_parts_of_one_picture_each_with_its_own_map(make_frame, make_explanation):
    frame = make_frame(np.full((480, 640, 3), 128, np.uint8))
    explanations = [make_explanation(strength=strength) for strength in (1.0, 0.5, 0.0)]
    picture = thumbnails(frame, explanations, Look())
    assert picture.dtype == np.uint8
    assert picture.shape == (120, 480, 3)
    first, second, third = np.split(picture.astype(np.int16), 3, axis=1)
    assert np.abs(first - 128).max() > np.abs(second - 128).max() > 0
    assert np.abs(third - 128).max() == 0


def test_a_thumbnail_is_the_whole_picture_and_not_a_corner_of_it(make_frame, make_explanation, gradio_media):
    photograph = cv2.imread(str(gradio_media / "images" / "cheetah.jpg"))[..., ::-1].copy()
    picture = thumbnails(make_frame(photograph), [make_explanation(strength=0.0)], Look(), height_px=60)
    expected = cv2.resize(photograph, (picture.shape[1], 60), interpolation=cv2.INTER_AREA)
    assert picture.shape[1] / 60 == pytest.approx(photograph.shape[1] / photograph.shape[0], abs=0.01)
    assert np.array_equal(picture, expected)


def test_a_picture_lower_than_a_thumbnail_is_not_blown_up(make_frame, make_explanation):
    frame, explanation = make_frame(), make_explanation()
    picture = thumbnails(frame, [explanation, explanation], Look())
    assert np.array_equal(picture[:, :64], overlay(frame, explanation, Look()))
    assert picture.shape == (48, 128, 3)
