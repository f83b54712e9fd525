import os
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin

from live_cam.errors import SourceError
from live_cam.sources.pictures.formats import format_of
from live_cam.sources.pictures.reader import read_rgb
from tests.sources.helpers import assert_one_line
from tests.sources.pictures.heic import heic
from tests.sources.pictures.images import coloured, difference, encode
from tests.videos import grey, write_video

_POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 96 64\n{} loop\n"


@pytest.mark.parametrize("suffix", [".eps", ".jpg", ".png", ""])
@pytest.mark.parametrize("head", [b"", b"\xc5\xd0\xd3\xc6\x20\0\0\0" + bytes(24)])
def test_postscript_is_never_run_whatever_its_suffix(tmp_path, monkeypatch, head, suffix):
    interpreter, was_run = tmp_path / "bin" / "gs", tmp_path / "was_run"
    interpreter.parent.mkdir()
    interpreter.write_text(f"#!/bin/sh\ntouch {was_run}\necho 10.0\n")
    interpreter.chmod(0o755)
    monkeypatch.setenv("PATH", str(interpreter.parent), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    path = tmp_path / f"drawing{suffix}"
    path.write_bytes(head + _POSTSCRIPT)
    with pytest.raises(SourceError, match="is a PostScript file, which can't be opened") as failure:
        read_rgb(path)
    assert_one_line(failure.value, path)
    assert not was_run.exists()


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xd7\xcd\xc6\x9a\0\0", "WMF"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"BUFR\0\0", "BUFR"),
        (b"GRIB\0\0", "GRIB"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"v/1\x01\x02\0\0\0", "OpenEXR"),
        (b"\0\0\0\x18ftypcrx ", "Canon raw"),
    ],
)
def test_a_format_that_is_not_read_is_named(tmp_path, head, name):
    path = tmp_path / "image.jpg"
    path.write_bytes(head + bytes(100))
    with pytest.raises(SourceError, match=f"is an? {name} file, which can't be opened") as failure:
        read_rgb(path)
    assert_one_line(failure.value, path)


def test_a_jpeg_of_12_bits_is_named_as_one(tmp_path):
    data = bytearray(encode(coloured(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    (tmp_path / "scan.jpg").write_bytes(data)
    with pytest.raises(SourceError, match="is a JPEG of 12 bits a channel") as failure:
        read_rgb(tmp_path / "scan.jpg")
    assert_one_line(failure.value, "save it with 8")


@pytest.mark.parametrize("quarter_turns", [0, 1])
def test_heic_opens_upright(tmp_path, quarter_turns):
    (tmp_path / "photo.heic").write_bytes(heic(coloured(), quarter_turns=quarter_turns))
    assert difference(read_rgb(tmp_path / "photo.heic"), np.rot90(coloured(), quarter_turns)) <= 4


def test_heic_cut_short_is_an_error(tmp_path):
    path = tmp_path / "photo.heic"
    path.write_bytes(heic(coloured())[:-500])
    with pytest.raises(SourceError, match="is damaged") as failure:
        read_rgb(path)
    assert_one_line(failure.value, path)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "PPM", "TGA"])
def test_an_image_is_recognized_by_its_content(tmp_path, format_name):
    path = tmp_path / ("x.tga" if format_name == "TGA" else "x.mp4")
    path.write_bytes(encode(coloured(), format_name))
    assert format_of(path) is not None


def test_videos_texts_and_missing_files_are_no_images(tmp_path):
    video = write_video(tmp_path / "film.jpg.mp4", [grey(40), grey(200)])
    (tmp_path / "notes.jpg").write_text("dear diary")
    jpeg = encode(coloured(), "JPEG")
    (tmp_path / "motion.mjpeg").write_bytes(jpeg + jpeg)
    paths = [
        video,
        tmp_path / "notes.jpg",
        tmp_path / "motion.mjpeg",
        tmp_path / "missing.jpg",
        tmp_path,
        Path("a" * 300),
    ]
    assert [format_of(path) for path in paths] == [None] * len(paths)
