"""What the page shows and says, in a real Chromium; its layout on a desktop and a phone."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from live_cam.errors import AccessDeniedError
from live_cam.models.labels import imagenet_labels
from live_cam.types import Target
from tests.web.browser import (
    DESKTOP,
    PHONE,
    both_sizes,
    part,
    phone,
    pixels,
    unfold,
    wait_for_frame,
    wait_frames,
    wait_until,
)

pytestmark = pytest.mark.slow

OCCLUDED_RGB = np.array([124, 117, 104], np.float32)

# Notes where the stage is when it has a size for the first time, and whenever parts are added afterwards.
NOTE_PLACES = """
globalThis.places = [];
new MutationObserver(() => {
  const stage = document.querySelector(".live-stage");
  const box = stage?.getBoundingClientRect();
  if (box?.width) globalThis.places.push([box.x, box.y, box.width, box.height].map(Math.round).join());
}).observe(document, { childList: true, subtree: true });"""


@pytest.fixture
def page(site, open_page) -> Page:
    return open_page(site.url)


def is_colourful(png: bytes) -> bool:
    """Whether an image has more than 100 colours, of which a flat box has one."""
    with Image.open(io.BytesIO(png)) as image:
        return image.convert("RGB").getcolors(100) is None


@both_sizes
def test_the_view_dominates_and_the_top_class_is_large(page, size):
    view = page.locator(".live-stage").bounding_box()
    label = part(page, "label-0").bounding_box()
    font_px = part(page, "label-0").evaluate("(label) => parseFloat(getComputedStyle(label).fontSize)")
    if size == DESKTOP:
        assert view["width"] > 0.6 * size["width"]
        assert view["height"] > 0.7 * size["height"]
        assert font_px >= 32
    else:
        assert view["width"] > 0.9 * size["width"]
        assert label["y"] >= view["y"] + view["height"]
        assert font_px >= 28
    questions, freeze = page.locator(".live-questions").bounding_box(), part(page, "freeze").bounding_box()
    assert part(page, "verdict").evaluate("(words) => parseFloat(getComputedStyle(words).fontSize)") >= 18
    for box in (view, label, questions, freeze):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
        assert box["y"] + box["height"] <= size["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert freeze["y"] > view["y"] + view["height"]
    if size == PHONE:
        assert freeze["y"] > size["height"] - 80, "in reach of a thumb"


def test_the_source_is_named_at_the_top_however_long_its_name(serve_session, fake_source, fake_explainer, open_page):
    name = "rtsp://camera.in.the.greenhouse.example/a/stream/with/quite/a/long/name/of/its/own" * 2
    page = open_page(serve_session(fake_source(name=name), fake_explainer()).url)
    source = part(page, "source")
    expect(source).to_have_text(name)
    expect(part(page, "models")).to_have_text("resnet50")
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        expect(source).to_be_visible()
        expect(part(page, "models")).to_be_visible(visible=size == DESKTOP)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        theme = page.get_by_role("button", name="Theme").bounding_box()
        assert theme["y"] < page.locator(".live-stage").bounding_box()["y"] - theme["height"] / 2


@both_sizes
def test_before_the_first_frame_there_is_a_placeholder_and_nothing_moves_when_the_frame_comes(
    serve_session, fake_source, fake_explainer, tabs, size
):
    source = fake_source(size_px=(640, 480))
    source.block()
    page = tabs.open(serve_session(source, fake_explainer()).url, size, init_script=NOTE_PLACES)
    stage = page.locator(".live-stage")
    stage.wait_for(state="visible")
    wait_until(page, lambda: is_colourful(stage.screenshot()))
    source.release()
    wait_for_frame(page)
    expect(page.locator(".live-poster")).to_be_hidden()
    wait_frames(page, 10)
    assert len(set(page.evaluate("globalThis.places"))) == 1


def test_frames_and_answers_are_shown_while_gradios_scripts_are_missing(site, tabs):
    page = tabs.open("about:blank")
    page.route("**/assets/*.js", lambda route: route.abort())
    tabs.go(page, site.url, whole=False)
    wait_frames(page, 3)
    expect(part(page, "label-0").first).to_have_text("lion")


def test_the_target_stands_on_the_view_with_what_the_map_shows(site, page):
    caption, right, meaning = part(page, "caption"), part(page, "caption-right"), part(page, "meaning")
    change = site.session.settings.change
    expect(caption).to_have_text("lion")
    expect(caption).to_be_hidden()  # the name is beside it, as large as that
    expect(meaning).to_contain_text("speak for lion")
    change(mode="contrast")
    expect(caption).to_have_text("lion, not cheetah")
    expect(caption).to_be_visible()
    expect(meaning).to_contain_text("for lion more than for cheetah")
    change(mode="counterfactual")
    expect(caption).to_have_text("against lion")
    expect(meaning).to_contain_text("speak against lion")
    change(mode="side_by_side")
    expect(caption).to_have_text("lion")
    expect(right).to_have_text("cheetah")
    canvas, place = page.locator("canvas").first.bounding_box(), right.bounding_box()
    assert place["x"] > canvas["x"] + canvas["width"] / 2
    change(mode="side_by_side", target=967, method="eigencam")
    expect(meaning).to_contain_text("whatever the class")
    expect(caption).to_have_text("whatever the class")
    expect(right).to_be_hidden()
    expect(part(page, "how")).to_have_text("Eigen-CAM at conv5_block3_out")


def test_a_map_without_evidence_says_what_there_is_none_of(site, page):
    site.explainer.evidence = 0.0
    expect(part(page, "verdict")).to_have_text("There is no evidence for lion in this image.")
    expect(part(page, "drop")).to_have_text("–")
    site.session.settings.change(mode="counterfactual")
    expect(part(page, "caption")).to_have_text("against lion: nothing")
    expect(part(page, "verdict")).to_have_text("Nothing in this image speaks against lion.")
    expect(part(page, "meaning")).to_have_text("")
    expect(part(page, "evidence-word")).to_have_text("none")


def test_small_probabilities_are_not_shown_as_zero(site, page):
    explain_each = site.explainer.explain_each

    def explain(*arguments):
        explained = explain_each(*arguments)
        chances = (0.9960, 0.0049, 0.0)
        return [
            [
                replace(
                    each,
                    smoothed_top=tuple(
                        replace(score, probability=chance) for score, chance in zip(each.top, chances, strict=True)
                    ),
                )
                for each in explanations
            ]
            for explanations in explained
        ]

    site.explainer.explain_each = explain
    for rank, text in enumerate(("100 %", "<1 %", "0 %")):
        expect(part(page, f"percent-{rank}")).to_have_text(text)


def test_the_legend_has_the_colours_of_the_map_and_changes_with_them(site, page):
    ramp, legend = page.locator(".live-ramp"), part(page, "legend")
    expect(legend).to_contain_text("weak")
    expect(legend).to_contain_text("strong")
    viridis = ramp.screenshot()
    site.session.settings.change(colormap="inferno")
    expect(legend).to_have_attribute("data-colormap", "inferno")
    inferno = ramp.screenshot()
    assert inferno != viridis
    brightness = pixels(inferno).mean(axis=2)
    assert brightness[5, -8] > brightness[5, 8] + 100, "it runs from dark to bright"
    site.session.settings.change(style="contours")
    expect(legend).to_contain_text("lines at 25")


def test_the_evidence_is_a_word_and_a_meter_and_none_is_stated(site, page):
    site.explainer.evidence = 0.5
    expect(part(page, "evidence-word")).to_have_text("clear")
    page.get_by_text("How to read the map").click()
    expect(page.get_by_role("meter", name="Evidence")).to_have_attribute("aria-valuenow", "50")
    site.explainer.evidence = 0.0
    expect(part(page, "evidence-word")).to_have_text("none")
    expect(part(page, "verdict")).to_have_text("There is no evidence for lion in this image.")
    expect(part(page, "caption")).to_have_text("lion: no evidence")


def test_what_the_map_shows_is_stated_while_either_of_two_overlays_has_evidence(site, page, monkeypatch):
    explain_each = site.explainer.explain_each

    def without_a_lion(*arguments, **options):
        explained = explain_each(*arguments, **options)
        return [[replace(e, evidence=float(e.target_label != "lion")) for e in each] for each in explained]

    monkeypatch.setattr(site.explainer, "explain_each", without_a_lion)
    site.session.settings.change(mode="side_by_side")
    expect(part(page, "caption")).to_have_text("lion: no evidence")
    expect(part(page, "caption-right")).to_have_text("cheetah")
    expect(part(page, "verdict")).to_contain_text("no evidence for lion")
    expect(part(page, "meaning")).to_contain_text("for the class named above each image")
    site.session.settings.change(mode="class")
    expect(part(page, "meaning")).to_have_text("")


def test_whether_the_map_can_be_trusted_is_one_sentence_with_the_figures_it_rests_on(site, page, make_explanation):
    verdict, tested, drop = part(page, "verdict"), part(page, "tested"), part(page, "drop")
    expect(verdict).to_have_text("Whether the map is right is not known: it is recognized without any single fifth.")
    lion = make_explanation(Target()).logits
    peak = 224 * 3 // 14  # of the fake's map

    def without_the_peak(frames):
        hidden = [np.abs(frame[peak, peak] - OCCLUDED_RGB).max() <= 1 for frame in frames]
        return np.stack([np.zeros_like(lion) if each else lion for each in hidden])

    site.explainer.logits = without_the_peak
    page.keyboard.press("m")
    expect(tested).to_have_text(re.compile(r"^In percentage points; HiResCAM, \d+ s ago$"))
    expect(verdict).to_have_text("Hiding the bright area drops lion from 100 % to <1 %: the map is right.")
    expect(page.locator(".live-trust .live-icon-check")).to_be_visible()
    expect(drop).to_have_text("−100")
    expect(part(page, "random")).to_have_text(re.compile(r"^(0|−\d+)$"))
    assert page.locator('[data-live="drop-bar"]').evaluate("(bar) => bar.style.width") == "100%"


def test_the_page_is_dark_if_the_system_is_and_remembers_another_choice(site, tabs):
    page = tabs.open("about:blank")
    page.emulate_media(color_scheme="dark")
    tabs.go(page, site.url)

    def brightness() -> float:
        wait_for_frame(page)
        return float(pixels(page.screenshot())[-60:, :8].mean())

    assert brightness() < 60
    page.get_by_role("button", name="Theme").click()
    assert brightness() > 200
    page.reload()
    assert brightness() > 200
    page.keyboard.press("t")
    assert brightness() < 60


def test_a_class_is_locked_and_unlocked_by_its_label(site, page):
    label, unlock = part(page, "label-0"), part(page, "unlock")
    expect(label).to_have_attribute("aria-pressed", "false")
    part(page, "label-1").click()
    expect(part(page, "caption")).to_have_text("cheetah")
    expect(label).to_have_text("cheetah")
    expect(label).to_have_attribute("aria-pressed", "true")
    assert site.settings.target == 293
    page.get_by_role("button", name="unlock").click()
    expect(label).to_have_attribute("aria-pressed", "false")
    expect(unlock).to_be_hidden()
    assert site.settings.target is None
    for pressed in ("true", "false"):
        label.click()
        expect(label).to_have_attribute("aria-pressed", pressed)
    assert site.settings.target is None


@both_sizes
def test_the_longest_label_is_readable_to_its_end_and_moves_nothing(site, page):
    label, below = part(page, "label-0"), part(page, "label-1")
    expect(label).to_have_text("lion")
    before = below.bounding_box()
    site.session.settings.change(target=max(range(1000), key=lambda index: len(imagenet_labels()[index])))
    expect(label).not_to_have_text("lion")
    assert below.bounding_box()["y"] == pytest.approx(before["y"], abs=1)
    assert label.evaluate(
        "(label) => label.scrollWidth <= label.clientWidth && label.scrollHeight <= label.clientHeight"
    )


def test_values_that_change_all_the_time_are_neither_announced_nor_animated(page):
    loud = '[aria-live]:not([aria-live="off"]), [role="status"], [role="alert"], [role="log"]'
    for name in ("percent-0", "label-0", "bar-0", "fps", "latency", "evidence-word", "caption", "verdict", "tested"):
        assert part(page, name).evaluate("(part, loud) => part.closest(loud) === null", loud), name
    # The browser would lay the page out with every animation frame.
    for bar in page.locator(".live-bar, .live-meter > span").all():
        assert bar.evaluate("(bar) => getComputedStyle(bar).transitionDuration") == "0s"


def test_a_frozen_view_is_marked_and_explained_further(page, eventually):
    page.get_by_role("button", name="Freeze").click()
    expect(part(page, "frozen")).to_be_visible()
    canvas = page.locator(".live-stage canvas")
    seq = wait_for_frame(page)

    def stands_still() -> bool:
        before = canvas.screenshot()
        page.wait_for_timeout(100)
        return canvas.screenshot() == before

    eventually(stands_still)
    part(page, "label-1").click()
    expect(part(page, "caption")).to_have_text("cheetah")
    assert wait_for_frame(page) <= seq + 2, "of the same frame, but for two in flight"
    page.get_by_role("button", name="Resume").click()
    expect(part(page, "frozen")).to_be_hidden()
    wait_frames(page, 3)


def test_fps_and_latency_are_hidden_while_the_view_stands_still_and_nothing_moves(site, page):
    figures, below = page.locator(".live-figures"), part(page, "present")
    expect(figures).to_be_visible()
    place = below.bounding_box()
    for stop, go_on in (
        (lambda: site.session.settings.change(frozen=True), lambda: site.session.settings.change(frozen=False)),
        (lambda: site.session.settings.change(running=False), lambda: site.session.settings.change(running=True)),
        (site.source.block, site.source.release),
    ):
        stop()
        expect(figures).to_be_hidden()
        assert below.bounding_box() == place
        go_on()
        expect(figures).to_be_visible()


def test_a_camera_that_denies_access_is_tried_again_when_a_person_says_so(
    serve_session, fake_source, fake_explainer, tabs, size
):
    source = fake_source()
    source.open_errors = [AccessDeniedError("Camera denies access; check user name and password")]
    page = tabs.open(serve_session(source, fake_explainer()).url, size)
    expect(part(page, "notice")).to_contain_text(re.compile(r"check user name and password; trying again in \d\d s"))
    page.get_by_role("button", name="Try now").click()
    wait_for_frame(page)
    expect(page.get_by_role("button", name="Try now")).to_be_hidden()
    assert len(source.opened_at_s) == 2


def test_a_layer_is_announced_while_it_is_prepared(site, page):
    site.explainer.prepare_s = 60.0
    site.session.settings.change(layer="conv4_block6_out")
    expect(part(page, "preparing")).to_contain_text("conv4_block6_out")
    site.explainer.end()
    expect(part(page, "preparing")).to_be_hidden()
    expect(part(page, "how")).to_have_text("Grad-CAM at conv4_block6_out")


def test_a_change_that_the_server_refuses_is_reported(site, page):
    page.route(
        "**/settings*", lambda route: route.fulfill(status=400, content_type="text/plain", body="no such colour")
    )
    page.keyboard.press("c")
    expect(part(page, "toast")).to_have_text("Not changed: no such colour")
    assert site.http.get("settings").json()["colormap"] == "viridis"


@phone
def test_on_a_phone_the_view_stays_in_sight_while_the_controls_scroll(page):
    unfold(page)
    page.locator("#live-colormap").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert page.evaluate("scrollY") > 200
    assert page.locator(".live-stage canvas").bounding_box()["y"] >= 0
