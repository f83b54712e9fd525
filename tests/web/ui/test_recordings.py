"""Recording from the page: its routes, and its controls."""

from __future__ import annotations

import io
import json
import re
import shutil
from types import SimpleNamespace

import av
import pytest
from playwright.sync_api import expect

from tests.web.browser import PHONE, part, wait_frames
from tests.web.viewers import receive_until, watch

pytestmark = pytest.mark.slow

NAME = re.compile(r"live_cam-\d{8}-\d{6}(-\d+)?\.mp4")
STATUS_KEYS = {"state", "file", "files", "seconds", "bytes", "free_bytes", "dropped", "message"}


def count_frames(data) -> int:
    with av.open(io.BytesIO(data), "r") as container:
        return len(list(container.decode(video=0)))


@pytest.fixture
def record(site, eventually):
    """Records the site for a while, and returns the finished status."""
    recordings = site.session.recordings
    assert site.http.post("recordings").status_code == 200
    eventually(lambda: recordings.status.seconds >= 0.5)
    assert site.http.post("recordings/stop").json()["state"] in ("recording", "finishing", "finished")
    eventually(lambda: recordings.status.state == "finished")
    return recordings.status


def test_a_recording_is_fetched_whole_and_in_parts_until_it_is_moved_away(site, record):
    assert NAME.fullmatch(record.file)
    path = f"recordings/{record.file}"
    response = site.http.get(path)
    assert response.headers["Content-Disposition"] == f'attachment; filename="{record.file}"'
    assert response.headers["Content-Type"] == "video/mp4"
    assert count_frames(response.content) > 1
    partial = site.http.get(path, headers={"Range": "bytes=100-199"})
    assert (partial.status_code, partial.content) == (206, response.content[100:200])
    for name in record.files:
        assert site.http.get(f"recordings/{name}").status_code == 200
    (site.recordings / record.file).unlink()
    response = site.http.get(path)
    assert response.status_code == 404
    assert "no finished recording" in response.text


def test_viewers_receive_the_status_with_frames_and_states(site):
    with watch(site) as viewer:
        earlier = receive_until(viewer, lambda header: True)["recording"]
        site.http.post("recordings")
        status = receive_until(viewer, lambda header: header["recording"] != earlier)["recording"]
    assert status.keys() == STATUS_KEYS
    assert status["state"] == "recording"
    polled = site.http.get("frame.jpg")
    assert json.loads(polled.headers["X-Live-Cam"])["recording"]["state"] == "recording"
    assert site.http.get("stats").json()["recording"]["file"] == status["file"]


def test_a_second_recording_is_refused_while_one_runs(site):
    assert site.http.post("recordings").status_code == 200
    response = site.http.post("recordings")
    assert response.status_code == 409
    assert "running already" in response.text


def test_no_unfinished_recording_nor_any_other_file_is_served(site, eventually):
    (site.recordings / "secret.mp4").write_bytes(b"secret")
    status = site.http.post("recordings").json()
    eventually(lambda: (site.recordings / status["file"]).exists())
    for name in (status["file"], "secret.mp4", "..%2Fsecret.mp4", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "stop"):
        response = site.http.get(f"recordings/{name}")
        assert response.status_code in (404, 405), name
        assert b"secret" not in response.content


def test_visitors_are_not_recorded(visitors, site):
    response = visitors.http.post("recordings")
    assert response.status_code == 409
    assert "not recorded" in response.text
    assert "Recorded view" in site.http.get("").text
    assert "Recorded view" not in visitors.http.get("").text


def test_recordings_require_the_token(guarded):
    assert guarded.http.post("recordings").status_code == 401
    assert guarded.http.post("recordings/stop").status_code == 401
    assert guarded.http.get("recordings/live_cam.mp4").status_code == 401
    elsewhere = {"Origin": "https://elsewhere.example", "Authorization": "Bearer secret"}
    assert guarded.http.post("recordings", headers=elsewhere).status_code == 403
    assert guarded.session.recordings.status is None


