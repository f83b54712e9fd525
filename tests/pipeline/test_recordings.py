import json
import re
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import av
import pytest

from live_cam.errors import OutputError, SourceError
from live_cam.pipeline import recordings as recordings_module
from live_cam.pipeline.recordings import RecordingOptions
from live_cam.pipeline.session import Session
from live_cam.sinks.annotated_video import AnnotatedVideo
from live_cam.sinks.sidecar import read_header
from tests.clocks import S


@pytest.fixture
def options(tmp_path):
    return RecordingOptions(tmp_path / "recordings", subtitles=True)


class SkippingClock:
    """Monotonic time that a test moves forward."""

    def __init__(self):
        self._skipped_ns = 0

    def now_ns(self):
        return time.monotonic_ns() + self._skipped_ns

    def sleep(self, seconds):
        time.sleep(seconds)

    def skip(self, seconds):
        self._skipped_ns += round(seconds * S)


def frame_times_s(path):
    with av.open(path) as container:
        return [frame.time for frame in container.decode(video=0)]


def has_written(session, num_frames):
    """Returns whether so many frames of each source are in its video."""
    videos = [feed._recorder._video for feed in session.feeds]
    return all(video is not None and video.num_frames >= num_frames for video in videos)


def test_a_session_records_what_it_explains(fake_source, fake_explainer, options, eventually):
    with Session([fake_source()], fake_explainer(), recording=options) as session:
        assert session.describe()["recording"] is None
        session.recordings.start("overlay")
        eventually(lambda: session.recordings.status.seconds > 0.2 and has_written(session, 8))
        assert session.recordings.find_file(session.recordings.status.file) is None, "it is not finished yet"
        assert session.describe()["recording"]["state"] == "recording"
        session.recordings.stop()
        eventually(lambda: session.recordings.status.state == "finished")
        recording = session.recordings.status
        explained = session.describe()["frames"]["explained"]
    assert re.fullmatch(r"live_cam-\d{8}-\d{6}\.mp4", recording.file)
    assert [name.rpartition(".")[2] for name in recording.files] == ["mp4", "jsonl", "vtt"]
    paths = [session.recordings.find_file(name) for name in recording.files]
    assert {path.parent for path in paths} == {options.directory}
    times_s = frame_times_s(paths[0])
    assert 8 <= len(times_s) <= explained
    header, *lines, end = map(json.loads, paths[1].read_text("utf-8").splitlines())
    assert header["source"] == "Fake camera"
    assert (header["layer"], header["method"], header["runtime"]) == ("conv5_block3_out", "gradcam", "fake")
    assert header["model"] == {"name": "resnet50", "weights_sha256": "0" * 64}
    assert len(lines) == len(times_s) == end["end"]["frames"]
    assert session.recordings.find_file("../secret") is None
    assert session.recordings.find_file("other.mp4") is None


def test_a_lost_camera_leaves_a_gap(fake_source, fake_explainer, options, eventually):
    clock = SkippingClock()
    source = fake_source(clock=clock)
    with Session([source], fake_explainer(), recording=options, clock=clock) as session:
        session.recordings.start("raw")
        eventually(lambda: has_written(session, 3))
        source.block()
        eventually(lambda: source.is_blocked)
        clock.skip(10.0)
        before_s = session.recordings.status.seconds
        source.release()
        eventually(lambda: session.recordings.status.seconds > before_s + 10.0)
        session.recordings.stop()
    times_s = frame_times_s(session.recordings.find_file(session.recordings.status.file))
    gaps_s = [later - earlier for earlier, later in pairwise(times_s)]
    assert 10.0 < max(gaps_s) < 40.0
    assert min(gaps_s) > 0


def test_a_session_that_ends_finishes_its_recording(fake_source, fake_explainer, options, eventually):
    with Session([fake_source()], fake_explainer(), recording=options) as session:
        session.recordings.start("both")
        eventually(lambda: session.recordings.status.seconds > 0.2)
    assert session.recordings.status.state == "finished"
    data = session.recordings.find_file(session.recordings.status.file).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with pytest.raises(OutputError, match="ending"):
        session.recordings.start("overlay")


def test_several_sources_get_a_video_each(fake_source, fake_explainer, options, tmp_path, eventually):
    sources = [fake_source(name="left"), fake_source(name="right")]
    with Session(sources, fake_explainer(), recording=options) as session:
        session.recordings.start("overlay", tmp_path / "both.mp4")
        eventually(lambda: session.recordings.status.seconds > 0.3 and has_written(session, 3))
    assert session.recordings.status.files == (
        *("both-1.mp4", "both-1.jsonl", "both-1.vtt"),
        *("both-2.mp4", "both-2.jsonl", "both-2.vtt"),
    )
    for name, source in (("both-1", "left"), ("both-2", "right")):
        assert len(frame_times_s(tmp_path / f"{name}.mp4")) > 2
        assert read_header(tmp_path / f"{name}.jsonl")["source"] == source


