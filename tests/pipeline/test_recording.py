import json
import re
import signal
import threading
import time
from itertools import pairwise

import av
import pytest

from live_cam.errors import OutputError, SourceError
from live_cam.pipeline import recording
from live_cam.pipeline.recording import RecordingOptions
from live_cam.pipeline.session import Session
from live_cam.sinks.annotated_video import AnnotatedVideo
from live_cam.sinks.sidecar import read_header


@pytest.fixture
def options(tmp_path):
    return RecordingOptions(tmp_path / "recordings", subtitles=True)


def frames_in(path):
    with av.open(path) as container:
        return [picture.time for picture in container.decode(video=0)]


def written(session, frames_n):
    """Tells whether so many frames of each source are in its video."""
    videos = [feed.recorder._video for feed in session.feeds]
    return all(video is not None and video.frames_n >= frames_n for video in videos)


def test_a_session_records_what_it_explains(fake_source, fake_explainer, options, eventually):
    with Session([fake_source()], fake_explainer(), recording=options) as session:
        assert session.recording is None
        assert session.describe()["recording"] is None
        session.start_recording("seen")
        eventually(lambda: session.recording.seconds > 0.5 and written(session, 8))
        assert session.recorded_file(session.recording.file) is None  # not yet
        assert session.describe()["recording"]["state"] == "recording"
        session.stop_recording()
        eventually(lambda: session.recording.state == "finished")
        recording = session.recording
        explained = session.describe()["frames"]["explained"]
    assert re.fullmatch(r"live_cam-\d{8}-\d{6}\.mp4", recording.file)
    assert [name.rpartition(".")[2] for name in recording.files] == ["mp4", "jsonl", "vtt"]
    paths = [session.recorded_file(name) for name in recording.files]
    assert {path.parent for path in paths} == {options.folder}
    times_s = frames_in(paths[0])
    assert 8 <= len(times_s) <= explained
    header, *lines, end = map(json.loads, paths[1].read_text("utf-8").splitlines())
    assert header["source"] == "Fake camera"
    assert (header["layer"], header["method"], header["runtime"]) == ("conv5_block3_out", "gradcam", "fake")
    assert header["model"] == {"name": "resnet50", "weights_sha256": "0" * 64}
    assert len(lines) == len(times_s) == end["end"]["frames"]
    assert session.recorded_file("../secret") is None
    assert session.recorded_file("other.mp4") is None


def test_a_lost_camera_leaves_a_gap(fake_source, fake_explainer, options, eventually):
    source = fake_source()
    with Session([source], fake_explainer(), recording=options) as session:
        session.start_recording("clean")
        eventually(lambda: session.recording.seconds > 0.3)
        source.block()
        time.sleep(0.8)
        before_s = session.recording.seconds
        source.release()
        eventually(lambda: session.recording.seconds > before_s + 0.9)
        session.stop_recording()
    times_s = frames_in(session.recorded_file(session.recording.file))
    gaps_s = [later - earlier for earlier, later in pairwise(times_s)]
    assert 0.7 < max(gaps_s) < 3.0
    assert min(gaps_s) > 0


def test_a_session_that_ends_finishes_its_recording(fake_source, fake_explainer, options, eventually):
    with Session([fake_source()], fake_explainer(), recording=options) as session:
        session.start_recording("both")
        eventually(lambda: session.recording.seconds > 0.2)
    assert session.recording.state == "finished"
    data = session.recorded_file(session.recording.file).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with pytest.raises(OutputError, match="ending"):
        session.start_recording("seen")


def test_several_sources_get_a_video_each(fake_source, fake_explainer, options, tmp_path, eventually):
    sources = [fake_source(name="left"), fake_source(name="right")]
    with Session(sources, fake_explainer(), recording=options) as session:
        session.start_recording("seen", tmp_path / "both.mp4")
        eventually(lambda: session.recording.seconds > 0.3 and written(session, 3))
    assert session.recording.files == (
        *("both-1.mp4", "both-1.jsonl", "both-1.vtt"),
        *("both-2.mp4", "both-2.jsonl", "both-2.vtt"),
    )
    for name, source in (("both-1", "left"), ("both-2", "right")):
        assert len(frames_in(tmp_path / f"{name}.mp4")) > 2
        assert read_header(tmp_path / f"{name}.jsonl")["source"] == source


