"""Switching a live session from one source to another."""

import io
import threading

import pytest
from PIL import Image

from live_cam.errors import SourceError, UsageError
from live_cam.pipeline.recordings import RecordingOptions
from live_cam.pipeline.session import Session
from live_cam.sources.demo import DemoSource
from live_cam.sources.upload import UploadSource
from tests.processes import num_files_in_memory


def picture(level=90, size_px=(80, 60)):
    """Returns an uploaded picture of one level."""
    file = io.BytesIO()
    Image.new("RGB", size_px, (level,) * 3).save(file, "PNG")
    return UploadSource(file.getvalue(), f"{level}.png")


def shows(feed, source):
    newest = feed.broadcaster.newest
    return feed.name == source.name and newest is not None and feed.status.state == "live"


def choices(session, number=0):
    return {choice.name: choice for choice in session.switch.choices(session.feeds[number])}


@pytest.fixture
def source(fake_source):
    return fake_source()


@pytest.fixture
def session(source, fake_explainer, tmp_path, eventually, monkeypatch):
    """A live session of a camera, on a machine with no other."""
    monkeypatch.setattr("live_cam.sources.camera_list.find_cameras", lambda options: [])
    with Session([source], fake_explainer(), recording=RecordingOptions(tmp_path)) as started:
        eventually(lambda: shows(started.feeds[0], source))
        yield started
        source.release()


def test_another_source_takes_the_place_of_the_camera_which_is_closed_and_comes_back(session, source, eventually):
    (feed,) = session.feeds
    assert [(choice.name, choice.is_current) for choice in choices(session).values()] == [
        ("Fake camera", True),
        ("Demo", False),
    ]
    last_seq = feed.broadcaster.newest.seq
    sent = picture()
    session.switch.show_upload(feed, sent)
    eventually(lambda: shows(feed, sent))
    assert feed.broadcaster.newest.frame.rgb.shape == (60, 80, 3)
    assert feed.broadcaster.newest.seq > last_seq, "viewers ignore what they have seen"
    eventually(lambda: not source.is_open)
    assert choices(session)["90.png"].is_current
    session.switch.choose(feed, choices(session)["Fake camera"].id)
    eventually(lambda: shows(feed, source))
    assert feed.broadcaster.newest.frame.rgb.shape == (48, 64, 3)
    assert "90.png" not in choices(session), "it is dropped"


def test_what_was_judged_asked_and_frozen_ends_and_how_it_is_shown_stays(session, source, eventually):
    (feed,) = session.feeds
    session.settings.change(mode="contrast", target=1, other=2, frozen=True, colormap="magma", method="hirescam")
    scene, watchdog, faithfulness = feed.broadcaster.newest.frame.source_id, feed.watchdog, feed.faithfulness
    sent = picture()
    session.switch.show_upload(feed, sent)
    eventually(lambda: shows(feed, sent))
    settings = session.settings.current
    assert (settings.mode, settings.target, settings.other, settings.frozen) == ("class", None, None, False)
    assert (settings.colormap, settings.method) == ("magma", "hirescam")
    assert feed.broadcaster.newest.frame.source_id != scene, "by which maps are smoothed"
    assert feed.watchdog is not watchdog
    assert feed.faithfulness is not faithfulness


def test_a_stopped_camera_is_started_by_choosing_another_source(session, eventually):
    session.settings.change(running=False)
    sent = picture()
    session.switch.show_upload(session.feeds[0], sent)
    eventually(lambda: shows(session.feeds[0], sent))


def test_a_source_that_fails_is_refused_in_one_line_and_the_camera_goes_on(session, source, eventually):
    (feed,) = session.feeds
    with pytest.raises(SourceError, match=r"^note\.txt is not a readable video"):
        session.switch.show_upload(feed, UploadSource(b"hello", "note.txt"))
    with pytest.raises(UsageError, match="not there any more"):
        session.switch.choose(feed, "/etc/passwd")
    assert (feed.name, feed.status.state, source.open_count) == ("Fake camera", "live", 1)
    seq = feed.broadcaster.newest.seq
    eventually(lambda: feed.broadcaster.newest.seq > seq)


def test_one_switch_at_a_time(session, eventually):
    (feed,) = session.feeds
    opening, released = threading.Event(), threading.Event()

    class Slow(DemoSource):
        def open(self):
            opening.set()
            released.wait()
            return super().open()

    session.switch._demo = Slow()
    switch = threading.Thread(target=session.switch.choose, args=(feed, "demo"))
    switch.start()
    eventually(opening.is_set)
    with pytest.raises(UsageError, match="another source is being opened"):
        session.switch.show_upload(feed, picture())
    assert feed.name == "Fake camera", "which goes on meanwhile"
    released.set()
    switch.join()
    eventually(lambda: feed.name == "Demo")


