"""The settings route."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.web.sites import Site

pytestmark = pytest.mark.slow


def patch(site: Site, changes: object, visitor: str = "") -> httpx.Response:
    return site.http.patch("settings", content=json.dumps(changes), params={"visitor": visitor})


def test_settings_are_read_and_changed_in_part(site):
    before = site.http.get("settings").json()
    assert (before["mode"], before["target"], before["style"]) == ("class", None, "heatmap")
    response = patch(site, {"mode": "contrast", "target": 285, "other": "tiger", "opacity": 0.4})
    assert response.status_code == 200
    after = response.json()
    assert (after["target"], after["target_label"]) == (285, "Egyptian cat")
    assert (after["other"], after["other_label"]) == (292, "tiger")
    assert after["revision"] == before["revision"] + 1
    unchanged = before.keys() - {"mode", "target", "target_label", "other", "other_label", "opacity", "revision"}
    assert {name: after[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert site.http.get("settings").json() == after
    assert site.settings.opacity == 0.4


def test_every_viewer_receives_the_settings_with_the_frames(site, eventually):
    revision = patch(site, {"style": "spotlight", "colormap": "magma"}).json()["revision"]

    def received():
        return json.loads(site.http.get("frame.jpg").headers["X-Live-Cam"])["settings"]

    eventually(lambda: received()["style"] == "spotlight")
    assert (received()["colormap"], received()["revision"]) == ("magma", revision)


def test_the_initial_settings_are_read_beside_the_current_ones(site):
    start = site.http.get("settings").json()["start"]
    patch(site, {"target": "tiger", "style": "contours"})
    assert site.http.get("settings").json()["start"] == start
    assert (start["target"], start["target_label"], start["style"]) == (None, None, "heatmap")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"colour": "red"}, "no setting 'colour'"),
        ({"target": "no such thing"}, "no class is called"),
        ({"target": 1000}, "a class from 0 to 999"),
        ({"target": True}, "index of a class"),
        ({"target": 1.0}, "index of a class"),
        ({"opacity": 2}, "0..1"),
        ({"opacity": "1"}, "0..1"),
        ({"opacity": None}, "0..1"),
        ({"opacity": True}, "0..1"),
        ({"self": 1}, "no setting 'self'"),
        ({"\ud800": 1}, "no setting"),
        ({"style": "rainbow"}, "heatmap, contours, spotlight"),
        ({"mode": ["class"]}, "class, contrast, counterfactual, side_by_side"),
        ({"layer": "conv9"}, "conv5_block3_out"),
        ({"method": 3}, "gradcam"),
        ({"frozen": 1}, "true or false"),
        ({"revision": 3}, "no setting 'revision'"),
        ([], "a JSON object"),
        ("why", "a JSON object"),
    ],
)
def test_invalid_settings_are_refused_in_one_line_and_change_nothing(site, changes, reason):
    before = site.http.get("settings").json()
    response = patch(site, changes)
    assert response.status_code == 400
    assert reason in response.text
    assert len(response.text.splitlines()) == 1
    assert site.http.get("settings").json() == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 3000, b'{"opacity": NaN}', b'{"target": ' + b"9" * 4000 + b"}"]
)
def test_hostile_bodies_are_refused(site, body):
    assert site.http.patch("settings", content=body).status_code == 400


def test_a_body_longer_than_all_settings_is_not_read(site):
    assert httpx.patch(f"{site.url}settings", content=b" " * 100_000, verify=False).status_code == 413


def test_pages_of_other_origins_change_nothing(site):
    response = site.http.patch("settings", json={"opacity": 0}, headers={"Origin": "https://elsewhere.example"})
    assert response.status_code == 403
    assert site.settings.opacity > 0


def test_each_visitor_has_settings_of_their_own(visitors):
    assert patch(visitors, {"opacity": 0.2}, visitor="anna").json()["opacity"] == 0.2
    assert visitors.http.get("settings", params={"visitor": "berta"}).json()["opacity"] != 0.2
    assert visitors.http.get("settings", params={"visitor": "x" * 100}).status_code == 422


def test_in_kiosk_mode_only_the_class_can_be_changed_and_nothing_saved(kiosk):
    assert patch(kiosk, {"target": "tiger"}).status_code == 200
    for name, value in (("opacity", 0.1), ("running", False), ("frozen", True), ("method", "eigencam")):
        response = patch(kiosk, {"target": None, name: value})
        assert response.status_code == 403
        assert "kiosk" in response.text
    assert kiosk.settings.target == 292
    for route in ("snapshot", "snapshot.jpg"):
        assert kiosk.http.get(route).status_code == 403
    assert kiosk.http.post("recordings").status_code in (404, 405)
