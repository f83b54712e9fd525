"""Hiding a square of the picture by pointing at it: a real Chromium, and once the real network."""

from __future__ import annotations

import io
import re
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from live_cam.frame import Target

pytestmark = pytest.mark.slow

HIDDEN_RGB = (124, 117, 104)
BOXES = """() => [...document.querySelectorAll(".live-occlusion rect")]
  .map((square) => square.getBoundingClientRect().toJSON())"""
desktop = pytest.mark.parametrize("size", [{"width": 1280, "height": 800}], ids=["desktop"])


@pytest.fixture(scope="module")
def chromium(launch_chromium):
    """A browser with a camera, which shows a moving test picture."""
    with launch_chromium("--use-fake-device-for-media-stream") as browser:
        yield browser


@pytest.fixture
def lion_on_the_left(fake_explainer, make_explanation):
    """Knows a lion by the left half of the picture: with a square hidden there, it is none."""
    explainer = fake_explainer()

    def logits(frames):
        left = np.stack([frame[:, : frame.shape[1] // 2] for frame in frames])
        seen = make_explanation(Target()).logits
        return np.stack([seen if np.ptp(half) == 0 else np.zeros_like(seen) for half in left])

    explainer.logits = logits
    return explainer


@pytest.fixture
def lion_site(serve_session, fake_source, lion_on_the_left):
    """A site whose pictures are one bright colour."""
    source = fake_source(size_px=(320, 240))
    source.level = 200
    source.frozen_after_s = None
    return serve_session(source, lion_on_the_left)


def place(page, x, y):
    """Gives the point of the window over a place of the canvas, in 0..1 of it."""
    box = page.locator(".live-view canvas").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def point(page, x, y):
    page.mouse.move(*place(page, x, y))


def hidden(page, rank=0):
    return page.locator(f'[data-live="hidden-{rank}"]')


def squares(page):
    return page.locator(".live-occlusion rect")


def boxes_of_squares(page):
    """Gives where the squares are in the window: found and read in one step, since every answer draws them anew."""
    return page.evaluate(BOXES)


def middle_of_square(page):
    """Gives the point of the window in the middle of the one square."""
    (box,) = boxes_of_squares(page)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def colour_at(page, x, y):
    """Gives the colour (R, G, B) that is seen at a point of the window."""
    with Image.open(io.BytesIO(page.screenshot())) as image:
        return image.convert("RGB").getpixel((round(x), round(y)))


def places_asked(page):
    """Notes the places asked about from now on."""
    asked = []

    def note(request):
        if "/occlusion?" in request.url:
            words = parse_qs(urlsplit(request.url).query)
            asked.append((float(words["x"][0]), float(words["y"][0])))

    page.on("request", note)
    return asked


@pytest.fixture
def tap():
    """Taps as a finger does: `tap(page, x, y)`, in CSS pixels of the window."""
    devices = {}

    def tap_(page, x, y):
        if page not in devices:
            devices[page] = page.context.new_cdp_session(page)
            devices[page].send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        devices[page].send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        devices[page].send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    return tap_


def test_pointing_hides_a_square_and_the_probabilities_beside_the_picture_move(lion_site, open_page):
    page = open_page(lion_site.url)
    bare = colour_at(page, *place(page, 0.25, 0.7))
    point(page, 0.25, 0.7)
    expect(hidden(page)).to_have_text("→ 0 %")
    expect(squares(page)).to_have_count(1)
    assert np.abs(np.subtract(colour_at(page, *place(page, 0.25, 0.7)), HIDDEN_RGB)).max() <= 3
    assert np.abs(np.subtract(bare, HIDDEN_RGB)).max() > 30
    mark = page.locator(".live-track[data-hidden]").first
    assert mark.evaluate("(track) => getComputedStyle(track, '::after').content") != "none"
    point(page, 0.75, 0.7)
    expect(hidden(page)).to_have_text("→ 100 %")
    expect(hidden(page, 1)).to_have_text("→ 0 %")


def test_leaving_the_picture_takes_the_square_away_and_asks_no_more(lion_site, open_page):
    page = open_page(lion_site.url)
    point(page, 0.25, 0.7)
    expect(squares(page)).to_have_count(1)
    page.mouse.move(*place(page, 0.5, -0.02))
    expect(squares(page)).to_have_count(0)
    expect(hidden(page)).to_have_text("")
    expect(page.locator(".live-track[data-hidden]")).to_have_count(0)
    asked = places_asked(page)
    page.wait_for_timeout(600)
    assert asked == []
    expect(squares(page)).to_have_count(0)


@desktop
def test_a_place_kept_is_asked_about_again_and_spoken_of_once(lion_site, open_page, eventually):
    page = open_page(lion_site.url)
    asked = places_asked(page)
    point(page, 0.25, 0.7)
    spoken = page.locator(".live-occlusion [role=status]")
    expect(spoken).to_contain_text(re.compile(r"^With the square hidden: lion \d+ %, now 0 %; "))
    eventually(lambda: page.wait_for_timeout(50) or len(asked) >= 3)
    assert len(set(asked)) == 1
    point(page, 0.26, 0.7)
    expect(spoken).to_have_text("")
    expect(spoken).to_contain_text("With the square hidden")


@desktop
def test_of_another_place_other_words_are_spoken_however_slow_the_answers(lion_site, lion_on_the_left, open_page):
    logits = lion_on_the_left.logits
    lion_on_the_left.logits = lambda frames: time.sleep(1) or logits(frames)
    page = open_page(lion_site.url)
    spoken = page.locator(".live-occlusion [role=status]")
    point(page, 0.25, 0.7)
    expect(spoken).to_contain_text(re.compile(r"lion \d+ %, now 0 %"))
    point(page, 0.75, 0.7)
    expect(spoken).to_contain_text(re.compile(r"lion \d+ %, now 100 %"))


@desktop
def test_a_moving_pointer_asks_seldom_one_at_a_time_and_last_about_the_newest_place(
    serve_session, fake_source, fake_explainer, open_page
):
    page = open_page(serve_session(fake_source(), fake_explainer()).url)
    asked = places_asked(page)
    flying, most = set(), []

    def sent(request):
        if "/occlusion?" in request.url:
            flying.add(request)
            most.append(len(flying))

    page.on("request", sent)
    page.on("requestfinished", lambda request: flying.discard(request))
    begin_s = time.monotonic()
    for step in range(60):
        point(page, 0.1 + step / 75, 0.5)
    took_s = time.monotonic() - begin_s
    page.wait_for_timeout(700)
    assert len(asked) <= 8 * (took_s + 0.7) + 2
    assert asked[-1] == pytest.approx((0.1 + 59 / 75, 0.5), abs=0.01)
    assert set(most) == {1}


def test_switched_off_nothing_is_hidden_or_asked_until_it_is_on_again(lion_site, open_page):
    page = open_page(lion_site.url)
    switch = page.get_by_role("button", name="Hide a square")
    expect(switch).to_have_attribute("aria-pressed", "true")
    point(page, 0.25, 0.7)
    expect(squares(page)).to_have_count(1)
    page.keyboard.press("o")
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(squares(page)).to_have_count(0)
    expect(hidden(page)).to_have_text("")
    page.wait_for_timeout(300)
    asked = places_asked(page)
    point(page, 0.3, 0.6)
    page.wait_for_timeout(500)
    assert asked == []
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    page.evaluate("scrollTo(0, 0)")
    point(page, 0.25, 0.7)
    expect(hidden(page)).to_have_text("→ 0 %")


def test_with_two_pictures_side_by_side_the_square_is_hidden_in_both(lion_site, open_page):
    page = open_page(lion_site.url)
    httpx.patch(f"{lion_site.url}settings", json={"question": "beside", "target": "lion", "other": "tiger"})
    expect(page.locator('[data-live="caption-right"]')).to_have_text("tiger")
    asked = places_asked(page)
    point(page, 0.5 + 0.25 / 2, 0.7)
    expect(squares(page)).to_have_count(2)
    for x in (0.5 + 0.25 / 2, 0.25 / 2):
        assert np.abs(np.subtract(colour_at(page, *place(page, x, 0.7)), HIDDEN_RGB)).max() <= 3
    expect(hidden(page)).to_have_text("→ 0 %")
    assert asked[-1] == pytest.approx((0.25, 0.7), abs=0.01)
    left, right = boxes_of_squares(page)
    canvas = page.locator(".live-view canvas").bounding_box()
    assert right["x"] - left["x"] == pytest.approx(canvas["width"] / 2, rel=0.02)
    assert right["width"] == pytest.approx(right["height"], abs=3), "a square"


@desktop
@pytest.mark.parametrize("size_px", [(320, 80), (80, 320)], ids=["wide", "tall"])
def test_the_square_lies_under_the_pointer_whatever_the_shape_of_the_picture(
    serve_session, fake_source, fake_explainer, open_page, eventually, size_px
):
    page = open_page(serve_session(fake_source(size_px=size_px), fake_explainer()).url)
    page.wait_for_function(f"document.querySelector('.live-view canvas').width === {size_px[0]}")
    for x, y in ((0.3, 0.4), (0.7, 0.6)):
        point(page, x, y)
        expect(squares(page)).to_have_count(1)
        eventually(lambda x=x, y=y: middle_of_square(page) == pytest.approx(place(page, x, y), abs=3))
        (box,) = boxes_of_squares(page)
        assert box["width"] == pytest.approx(box["height"], abs=3)


def test_a_tap_hides_a_square_until_the_next_tap(lion_site, open_page, tap):
    page = open_page(lion_site.url)
    tap(page, *place(page, 0.25, 0.7))
    expect(hidden(page)).to_have_text("→ 0 %")
    page.wait_for_timeout(600)
    expect(squares(page)).to_have_count(1)
    tap(page, *place(page, 0.75, 0.7))
    expect(hidden(page)).to_have_text("→ 100 %")
    tap(page, *place(page, 0.75, 0.7))
    expect(squares(page)).to_have_count(0)
    expect(hidden(page)).to_have_text("")
    tap(page, *place(page, 0.25, 0.7))
    expect(hidden(page)).to_have_text("→ 0 %")
    words = page.locator('[data-live="target"]').bounding_box()
    tap(page, words["x"] + 5, words["y"] + 5)
    expect(squares(page)).to_have_count(0)


def test_the_arrow_keys_move_the_square_while_the_switch_has_the_focus(lion_site, open_page):
    page = open_page(lion_site.url)
    page.get_by_role("button", name="Hide a square").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(hidden(page)).to_have_text("→ 100 %")
    (right,) = boxes_of_squares(page)
    for _ in range(11):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    expect(hidden(page)).to_have_text("→ 0 %")
    (left,) = boxes_of_squares(page)
    assert left["x"] < right["x"]
    page.keyboard.press("Escape")
    expect(squares(page)).to_have_count(0)
    page.keyboard.press("ArrowUp")
    expect(squares(page)).to_have_count(1)
    page.keyboard.press("Tab")
    expect(squares(page)).to_have_count(0)


@desktop
def test_in_a_grid_each_picture_has_its_own_square_and_words(serve_session, fake_source, fake_explainer, open_page):
    sources = [fake_source(name="Front door"), fake_source(name="Back door")]
    page = open_page(serve_session(sources, fake_explainer()).url)
    back = page.locator(".live-tile").nth(1)
    with page.expect_request("**/occlusion?*feed=1*"):
        back.locator(".live-view canvas").hover()
    expect(back.locator('[data-live="hidden-0"]')).to_have_text("→ 100 %")
    expect(page.locator(".live-tile").nth(0).locator('[data-live="hidden-0"]')).to_have_text("")


@desktop
def test_a_class_that_the_answer_does_not_tell_of_gets_no_words(lion_site, open_page):
    page = open_page(lion_site.url)
    point(page, 0.25, 0.7)
    expect(hidden(page)).to_have_text("→ 0 %")
    answer = {"before": [], "after": [{"index": 5, "label": "electric ray", "probability": 1}], "box": [0, 0, 0.5, 0.5]}
    page.route("**/occlusion?*", lambda route: route.fulfill(json=answer))
    expect(hidden(page)).to_have_text("")


@desktop
def test_a_lost_connection_takes_the_square_away_and_its_return_brings_it_back(lion_site, open_page):
    page = open_page(lion_site.url)
    point(page, 0.25, 0.7)
    expect(squares(page)).to_have_count(1)
    page.route("**/occlusion?*", lambda route: route.abort())
    expect(squares(page)).to_have_count(0)
    page.unroute("**/occlusion?*")
    expect(hidden(page)).to_have_text("→ 0 %")


def test_a_visitor_hides_a_square_of_their_own_picture(serve_session, lion_on_the_left, chromium):
    site = serve_session([], lion_on_the_left, most_visitors=1)
    page = chromium.new_context(permissions=["camera"]).new_page()
    page.goto(site.url)
    page.get_by_role("button", name="Show my camera").click()
    page.wait_for_selector(".live-stage[data-seq]", timeout=20_000)
    page.wait_for_selector(".live-occlusion svg", state="attached")
    point(page, 0.25, 0.7)
    expect(squares(page)).to_have_count(1)
    expect(hidden(page)).to_contain_text("→")
    page.context.close()


def freeze_a_lion(page):
    """Freezes the demo while it shows the lion, which may have gone by the time the key is heard."""
    label = page.locator('[data-live="label-0"]')
    for _ in range(5):
        expect(label).to_have_text("lion", timeout=45_000)
        page.keyboard.press("f")
        expect(page.locator('[data-live="frozen"]')).to_be_visible()
        page.wait_for_timeout(500)
        if label.inner_text() == "lion":
            return
        page.keyboard.press("f")
    pytest.fail("the demo is never frozen at the lion")


def answer_about(x, y):
    """Matches the address of the question about a place."""
    return re.compile(rf"/occlusion\?.*x={x}\d*&y={y}\d*$")


def test_hiding_the_lions_face_moves_its_probability(start_live_cam, open_page, eventually):
    live_cam = start_live_cam("demo")
    page = open_page(live_cam.url)
    freeze_a_lion(page)
    moves = {}
    for x in (0.2, 0.35, 0.5, 0.65, 0.8):
        for y in (0.2, 0.35, 0.5, 0.65):
            with page.expect_response(answer_about(x, y)) as answered:
                point(page, x, y)
            before, after = (answered.value.json()[name][0] for name in ("before", "after"))
            assert before["label"] == after["label"] == "lion"
            moves[x, y] = before["probability"] - after["probability"]
    face = max(moves, key=moves.__getitem__)
    assert moves[face] > 0.03, "somewhere is what makes it a lion"
    assert min(moves.values()) < moves[face] / 3, "and elsewhere is not"
    seen = int(page.locator('[data-live="percent-0"]').inner_text().removesuffix(" %"))
    with page.expect_response(answer_about(*face)):
        point(page, *face)

    def left_over():
        told = re.fullmatch(r"→ (\d+) %", hidden(page).inner_text())
        return int(told[1]) if told else seen

    eventually(lambda: left_over() < seen)
    live_cam.stop()
