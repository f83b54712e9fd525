import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.factory import create_source
from live_cam.sources.image_file import ImageSource
from live_cam.sources.pictures.reader import read_rgb
from tests.clocks import FakeClock
from tests.sources.helpers import assert_one_line, intervals_s, read_frame, read_frames
from tests.sources.pictures.images import coloured, encode, exif, png

_LEVELS = (40, 120, 200)
_DURATIONS_MS = (40, 250, 100)


def _animated(format_name, durations_ms=_DURATIONS_MS):
    first, *others = [Image.new("RGB", (64, 48), (level,) * 3) for level in _LEVELS]
    return encode(first, format_name, save_all=True, append_images=others, duration=list(durations_ms), loop=1)


def _source(tmp_path, data):
    (tmp_path / "image").write_bytes(data)
    return ImageSource(tmp_path / "image", FakeClock())


def _levels(frames):
    return [min(_LEVELS, key=lambda level: abs(level - frame.rgb.mean())) for frame in frames]


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animated_image_moves_at_its_own_pace_in_a_loop(tmp_path, format_name):
    frames = read_frames(_source(tmp_path, _animated(format_name)), 9)
    # The frame of 250 ms is delivered again every 100 ms.
    assert _levels(frames) == [40, 120, 120, 120, 200, 40, 120, 120, 120]
    assert np.allclose(intervals_s(frames), [0.04, 0.1, 0.1, 0.05, 0.1, 0.04, 0.1, 0.1])


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP"])
def test_frames_of_no_duration_last_as_long_as_in_a_browser(tmp_path, format_name):
    frames = read_frames(_source(tmp_path, _animated(format_name, (0, 10, 0))), 4)
    assert _levels(frames) == [40, 120, 200, 40]
    assert np.allclose(intervals_s(frames), 0.1)


_RGBA = np.dstack([coloured(), np.zeros(coloured().shape[:2], np.uint8)])
_STILL = {
    "transparent": png(_RGBA),
    "mirrored": encode(coloured(), "JPEG", exif=exif(orientation=2)),
    "turned": encode(coloured(), "JPEG", exif=exif(orientation=6)),
    "AVIF": encode(coloured(), "AVIF"),
    "16 bits": png(coloured()[..., 0].astype(np.uint16) * 257),
}


@pytest.mark.parametrize("data", _STILL.values(), ids=_STILL.keys())
def test_an_image_is_shown_live_as_it_is_explained(tmp_path, data):
    frames = read_frames(_source(tmp_path, data), 4)
    for frame in frames:
        np.testing.assert_array_equal(frame.rgb, read_rgb(tmp_path / "image"))
        assert not frame.rgb.flags.writeable
    assert np.allclose(intervals_s(frames), 0.1)


def test_transparency_is_white(tmp_path):
    assert (read_frame(_source(tmp_path, _STILL["transparent"])).rgb == 255).all()


def test_a_large_image_is_scaled_down(tmp_path):
    frame = read_frame(_source(tmp_path, encode(Image.new("RGB", (4000, 3000)), "JPEG")))
    assert frame.rgb.shape == (1080, 1440, 3)


def test_the_first_picture_of_an_apng_for_other_programs_is_not_shown(tmp_path):
    substitute = Image.new("RGB", (64, 48), (255, 0, 0))
    frames = [Image.new("RGB", (64, 48), (level,) * 3) for level in _LEVELS]
    data = encode(substitute, "PNG", save_all=True, append_images=frames, duration=100, default_image=True)
    assert _levels(read_frames(_source(tmp_path, data), 5)) == [40, 120, 200, 40, 120]


def test_an_animation_cut_short_repeats_what_there_is_and_is_logged_once(tmp_path, logged_warnings):
    noise = np.random.default_rng(0).integers(0, 256, (3, 48, 64), np.uint8)
    first, *others = [Image.fromarray(levels) for levels in noise]
    data = encode(first, "GIF", save_all=True, append_images=others, duration=100)
    shown = [frame.rgb for frame in read_frames(_source(tmp_path, data[:-2000]), 6)]
    assert np.array_equal(shown[0], shown[2])
    assert np.array_equal(shown[1], shown[3])
    assert not np.array_equal(shown[0], shown[1])
    assert len(logged_warnings()) == 1


def test_a_file_that_is_no_image_is_an_error_when_it_is_opened(tmp_path):
    source = _source(tmp_path, b"dear diary")
    with pytest.raises(SourceError, match="is not a readable image") as failure:
        source.open()
    assert_one_line(failure.value, tmp_path)


def test_a_file_removed_while_it_is_animated_is_an_error_at_its_end(tmp_path):
    stream = _source(tmp_path, _animated("GIF")).open()
    (tmp_path / "image").unlink()
    with pytest.raises(SourceError, match="does not exist"):
        [stream.read() for _ in range(9)]
    stream.close()
    stream.close()


@pytest.mark.parametrize("name", ["logo.png", "clip.mp4"])
def test_the_command_line_opens_an_image_as_one_whatever_its_suffix(tmp_path, name):
    (tmp_path / name).write_bytes(_STILL["transparent"])
    source = create_source(str(tmp_path / name))
    assert (source.kind, source.name) == ("file", name)
    assert (read_frame(source).rgb == 255).all()


def test_an_image_that_can_t_be_opened_is_named_on_the_command_line(tmp_path):
    (tmp_path / "photo.jxl").write_bytes(b"\xff\x0a" + bytes(100))
    with pytest.raises(SourceError, match=r"photo\.jxl is a JPEG XL file"):
        create_source(str(tmp_path / "photo.jxl"))
