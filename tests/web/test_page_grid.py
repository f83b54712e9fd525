"""Several sources on one page: each picture has its own words, and all share the controls."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


@pytest.fixture
def grid(serve_session, fake_source, fake_explainer, open_page):
    sources = [fake_source(name=name, size_px=(640, 480)) for name in ("Door", "Garden")]
    site = serve_session(sources, fake_explainer())
    page = open_page(site.url)
    page.wait_for_function("document.querySelectorAll('.live-stage[data-seq]').length === 2")
    return site, page


def test_each_tile_has_its_own_words_and_says_by_itself_what_is_wrong_with_it(
    serve_session, fake_source, fake_explainer, open_page
):
    door, garden = fake_source(name="Door"), fake_source(name="Garden")
    page = open_page(serve_session([door, garden], fake_explainer()).url)
    tiles = [page.get_by_role("region", name=name, exact=True) for name in ("Door", "Garden")]
    for tile in tiles:
        expect(tile.locator('[data-live="label-0"]')).to_have_text("lion")
        expect(tile.locator('[data-live="caption"]')).to_have_text("lion")
        expect(tile.locator('[data-live="strength-word"]')).to_have_text("strong")
    garden.block()
    expect(tiles[1].locator('[data-live="notice"]')).to_be_visible()
    expect(tiles[0].locator('[data-live="notice"]')).to_be_hidden()


def test_a_class_locked_in_one_tile_is_explained_in_all(grid):
    site, page = grid
    tiles = page.locator(".live-tile")
    tiles.nth(1).locator('[data-live="label-2"]').click()
    for number in (0, 1):
        tile = tiles.nth(number)
        expect(tile.locator('[data-live="caption"]')).to_have_text("tiger cat")
        expect(tile.get_by_role("button", name="unlock")).to_be_visible()
    assert site.session.controls.settings.target == 282


def test_all_tiles_and_their_words_fit_the_width(grid, size):
    _, page = grid
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for part in page.locator(".live-tile :is(.live-stage, .live-words)").all():
        box = part.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
