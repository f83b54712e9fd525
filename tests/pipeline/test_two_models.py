"""A session with two models on the same frames; both compute."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from live_cam.pipeline.payload import frame_payload, state_payload
from live_cam.pipeline.recordings import RecordingOptions
from live_cam.pipeline.session import Session
from live_cam.pipeline.snapshot import take_snapshot
from live_cam.sources.base import SourceKind
from live_cam.types import Frame
from tests.colour_models import paint_picture

pytestmark = pytest.mark.slow

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "sidecar.schema.json").read_text("utf-8"))


class Scene:
    """A camera in front of the painted picture."""

    name = "Scene"
    kind: SourceKind = "camera"

    def __init__(self, fake_source):
        self._source = fake_source(rate_fps=20.0)

    def open(self):
        stream = self._source.open()
        number = 0

        def read():
            nonlocal number
            picture = paint_picture()
            picture[0, 0] = number = (number + 1) % 256
            return Frame(picture, read_fake().pts_ns)

        read_fake, stream.read = stream.read, read
        return stream


@pytest.fixture
def session(colour_explainers, fake_source, tmp_path):
    first, second = colour_explainers()
    recording = RecordingOptions(tmp_path)
    with Session([Scene(fake_source)], first, recording=recording, second=second) as session:
        yield session


@pytest.fixture
def shown(session, eventually):
    """Waits for an overlay, and returns it with its payload: `shown(lambda payload: ...)`."""
    (feed,) = session.feeds

    def wait(condition=lambda payload: True):
        found = []

        def holds():
            newest = feed.broadcaster.newest
            found[:] = [] if newest is None else [(newest, frame_payload(session, feed, newest))]
            return found and condition(found[0][1])

        eventually(holds)
        return found[0]

    return wait


def test_both_explain_each_frame_and_say_whether_they_agree(session, shown):
    overlay, payload = shown()
    json.dumps(payload)
    assert payload["models"] == [
        {"name": "primary", "explained_by": "cam"},
        {"name": "warm", "explained_by": "recipro-cam"},
    ]
    assert [score["label"] for score in payload["top"]] == ["red", "green", "blue"]
    assert [score["label"] for score in payload["second"]["top"]] == ["yellow", "Red"]
    assert (payload["target"]["label"], payload["second"]["target"]["label"]) == ("red", "yellow")
    assert payload["comparison"]["agree"] is False
    assert payload["comparison"]["words"].startswith("disagree: primary says red")
    # The second map lies on the square, which is what is yellow.
    square = np.zeros(overlay.second.saliency_map.shape, bool)
    square[1:7, 5:11] = True
    assert overlay.second.saliency_map[square].mean() > 3 * overlay.second.saliency_map[~square].mean()


def test_the_second_explains_the_class_of_the_same_name_or_says_that_it_has_none(session, shown):
    session.settings.change(target=0)  # red
    _, payload = shown(lambda payload: payload["second"]["target"]["label"] == "Red")
    assert payload["comparison"]["note"] == ""
    session.settings.change(target=1)  # green
    _, payload = shown(lambda payload: payload["target"]["label"] == "green")
    assert payload["second"]["target"]["label"] == "yellow"
    assert payload["comparison"]["note"] == "warm has no class green: its map explains yellow"
    session.settings.change(mode="contrast", target=0, other=2)  # red, not blue
    _, payload = shown(lambda payload: payload["contrast"] is not None)
    assert (payload["second"]["target"]["label"], payload["second"]["contrast"]) == ("Red", None)
    session.settings.change(target=None, other=None)
    _, payload = shown(lambda payload: payload["second"]["contrast"] is not None)
    assert payload["second"]["contrast"]["label"] == "Red"
    session.settings.change(mode="counterfactual", target=0)
    _, payload = shown(lambda payload: payload["second"]["counterfactual"])
    assert payload["second"]["target"]["label"] == "Red"
    session.settings.change(method="eigencam")
    _, payload = shown(lambda payload: payload["second"]["method"] == "eigencam")
    assert payload["method"] == "eigencam"
    with pytest.raises(ValueError, match="mode is one of class, contrast, counterfactual, not 'side_by_side'"):
        session.settings.change(mode="side_by_side")


def test_recording_and_snapshot_hold_both(session, shown, eventually, tmp_path):
    shown()
    video = tmp_path / "video.mp4"
    session.recordings.start("overlay", video)
    eventually(lambda: session.recordings.status.seconds > 0.2)
    session.recordings.stop()
    session.recordings.join()
    header, *frames, _end = map(json.loads, video.with_suffix(".jsonl").read_text("utf-8").splitlines())
    for line in (header, *frames):
        jsonschema.validate(line, SCHEMA)
    digests = [explainer.weights_digest for explainer in session.explainers]
    assert [header["model"], header["second_model"]] == [
        {"name": "primary", "weights_sha256": digests[0]},
        {"name": "warm", "weights_sha256": digests[1]},
    ]
    assert [(frame["top"][0]["label"], frame["second"]["top"][0]["label"]) for frame in frames] == [
        ("red", "yellow")
    ] * len(frames)
    overlay, _ = shown()
    data = take_snapshot("Scene", overlay, session.explainers).as_zip()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".json"))
        content = json.loads(archive.read(name))
    assert (content["model"]["name"], content["second"]["model"]["name"]) == ("primary", "warm")
    assert content["second"]["model"]["weights_sha256"] == digests[1]
    assert content["second"]["top"][0]["label"] == "yellow"
    assert content["second"]["map"]["shape"] == [8, 12]


def test_one_model_has_no_second(fake_source, fake_explainer, eventually):
    with Session([fake_source()], fake_explainer()) as session:
        (feed,) = session.feeds
        eventually(lambda: feed.broadcaster.newest)
        payload = frame_payload(session, feed, feed.broadcaster.newest)
        assert state_payload(session, feed)["models"] == [{"name": "resnet50", "explained_by": "gradients"}]
    assert (payload["second"], payload["comparison"]) == (None, None)


def test_visitors_see_both_models_under_settings_of_their_own(colour_explainers, eventually):
    first, second = colour_explainers()
    with Session([], first, max_visitors=2, second=second) as session:
        mine, other = session.visitors.join("me"), session.visitors.join("somebody")
        mine.settings.change(target=0)
        for feed in (mine, other):
            feed.offer(Frame(paint_picture(), 0), None)
        eventually(lambda: mine.broadcaster.newest and other.broadcaster.newest)
        labels = [feed.broadcaster.newest.second.target_label for feed in (mine, other)]
    assert labels == ["Red", "yellow"]
