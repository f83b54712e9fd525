import struct
from itertools import product

import numpy as np
import pytest
import tifffile
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.pictures.reader import read_rgb
from tests.sources.helpers import assert_one_line
from tests.sources.pictures.images import coloured, difference, encode, grey

_TYPES = {
    "uint8": lambda levels: levels,
    "uint16": lambda levels: levels.astype(np.uint16) * 257,
    "uint32": lambda levels: levels.astype(np.uint32) * 0x01010101,
    "float16": lambda levels: (levels / 255).astype(np.float16),
    "float32": lambda levels: (levels / 255).astype(np.float32),
    "float64": lambda levels: levels / 255,
}
_COMPRESSIONS = [(None, False), ("zlib", False), ("zlib", True)]
"""And whether levels are stored as differences; tifffile can't write floating-point ones that way."""
_GREY_AS_RGB = np.repeat(grey()[..., np.newaxis], 3, axis=2)


def _over_white(colours):
    alpha = grey()[..., np.newaxis] / 255
    return (colours * alpha + 255 * (1 - alpha)).round().astype(np.uint8)


# Stored levels, photometric, extra samples, and what they show.
_KINDS = {
    "grey": (grey(), "minisblack", None, _GREY_AS_RGB),
    "inverted grey": (255 - grey(), "miniswhite", None, _GREY_AS_RGB),
    "colours": (coloured(), "rgb", None, coloured()),
    "transparent": (np.dstack([coloured(), grey()]), "rgb", ["unassalpha"], _over_white(coloured())),
    "grey, transparent": (np.dstack([grey(), grey()]), "minisblack", ["unassalpha"], _over_white(_GREY_AS_RGB)),
    "with a fourth channel": (np.dstack([coloured(), grey()]), "rgb", ["unspecified"], coloured()),
    "ink": (np.dstack([255 - coloured(), np.zeros_like(grey())]), "separated", None, coloured()),
}


def _write(path, levels, photometric, planar, compression=None, predictor=False, **options):
    is_planar = planar and levels.ndim == 3
    tifffile.imwrite(
        path,
        np.moveaxis(levels, -1, 0) if is_planar else levels,
        photometric=photometric,
        planarconfig=("separate" if is_planar else "contig") if levels.ndim == 3 else None,
        compression=compression,
        predictor=predictor or None,
        metadata=None,
        **options,
    )


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("data_type", _TYPES)
def test_every_kind_shows_its_picture(tmp_path, kind, data_type):
    levels, photometric, extra_samples, expected = _KINDS[kind]
    stored = _TYPES[data_type](levels)
    for number, ((compression, predictor), planar, tile, order) in enumerate(
        product(_COMPRESSIONS, (False, True), (None, (16, 32)), "<>")
    ):
        if predictor and stored.dtype.kind == "f":
            continue
        path = tmp_path / f"{number}.tif"
        layout = {"tile": tile, "byteorder": order, "extrasamples": extra_samples}
        _write(path, stored, photometric, planar, compression, predictor, **layout)
        assert difference(read_rgb(path), expected) <= 2, (compression, planar, tile, order)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "F", "CMYK", "P", "1"])
def test_the_compressions_of_other_programs_are_read(tmp_path, compression, mode):
    path = tmp_path / "scan.tif"
    if mode in ("I;16", "F"):
        Image.fromarray(_TYPES[{"I;16": "uint16", "F": "float32"}[mode]](grey())).save(path, compression=compression)
        expected = _GREY_AS_RGB
    else:
        image = Image.fromarray(coloured())
        image = image.quantize(64) if mode == "P" else image.convert(mode)
        image.save(path, compression=compression)
        expected = np.asarray(image.convert("RGB"))
    assert difference(read_rgb(path), expected) <= 1


def _raw_tiff(pixels, *entries, bits=(8,), size_px=None):
    """Returns a TIFF of uncompressed data, with tags of short values."""
    height_px, width_px = size_px or grey().shape
    shorts = {
        256: [width_px],
        257: [height_px],
        258: list(bits),
        259: [1],
        262: [1],
        277: [len(bits)],
        278: [height_px],
    }
    shorts |= dict(entries)
    count = len(shorts) + 2
    extra_start = 8 + 2 + count * 12 + 4
    extra = b""
    table = []
    for tag, values in shorts.items():
        packed = struct.pack(f"<{len(values)}H", *values)
        if len(packed) > 4:
            packed, extra = struct.pack("<I", extra_start + len(extra)), extra + packed
        table.append(struct.pack("<HHI4s", tag, 3, len(values), packed))
    for tag, value in ((273, extra_start + len(extra)), (279, len(pixels))):
        table.append(struct.pack("<HHII", tag, 4, 1, value))
    return b"II*\0" + struct.pack("<IH", 8, count) + b"".join(sorted(table)) + bytes(4) + extra + pixels


