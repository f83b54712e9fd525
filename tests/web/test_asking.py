import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image


def picture(answer):
    with Image.open(io.BytesIO(answer.content)) as image:
        return np.asarray(image.convert("RGB"))


def test_the_maps_of_the_top_three_come_as_one_picture_with_their_names(site):
    answer = httpx.get(f"{site.url}top.jpg")
    assert answer.headers["Content-Type"] == "image/jpeg"
    height, width = picture(answer).shape[:2]
    assert width % 3 == 0
    assert (width / 3) / height == pytest.approx(64 / 48, rel=0.03)
    top = json.loads(answer.headers["X-Live-Cam"])["top"]
    assert [set(score) for score in top] == [{"index", "label", "probability", "evidence"}] * 3
    assert top[0]["label"] == "lion"
    assert [target.index for _, target in site.session.explainer.explained[-60:] if target.index not in (291,)]


def test_a_hidden_place_is_answered_with_the_probabilities_before_and_after(site):
    answer = httpx.post(f"{site.url}occlusion", params={"x": 0.25, "y": 0.5})
    assert answer.status_code == 200
    told = answer.json()
    assert [score["index"] for score in told["before"]] == [score["index"] for score in told["after"]]
    assert len(told["before"]) == 3
    left, top, right, bottom = told["box"]
    assert left < 0.25 < right
    assert top < 0.5 < bottom
    assert (right - left) * 64 == pytest.approx((bottom - top) * 48, rel=0.1), "a square"


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 1), (0, 1), (1, 0)])
def test_the_square_stays_inside_the_picture(site, x, y):
    left, top, right, bottom = httpx.post(f"{site.url}occlusion", params={"x": x, "y": y}).json()["box"]
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1


@pytest.mark.parametrize("place", [{"x": -0.1, "y": 0}, {"x": 0, "y": 1.1}, {"x": "nan", "y": 0}, {"x": 0}, {}])
def test_places_outside_the_picture_are_refused(site, place):
    assert httpx.post(f"{site.url}occlusion", params=place).status_code == 422


def test_before_the_first_picture_there_is_nothing_to_ask_about_but_a_picture_to_see(
    serve_session, fake_source, fake_explainer
):
    source = fake_source()
    source.block()
    site = serve_session(source, fake_explainer())
    assert httpx.get(f"{site.url}top.jpg").status_code == 503
    assert httpx.post(f"{site.url}occlusion", params={"x": 0.5, "y": 0.5}).status_code == 503
    stand_in = picture(httpx.get(f"{site.url}poster.jpg"))
    assert stand_in.std() > 5, "no empty box"
    assert stand_in.mean() < 100, "dim, so that nobody takes it for the live picture"


def test_the_poster_is_the_newest_picture_once_there_is_one(site):
    assert picture(httpx.get(f"{site.url}poster.jpg")).shape == (48, 64, 3)


def test_visitors_see_the_stand_in_and_nobody_elses_picture(serve_session, fake_explainer):
    site = serve_session([], fake_explainer(), most_visitors=2)
    assert picture(httpx.get(f"{site.url}poster.jpg")).shape == (480, 640, 3)
    assert httpx.get(f"{site.url}top.jpg", params={"visitor": "anna"}).status_code == 404
    assert httpx.post(f"{site.url}occlusion", params={"x": 0, "y": 0, "visitor": "anna"}).status_code == 404


def test_what_is_asked_aside_is_answered_about_a_frozen_picture_too(site, eventually):
    httpx.patch(f"{site.url}settings", json={"frozen": True})
    assert httpx.post(f"{site.url}occlusion", params={"x": 0.5, "y": 0.5}).status_code == 200
    assert httpx.get(f"{site.url}top.jpg").status_code == 200
    assert httpx.get(f"{site.url}healthz").status_code == 200


def test_asking_does_not_stop_the_live_picture(site, eventually):
    before = site.session.statistics.read().explained
    for _ in range(20):
        httpx.post(f"{site.url}occlusion", params={"x": 0.5, "y": 0.5})
    eventually(lambda: site.session.statistics.read().explained > before + 10)


def test_who_asks_while_live_cam_ends_gets_an_answer(serve_session, fake_source, fake_explainer, eventually):
    explainer = fake_explainer()
    site = serve_session(fake_source(), explainer)
    eventually(lambda: site.session.feeds[0].hub.newest is not None)
    site.session.request_stop()
    assert httpx.post(f"{site.url}occlusion", params={"x": 0.5, "y": 0.5}).status_code == 503


def test_many_who_ask_for_the_top_three_at_once_cost_what_one_does(site):
    httpx.get(f"{site.url}top.jpg")
    asked = []
    ask = site.session.ask
    site.session.ask = lambda question: asked.append(question) or ask(question)
    begin_s = time.monotonic()
    with ThreadPoolExecutor(10) as viewers:
        answers = list(viewers.map(lambda _: httpx.get(f"{site.url}top.jpg"), range(10)))
    assert [answer.status_code for answer in answers] == [200] * 10
    took_s = time.monotonic() - begin_s
    assert len(asked) <= took_s / 0.25 + 2


def test_what_cannot_be_explained_is_told_in_a_line(site):
    site.session.explainer.failure = RuntimeError("out of memory")
    answer = httpx.post(f"{site.url}occlusion", params={"x": 0.5, "y": 0.5})
    assert answer.status_code == 503
    assert "out of memory" in answer.text