def test_of_several_sources_the_one_without_a_picture_is_named_and_its_file_is_not(
    fake_source, fake_explainer, options, tmp_path, eventually
):
    sources = [fake_source(name="left"), fake_source(name="right")]
    sources[0].open_errors = [SourceError("it is unplugged")] * 1000
    with Session(sources, fake_explainer(), recording=options) as session:
        session.start_recording("seen", tmp_path / "both.mp4")
        eventually(lambda: session.recording.seconds > 0.3)
        session.stop_recording()
        eventually(lambda: session.recording.state == "finished")
        told = session.recording
        assert session.recorded_videos == [tmp_path / "both-2.mp4"]
    assert told.message == "left: No picture came; nothing was recorded"
    assert told.file == "both-2.mp4"
    assert told.files == ("both-2.mp4", "both-2.jsonl", "both-2.vtt")


def test_what_ended_all_of_several_is_told_once_with_their_names(fake_source, fake_explainer, options, eventually):
    sources = [fake_source(name="left"), fake_source(name="right")]
    for source in sources:
        source.open_errors = [SourceError("it is unplugged")] * 1000
    with Session(sources, fake_explainer(), recording=options) as session:
        session.start_recording("seen")
        session.stop_recording()
        eventually(lambda: session.recording.state == "failed")
        assert session.recording.message == "left, right: No picture came; nothing was recorded"
        assert session.recording.file.endswith("-1.mp4")
        assert session.recorded_videos == []


def test_a_disk_that_hangs_does_not_hold_the_end_for_ever(
    fake_source, fake_explainer, options, eventually, monkeypatch
):
    monkeypatch.setattr(recording, "_HURRIED_LIMIT_S", 0.2)
    answers, close = threading.Event(), AnnotatedVideo.close

    def hang(video, end):
        answers.wait()
        close(video, end)

    monkeypatch.setattr(AnnotatedVideo, "close", hang)
    session = Session([fake_source()], fake_explainer(), recording=options)
    with session:
        session.start_recording("seen")
        eventually(lambda: session.recording.seconds > 0.2)
        session.request_stop()
        eventually(lambda: session.recording.state == "finishing")
        eventually(lambda: not any(thread.is_alive() for thread in (session._worker, *session._captures)))
        main = threading.main_thread().ident
        interrupt = threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT))
        interrupt.start()
        left_s = time.monotonic()
    assert time.monotonic() - left_s < 5.0
    assert session.recording.state == "finishing"
    answers.set()
    eventually(lambda: session.recording.state == "finished")


def test_one_at_a_time_and_no_name_twice(fake_source, fake_explainer, options, eventually):
    with Session([fake_source()], fake_explainer(), recording=options) as session:
        names = set()
        for _ in range(3):
            session.start_recording("seen")
            with pytest.raises(OutputError, match="a recording is running already; stop it first"):
                session.start_recording("seen")
            eventually(lambda: session.recording.bytes)
            session.stop_recording()
            eventually(lambda: session.recording.state == "finished")
            names.add(session.recording.file)
        assert len(names) == 3
        assert all(map(session.recorded_file, names))


def test_if_one_of_several_can_not_begin_none_does(fake_source, fake_explainer, options, tmp_path, eventually):
    (tmp_path / "both-2.mp4").write_text("precious")
    with Session([fake_source(name="left"), fake_source(name="right")], fake_explainer(), recording=options) as session:
        with pytest.raises(OutputError, match=r"both-2\.mp4 is there already"):
            session.start_recording("seen", tmp_path / "both.mp4")
        assert session.recording is None
        time.sleep(0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["both-2.mp4"]


def test_visitors_are_never_recorded(fake_explainer, options):
    with (
        Session([], fake_explainer(), most_visitors=2, recording=options) as session,
        pytest.raises(OutputError, match="nothing of their pictures is kept"),
    ):
        session.start_recording("seen")
    assert not options.folder.exists()


def test_a_folder_that_can_not_be_made_is_told(fake_source, fake_explainer, tmp_path):
    (tmp_path / "file").write_text("")
    options = RecordingOptions(tmp_path / "file" / "recordings")
    with (
        Session([fake_source()], fake_explainer(), recording=options) as session,
        pytest.raises(OutputError, match="for recordings can't be made: Not a directory"),
    ):
        session.start_recording("seen")
