import os
import signal
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources.video_file import FileSource
from tests.clocks import FakeClock
from tests.sources.helpers import assert_one_line, intervals_s, read_frame, read_frames
from tests.videos import grey, write_joined, write_video

_INTERVAL_S = 0.04
_LEVELS = (40, 80, 120, 160, 200)
_MS = Fraction(1, 1000)


@pytest.fixture
def five(tmp_path):
    """A video of five frames, whose levels are `_LEVELS`."""
    return write_video(tmp_path / "five.mp4", [grey(level) for level in _LEVELS])


def _source(path):
    return FileSource(path, FakeClock())


def _levels(frames):
    """Returns the nearest of `_LEVELS` for each frame."""
    return [min(_LEVELS, key=lambda level: abs(level - frame.rgb.mean())) for frame in frames]


def _assert_named(error, path):
    """Checks that viewers, who see the error, learn the file's name and not where it is."""
    assert_one_line(error, path.name)
    assert str(path.parent) not in str(error)


def test_a_camera_video_plays_at_its_own_rate_with_the_frames_that_opencv_decodes(real_videos):
    frames = read_frames(_source(real_videos / "bikes.mp4"), 12)
    capture = cv2.VideoCapture(str(real_videos / "bikes.mp4"))
    expected = [cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB) for _ in frames]
    capture.release()
    for frame, rgb in zip(frames, expected, strict=True):
        assert frame.rgb.shape == (272, 640, 3)
        assert np.abs(frame.rgb.astype(np.int16) - rgb).mean() < 3
        assert not frame.rgb.flags.writeable
    assert np.allclose(intervals_s(frames), _INTERVAL_S)


@pytest.mark.parametrize(
    ("pixel_ratio", "shape"),
    [(Fraction(64, 45), (48, 91, 3)), (Fraction(1, 2), (96, 64, 3)), (Fraction(1), (48, 64, 3)), (None, (48, 64, 3))],
)
def test_a_frame_is_as_wide_as_it_is_shown(tmp_path, pixel_ratio, shape):
    context = {} if pixel_ratio is None else {"sample_aspect_ratio": pixel_ratio}
    frame = read_frame(_source(write_video(tmp_path / "wide.mp4", [grey(120)], context=context)))
    assert frame.rgb.shape == shape
    assert abs(frame.rgb.mean() - 120) < 5


@pytest.mark.parametrize("name", ["a.mp4", "b.avi", "b.mp4", "world.mp4"])
def test_every_video_that_ships_with_gradio_plays(gradio_media, name):
    source = _source(gradio_media / "videos" / name)
    assert source.name == name
    frames = read_frames(source, 2)
    assert frames[1].pts_ns > frames[0].pts_ns
    assert frames[0].rgb.std() > 0


def test_a_video_whose_timestamps_jump_plays_on(tmp_path):
    path = write_joined(tmp_path / "joined.ts", [grey(level) for level in _LEVELS], [0, 3600, 10])
    frames = read_frames(_source(path), 20)
    assert _levels(frames) == [*_LEVELS] * 4
    assert np.allclose(intervals_s(frames), _INTERVAL_S)


def test_the_first_frame_follows_the_last_and_time_goes_on(five):
    frames = read_frames(_source(five), 12)
    assert _levels(frames) == [*_LEVELS, *_LEVELS, *_LEVELS[:2]]
    assert np.allclose(intervals_s(frames), _INTERVAL_S)


def test_frames_are_due_when_the_file_says_even_at_a_variable_rate(tmp_path):
    times_ms = [0, 20, 220, 240, 260]
    path = write_video(tmp_path / "a.mkv", [grey(level) for level in _LEVELS], pts=times_ms, time_base=_MS)
    assert np.allclose(intervals_s(read_frames(_source(path), 5)), np.diff(times_ms) / 1000)


