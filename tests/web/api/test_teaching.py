"""The routes that teach classes, and the votes of a place."""

from __future__ import annotations

import io
import re
import zipfile

import numpy as np
import pytest

from live_cam.explain.explainer import Explainer
from live_cam.models.taught_head import read_head
from live_cam.render.encode import encode_jpeg
from tests.web.sites import TOKEN
from tests.web.viewers import VisitorPage

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def explainer(colour_models):
    return Explainer(colour_models[0], precision="float32", smooth=True)


@pytest.fixture
def site(serve_session, fake_source, explainer):
    """A site whose camera shows purple; without Gradio's page."""
    source = fake_source(rate_fps=30.0)
    source.tint = (1.0, 0.0, 1.0)
    return serve_session(source, explainer, loads_page=False).wait_until_live()


def act(site, action, status=200, **arguments):
    response = site.http.post("teach", json={"action": action, **arguments})
    assert response.status_code == status, response.text
    return response.json() if status == 200 else response.text


def class_ids(site):
    return {each["label"]: each["id"] for each in site.http.get("teach").json()["classes"]}


def teach_both(site, eventually):
    for label in ("purple", "teal"):
        act(site, "add", label=label)
    for label, tint in (("purple", (1.0, 0.0, 1.0)), ("teal", (0.0, 1.0, 1.0))) * 2:
        site.source.tint = tint
        site.wait_until_live()
        before = sum(each["pictures"] for each in site.http.get("teach").json()["classes"])

        def has_grown(label=label, before=before):
            state = act(site, "start", **{"class": class_ids(site)[label]})
            return sum(each["pictures"] for each in state["classes"]) >= before + 3

        eventually(has_grown)
        act(site, "stop")
    eventually(lambda: (state := site.http.get("teach").json())["in_use"] and not state["fitting"])


def test_two_classes_are_taught_and_answered_kept_and_forgotten(site, eventually, tmp_path):
    teach_both(site, eventually)
    state = site.http.get("teach").json()
    assert [each["label"] for each in state["classes"]] == ["purple", "teal"]
    assert [len(each["takes"]) for each in state["classes"]] == [2, 2]
    assert state["accuracy"]["takes"] == 4
    eventually(lambda: site.http.get("stats").json()["top"][0]["label"] == "teal")
    # What asks for classes gets the taught ones.
    assert site.http.patch("settings", json={"target": "purple"}).json()["target_label"] == "purple"
    assert site.http.patch("settings", json={"target": "red"}).status_code == 400
    assert list(site.http.get("choices").json()["layer"]) == ["colours"]
    occluded = site.http.post("occlusion", params={"x": 0.5, "y": 0.5}).json()
    assert {score["label"] for score in occluded["after"]} == {"purple", "teal"}
    assert site.http.get("top.jpg").status_code == 200
    votes = site.http.get("votes", params={"x": 0.5, "y": 0.5}).json()["votes"]
    assert votes[0]["label"] == "teal"
    with zipfile.ZipFile(io.BytesIO(site.http.get("snapshot").content)) as archive:
        (description,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".json")]
    assert '"label": "teal"' in description
    assert "--head mine.npz" in description
    # What can be kept.
    (tmp_path / "mine.npz").write_bytes(site.http.get("teach/mine.npz").content)
    assert read_head(tmp_path / "mine.npz").labels == ("purple", "teal")
    with zipfile.ZipFile(io.BytesIO(site.http.get("teach/examples.zip").content)) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"purple", "teal"}
    take = state["classes"][0]["takes"][0]["id"]
    picture = site.http.get(f"teach/pictures/{take}/0.jpg")
    assert (picture.headers["Content-Type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")
    assert site.http.get(f"teach/pictures/{take}/999.jpg").status_code == 404
    assert "primary is no model of Keras" in site.http.get("teach/mine.keras").text
    assert act(site, "reset")["classes"] == []
    eventually(lambda: site.http.get("settings").json()["target_label"] is None)
    assert site.http.patch("settings", json={"target": "red"}).status_code == 200


def test_a_page_that_was_closed_in_the_midst_of_a_take_loses_nothing(serve_session, fake_source, explainer, eventually):
    from tests.clocks import ShiftedClock

    clock = ShiftedClock()
    site = serve_session(fake_source(rate_fps=30.0), explainer, loads_page=False, clock=clock).wait_until_live()
    mug = act(site, "add", label="mug")["classes"][0]["id"]
    act(site, "start", **{"class": mug})
    eventually(lambda: site.http.get("teach").json()["classes"][0]["pictures"] > 0)
    clock.advance(4)
    state = site.http.get("teach").json()
    assert state["showing"] is None
    assert state["classes"][0]["pictures"] > 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Expecting value"),
        (b"[]", "JSON object with an action"),
        (b'{"action": "explode"}', "JSON object with an action"),
        (b'{"action": "add"}', r"takes label \(str\)"),
        (b'{"action": "add", "label": 3}', r"takes label \(str\)"),
        (b'{"action": "start", "class": true}', r"takes class \(int\)"),
        (b'{"action": "stop", "class": 1}', "takes nothing else"),
        (b'{"action": "start", "class": 77}', "no such class any more"),
        (b'{"action": "add", "label": "../up"}', "is no name for a class"),
    ],
)
def test_bad_requests_are_refused_in_one_line(site, body, message):
    response = site.http.post("teach", content=body)
    assert response.status_code == 400
    assert "\n" not in response.text
    assert re.search(message, response.text)
    assert site.http.post("teach", content=b" " * 5000).status_code == 413
    for name in ("mine.npz", "mine.keras", "examples.zip"):
        assert site.http.get(f"teach/{name}").status_code == 409


