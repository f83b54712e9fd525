"""Occluding a patch of the frame by pointing at it, with fakes and once with the real network."""

from __future__ import annotations

import re
import threading
import time
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from live_cam.sources.camera import CameraOptions
from live_cam.sources.factory import create_source
from live_cam.types import Target
from tests.web.browser import DESKTOP, both_sizes, part, pixels, wait_frames, wait_until, wait_until_mounted

pytestmark = pytest.mark.slow

PATCH_RGB = (124, 117, 104)
LEFT, RIGHT = (0.25, 0.7), (0.75, 0.7)
BOXES = """() => [...document.querySelectorAll(".live-occlusion rect")]
  .map((patch) => patch.getBoundingClientRect().toJSON())"""


def knows_lions_by_the_left_half(explainer, make_explanation) -> None:
    """Makes a fake see a lion only as long as the left half of the frame is of one colour."""

    def logits(frames):
        left = np.stack([frame[:, : frame.shape[1] // 2] for frame in frames])
        lion = make_explanation(Target()).logits
        return np.stack([lion if np.ptp(half) == 0 else np.zeros_like(lion) for half in left])

    explainer.logits = logits


@pytest.fixture
def site(site, make_explanation):
    """The site with a camera whose frames are of one bright colour; a patch on their left costs the lion."""
    site.source.size_px = (320, 240)
    site.source.level = 200
    site.source.frozen_after_s = None
    knows_lions_by_the_left_half(site.explainer, make_explanation)
    return site


@pytest.fixture
def page(site, open_page) -> Page:
    page = open_page(site.url)
    page.wait_for_function("document.querySelector('.live-view canvas').width === 320")
    return page


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Returns the point of the window over a place of the canvas, in 0..1 of it."""
    box = page.locator(".live-view canvas").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def point(page: Page, x: float, y: float) -> None:
    page.mouse.move(*place(page, x, y))


def occluded(page: Page, rank: int = 0) -> Locator:
    return part(page, f"occluded-{rank}")


def patches(page: Page) -> Locator:
    return page.locator(".live-occlusion rect")


def boxes(page: Page) -> list[dict[str, float]]:
    """Returns where the patches are in the window: found and read in one step, since each result draws them anew."""
    return page.evaluate(BOXES)


def middle_of_patch(page: Page) -> tuple[float, float]:
    (box,) = boxes(page)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def colour_at(page: Page, x: float, y: float) -> np.ndarray:
    """Returns the colour (R, G, B) at a point of the window."""
    return pixels(page.screenshot())[round(y), round(x)]


def requested_place(url: str) -> tuple[float, float]:
    query = parse_qs(urlsplit(url).query)
    return float(query["x"][0]), float(query["y"][0])


@pytest.fixture
def tap():
    """Taps as a finger does: `tap(page, x, y)`, in CSS pixels of the window."""
    sessions = {}

    def tap_(page, x, y):
        if page not in sessions:
            sessions[page] = page.context.new_cdp_session(page)
            sessions[page].send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        sessions[page].send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        sessions[page].send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    yield tap_
    for session in sessions.values():
        session.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
        session.detach()


@both_sizes
def test_pointing_occludes_a_patch_and_the_probabilities_beside_the_view_change(page):
    bare = colour_at(page, *place(page, *LEFT))
    point(page, *LEFT)
    expect(occluded(page)).to_have_text("→ <1 %")
    expect(patches(page)).to_have_count(1)
    assert np.abs(colour_at(page, *place(page, *LEFT)) - PATCH_RGB).max() <= 3
    assert np.abs(bare - PATCH_RGB).max() > 30
    mark = page.locator(".live-track[data-occluded]").first
    assert mark.evaluate("(track) => getComputedStyle(track, '::after').content") != "none"
    point(page, *RIGHT)
    expect(occluded(page)).to_have_text("→ 100 %")
    expect(occluded(page, 1)).to_have_text("→ <1 %")


def test_leaving_the_view_removes_the_patch_and_ends_the_requests(page, requests_of):
    point(page, *LEFT)
    expect(patches(page)).to_have_count(1)
    page.mouse.move(*place(page, 0.5, -0.02))
    expect(patches(page)).to_have_count(0)
    expect(occluded(page)).to_have_text("")
    expect(page.locator(".live-track[data-occluded]")).to_have_count(0)
    urls = requests_of(page, "/occlusion?")
    wait_frames(page, 15)
    assert urls == []
    expect(patches(page)).to_have_count(0)


def test_a_place_that_is_kept_is_requested_again_and_announced_once(page, requests_of):
    urls = requests_of(page, "/occlusion?")
    point(page, *LEFT)
    spoken = page.locator(".live-occlusion [role=status]")
    expect(spoken).to_contain_text(re.compile(r"^With the patch occluded: lion \d+ %, now <1 %; "))
    wait_until(page, lambda: len(urls) >= 3)
    assert len({requested_place(url) for url in urls}) == 1
    point(page, LEFT[0] + 0.01, LEFT[1])
    expect(spoken).to_have_text("")
    expect(spoken).to_contain_text("With the patch occluded")


def test_another_place_is_announced_with_its_own_result_however_slow_that_is(site, page):
    logits, pause = site.explainer.logits, threading.Event()

    def slow_logits(frames):
        if len(frames) > 1:  # not for the faithfulness test
            pause.wait(1.0)
        return logits(frames)

    site.explainer.logits = slow_logits
    spoken = page.locator(".live-occlusion [role=status]")
    point(page, *LEFT)
    expect(spoken).to_contain_text(re.compile(r"lion \d+ %, now <1 %"))
    point(page, *RIGHT)
    expect(spoken).to_contain_text(re.compile(r"lion \d+ %, now 100 %"))


def test_a_moving_pointer_causes_few_requests_one_at_a_time_and_the_last_for_the_newest_place(page, requests_of):
    urls = requests_of(page, "/occlusion?")
    in_flight, most = set(), []

    def on_request(request):
        if "/occlusion?" in request.url:
            in_flight.add(request)
            most.append(len(in_flight))

    def on_finished(request):
        in_flight.discard(request)

    page.on("request", on_request)
    page.on("requestfinished", on_finished)
    start_s = time.monotonic()
    (left, middle), (right, _) = place(page, 0.1, 0.5), place(page, 0.1 + 59 / 75, 0.5)
    for step in range(60):
        page.mouse.move(left + step / 59 * (right - left), middle)
    newest = pytest.approx((0.1 + 59 / 75, 0.5), abs=0.01)
    wait_until(page, lambda: requested_place(urls[-1]) == newest)
    took_s = time.monotonic() - start_s
    page.remove_listener("request", on_request)
    page.remove_listener("requestfinished", on_finished)
    assert len(urls) <= 8 * took_s + 2
    assert set(most) == {1}


def test_nothing_is_occluded_or_requested_while_it_is_switched_off(page, requests_of):
    switch = page.get_by_role("button", name="Hide an area")
    expect(switch).to_have_attribute("aria-pressed", "true")
    point(page, *LEFT)
    expect(patches(page)).to_have_count(1)
    page.keyboard.press("o")
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(patches(page)).to_have_count(0)
    expect(occluded(page)).to_have_text("")
    urls = requests_of(page, "/occlusion?")
    point(page, 0.3, 0.6)
    wait_frames(page, 15)
    assert urls == []
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    page.evaluate("scrollTo(0, 0)")
    point(page, *LEFT)
    expect(occluded(page)).to_have_text("→ <1 %")


@both_sizes
def test_with_two_overlays_the_patch_is_occluded_in_both(site, page, size, requests_of):
    site.http.patch("settings", json={"mode": "side_by_side", "target": "lion", "other": "tiger"})
    expect(part(page, "caption-right")).to_have_text("tiger")
    urls = requests_of(page, "/occlusion?")
    beside = size == DESKTOP
    first, second = ((0.25 / 2, 0.7), (0.5 + 0.25 / 2, 0.7)) if beside else ((0.25, 0.7 / 2), (0.25, 0.5 + 0.7 / 2))
    point(page, *second)
    expect(patches(page)).to_have_count(2)
    for at in (first, second):
        assert np.abs(colour_at(page, *place(page, *at)) - PATCH_RGB).max() <= 3
    expect(occluded(page)).to_have_text("→ <1 %")
    assert requested_place(urls[-1]) == pytest.approx((0.25, 0.7), abs=0.01)
    one, other = boxes(page)
    canvas = page.locator(".live-view canvas").bounding_box()
    axis, length = ("x", "width") if beside else ("y", "height")
    assert other[axis] - one[axis] == pytest.approx(canvas[length] / 2, rel=0.02)
    assert other["width"] == pytest.approx(other["height"], abs=3), "a square"


@pytest.mark.parametrize("size_px", [(320, 80), (80, 320)], ids=["wide", "tall"])
def test_the_patch_lies_under_the_pointer_whatever_the_shape_of_the_frame(site, page, size_px):
    site.source.size_px = size_px
    page.wait_for_function(f"document.querySelector('.live-view canvas').height === {size_px[1]}")
    for x, y in ((0.3, 0.4), (0.7, 0.6)):
        point(page, x, y)
        expect(patches(page)).to_have_count(1)
        wait_until(page, lambda x=x, y=y: middle_of_patch(page) == pytest.approx(place(page, x, y), abs=3))
        (box,) = boxes(page)
        assert box["width"] == pytest.approx(box["height"], abs=3)


@both_sizes
def test_a_tap_occludes_a_patch_until_the_next_tap(page, tap):
    tap(page, *place(page, *LEFT))
    expect(occluded(page)).to_have_text("→ <1 %")
    wait_frames(page, 15)
    expect(patches(page)).to_have_count(1)
    tap(page, *place(page, *RIGHT))
    expect(occluded(page)).to_have_text("→ 100 %")
    tap(page, *place(page, *RIGHT))
    expect(patches(page)).to_have_count(0)
    expect(occluded(page)).to_have_text("")
    tap(page, *place(page, *LEFT))
    expect(occluded(page)).to_have_text("→ <1 %")
    effect = page.locator(".live-effect")
    expect(effect).to_have_text(re.compile(r"^lion \d+ % → <1 %$"))
    (patch,), shown, canvas = boxes(page), effect.bounding_box(), page.locator(".live-view canvas").bounding_box()
    below_px, above_px = shown["y"] - patch["bottom"], patch["top"] - shown["y"] - shown["height"]
    assert 0 < max(below_px, above_px) < 20, "beside the finger"
    assert canvas["x"] <= shown["x"] <= canvas["x"] + canvas["width"] - shown["width"]
    sentence = part(page, "verdict").bounding_box()
    tap(page, sentence["x"] + 5, sentence["y"] + 5)
    expect(patches(page)).to_have_count(0)


def test_the_arrow_keys_move_the_patch_while_the_switch_has_the_focus(page):
    page.get_by_role("button", name="Hide an area").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(occluded(page)).to_have_text("→ 100 %")
    (right,) = boxes(page)
    for _ in range(11):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    expect(occluded(page)).to_have_text("→ <1 %")
    (left,) = boxes(page)
    assert left["x"] < right["x"]
    page.keyboard.press("Escape")
    expect(patches(page)).to_have_count(0)
    page.keyboard.press("ArrowUp")
    expect(patches(page)).to_have_count(1)
    page.keyboard.press("Tab")
    expect(patches(page)).to_have_count(0)


def test_a_class_that_the_result_does_not_have_gets_no_probability(page):
    point(page, *LEFT)
    expect(occluded(page)).to_have_text("→ <1 %")
    score = {"index": 5, "label": "electric ray", "probability": 1}
    result = {"before": [score], "after": [score], "box": [0, 0, 0.5, 0.5]}
    page.route("**/occlusion?*", lambda route: route.fulfill(json=result))
    expect(occluded(page)).to_have_text("")


def test_a_lost_connection_removes_the_patch_and_its_return_brings_it_back(page):
    point(page, *LEFT)
    expect(patches(page)).to_have_count(1)
    page.route("**/occlusion?*", lambda route: route.abort())
    expect(patches(page)).to_have_count(0)
    page.unroute("**/occlusion?*")
    expect(occluded(page)).to_have_text("→ <1 %")


def test_a_visitor_occludes_a_patch_of_their_own_frame(visitors, tabs, make_explanation):
    visitors.explainer.delay_s = 0.1  # which leaves the browser time
    knows_lions_by_the_left_half(visitors.explainer, make_explanation)
    page = tabs.open(visitors.url, camera=True)
    page.get_by_role("button", name="Show my camera").click()
    wait_until_mounted(page)
    point(page, *LEFT)
    expect(patches(page)).to_have_count(1)
    expect(occluded(page)).to_contain_text("→")


def test_occluding_the_lions_face_lowers_its_probability(serve_session, explainer, gradio_media, open_page):
    source = create_source(str(gradio_media / "images" / "lion.jpg"), CameraOptions())
    site = serve_session(source, explainer)
    page = open_page(site.url)
    expect(part(page, "label-0")).to_have_text("lion")
    site.session.settings.change(frozen=True)  # so that all time is left for occlusion
    drops = {}
    for x in (0.2, 0.35, 0.5, 0.65, 0.8):
        for y in (0.2, 0.35, 0.5, 0.65):
            with page.expect_response(re.compile(rf"/occlusion\?.*x={x}\d*&y={y}\d*$")) as response:
                point(page, x, y)
            before, after = (response.value.json()[name][0] for name in ("before", "after"))
            assert before["label"] == after["label"] == "lion"
            drops[x, y] = before["probability"] - after["probability"]
    face = max(drops, key=drops.__getitem__)
    assert drops[face] > 0.03, "somewhere is what makes it a lion"
    assert min(drops.values()) < drops[face] / 3, "and elsewhere is not"
    whole = int(part(page, "percent-0").inner_text().removesuffix(" %"))
    point(page, *face)

    def is_lower() -> bool:
        match = re.fullmatch(r"→ (\d+) %", occluded(page).inner_text())
        return bool(match) and int(match[1]) < whole

    wait_until(page, is_lower)
