import json
import threading

import numpy as np
import pytest

from live_cam.errors import OutputError, UsageError
from live_cam.sinks.recorder import Recorder
from live_cam.types import EncodedFrame, Frame, OverlayStyle
from tests.videos import grey, mp4_boxes, read_video

PLENTY = 10**12
START_NS = 5_000_000_000
RAW_LEVEL, OVERLAY_LEVEL = 60, 160


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch):
    """A recorder looks for its end after each poll of an empty queue."""
    monkeypatch.setattr("live_cam.sinks.recorder._POLL_S", 0.01)


@pytest.fixture
def record(tmp_path):
    """Starts recorders: `record(name="video.mp4", view="overlay", subtitles=False, disk_free=...)`."""
    started = []

    def start(name="video.mp4", view="overlay", subtitles=False, disk_free=lambda directory: PLENTY):
        started.append(Recorder(tmp_path / name, view, "auto", subtitles, {"source": "a test"}, disk_free))
        return started[-1]

    yield start
    for recorder in started:
        end(recorder)


@pytest.fixture
def encoded(make_explanation):
    """Builds the arguments of `put`: `encoded(seq, pts_ns, size_px=(64, 48))`."""

    def build(seq, pts_ns, size_px=(64, 48)):
        frame = Frame(grey(RAW_LEVEL, size_px), pts_ns, seq, "a test")
        return grey(OVERLAY_LEVEL, size_px), EncodedFrame(b"", frame, make_explanation(), OverlayStyle())

    return build


def end(recorder):
    recorder.stop()
    recorder.join()


def record_all(recorder, encoded, times_ms):
    """Records frames no faster than the encoder accepts them, and ends the recording."""
    queue = recorder._queue
    for seq, time_ms in enumerate(times_ms):
        with queue.not_full:
            queue.not_full.wait_for(lambda: queue._qsize() < queue.maxsize)
        recorder.put(*encoded(seq, START_NS + time_ms * 1_000_000))
    end(recorder)


