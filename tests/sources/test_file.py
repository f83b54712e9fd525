import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources.file import FileSource

RATE_FPS = 25
_INTERVAL_MS = 1000 / RATE_FPS
_LEVELS = (40, 80, 120, 160, 200)


@pytest.fixture
def write_video(tmp_path):
    """Writes RGB pictures as a video: `write_video(name, pictures, codec="libx264", times_ms=None, **options)`."""

    def write(name, pictures, codec="libx264", times_ms=None, **options):
        path = tmp_path / name
        with av.open(str(path), "w", options=options) as container:
            stream = container.add_stream(codec, rate=RATE_FPS)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            for number, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.time_base = stream.codec_context.time_base
                frame.pts = number * 1000 // RATE_FPS if times_ms is None else times_ms[number]
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def write_sound(tmp_path):
    """Writes a tenth of a second of silence, with no picture."""

    def write(name):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=16000)
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 16000
            container.mux(stream.encode(silence))
            container.mux(stream.encode(None))
        return path

    return write


def _grey(level, height=48, width=64):
    return np.full((height, width, 3), level, np.uint8)


def _halves(left, right):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32], picture[:, 32:] = left, right
    return picture


def _levels(frames):
    """Gives which of `_LEVELS` each frame shows."""
    return [min(_LEVELS, key=lambda level: abs(level - frame.rgb.mean())) for frame in frames]


def _read(path, count):
    stream = FileSource(path).open()
    try:
        return [stream.read() for _ in range(count)]
    finally:
        stream.close()


def _assert_one_line_about(error, path):
    assert str(path) in str(error)
    assert len(str(error).splitlines()) == 1


def test_a_file_of_a_real_camera_plays_at_its_own_pace_with_the_pictures_opencv_sees(real_videos):
    frames = _read(real_videos / "bikes.mp4", 12)
    capture = cv2.VideoCapture(str(real_videos / "bikes.mp4"))
    expected = [cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB) for _ in frames]
    capture.release()
    for frame, picture in zip(frames, expected, strict=True):
        assert frame.rgb.shape == (272, 640, 3)
        assert np.abs(frame.rgb.astype(np.int16) - picture).mean() < 3
    intervals_ms = np.diff([frame.pts_ns for frame in frames]) / 1e6
    assert intervals_ms.mean() > 0.9 * _INTERVAL_MS
    # A busy machine may hold up many.
    assert np.percentile(intervals_ms, 25) < 1.9 * _INTERVAL_MS


def test_a_film_gives_frames_of_its_own_size_that_nobody_can_paint_over(real_videos):
    (frame,) = _read(real_videos / "bigbuckbunny.mp4", 1)
    assert frame.rgb.shape == (720, 1280, 3)
    assert frame.source_id == "bigbuckbunny.mp4"
    assert not frame.rgb.flags.writeable


@pytest.mark.parametrize("name", ["a.mp4", "b.avi", "b.mp4", "world.mp4"])
def test_every_video_that_ships_in_gradio_plays(gradio_media, name):
    frames = _read(gradio_media / "videos" / name, 2)
    assert frames[1].pts_ns > frames[0].pts_ns
    assert frames[0].rgb.std() > 0


def test_after_the_last_frame_comes_the_first_and_time_goes_on(write_video):
    frames = _read(write_video("five.mp4", [_grey(level) for level in _LEVELS]), 12)
    assert _levels(frames) == [*_LEVELS, *_LEVELS, *_LEVELS[:2]]
    assert [frame.seq for frame in frames] == list(range(12))
    assert np.diff([frame.pts_ns for frame in frames]).min() > 0


def test_the_last_frame_stays_for_its_time_before_the_file_begins_again(write_video):
    frames = _read(write_video("two.mp4", [_grey(40), _grey(200)]), 8)
    waits_at_end_ms = np.diff([frame.pts_ns for frame in frames])[1::2] / 1e6
    assert np.median(waits_at_end_ms) > 0.75 * _INTERVAL_MS


def test_frames_come_when_the_file_says_even_where_its_rate_varies(write_video):
    times_ms = [0, 20, 220, 240, 260]
    frames = _read(write_video("varying.mkv", [_grey(level) for level in _LEVELS], times_ms=times_ms), 5)
    since_first_ms = (np.array([frame.pts_ns for frame in frames]) - frames[0].pts_ns) / 1e6
    # A busy machine may hold up some, but none comes early.
    assert since_first_ms[2] > 190
    assert np.median(np.diff(since_first_ms)) < 150


