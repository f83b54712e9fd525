import json
import threading

import numpy as np
import pytest

from live_cam.errors import OutputError, UsageError
from live_cam.frame import EncodedFrame, Frame, Look
from live_cam.sinks.recorder import Recorder

PLENTY = 10**12
START_NS = 5_000_000_000


@pytest.fixture
def record(tmp_path):
    """Makes recorders: `record(name="video.mp4", view="seen", subtitles=False, free=lambda folder: PLENTY)`."""
    made = []

    def make(name="video.mp4", view="seen", subtitles=False, free=lambda folder: PLENTY):
        made.append(Recorder(tmp_path / name, view, "auto", subtitles, {"source": "a test"}, free))
        return made[-1]

    yield make
    for recorder in made:
        recorder.stop()
        recorder.join()


@pytest.fixture
def shown(make_explanation):
    """Makes what is shown: `shown(seq, pts_ns, size_px=(64, 48))` gives the picture and what it was made of."""

    def make(seq, pts_ns, size_px=(64, 48)):
        clean = np.full((size_px[1], size_px[0], 3), 60, np.uint8)
        frame = Frame(clean, pts_ns, seq, "a test")
        return clean + 100, EncodedFrame(b"", frame, make_explanation(), Look())

    return make


def fill(recorder, shown, times_ms):
    for seq, time_ms in enumerate(times_ms):
        recorder.put(*shown(seq, START_NS + time_ms * 1_000_000))
        while recorder._waiting.qsize():  # not faster than the encoder
            threading.Event().wait(0.001)
    recorder.stop()
    recorder.join()