def _packed(levels, bits):
    """Packs each row of 8-bit levels as integers of `bits` bits."""
    rows = levels.reshape(levels.shape[0], -1).astype(np.uint32) << (bits - 8)
    planes = (rows[..., np.newaxis] >> np.arange(bits - 1, -1, -1, dtype=np.uint32)) & 1
    return np.packbits(planes.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_bits_are_neither_too_dark_nor_refused(tmp_path, bits):
    path = tmp_path / "grey.tif"
    path.write_bytes(_raw_tiff(_packed(grey(), bits), bits=(bits,)))
    assert difference(read_rgb(path), _GREY_AS_RGB) <= 1
    path.write_bytes(_raw_tiff(_packed(coloured(), bits), (262, [2]), bits=(bits,) * 3))
    assert difference(read_rgb(path), coloured()) <= 1


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_the_largest_value_says_how_many_bits_are_used(tmp_path, bits):
    stored = (grey().astype(np.uint32) * ((1 << bits) - 1) // 255).astype(np.uint16)
    path = tmp_path / "microscope.tif"
    _write(path, stored, "minisblack", False, extratags=[(281, 3, 1, (1 << bits) - 1, True)])
    assert difference(read_rgb(path), _GREY_AS_RGB) <= 1
    # The brightest value of the picture, which some programs write there, is not its white.
    _write(path, _TYPES["uint16"](grey()), "minisblack", False, extratags=[(281, 3, 1, 50_000, True)])
    assert difference(read_rgb(path), _GREY_AS_RGB) == 0


def test_the_display_range_of_imagej_is_applied(tmp_path):
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, grey().astype(np.uint16) * 16 + 100, imagej=True, metadata={"min": 100.0, "max": 4180.0})
    assert difference(read_rgb(path), _GREY_AS_RGB) <= 1


def _ycbcr():
    return np.asarray(Image.fromarray(coloured()).convert("YCbCr"))


@pytest.mark.parametrize("planar", [1, 2])
def test_uncompressed_ycbcr_is_converted(tmp_path, planar):
    pixels = _ycbcr().tobytes() if planar == 1 else np.moveaxis(_ycbcr(), -1, 0).tobytes()
    path = tmp_path / "scan.tif"
    if planar == 1:
        path.write_bytes(_raw_tiff(pixels, (262, [6]), (530, [1, 1]), bits=(8,) * 3))
    else:
        _write(path, _ycbcr(), "ycbcr", True, subsampling=(1, 1))
    assert np.abs(read_rgb(path).astype(int) - coloured()).mean() < 1.5


def test_subsampled_ycbcr_is_converted(tmp_path):
    ycbcr = _ycbcr()
    pairs = ycbcr.reshape(ycbcr.shape[0], -1, 2, 3)
    chroma = pairs[..., 1:].mean(axis=2).round().astype(np.uint8)
    pixels = np.concatenate([pairs[..., 0], chroma], axis=-1).tobytes()
    path = tmp_path / "scan.tif"
    path.write_bytes(_raw_tiff(pixels, (262, [6]), (530, [2, 1]), bits=(8,) * 3))
    assert np.abs(read_rgb(path).astype(int) - coloured()).mean() < 3


@pytest.mark.parametrize("orientation", [1, 6, 8])
@pytest.mark.parametrize("data_type", ["uint8", "uint16", "float32"])
def test_the_orientation_is_applied_once(tmp_path, data_type, orientation):
    path = tmp_path / "scan.tif"
    extratags = [(274, 3, 1, orientation, True)]
    _write(path, _TYPES[data_type](255 - grey()), "miniswhite", False, extratags=extratags)
    assert difference(read_rgb(path), np.rot90(_GREY_AS_RGB, {1: 0, 6: -1, 8: 1}[orientation])) <= 1


def _thumbnail():
    return 255 - coloured()[::4, ::4]


@pytest.mark.parametrize("is_below", [False, True])
@pytest.mark.parametrize("data_type", ["uint8", "uint16"])
def test_the_picture_is_shown_and_not_its_preview(tmp_path, data_type, is_below):
    path = tmp_path / "raw.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(_thumbnail(), photometric="rgb", metadata=None, subfiletype=1, subifds=1 if is_below else None)
        tiff.write(_TYPES[data_type](coloured()), photometric="rgb", metadata=None)
    assert difference(read_rgb(path), coloured()) == 0


def test_a_preview_that_is_not_marked_is_known_by_its_shape(tmp_path):
    path = tmp_path / "pyramid.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(_thumbnail(), photometric="rgb", metadata=None)
        tiff.write(coloured(), photometric="rgb", metadata=None)
    assert difference(read_rgb(path), coloured()) == 0


def test_of_a_document_s_pages_the_first_is_shown(tmp_path):
    path = tmp_path / "fax.tif"
    with tifffile.TiffWriter(path) as tiff:
        for page in (coloured(), 255 - coloured(), np.zeros((300, 200, 3), np.uint8)):
            tiff.write(page, photometric="rgb", metadata=None)
    assert difference(read_rgb(path), coloured()) == 0


@pytest.mark.parametrize(
    ("levels", "photometric", "reason"),
    [
        (grey().astype(np.float32), "minisblack", r"floating-point numbers from \d+ to \d+, and does not say which is"),
        (grey().astype(np.uint32), "minisblack", "has 32-bit integers from"),
        (grey().astype(np.int16), "minisblack", "has signed integers from"),
        (np.dstack([grey()] * 5), "minisblack", "has 5 channels of 8 bits, and does not say which of them are colours"),
        (grey().astype(np.uint16), "cfa", "raw data of a camera's sensor"),
    ],
)
def test_what_can_t_be_shown_right_is_refused_with_the_reason(tmp_path, levels, photometric, reason):
    path = tmp_path / "measured.tif"
    _write(path, levels, photometric, False)
    with pytest.raises(SourceError, match=reason) as failure:
        read_rgb(path)
    assert_one_line(failure.value, path)


@pytest.mark.parametrize("data_type", _TYPES)
@pytest.mark.parametrize("planar", [False, True])
def test_a_tiff_cut_short_is_refused(tmp_path, data_type, planar):
    path = tmp_path / "scan.tif"
    _write(path, _TYPES[data_type](coloured()), "rgb", planar)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(SourceError, match=r"cut short|truncated") as failure:
        read_rgb(path)
    assert_one_line(failure.value, path)


def test_a_tiff_is_read_as_the_png_of_the_same_picture(tmp_path):
    (tmp_path / "a.tif").write_bytes(encode(coloured(), "TIFF"))
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.tif"), coloured())
