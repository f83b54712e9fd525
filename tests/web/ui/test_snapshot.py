"""The snapshot: its route, and the button and the key of the page."""

from __future__ import annotations

import base64
import functools
import io
import json
import re
import zipfile
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from live_cam.errors import SourceError
from live_cam.sources.camera import CameraOptions
from live_cam.sources.factory import create_source
from tests.web.browser import PHONE, choose_everything, part, pixels, wait_frames
from tests.web.sites import TOKEN

pytestmark = pytest.mark.slow

# The last number is that of a frame that was explained again.
NAME = re.compile(r"live_cam-\d{8}-\d{6}-\d+(-\d+)?")
COPIED = """async () => {
  const [item] = await navigator.clipboard.read();
  const bytes = new Uint8Array(await (await item.getType(item.types[0])).arrayBuffer());
  return { type: item.types[0], data: btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), "")) };
}"""
CANVAS = "document.querySelector('.live-stage canvas').toDataURL('image/png').split(',')[1]"


def unzip(data):
    """Returns the overlay, the frame and the description."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        overlay, frame, description = (archive.read(name) for name in archive.namelist())
    return pixels(overlay), pixels(frame), json.loads(description)


def test_a_snapshot_is_a_zip_file_with_the_name_of_its_files(site):
    response = site.http.get("snapshot")
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Cache-Control"] == "no-store"
    name = re.fullmatch(r'attachment; filename="(.+)\.zip"', response.headers["Content-Disposition"])[1]
    assert NAME.fullmatch(name)
    overlay, frame, description = unzip(response.content)
    assert overlay.shape == frame.shape == (48, 64, 3)
    assert description["overlay"] == f"{name}.png"
    assert description["top"][0]["label"] == "lion"


def test_a_snapshot_describes_the_current_settings(site, eventually):
    site.session.settings.change(opacity=0.25, colormap="magma")
    eventually(lambda: site.session.feeds[0].broadcaster.newest.overlay_style.colormap == "magma")
    description = unzip(site.http.get("snapshot").content)[2]
    assert (description["opacity"], description["colormap"], description["source"]) == (0.25, "magma", "Fake camera")


def test_there_is_no_snapshot_before_the_first_frame(serve_session, fake_source, fake_explainer):
    source = fake_source()
    source.open_errors = [SourceError("it is unplugged")] * 1000
    response = serve_session(source, fake_explainer()).http.get("snapshot")
    assert response.status_code == 503
    assert "no frame yet" in response.text


def test_each_source_has_its_own_snapshot(two_cameras):
    overlay, _, description = unzip(two_cameras.http.get("snapshot?feed=1").content)
    assert (overlay.shape, description["source"]) == ((30, 80, 3), "Back door")
    assert two_cameras.http.get("snapshot?feed=2").status_code == 404


def test_a_snapshot_requires_the_token(guarded):
    assert guarded.http.get("snapshot").status_code == 401
    assert guarded.http.get(f"snapshot?token={TOKEN}").status_code == 200


def download(page, act, suffix):
    with page.expect_download() as downloading:
        act()
    name = downloading.value.suggested_filename
    expect(part(page, "snapshot-status").first).to_have_text(re.compile(rf"^Saved {re.escape(name)}"))
    assert NAME.fullmatch(name.removesuffix(suffix))
    return downloading.value.path().read_bytes()


def test_button_and_key_save_the_view_with_its_names_and_a_menu_everything(
    serve_session, fake_explainer, gradio_media, open_page
):
    source = create_source(str(gradio_media / "images" / "lion.jpg"), CameraOptions())
    page = open_page(serve_session(source, fake_explainer()).url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = pixels(base64.b64decode(page.evaluate(CANVAS)))
    height, width = shown.shape[:2]
    peak = slice(height // 7, 2 * height // 7), slice(width // 7, 2 * width // 7)
    for act in (page.get_by_role("button", name="Snapshot", exact=True).click, lambda: page.keyboard.press("s")):
        picture = pixels(download(page, act, ".png"))
        scale = picture.shape[1] // width
        view, names = picture[: scale * height : scale, ::scale], picture[scale * height :]
        assert np.abs(view - shown).mean() < 3, "but for what JPEG loses"
        assert names.shape[0] > 100
        assert (names.max(axis=2) < 100).any(axis=1).sum() > 30, "rows with dark text"
        expect(part(page, "snapshot-status")).to_contain_text("and copied")
        copied = page.evaluate(COPIED)
        assert (copied["type"], pixels(base64.b64decode(copied["data"])).shape) == ("image/png", picture.shape)
    page.set_viewport_size(PHONE)
    overlay, frame, description = unzip(download(page, lambda: choose_everything(page), ".zip"))
    assert np.abs(overlay - shown).mean() < 3
    assert np.abs(frame - shown)[peak].mean() > 15, "the frame has no heat map"
    assert description["target"]["label"] == "lion"


def test_a_page_that_may_not_copy_saves(site, open_page):
    page = open_page(site.url, init_script="navigator.clipboard.write = () => Promise.reject(new Error('denied'))")
    with page.expect_download() as downloading:
        page.keyboard.press("s")
    expect(part(page, "snapshot-status")).to_have_text(f"Saved {downloading.value.suggested_filename}")


def test_the_key_does_nothing_while_text_is_typed_or_a_modifier_held(site, open_page, requests_of):
    page = open_page(site.url)
    urls = requests_of(page, "snapshot")
    field = page.locator("#live-target input")
    expect(field).to_be_visible()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    field.press_sequentially("ss")
    page.locator("body").press("Control+Shift+s")
    page.locator("body").press("Alt+s")
    wait_frames(page, 10)
    assert urls == []


def respond(route: Route, fault: dict[str, Any] | None) -> None:
    if fault:
        route.fulfill(**fault)
    else:
        route.abort()


def test_the_page_states_why_there_is_no_snapshot(site, open_page):
    page = open_page(site.url)
    for fault, reason in (
        ({"status": 503, "content_type": "text/plain; charset=utf-8", "body": "There is no frame yet."}, "no frame"),
        ({"status": 401, "body": "no"}, "load this page again"),
        ({"status": 500, "body": "no"}, "500"),
        (None, "no connection"),
    ):
        page.route("**/snapshot?*", functools.partial(respond, fault=fault))
        page.get_by_role("button", name="Snapshot", exact=True).click()
        expect(part(page, "snapshot-status")).to_contain_text(reason)
        page.unroute("**/snapshot?*")