def lines(recorder):
    return [json.loads(line) for line in recorder.files[1].read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", ["video.mp4", "video.mkv", "video.webm"])
def test_timestamps_are_those_of_capture_and_gaps_stay(record, encoded, name):
    recorder = record(name)
    times_ms = [0, 33, 71, 100, 3100, 3133]
    record_all(recorder, encoded, times_ms)

    video = read_video(recorder.files[0])
    assert video.times_s == pytest.approx([time_ms / 1000 for time_ms in times_ms], abs=0.6e-3)
    header, *explained, last = lines(recorder)
    ticks_s = header["time_base"][0] / header["time_base"][1]
    assert [round(line["pts"] * ticks_s * 1000) for line in explained] == times_ms
    assert [line["pts"] * ticks_s for line in explained] == pytest.approx(video.times_s, abs=1e-6)
    assert (header["source"], header["view"], header["video"]) == ("a test", "overlay", name)
    assert header["started"].startswith("20")
    assert last["end"] == {"frames": 6, "explained": 6, "dropped": 0, "message": ""}
    assert recorder.status.state == "finished"
    assert recorder.status.seconds == pytest.approx(3.2, abs=0.1)
    if name == "video.mp4":
        boxes = mp4_boxes(recorder.files[0])
        assert boxes.index("moov") < boxes.index("mdat")


@pytest.mark.parametrize(
    ("view", "levels"),
    [("overlay", [OVERLAY_LEVEL]), ("raw", [RAW_LEVEL]), ("both", [RAW_LEVEL, OVERLAY_LEVEL])],
)
def test_the_view_selects_what_is_recorded(record, encoded, view, levels):
    recorder = record(view=view)
    record_all(recorder, encoded, [0, 33])
    frame = read_video(recorder.files[0]).frames[0]
    assert frame.shape == (48, 64 * len(levels), 3)
    for part, level in zip(np.hsplit(frame, len(levels)), levels, strict=True):
        assert part.mean() == pytest.approx(level, abs=5)


def test_frames_of_another_size_are_letterboxed(record, encoded):
    recorder = record()
    recorder.put(*encoded(0, START_NS))
    recorder.put(*encoded(1, START_NS + 33_000_000, size_px=(96, 72)))
    end(recorder)
    assert [frame.shape for frame in read_video(recorder.files[0]).frames] == [(48, 64, 3)] * 2


def test_subtitles_are_written_on_request(record, encoded):
    recorder = record(subtitles=True)
    record_all(recorder, encoded, [0, 33])
    assert [path.name for path in recorder.files] == ["video.mp4", "video.jsonl", "video.vtt"]
    assert "00:00:00.000 --> 00:00:00.066\nlion" in recorder.files[2].read_text("utf-8")


def test_frames_are_dropped_while_the_encoder_is_busy(record, encoded, eventually):
    resume = threading.Event()

    def block(directory):
        resume.wait()
        return PLENTY

    recorder = record()
    eventually(lambda: recorder.status.free_bytes == PLENTY)
    recorder._disk_free = block
    for seq in range(20):
        recorder.put(*encoded(seq, START_NS + seq * 33_000_000))
    dropped = recorder.status.dropped
    assert dropped >= 14
    resume.set()
    end(recorder)
    assert len(read_video(recorder.files[0]).pts) == 20 - dropped
    assert lines(recorder)[-1]["end"]["dropped"] == dropped


def test_a_nearly_full_disk_ends_the_recording_cleanly(record, encoded, eventually):
    free = [PLENTY]
    recorder = record(disk_free=lambda directory: free[0])
    recorder.put(*encoded(0, START_NS))
    eventually(lambda: recorder.status.bytes or recorder.status.seconds)
    free[0] = 100 * 1024**2
    eventually(lambda: recorder.status.state == "finished")
    recorder.put(*encoded(1, START_NS + 33_000_000))
    assert recorder.status.message == "The disk is nearly full (100 MiB free): recording stopped"
    assert len(read_video(recorder.files[0]).pts) == 1
    assert "moof" not in mp4_boxes(recorder.files[0])
    assert lines(recorder)[-1]["end"]["message"] == recorder.status.message


def test_a_disk_error_is_reported_and_what_was_written_stays(record, encoded, eventually, monkeypatch):
    recorder = record()
    recorder.put(*encoded(0, START_NS))
    recorder.put(*encoded(1, START_NS + 33_000_000))
    eventually(lambda: recorder.status.seconds > 0.05)

    def fail(*arguments):
        raise OutputError("cannot write video.mp4: Input/output error")

    monkeypatch.setattr(recorder._video._video, "write", fail)
    recorder.put(*encoded(2, START_NS + 66_000_000))
    eventually(lambda: recorder.status.state == "finished")
    assert recorder.status.message == ("cannot write video.mp4: Input/output error; what was recorded before is kept")
    assert len(read_video(recorder.files[0]).pts) == 2


def test_an_unexpected_failure_at_the_end_does_not_hang_it(record, encoded, monkeypatch):
    def fail(*arguments):
        raise ZeroDivisionError("unexpected")

    monkeypatch.setattr("live_cam.sinks.recorder.faststart", fail)
    recorder = record()
    record_all(recorder, encoded, [0, 33])
    assert recorder.status.state == "finished"
    assert recorder.status.message == "Recording failed: unexpected"
    assert len(read_video(recorder.files[0]).pts) == 2


def test_a_file_created_meanwhile_by_another_program_is_kept(record, encoded, tmp_path):
    recorder = record()
    (tmp_path / "video.mp4").write_bytes(b"precious")
    record_all(recorder, encoded, [0])
    assert recorder.status.state == "failed"
    assert "cannot write video.mp4: File exists" in recorder.status.message
    assert str(tmp_path) not in recorder.status.message  # viewers see it
    assert (tmp_path / "video.mp4").read_bytes() == b"precious"


def test_without_space_for_a_copy_the_index_stays_at_the_end(record, encoded):
    free = [PLENTY]
    recorder = record(disk_free=lambda directory: free[0])
    recorder.put(*encoded(0, START_NS))
    free[0] = 128 * 1024**2 + 100
    end(recorder)
    boxes = mp4_boxes(recorder.files[0])
    assert boxes.index("moov") > boxes.index("mdat")
    assert (recorder.status.state, recorder.status.message) == ("finished", "")


def test_finish_quickly_leaves_the_index_at_the_end(record, encoded):
    recorder = record()
    recorder.finish_quickly()
    record_all(recorder, encoded, [0, 33])
    boxes = mp4_boxes(recorder.files[0])
    assert boxes.index("moov") > boxes.index("mdat")
    assert recorder.status.state == "finished"


def test_it_starts_only_above_a_minimum_of_free_space(record, tmp_path):
    with pytest.raises(OutputError, match=r"needs 512 MiB of free space to start, and the disk has 511; make room"):
        record(disk_free=lambda directory: 511 * 1024**2)
    assert not list(tmp_path.iterdir())


def test_without_frames_no_file_is_left(record, tmp_path):
    recorder = record()
    end(recorder)
    assert recorder.status.state == "failed"
    assert recorder.status.message == "No frames arrived; nothing was recorded"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["video.mp4", "video.jsonl"])
def test_existing_files_are_not_overwritten(record, tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(OutputError, match="already exists and is not overwritten"):
        record()
    assert (tmp_path / name).read_text() == "precious"


def test_a_path_that_cannot_be_written_is_refused_at_the_start(record):
    with pytest.raises(UsageError, match="should end with one of"):
        record("video.avi")
    with pytest.raises(OutputError, match="there is no directory"):
        record("missing/video.mp4")
