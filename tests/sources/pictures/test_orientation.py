import struct

import numpy as np
import pytest

from live_cam.sources.pictures.orientation import exif_orientation
from live_cam.sources.pictures.reader import read_rgb
from tests.sources.pictures.images import coloured, difference, encode, exif

_ODD = {
    "X resolution as text": (0x011A, 2, 4, b"72 \0"),
    "X resolution as a signed fraction at no place": (0x011A, 10, 1, struct.pack("<I", 1 << 30)),
    "unit as undefined bytes": (0x0128, 7, 4, b"\2\0\0\0"),
    "white point as undefined bytes": (0x013E, 7, 4, b"\1\2\3\4"),
    "maker as a number with a decimal point": (0x010F, 11, 1, struct.pack("<f", 1.5)),
    "width as text": (0x0100, 2, 4, b"640\0"),
    "bits as text": (0x0102, 2, 4, b"888\0"),
    "a tag of 64 bits": (0x0213, 16, 1, b"\xff\xff\xff\xff"),
    "a type that does not exist": (0x0131, 99, 1, b"\1\2\3\4"),
    "a value beyond the end": (0x0132, 2, 1 << 30, b"\xff\xff\xff\x7f"),
}


@pytest.mark.parametrize("entry", _ODD.values(), ids=_ODD.keys())
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP"])
def test_an_image_whose_exif_has_odd_types_is_upright(tmp_path, format_name, entry):
    options: dict[str, dict[str, int]] = {
        "PNG": {},
        "WEBP": {"lossless": 1},
        "JPEG": {"quality": 100, "subsampling": 0},
    }
    path = tmp_path / "photo"
    path.write_bytes(encode(coloured(), format_name, exif=exif(entry), **options[format_name]))
    assert difference(read_rgb(path), np.rot90(coloured(), -1)) <= 8


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Exif\0\0",
        b"II*\0\xff\xff\xff\xff",
        exif()[:16],
        exif(orientation=0),
        exif(orientation=9),
        b"XX" + exif()[8:],
    ],
)
def test_without_a_valid_orientation_an_image_is_upright_as_stored(data):
    assert exif_orientation(data) == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "packing"), [(3, "HH"), (4, "I")])
def test_both_byte_orders_and_both_integer_types_are_read(order, kind, packing):
    values = (8, 0) if packing == "HH" else (8,)
    header = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, 1)
    assert exif_orientation(header + struct.pack(f"{order}HHI{packing}", 0x0112, kind, 1, *values)) == 8
