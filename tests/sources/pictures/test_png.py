import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.pictures.reader import read_rgb
from tests.sources.helpers import assert_one_line
from tests.sources.pictures.images import chunk, coloured, encode, png

_TEXT = b"prompt\0\0" + zlib.compress(b"a lion, " * 300_000)


def _read(tmp_path, data):
    path = tmp_path / "image.png"
    path.write_bytes(data)
    return read_rgb(path)


@pytest.mark.parametrize(
    "kind",
    [b"tEXt", b"zTXt", b"iTXt", b"bKGD", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"tIME", b"sBIT", b"hIST", b"iCCP",
     b"tRNS", b"eXIf", b"vpAg"],
)  # fmt: skip
@pytest.mark.parametrize("data", [b"", b"\1", b"x" * 7])
@pytest.mark.parametrize("is_checksum_right", [True, False])
def test_an_ancillary_chunk_of_odd_length_or_with_a_wrong_checksum_is_passed_over(
    tmp_path, kind, data, is_checksum_right
):
    damaged = chunk(kind, data, None if is_checksum_right else 1)
    np.testing.assert_array_equal(_read(tmp_path, png(coloured(), damaged)), coloured())


@pytest.mark.parametrize("after_pixels", [False, True])
@pytest.mark.parametrize(
    "text",
    [chunk(b"zTXt", _TEXT), chunk(b"iTXt", b"workflow\0\1\0\0\0" + _TEXT[8:]), chunk(b"tEXt", b"k\0" + bytes(3 << 20))],
)
def test_texts_of_megabytes_are_passed_over(tmp_path, text, after_pixels):
    data = encode(coloured(), "PNG")
    data = data[:-12] + text + data[-12:] if after_pixels else png(coloured(), text)
    np.testing.assert_array_equal(_read(tmp_path, data), coloured())


def test_a_profile_that_inflates_to_gigabytes_is_passed_over(tmp_path):
    bomb = zlib.compressobj()
    data = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(64)) + bomb.flush()
    np.testing.assert_array_equal(_read(tmp_path, png(coloured(), chunk(b"iCCP", b"x\0\0" + data))), coloured())


def _idat(data):
    """Returns start and end of the only pixel chunk's data."""
    start = data.index(b"IDAT") + 4
    return start, start + struct.unpack(">I", data[start - 8 : start - 4])[0]


@pytest.mark.parametrize("level", [0, 9])
def test_pixels_with_a_wrong_sum_are_shown(tmp_path, level, logged_warnings):
    data = bytearray(encode(coloured(), "PNG", compress_level=level))
    _, end = _idat(data)
    data[end - 1] ^= 0xFF
    data[end : end + 4] = struct.pack(">I", zlib.crc32(data[data.index(b"IDAT") : end]))
    np.testing.assert_array_equal(_read(tmp_path, data), coloured())
    assert len(logged_warnings()) == 1


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "1"])
def test_a_png_without_its_last_bytes_is_shown_with_a_warning(tmp_path, mode, logged_warnings):
    image = Image.fromarray(coloured()).convert(mode)
    whole = encode(image, "PNG", compress_level=0)
    _, end = _idat(whole)
    rgb = _read(tmp_path, whole[: end - 4 - 5])
    expected = np.asarray(image.convert("RGBA").convert("RGB"))
    np.testing.assert_array_equal(rgb[:-1], expected[:-1])
    (warning,) = logged_warnings()
    assert "of its pixels are missing" in warning


def test_a_png_with_a_third_of_its_rows_missing_is_an_error_that_says_how_many(tmp_path):
    whole = encode(coloured(), "PNG", compress_level=0)
    start, end = _idat(whole)
    with pytest.raises(SourceError, match=r"is cut short \(3\d% of its pixels are missing\)") as failure:
        _read(tmp_path, whole[: start + (end - start) * 2 // 3])
    assert_one_line(failure.value, tmp_path)


def test_an_interlaced_png_cut_short_is_measured_in_pixels(tmp_path, logged_warnings):
    rows = b""
    rgb = coloured()
    for column, row, column_step, row_step in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ):  # fmt: skip
        part = rgb[row::row_step, column::column_step]
        rows += b"".join(b"\0" + line.tobytes() for line in part)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], 8, 2, 0, 0, 1))

    def interlaced(compressed):
        return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", compressed) + chunk(b"IEND")

    compressed = zlib.compress(rows, 0)
    np.testing.assert_array_equal(_read(tmp_path, interlaced(compressed)), rgb)
    shown = _read(tmp_path, interlaced(compressed[: -4 - 193]))  # the checksum, and the last row of the last pass
    np.testing.assert_array_equal(shown[:-1], rgb[:-1])
    assert "2.1% of its pixels are missing" in logged_warnings()[0]
