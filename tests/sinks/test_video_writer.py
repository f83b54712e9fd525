import os
import signal
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest

from live_cam.errors import OutputError, UsageError
from live_cam.sinks.video_writer import VideoWriter

SIZE_PX = (64, 48)
TICKS_S = Fraction(1, 90_000)
SUFFIXES = (".mp4", ".mkv", ".webm")


def picture(level, size_px=SIZE_PX):
    return np.full((size_px[1], size_px[0], 3), level, np.uint8)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_time_stamps_are_kept_with_their_gaps(tmp_path, read_back, suffix):
    times = [0, 3000, 5000, 275_000, 275_090, 360_000]
    writer = VideoWriter(tmp_path / f"video{suffix}", SIZE_PX, TICKS_S)
    for number, pts in enumerate(times):
        writer.write(picture(40 * number), pts, 3000)
    writer.close()

    video = read_back(writer.path)
    assert video.times_s == pytest.approx([pts / 90_000 for pts in times], abs=0.5e-3)
    assert [each.mean() for each in video.pictures] == pytest.approx([40 * n for n in range(len(times))], abs=3)


def test_time_stamps_strictly_increase(tmp_path, read_back):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S)
    given = [writer.write(picture(0), pts) for pts in (0, 3000, 3000, 2000, 9000)]
    writer.close()
    assert given == [0, 3000, 3001, 3002, 9000] == read_back(writer.path).pts


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_colours_are_true(tmp_path, read_back, suffix):
    colors = [(200, 30, 60), (20, 180, 40), (30, 60, 220), (255, 255, 255), (0, 0, 0)]
    writer = VideoWriter(tmp_path / f"video{suffix}", SIZE_PX, TICKS_S)
    for number, color in enumerate(colors):
        writer.write(np.full((48, 64, 3), color, np.uint8), number * 3000)
    writer.close()
    for seen, color in zip(read_back(writer.path).pictures, colors, strict=True):
        assert seen.mean(axis=(0, 1)) == pytest.approx(color, abs=4)


def test_fine_patterns_keep_their_mean_colour(tmp_path, read_back):
    for shift in (0, 1):
        stripes = np.zeros((48, 64, 3), np.uint8)
        stripes[:, shift::2] = (200, 0, 0)
        stripes[:, 1 - shift :: 2] = (0, 0, 200)
        writer = VideoWriter(tmp_path / f"video{shift}.mp4", SIZE_PX, TICKS_S)
        writer.write(stripes, 0)
        writer.close()
        (seen,) = read_back(writer.path).pictures
        assert seen.mean(axis=(0, 1)) == pytest.approx((100, 0, 100), abs=12)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("first", [132_000, 450_001])
def test_the_first_time_stamp_is_kept(tmp_path, read_back, suffix, first):
    writer = VideoWriter(tmp_path / f"video{suffix}", SIZE_PX, TICKS_S)
    given = [writer.write(picture(0), first + 3000 * number) * writer.time_base for number in range(3)]
    writer.close()
    video = read_back(writer.path)
    assert [pts * video.time_base for pts in video.pts] == given


def test_times_in_nanoseconds_may_have_gaps(tmp_path, read_back):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, Fraction(1, 10**9))
    for pts in (0, 40_000_123, 10 * 10**9, 1000 * 10**9):
        writer.write(picture(0), pts)
    writer.close()
    assert read_back(writer.path).times_s == pytest.approx([0, 0.040000123, 10, 1000], abs=1e-6)


def test_a_time_below_zero_becomes_zero(tmp_path, read_back):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S)
    assert [writer.write(picture(0), pts) for pts in (-900, -300, 2100)] == [0, 1, 2100]
    writer.close()
    assert read_back(writer.path).pts == [0, 1, 2100]


def test_pixels_that_are_not_square_stay_so(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S, sample_aspect_ratio=Fraction(64, 45))
    writer.write(picture(0), 0)
    writer.close()
    with av.open(writer.path) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(64, 45)


def test_an_encoder_that_fails_leaves_what_it_has_encoded(tmp_path, read_back, monkeypatch):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S)
    for number in range(10):
        writer.write(picture(10 * number), number * 3000)

    class Failing:
        def encode(self, picture):
            raise av.error.ExternalError(542398533, "Generic error in an external library")

    monkeypatch.setattr(writer, "_stream", Failing())
    with pytest.raises(OutputError, match="Generic error in an external library"):
        writer.write(picture(0), 30_000)
    writer.close()
    assert len(read_back(writer.path).pts) == 10