def test_a_source_without_frames_is_named_and_gets_no_file(fake_source, fake_explainer, options, tmp_path, eventually):
    sources = [fake_source(name="left"), fake_source(name="right")]
    sources[0].open_errors = [SourceError("it is unplugged")] * 1000
    with Session(sources, fake_explainer(), recording=options) as session:
        session.recordings.start("overlay", tmp_path / "both.mp4")
        eventually(lambda: session.recordings.status.seconds > 0.3)
        session.recordings.stop()
        eventually(lambda: session.recordings.status.state == "finished")
        status = session.recordings.status
        assert session.recordings.videos == [tmp_path / "both-2.mp4"]
    assert status.message == "left: No frames arrived; nothing was recorded"
    assert status.file == "both-2.mp4"
    assert status.files == ("both-2.mp4", "both-2.jsonl", "both-2.vtt")


def test_the_same_message_for_several_sources_appears_once_with_their_names(
    fake_source, fake_explainer, options, eventually
):
    sources = [fake_source(name="left"), fake_source(name="right")]
    for source in sources:
        source.open_errors = [SourceError("it is unplugged")] * 1000
    with Session(sources, fake_explainer(), recording=options) as session:
        session.recordings.start("overlay")
        session.recordings.stop()
        eventually(lambda: session.recordings.status.state == "failed")
        assert session.recordings.status.message == "left, right: No frames arrived; nothing was recorded"
        assert session.recordings.status.file.endswith("-1.mp4")
        assert session.recordings.videos == []


def test_finish_quickly_ends_the_wait_for_a_disk_that_hangs(
    fake_source, fake_explainer, options, eventually, monkeypatch
):
    monkeypatch.setattr(recordings_module, "_FINISH_QUICKLY_LIMIT_NS", S // 5)
    responds, close = threading.Event(), AnnotatedVideo.close

    def hang(video, end):
        responds.wait()
        close(video, end)

    monkeypatch.setattr(AnnotatedVideo, "close", hang)
    session = Session([fake_source()], fake_explainer(), recording=options)
    with session:
        session.recordings.start("overlay")
        eventually(lambda: session.recordings.status.seconds > 0.2)
        session.request_stop()
        eventually(lambda: session.recordings.status.state == "finishing")
        session.recordings.finish_quickly()
    assert session.recordings.status.state == "finishing"
    responds.set()
    eventually(lambda: session.recordings.status.state == "finished")


def test_recordings_run_one_at_a_time_with_unique_names(fake_source, fake_explainer, options, eventually):
    with Session([fake_source()], fake_explainer(), recording=options) as session:
        names = set()
        for _ in range(3):
            session.recordings.start("overlay")
            with pytest.raises(OutputError, match="a recording is running already; stop it first"):
                session.recordings.start("overlay")
            eventually(lambda: session.recordings.status.bytes)
            session.recordings.stop()
            eventually(lambda: session.recordings.status.state == "finished")
            names.add(session.recordings.status.file)
        assert len(names) == 3
        assert all(map(session.recordings.find_file, names))


def test_if_one_of_several_cannot_start_none_does(fake_source, fake_explainer, options, tmp_path, eventually):
    (tmp_path / "both-2.mp4").write_text("precious")
    with Session([fake_source(name="left"), fake_source(name="right")], fake_explainer(), recording=options) as session:
        with pytest.raises(OutputError, match=r"both-2\.mp4 already exists"):
            session.recordings.start("overlay", tmp_path / "both.mp4")
        assert session.recordings.status is None
        eventually(lambda: all(feed.metrics.read().explained > 2 for feed in session.feeds))
    assert [path.name for path in tmp_path.iterdir()] == ["both-2.mp4"]


def test_visitors_are_never_recorded(fake_explainer, options):
    with (
        Session([], fake_explainer(), max_visitors=2, recording=options) as session,
        pytest.raises(OutputError, match="nothing of their frames is kept"),
    ):
        session.recordings.start("overlay")
    assert not options.directory.exists()


def test_a_directory_that_cannot_be_created_is_reported(fake_source, fake_explainer, tmp_path):
    (tmp_path / "file").write_text("")
    options = RecordingOptions(tmp_path / "file" / "recordings")
    with (
        Session([fake_source()], fake_explainer(), recording=options) as session,
        pytest.raises(
            OutputError, match=r"folder recordings can't be created \(Not a directory\); start live-cam with"
        ),
    ):
        session.recordings.start("overlay")


@pytest.mark.skipif(sys.platform != "linux", reason="/sys is a directory in which nobody creates files")
def test_a_directory_that_is_not_writable_is_refused_at_once(fake_source, fake_explainer):
    with Session([fake_source()], fake_explainer(), recording=RecordingOptions(Path("/sys/kernel"))) as session:
        with pytest.raises(OutputError, match="the folder kernel is not writable"):
            session.recordings.start("overlay")
        assert session.recordings.status is None
