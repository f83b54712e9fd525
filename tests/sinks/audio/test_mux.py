"""The child process that muxes audio: its results, and its failures in one line."""

import sys

import av
import pytest

from live_cam.errors import OutputError
from live_cam.sinks.audio import mux
from live_cam.sinks.audio.mux import check_audio, mux_audio
from tests.videos import grey, write_audio, write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A short video without audio; not to be changed."""
    return write_video(tmp_path_factory.mktemp("videos") / "annotated.mp4", [grey(20 * number) for number in range(10)])


@pytest.fixture
def output(tmp_path):
    return tmp_path / "new.mp4"


def _streams(path):
    with av.open(path) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
        return packets, [stream.codec_context.name for stream in container.streams.audio]


def test_audio_is_added(video, output, tmp_path):
    source = write_audio(tmp_path / "tone.mkv", "flac", "vorbis")
    mux_audio(video, source, output)
    assert _streams(output) == (_streams(video)[0], ["flac", "aac"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.mp4", "tone.mkv"]


def test_a_video_without_audio_is_copied(video, output):
    mux_audio(video, video, output)
    assert _streams(output) == _streams(video)


@pytest.mark.parametrize("suffix", [".mp4", ".MP4"])
def test_audio_can_be_checked_before(tmp_path, suffix):
    source = write_audio(tmp_path / "tone.mkv", "flac", "vorbis")
    assert check_audio(source, suffix) == ("", "")
    source.write_bytes(source.read_bytes().replace(b"A_FLAC", b"A_XXXX"))
    assert check_audio(source, suffix) == ("audio track 1 is left out: unknown codec", "")


def test_audio_that_cannot_be_kept_is_refused_before_in_one_line(tmp_path):
    source = write_audio(tmp_path / "tone.mkv", "flac")
    source.write_bytes(source.read_bytes().replace(b"A_FLAC", b"A_XXXX"))
    with pytest.raises(OutputError, match=r"tone\.mkv \(its audio codec is unknown\)") as refusal:
        check_audio(source, ".mp4")
    assert len(str(refusal.value).splitlines()) == 1
    source.write_bytes(b"not a video")
    with pytest.raises(OutputError, match=r"tone\.mkv \(Invalid data"):
        check_audio(source, ".mp4")


def test_a_failure_is_reported_in_one_line_and_leaves_nothing_behind(video, output, tmp_path):
    source = tmp_path / "film.mp4"
    source.write_bytes(b"not a video")
    with pytest.raises(OutputError, match=r"film\.mp4 to .*new\.mp4 \(Invalid data") as failure:
        mux_audio(video, source, output)
    assert len(str(failure.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize(
    ("program", "problem"), [("kill -SEGV $$", "FFmpeg crashed with SIGSEGV"), ("read _", "no progress for 0 s")]
)
def test_a_process_that_crashes_or_hangs_is_ended_and_reported(video, output, tmp_path, monkeypatch, program, problem):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{program}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    if program == "read _":  # which waits for input that never comes
        monkeypatch.setattr(mux, "_STALL_TIMEOUT_S", 0.05)
    with pytest.raises(OutputError, match=problem):
        mux_audio(video, video, output)
    assert not output.exists()


def test_a_process_that_cannot_be_started_is_reported(video, output, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(OutputError, match="no process could be started: No such file or directory"):
        mux_audio(video, video, output)


def test_an_existing_file_is_not_overwritten(video, output):
    output.write_bytes(b"mine")
    with pytest.raises(OutputError, match="not overwritten"):
        mux_audio(video, video, output)
    assert output.read_bytes() == b"mine"