def test_a_network_that_takes_no_classes_says_so(serve_session, fake_source, colour_models):
    site = serve_session(fake_source(), Explainer(colour_models[1], smooth=True), loads_page=False).wait_until_live()
    assert "takes no classes of your own" in act(site, "add", 400, label="mug")
    assert site.http.get("votes", params={"x": 0.5, "y": 0.5}).status_code == 409


def test_two_models_are_not_taught(serve_session, fake_source, colour_explainers):
    first, second = colour_explainers()
    site = serve_session(fake_source(), first, second=second, loads_page=False)
    assert site.http.get("teach").status_code == 404


def test_a_kiosk_has_no_such_routes_and_others_need_the_token(serve_session, fake_source, explainer):
    kiosk = serve_session(fake_source(), explainer, kiosk=True, loads_page=False)
    for method, path in (("GET", "teach"), ("POST", "teach"), ("GET", "teach/mine.npz"), ("GET", "teach/examples.zip")):
        assert kiosk.http.request(method, path, json={"action": "stop"}).status_code == 404
    guarded = serve_session(fake_source(), explainer, token=TOKEN, taught_labels=("a", "b"), loads_page=False)
    for path in ("teach", "votes?x=0&y=0", "teach/mine.npz"):
        assert guarded.http.get(path).status_code == 401
    assert guarded.http.post("teach", json={"action": "reset"}).status_code == 401


def test_a_kiosk_that_teaches_lets_given_classes_be_shown_and_nothing_else(serve_session, fake_source, explainer):
    kiosk = serve_session(fake_source(), explainer, kiosk=True, taught_labels=("first", "second"), loads_page=False)
    first, _ = class_ids(kiosk).values()
    assert act(kiosk, "start", **{"class": first})["showing"] == first
    assert act(kiosk, "stop")["showing"] is None
    refused = {"add": {"label": "x"}, "rename": {"class": first, "label": "x"}, "use": {"taught": False}, "undo": {}}
    refused |= {"remove": {"class": first}, "clear": {"class": first}}
    for action, arguments in refused.items():
        assert "nothing else about them is changed" in act(kiosk, action, 403, **arguments)
    assert list(class_ids(kiosk)) == ["first", "second"]
    assert list(act(kiosk, "reset")["classes"][0]["takes"]) == []
    for name in ("mine.npz", "mine.keras", "examples.zip"):
        assert kiosk.http.get(f"teach/{name}").status_code == 404
    foreign = {"Origin": "http://evil.example"}
    assert kiosk.http.post("teach", json={"action": "reset"}, headers=foreign).status_code == 403


def test_pages_of_other_origins_teach_nothing(site):
    foreign = {"Origin": "http://evil.example"}
    assert site.http.post("teach", json={"action": "reset"}, headers=foreign).status_code == 403
    assert site.http.get("teach/examples.zip", headers=foreign).status_code == 403


def test_visitors_teach_their_own(serve_session, explainer):
    site = serve_session([], explainer, max_visitors=2, loads_page=False)

    def state(visitor):
        return site.http.get("teach", params={"visitor": visitor}).json()

    response = site.http.post("teach", params={"visitor": "anna"}, json={"action": "add", "label": "my mug"})
    assert response.status_code == 200
    assert [each["label"] for each in state("anna")["classes"]] == ["my mug"]
    assert state("bob")["classes"] == []
    assert site.http.get("teach", params={"visitor": "x" * 65}).status_code == 422


def test_eight_visitors_teach_at_once_in_bounded_memory(serve_session, explainer, eventually, monkeypatch):
    limit_bytes = 160_000
    monkeypatch.setattr("live_cam.pipeline.session.TEACHING_BYTES", limit_bytes)
    site = serve_session([], explainer, max_visitors=8, loads_page=False)
    rng = np.random.default_rng(0)
    picture = encode_jpeg(rng.integers(0, 256, (64, 96, 3), np.uint8))
    names = [f"visitor{number}" for number in range(8)]
    pages = [VisitorPage(site, name, picture) for name in names]

    def post(name, **action):
        return site.http.post("teach", params={"visitor": name}, json=action)

    for name in names:
        assert post(name, action="add", label=f"thing of {name}").status_code == 200

    def is_full(name):
        class_id = site.http.get("teach", params={"visitor": name}).json()["classes"][0]["id"]
        response = post(name, **{"action": "start", "class": class_id})
        return response.status_code == 400 and "memory for examples is full" in response.text

    for name in names:
        eventually(lambda name=name: is_full(name))
    states = [site.http.get("teach", params={"visitor": name}).json() for name in names]
    assert [[each["label"] for each in state["classes"]] for state in states] == [
        [f"thing of {name}"] for name in names
    ]
    assert all(state["classes"][0]["pictures"] > 1 for state in states)
    largest = max(state["bytes"] / state["classes"][0]["pictures"] for state in states)
    assert sum(state["bytes"] for state in states) < limit_bytes + 8 * largest
    for page in pages:
        page.leave()


@pytest.mark.parametrize("place", [{"x": -0.1, "y": 0}, {"x": 0, "y": 1.1}, {"x": "nan", "y": 0}, {"x": 0}])
def test_votes_outside_the_frame_are_refused(site, place):
    assert site.http.get("votes", params=place).status_code == 422


def test_votes_name_the_classes_that_a_place_speaks_for(site):
    found = site.http.get("votes", params={"x": 0.5, "y": 0.5}).json()
    assert found["votes"][0]["label"] in ("red", "blue")
    contributions = [vote["contribution"] for vote in found["votes"]]
    assert contributions == sorted(contributions, reverse=True)
    left, top, right, bottom = found["box"]
    assert left <= 0.5 <= right
    assert top <= 0.5 <= bottom
    assert np.isfinite(contributions).all()
