"""Frames whose aspect ratio is not the input's: stretched, cropped or padded as Pillow and Keras do it."""

import functools

import numpy as np
import pytest
from PIL import Image

from live_cam.models.preprocess import box_in_input, map_box, resize_to_input
from live_cam.types import Resize

INPUTS = [(224, 224), (32, 48), (96, 64), (8, 8)]
SIZES = [(360, 640), (640, 360), (333, 501), (97, 101), (1080, 1920), (9, 500), (500, 9), (1, 1), (1, 300), (31, 4000)]
by_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
by_input = pytest.mark.parametrize("input_px", INPUTS, ids=lambda size: f"to {size[1]}x{size[0]}")


@functools.cache
def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def resized(rgb, input_px, resize):
    out = np.full((1, *input_px, 3), 77, np.uint8)
    resize_to_input([rgb], out, resize)
    return out[0].astype(np.int16)


def in_pixels(box, size):
    left, top, right, bottom = box
    height, width = size
    return left * width, top * height, right * width, bottom * height


@by_size
@by_input
@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_the_result_is_pillows_of_the_cropped_or_padded_frame(size, input_px, resize):
    rgb = noise(*size)
    left, top, right, bottom = (round(edge) for edge in in_pixels(map_box(size, input_px, resize), size))
    # Pillow pads with black what lies outside of the image.
    expected = Image.fromarray(rgb).crop((left, top, right, bottom)).resize(input_px[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_allclose(resized(rgb, input_px, resize), np.asarray(expected, np.int16), atol=1.01)


@by_size
@by_input
def test_the_box_has_the_aspect_ratio_of_the_input_and_the_middle_of_the_frame(size, input_px):
    modes: tuple[tuple[Resize, int], ...] = ("crop", 1), ("pad", -1)
    for resize, inside in modes:
        left, top, right, bottom = in_pixels(map_box(size, input_px, resize), size)
        height, width = size
        assert left == pytest.approx(width - right, abs=1.001)
        assert top == pytest.approx(height - bottom, abs=1.001)
        assert min(inside * left, inside * top) == pytest.approx(0.0), "one side is the frame's own"
        assert min(inside * left, inside * top, inside * (width - right), inside * (height - bottom)) > -1e-9
        cut_width = (bottom - top) * input_px[1] / input_px[0]
        cut_height = (right - left) * input_px[0] / input_px[1]
        assert min(abs(right - left - cut_width), abs(bottom - top - cut_height)) < 2.0
    assert map_box(size, input_px, "stretch") == (0.0, 0.0, 1.0, 1.0)


@by_input
@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_a_frame_of_the_input_size_is_not_touched(input_px, resize):
    rgb = noise(*input_px)
    np.testing.assert_array_equal(resized(rgb, input_px, resize), rgb)
    assert map_box(input_px, input_px, resize) == (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("size", [size for size in SIZES if max(size) < 1000], ids=lambda size: f"{size[1]}x{size[0]}")
@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_a_frame_of_the_aspect_ratio_of_the_input_is_wholly_and_only_in_it(size, resize):
    rgb, input_px = noise(*size), tuple(2 * each for each in size)
    assert map_box(size, input_px, resize) == (0.0, 0.0, 1.0, 1.0)
    np.testing.assert_array_equal(resized(rgb, input_px, resize), resized(rgb, input_px, "stretch"))


def test_padding_is_black_and_a_crop_lacks_the_sides():
    rgb = np.full((360, 640, 3), 200, np.uint8)
    rgb[:, :140] = rgb[:, 500:] = (250, 0, 0)
    assert np.unique(resized(rgb, (224, 224), "crop")).tolist() == [200]
    padded = resized(rgb, (224, 224), "pad")
    assert padded[:48].max() == padded[-48:].max() == 0
    assert padded[50:-50].max(axis=2).min() >= 199
    np.testing.assert_array_equal(padded[112, 0], (250, 0, 0))


@pytest.mark.parametrize(
    ("resize", "box", "expected"),
    [
        ("stretch", (0.1, 0.2, 0.3, 0.4), (0.1, 0.2, 0.3, 0.4)),
        ("crop", (0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0)),
        ("crop", (140 / 640, 0.0, 320 / 640, 0.5), (0.0, 0.0, 0.5, 0.5)),
        ("crop", (0.0, 0.2, 140 / 640, 0.4), (0.0, 0.2, 0.0, 0.4)),
        ("pad", (0.0, 0.0, 1.0, 1.0), (0.0, 140 / 640, 1.0, 500 / 640)),
        ("pad", (0.25, 0.5, 0.5, 1.0), (0.25, 0.5, 0.5, 500 / 640)),
    ],
)
def test_a_box_of_the_frame_in_the_input(resize, box, expected):
    assert box_in_input(box, map_box((360, 640), (224, 224), resize)) == pytest.approx(expected)


@pytest.mark.slow
@by_size
@by_input
@pytest.mark.parametrize("resize", ["crop", "pad"])
def test_the_result_is_that_of_keras(size, input_px, resize):
    import keras

    rgb = noise(*size)
    expected = keras.ops.image.resize(
        rgb.astype(np.float32),
        input_px,
        antialias=True,
        crop_to_aspect_ratio=resize == "crop",
        pad_to_aspect_ratio=resize == "pad",
    )
    np.testing.assert_allclose(resized(rgb, input_px, resize), np.asarray(expected), atol=1.01)
