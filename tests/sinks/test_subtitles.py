import pytest

from live_cam.errors import OutputError
from live_cam.sinks.subtitles import Subtitles


def test_a_cue_for_each_stretch_of_one_label(tmp_path):
    subtitles = Subtitles(tmp_path / "video.vtt")
    for time_s, label in ((0.0, "lion"), (0.04, "lion"), (0.08, "tiger & co"), (0.9996, "tiger & co"), (3723.5, "cat")):
        subtitles.say(time_s, label)
    subtitles.close(3724.0)
    assert subtitles.path.read_text("utf-8") == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:00.080\nlion\n\n"
        "00:00:00.080 --> 01:02:03.500\ntiger &amp; co\n\n"
        "01:02:03.500 --> 01:02:04.000\ncat\n\n"
    )


def test_a_kill_loses_no_more_than_a_second(tmp_path):
    subtitles = Subtitles(tmp_path / "video.vtt")
    for tenths in range(35):
        subtitles.say(tenths / 10, "lion")
    assert subtitles.path.read_text("utf-8").rstrip().endswith("00:00:02.000 --> 00:00:03.000\nlion")
    subtitles.close(3.5)


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "video.vtt").write_text("precious")
    with pytest.raises(OutputError, match="File exists"):
        Subtitles(tmp_path / "video.vtt")
