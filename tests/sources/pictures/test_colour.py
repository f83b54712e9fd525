import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from live_cam.sources.pictures.colour import SRGB_CURVE, SRGB_PRIMARIES, rgb_profile
from live_cam.sources.pictures.reader import read_rgb
from tests.sources.pictures.heic import heic
from tests.sources.pictures.images import chunk, coloured, difference, encode, grey, png

_P3_PRIMARIES = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
_P3 = rgb_profile(_P3_PRIMARIES, SRGB_CURVE)
_LINEAR = rgb_profile(SRGB_PRIMARIES, (1.0,))
# From CSS Color 4, section 18, of which browsers make their conversions.
_P3_TO_XYZ = np.array([[608311, 189793, 198249], [35783, 247089, 198249], [0, 32229, 5220557]]) / [
    [1250200, 714400, 1000160],
    [156275, 357200, 2500400],
    [1, 714400, 5000800],
]
_XYZ_TO_SRGB = np.array([[12831, -329, -1974], [-851781, 1648619, 36519], [705, -2585, 705]]) / [
    [3959, 214, 3959],
    [878810, 878810, 878810],
    [12673, 12673, 667],
]


def _decode(encoded):
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encode_srgb(linear):
    linear = linear.clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (encoded * 255).round().astype(np.uint8)


def _p3_shown_as_srgb(rgb):
    return _encode_srgb(_decode(rgb / 255) @ (_XYZ_TO_SRGB @ _P3_TO_XYZ).T)


def _read(tmp_path, data):
    path = tmp_path / "image"
    path.write_bytes(data)
    return read_rgb(path)


_LOSSLESS = {
    "iCCP": lambda rgb: png(rgb, icc_profile=_P3),
    "cICP": lambda rgb: png(rgb, chunk(b"cICP", bytes([12, 13, 0, 1]))),
    "cICP above sRGB": lambda rgb: png(rgb, chunk(b"cICP", bytes([12, 13, 0, 1])), chunk(b"sRGB", b"\0")),
    "WebP": lambda rgb: encode(rgb, "WEBP", lossless=True, icc_profile=_P3),
    "TIFF": lambda rgb: encode(rgb, "TIFF", icc_profile=_P3),
}


@pytest.mark.parametrize("kind", _LOSSLESS)
def test_display_p3_becomes_srgb(tmp_path, kind):
    shown = _read(tmp_path, _LOSSLESS[kind](coloured()))
    assert difference(shown, _p3_shown_as_srgb(coloured())) <= 1
    assert difference(shown, coloured()) > 10


_OF_PHONES = {
    "JPEG": lambda rgb: encode(rgb, "JPEG", quality=100, subsampling=0, icc_profile=_P3),
    "AVIF": lambda rgb: encode(rgb, "AVIF", quality=100, subsampling="4:4:4", icc_profile=_P3),
    "HEIC": lambda rgb: heic(rgb, _P3),
}


@pytest.mark.parametrize("kind", _OF_PHONES)
def test_photographs_of_phones_become_srgb(tmp_path, kind):
    shown = _read(tmp_path, _OF_PHONES[kind](coloured()))
    assert np.abs(shown.astype(int) - _p3_shown_as_srgb(coloured())).mean() < 1.5


def test_the_code_points_of_avif_become_srgb(tmp_path):
    data = encode(coloured(), "AVIF", quality=100, subsampling="4:4:4")
    start = data.index(b"colrnclx") + len(b"colrnclx")
    data = data[:start] + b"\0\x0c\0\x0d" + data[start + 4 :]
    assert np.abs(_read(tmp_path, data).astype(int) - _p3_shown_as_srgb(coloured())).mean() < 1.5


@pytest.mark.parametrize(
    "chunks", [[chunk(b"iCCP", b"x\0\0" + zlib.compress(_LINEAR))], [chunk(b"cICP", bytes([1, 8, 0, 1]))]]
)
def test_linear_light_becomes_srgb(tmp_path, chunks):
    shown = _read(tmp_path, png(coloured(), *chunks))
    assert difference(shown, _encode_srgb(coloured() / 255)) <= 1


@pytest.mark.parametrize("image", [grey(), Image.fromarray(grey()).convert("LA"), grey().astype(np.uint16) * 257])
def test_a_grey_image_is_converted_by_a_profile_of_rgb(tmp_path, image):
    shown = _read(tmp_path, png(image, icc_profile=_LINEAR))
    assert difference(shown, np.repeat(_encode_srgb(grey() / 255)[..., np.newaxis], 3, axis=2)) <= 1


def test_transparency_is_composed_after_the_conversion(tmp_path):
    rgba = np.dstack([coloured(), np.full(coloured().shape[:2], 128, np.uint8)])
    shown = _read(tmp_path, png(rgba, icc_profile=_P3))
    expected = _p3_shown_as_srgb(coloured()) * (128 / 255) + 127
    assert np.abs(shown - expected).max() <= 2


def test_a_palette_is_converted(tmp_path):
    palette = Image.fromarray(coloured()).quantize(64)
    shown = _read(tmp_path, png(palette, icc_profile=_P3))
    assert difference(shown, _p3_shown_as_srgb(np.asarray(palette.convert("RGB")))) <= 1


@pytest.mark.parametrize("gamma", [0.3, 0.5, 1.0])
def test_the_gamma_of_a_png_is_applied(tmp_path, gamma):
    shown = _read(tmp_path, png(coloured(), chunk(b"gAMA", int(gamma * 100_000).to_bytes(4, "big"))))
    assert difference(shown, _encode_srgb((coloured() / 255) ** (1 / gamma))) <= 1


_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
_GAMMA = chunk(b"gAMA", (45455).to_bytes(4, "big"))
_GAMMA_OF_LINEAR_LIGHT = chunk(b"gAMA", (100_000).to_bytes(4, "big"))
_GREY_PROFILE = _P3[:16] + b"GRAY" + _P3[20:]


@pytest.mark.parametrize(
    "data",
    [
        png(coloured()),
        png(coloured(), icc_profile=_SRGB),
        png(coloured(), icc_profile=rgb_profile(SRGB_PRIMARIES, SRGB_CURVE)),
        png(coloured(), _GAMMA),
        png(coloured(), _GAMMA_OF_LINEAR_LIGHT, chunk(b"sRGB", b"\0")),
        png(coloured(), chunk(b"cICP", bytes([1, 13, 0, 1]))),
        png(coloured(), icc_profile=_P3[:200]),
        png(coloured(), icc_profile=b"no profile"),
        png(coloured(), icc_profile=_GREY_PROFILE),
    ],
    ids=[
        "untagged",
        "sRGB",
        "our sRGB",
        "default gamma",
        "gamma below sRGB",
        "cICP",
        "cut",
        "nonsense",
        "grey profile",
    ],
)
def test_srgb_and_profiles_that_do_not_apply_leave_the_pixels_exact(tmp_path, data):
    np.testing.assert_array_equal(_read(tmp_path, data), coloured())
