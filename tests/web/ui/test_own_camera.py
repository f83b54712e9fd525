"""A visitor with a camera: a real Chromium whose webcam shows a real photograph of a lion."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from live_cam.sources.camera import CameraOptions
from tests.web.browser import (
    DESKTOP,
    PHONE,
    Tabs,
    greenness,
    launch,
    part,
    pick,
    pixels,
    unfold,
    wait_for_frame,
    wait_frames,
    wait_until,
    wait_until_mounted,
)

pytestmark = pytest.mark.slow

# Collects the tracks that the page has opened; none can be opened while `unplugged`.
NOTE_TRACKS = """
globalThis.tracks = [];
globalThis.unplugged = false;
const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (open) navigator.mediaDevices.getUserMedia = async (constraints) => {
  if (unplugged) throw new DOMException("gone", "NotFoundError");
  const stream = await open(constraints);
  globalThis.tracks.push(...stream.getTracks());
  return stream;
};"""
UNPLUG = """() => {
  unplugged = true;
  globalThis.tracks.forEach((track) => { track.stop(); track.onended(); });
}"""
ALL_ENDED = "globalThis.tracks.every((track) => track.readyState === 'ended')"
# The mean brightness of each column of the canvas.
COLUMNS = """() => {
  const canvas = document.querySelector(".live-stage canvas");
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const sums = Array(width).fill(0);
  for (let i = 0; i < data.length; i += 4) sums[(i / 4) % width] += data[i + 1] / height;
  return sums;
}"""


@pytest.fixture
def visitors(visitors):
    """The site for visitors, with a network that leaves the browser time."""
    visitors.explainer.delay_s = 0.1
    return visitors


@pytest.fixture
def visit(tabs, visitors, size):
    """Opens the page as a visitor does: `visit(url=..., **options)`; see `Tabs`."""

    def open_(url=visitors.url, **options) -> Page:
        return tabs.open(url, size, camera=True, **options)

    return open_


def show(page: Page) -> Page:
    """Shows the camera, and waits for the first frame."""
    page.get_by_role("button", name="Show my camera").click()
    wait_for_frame(page)
    return page


def expect_lion(page: Page) -> None:
    expect(part(page, "label-0")).to_have_text("lion")


def expect_notice(page: Page, text: str) -> None:
    expect(part(page, "notice")).to_contain_text(text)


def test_a_visitor_sees_their_frames_explained_and_switches_the_camera_off(visit, visitors, eventually):
    page = visit()
    page.wait_for_selector('[data-live="own-start"]:enabled')
    assert visitors.http.get("stats").json()["viewers"] == 0, "nothing is sent before the visitor shows the camera"
    expect_lion(show(page))
    expect(part(page, "latency")).to_contain_text("ms")
    expect(page.locator(".live-figures")).to_be_visible()
    stats = visitors.http.get("stats").json()
    assert stats["display_latency_ms"]["p50"] > 0
    assert (stats["viewers"], stats["source"]["state"]) == (1, "live")
    page.set_viewport_size(PHONE)
    expect(page.locator(".live-figures")).to_be_hidden()
    box = page.locator(".live-stage").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    part(page, "own-stop").click()
    eventually(lambda: visitors.http.get("stats").json()["viewers"] == 0)
    expect(part(page, "notice")).to_have_text("The camera is off")
    page.set_viewport_size(DESKTOP)
    expect(page.locator(".live-figures")).to_be_hidden()
    expect_lion(show(page))


def test_a_visitor_over_https_sees_their_frames_explained_by_the_real_network_until_the_program_ends(
    tabs, start_live_cam
):
    live_cam = start_live_cam("browser", "--https", "--visitors", "2", scheme="https", explains=False)
    page = show(tabs.open(live_cam.url, PHONE, camera=True))
    expect_lion(page)
    wait_until(page, lambda: greenness(page) > 2)
    live_cam.stop(signal.SIGTERM)
    expect_notice(page, "No connection")


def test_frames_are_posted_one_by_one_where_sockets_are_blocked(visit):
    page = show(visit(sockets_pass=False))
    expect_lion(page)
    wait_frames(page)


def test_each_visitor_changes_only_their_own_settings(visit):
    one, other = show(visit()), show(visit())
    wait_until_mounted(one)
    pick(one, "live-target", "teapot")
    expect(part(one, "target")).to_have_text("teapot")
    wait_frames(other)
    expect(part(other, "target")).to_have_text("lion")


def test_a_visitor_is_let_in_when_a_place_is_free(clock_tabs, serve_session, fake_explainer, monkeypatch):
    monkeypatch.setattr("live_cam.pipeline.visitors._IDLE_LIMIT_S", 600)  # a busy machine may show no image for 10 s
    url = serve_session([], fake_explainer(delay_s=0.1), max_visitors=2).url
    show(clock_tabs.open(url, camera=True))
    second = show(clock_tabs.open(url, camera=True))
    third = clock_tabs.open(url, camera=True)
    third.get_by_role("button", name="Show my camera").click()
    expect_notice(third, "All 2 places are taken")
    second.close()
    third.clock.fast_forward(6000)
    wait_for_frame(third)


def test_a_visitor_who_refuses_the_camera_is_told_what_to_do(playwright, visitors):
    with launch(playwright, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny") as browser:
        page = Tabs(browser).open(visitors.url)
        page.get_by_role("button", name="Show my camera").click()
        expect_notice(page, "may not use the camera")
        expect(page.get_by_role("button", name="Show my camera")).to_be_visible()


def test_a_camera_that_is_unplugged_is_reported_and_comes_back(visit):
    page = show(visit(init_script=NOTE_TRACKS))
    seq = wait_for_frame(page)
    page.evaluate(UNPLUG)
    expect_notice(page, "camera")
    page.evaluate("unplugged = false")
    wait_for_frame(page, after=seq + 5)
    expect(part(page, "notice")).to_be_hidden()


def test_a_mirrored_camera_shows_the_lion_the_other_way_round(visit, visitors, serve_session, fake_explainer):
    visitors.explainer.evidence = 0.0
    mirrored = serve_session(
        [], fake_explainer(delay_s=0.1, evidence=0.0), max_visitors=1, camera=CameraOptions(mirror=True)
    )
    here, there = (np.array(show(visit(url=site.url)).evaluate(COLUMNS)) for site in (visitors, mirrored))
    assert len(there) == 640
    assert np.abs(there - here[::-1]).mean() < 4
    assert np.abs(there - here).mean() > 10


def test_no_camera_stays_on_however_fast_the_visitor_presses(visit):
    page = visit(init_script=NOTE_TRACKS)
    expect(page.get_by_role("button", name="Show my camera")).to_be_enabled()
    page.evaluate("""() => {
      const press = (name) => document.querySelector(`[data-live="own-${name}"]`).click();
      ["start", "stop", "start", "switch", "switch", "stop", "start", "stop"].forEach(press);
    }""")
    page.wait_for_function("globalThis.tracks.length >= 3")
    page.wait_for_function(ALL_ENDED)
    expect(part(page, "notice")).to_have_text("The camera is off")
    show(page)
    assert page.evaluate("globalThis.tracks.filter((track) => track.readyState === 'live').length") == 1


def test_a_visitor_saves_a_snapshot_once_there_is_a_frame(visit):
    page = visit()
    page.wait_for_function("document.querySelector('[data-live=snapshot]')?.onclick != null")
    page.keyboard.press("s")
    expect(part(page, "snapshot-status")).to_have_text("No snapshot: show your camera first")
    show(page)
    with page.expect_download() as downloading:
        page.keyboard.press("s")
    lion = pixels(downloading.value.path().read_bytes())[:480]
    assert lion.shape == (480, 640, 3)
    assert lion.std() > 20


def test_before_the_camera_is_shown_controls_show_the_settings_and_say_what_comes_first(visit, requests_of):
    page = visit()
    urls = requests_of(page, "top.jpg")
    toast = part(page, "toast")
    unfold(page)
    expect(page.get_by_role("radio", name="Why the top class?")).to_be_checked()
    expect(page.locator("#live-target input")).to_have_value("the top class")
    expect(page.locator("#live-opacity input[type=number]")).to_have_value("0.7")
    page.keyboard.press("h")
    expect(toast).to_have_text("Style: contours")
    expect(page.get_by_role("radio", name="Contour lines")).to_be_checked()
    part(page, "mode-counterfactual").click()
    for key, text in {"f": "Not frozen", "p": "No maps", "1": "Nothing to explain"}.items():
        page.keyboard.press(key)
        expect(toast).to_have_text(f"{text}: show your camera first")
    expect(page.get_by_role("button", name="Top 3")).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("button", name="Freeze")).to_be_visible()
    assert urls == []
    # As on an insecure page.
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined, configurable: true })")
    page.get_by_role("button", name="Show my camera").click()
    expect_notice(page, "--https")
    page.evaluate("delete navigator.mediaDevices")
    show(page)
    expect(part(page, "caption")).to_have_text("against lion")
    expect(part(page, "legend")).to_have_attribute("data-style", "contours")


def test_no_maps_are_requested_while_the_camera_is_off(clock_tabs, visitors, requests_of):
    page = show(clock_tabs.open(visitors.url, camera=True))
    wait_until_mounted(page)
    urls = requests_of(page, "top.jpg")
    page.get_by_role("button", name="Top 3").click()
    expect(page.locator(".live-maps button").first).to_contain_text("lion")
    part(page, "own-stop").click()
    expect(part(page, "notice")).to_have_text("The camera is off")
    page.clock.run_for(1000)
    urls.clear()
    page.clock.run_for(5000)
    assert urls == []
    part(page, "own-start").click()
    wait_until(page, lambda: urls)


def test_in_kiosk_mode_the_camera_of_a_visitor_who_has_left_is_switched_off(visit, serve_session, fake_explainer):
    site = serve_session([], fake_explainer(delay_s=0.1), max_visitors=1, kiosk=True)
    page = show(visit(url=site.url, init_script=NOTE_TRACKS))
    assert page.evaluate("globalThis.tracks.some((track) => track.readyState === 'live')")
    page.locator(".live-kiosk").evaluate("(root) => (root.dataset.idleS = '0.5')")
    page.wait_for_function(ALL_ENDED)
    expect(part(page, "notice")).to_have_text("The camera is off")
    expect(page.get_by_role("button", name="Show my camera")).to_be_visible()


def test_the_visitor_switches_between_two_cameras(two_camera_tabs, visitors):
    page = show(two_camera_tabs.open(visitors.url, PHONE, camera=True, init_script=NOTE_TRACKS))
    page.get_by_role("button", name="Other camera").click()
    page.wait_for_function("globalThis.tracks.length === 2")
    assert page.evaluate("globalThis.tracks.map((track) => track.readyState)") == ["ended", "live"]
    page.keyboard.press("x")
    page.wait_for_function("globalThis.tracks.length === 3")
    wait_frames(page, 3)
