"""The page in kiosk mode: a view, text, and classes to touch."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from live_cam.explain.explainer import Explainer
from tests.teach.camera import ColourCamera
from tests.teach.colours import PURPLE, TEAL
from tests.web.browser import DESKTOP, PHONE, both_sizes, part, wait_frames
from tests.web.ui.test_accessibility import violations

pytestmark = pytest.mark.slow


@pytest.fixture
def page(kiosk, open_page) -> Page:
    return open_page(kiosk.url)


@both_sizes
def test_there_is_nothing_to_change_or_to_save_but_the_classes(page):
    assert page.locator("input, select, textarea, a[href], details, summary").count() == 0
    names = [button.get_attribute("data-live") for button in page.locator("button").all()]
    assert names == ["label-0", "label-1", "label-2", "unlock"]
    expect(part(page, "meaning")).to_contain_text("speak for lion")
    expect(part(page, "legend")).to_be_visible()
    prompt = page.get_by_text("Touch a name")
    expect(prompt).to_be_visible()
    assert prompt.bounding_box()["y"] < part(page, "label-0").bounding_box()["y"]
    expect(page.get_by_text(re.compile(r"fps|latency|Grad-CAM|conv5|percentage points|resnet50"))).to_have_count(0)
    assert part(page, "label-1").bounding_box()["height"] >= 44, "as large as a finger"


def test_visitors_who_are_recorded_are_told(serve_session, fake_source, fake_explainer, open_page):
    page = open_page(serve_session(fake_source(), fake_explainer(), kiosk=True, is_recorded=True).url)
    notice = page.get_by_text("This camera is recorded: the video, with everyone in it, is saved or broadcast.")
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        expect(notice).to_be_visible()
        box = notice.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
        assert notice.evaluate("(notice) => notice.scrollWidth <= notice.clientWidth"), "all of it can be read"


def test_nobody_is_told_of_a_recording_that_there_is_not(page):
    expect(page.locator(".live-recorded")).to_have_count(0)


def test_a_touched_class_is_explained_until_nobody_is_there(kiosk, page, eventually):
    part(page, "label-1").click()
    expect(part(page, "caption")).to_have_text("cheetah")
    page.locator(".live-kiosk").evaluate("(root) => (root.dataset.idleS = '0.5')")
    eventually(lambda: kiosk.settings.target is None)
    expect(part(page, "unlock")).to_be_hidden()


def test_a_class_chosen_on_one_page_is_kept_by_another_that_nobody_touches(kiosk, clock_tabs):
    tablet, projector = (clock_tabs.open(kiosk.url) for _ in range(2))
    for page in (tablet, projector):
        expect(part(page, "label-0")).to_have_text("lion")
        page.dispatch_event("body", "pointerdown")
    projector.clock.fast_forward(50_000)  # of the whole context, and so of the tablet too
    part(tablet, "label-1").click()
    expect(part(projector, "caption")).to_have_text("cheetah")
    projector.clock.fast_forward(20_000)
    wait_frames(projector, 5)
    assert kiosk.settings.target == 293


def test_keys_context_menu_and_text_selection_do_nothing(kiosk, page):
    revision = kiosk.session.settings.revision
    for key in "wvabmlhcfs0123?rtg ":
        page.keyboard.press(key)
    wait_frames(page, 10)
    assert kiosk.session.settings.revision == revision
    assert page.evaluate("document.querySelectorAll('dialog[open], [data-presented]').length") == 0
    page.wait_for_function(
        "!document.body.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true }))"
    )
    part(page, "meaning").dblclick()
    assert page.evaluate("getSelection().toString()") == ""


def test_a_touch_that_fails_is_reported(page):
    page.route("**/settings*", lambda route: route.abort())
    part(page, "label-1").click()
    toast = part(page, "toast")
    expect(toast).to_have_text("Not changed: no connection to live_cam")
    expect(toast).to_be_visible()


def test_two_things_are_taught_by_touch_and_forgotten_when_nobody_is_there(
    serve_session, colour_models, open_page, node_folder
):
    camera = ColourCamera(rate_fps=10.0)
    explainer = Explainer(colour_models[0], precision="float32", smooth=True)
    labels = ("first thing", "second thing")
    site = serve_session(camera, explainer, kiosk=True, taught_labels=labels)
    page = open_page(site.url)
    expect(page.locator(".live-hold")).to_have_count(2)
    expect(page.get_by_text("Hold a button while you show something")).to_be_visible()
    expect(page.get_by_text("Touch a name")).to_have_count(0)
    assert page.locator("input, select, textarea, a[href], details, summary").count() == 0
    names = {button.get_attribute("data-live") for button in page.locator("button:not(.live-hold)").all()}
    assert names == {"label-0", "label-1", "label-2", "unlock", "teach-reset"}
    for label, colour in zip(labels, (PURPLE, TEAL), strict=True):
        button = page.get_by_role("button", name=f"Hold to show {label}")
        assert button.bounding_box()["height"] >= 80
        camera.show(colour, (20, 20, 20))
        site.wait_until_live()
        button.hover()
        page.mouse.down()
        own = page.locator(".live-taught").nth(labels.index(label))
        expect(own).to_contain_text(re.compile(r"([3-9]|\d\d) pictures"))
        page.mouse.up()
        expect(own).to_contain_text("1 take")
    expect(part(page, "label-0")).to_have_text("second thing")
    expect(part(page, "teach-accuracy")).to_contain_text("Show each once more")
    assert not (found := violations(page, node_folder)), found
    page.locator(".live-kiosk").evaluate("(root) => (root.dataset.idleS = '0.5')")
    expect(page.get_by_text("0 pictures, 0 takes")).to_have_count(2)
    expect(part(page, "label-2")).to_be_visible()
    assert site.session.teaching.size_bytes == 0
