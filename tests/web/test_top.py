"""The maps of the three likeliest classes at once, as small pictures: a real Chromium."""

from __future__ import annotations

import time

import httpx
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

CHEETAH, LION = 293, 291

# How far each small picture is from grey at the top left, where the map's peak is, and at the bottom right.
COLOURED = """() => [...document.querySelectorAll(".live-maps canvas")].map((canvas) => {
  const context = canvas.getContext("2d");
  const [width, height] = [Math.floor(canvas.width / 7), Math.floor(canvas.height / 7)];
  return [1, 5].map((cell) => {
    const { data } = context.getImageData(cell * width, cell * height, width, height);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += Math.abs(data[i + 1] - data[i]);
    return sum / (data.length / 4);
  });
})"""


def maps(page):
    return page.locator(".live-maps button")


def opened(page):
    page.get_by_role("button", name="Three maps").click()
    expect(maps(page).nth(2)).to_be_visible()
    return page


def test_three_small_pictures_show_where_each_of_the_likeliest_classes_is_seen(site, open_page):
    page = opened(open_page(site.url))
    expect(maps(page)).to_have_text(["lion 90 %", "cheetah 5 %", "tiger cat 1 %"])
    for peak, far in page.evaluate(COLOURED):
        assert peak > 20
        assert far < 5
    widths = [maps(page).nth(rank).bounding_box()["width"] for rank in range(3)]
    assert min(widths) > 80
    assert max(widths) - min(widths) < 2


def test_a_click_on_a_small_picture_explains_its_class(site, open_page, eventually):
    page = opened(open_page(site.url))
    maps(page).nth(1).click()
    expect(page.locator('[data-live="target"]')).to_have_text("cheetah")
    assert site.session.controls.settings.target == CHEETAH
    expect(maps(page)).to_have_text(["cheetah 90 %", "lion 5 %", "tiger cat 1 %"])
    maps(page).nth(1).press("Enter")
    eventually(lambda: site.session.controls.settings.target == LION)


def test_nothing_is_asked_until_it_is_opened_nor_once_it_is_closed(site, open_page, eventually):
    page = open_page(site.url)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "top.jpg" in request.url else None)
    button = page.get_by_role("button", name="Three maps")
    expect(button).to_have_attribute("aria-expanded", "false")
    page.wait_for_timeout(500)
    assert asked == []
    begin_s = time.monotonic()
    page.keyboard.press("p")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(maps(page).first).to_be_visible()
    page.wait_for_timeout(1500)
    eventually(lambda: page.wait_for_timeout(50) or len(asked) >= 2)
    assert len(asked) <= (time.monotonic() - begin_s) / 0.33 + 2
    page.keyboard.press("p")
    expect(maps(page).first).to_be_hidden()
    page.wait_for_timeout(300)
    asked.clear()
    page.wait_for_timeout(700)
    assert asked == []


def test_they_heal_by_themselves_after_a_failure(site, open_page):
    page = opened(open_page(site.url))
    page.route("**/top.jpg*", lambda route: route.abort())
    page.wait_for_timeout(500)
    page.unroute("**/top.jpg*")
    site.session.explainer.strength = 0.0
    expect(maps(page).first).to_have_text("lion 90 %, no evidence", timeout=10_000)


def test_a_class_without_evidence_is_said_to_have_none(serve_session, fake_source, fake_explainer, open_page):
    page = opened(open_page(serve_session(fake_source(), fake_explainer(strength=0.0)).url))
    expect(maps(page)).to_have_text(
        [f"{words}, no evidence" for words in ("lion 90 %", "cheetah 5 %", "tiger cat 1 %")]
    )
    assert all(peak < 5 for peak, _ in page.evaluate(COLOURED))


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}], ids=["desktop"])
def test_in_a_grid_each_picture_has_its_own_small_ones(serve_session, fake_source, fake_explainer, open_page):
    sources = [fake_source(name="Front door"), fake_source(name="Back door")]
    page = open_page(serve_session(sources, fake_explainer()).url)
    back = page.locator(".live-tile").nth(1)
    with page.expect_request("**/top.jpg?feed=1"):
        back.get_by_role("button", name="Three maps").click()
    expect(back.locator(".live-maps button").first).to_have_text("lion 90 %")
    expect(page.locator(".live-tile").nth(0).locator(".live-maps")).to_be_hidden()


def test_what_is_asked_for_is_that_of_the_colours_chosen(site, open_page):
    page = opened(open_page(site.url))
    httpx.patch(f"{site.url}settings", json={"opacity": 0.0})
    page.wait_for_function(f"({COLOURED})().every(([peak]) => peak < 5)")