def test_a_video_of_one_frame_repeats_it_at_the_file_s_rate(tmp_path):
    frames = read_frames(_source(write_video(tmp_path / "one.mp4", [grey(120)])), 8)
    assert _levels(frames) == [120] * 8
    assert np.allclose(intervals_s(frames), _INTERVAL_S)


def test_a_video_cut_short_loops_up_to_the_cut(tmp_path):
    frames = [np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8) for seed in range(8)]
    path = write_video(tmp_path / "cut.mp4", frames, movflags="+faststart")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    shown = [frame.rgb.tobytes() for frame in read_frames(_source(path), 12)]
    assert shown[0] in shown[1:], "it did not start again"
    assert len(set(shown)) >= 2


def test_a_file_can_be_opened_again_while_an_earlier_stream_plays(five):
    source = _source(five)
    early = source.open()
    early.read()
    late = source.open()
    assert _levels([early.read(), late.read(), early.read(), late.read()]) == [80, 40, 120, 80]
    early.close()
    assert _levels([late.read()]) == [120]
    late.close()
    late.close()


def test_a_file_removed_while_it_plays_is_an_error_at_its_end(tmp_path):
    path = write_video(tmp_path / "two.mp4", [grey(40, (640, 480)), grey(200, (640, 480))])
    stream = _source(path).open()
    stream.read()
    path.unlink()
    # Some frames of the next round may have been decoded before.
    with pytest.raises(SourceError) as failure:
        [stream.read() for _ in range(8)]
    stream.close()
    _assert_named(failure.value, path)


def test_the_error_for_a_crashed_decoder_names_the_file_and_not_its_folder(tmp_path):
    path = write_video(tmp_path / "two.mp4", [grey(40, (640, 480)), grey(200, (640, 480))])
    with closing(_source(path).open()) as stream:
        os.kill(stream._video._decoder.child.pid, signal.SIGKILL)
        # Some frames may have been decoded before, though not as many: the pipe has room for one.
        with pytest.raises(SourceError, match="crashed its decoder") as failure:
            [stream.read() for _ in range(8)]
    _assert_named(failure.value, path)


def test_the_error_for_a_file_that_is_no_video_names_it(tmp_path):
    path = tmp_path / "holiday.mp4"
    path.write_bytes(b"not a video\n" * 100)
    with pytest.raises(SourceError, match="is not a readable video") as failure:
        FileSource(path).open()
    _assert_named(failure.value, path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="does not exist") as failure:
        FileSource(tmp_path / "holiday.mp4").open()
    _assert_named(failure.value, tmp_path / "holiday.mp4")


def test_a_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="not a file") as failure:
        FileSource(tmp_path).open()
    _assert_named(failure.value, tmp_path)


def test_a_video_without_decodable_frames_is_an_error_and_not_an_endless_loop(five):
    data = bytearray(five.read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    five.write_bytes(data)
    stream = FileSource(five).open()
    with pytest.raises(SourceError, match="contains no frame") as failure:
        stream.read()
    stream.close()
    _assert_named(failure.value, five)


def test_a_relative_path_with_a_colon_is_no_protocol(five, monkeypatch):
    five.rename(five.parent / "10:30:05.mp4")
    monkeypatch.chdir(five.parent)
    assert _levels([read_frame(_source(Path("10:30:05.mp4")))]) == [40]


def test_a_raw_stream_without_timestamps_plays_at_its_declared_rate(tmp_path):
    path = write_video(
        tmp_path / "raw.h264", [grey(level) for level in _LEVELS], rate_fps=20, time_base=Fraction(1, 20)
    )
    assert np.allclose(intervals_s(read_frames(_source(path), 5)), 1 / 20)


def test_a_long_frame_is_delivered_again_every_second(tmp_path):
    path = write_video(tmp_path / "slow.mp4", [grey(40), grey(200)], pts=[0, 2500], time_base=_MS)
    frames = read_frames(_source(path), 4)
    assert _levels(frames) == [40, 40, 40, 200]
    assert np.allclose(intervals_s(frames), [1.0, 1.0, 0.5])
