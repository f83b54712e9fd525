import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources.pictures.reader import read_rgb
from tests.sources.helpers import assert_one_line
from tests.sources.pictures.images import coloured, difference, encode


def _read(tmp_path, data):
    path = tmp_path / "image"
    path.write_bytes(data)
    return read_rgb(path)


def _missing_percent(warning):
    return float(warning.split("; ")[1].split("%")[0])


@pytest.mark.parametrize("num_missing", [1, 2])
@pytest.mark.parametrize("end", [b"", b"\0\0"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_without_its_end_marker_is_whole(tmp_path, options, end, num_missing, logged_warnings):
    whole = encode(coloured(), "JPEG", **options)
    expected = _read(tmp_path, whole)
    shown = _read(tmp_path, whole[:-num_missing] + end)
    assert difference(shown[:-16], expected[:-16]) == 0
    assert np.abs(shown.astype(int) - expected).mean() < 1
    # What follows may be enough for the decoder to finish.
    assert all(str(tmp_path) in warning for warning in logged_warnings())


def test_a_warning_is_logged_once_though_the_file_is_read_again(tmp_path, logged_warnings):
    whole = encode(coloured(), "JPEG")
    for _ in range(3):
        _read(tmp_path, whole[:-2])
    assert len(logged_warnings()) == 1


def test_half_of_a_progressive_jpeg_is_a_blurred_whole(gradio_media, tmp_path, logged_warnings):
    whole = (gradio_media / "images" / "lion.jpg").read_bytes()
    expected = _read(tmp_path, whole)
    assert np.abs(_read(tmp_path, whole[: len(whole) // 2]).astype(int) - expected).mean() < 8
    assert "its last details may be missing" in logged_warnings()[0]


@pytest.mark.parametrize(("part", "is_shown"), [(0.9, True), (0.5, False)])
def test_a_baseline_jpeg_is_shown_while_few_of_its_rows_are_missing(
    gradio_media, tmp_path, logged_warnings, part, is_shown
):
    whole = (gradio_media / "images" / "cheetah1.jpg").read_bytes()
    expected = _read(tmp_path, whole)
    cut = whole[: int(len(whole) * part)]
    if is_shown:
        assert difference(_read(tmp_path, cut)[:200], expected[:200]) == 0
        assert 8 < _missing_percent(logged_warnings()[0]) < 14
    else:
        with pytest.raises(SourceError, match=r"is cut short \(50% of its pixels are missing\)") as failure:
            _read(tmp_path, cut)
        assert_one_line(failure.value, tmp_path)


@pytest.mark.parametrize("format_name", ["GIF", "BMP"])
def test_other_images_without_their_last_bytes_are_shown_with_a_warning(tmp_path, format_name, logged_warnings):
    whole = encode(coloured(), format_name)
    expected = _read(tmp_path, whole)
    changed = np.abs(_read(tmp_path, whole[:-20]).astype(int) - expected).max(axis=2) > 0
    assert changed.mean() < 0.04
    assert "of its pixels are missing" in logged_warnings()[0]
    with pytest.raises(SourceError, match="of its pixels are missing"):
        _read(tmp_path, whole[: len(whole) * 6 // 10])


def test_what_is_missing_of_an_interlaced_gif_is_counted_in_pixels(tmp_path, logged_warnings):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    whole = encode(noise, "GIF", interlace=True)
    _read(tmp_path, whole[: int(len(whole) * 0.9)])
    assert 5 < _missing_percent(logged_warnings()[0]) < 20


_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "PPM", "JPEG2000", "ICO", "TGA", "PCX", "SGI", "DDS")


@pytest.mark.parametrize("format_name", _FORMATS)
def test_damage_anywhere_is_an_error_in_one_line_or_a_picture(tmp_path, format_name):
    random = np.random.default_rng(0)
    whole = np.frombuffer(encode(coloured(), format_name), np.uint8)
    for _ in range(60):
        data = whole.copy()
        data[random.integers(0, min(len(data), 400), 4)] = random.integers(0, 256, 4, np.uint8)
        try:
            rgb = _read(tmp_path, data[: random.integers(len(data) // 2, len(data) + 1)].tobytes())
        except SourceError as error:
            assert_one_line(error, tmp_path)
        else:
            assert rgb.dtype == np.uint8
            assert rgb.ndim == 3
