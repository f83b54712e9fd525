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
from tests.videos import grey, mp4_boxes, read_video

SIZE_PX = (64, 48)
TICKS_S = Fraction(1, 90_000)
SUFFIXES = (".mp4", ".mkv", ".webm")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_timestamps_are_kept_with_their_gaps(tmp_path, suffix):
    times = [0, 3000, 5000, 275_000, 275_090, 360_000]
    writer = VideoWriter(tmp_path / f"video{suffix}", SIZE_PX, TICKS_S)
    for number, pts in enumerate(times):
        writer.write(grey(40 * number), pts, 3000)
    writer.close()

    video = read_video(writer.path)
    assert video.times_s == pytest.approx([pts / 90_000 for pts in times], abs=0.5e-3)
    assert [frame.mean() for frame in video.frames] == pytest.approx([40 * n for n in range(len(times))], abs=3)


def test_timestamps_strictly_increase(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S)
    returned = [writer.write(grey(0), pts) for pts in (0, 3000, 3000, 2000, 9000)]
    writer.close()
    assert returned == [0, 3000, 3001, 3002, 9000] == read_video(writer.path).pts


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_colours_are_true(tmp_path, suffix):
    colors = [(200, 30, 60), (20, 180, 40), (30, 60, 220), (255, 255, 255), (0, 0, 0)]
    writer = VideoWriter(tmp_path / f"video{suffix}", SIZE_PX, TICKS_S)
    for number, color in enumerate(colors):
        writer.write(np.full((48, 64, 3), color, np.uint8), number * 3000)
    writer.close()
    for frame, color in zip(read_video(writer.path).frames, colors, strict=True):
        assert frame.mean(axis=(0, 1)) == pytest.approx(color, abs=4)


def test_fine_patterns_keep_their_mean_colour(tmp_path):
    for shift in (0, 1):
        stripes = np.zeros((48, 64, 3), np.uint8)
        stripes[:, shift::2] = (200, 0, 0)
        stripes[:, 1 - shift :: 2] = (0, 0, 200)
        writer = VideoWriter(tmp_path / f"video{shift}.mp4", SIZE_PX, TICKS_S)
        writer.write(stripes, 0)
        writer.close()
        (frame,) = read_video(writer.path).frames
        assert frame.mean(axis=(0, 1)) == pytest.approx((100, 0, 100), abs=12)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("first", [132_000, 450_001])
def test_the_first_timestamp_is_kept(tmp_path, suffix, first):
    writer = VideoWriter(tmp_path / f"video{suffix}", SIZE_PX, TICKS_S)
    returned = [writer.write(grey(0), first + 3000 * number) * writer.time_base for number in range(3)]
    writer.close()
    video = read_video(writer.path)
    assert [pts * video.time_base for pts in video.pts] == returned


def test_timestamps_in_nanoseconds_may_have_gaps(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, Fraction(1, 10**9))
    for pts in (0, 40_000_123, 10 * 10**9, 1000 * 10**9):
        writer.write(grey(0), pts)
    writer.close()
    assert read_video(writer.path).times_s == pytest.approx([0, 0.040000123, 10, 1000], abs=1e-6)


def test_a_timestamp_below_zero_becomes_zero(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S)
    assert [writer.write(grey(0), pts) for pts in (-900, -300, 2100)] == [0, 1, 2100]
    writer.close()
    assert read_video(writer.path).pts == [0, 1, 2100]


def test_the_sample_aspect_ratio_is_kept(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S, sample_aspect_ratio=Fraction(64, 45))
    writer.write(grey(0), 0)
    writer.close()
    with av.open(writer.path) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(64, 45)


def test_an_encoder_that_fails_leaves_what_it_has_encoded(tmp_path, monkeypatch):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S)
    for number in range(10):
        writer.write(grey(10 * number), number * 3000)

    class Failing:
        def encode(self, frame):
            raise av.error.ExternalError(542398533, "Generic error in an external library")

    monkeypatch.setattr(writer, "_stream", Failing())
    with pytest.raises(OutputError, match="Generic error in an external library"):
        writer.write(grey(0), 30_000)
    writer.close()
    assert len(read_video(writer.path).pts) == 10