def test_a_frame_of_the_camera_that_is_still_being_explained_is_not_shown(session, eventually):
    (feed,) = session.feeds
    explainer = session.explainer
    explain_each = explainer.explain_each
    entered, released = threading.Event(), threading.Event()

    def wait(frames, *arguments):
        entered.set()
        released.wait()
        return explain_each(frames, *arguments)

    explainer.explain_each = wait
    eventually(entered.is_set)
    sent = picture()
    session.switch.show_upload(feed, sent)
    assert feed.broadcaster.newest is None
    first = []
    publish = feed.broadcaster.publish
    feed.broadcaster.publish = lambda encoded: (first.append(encoded), publish(encoded))
    released.set()
    eventually(lambda: shows(feed, sent))
    assert first[0].frame.rgb.shape == (60, 80, 3)
    captured = feed.metrics.read()
    assert captured.dropped >= 1, "it is counted"


def test_a_recording_ends_and_is_kept_and_says_why(session, eventually):
    session.recordings.start("overlay")
    eventually(lambda: session.recordings.status.seconds > 0.2)
    sent = picture()
    session.switch.show_upload(session.feeds[0], sent)
    eventually(lambda: session.recordings.status.state == "finished")
    status = session.recordings.status
    assert status.message == "Recording ended, since another source is shown"
    assert session.recordings.find_file(status.file).stat().st_size > 0
    eventually(lambda: shows(session.feeds[0], sent))
    session.recordings.start("overlay")
    eventually(lambda: session.recordings.status.seconds > 0)
    assert session.recordings.status.message == ""


def test_twenty_switches_leave_nothing_behind(session, source, eventually, session_threads):
    (feed,) = session.feeds
    before_n = num_files_in_memory()
    camera, demo = (choices(session)[name].id for name in ("Fake camera", "Demo"))
    for number in range(10):
        if number % 4:
            session.switch.choose(feed, demo)
        else:
            session.switch.show_upload(feed, picture())
        session.switch.choose(feed, camera)
    eventually(lambda: shows(feed, source))
    eventually(lambda: num_files_in_memory() == before_n)
    eventually(lambda: sum(thread.name.startswith("reader of") for thread in session_threads()) == 1)
    eventually(lambda: source.open_count == 1)
    eventually(lambda: len(session.feeds[0]._frame_queue._frames) <= 1)


def test_the_cameras_of_this_machine_are_offered_with_the_makers_names(session, monkeypatch, tmp_path):
    from live_cam.sources.camera import CameraOptions, CameraSource

    for number, (name, index) in enumerate([("Logitech C920", 0), ("Logitech C920", 1), ("Built-in", 0)]):
        folder = tmp_path / f"video{number}"
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "index").write_text(f"{index}\n")
    monkeypatch.setattr("live_cam.sources.camera_list._SYSFS", tmp_path)
    cameras = [CameraSource(number, CameraOptions()) for number in range(3)]
    monkeypatch.setattr("live_cam.sources.camera_list.find_cameras", lambda options: cameras)
    assert list(choices(session)) == ["Fake camera", "Camera 0 (Logitech C920)", "Camera 2 (Built-in)", "Demo"]
    with pytest.raises(SourceError):
        session.switch.choose(session.feeds[0], "camera-2")  # there is none


def test_of_several_feeds_one_is_switched_and_does_not_open_what_another_shows(fake_source, fake_explainer, eventually):
    front, back = fake_source(name="Front"), fake_source(name="90.png")
    with Session([front, back], fake_explainer()) as session:
        eventually(lambda: shows(session.feeds[0], front) and shows(session.feeds[1], back))
        assert "90.png" not in choices(session, 0)
        session.switch.show_upload(session.feeds[0], picture())
        assert [feed.name for feed in session.feeds] == ["90.png (2)", "90.png"]
        eventually(lambda: session.feeds[0].status.state == "live")
        assert "Front" in choices(session, 1), "nobody shows it now"
        for source in (front, back):
            source.release()


def test_the_demo_of_a_machine_without_a_camera_says_so(fake_explainer, monkeypatch, eventually):
    monkeypatch.setattr("live_cam.sources.camera_list.find_cameras", lambda options: [])
    demo = DemoSource("Demo (no camera delivers frames)", is_in_place_of_camera=True)
    with Session([demo], fake_explainer()) as session:
        (feed,) = session.feeds
        assert session.switch.is_in_place_of_camera(feed)
        assert len(choices(session)) == 1, "there is one demo"
        session.switch.show_upload(feed, picture())
        assert not session.switch.is_in_place_of_camera(feed)
