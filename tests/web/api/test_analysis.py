"""The routes that analyse the newest frame: maps of the top classes, occlusion, and the poster."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from live_cam.explain.saliency.occlusion import FILL_RGB
from tests.web.browser import pixels

pytestmark = pytest.mark.slow


def occlude(site, x, y, **params):
    return site.http.post("occlusion", params={"x": x, "y": y, **params})


def test_the_maps_of_the_top_three_classes_come_as_one_image_with_their_names(site):
    response = site.http.get("top.jpg")
    assert response.headers["Content-Type"] == "image/jpeg"
    height, width = pixels(response.content).shape[:2]
    assert width % 3 == 0
    assert (width / 3) / height == pytest.approx(64 / 48, rel=0.03)
    top = json.loads(response.headers["X-Live-Cam"])["top"]
    assert [set(score) for score in top] == [{"index", "label", "probability", "has_evidence"}] * 3
    assert top[0]["label"] == "lion"
    assert {score["index"] for score in top} <= {target.index for _, target in site.explainer.explained}


def test_occlusion_returns_the_probabilities_before_and_after(site):
    response = occlude(site, 0.25, 0.5)
    assert response.status_code == 200
    result = response.json()
    assert [score["index"] for score in result["before"]] == [score["index"] for score in result["after"]]
    assert len(result["before"]) == 3
    left, top, right, bottom = result["box"]
    assert left < 0.25 < right
    assert top < 0.5 < bottom
    assert (right - left) * 64 == pytest.approx((bottom - top) * 48, rel=0.1), "a square"


def test_a_patch_is_occluded_in_the_input_as_frames_are_resized(site, monkeypatch):
    explainer, images = site.explainer, []
    monkeypatch.setattr(explainer, "classifier", replace(explainer.classifier, resize="pad"))
    logits = explainer.logits
    monkeypatch.setattr(explainer, "logits", lambda frames: images.append(frames[0]) or logits(frames))
    assert occlude(site, 0.5, 0.0).status_code == 200
    rows = (images[-1] == FILL_RGB).all(axis=-1).any(axis=1).nonzero()[0]
    # Of 64 rows, 8 are padding above the frame; the patch has 12.
    assert (rows.min() / 224, (rows.max() + 1) / 224) == pytest.approx((8 / 64, 20 / 64), abs=1 / 224)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 1), (0, 1), (1, 0)])
def test_the_patch_stays_inside_the_frame(site, x, y):
    left, top, right, bottom = occlude(site, x, y).json()["box"]
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1


@pytest.mark.parametrize("place", [{"x": -0.1, "y": 0}, {"x": 0, "y": 1.1}, {"x": "nan", "y": 0}, {"x": 0}, {}])
def test_places_outside_the_frame_are_refused(site, place):
    assert site.http.post("occlusion", params=place).status_code == 422


def test_before_the_first_frame_there_is_only_a_placeholder(serve_session, fake_source, fake_explainer):
    source = fake_source()
    source.block()
    site = serve_session(source, fake_explainer())
    assert site.http.get("top.jpg").status_code == 503
    assert occlude(site, 0.5, 0.5).status_code == 503
    placeholder = pixels(site.http.get("poster.jpg").content)
    assert placeholder.std() > 5, "no empty box"
    assert placeholder.mean() < 100, "dim, so that nobody takes it for the live view"


def test_the_poster_is_the_newest_frame_once_there_is_one(site):
    assert pixels(site.http.get("poster.jpg").content).shape == (48, 64, 3)


def test_visitors_get_the_placeholder_and_nobody_elses_frames(visitors):
    assert pixels(visitors.http.get("poster.jpg").content).shape == (480, 640, 3)
    assert visitors.http.get("top.jpg", params={"visitor": "anna"}).status_code == 404
    assert occlude(visitors, 0, 0, visitor="anna").status_code == 404


def test_a_frozen_frame_is_analysed_too(site):
    site.http.patch("settings", json={"frozen": True})
    assert occlude(site, 0.5, 0.5).status_code == 200
    assert site.http.get("top.jpg").status_code == 200
    assert site.http.get("healthz").status_code == 200


def test_analysis_does_not_stop_the_live_view(site, eventually):
    before = site.session.metrics.read().explained
    for _ in range(20):
        occlude(site, 0.5, 0.5)
    eventually(lambda: site.session.metrics.read().explained > before + 10)


def test_a_request_made_while_live_cam_ends_gets_a_response(serve_session, fake_source, fake_explainer):
    site = serve_session(fake_source(), fake_explainer()).wait_until_live()
    site.session.request_stop()
    assert occlude(site, 0.5, 0.5).status_code == 503


def test_many_requests_for_the_top_three_at_once_cost_as_much_as_one(site, monkeypatch):
    site.http.get("top.jpg")
    tasks = []
    submit = site.session.submit
    monkeypatch.setattr(site.session, "submit", lambda task: tasks.append(task) or submit(task))
    start_s = time.monotonic()
    with ThreadPoolExecutor(10) as viewers:
        responses = list(viewers.map(lambda _: site.http.get("top.jpg"), range(10)))
    assert [response.status_code for response in responses] == [200] * 10
    took_s = time.monotonic() - start_s
    assert len(tasks) <= took_s / 0.25 + 2


def test_the_top_three_of_live_frames_cost_no_call_of_their_own(site, monkeypatch):
    site.explainer.prepare(site.explainer.cam_config, 3)
    tasks = []
    submit = site.session.submit
    monkeypatch.setattr(site.session, "submit", lambda task: tasks.append(task) or submit(task))
    for _ in range(3):
        response = site.http.get("top.jpg")
        top = json.loads(response.headers["X-Live-Cam"])["top"]
        assert top[0]["label"] == "lion"
        assert len(top) == 3
    assert tasks == []


def test_a_failure_of_the_explainer_is_returned_in_one_line(site):
    site.explainer.failure = RuntimeError("out of memory")
    response = occlude(site, 0.5, 0.5)
    assert response.status_code == 503
    assert "out of memory" in response.text
