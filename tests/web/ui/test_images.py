"""Images are read as Chromium shows them."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from PIL import Image

from live_cam.sources.pictures.colour import SRGB_CURVE, SRGB_PRIMARIES, rgb_profile
from live_cam.sources.pictures.reader import read_rgb
from tests.sources.pictures.images import chunk, coloured, difference, encode, exif, grey, png

pytestmark = pytest.mark.slow

_P3 = rgb_profile((0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060), SRGB_CURVE)
_LINEAR = rgb_profile(SRGB_PRIMARIES, (1.0,))
_SHOW = """async (data) => {
  const response = await fetch('data:application/octet-stream;base64,' + data);
  const image = new Image();
  image.src = URL.createObjectURL(await response.blob());
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext('2d');
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  return [canvas.height, canvas.width, [...context.getImageData(0, 0, canvas.width, canvas.height).data]];
}"""


def _gamma(gamma):
    return chunk(b"gAMA", round(gamma * 100_000).to_bytes(4, "big"))


def _code_points(primaries, transfer):
    return chunk(b"cICP", bytes([primaries, transfer, 0, 1]))


def _primaries_of_p3():
    return chunk(b"cHRM", np.array([31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000], ">u4").tobytes())


def _avif(primaries, transfer):
    data = encode(coloured(), "AVIF", quality=100, subsampling="4:4:4")
    start = data.index(b"colrnclx") + len(b"colrnclx")
    return data[:start] + bytes([0, primaries, 0, transfer]) + data[start + 4 :]


_FILES = {
    "Display P3": lambda: png(coloured(), icc_profile=_P3),
    "Display P3 in JPEG": lambda: encode(coloured(), "JPEG", icc_profile=_P3),
    "Display P3 in WebP": lambda: encode(coloured(), "WEBP", lossless=True, icc_profile=_P3),
    "Display P3 in AVIF": lambda: encode(coloured(), "AVIF", icc_profile=_P3),
    "linear light": lambda: png(coloured(), icc_profile=_LINEAR),
    "grey of a profile of RGB": lambda: png(grey(), icc_profile=_LINEAR),
    "a palette": lambda: png(Image.fromarray(coloured()).quantize(64), icc_profile=_P3),
    "transparent": lambda: png(np.dstack([coloured(), grey()]), icc_profile=_P3),
    "transparent colour": lambda: encode(Image.fromarray(coloured()).quantize(64), "GIF", transparency=3),
    "16 bits": lambda: png(grey().astype(np.uint16) * 257, _gamma(1)),
    "gamma 0.3": lambda: png(coloured(), _gamma(0.3)),
    "gamma 0.48": lambda: png(coloured(), _gamma(0.48)),
    "default gamma": lambda: png(coloured(), _gamma(0.45455)),
    "gamma and primaries": lambda: png(coloured(), _gamma(0.45455), _primaries_of_p3()),
    "primaries alone": lambda: png(coloured(), _primaries_of_p3()),
    "sRGB above gamma": lambda: png(coloured(), _gamma(1), chunk(b"sRGB", b"\0")),
    "profile above gamma": lambda: png(coloured(), _gamma(1), chunk(b"iCCP", b"x\0\0" + zlib.compress(_P3))),
    "code points of Display P3": lambda: png(coloured(), _code_points(12, 13)),
    "code points of BT.2020": lambda: png(coloured(), _code_points(9, 1)),
    "code points of BT.709": lambda: png(coloured(), _code_points(1, 1)),
    "AVIF of Display P3": lambda: _avif(12, 13),
    "AVIF of BT.2020": lambda: _avif(9, 14),
    "AVIF of BT.601": lambda: _avif(6, 6),
    "mirrored": lambda: encode(coloured(), "JPEG", exif=exif(orientation=2)),
    "turned": lambda: png(coloured(), exif=exif(orientation=6)),
    "odd EXIF": lambda: encode(coloured(), "JPEG", exif=exif((0x0128, 7, 4, b"\2\0\0\0"), orientation=5)),
    "a wrong checksum": lambda: png(coloured(), chunk(b"tEXt", b"a\0b", checksum=1)),
    "CMYK": lambda: encode(Image.fromarray(coloured()).convert("CMYK"), "JPEG"),
}


@pytest.fixture(scope="module")
def page(chromium):
    page = chromium.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("data", _FILES.values(), ids=_FILES.keys())
def test_an_image_is_read_as_chromium_shows_it(page, tmp_path, data):
    path = tmp_path / "image"
    path.write_bytes(data())
    height_px, width_px, rgba = page.evaluate(_SHOW, base64.b64encode(path.read_bytes()).decode())
    shown = np.array(rgba, np.uint8).reshape(height_px, width_px, 4)[..., :3]
    assert difference(read_rgb(path), shown) <= 2
