import dataclasses

import numpy as np
import pytest

from live_cam import Frame


def test_a_frame_cannot_be_painted_over_by_whoever_gets_it():
    frame = Frame(np.zeros((4, 5, 3), np.uint8), pts_ns=0, seq=0, source_id="a test")
    with pytest.raises(ValueError, match="read-only"):
        frame.rgb[0, 0] = 255


def test_a_frame_cannot_be_given_other_pixels_or_another_time():
    frame = Frame(np.zeros((4, 5, 3), np.uint8), pts_ns=7, seq=0, source_id="a test")
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.pts_ns = 8


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5, 3), np.uint16),
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((1, 4, 5, 3), np.uint8),
    ],
    ids=["floats", "16 bit", "grey", "with alpha", "a batch"],
)
def test_what_is_no_rgb_picture_of_bytes_is_refused_with_its_shape(pixels):
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)") as refusal:
        Frame(pixels, pts_ns=0, seq=0, source_id="a test")
    assert str(pixels.shape) in str(refusal.value)
    assert str(pixels.dtype) in str(refusal.value)
