import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.pictures.reader import read_rgb
from tests.sources.helpers import assert_one_line

_ORIENTATION = 0x0112


def _png(width, height, rows=b""):
    """Returns a PNG that declares a size, with the given rows."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("orientation", "transform"),
    [
        (1, lambda stored: stored),
        (2, np.fliplr),
        (3, lambda stored: np.rot90(stored, 2)),
        (4, np.flipud),
        (5, lambda stored: stored.transpose(1, 0, 2)),
        (6, lambda stored: np.rot90(stored, -1)),
        (7, lambda stored: np.rot90(stored, 2).transpose(1, 0, 2)),
        (8, lambda stored: np.rot90(stored, 1)),
    ],
)
def test_the_exif_orientation_is_applied(tmp_path, orientation, transform):
    stored = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    Image.fromarray(stored).save(tmp_path / "rotated.png", exif=exif)
    assert np.array_equal(read_rgb(tmp_path / "rotated.png"), transform(stored))


def test_transparency_is_composed_over_white(tmp_path):
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[:, 0] = (200, 10, 10, 255)
    rgba[:, 1] = (200, 10, 10, 0)
    rgba[:, 2] = (0, 0, 0, 128)
    Image.fromarray(rgba).save(tmp_path / "logo.png")
    rgb = read_rgb(tmp_path / "logo.png")
    assert rgb.shape == (2, 3, 3)
    assert np.array_equal(rgb[0, 0], (200, 10, 10))
    assert np.array_equal(rgb[0, 1], (255, 255, 255))
    assert np.allclose(rgb[0, 2], 127, atol=1)


def test_the_transparent_colour_of_a_palette_is_white(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 30, 60, 90])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "logo.gif", transparency=0)
    assert read_rgb(tmp_path / "logo.gif").tolist() == [[[255, 255, 255], [30, 60, 90]]]


@pytest.mark.parametrize(
    ("mode", "value", "rgb"),
    [("L", 77, (77, 77, 77)), ("1", 1, (255, 255, 255)), ("LA", (77, 255), (77, 77, 77))],
)
def test_a_grey_image_becomes_rgb(tmp_path, mode, value, rgb):
    Image.new(mode, (5, 4), value).save(tmp_path / "grey.png")
    pixels = read_rgb(tmp_path / "grey.png")
    assert pixels.dtype == np.uint8
    assert pixels.shape == (4, 5, 3)
    assert (pixels == rgb).all()


def test_a_cmyk_image_becomes_rgb(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    assert np.allclose(read_rgb(tmp_path / "print.jpg"), (255, 0, 0), atol=12)


def test_a_photograph_is_read_as_pillow_reads_it(gradio_media):
    path = gradio_media / "images" / "cheetah.jpg"
    with Image.open(path) as image:
        assert np.array_equal(read_rgb(path), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("name", ["cheetah.jpg", "bus.png"])
def test_an_image_cut_short_is_an_error_and_not_padded_with_grey(gradio_media, tmp_path, name):
    whole = (gradio_media / "images" / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError) as failure:
        read_rgb(path)
    assert_one_line(failure.value, path)


@pytest.mark.parametrize("content", [b"", b"dear diary\n" * 50, b"\xff\xd8\xff", b"<svg xmlns='x'/>"])
def test_a_file_that_is_no_image_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "image.jpg"
    path.write_bytes(content)
    with pytest.raises(SourceError) as failure:
        read_rgb(path)
    assert_one_line(failure.value, path)


@pytest.mark.parametrize("side_px", [10_000, 20_000, 60_000])
def test_a_small_file_that_declares_a_huge_image_is_rejected_before_it_is_decoded(tmp_path, side_px):
    path = tmp_path / "bomb.png"
    path.write_bytes(_png(side_px, side_px, b"\0" * 1000))
    start_s = time.thread_time()
    with pytest.raises(SourceError, match="is too large") as failure:
        read_rgb(path)
    # CPU time, so that other processes don't count; decoding even the smallest of these takes longer.
    assert time.thread_time() - start_s < 1.0
    assert_one_line(failure.value, path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="does not exist") as failure:
        read_rgb(tmp_path / "lion.jpg")
    assert_one_line(failure.value, tmp_path / "lion.jpg")


def test_a_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="not a file") as failure:
        read_rgb(tmp_path)
    assert_one_line(failure.value, tmp_path)


def test_16_bits_per_channel_are_scaled_to_8(tmp_path):
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    path = tmp_path / "ramp.png"
    Image.fromarray(ramp).save(path)
    np.testing.assert_array_equal(read_rgb(path), np.repeat((ramp >> 8)[..., np.newaxis], 3, axis=2))


def test_floating_point_levels_from_0_to_1_are_scaled_to_8_bits(tmp_path):
    path = tmp_path / "depth.tiff"
    ramp = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(ramp).save(path)
    np.testing.assert_array_equal(read_rgb(path)[..., 0], (ramp * 255).round())
