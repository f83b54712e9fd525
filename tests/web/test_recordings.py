"""Recording from the page: its routes, and its controls in a real Chromium."""

from __future__ import annotations

import io
import json
import re
import shutil
import struct
import time
from types import SimpleNamespace

import av
import httpx
import pytest
from playwright.sync_api import expect
from websockets.sync.client import connect

NAME = re.compile(r"live_cam-\d{8}-\d{6}\.mp4")
STATUS = {"state", "file", "files", "seconds", "bytes", "free_bytes", "dropped", "message"}


def frames_in(data) -> int:
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture
def record(eventually):
    """Records a site for a while and gives the finished status: `record(site, seconds=0.5, view="seen")`."""

    def make(site, seconds=0.5, view="seen"):
        assert httpx.post(f"{site.url}recordings", params={"view": view}).status_code == 200
        eventually(lambda: site.session.recording.seconds >= seconds)
        assert httpx.post(f"{site.url}recordings/stop").json()["state"] in ("recording", "finishing", "finished")
        eventually(lambda: site.session.recording.state == "finished")
        return site.session.recording

    return make


def test_what_was_recorded_can_be_fetched_whole_and_in_parts(site, record):
    recorded = record(site)
    assert NAME.fullmatch(recorded.file)
    answer = httpx.get(f"{site.url}recordings/{recorded.file}")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{recorded.file}"'
    assert answer.headers["Content-Type"] == "video/mp4"
    assert frames_in(answer.content) > 5
    part = httpx.get(f"{site.url}recordings/{recorded.file}", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, answer.content[100:200])
    for name in recorded.files:
        assert httpx.get(f"{site.url}recordings/{name}").status_code == 200


def test_the_page_hears_of_the_recording_with_pictures_and_with_states(site, record):
    with connect(f"ws://127.0.0.1:{site.port}/frames", proxy=None) as viewer:
        assert hear(viewer) is None
        httpx.post(f"{site.url}recordings")
        while (heard := hear(viewer)) is None:
            pass
        assert heard.keys() == STATUS
        assert heard["state"] == "recording"
    polled = httpx.get(f"{site.url}frame.jpg")
    assert json.loads(polled.headers["X-Live-Cam"])["recording"]["state"] == "recording"
    assert httpx.get(f"{site.url}stats").json()["recording"]["file"] == heard["file"]


def hear(viewer):
    """Gives what the next message tells of the recording."""
    message = viewer.recv(timeout=5)
    (length,) = struct.unpack_from("<I", message)
    header = json.loads(message[4 : 4 + length])
    if "seq" in header:
        viewer.send(json.dumps({"painted": header["seq"]}))
    return header["recording"]


def test_a_second_recording_is_refused_in_a_sentence_while_one_runs(site):
    assert httpx.post(f"{site.url}recordings").status_code == 200
    answer = httpx.post(f"{site.url}recordings")
    assert answer.status_code == 409
    assert "running already" in answer.text


