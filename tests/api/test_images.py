"""Images that a program has: paths, images of Pillow, arrays, frames; and what is none."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from live_cam.api.images import as_frame
from live_cam.errors import LiveCamError, SourceError, UsageError
from live_cam.sources.pictures.reader import read_rgb
from live_cam.types import Frame

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 9, 3), np.uint8)
RGBA = RNG.integers(0, 256, (6, 9, 4), np.uint8)
GREY = RGB[..., 0]
GREY_RGB = np.stack([GREY] * 3, axis=-1)


class Tensor:
    """An array of another library."""

    def __array__(self, dtype=None, copy=None):
        return RGB


def rgb_of(image):
    return as_frame(image, "the image").rgb


def rotated(path, orientation=6):
    """Saves an image that is to be turned by EXIF."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (RGB, RGB),
        (RGB[::-1, ::2], RGB[::-1, ::2]),
        (np.asfortranarray(RGB), RGB),
        (GREY, GREY_RGB),
        (GREY[..., np.newaxis], GREY_RGB),
        *((RGB.astype(dtype) / 255, RGB) for dtype in (np.float32, np.float64, ">f4")),
        ((RGB / 255).astype(np.float16), RGB),
        (RGB.astype(np.float32) / np.float32(254.9999), RGB),
        (GREY / 255, GREY_RGB),
        (Image.fromarray(RGB), RGB),
        (Image.fromarray(GREY), GREY_RGB),
        (Image.fromarray(GREY.astype(np.uint16) * 257), GREY_RGB),
        (Image.fromarray((GREY / 255).astype(np.float32)), GREY_RGB),
        (Frame(RGB.copy(), 0), RGB),
    ],
)
def test_an_image_of_any_kind_keeps_its_pixels(image, expected):
    assert np.array_equal(rgb_of(image), expected)


@pytest.mark.parametrize("kind", [str, lambda path: path, Image.open])
@pytest.mark.parametrize("pixels", [RGB, RGBA, GREY])
def test_a_file_an_opened_file_and_an_array_are_the_same(tmp_path, kind, pixels):
    path = tmp_path / "image.png"
    Image.fromarray(pixels).save(path)
    expected = read_rgb(path)
    for each in (kind(path), pixels, pixels / 255, Image.fromarray(pixels)):
        assert np.array_equal(rgb_of(each), expected)


def test_transparency_is_composed_over_white():
    clear = np.zeros((2, 2, 4), np.uint8)
    assert (rgb_of(clear) == 255).all()
    assert (rgb_of(clear / 255) == 255).all()
    palette = Image.new("P", (2, 2))
    palette.info["transparency"] = 0
    assert (rgb_of(palette) == 255).all()


def test_an_opened_file_is_turned_upright_and_what_was_made_of_it_is_not(tmp_path):
    path = rotated(tmp_path / "photo.png")
    upright = read_rgb(path)
    assert np.array_equal(upright, np.rot90(RGB, -1))
    with Image.open(path) as opened:
        assert np.array_equal(rgb_of(opened), upright)
        by_hand = opened.rotate(-90, expand=True)
    assert np.array_equal(rgb_of(by_hand), upright)


def test_a_colour_profile_is_applied_as_to_a_file(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = lab.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
    path = tmp_path / "image.png"
    Image.fromarray(RGB).save(path, icc_profile=swapped)
    assert not np.array_equal(read_rgb(path), RGB)
    with Image.open(path) as opened:
        assert np.array_equal(rgb_of(opened), read_rgb(path))
        assert np.array_equal(rgb_of(opened.copy()), read_rgb(path))


def test_a_frame_is_passed_on_and_an_array_neither_locked_nor_followed():
    frame = Frame(RGB.copy(), 5, 7, "camera")
    assert as_frame(frame, "") is frame
    array = RGB.copy()
    rgb = rgb_of(array)
    array[...] = 0
    assert np.array_equal(rgb, RGB)


def test_a_path_names_its_frame(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "image.png")
    assert as_frame(tmp_path / "image.png", "").source_id == str(tmp_path / "image.png")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 4, 3), np.uint8), r"has no pixels; its shape is \(0, 4, 3\)"),
        (np.zeros((4, 0)), "has no pixels"),
        (Image.new("RGB", (0, 4)), "has no pixels; its size is 0x4"),
        (np.array([]), r"not \(0,\)"),
        (np.ones(()), r"not \(\)"),
        (np.full((4, 4), np.nan), "NaN or infinite"),
        (np.full((4, 4, 3), np.inf, np.float16), "NaN or infinite"),
        (np.full((4, 4), -np.inf), "NaN or infinite"),
        (RGB.astype(np.float32), r"from 0 to 2.*not from 0 to 1; give image\.astype\(np\.uint8\)"),
        (RGB / 127.5 - 1, r"give \(image \+ 1\) / 2"),
        (RGB * 10.0, "scaled to 0..1"),
        (RGB.astype(np.int64), r"not int64; give image\.astype\(np\.uint8\)"),
        (RGB.astype(np.uint16), "not uint16"),
        (RGB.astype(np.int8), "not int8"),
        (RGB > 9, r"not bool; give image\.astype\(float\)"),
        (RGB.astype(object), "not object"),
        (RGB.astype(complex), "not complex128"),
        (np.array(["lion.jpg"]), "not <U8"),
        (RGB[np.newaxis], r"not \(1, 6, 9, 3\); give a stack of images as list\(images\)"),
        (np.moveaxis(RGB, -1, 0), r"np\.moveaxis\(image, 0, -1\)"),
        (RGB[..., :2], r"not \(6, 9, 2\)"),
        (RGB[0, 0], r"not \(3,\)"),
        (Image.fromarray(RGB[..., 0].astype(np.int32)), "signed integers"),
        (Image.fromarray(RGB[..., 0].astype(np.float32)), "floating-point numbers"),
        (b"lion.jpg", "not bytes"),
        (None, "not NoneType"),
        (3, "not int"),
        (Tensor(), r"not Tensor; give np\.asarray\(image\)"),
        ([RGB], "not list"),
        ({"image": RGB}, "not dict"),
    ],
)
def test_what_is_no_image_is_one_line_that_says_what_to_give(image, message):
    with pytest.raises(LiveCamError, match=message) as caught:
        as_frame(image, "image 3")
    assert str(caught.value).startswith("image 3 ")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, UsageError) or isinstance(image, Image.Image)


@pytest.mark.parametrize("name", ["missing.jpg", ".", "", "nul\0.jpg", "x" * 300])
def test_a_path_to_no_image_is_an_error(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="give an image"):
        as_frame(name, "")


def test_an_opened_file_that_is_closed_or_cut_short_is_an_error(tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(RNG.integers(0, 256, (99, 99, 3), np.uint8)).save(path)
    with Image.open(path) as closed:
        pass
    path.write_bytes(path.read_bytes()[:5000])
    with Image.open(path) as cut_short:
        for image in (closed, cut_short):
            with pytest.raises(SourceError, match="the image is damaged"):
                as_frame(image, "the image")