def test_red_on_the_left_stays_red_on_the_left(write_video):
    (frame,) = _read(write_video("halves.mp4", [_halves((255, 0, 0), (0, 0, 255))] * 2), 1)
    assert np.allclose(frame.rgb[:, 4:28], (255, 0, 0), atol=10)
    assert np.allclose(frame.rgb[:, 36:60], (0, 0, 255), atol=10)


@pytest.mark.parametrize(
    ("matrix", "quarter_turns"),
    [((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)],
    ids=["clockwise", "upside down", "counterclockwise"],
)
def test_a_video_taken_with_a_turned_telephone_is_shown_upright(write_video, matrix, quarter_turns):
    stored = _halves((255, 0, 0), (0, 0, 255))
    stored[:16] = (0, 255, 0)
    path = write_video("turned.mp4", [stored] * 2)
    # A telephone stores what its sensor saw, and in the track's header how to turn it: x' = ax + cy, y' = bx + dy.
    video = bytearray(path.read_bytes())
    at = video.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    video[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(video)

    (frame,) = _read(path, 1)
    expected = np.rot90(stored, quarter_turns)
    assert frame.rgb.shape == expected.shape
    # Subsampled colours bleed over the edges between the areas, so a few pixels may be far off.
    far_off = (np.abs(frame.rgb.astype(np.int16) - expected) > 40).any(axis=2)
    assert far_off.mean() < 0.1


def test_a_video_of_one_frame_is_shown_again_and_again_without_spinning(write_video):
    frames = _read(write_video("one.mp4", [_grey(120)]), 8)
    assert _levels(frames) == [120] * 8
    assert np.median(np.diff([frame.pts_ns for frame in frames]) / 1e6) > 0.75 * _INTERVAL_MS


@pytest.mark.parametrize("name", ["lion.jpg", "bus.png"])
def test_a_picture_file_is_a_video_of_one_frame(gradio_media, name):
    first, *_, last = _read(gradio_media / "images" / name, 3)
    assert np.array_equal(first.rgb, last.rgb)
    assert last.pts_ns > first.pts_ns


def test_a_picture_with_an_odd_number_of_columns_is_not_skewed(write_video):
    picture = _halves((255, 255, 255), (0, 0, 0))[:47, :63]
    path = write_video("odd.mkv", [picture], codec="ffv1")
    (frame,) = _read(path, 1)
    assert frame.rgb.shape == (47, 63, 3)
    assert frame.rgb[:, :30].min() > 240
    assert frame.rgb[:, 34:].max() < 15


def test_a_video_cut_short_plays_up_to_the_cut_over_and_over(write_video):
    pictures = [np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8) for seed in range(8)]
    path = write_video("whole.mp4", pictures, movflags="+faststart")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    frames = _read(path, 12)
    shown = [frame.rgb.tobytes() for frame in frames]
    assert shown[0] in shown[1:], "it never began again"
    assert len(set(shown)) >= 2


def test_a_file_opened_again_begins_at_its_first_frame(write_video):
    source = FileSource(write_video("five.mp4", [_grey(level) for level in _LEVELS]))
    stream = source.open()
    before = [stream.read() for _ in range(3)]
    stream.close()
    stream = source.open()
    after = [stream.read() for _ in range(2)]
    stream.close()
    assert _levels(before + after) == [*_LEVELS[:3], *_LEVELS[:2]]
    assert after[0].pts_ns > before[-1].pts_ns
    assert [frame.seq for frame in after] == [0, 1]


def test_a_file_can_be_opened_again_while_an_earlier_stream_of_it_plays(write_video):
    source = FileSource(write_video("five.mp4", [_grey(level) for level in _LEVELS]))
    early = source.open()
    early.read()
    late = source.open()
    assert _levels([early.read(), late.read(), early.read(), late.read()]) == [80, 40, 120, 80]
    early.close()
    assert _levels([late.read()]) == [120]
    late.close()


def test_closing_twice_is_harmless(write_video):
    stream = FileSource(write_video("one.mp4", [_grey(120)])).open()
    stream.close()
    stream.close()


def test_a_file_removed_while_it_plays_is_told_when_it_would_begin_again(write_video):
    path = write_video("two.mp4", [_grey(40, 480, 640), _grey(200, 480, 640)])
    stream = FileSource(path).open()
    stream.read()
    path.unlink()
    # A few pictures of the next round may have been decoded before.
    with pytest.raises(SourceError) as failure:
        [stream.read() for _ in range(8)]
    stream.close()
    _assert_one_line_about(failure.value, path)


@pytest.mark.parametrize(
    "content",
    [b"", b"not a video\n" * 100, bytes(range(256)) * 40, b"#EXTM3U\n/etc/passwd\n"],
    ids=["empty", "text", "binary", "a playlist"],
)
def test_a_file_that_is_no_video_is_refused_in_one_line_that_names_it(tmp_path, content):
    path = tmp_path / "holiday.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError) as refusal:
        FileSource(path).open()
    _assert_one_line_about(refusal.value, path)


def test_a_missing_file_is_told_to_be_missing(tmp_path):
    with pytest.raises(SourceError, match="does not exist") as refusal:
        FileSource(tmp_path / "holiday.mp4").open()
    _assert_one_line_about(refusal.value, tmp_path / "holiday.mp4")


def test_a_folder_is_told_to_be_no_file(tmp_path):
    with pytest.raises(SourceError, match="not a file") as refusal:
        FileSource(tmp_path).open()
    _assert_one_line_about(refusal.value, tmp_path)


def test_sound_without_a_picture_is_told_to_have_none(write_sound):
    path = write_sound("song.mp4")
    with pytest.raises(SourceError, match="no video stream") as refusal:
        FileSource(path).open()
    _assert_one_line_about(refusal.value, path)


def test_a_video_whose_index_was_cut_off_is_refused(write_video):
    path = write_video("cut.mp4", [_grey(level) for level in _LEVELS])
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moov") - 4])
    with pytest.raises(SourceError) as refusal:
        FileSource(path).open()
    _assert_one_line_about(refusal.value, path)


def test_a_video_not_one_frame_of_which_can_be_decoded_ends_in_an_error_and_no_endless_loop(write_video):
    path = write_video("spoilt.mp4", [_grey(level) for level in _LEVELS])
    video = bytearray(path.read_bytes())
    start, end = video.index(b"mdat") + 4, video.index(b"moov") - 4
    video[start:end] = bytes(end - start)
    path.write_bytes(video)
    stream = FileSource(path).open()
    with pytest.raises(SourceError, match="no frame") as failure:
        stream.read()
    stream.close()
    _assert_one_line_about(failure.value, path)


def test_a_path_given_as_seen_from_the_working_directory_plays(write_video, monkeypatch):
    path = write_video("one.mp4", [_grey(120)])
    monkeypatch.chdir(path.parent)
    assert _levels(_read(Path("one.mp4"), 1)) == [120]


def test_a_raw_stream_without_times_plays_at_the_rate_it_claims(tmp_path):
    path = tmp_path / "raw.h264"
    with av.open(str(path), "w", format="h264") as output:
        stream = output.add_stream("libx264", rate=20)
        stream.width, stream.height = 64, 48
        for level in (10, 60, 110, 160, 210):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(_grey(level), format="rgb24")))
        output.mux(stream.encode())
    frames = _read(path, 5)
    assert (frames[4].pts_ns - frames[0].pts_ns) / 1e9 > 0.1


def test_a_colon_in_a_name_is_no_protocol(write_video, monkeypatch):
    path = write_video("film.mp4", [_grey(10), _grey(200)])
    path.rename(path.parent / "10:30:05.mp4")
    monkeypatch.chdir(path.parent)
    assert _read(Path("10:30:05.mp4"), 1)[0].rgb.shape == (48, 64, 3)


def test_a_picture_that_stays_for_long_is_given_again_each_second(write_video):
    frames = _read(write_video("slow.mp4", [_grey(40), _grey(200)], times_ms=[0, 2500]), 4)
    assert _levels(frames) == [40, 40, 40, 200]
    since_first_s = np.array([frame.pts_ns - frames[0].pts_ns for frame in frames[1:]]) / 1e9
    assert (since_first_s > (0.8, 1.8, 2.3)).all()
    assert since_first_s[0] < 2.2
