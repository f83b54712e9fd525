"""The menu of sources: pictures and videos that people send, what all see, and the own camera beside it."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from live_cam.sources.demo import DemoSource
from tests.web.browser import WHOLE, part, wait_for_frame, wait_until_mounted

pytestmark = pytest.mark.slow

# What a browser passes on when a person drops or pastes a file.
DROP = """([name, type, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(text), (each) => each.charCodeAt(0))], name, { type }));
  const stage = document.querySelector(".live-stage");
  for (const kind of ["dragover", "drop"]) {
    stage.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
}"""
PASTE = """(text) => {
  const data = new DataTransfer();
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  data.items.add(new File([bytes], "image.png", { type: "image/png" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}"""
NOTE_CAMERA = """
globalThis.tracks = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (constraints) => {
  const stream = await open(constraints);
  globalThis.tracks.push(...stream.getTracks());
  return stream;
};"""


def png(size_px) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size_px, 90).convert("RGB").save(file, "PNG")
    return file.getvalue()


def base64_png(size_px) -> str:
    return base64.b64encode(png(size_px)).decode()


@pytest.fixture
def demo_site(serve_session, fake_explainer, monkeypatch):
    """A site that shows the demo, since its machine has no camera, with a network that leaves the browser time."""
    monkeypatch.setattr("live_cam.sources.camera_list.find_cameras", lambda options: [])
    demo = DemoSource("Demo (no camera delivers frames)", is_in_place_of_camera=True)
    return serve_session(demo, fake_explainer(delay_s=0.1), max_visitors=2).wait_until_live()


def menu(page: Page):
    return page.get_by_role("group", name="Sources")


def open_menu(page: Page) -> None:
    part(page, "sources").click()
    expect(menu(page)).to_be_visible()


def expect_width(page: Page, width_px: int) -> None:
    page.wait_for_function("(width) => document.querySelector('.live-stage canvas').width === width", arg=width_px)


def send(page: Page, *files) -> None:
    open_menu(page)
    with page.expect_file_chooser() as choosing:
        menu(page).get_by_role("button", name="Picture or video").click()
    choosing.value.set_files(list(files))


def test_all_see_the_picture_that_one_sends_and_the_demo_again(demo_site, open_page):
    page, other = open_page(demo_site.url), open_page(demo_site.url)
    expect(other.locator(".live-invitation")).to_be_visible()
    demo_site.session.recordings.start("overlay")
    demo_site.session.settings.change(frozen=True)
    send(page, {"name": "${alert(1)}<b>.png", "mimeType": "image/png", "buffer": png((160, 120))})
    for each in (page, other):
        expect(part(each, "source").first).to_have_text("${alert(1)}<b>.png")
        expect_width(each, 160)
        expect(part(each, "frozen")).to_be_hidden()
        expect(each.locator(".live-invitation")).to_have_count(0)
    expect(part(other, "record-status")).to_contain_text("since another source is shown. Recorded 0:0")
    page.evaluate(DROP, ["dropped.png", "image/png", base64_png((200, 100))])
    expect_width(other, 200)
    other.evaluate(PASTE, base64_png((100, 100)))
    expect_width(page, 100)
    page.keyboard.press("i")
    expect(menu(page).locator("[aria-current]")).to_have_text("image.png")
    page.keyboard.press("Tab")
    expect(menu(page).get_by_role("button", name="Demo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(menu(page)).to_be_hidden()
    expect_width(other, 640)
    expect(part(other, "source").first).to_have_text("Demo (no camera delivers frames)")


def test_what_can_not_be_shown_is_told_and_the_demo_goes_on(demo_site, open_page):
    page = open_page(demo_site.url)
    seq = wait_for_frame(page)
    send(page, {"name": "letter.txt", "mimeType": "text/plain", "buffer": b"Dear all,"})
    expect(part(page, "toast")).to_contain_text("Not shown: letter.txt is not a readable video")
    page.evaluate("Object.defineProperty(File.prototype, 'size', { get: () => 2 ** 27, configurable: true })")
    page.evaluate(DROP, ["film.mp4", "video/mp4", "AAAA"])
    expect(part(page, "toast")).to_contain_text("film.mp4 is larger than 64 MiB")
    wait_for_frame(page, after=seq)
    expect_width(page, 640)


def test_a_viewer_shows_their_own_camera_to_themselves_beside_the_demo(demo_site, tabs):
    page = wait_until_mounted(tabs.open(demo_site.url, camera=True, init_script=NOTE_CAMERA))
    page.locator(".live-invitation").get_by_role("button", name="Use this browser's camera").click()
    page.wait_for_url("**?own=")
    expect(part(page, "source").first).to_have_text("Your camera")
    wait_for_frame(page)
    page.wait_for_function("document.querySelector('[data-live=snapshot]')?.onclick && document.body.dataset.method")
    assert demo_site.session.visitors.num_live == 1
    page.keyboard.press("m")
    page.wait_for_function("document.body.dataset.method === 'hirescam'")
    assert demo_site.settings.method == "gradcam", "others see their own"
    page.keyboard.press("r")
    assert demo_site.session.recordings.status is None
    expect(part(page, "record")).to_be_hidden()
    stats = demo_site.http.get("stats").json()
    assert (stats["source"]["name"], stats["viewers"]) == ("Demo (no camera delivers frames)", 0)
    page.reload()
    page.wait_for_function(WHOLE)
    expect(page.get_by_role("button", name="Show my camera")).to_be_enabled()
    assert page.evaluate("globalThis.tracks.length") == 0, "a link opens no camera"
    open_menu(page)
    menu(page).get_by_role("button", name="Back to Demo").click()
    page.wait_for_url(demo_site.url)
    expect(part(page, "source").first).to_have_text("Demo (no camera delivers frames)")


def test_a_kiosk_names_its_source_and_offers_no_other(kiosk, open_page):
    page = open_page(f"{kiosk.url}?own")
    expect(part(page, "source").first).to_have_text("Fake camera")
    for name in ("sources", "own-start"):
        expect(part(page, name)).to_have_count(0)
    page.evaluate(DROP, ["a.png", "image/png", base64_png((20, 20))])
    page.keyboard.press("i")
    wait_for_frame(page, after=wait_for_frame(page))
    assert kiosk.session.feeds[0].name == "Fake camera"


def test_each_of_several_sources_has_a_menu(two_cameras, open_page, monkeypatch):
    monkeypatch.setattr("live_cam.sources.camera_list.find_cameras", lambda options: [])
    page = open_page(two_cameras.url)
    tile = page.locator(".live-tile").nth(1)
    part(tile, "sources").click()
    choices = tile.get_by_role("group", name="Sources").get_by_role("button")
    expect(choices).to_have_text(["Back door", "Demo", "Picture or video …Or drop it here, or paste it"])
    page.keyboard.press("Escape")
    expect(choices.first).to_be_hidden()