def test_no_file_is_given_before_it_is_whole_nor_any_other_file(site, eventually, tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    status = httpx.post(f"{site.url}recordings").json()
    eventually(lambda: (tmp_path / status["file"]).exists())
    for name in (status["file"], "secret.mp4", "..%2Fsecret.mp4", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "stop"):
        answer = httpx.get(f"{site.url}recordings/{name}")
        assert answer.status_code in (404, 405), name
        assert b"secret" not in answer.content


def test_a_recording_that_was_moved_away_is_not_found(site, record, tmp_path):
    recorded = record(site)
    (tmp_path / recorded.file).unlink()
    answer = httpx.get(f"{site.url}recordings/{recorded.file}")
    assert answer.status_code == 404
    assert "no finished recording" in answer.text


def test_visitors_are_not_recorded(serve_session, fake_explainer, site):
    visited = serve_session([], fake_explainer(), most_visitors=1)
    answer = httpx.post(f"{visited.url}recordings")
    assert answer.status_code == 409
    assert "not recorded" in answer.text
    assert "What is recorded" in httpx.get(site.url).text
    assert "What is recorded" not in httpx.get(visited.url).text


def test_recordings_are_for_those_with_the_token(serve_session, fake_source, fake_explainer):
    site = serve_session(fake_source(), fake_explainer(), token="secret")
    assert httpx.post(f"{site.url}recordings").status_code == 401
    assert httpx.post(f"{site.url}recordings/stop").status_code == 401
    assert httpx.get(f"{site.url}recordings/live_cam.mp4").status_code == 401
    elsewhere = {"Origin": "https://elsewhere.example", "Authorization": "Bearer secret"}
    assert httpx.post(f"{site.url}recordings", headers=elsewhere).status_code == 403
    assert site.session.recording is None


@pytest.mark.slow
def test_a_person_records_and_gets_a_video(serve_session, fake_source, fake_explainer, open_page):
    site = serve_session(fake_source(size_px=(320, 240)), fake_explainer())
    page, another = open_page(site.url), open_page(site.url)
    page.get_by_label("What is recorded").select_option("both side by side")
    page.get_by_role("button", name="Record", exact=True).click()
    for each in (page, another):
        expect(each.locator('[data-live="record-words"]')).to_have_text("Recording")
        expect(each.locator('[data-live="record-words"]')).to_be_visible()
        expect(each.get_by_role("button", name="Stop recording")).to_be_visible()
    figures = page.locator('[data-live="record-figures"]')
    expect(another.locator('[data-live="record-figures"]')).to_be_visible()
    expect(figures).to_contain_text(re.compile(r"^0:(0[2-9]|[1-5]\d) · [\d.]+ [kM]B · [\d.]+ [GT]B free"))
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    another.keyboard.press("r")
    for each in (another, page):
        expect(each.locator('[data-live="record-words"]')).to_contain_text(re.compile(r"Recorded 0:\d\d"))
        expect(each.locator('[data-live="record-files"] a')).to_have_count(2)
        expect(each.locator('[data-live="record-files"] a').first).to_be_visible()
        expect(each.get_by_role("button", name="Record", exact=True)).to_be_visible()
    link = page.locator('[data-live="record-files"] a').first
    with page.expect_download() as downloading:
        link.click()
    assert NAME.fullmatch(downloading.value.suggested_filename)
    with av.open(str(downloading.value.path())) as container:
        sizes = {(frame.width, frame.height) for frame in container.decode(video=0)}
    assert sizes == {(640, 240)}


@pytest.mark.slow
def test_what_is_recorded_is_chosen_by_a_key_and_all_who_watch_see_that_it_is(site, open_page, eventually):
    page, other = open_page(site.url), open_page(site.url)
    page.keyboard.press("e")
    expect(page.locator('[data-live="record-view"]')).to_have_value("clean")
    expect(other.locator('[data-live="recorded"]')).to_be_hidden()
    page.keyboard.press("r")
    expect(other.locator('[data-live="recorded"]')).to_be_visible()
    assert site.session.feeds[0].recorder._view == "clean"
    expect(page.locator('[data-live="record"]')).to_have_text("Stop recording")
    page.keyboard.press("r")
    expect(other.locator('[data-live="recorded"]')).to_be_hidden()


@pytest.mark.slow
@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}], ids=["desktop"])
def test_keys_act_again_once_what_is_recorded_was_chosen_with_the_mouse(site, open_page, eventually):
    page = open_page(site.url)
    view = page.locator('[data-live="record-view"]')
    view.click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(view).to_have_value("clean")
    expect(view).not_to_be_focused()
    page.keyboard.press("f")
    eventually(lambda: site.session.controls.settings.frozen)
    view.focus()
    page.keyboard.press("Home")
    view.select_option("both")
    expect(view).to_be_focused()


@pytest.mark.slow
@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}], ids=["desktop"])
def test_why_nothing_is_recorded_is_told(serve_session, fake_source, fake_explainer, open_page, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    page = open_page(serve_session(fake_source(), fake_explainer(), recordings=tmp_path / "file" / "videos").url)
    page.get_by_role("button", name="Record", exact=True).click()
    words = page.locator('[data-live="record-words"]')
    expect(words).to_contain_text("Not recorded: the folder")
    time.sleep(0.6)
    expect(words).to_contain_text("Not recorded: the folder")


@pytest.mark.slow
@pytest.mark.parametrize("size", [{"width": 390, "height": 844}], ids=["phone"])
def test_a_disk_that_fills_up_ends_the_recording_in_words_and_the_live_view_goes_on(site, open_page, monkeypatch):
    page = open_page(site.url)
    page.keyboard.press("r")
    words = page.locator('[data-live="record-words"]')
    expect(words).to_have_text("Recording")
    expect(page.locator('[data-live="record-figures"]')).to_contain_text(re.compile(r"0:(0[1-9]|[1-5]\d)"))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10 * 1024**2))
    expect(words).to_contain_text("The disk is nearly full", timeout=10_000)
    expect(words).to_contain_text(re.compile(r"Recorded 0:\d\d"))
    expect(page.locator('[data-live="record-files"] a')).to_have_count(2)
    number = int(page.locator(".live-stage").get_attribute("data-seq"))
    page.wait_for_function(f"document.querySelector('.live-stage').dataset.seq > {number} + 3")


@pytest.mark.slow
@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}], ids=["desktop"])
def test_whose_recording_ended_is_told_while_the_others_are_still_recorded(
    serve_session, fake_source, fake_explainer, open_page
):
    site = serve_session([fake_source(name="left"), fake_source(name="right")], fake_explainer())
    page = open_page(site.url)
    page.keyboard.press("r")
    words = page.locator('[data-live="record-words"]')
    expect(words).to_have_text("Recording")
    expect(page.locator('[data-live="record-figures"]')).to_contain_text(re.compile(r"0:(0[1-9]|[1-5]\d)"))
    site.session.feeds[0].recorder._free = lambda folder: 10 * 1024**2
    expect(words).to_have_text(re.compile("^left: The disk is nearly full .* The others are still recorded$"))
    expect(page.locator('[data-live="toast"]')).to_contain_text("left: The disk is nearly full")
    expect(page.get_by_role("button", name="Stop recording")).to_be_visible()
    page.keyboard.press("r")
    expect(words).to_have_text(re.compile(r"^left: The disk is nearly full .* Recorded 0:\d\d"))
