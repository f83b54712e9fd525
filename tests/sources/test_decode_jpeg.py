import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.image import decode_jpeg

# Pillow warns of images that are rejected here anyway, or that do no harm.
pytestmark = pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning", "ignore::UserWarning")

_ORIENTATION = 0x0112


@pytest.fixture
def photograph(gradio_media):
    """A photograph, 320x240."""
    with Image.open(gradio_media / "images" / "lion.jpg") as image:
        return image.convert("RGB").resize((320, 240))


def encode(image, kind="JPEG", **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def with_declared_size(jpeg, width_px, height_px):
    """Returns the JPEG with another size in its header."""
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + struct.pack(">HH", height_px, width_px) + jpeg[start + 4 :]


def test_colours_and_size_are_kept(photograph):
    rgb = decode_jpeg(encode(photograph, quality=95))
    assert rgb.dtype == np.uint8
    assert rgb.shape == (240, 320, 3)
    assert np.abs(rgb.astype(int) - np.asarray(photograph)).mean() < 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colour_spaces_become_rgb(photograph, mode):
    rgb = decode_jpeg(encode(photograph.convert(mode), quality=95))
    assert rgb.shape == (240, 320, 3)
    assert np.abs(rgb.astype(int) - np.asarray(photograph.convert(mode).convert("RGB"))).mean() < 12


def test_progressive_jpegs_are_decoded(photograph):
    assert decode_jpeg(encode(photograph, progressive=True)).shape == (240, 320, 3)


def test_the_exif_orientation_is_ignored_since_browsers_apply_it(photograph):
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    assert decode_jpeg(encode(photograph, exif=exif)).shape == (240, 320, 3)


@pytest.mark.parametrize("size_px", [(1, 1), (1, 3000), (3000, 1), (1920, 1920)])
def test_unusual_sizes_are_decoded(size_px):
    assert decode_jpeg(encode(Image.new("RGB", size_px, (200, 10, 10)))).shape == (*size_px[::-1], 3)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP", "WEBP"])
def test_other_image_formats_are_rejected(photograph, kind):
    with pytest.raises(SourceError, match="JPEG"):
        decode_jpeg(encode(photograph, kind))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"hello" * 1000, bytes(5000)])
def test_data_that_is_no_image_is_rejected(data):
    with pytest.raises(SourceError, match="JPEG"):
        decode_jpeg(data)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_data_is_rejected(photograph, share):
    jpeg = encode(photograph)
    with pytest.raises(SourceError, match=r"damaged|no JPEG"):
        decode_jpeg(jpeg[: int(share * len(jpeg))])


@pytest.mark.parametrize("size_px", [(1921, 1920), (4000, 3000), (10_000, 10_000), (60_000, 60_000), (65_535, 65_535)])
def test_a_huge_declared_size_is_rejected_before_decoding(photograph, size_px):
    with pytest.raises(SourceError, match=r"pixels|JPEG"):
        decode_jpeg(with_declared_size(encode(photograph), *size_px))


def test_the_error_names_the_rejected_size(photograph):
    with pytest.raises(SourceError, match="4000x3000"):
        decode_jpeg(with_declared_size(encode(photograph), 4000, 3000))


def test_damaged_data_is_decoded_or_rejected(photograph):
    rng = random.Random(7)
    small = photograph.resize((64, 48))
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    plain, tagged = encode(small), encode(small, exif=exif, progressive=True)
    several = encode(small, "MPO", save_all=True, append_images=[small])
    outcomes = {"decoded": 0, "rejected": 0}
    for _ in range(400):
        data = bytearray(rng.choice([plain, tagged, several]))
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(min(len(data), rng.choice([60, 200, 700, len(data)])))] = rng.choice([0, 255, 127, 8])
        try:
            rgb = decode_jpeg(bytes(data))
            assert rgb.ndim == 3
            outcomes["decoded"] += 1
        except SourceError:
            outcomes["rejected"] += 1
    assert min(outcomes.values()) > 50
