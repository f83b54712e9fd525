"""Several sources on one page: each tile has its own text, and all share the controls."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser import both_sizes, part, wait_until_mounted

pytestmark = pytest.mark.slow


@pytest.fixture
def page(two_cameras, open_page) -> Page:
    page = open_page(two_cameras.url)
    page.wait_for_function("document.querySelectorAll('.live-stage[data-seq]').length === 2")
    return wait_until_mounted(page)


def test_each_tile_has_its_own_text_and_reports_its_own_failure(two_cameras, page):
    front, back = (page.get_by_role("region", name=name, exact=True) for name in ("Front door", "Back door"))
    for tile in (front, back):
        expect(part(tile, "label-0")).to_have_text("lion")
        expect(part(tile, "caption")).to_have_text("lion")
        expect(part(tile, "verdict")).to_contain_text("the map is right is not known")
    two_cameras.sources[1].block()
    expect(part(back, "notice")).to_be_visible()
    expect(part(front, "notice")).to_be_hidden()


def test_a_class_locked_in_one_tile_is_explained_in_all(two_cameras, page):
    tiles = page.locator(".live-tile")
    part(tiles.nth(1), "label-2").click()
    for number in (0, 1):
        expect(part(tiles.nth(number), "caption")).to_have_text("tiger cat")
        expect(tiles.nth(number).get_by_role("button", name="unlock")).to_be_visible()
    assert two_cameras.settings.target == 282


@both_sizes
def test_all_tiles_and_their_text_fit_the_width(page, size):
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for each in page.locator(".live-tile :is(.live-stage, .live-class-list)").all():
        box = each.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]


def test_each_tile_has_its_own_occluded_patch_and_probabilities(page):
    front, back = (page.locator(".live-tile").nth(number) for number in (0, 1))
    with page.expect_request("**/occlusion?*feed=1*"):
        back.locator(".live-view canvas").hover()
    expect(part(back, "occluded-0")).to_have_text("→ 100 %")
    expect(part(front, "occluded-0")).to_have_text("")


def test_each_tile_has_its_own_three_maps(page):
    front, back = (page.locator(".live-tile").nth(number) for number in (0, 1))
    with page.expect_request("**/top.jpg?feed=1"):
        back.get_by_role("button", name="Top 3").click()
    expect(back.locator(".live-maps button").first).to_have_text("lion 90 %")
    expect(front.locator(".live-maps")).to_be_hidden()


def test_the_key_saves_a_snapshot_of_the_tile_under_the_pointer(page):
    tiles = page.locator(".live-tile")
    for act, feed in (
        (lambda: page.keyboard.press("s"), 0),
        (lambda: tiles.nth(1).get_by_role("button", name="Snapshot").click(), 1),
        (lambda: tiles.nth(1).hover() or page.locator("body").press("s"), 1),
    ):
        with page.expect_request("**/snapshot?*") as request, page.expect_download() as downloading:
            act()
        assert request.value.url.endswith(f"feed={feed}")
        status = part(tiles.nth(feed), "snapshot-status")
        expect(status).to_contain_text(f"Saved {downloading.value.suggested_filename}")
