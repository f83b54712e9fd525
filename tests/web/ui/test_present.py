"""Presenting: picture, name and one sentence, as large as the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from live_cam.models.labels import imagenet_labels
from tests.web.browser import PHONE, part, wait_frames, wait_until

pytestmark = pytest.mark.slow

# As on phones, whose browsers let no page fill the screen.
REFUSE = "() => { Element.prototype.requestFullscreen = () => Promise.reject(new TypeError('refused')); }"
# What is visible beside the presented stage.
BESIDE = """() => [...document.querySelectorAll("button, input, select, h1")]
  .filter((each) => !each.closest("[data-presented]") && each.checkVisibility({ visibilityProperty: true }))
  .map((each) => each.outerHTML)"""


def expect_presented(page: Page, name: str) -> None:
    """Fails unless one stage fills the window, with the whole name, as large as a twelfth of its height."""
    stage, big = page.locator("[data-presented]"), page.locator("[data-presented] .live-big")
    expect(stage).to_have_count(1)
    expect(part(stage, "big-name")).to_have_text(name)
    box, window = stage.bounding_box(), page.viewport_size
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, window["width"], window["height"])
    expect(part(stage, "big-percent")).to_have_text("90 %")
    for place in ("big-name", "big-percent"):
        expect(part(stage, place)).to_have_css("color", "rgb(255, 255, 255)")
    expect(part(stage, "big-sentence")).to_contain_text("the map is", ignore_case=True)
    assert big.evaluate("(name) => name.scrollWidth <= name.clientWidth")
    band = stage.locator(".live-band").bounding_box()
    assert band["y"] + band["height"] <= window["height"] + 1
    assert stage.locator("canvas").bounding_box()["height"] > window["height"] / 3
    if window["width"] > window["height"]:
        size_px = float(big.evaluate("(name) => parseFloat(getComputedStyle(name).fontSize)"))
        assert size_px >= window["height"] / 12
    assert page.evaluate(BESIDE) == []


def test_key_and_button_present_full_screen_and_escape_or_the_button_leaves(site, open_page):
    page = open_page(site.url)
    button = page.get_by_role("button", name="Present", exact=True)
    button.click()
    page.wait_for_function("document.fullscreenElement !== null")
    expect_presented(page, "lion")
    expect(part(page, "leave")).to_be_focused()
    page.keyboard.press("f")
    expect(part(page, "frozen")).to_be_visible()
    wait_until(page, lambda: site.settings.frozen)  # the page shows it before the program knows
    page.evaluate("document.exitFullscreen()")  # what the browser does with Escape
    expect(page.locator("[data-presented]")).to_have_count(0)
    assert page.evaluate("document.activeElement.dataset.live") == "present"

    page.evaluate(REFUSE)
    site.session.settings.change(frozen=False)
    for way in (lambda: page.keyboard.press("Escape"), lambda: page.keyboard.press("g"), part(page, "leave").click):
        page.keyboard.press("g")
        expect_presented(page, "lion")
        way()
        expect(page.locator("[data-presented]")).to_have_count(0)
    page.keyboard.press("g")
    longest = max(range(1000), key=lambda index: len(imagenet_labels()[index]))
    site.session.settings.change(target=longest)
    expect_presented(page, imagenet_labels()[longest])
    page.set_viewport_size(PHONE)
    expect_presented(page, imagenet_labels()[longest])
    wait_frames(page)


def test_of_several_sources_the_one_in_use_is_presented(two_cameras, open_page):
    page = open_page(two_cameras.url)
    page.evaluate(REFUSE)
    page.locator(".live-tile").nth(1).hover()
    page.keyboard.press("g")
    expect_presented(page, "lion")
    assert page.locator("[data-presented]").get_attribute("data-feed") == "1"
    part(page.locator("[data-presented]"), "leave").click()
    part(page, "present").click()
    assert page.locator("[data-presented]").get_attribute("data-feed") == "0"
