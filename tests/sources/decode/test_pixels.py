"""Frames whose pixels are not square."""

from fractions import Fraction

import numpy as np
import pytest

from live_cam.sources.decode.pixels import square_pixels


@pytest.mark.parametrize("pixel_ratio", [Fraction(1), Fraction(0), Fraction(1, 1000), Fraction(1000)])
def test_a_ratio_that_can_only_be_damage_changes_nothing(pixel_ratio):
    rgb = np.zeros((4, 6, 3), np.uint8)
    assert square_pixels(rgb, pixel_ratio) is rgb


def test_no_pixel_is_lost():
    columns = np.zeros((4, 6, 3), np.uint8)
    columns[:, ::2] = 255
    for pixel_ratio, shape in ((Fraction(2), (4, 12, 3)), (Fraction(1, 2), (8, 6, 3))):
        squared = square_pixels(columns, pixel_ratio)
        assert squared.shape == shape
        assert (squared.min(), squared.max()) == (0, 255)