def test_a_size_that_the_encoder_refuses_leaves_nothing(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", (16_500, 16), TICKS_S)
    with pytest.raises(OutputError, match=r"video\.mp4 can't be written on"):
        writer.write(picture(0, (16_500, 16)), 0)
    writer.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size_px", [(1, 1), (65, 49), (321, 241)])
def test_odd_sizes_are_made_even(tmp_path, read_back, size_px):
    writer = VideoWriter(tmp_path / "video.mp4", size_px, TICKS_S)
    writer.write(picture(200, size_px), 0)
    writer.write(picture(200, size_px), 3000)
    writer.close()
    width, height = (number + number % 2 for number in size_px)
    for seen in read_back(writer.path).pictures:
        assert seen.shape == (height, width, 3)
        assert seen.mean() == pytest.approx(200, abs=3)  # no bar at the edge


def test_a_picture_of_another_size_is_fitted_in(tmp_path, read_back):
    writer = VideoWriter(tmp_path / "video.mp4", (64, 48), TICKS_S)
    writer.write(picture(200), 0)
    writer.write(picture(200, (96, 96)), 3000)
    writer.close()
    _, seen = read_back(writer.path).pictures
    assert seen[:, 10:54].mean() == pytest.approx(200, abs=4)
    assert seen[:, :6].max() < 20
    assert seen[:, -6:].max() < 20


def test_closed_in_peace_it_is_an_ordinary_file(tmp_path, read_back):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S)
    for number in range(5):
        writer.write(picture(50 * number), number * 3000)
    writer.close()
    assert "moof" not in read_back(writer.path).boxes
    assert read_back(writer.path).boxes.count("moov") == 1
    assert writer.size_bytes == writer.path.stat().st_size


def test_what_is_there_is_not_overwritten(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"video\.mp4 can't be written: File exists"):
        VideoWriter(path, SIZE_PX, TICKS_S)
    assert path.read_bytes() == b"precious"


def test_without_pictures_no_file_stays(tmp_path):
    VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S).close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "codec", "message"),
    [
        ("video.avi", "auto", r"should end with one of \.mp4, \.mkv, \.webm"),
        ("video.webm", "h264", r"\.webm files hold no h264; choose vp9"),
    ],
)
def test_what_can_not_be_written_is_wrong_usage(tmp_path, name, codec, message):
    with pytest.raises(UsageError, match=message):
        VideoWriter(tmp_path / name, SIZE_PX, TICKS_S, codec)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_vp9_where_it_is_asked_for(tmp_path, read_back, suffix):
    writer = VideoWriter(tmp_path / f"video{suffix}", SIZE_PX, TICKS_S, "vp9")
    writer.write(picture(100), 0)
    writer.close()
    assert read_back(writer.path).pictures[0].mean() == pytest.approx(100, abs=3)


# Writes noise, so that pictures are large, and tells of each by a line. A limit on files' size stands for a full disk.
_WRITES = """
import resource, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from live_cam.errors import OutputError
from live_cam.sinks.video_writer import VideoWriter

path, when, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
writer = VideoWriter(path, (64, 48), Fraction(1, 90_000))
noise = np.random.default_rng(0)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if when == "writing":
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    for number in range(200):
        writer.write(noise.integers(0, 255, (48, 64, 3), np.uint8), number * 3000)
        print(number, flush=True)
        if when == "killed":
            sys.stdin.readline()
    if when == "closing":
        limit += path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    writer.close()
except OutputError as error:
    print(error, flush=True)
    writer.close()
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("pictures_n", [12, 40])
def test_killed_it_plays_up_to_the_picture_before_the_last(tmp_path, read_back, suffix, pictures_n):
    path = tmp_path / f"video{suffix}"
    command = [sys.executable, "-c", _WRITES, str(path), "killed", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        for number in range(pictures_n):
            assert child.stdout.readline() == f"{number}\n"
            if number < pictures_n - 1:
                child.stdin.write("\n")
                child.stdin.flush()
        os.kill(child.pid, signal.SIGKILL)
    held_back = 1 if suffix == ".mp4" else 7  # a Matroska cluster of 0.2 s
    video = read_back(path)
    assert pictures_n - held_back <= len(video.pts) <= pictures_n
    assert video.times_s == pytest.approx([number / 30 for number in range(len(video.pts))], abs=0.5e-3)


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files, which Windows can't")
@pytest.mark.parametrize(("when", "limit_bytes"), [("writing", 30_000), ("writing", 100_000), ("closing", 500)])
def test_a_full_disk_leaves_whole_pictures(tmp_path, read_back, when, limit_bytes):
    path = tmp_path / "video.mp4"
    command = [sys.executable, "-c", _WRITES, str(path), when, str(limit_bytes)]
    *numbers, message = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert message == "video.mp4 can't be written on: File too large"
    assert len(read_back(path).pts) in (len(numbers), len(numbers) - 1)
    assert (len(numbers) == 200) == (when == "closing")
