import json

import httpx
import pytest


def change(site, changes, visitor=""):
    return httpx.patch(f"{site.url}settings", content=json.dumps(changes), params={"visitor": visitor})


def words(site):
    """What is told with the newest picture."""
    return httpx.get(f"{site.url}frame.jpg").headers["X-Live-Cam"]


def test_settings_are_told_and_changed_in_part(site):
    before = httpx.get(f"{site.url}settings").json()
    assert (before["question"], before["target"], before["style"]) == ("why", None, "heatmap")
    answer = change(site, {"question": "versus", "target": 285, "other": "tiger", "opacity": 0.4})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["target"], told["target_label"]) == (285, "Egyptian cat")
    assert (told["other"], told["other_label"]) == (292, "tiger")
    assert told["revision"] == before["revision"] + 1
    unchanged = before.keys() - {"question", "target", "target_label", "other", "other_label", "opacity", "revision"}
    assert {name: told[name] for name in unchanged} == {name: before[name] for name in unchanged}
    assert httpx.get(f"{site.url}settings").json() == told
    assert site.session.controls.settings.opacity == 0.4


def test_all_who_watch_are_told_with_the_pictures(site, eventually):
    change(site, {"style": "spotlight", "colormap": "magma"})
    eventually(lambda: '"style": "spotlight"' in words(site))
    assert '"colormap": "magma"' in words(site)
    assert '"revision": 1' in words(site)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"colour": "red"}, "no setting 'colour'"),
        ({"target": "no such thing"}, "no ImageNet class"),
        ({"target": 1000}, "number of a class"),
        ({"target": True}, "number of a class"),
        ({"target": 1.0}, "number of a class"),
        ({"opacity": 2}, "0..1"),
        ({"opacity": "1"}, "0..1"),
        ({"opacity": None}, "0..1"),
        ({"opacity": True}, "0..1"),
        ({"self": 1}, "no setting 'self'"),
        ({"\ud800": 1}, "no setting"),
        ({"style": "rainbow"}, "heatmap, contours, spotlight"),
        ({"question": ["why"]}, "why, versus, against, beside"),
        ({"layer": "conv9"}, "conv5_block3_out"),
        ({"method": 3}, "gradcam"),
        ({"frozen": 1}, "true or false"),
        ({"revision": 3}, "no setting 'revision'"),
        ([], "an object"),
        ("why", "an object"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_changes_nothing(site, changes, reason):
    before = httpx.get(f"{site.url}settings").json()
    answer = change(site, changes)
    assert answer.status_code == 400
    assert reason in answer.text
    assert len(answer.text.splitlines()) == 1
    assert httpx.get(f"{site.url}settings").json() == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 3000, b'{"opacity": NaN}', b'{"target": ' + b"9" * 4000 + b"}"]
)
def test_hostile_bodies_are_refused(site, body):
    answer = httpx.patch(f"{site.url}settings", content=body)
    assert answer.status_code == 400


def test_a_body_longer_than_all_settings_is_not_even_read(site):
    assert httpx.patch(f"{site.url}settings", content=b" " * 100_000).status_code == 413


def test_pages_of_other_origins_cannot_turn_anything(site):
    answer = httpx.patch(f"{site.url}settings", json={"opacity": 0}, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert site.session.controls.settings.opacity > 0


def test_visitors_have_settings_of_their_own(serve_session, fake_explainer):
    site = serve_session([], fake_explainer(), most_visitors=2)
    assert change(site, {"opacity": 0.2}, visitor="anna").json()["opacity"] == 0.2
    assert httpx.get(f"{site.url}settings", params={"visitor": "berta"}).json()["opacity"] != 0.2
    assert httpx.get(f"{site.url}settings", params={"visitor": "x" * 100}).status_code == 422


def test_in_a_kiosk_the_class_alone_is_chosen_and_nothing_is_saved(
    serve_session, fake_source, fake_explainer, eventually
):
    site = serve_session(fake_source(), fake_explainer(), kiosk=True)
    eventually(lambda: site.session.feeds[0].hub.newest is not None)
    assert change(site, {"target": "tiger"}).status_code == 200
    for name, value in (("opacity", 0.1), ("running", False), ("frozen", True), ("method", "eigencam")):
        answer = change(site, {"target": None, name: value})
        assert answer.status_code == 403
        assert "kiosk" in answer.text
    assert site.session.controls.settings.target == 292
    for route in ("snapshot", "snapshot.jpg"):
        assert httpx.get(f"{site.url}{route}").status_code == 403
    assert httpx.post(f"{site.url}recordings").status_code in (404, 405)