def test_a_size_that_the_encoder_refuses_leaves_nothing(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", (16_500, 16), TICKS_S)
    with pytest.raises(OutputError, match=r"cannot write video\.mp4"):
        writer.write(grey(0, (16_500, 16)), 0)
    writer.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size_px", [(1, 1), (65, 49), (321, 241)])
def test_odd_sizes_become_even_without_a_border(tmp_path, size_px):
    writer = VideoWriter(tmp_path / "video.mp4", size_px, TICKS_S)
    writer.write(grey(200, size_px), 0)
    writer.write(grey(200, size_px), 3000)
    writer.close()
    width, height = (length + length % 2 for length in size_px)
    for frame in read_video(writer.path).frames:
        assert frame.shape == (height, width, 3)
        assert frame.mean() == pytest.approx(200, abs=3)


def test_a_frame_of_another_size_is_letterboxed(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", (64, 48), TICKS_S)
    writer.write(grey(200), 0)
    writer.write(grey(200, (96, 96)), 3000)
    writer.close()
    _, frame = read_video(writer.path).frames
    assert frame[:, 10:54].mean() == pytest.approx(200, abs=4)
    assert frame[:, :6].max() < 20
    assert frame[:, -6:].max() < 20


def test_a_closed_file_is_an_ordinary_mp4(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S)
    for number in range(5):
        writer.write(grey(50 * number), number * 3000)
    writer.close()
    boxes = mp4_boxes(writer.path)
    assert "moof" not in boxes
    assert boxes.count("moov") == 1
    assert writer.size_bytes == writer.path.stat().st_size


def test_an_existing_file_is_not_overwritten(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"cannot write video\.mp4: File exists"):
        VideoWriter(path, SIZE_PX, TICKS_S)
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("codec", "first", "time_base"),
    [("h264", 0, TICKS_S), ("h264", 132_000, TICKS_S), ("h264", 0, Fraction(1, 30)), ("vp9", 0, TICKS_S)],
)
def test_an_mp4_plays_up_to_its_last_frame_while_it_is_written(tmp_path, codec, first, time_base):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, time_base, codec)
    step = round(Fraction(1, 30) / time_base)
    noise = np.random.default_rng(0)
    times_s = []
    for number in range(4):
        times_s.append(float((first + step * number) * time_base))
        writer.write(noise.integers(0, 255, (48, 64, 3), np.uint8), first + step * number, step)
        if writer.path.exists():
            assert read_video(writer.path).times_s == pytest.approx(times_s, abs=1e-6)
            assert writer.path.stat().st_size == writer.size_bytes
        else:
            assert number == 0, "the index of some has to wait for the second frame"
            assert (codec, first) != ("h264", 0)
    writer.close()
    assert read_video(writer.path).times_s == pytest.approx(times_s, abs=1e-6)


def test_a_file_created_meanwhile_is_not_overwritten(tmp_path):
    writer = VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S)
    writer.path.write_bytes(b"precious")
    with pytest.raises(OutputError, match=r"cannot write video\.mp4: File exists"):
        writer.write(grey(0), 0)
    writer.close()
    assert writer.path.read_bytes() == b"precious"


def test_without_frames_no_file_is_left(tmp_path):
    VideoWriter(tmp_path / "video.mp4", SIZE_PX, TICKS_S).close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "codec", "message"),
    [
        ("video.avi", "auto", r"should end with one of \.mp4, \.mkv, \.webm"),
        ("video.webm", "h264", r"\.webm files hold no h264; choose vp9"),
    ],
)
def test_unsupported_containers_and_codecs_are_wrong_usage(tmp_path, name, codec, message):
    with pytest.raises(UsageError, match=message):
        VideoWriter(tmp_path / name, SIZE_PX, TICKS_S, codec)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_vp9_on_request(tmp_path, suffix):
    writer = VideoWriter(tmp_path / f"video{suffix}", SIZE_PX, TICKS_S, "vp9")
    writer.write(grey(100), 0)
    writer.close()
    with av.open(writer.path) as container:
        assert container.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")
    assert read_video(writer.path).frames[0].mean() == pytest.approx(100, abs=3)


# Writes noise, so that frames are large, and prints a line after each. A limit of the file size acts as a full disk.
_WRITE_NOISE = """
import resource, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from live_cam.errors import OutputError
from live_cam.sinks.video_writer import VideoWriter

when, limit = sys.argv[1], int(sys.argv[2])
writers = [VideoWriter(Path(path), (64, 48), Fraction(1, 90_000)) for path in sys.argv[3:]]
noise = np.random.default_rng(0)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
if when == "writing":
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    for number in range(200):
        for writer in writers:
            writer.write(noise.integers(0, 255, (48, 64, 3), np.uint8), number * 3000)
        print(number, flush=True)
        if when == "killed":
            sys.stdin.readline()
    if when == "closing":
        limit += writers[0].path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    writers[0].close()
except OutputError as error:
    print(error, flush=True)
    writers[0].close()
"""


@pytest.mark.parametrize("num_frames", [1, 12, 40])
def test_after_a_kill_all_but_the_last_frames_are_playable(tmp_path, num_frames):
    paths = [tmp_path / f"video{suffix}" for suffix in SUFFIXES]
    command = [sys.executable, "-c", _WRITE_NOISE, "killed", "0", *map(str, paths)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for number in range(num_frames):
            assert child.stdout.readline() == f"{number}\n"
            if number < num_frames - 1:
                child.stdin.write("\n")
                child.stdin.flush()
        os.kill(child.pid, signal.SIGKILL)
    for path in paths:
        buffered = 0 if path.suffix == ".mp4" else 7  # a Matroska cluster of 0.2 s
        if num_frames < buffered:
            assert not path.exists(), "there is no cluster yet"
            continue
        video = read_video(path)
        assert num_frames - buffered <= len(video.pts) <= num_frames
        assert video.times_s == pytest.approx([number / 30 for number in range(len(video.pts))], abs=0.5e-3)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the file size")
@pytest.mark.parametrize(("when", "limit_bytes"), [("writing", 30_000), ("writing", 100_000), ("closing", 500)])
def test_a_full_disk_leaves_complete_frames(tmp_path, when, limit_bytes):
    path = tmp_path / "video.mp4"
    command = [sys.executable, "-c", _WRITE_NOISE, when, str(limit_bytes), str(path)]
    *numbers, message = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert message == "cannot write video.mp4: File too large"
    assert len(read_video(path).pts) in (len(numbers), len(numbers) - 1)
    assert (len(numbers) == 200) == (when == "closing")
