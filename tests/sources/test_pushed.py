import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.pushed import decode_jpeg

# Pillow warns of what is refused here anyway, or does no harm.
pytestmark = pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning", "ignore::UserWarning")


@pytest.fixture
def photograph(gradio_media):
    """A photograph, 320x240."""
    with Image.open(gradio_media / "images" / "lion.jpg") as image:
        return image.convert("RGB").resize((320, 240))


def encoded(image, kind="JPEG", **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def claiming(jpeg, width_px, height_px):
    """Gives the JPEG with another size in its header."""
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + struct.pack(">HH", height_px, width_px) + jpeg[start + 4 :]


def test_a_photograph_comes_out_in_its_colours_and_size(photograph):
    rgb = decode_jpeg(encoded(photograph, quality=95))
    assert (rgb.dtype, rgb.shape) == (np.uint8, (240, 320, 3))
    assert np.abs(rgb.astype(int) - np.asarray(photograph)).mean() < 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colour_spaces_become_rgb(photograph, mode):
    rgb = decode_jpeg(encoded(photograph.convert(mode), quality=95))
    assert rgb.shape == (240, 320, 3)
    assert np.abs(rgb.astype(int) - np.asarray(photograph.convert(mode).convert("RGB"))).mean() < 12


def test_progressive_ones_are_read_too(photograph):
    assert decode_jpeg(encoded(photograph, progressive=True)).shape == (240, 320, 3)


def test_a_browser_turns_its_pictures_itself_so_a_mark_to_turn_them_is_not_heeded(photograph):
    mark = Image.Exif()
    mark[0x0112] = 6
    assert decode_jpeg(encoded(photograph, exif=mark)).shape == (240, 320, 3)


@pytest.mark.parametrize("size_px", [(1, 1), (1, 3000), (3000, 1), (1920, 1920)])
def test_odd_sizes_are_taken(size_px):
    assert decode_jpeg(encoded(Image.new("RGB", size_px, (200, 10, 10)))).shape == (*size_px[::-1], 3)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP", "WEBP"])
def test_other_kinds_of_pictures_are_refused(photograph, kind):
    with pytest.raises(SourceError, match="JPEG"):
        decode_jpeg(encoded(photograph, kind))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"hello" * 1000, bytes(5000)])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(SourceError, match="JPEG"):
        decode_jpeg(data)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_picture_of_which_the_end_is_missing_is_refused(photograph, share):
    jpeg = encoded(photograph)
    with pytest.raises(SourceError, match=r"damaged|no JPEG"):
        decode_jpeg(jpeg[: int(share * len(jpeg))])


@pytest.mark.parametrize("size_px", [(1921, 1920), (4000, 3000), (10_000, 10_000), (60_000, 60_000), (65_535, 65_535)])
def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_decoded(photograph, size_px):
    with pytest.raises(SourceError, match=r"pixels|JPEG"):
        decode_jpeg(claiming(encoded(photograph), *size_px))


def test_the_size_that_is_refused_is_told(photograph):
    with pytest.raises(SourceError, match="4000x3000"):
        decode_jpeg(claiming(encoded(photograph), 4000, 3000))


def test_damage_anywhere_never_causes_anything_but_a_picture_or_a_refusal(photograph):
    dice = random.Random(7)
    small = photograph.resize((64, 48))
    mark = Image.Exif()
    mark[0x0112] = 6
    plain, marked = encoded(small), encoded(small, exif=mark, progressive=True)
    several = encoded(small, "MPO", save_all=True, append_images=[small])
    outcomes = {"picture": 0, "refusal": 0}
    for _ in range(400):
        data = bytearray(dice.choice([plain, marked, several]))
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(min(len(data), dice.choice([60, 200, 700, len(data)])))] = dice.choice([0, 255, 127, 8])
        try:
            rgb = decode_jpeg(bytes(data))
            assert rgb.ndim == 3
            outcomes["picture"] += 1
        except SourceError:
            outcomes["refusal"] += 1
    assert min(outcomes.values()) > 50
