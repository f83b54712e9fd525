import os
from pathlib import Path

import pytest

from live_cam.errors import OutputError
from live_cam.sinks.subtitles import Subtitles


def test_one_cue_per_run_of_the_same_label(tmp_path):
    subtitles = Subtitles(tmp_path / "video.vtt")
    for time_s, label in ((0.0, "lion"), (0.04, "lion"), (0.08, "tiger & co"), (0.9996, "tiger & co"), (3723.5, "cat")):
        subtitles.show(time_s, label)
    subtitles.close(3724.0)
    assert subtitles.path.read_text("utf-8") == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:00.080\nlion\n\n"
        "00:00:00.080 --> 01:02:03.500\ntiger &amp; co\n\n"
        "01:02:03.500 --> 01:02:04.000\ncat\n\n"
    )


def test_an_empty_label_shows_nothing(tmp_path):
    subtitles = Subtitles(tmp_path / "video.vtt")
    for time_s, label in ((0.0, "lion"), (0.5, ""), (2.0, "cat")):
        subtitles.show(time_s, label)
    subtitles.close(2.5)
    cues = subtitles.path.read_text("utf-8").split("\n\n")[1:-1]
    assert cues == ["00:00:00.000 --> 00:00:00.500\nlion", "00:00:02.000 --> 00:00:02.500\ncat"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_a_full_disk_is_reported(tmp_path):
    path = tmp_path / "video.vtt"
    subtitles = Subtitles(path)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, subtitles._file._file.fileno())
    os.close(full)
    subtitles.show(0.0, "lion")
    with pytest.raises(OutputError, match=r"cannot write video\.vtt: No space left on device"):
        subtitles.close(1.0)


def test_a_kill_loses_no_more_than_a_second(tmp_path):
    subtitles = Subtitles(tmp_path / "video.vtt")
    for tenths in range(35):
        subtitles.show(tenths / 10, "lion")
    assert subtitles.path.read_text("utf-8").rstrip().endswith("00:00:02.000 --> 00:00:03.000\nlion")
    subtitles.close(3.5)


def test_an_existing_file_is_not_overwritten(tmp_path):
    (tmp_path / "video.vtt").write_text("precious")
    with pytest.raises(OutputError, match="File exists"):
        Subtitles(tmp_path / "video.vtt")
    assert (tmp_path / "video.vtt").read_text() == "precious"
