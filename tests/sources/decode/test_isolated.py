"""The decoder process; what the reader in it does with each kind of file is covered by `test_reader.py`."""

import os
import signal
import subprocess
import sys
import threading
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources.decode import isolated
from live_cam.sources.decode.isolated import IsolatedVideoReader
from live_cam.sources.decode.reader import VideoReader
from tests.processes import children
from tests.videos import grey, write_video

pytestmark = pytest.mark.slow

_MAX_MEMORY_KIB = 4 << 20


def _read_all(path):
    """Returns the frames of a file, and its reader, which is closed."""
    with IsolatedVideoReader(path) as video:
        frames = list(iter(video.read, None))
    return frames, video


def _error(path):
    with pytest.raises(SourceError) as failure:
        IsolatedVideoReader(path)
    assert str(failure.value).startswith(str(path))
    assert len(str(failure.value).splitlines()) == 1
    return str(failure.value)


def _is_waiting(thread):
    """Whether a thread waits in `wait_readable`."""
    frame = sys._current_frames().get(thread.ident)
    return frame is not None and frame.f_code.co_name == "wait_readable"


@pytest.mark.parametrize("name", ["front.mp4", "cut.mkv"])
def test_frames_and_info_are_those_of_the_reader(clips, tmp_path, name):
    path = clips / name
    if name == "cut.mkv":
        data = (clips / "film.mkv").read_bytes()
        path = tmp_path / name
        path.write_bytes(data[: len(data) // 2])
    reader = VideoReader(str(path))
    expected = list(reader.frames())
    reader.close()
    frames, video = _read_all(path)
    assert [(frame.pts, frame.duration) for frame in frames] == [(pts, duration) for _, pts, duration in expected]
    assert all(np.array_equal(frame.rgb, rgb) for frame, (rgb, _, _) in zip(frames, expected, strict=True))
    info = video.info
    assert (info.height_px, info.width_px) == reader.size_px == frames[0].rgb.shape[:2]
    assert (info.time_base, info.rate_fps) == (reader.time_base, reader.rate_fps)
    assert info.sample_aspect_ratio == reader.sample_aspect_ratio
    assert (info.duration_s, info.num_frames) == (reader.duration_s, reader.num_frames)
    assert video.problem == reader.problem
    assert bool(video.problem) == (name == "cut.mkv")


def test_8k_is_decoded_within_the_memory_limit(tmp_path):
    stored = av.VideoFrame(7680, 4320, "yuv420p")
    for plane in stored.planes:
        plane.update(bytes([128]) * plane.buffer_size)
    path = write_video(tmp_path / "8k.mp4", [stored] * 2, encoder_options={"preset": "ultrafast"})
    frames, video = _read_all(path)
    assert [frame.rgb.shape for frame in frames] == [(4320, 7680, 3)] * 2
    assert all(np.abs(frame.rgb[::8, ::8].astype(np.int16) - 130).max() < 4 for frame in frames)
    assert video.problem == ""


def test_a_rotated_video_declares_its_upright_size(tmp_path):
    path = write_video(tmp_path / "rotated.mp4", [grey(120)] * 2)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 20] = b"".join(value.to_bytes(4, "big", signed=True) for value in (0, 1 << 16, 0, -1 << 16, 0))
    path.write_bytes(data)
    frames, video = _read_all(path)
    assert (video.info.width_px, video.info.height_px) == (48, 64)
    assert frames[0].rgb.shape == (64, 48, 3)


def test_a_video_without_frames_has_a_problem_and_cannot_be_looped(tmp_path):
    path = tmp_path / "none.mp4"
    with av.open(path, "w", options={"movflags": "empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 64, 48
        container.start_encoding()
    frames, video = _read_all(path)
    assert frames == []
    assert video.problem == "it contains no frame that can be decoded; it may be cut short"
    with (
        IsolatedVideoReader(path, loop=True) as video,
        pytest.raises(SourceError, match="no frame that can be decoded"),
    ):
        video.read()


def test_a_loop_goes_on_in_time(tmp_path):
    path = write_video(tmp_path / "three.mp4", [grey(level) for level in (40, 120, 200)])
    with IsolatedVideoReader(path, loop=True) as video:
        frames = list(islice(iter(video.read, None), 9))
    steps = {(after.pts - before.pts) * video.info.time_base for before, after in pairwise(frames)}
    assert steps == {Fraction(1, 25)}
    assert [round(frame.rgb.mean(), -1) for frame in frames] == [40, 120, 200] * 3


def test_errors_name_the_file(tmp_path):
    assert "does not exist" in _error(tmp_path / "film.mp4")
    assert "is not a file" in _error(tmp_path)


def _descriptors():
    return set(os.listdir("/proc/self/fd"))


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are inspected in /proc")


@on_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_the_error_for_a_crashed_decoder_names_the_signal(real_videos, number):
    before = _descriptors(), children()
    with IsolatedVideoReader(real_videos / "bikes.mp4") as video:
        video.read()
        os.kill(video._decoder.child.pid, number)
        with pytest.raises(SourceError, match=number.name):
            list(iter(video.read, None))
        assert (_descriptors(), children()) == before
        assert video.read() is None


@on_linux
def test_closing_early_leaves_no_process_and_no_descriptor(real_videos):
    before = _descriptors(), children()
    video = IsolatedVideoReader(real_videos / "bikes.mp4", loop=True)
    video.read()
    video.close()
    video.close()
    assert (_descriptors(), children()) == before
    assert video.read() is None


@on_linux
def test_a_file_that_is_no_video_leaves_no_process_and_no_descriptor(tmp_path):
    before = _descriptors(), children()
    path = tmp_path / "film.mp4"
    path.write_bytes(b"not a video")
    assert "is not a readable video" in _error(path)
    assert (_descriptors(), children()) == before


@on_linux
def test_closing_wakes_a_waiting_reader(real_videos, eventually):
    video = IsolatedVideoReader(real_videos / "bikes.mp4", loop=True)
    os.kill(video._decoder.child.pid, signal.SIGSTOP)

    def read():
        try:
            while video.read() is not None:
                pass
        except SourceError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    eventually(lambda: _is_waiting(reader))
    video.close()
    reader.join(10.0)
    assert not reader.is_alive()


@on_linux
def test_a_decoder_that_hangs_is_ended(real_videos, monkeypatch):
    with IsolatedVideoReader(real_videos / "bikes.mp4", loop=True) as video:
        monkeypatch.setattr(isolated, "_SILENCE_LIMIT_S", 0.2)  # only now, since the start may take longer
        os.kill(video._decoder.child.pid, signal.SIGSTOP)
        with pytest.raises(SourceError, match="delivered no frame for"):
            list(iter(video.read, None))
        assert video._decoder.child.returncode is not None


@on_linux
def test_the_decoder_s_memory_is_limited_and_small(clips):
    with IsolatedVideoReader(clips / "front.mp4") as video:
        video.read()
        proc = Path(f"/proc/{video._decoder.child.pid}")
        limit = next(line for line in (proc / "limits").read_text().splitlines() if "address space" in line)
        peak = next(line for line in (proc / "status").read_text().splitlines() if line.startswith("VmHWM"))
    assert int(limit.split()[3]) == _MAX_MEMORY_KIB * 1024
    assert int(peak.split()[1]) < 300_000


@on_linux
def test_the_decoder_ends_when_its_parent_is_killed(real_videos, eventually):
    program = (
        "import sys, time; from pathlib import Path; from live_cam.sources.decode.isolated import IsolatedVideoReader;"
        "video = IsolatedVideoReader(Path(sys.argv[1]), loop=True);"
        "print(video._decoder.child.pid, flush=True); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", program, str(real_videos / "bikes.mp4")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        decoder = Path("/proc") / parent.stdout.readline().strip()
        assert decoder.exists()
        parent.kill()

    def is_gone():
        try:
            return ") Z " in (decoder / "stat").read_text()
        except OSError:
            return True

    eventually(is_gone)
