"""The maps of the three top classes at once, as thumbnails."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser import DESKTOP, PHONE, part, wait_frames, wait_until

pytestmark = pytest.mark.slow

CHEETAH, LION = 293, 291

# How far each thumbnail is from grey at the top left, where the map's peak is, and at the bottom right.
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


def maps(page: Page):
    return page.locator(".live-maps button")


@pytest.fixture
def page(site, open_page) -> Page:
    """A page with the thumbnails open."""
    page = open_page(site.url)
    page.get_by_role("button", name="Top 3").click()
    expect(maps(page).nth(2)).to_be_visible()
    return page


def test_three_thumbnails_show_the_maps_of_the_top_classes(page):
    expect(maps(page)).to_have_text(["lion 90 %", "cheetah 5 %", "tiger cat 1 %"])
    for peak, far in page.evaluate(COLOURED):
        assert peak > 20
        assert far < 5
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        boxes = [maps(page).nth(rank).bounding_box() for rank in range(3)]
        widths = [box["width"] for box in boxes]
        assert min(widths) > 80
        assert max(widths) - min(widths) < 2
        assert len({box["height"] for box in boxes}) == 1


def test_a_click_on_a_thumbnail_explains_its_class(site, page, eventually):
    maps(page).nth(1).click()
    expect(part(page, "target")).to_have_text("cheetah")
    assert site.settings.target == CHEETAH
    expect(maps(page)).to_have_text(["cheetah 90 %", "lion 5 %", "tiger cat 1 %"])
    maps(page).nth(1).press("Enter")
    eventually(lambda: site.settings.target == LION)


def test_maps_are_requested_only_while_they_are_open_and_at_most_three_times_a_second(site, clock_tabs, requests_of):
    page = clock_tabs.open(site.url)
    urls = requests_of(page, "top.jpg")
    button = page.get_by_role("button", name="Top 3")
    expect(button).to_have_attribute("aria-expanded", "false")
    wait_frames(page, 10)
    assert urls == []
    page.clock.pause_at(page.evaluate("Date.now()") + 60_000)
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    wait_until(page, lambda: urls)
    expect(maps(page).first).to_be_visible()
    page.clock.run_for(320)
    assert len(urls) == 1
    page.clock.run_for(20)
    wait_until(page, lambda: len(urls) == 2)
    expect(maps(page).first).to_have_text("lion 90 %")
    button.click()
    expect(maps(page).first).to_be_hidden()
    page.clock.run_for(5000)
    assert len(urls) == 2


def test_maps_recover_from_a_failed_request(site, page):
    with page.expect_event("requestfailed", lambda request: "top.jpg" in request.url):
        page.route("**/top.jpg*", lambda route: route.abort())
    page.unroute("**/top.jpg*")
    site.explainer.evidence = 0.0
    expect(maps(page).first).to_have_text("lion 90 %, no evidence")


def test_a_class_without_evidence_is_marked(site, page):
    site.explainer.evidence = 0.0
    expect(maps(page)).to_have_text([f"{text}, no evidence" for text in ("lion 90 %", "cheetah 5 %", "tiger cat 1 %")])
    assert all(peak < 5 for peak, _ in page.evaluate(COLOURED))


def test_the_thumbnails_have_the_chosen_style(site, page):
    site.session.settings.change(opacity=0.0)
    page.wait_for_function(f"({COLOURED})().every(([peak]) => peak < 5)")
