"""The snapshot: its route, and the button and the key of the page in a real Chromium."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from live_cam.errors import SourceError
from live_cam.sources.camera import CameraOptions
from live_cam.sources.opening import find_source

NAME = re.compile(r"live_cam-\d{8}-\d{6}-\d+")
SHOWN = "document.querySelector('.live-stage canvas').toDataURL('image/png').split(',')[1]"


def pixels(picture):
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("RGB")).astype(np.int16)


def unzip(data):
    """Gives the overlay, the clean picture and what the JSON tells."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        overlay, frame, told = (archive.read(name) for name in archive.namelist())
    return pixels(overlay), pixels(frame), json.loads(told)


def answer_of(url):
    answer = httpx.get(url)
    assert answer.status_code == 200, answer.text
    return unzip(answer.content)


def test_a_snapshot_is_a_zip_to_be_saved_under_the_name_of_its_files(site):
    answer = httpx.get(f"{site.url}snapshot")
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Cache-Control"] == "no-store"
    name = re.fullmatch(r'attachment; filename="(.+)\.zip"', answer.headers["Content-Disposition"])[1]
    assert NAME.fullmatch(name)
    overlay, frame, told = unzip(answer.content)
    assert overlay.shape == frame.shape == (48, 64, 3)
    assert told["overlay"] == f"{name}.png"
    assert told["top"][0]["label"] == "lion"


def test_a_snapshot_tells_the_settings_in_force(site, eventually):
    site.session.controls.change(opacity=0.25)
    site.session.controls.change(colormap="magma")
    eventually(lambda: site.session.feeds[0].hub.newest.look.colormap == "magma")
    told = answer_of(f"{site.url}snapshot")[2]
    assert (told["opacity"], told["colormap"], told["source"]) == (0.25, "magma", "Fake camera")


def test_before_the_first_picture_there_is_a_sentence(serve_session, fake_source, fake_explainer):
    source = fake_source()
    source.open_errors = [SourceError("it is unplugged")] * 1000
    answer = httpx.get(f"{serve_session(source, fake_explainer()).url}snapshot")
    assert answer.status_code == 503
    assert "no picture yet" in answer.text


def test_each_source_has_its_own_snapshot(serve_session, fake_source, fake_explainer, eventually):
    sources = [fake_source(name="Front door"), fake_source(name="Back door", size_px=(80, 30))]
    site = serve_session(sources, fake_explainer())
    eventually(lambda: all(feed.hub.newest is not None for feed in site.session.feeds))
    overlay, _, told = answer_of(f"{site.url}snapshot?feed=1")
    assert (overlay.shape, told["source"]) == ((30, 80, 3), "Back door")
    assert httpx.get(f"{site.url}snapshot?feed=2").status_code == 404


def test_a_snapshot_demands_the_token(serve_session, fake_source, fake_explainer, eventually):
    site = serve_session(fake_source(), fake_explainer(), token="secret")
    eventually(lambda: site.session.feeds[0].hub.newest is not None)
    assert httpx.get(f"{site.url}snapshot").status_code == 401
    assert httpx.get(f"{site.url}snapshot?token=secret").status_code == 200


@pytest.fixture
def still(serve_session, fake_explainer, gradio_media):
    """A site whose picture stands still: a lion."""
    source = find_source(str(gradio_media / "images" / "lion.jpg"), CameraOptions())
    return serve_session(source, fake_explainer())


def download(page, act):
    with page.expect_download() as downloading:
        act()
    name = downloading.value.suggested_filename
    expect(page.locator('[data-live="snapshot-words"]').first).to_have_text(f"Saved {name}")
    assert NAME.fullmatch(name.removesuffix(".zip"))
    return unzip(downloading.value.path().read_bytes())


@pytest.mark.slow
def test_button_and_key_save_what_the_page_shows(still, open_page):
    page = open_page(still.url)
    button = page.get_by_role("button", name="Snapshot")
    for act in (button.click, lambda: page.keyboard.press("s")):
        overlay, frame, told = download(page, act)
        shown = pixels(base64.b64decode(page.evaluate(SHOWN)))
        assert np.abs(overlay - shown).mean() < 3, "but for what JPEG loses"
        height, width = (side // 7 for side in shown.shape[:2])
        peak = slice(height, 2 * height), slice(width, 2 * width)
        assert np.abs(frame - shown)[peak].mean() > 15, "the clean picture has no heat map"
        assert told["target"]["label"] == "lion"


@pytest.mark.slow
def test_the_key_does_nothing_while_somebody_types_or_holds_a_modifier(still, open_page, unfold):
    page = open_page(still.url)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "snapshot" in request.url else None)
    unfold(page, "ask", "look")
    field = page.locator("#live-target input")
    expect(field).to_be_visible()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    field.press_sequentially("ss")
    page.locator("body").press("Control+Shift+s")
    page.locator("body").press("Alt+s")
    page.wait_for_timeout(500)
    assert asked == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}], ids=["desktop"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            {"status": 503, "content_type": "text/plain; charset=utf-8", "body": "There is no picture yet."},
            "no picture",
        ),
        ({"status": 401, "body": "no"}, "load this page again"),
        ({"status": 500, "body": "no"}, "answered 500"),
        (None, "no connection"),
    ],
)
def test_why_there_is_no_snapshot_is_told(still, open_page, fault, words):
    page = open_page(still.url)
    page.route("**/snapshot?*", lambda route: route.fulfill(**fault) if fault else route.abort())
    page.get_by_role("button", name="Snapshot").click()
    expect(page.locator('[data-live="snapshot-words"]')).to_contain_text(words)


@pytest.mark.slow
def test_in_a_grid_the_key_takes_the_tile_under_the_pointer(serve_session, fake_source, fake_explainer, open_page):
    sources = [fake_source(name="Front door"), fake_source(name="Back door")]
    page = open_page(serve_session(sources, fake_explainer()).url)
    tiles = page.locator(".live-tile")
    for act, feed in (
        (lambda: page.keyboard.press("s"), 0),
        (lambda: tiles.nth(1).get_by_role("button", name="Snapshot").click(), 1),
        (lambda: tiles.nth(1).hover() or page.locator("body").press("s"), 1),
    ):
        with page.expect_request("**/snapshot?*") as asked, page.expect_download() as downloading:
            act()
        assert asked.value.url.endswith(f"feed={feed}")
        words = tiles.nth(feed).locator('[data-live="snapshot-words"]')
        expect(words).to_have_text(f"Saved {downloading.value.suggested_filename}")
