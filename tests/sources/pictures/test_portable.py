import cv2
import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources.pictures.reader import read_rgb
from tests.sources.helpers import assert_one_line
from tests.sources.pictures.images import coloured, difference, grey

_HEADER = "P7\nWIDTH {}\nHEIGHT {}\nDEPTH {}\nMAXVAL {}\n# made by hand\nTUPLTYPE {}\nENDHDR\n"


def _pam(levels, white, kind="RGB", num_missing=0):
    height_px, width_px, depth = levels.shape
    stored = (levels.astype(np.uint32) * white + 127) // 255
    data = stored.astype(np.uint8 if white < 256 else ">u2").tobytes()
    return _HEADER.format(width_px, height_px, depth, white, kind).encode() + data[: len(data) - num_missing]


def _read(tmp_path, data):
    path = tmp_path / "image"
    path.write_bytes(data)
    return read_rgb(path)


@pytest.mark.parametrize("white", [255, 1000, 4095, 65535])
def test_pam_of_any_largest_value_is_read(tmp_path, white):
    grey_as_rgb = np.repeat(grey()[..., np.newaxis], 3, axis=2)
    assert difference(_read(tmp_path, _pam(coloured(), white)), coloured()) <= 1
    assert difference(_read(tmp_path, _pam(grey()[..., np.newaxis], white, "GRAYSCALE")), grey_as_rgb) <= 1


def test_the_transparency_of_pam_is_composed_over_white(tmp_path):
    clear = np.dstack([coloured(), np.zeros_like(grey())])
    assert (_read(tmp_path, _pam(clear, 255, "RGB_ALPHA")) == 255).all()


@pytest.mark.parametrize(
    "data",
    [
        _pam(coloured(), 255, num_missing=1),
        b"P7\nWIDTH 3\nENDHDR\n",
        b"P7\nWIDTH x\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\n",
        _HEADER.format(100_000, 100_000, 3, 255, "RGB").encode(),
        _HEADER.format(2, 2, 9, 255, "RGB").encode() + bytes(36),
        b"#?RADIANCE\n",
        b"#?RADIANCE\n\n-Y 100000 +X 100000\n",
        b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 48 +X 64\n" + bytes(9),
    ],
)
def test_damage_is_an_error_in_one_line(tmp_path, data):
    with pytest.raises(SourceError) as failure:
        _read(tmp_path, data)
    assert_one_line(failure.value, tmp_path)


@pytest.mark.parametrize("kind", ["P5", "P2"])
@pytest.mark.parametrize("white", [300, 511, 4095, 65535])
def test_pgm_above_255_is_read(tmp_path, kind, white):
    stored = (grey().astype(np.uint32) * white + 127) // 255
    data = stored.astype(">u2").tobytes() if kind == "P5" else " ".join(map(str, stored.ravel())).encode()
    shown = _read(tmp_path, f"{kind}\n# c\n64 48\n{white}\n".encode() + data)
    assert difference(shown, np.repeat(grey()[..., np.newaxis], 3, axis=2)) <= 1


def test_radiance_is_encoded_for_screens(tmp_path):
    linear = ((coloured() / 255) ** 2.2).astype(np.float32)
    ok, data = cv2.imencode(".hdr", linear[..., ::-1])
    assert ok
    assert np.abs(_read(tmp_path, data.tobytes()).astype(int) - coloured()).mean() < 4
