import json
from dataclasses import replace

import pytest

from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.pipeline.payload import FramePayload, StatePayload, frame_payload, state_payload
from live_cam.types import EncodedFrame, ExplanationPayload, OverlayStyle, Target


@pytest.fixture
def shown(session, make_frame, make_explanation, clock):
    """An overlay with two maps."""
    frame = session.feeds[0].offer(make_frame(pts_ns=clock.now_ns()), None)
    second = make_explanation(Target(285))
    return EncodedFrame(b"", frame, make_explanation(Target(291, 293)), OverlayStyle("spotlight", 0.4, "jet"), second)


def test_each_payload_has_exactly_the_keys_of_its_type_and_is_json(session, shown):
    feed = session.feeds[0]
    state, frame = state_payload(session, feed), frame_payload(session, feed, shown)
    assert state.keys() == StatePayload.__annotations__.keys()
    assert frame.keys() == FramePayload.__annotations__.keys()
    assert frame["second"].keys() == ExplanationPayload.__annotations__.keys()
    for payload in (state, frame):
        assert json.loads(json.dumps(payload)) == payload


@pytest.mark.parametrize("smoothed", [False, True])
def test_an_explanation_is_described_with_exactly_the_keys_of_its_type(make_explanation, smoothed):
    description = make_explanation().describe(smoothed=smoothed)
    assert description.keys() == ExplanationPayload.__annotations__.keys()


def test_a_frame_is_described_with_its_age_by_the_clock_of_the_session(session, shown, clock):
    clock.advance(0.125)
    payload = frame_payload(session, session.feeds[0], shown)
    assert (payload["seq"], payload["revision"], payload["age_ms"]) == (0, 0, 125.0)
    assert (payload["style"], payload["opacity"], payload["colormap"]) == ("spotlight", 0.4, "jet")
    assert (payload["target"]["label"], payload["contrast"]["label"]) == ("lion", "cheetah")
    assert payload["second"]["target"]["label"] == "Egyptian cat"
    assert (payload["source"], payload["state"]) == ("Fake camera", "live")


def test_a_single_overlay_has_no_second_explanation(session, make_frame, make_explanation):
    shown = EncodedFrame(b"", make_frame(), make_explanation(), OverlayStyle())
    payload = frame_payload(session, session.feeds[0], shown)
    assert (payload["second"], payload["contrast"], payload["counterfactual"]) == (None, None, False)


def test_a_caption_is_shown_with_the_model_of_which_it_speaks_and_with_no_other(session, shown):
    explainer, feed = session.explainer, session.feeds[0]
    captioned = replace(shown, frame=replace(shown.frame, caption="The lion is a carton."))
    assert frame_payload(session, feed, shown)["caption"] == ""
    assert frame_payload(session, feed, captioned)["caption"] == "The lion is a carton."
    for other in ({"name": "mine"}, {"labels": ("lion", "carton")}):
        explainer.classifier = replace(IMAGENET_RESNET50, **other)
        assert frame_payload(session, feed, captioned)["caption"] == ""
