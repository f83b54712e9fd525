"""Resizing frames of any size to the network's input: on the CPU, or in the graph on a GPU, with the same result."""

import numpy as np
import pytest
from PIL import Image

from live_cam.models.imagenet import INPUT_PX
from live_cam.models.preprocess import resize_to_input

pytestmark = pytest.mark.slow


def resize_on_cpu(rgb):
    out = np.full((1, INPUT_PX, INPUT_PX, 3), 77, np.uint8)
    resize_to_input([rgb], out)
    return out[0].astype(np.float32)


def resize_on_gpu(rgb):
    from live_cam.explain.runtime.resize_graph import resize_in_graph

    resized = resize_in_graph(rgb[np.newaxis], (INPUT_PX, INPUT_PX))
    assert resized.dtype == "float32"
    return resized.numpy()[0]


both_resizers = pytest.mark.parametrize("resize", [resize_on_cpu, resize_on_gpu])


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@both_resizers
def test_frame_of_the_input_size_is_unchanged(resize):
    rgb = noise(224, 224)
    np.testing.assert_array_equal(resize(rgb), rgb)


@both_resizers
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_detail_finer_than_the_input_does_not_alias(resize, factor):
    size = 224 * factor
    tiles = (np.indices((size, size)).sum(axis=0) % factor) * (255 / (factor - 1))
    rgb = np.repeat(np.round(tiles)[..., np.newaxis], 3, axis=2).astype(np.uint8)
    np.testing.assert_allclose(resize(rgb)[1:-1, 1:-1], rgb.mean(), atol=0.51)


@both_resizers
@pytest.mark.parametrize("size", [(447, 447), (447, 200), (200, 447), (440, 5000), (480, 640), (640, 480), (720, 1280)])
def test_stripes_one_pixel_wide_become_grey(resize, size):
    """Every second pixel is black: a resize that skips pixels shows broad black and white bands."""
    height, width = size
    long_axis = 0 if height > width else 1
    stripes = (np.indices(size)[long_axis] % 2 * 255).astype(np.uint8)
    resized = resize(np.repeat(stripes[..., np.newaxis], 3, axis=2))
    np.testing.assert_allclose(resized[1:-1, 1:-1], 127.5, atol=16)


@both_resizers
def test_sensor_noise_of_large_frames_is_averaged(resize):
    rgb = noise(1080, 1920)
    # Whole 4x4 blocks leave a quarter of the deviation.
    assert resize(rgb).std() < 0.3 * rgb.std()


@both_resizers
@pytest.mark.parametrize("size", [(480, 640), (640, 480), (720, 1280), (100, 60), (223, 225), (449, 700)])
def test_whole_frame_is_kept_in_its_place(resize, size):
    height, width = size
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2] = [0, 0, 255]
    rgb[: height // 2, width // 2 :] = [0, 255, 0]
    rgb[height // 2 :, : width // 2] = [255, 0, 0]
    resized = resize(rgb)
    assert resized.shape == (224, 224, 3)
    np.testing.assert_allclose(resized[:105, :105], np.broadcast_to([0, 0, 255], (105, 105, 3)), atol=1e-3)
    np.testing.assert_allclose(resized[:105, 119:], np.broadcast_to([0, 255, 0], (105, 105, 3)), atol=1e-3)
    np.testing.assert_allclose(resized[119:, :105], np.broadcast_to([255, 0, 0], (105, 105, 3)), atol=1e-3)
    np.testing.assert_allclose(resized[119:, 119:], 0.0, atol=1e-3)


@both_resizers
@pytest.mark.parametrize("size", [(100, 60), (480, 640), (672, 448), (1080, 1920)])
def test_resizing_does_not_shift_by_a_fraction_of_a_pixel(resize, size):
    """A mirrored frame yields the mirrored result, which it would not if all were shifted to one side."""
    rgb = noise(*size)
    mirrored = np.ascontiguousarray(rgb[::-1, ::-1])
    np.testing.assert_allclose(resize(mirrored), resize(rgb)[::-1, ::-1], atol=1.01)


SIZES = [
    (1, 1),
    (2, 1000),
    (1000, 2),
    (60, 100),
    (223, 225),
    (300, 300),
    (447, 671),
    (480, 640),
    (672, 448),
    (1080, 1920),
]
RANDOM_SIZES = [tuple(size) for size in np.random.default_rng(0).integers(1, 1200, (20, 2)).tolist()]
WIDER_THAN_A_BAND = (31, 4000)


@both_resizers
@pytest.mark.parametrize("size", [*SIZES, *RANDOM_SIZES, WIDER_THAN_A_BAND], ids=lambda size: f"{size[1]}x{size[0]}")
def test_result_is_that_of_pillows_bilinear(resize, size):
    rgb = noise(*size)
    expected = np.asarray(Image.fromarray(rgb).resize((INPUT_PX, INPUT_PX), Image.Resampling.BILINEAR), np.float32)
    np.testing.assert_allclose(resize(rgb), expected, atol=1.01)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_both_resizers_return_the_same(size):
    rgb = noise(*size)
    np.testing.assert_allclose(resize_on_cpu(rgb), resize_on_gpu(rgb), atol=0.51)


@both_resizers
def test_one_pixel_fills_the_input_with_its_colour(resize):
    resized = resize(np.array([[[10, 20, 30]]], np.uint8))
    np.testing.assert_allclose(resized, np.broadcast_to([10, 20, 30], (224, 224, 3)), atol=1e-3)


def test_frames_of_several_sizes_are_resized_separately(photographs):
    frames = [photographs["lion"], noise(224, 224), photographs["espresso"], noise(3, 5)]
    out = np.zeros((4, INPUT_PX, INPUT_PX, 3), np.uint8)
    resize_to_input(frames, out)
    for frame, resized in zip(frames, out, strict=True):
        np.testing.assert_array_equal(resized, resize_on_cpu(frame))


@pytest.mark.parametrize("size", [(480, 640), (224, 224), (100, 60)])
def test_frames_may_be_views_and_read_only_and_are_not_changed(size):
    mirrored = noise(*size)[:, ::-1, ::-1]
    mirrored.flags.writeable = False
    before = mirrored.copy()
    np.testing.assert_array_equal(resize_on_cpu(mirrored), resize_on_cpu(before))
    np.testing.assert_array_equal(mirrored, before)