def test_a_person_records_on_a_phone_what_another_stops_and_downloads_the_video(site, open_page):
    site.source.size_px = (320, 240)
    page, another = open_page(site.url), open_page(site.url)
    page.set_viewport_size(PHONE)
    page.wait_for_function("document.querySelector('.live-stage canvas').width === 320")
    page.get_by_label("Recorded view").select_option("side by side")
    page.get_by_role("button", name="Record", exact=True).click()
    for each in (page, another):
        expect(part(each, "record-status")).to_have_text("Recording")
        expect(part(each, "record-status")).to_be_visible()
        expect(each.get_by_role("button", name="Stop recording")).to_be_visible()
        assert each.evaluate("document.documentElement.scrollWidth") <= each.viewport_size["width"]
    expect(part(another, "record-figures")).to_be_visible()
    figures = re.compile(r"^0:(0[1-9]|[1-5]\d) · [\d.]+ [kM]B · [\d.]+ [GT]B free")
    expect(part(page, "record-figures")).to_contain_text(figures)
    another.keyboard.press("r")
    for each in (another, page):
        expect(part(each, "record-status")).to_contain_text(re.compile(r"Recorded 0:\d\d"))
        expect(part(each, "record-files").locator("a")).to_have_count(2)
        expect(part(each, "record-files").locator("a").first).to_be_visible()
        expect(each.get_by_role("button", name="Record", exact=True)).to_be_visible()
    later = open_page(site.url)
    last = later.get_by_role("button", name="Last recording")
    expect(last).to_be_visible()
    for name in ("record-status", "record-files"):
        expect(part(later, name)).to_be_empty()
    last.click()
    expect(part(later, "record-files").locator("a")).to_have_count(2)
    expect(part(later, "record-files").locator("a").first).to_be_focused()
    expect(last).to_be_hidden()
    link = part(page, "record-files").locator("a").first
    assert link.bounding_box()["height"] >= 24  # WCAG 2.5.8, target size
    with page.expect_download() as downloading:
        link.click()
    assert NAME.fullmatch(downloading.value.suggested_filename)
    with av.open(str(downloading.value.path())) as container:
        sizes = {(frame.width, frame.height) for frame in container.decode(video=0)}
    assert sizes == {(640, 240)}


def test_keys_choose_the_view_and_record_and_all_viewers_see_that_it_is_recorded(site, open_page):
    page, other = open_page(site.url), open_page(site.url)
    page.keyboard.press("e")
    expect(part(page, "record-view")).to_have_value("raw")
    expect(part(other, "recorded")).to_be_hidden()
    page.keyboard.press("r")
    expect(part(other, "recorded")).to_be_visible()
    assert site.session.feeds[0]._recorder._view == "raw"
    expect(part(page, "record")).to_have_text("Stop recording")
    expect(page.locator(".live-icon-stop")).to_be_visible()
    page.keyboard.press("r")
    expect(part(other, "recorded")).to_be_hidden()


def test_keys_act_again_once_the_view_was_chosen_with_the_mouse(site, open_page, eventually):
    page = open_page(site.url)
    view = part(page, "record-view")
    view.click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(view).to_have_value("raw")
    expect(view).not_to_be_focused()
    page.keyboard.press("f")
    eventually(lambda: site.settings.frozen)
    view.focus()
    page.keyboard.press("Home")
    view.select_option("both")
    expect(view).to_be_focused()


def test_the_page_states_why_nothing_is_recorded(serve_session, fake_source, fake_explainer, open_page, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    page = open_page(serve_session(fake_source(), fake_explainer(), recordings=tmp_path / "file" / "videos").url)
    page.get_by_role("button", name="Record", exact=True).click()
    status = part(page, "record-status")
    expect(status).to_contain_text("Not recorded: ")
    reason = status.inner_text()
    wait_frames(page, 15)
    expect(status).to_have_text(reason)


def test_a_full_disk_ends_the_recording_with_a_message_and_the_live_view_goes_on(site, open_page, monkeypatch):
    page = open_page(site.url)
    page.keyboard.press("r")
    status = part(page, "record-status")
    expect(status).to_have_text("Recording")
    expect(part(page, "record-figures")).to_contain_text(re.compile(r"0:(0[1-9]|[1-5]\d)"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10 * 1024**2))
    expect(status).to_contain_text("isk is nearly full")
    expect(status).to_contain_text(re.compile(r"Recorded 0:\d\d"))
    expect(part(page, "record-files").locator("a")).to_have_count(2)
    wait_frames(page, 3)


def test_the_page_names_the_source_whose_recording_ended_while_the_others_go_on(two_cameras, open_page):
    page = open_page(two_cameras.url)
    page.keyboard.press("r")
    status = part(page, "record-status")
    expect(status).to_have_text("Recording")
    expect(part(page, "record-figures")).to_contain_text(re.compile(r"0:(0[1-9]|[1-5]\d)"))
    two_cameras.session.feeds[0]._recorder._disk_free = lambda _: 10 * 1024**2
    expect(status).to_have_text(re.compile("^Front door: .*nearly full .* The others are still recorded$"))
    expect(part(page, "toast")).to_contain_text(re.compile("Front door: .*nearly full"))
    expect(page.get_by_role("button", name="Stop recording")).to_be_visible()
    page.keyboard.press("r")
    expect(status).to_have_text(re.compile(r"^Front door: .*nearly full .* Recorded 0:\d\d"))
