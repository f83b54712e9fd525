"""How the page looks and what it says, seen in a real Chromium at a desktop's and a phone's size."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from live_cam.explain.labels import imagenet_labels

pytestmark = pytest.mark.slow

DESKTOP = {"width": 1280, "height": 800}
CAPTION = '[data-live="caption"]'
# Notes what the stage shows when it is in the page for the first time, and how far its parts move afterwards.
FIRST_SIGHT = """
globalThis.places = [];
new MutationObserver(() => {
  const stage = document.querySelector(".live-stage");
  const box = stage?.getBoundingClientRect();
  if (box?.width) globalThis.places.push([box.x, box.y, box.width, box.height].map(Math.round).join());
}).observe(document, { childList: true, subtree: true });"""


@pytest.fixture
def shown(serve_session, fake_source, fake_explainer, open_page):
    """A page over a fake camera: `shown(kiosk=False, **options of the fake explainer)` gives site and page."""

    def show(kiosk=False, **options):
        site = serve_session(fake_source(size_px=(640, 480)), fake_explainer(**options), kiosk=kiosk)
        return site, open_page(site.url)

    return show


def colours(png: bytes) -> int:
    """Counts the different colours, of which a flat box has one."""
    return len(np.unique(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3), axis=0))


def test_the_picture_dominates_and_the_likeliest_class_can_be_read_from_the_back_row(shown, size):
    _, page = shown()
    picture = page.locator(".live-stage").bounding_box()
    label = page.locator('[data-live="label-0"]').bounding_box()
    font_px = page.locator('[data-live="label-0"]').evaluate("(label) => parseFloat(getComputedStyle(label).fontSize)")
    if size == DESKTOP:
        assert picture["width"] > 0.67 * size["width"]
        assert picture["height"] > 0.8 * size["height"]
        assert font_px >= 32
    else:
        assert picture["width"] > 0.9 * size["width"]
        assert label["y"] >= picture["y"] + picture["height"]
        assert font_px >= 24
    assert label["y"] + label["height"] <= size["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_which_source_is_shown_stands_at_the_top_however_long_its_name(
    serve_session, fake_source, fake_explainer, open_page, size
):
    name = "rtsp://camera.in.the.greenhouse.example/a/stream/with/quite/a/long/name/of/its/own" * 2
    page = open_page(serve_session(fake_source(name=name), fake_explainer()).url)
    source = page.locator('[data-live="source"]')
    expect(source).to_have_text(name)
    expect(source).to_be_visible()
    expect(page.get_by_text("What a ResNet50 sees")).to_be_visible(visible=size == DESKTOP)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    theme = page.get_by_role("button", name="Theme").bounding_box()
    assert theme["y"] < page.locator(".live-stage").bounding_box()["y"] - theme["height"] / 2


def test_before_the_first_picture_there_is_one_in_its_place_and_nothing_moves_when_it_comes(
    serve_session, fake_source, fake_explainer, chromium, size, eventually
):
    source = fake_source(size_px=(640, 480))
    source.block()
    site = serve_session(source, fake_explainer())
    page = chromium.new_page(viewport=size)
    page.add_init_script(FIRST_SIGHT)
    page.goto(site.url, wait_until="commit")
    stage = page.locator(".live-stage")
    stage.wait_for(state="visible")
    eventually(lambda: colours(stage.screenshot()) > 100)
    source.release()
    page.wait_for_selector(".live-stage[data-seq]")
    expect(page.locator(".live-poster")).to_be_hidden()
    page.wait_for_timeout(500)
    assert len(set(page.evaluate("globalThis.places"))) == 1
    page.context.close()


def test_while_the_page_is_being_built_a_picture_is_painted_already(
    serve_session, fake_source, fake_explainer, chromium, size, eventually
):
    site = serve_session(fake_source(size_px=(640, 480)), fake_explainer())
    page = chromium.new_page(viewport=size)
    page.route("**/assets/*.js", lambda route: route.abort())
    page.goto(site.url)
    assert page.locator(".live-stage").count() == 0
    eventually(lambda: colours(page.screenshot()) > 100)
    page.context.close()


def test_the_explained_class_stands_on_the_picture_with_what_the_map_shows(shown):
    site, page = shown()
    expect(page.locator(CAPTION)).to_have_text("lion")
    expect(page.locator('[data-live="meaning"]')).to_contain_text("speak for lion")
    site.session.controls.change(question="versus")
    expect(page.locator(CAPTION)).to_have_text("lion, not cheetah")
    expect(page.locator('[data-live="meaning"]')).to_contain_text("for lion more than for cheetah")
    site.session.controls.change(question="against")
    expect(page.locator(CAPTION)).to_have_text("against lion")
    expect(page.locator('[data-live="meaning"]')).to_contain_text("speak against lion")
    site.session.controls.change(question="beside")
    expect(page.locator(CAPTION)).to_have_text("lion")
    expect(page.locator('[data-live="caption-right"]')).to_have_text("cheetah")
    picture, right = (
        page.locator("canvas").first.bounding_box(),
        page.locator('[data-live="caption-right"]').bounding_box(),
    )
    assert right["x"] > picture["x"] + picture["width"] / 2
    site.session.controls.change(question="beside", target=967, method="eigencam")
    expect(page.locator('[data-live="meaning"]')).to_contain_text("whatever the class")
    expect(page.locator(CAPTION)).to_have_text("whatever the class")
    expect(page.locator('[data-live="caption-right"]')).to_be_hidden()
    expect(page.locator('[data-live="how"]')).to_have_text("Eigen-CAM at conv5_block3_out")


def test_the_legend_has_the_colours_of_the_map_and_changes_with_them(shown):
    site, page = shown()
    ramp, legend = page.locator(".live-ramp"), page.locator('[data-live="legend"]')
    expect(legend).to_contain_text("weak")
    expect(legend).to_contain_text("strong")
    viridis = ramp.screenshot()
    site.session.controls.change(colormap="inferno")
    expect(legend).to_have_attribute("data-colormap", "inferno")
    inferno = ramp.screenshot()
    assert inferno != viridis
    left, right = (np.asarray(Image.open(io.BytesIO(inferno)).convert("L"))[5, x] for x in (8, -8))
    assert int(right) > int(left) + 100, "it runs from dark to bright"
    site.session.controls.change(style="contours")
    expect(legend).to_contain_text("lines at 25")


def test_how_much_evidence_there_is_stands_in_a_word_and_none_is_said_plainly(shown):
    _, page = shown(strength=0.5)
    expect(page.locator('[data-live="strength-word"]')).to_have_text("clear")
    expect(page.get_by_role("meter", name="Evidence")).to_have_attribute("aria-valuenow", "50")
    _, page = shown(strength=0.0)
    expect(page.locator('[data-live="strength-word"]')).to_have_text("none")
    expect(page.locator('[data-live="evidence"]')).to_have_text("There is no evidence for lion in this picture.")
    expect(page.locator(CAPTION)).to_have_text("lion: no evidence")


def test_the_test_of_the_map_stands_in_words_with_the_name_of_the_method(shown):
    _, page = shown()
    line = page.locator('[data-live="faithfulness"]')
    expect(line).to_contain_text("Test of Grad-CAM: too little to tell. Hiding the hottest fifth", timeout=10_000)
    page.keyboard.press("m")
    expect(line).to_contain_text("Test of HiResCAM: ")


def test_the_page_is_dark_where_the_system_is_and_the_other_choice_is_remembered(
    serve_session, fake_source, fake_explainer, chromium, size
):
    site = serve_session(fake_source(), fake_explainer())
    context = chromium.new_context(viewport=size, color_scheme="dark")
    page = context.new_page()

    def brightness() -> float:
        page.wait_for_selector(".live-stage[data-seq]")
        return float(np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))[-60:, :8].mean())

    page.goto(site.url)
    assert brightness() < 60
    page.get_by_role("button", name="Theme").click()
    assert brightness() > 200
    page.reload()
    assert brightness() > 200
    page.keyboard.press("t")
    assert brightness() < 60
    context.close()


def test_a_class_is_locked_by_its_label_and_let_go_by_it(shown):
    site, page = shown()
    label = page.locator('[data-live="label-0"]')
    expect(label).to_have_attribute("aria-pressed", "false")
    page.locator('[data-live="label-1"]').click()
    expect(page.locator(CAPTION)).to_have_text("cheetah")
    expect(label).to_have_text("cheetah")
    expect(label).to_have_attribute("aria-pressed", "true")
    assert site.session.controls.settings.target == 293
    page.get_by_role("button", name="unlock").click()
    expect(label).to_have_attribute("aria-pressed", "false")
    expect(page.locator('[data-live="unlock"]')).to_be_hidden()
    assert site.session.controls.settings.target is None
    label.click()
    expect(label).to_have_attribute("aria-pressed", "true")
    label.click()
    expect(label).to_have_attribute("aria-pressed", "false")
    assert site.session.controls.settings.target is None


def test_the_longest_name_is_read_to_its_end_and_moves_nothing(shown):
    site, page = shown()
    label, question = page.locator('[data-live="label-0"]'), page.locator(".live-question")
    expect(label).to_have_text("lion")
    before = question.bounding_box()
    site.session.controls.change(target=max(range(1000), key=lambda index: len(imagenet_labels()[index])))
    expect(label).not_to_have_text("lion")
    assert question.bounding_box()["y"] == before["y"]
    assert label.evaluate(
        "(label) => label.scrollWidth <= label.clientWidth && label.scrollHeight <= label.clientHeight"
    )


def test_percentages_that_change_all_the_time_are_not_read_aloud(shown):
    _, page = shown()
    loud = '[aria-live]:not([aria-live="off"]), [role="status"], [role="alert"], [role="log"]'
    for name in ("percent-0", "label-0", "bar-0", "fps", "age", "strength-word", "caption", "faithfulness"):
        assert page.locator(f'[data-live="{name}"]').evaluate("(part, loud) => part.closest(loud) === null", loud), name


def test_bars_do_not_glide_since_the_browser_would_lay_the_page_out_sixty_times_a_second(shown):
    _, page = shown()
    for bar in page.locator(".live-bar, .live-meter > span").all():
        assert bar.evaluate("(bar) => getComputedStyle(bar).transitionDuration") == "0s"


def test_a_frozen_picture_says_so_and_goes_on_being_asked(shown, eventually):
    _, page = shown()
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator('[data-live="frozen"]')).to_be_visible()
    canvas = page.locator(".live-stage canvas")

    def stands_still() -> bool:
        before = canvas.screenshot()
        page.wait_for_timeout(300)
        return canvas.screenshot() == before

    eventually(stands_still)
    page.locator('[data-live="label-1"]').click()
    expect(page.locator(CAPTION)).to_have_text("cheetah")
    page.get_by_role("button", name="Let it run").click()
    expect(page.locator('[data-live="frozen"]')).to_be_hidden()


STILL = {
    "frozen": lambda site, source: site.session.controls.change(frozen=True),
    "stopped": lambda site, source: site.session.controls.change(running=False),
    "the camera lost": lambda site, source: source.block(),
    "the server gone": lambda site, source: site.stop(),
}


@pytest.mark.parametrize("stand_still", STILL.values(), ids=STILL.keys())
def test_of_a_picture_that_stands_still_neither_rate_nor_age_is_told(
    serve_session, fake_source, fake_explainer, open_page, stand_still
):
    source = fake_source(size_px=(640, 480))
    site = serve_session(source, fake_explainer())
    page = open_page(site.url)
    figures, below = page.locator(".live-figures"), page.locator('[data-live="label-0"]')
    expect(figures).to_be_visible(timeout=20_000)
    place = below.bounding_box()
    stand_still(site, source)
    expect(figures).to_be_hidden(timeout=20_000)
    assert below.bounding_box() == place, "nothing moves"


def test_rate_and_age_are_told_again_when_the_camera_is_back(serve_session, fake_source, fake_explainer, open_page):
    source = fake_source(size_px=(640, 480))
    page = open_page(serve_session(source, fake_explainer()).url)
    source.block()
    expect(page.locator(".live-figures")).to_be_hidden(timeout=20_000)
    source.release()
    expect(page.locator(".live-figures")).to_be_visible(timeout=20_000)


def test_what_the_map_shows_is_told_while_either_of_two_pictures_has_evidence(
    serve_session, fake_source, fake_explainer, open_page
):
    explainer = fake_explainer()
    explain_each = explainer.explain_each

    def without_a_lion(*asked):
        return [
            [replace(one, strength=float(one.target_label != "lion")) for one in told] for told in explain_each(*asked)
        ]

    explainer.explain_each = without_a_lion
    site = serve_session(fake_source(size_px=(640, 480)), explainer)
    page = open_page(site.url)
    site.session.controls.change(question="beside")
    expect(page.locator(CAPTION)).to_have_text("lion: no evidence")
    expect(page.locator('[data-live="caption-right"]')).to_have_text("cheetah")
    expect(page.locator('[data-live="evidence"]')).to_contain_text("no evidence for lion")
    expect(page.locator('[data-live="meaning"]')).to_contain_text("for the class named above each picture")
    site.session.controls.change(question="why")
    expect(page.locator('[data-live="meaning"]')).to_have_text("")


def test_the_preparing_of_another_layer_is_said_while_it_lasts(serve_session, fake_source, fake_explainer, open_page):
    explainer = fake_explainer()
    explainer.prepare_s = 60.0
    site = serve_session(fake_source(), explainer)
    page = open_page(site.url)
    site.session.controls.change(layer="conv4_block6_out")
    expect(page.locator('[data-live="preparing"]')).to_contain_text("conv4_block6_out")
    explainer.end()
    expect(page.locator('[data-live="preparing"]')).to_be_hidden()
    expect(page.locator('[data-live="how"]')).to_have_text("Grad-CAM at conv4_block6_out")


def test_a_change_that_the_server_refuses_is_told(shown):
    site, page = shown()
    page.route(
        "**/settings*", lambda route: route.fulfill(status=400, content_type="text/plain", body="no such colour")
    )
    page.keyboard.press("c")
    expect(page.locator('[data-live="toast"]')).to_have_text("Not changed: no such colour")
    assert json.loads(httpx.get(f"{site.url}settings").text)["colormap"] == "viridis"