def lines(recorder):
    return [json.loads(line) for line in recorder.files[1].read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", ["video.mp4", "video.mkv", "video.webm"])
def test_times_are_those_of_capture_and_a_gap_stays_a_gap(record, shown, read_back, name):
    recorder = record(name)
    times_ms = [0, 33, 71, 100, 3100, 3133]
    fill(recorder, shown, times_ms)

    video = read_back(recorder.files[0])
    assert video.times_s == pytest.approx([time_ms / 1000 for time_ms in times_ms], abs=0.6e-3)
    header, *explained, end = lines(recorder)
    ticks_s = header["time_base"][0] / header["time_base"][1]
    assert [round(line["pts"] * ticks_s * 1000) for line in explained] == times_ms
    assert [line["pts"] * ticks_s for line in explained] == pytest.approx(video.times_s, abs=1e-6)
    assert (header["source"], header["view"], header["video"]) == ("a test", "seen", name)
    assert header["begun"].startswith("20")
    assert end["end"] == {"frames": 6, "explained": 6, "dropped": 0, "message": ""}
    assert recorder.status.state == "finished"
    assert recorder.status.seconds == pytest.approx(3.2, abs=0.1)
    if name == "video.mp4":
        boxes = video.boxes
        assert boxes.index("moov") < boxes.index("mdat")


@pytest.mark.parametrize(("view", "levels"), [("seen", [160]), ("clean", [60]), ("both", [60, 160])])
def test_what_is_recorded_can_be_chosen(record, shown, read_back, view, levels):
    recorder = record(view=view)
    fill(recorder, shown, [0, 33])
    seen = read_back(recorder.files[0]).pictures[0]
    assert seen.shape == (48, 64 * len(levels), 3)
    for part, level in zip(np.hsplit(seen, len(levels)), levels, strict=True):
        assert part.mean() == pytest.approx(level, abs=5)


def test_a_camera_that_comes_back_with_another_size_goes_on(record, shown, read_back):
    recorder = record()
    recorder.put(*shown(0, START_NS))
    recorder.put(*shown(1, START_NS + 33_000_000, size_px=(96, 72)))
    recorder.stop()
    recorder.join()
    assert [picture.shape for picture in read_back(recorder.files[0]).pictures] == [(48, 64, 3)] * 2


def test_subtitles_are_written_where_asked_for(record, shown):
    recorder = record(subtitles=True)
    fill(recorder, shown, [0, 33])
    assert [path.name for path in recorder.files] == ["video.mp4", "video.jsonl", "video.vtt"]
    assert "00:00:00.000 --> 00:00:00.066\nlion" in recorder.files[2].read_text("utf-8")


def test_nobody_waits_for_a_slow_encoder(record, shown, monkeypatch, eventually, read_back):
    going_on = threading.Event()

    def slow(folder):
        going_on.wait()
        return PLENTY

    recorder = record()
    eventually(lambda: recorder.status.free_bytes == PLENTY)
    recorder._free = slow
    for seq in range(20):
        recorder.put(*shown(seq, START_NS + seq * 33_000_000))
    dropped = recorder.status.dropped
    assert dropped >= 14
    going_on.set()
    recorder.stop()
    recorder.join()
    assert len(read_back(recorder.files[0]).pts) == 20 - dropped
    assert lines(recorder)[-1]["end"]["dropped"] == dropped


def test_a_nearly_full_disk_ends_it_cleanly(record, shown, read_back, eventually):
    free = [PLENTY]
    recorder = record(free=lambda folder: free[0])
    recorder.put(*shown(0, START_NS))
    eventually(lambda: recorder.status.bytes or recorder.status.seconds)
    free[0] = 100 * 1024**2
    eventually(lambda: recorder.status.state == "finished")
    recorder.put(*shown(1, START_NS + 33_000_000))
    assert recorder.status.message == "The disk is nearly full (100 MiB free): the recording was ended"
    assert len(read_back(recorder.files[0]).pts) == 1
    assert "moof" not in read_back(recorder.files[0]).boxes
    assert lines(recorder)[-1]["end"]["message"] == recorder.status.message


def test_an_error_of_the_disk_is_told_and_what_was_written_stays(record, shown, read_back, eventually, monkeypatch):
    recorder = record()
    recorder.put(*shown(0, START_NS))
    recorder.put(*shown(1, START_NS + 33_000_000))
    eventually(lambda: recorder.status.seconds > 0.05)

    def fail(*arguments):
        raise OutputError("video.mp4 can't be written on: Input/output error")

    monkeypatch.setattr(recorder._video._video, "write", fail)
    recorder.put(*shown(2, START_NS + 66_000_000))
    eventually(lambda: recorder.status.state == "finished")
    assert recorder.status.message == (
        "video.mp4 can't be written on: Input/output error; what was recorded until then is kept"
    )
    assert len(read_back(recorder.files[0]).pts) == 2


def test_whatever_fails_at_the_end_it_ends(record, shown, monkeypatch, read_back):
    def fail(*arguments):
        raise ZeroDivisionError("nobody thought of that")

    monkeypatch.setattr("live_cam.sinks.recorder.put_index_in_front", fail)
    recorder = record()
    fill(recorder, shown, [0, 33])
    assert recorder.status.state == "finished"
    assert recorder.status.message == "Recording failed: nobody thought of that"
    assert len(read_back(recorder.files[0]).pts) == 2


def test_a_file_of_another_that_took_the_name_is_not_called_ours(record, shown, tmp_path):
    recorder = record()
    (tmp_path / "video.mp4").write_bytes(b"precious")
    fill(recorder, shown, [0])
    assert recorder.status.state == "failed"
    assert "video.mp4 can't be written: File exists" in recorder.status.message
    assert str(tmp_path) not in recorder.status.message  # viewers see it
    assert (tmp_path / "video.mp4").read_bytes() == b"precious"


def test_where_a_copy_does_not_fit_the_index_stays_behind(record, shown, read_back):
    free = [PLENTY]
    recorder = record(free=lambda folder: free[0])
    recorder.put(*shown(0, START_NS))
    free[0] = 128 * 1024**2 + 100
    recorder.stop()
    recorder.join()
    boxes = read_back(recorder.files[0]).boxes
    assert boxes.index("moov") > boxes.index("mdat")
    assert (recorder.status.state, recorder.status.message) == ("finished", "")


def test_it_begins_above_a_floor_of_free_space_only(record, tmp_path):
    with pytest.raises(OutputError, match=r"begins above 512 MiB of free space, and .* has 511; make room"):
        record(free=lambda folder: 511 * 1024**2)
    assert not list(tmp_path.iterdir())


def test_without_a_picture_nothing_is_left(record, tmp_path):
    recorder = record()
    recorder.stop()
    recorder.join()
    assert recorder.status.state == "failed"
    assert recorder.status.message == "No picture came; nothing was recorded"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["video.mp4", "video.jsonl"])
def test_what_is_there_is_not_overwritten(record, tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(OutputError, match="is there already and is not overwritten"):
        record()
    assert (tmp_path / name).read_text() == "precious"


def test_what_can_not_be_written_is_told_before(record):
    with pytest.raises(UsageError, match="should end with one of"):
        record("video.avi")
    with pytest.raises(OutputError, match="there is no folder"):
        record("missing/video.mp4")
