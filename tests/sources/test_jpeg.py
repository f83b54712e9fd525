import random

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.decode.jpeg_decoders import MAX_PIXELS
from live_cam.sources.jpeg import JpegLimitError, check_jpeg, decode_jpeg
from tests.jpegs import encode, with_declared_size, with_scans

_ORIENTATION = 0x0112


@pytest.fixture
def photograph(gradio_media):
    """A photograph, 320x240."""
    with Image.open(gradio_media / "images" / "lion.jpg") as image:
        return image.convert("RGB").resize((320, 240))


def decode(data):
    """Decodes what visitors may send."""
    size_px = check_jpeg(data, MAX_PIXELS)
    rgb = decode_jpeg(data)
    assert rgb.shape[1::-1] == size_px
    return rgb


def test_colours_and_size_are_kept(photograph):
    rgb = decode(encode(photograph, quality=95))
    assert rgb.dtype == np.uint8
    assert rgb.shape == (240, 320, 3)
    assert np.abs(rgb.astype(int) - np.asarray(photograph)).mean() < 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colour_spaces_become_rgb(photograph, mode):
    rgb = decode(encode(photograph.convert(mode), quality=95))
    assert rgb.shape == (240, 320, 3)
    assert np.abs(rgb.astype(int) - np.asarray(photograph.convert(mode).convert("RGB"))).mean() < 12


def test_progressive_jpegs_are_decoded(photograph):
    assert decode(encode(photograph, progressive=True)).shape == (240, 320, 3)


def test_the_exif_orientation_is_ignored_since_browsers_apply_it(photograph):
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    assert decode(encode(photograph, exif=exif)).shape == (240, 320, 3)


@pytest.mark.parametrize("size_px", [(1, 1), (1, 3000), (3000, 1), (1920, 1920)])
def test_unusual_sizes_are_decoded(size_px):
    assert decode(encode(Image.new("RGB", size_px, (200, 10, 10)))).shape == (*size_px[::-1], 3)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP", "WEBP"])
def test_other_image_formats_are_rejected(photograph, kind):
    with pytest.raises(SourceError, match="JPEG"):
        decode(encode(photograph, kind))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"hello" * 1000, bytes(5000)])
def test_data_that_is_no_image_is_rejected(data):
    with pytest.raises(SourceError, match="JPEG"):
        decode(data)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_data_is_rejected(photograph, share):
    jpeg = encode(photograph)
    with pytest.raises(SourceError, match=r"damaged|no JPEG"):
        decode(jpeg[: int(share * len(jpeg))])


@pytest.mark.parametrize("size_px", [(1921, 1920), (4000, 3000), (10_000, 10_000), (60_000, 60_000), (65_535, 65_535)])
def test_a_huge_declared_size_is_rejected_before_decoding_and_named(photograph, size_px):
    with pytest.raises(JpegLimitError, match="{}x{}".format(*size_px)):
        check_jpeg(with_declared_size(encode(photograph), *size_px), MAX_PIXELS)


def test_the_size_that_counts_is_the_decoder_s_and_not_one_in_metadata(photograph):
    jpeg, thumbnail = (encode(photograph.resize(size_px)) for size_px in ((200, 100), (40, 20)))
    metadata = b"\xff\xe1" + (2 + len(thumbnail)).to_bytes(2) + thumbnail
    assert decode(jpeg[:2] + metadata + b"\xff\xff" + jpeg[2:]).shape == (100, 200, 3)


@pytest.mark.parametrize("size_px", [(0, 240), (320, 0)])
def test_an_empty_image_is_rejected(photograph, size_px):
    with pytest.raises(SourceError, match="JPEG"):
        check_jpeg(with_declared_size(encode(photograph), *size_px), MAX_PIXELS)


def test_thousands_of_scans_are_rejected_before_decoding():
    with pytest.raises(JpegLimitError, match="6000 scans"):
        check_jpeg(with_scans(6000), MAX_PIXELS)


def test_as_many_scans_as_encoders_write_are_decoded():
    assert decode(with_scans(32, (64, 48))).shape == (48, 64, 3)


def test_arithmetic_coding_is_rejected(photograph):
    with pytest.raises(SourceError, match="JPEG"):
        check_jpeg(encode(photograph).replace(b"\xff\xc0", b"\xff\xc9", 1), MAX_PIXELS)


def test_a_header_without_end_is_rejected(photograph):
    jpeg = encode(photograph)
    with pytest.raises(SourceError, match="JPEG"):
        check_jpeg(jpeg[:2] + 100_000 * b"\xff\xe0\x00\x02" + jpeg[2:], MAX_PIXELS)


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
            rgb = decode(bytes(data))
            assert rgb.ndim == 3
            outcomes["decoded"] += 1
        except SourceError:
            outcomes["rejected"] += 1
    assert min(outcomes.values()) > 50
