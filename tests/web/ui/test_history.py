"""The strip of the last snapshots."""

from __future__ import annotations

import json
import re
import zipfile
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser import choose_everything, part, wait_until_mounted

pytestmark = pytest.mark.slow

# How far the middle of the map's peak, and that of the far corner, are from grey.
COLOURED = """(canvas) => {
  const context = canvas.getContext("2d");
  return [1.5, 5.5].map((cell) => {
    const [x, y] = [(cell * canvas.width) / 7, (cell * canvas.height) / 7].map(Math.floor);
    const [red, green] = context.getImageData(x, y, 1, 1).data;
    return Math.abs(green - red);
  });
}"""


@pytest.fixture
def page(site, open_page) -> Page:
    return open_page(site.url)


def take(page: Page) -> tuple[str, bytes]:
    """Takes a snapshot, and returns the name of its file and its content."""
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Snapshot", exact=True).click()
    name = downloading.value.suggested_filename
    expect(part(page, "snapshot-status").first).to_contain_text(f"Saved {name}")
    return name, downloading.value.path().read_bytes()


def take_everything(page: Page) -> dict[str, Any]:
    """Takes a snapshot with all that belongs to it, and returns its description."""
    with page.expect_download() as downloading:
        choose_everything(page)
    with zipfile.ZipFile(downloading.value.path()) as archive:
        return json.loads(archive.read(archive.namelist()[2]))


def entries(page: Page):
    return page.locator(".live-strip li button")


def test_a_snapshot_stands_in_the_strip_with_its_overlay_its_class_and_its_time(page):
    assert page.locator(".live-strip").evaluate("(strip) => strip.offsetHeight") == 0
    snapshot = take_everything(page)
    assert snapshot["top"][0]["label"] == "lion"
    expect(entries(page)).to_have_count(1)
    expect(page.get_by_role("list", name="The last snapshots")).to_be_visible()
    expect(entries(page).locator("span")).to_have_text("lion 90 %")
    expect(entries(page).locator("time")).to_have_attribute("datetime", snapshot["time"])
    seconds = snapshot["time"][17:19]
    expect(entries(page).locator("time")).to_have_text(re.compile(rf"^\d+:\d\d:{seconds}"))
    expect(entries(page)).to_have_accessible_name(re.compile(rf"^Save again: lion 90 %, \d+:\d\d:{seconds}"))
    peak, far = entries(page).locator("canvas").evaluate(COLOURED)
    assert peak > 20
    assert far < 5


def test_a_click_saves_that_snapshot_again(site, page):
    taken = [take(page) for _ in range(2)]
    site.session.settings.change(running=False)
    for rank, (name, data) in enumerate(reversed(taken)):
        with page.expect_download() as downloading:
            entries(page).nth(rank).click()
        assert downloading.value.suggested_filename == name
        assert downloading.value.path().read_bytes() == data
    entries(page).last.focus()
    with page.expect_download() as downloading:
        page.keyboard.press("Enter")
    assert downloading.value.suggested_filename == taken[0][0]


def test_the_newest_eight_are_kept_newest_first(page):
    times = [take_everything(page)["time"] for _ in range(9)]
    expect(entries(page)).to_have_count(8)
    shown = page.locator(".live-strip time").evaluate_all("(times) => times.map((time) => time.dateTime)")
    assert shown == times[:0:-1]


def test_a_snapshot_of_two_overlays_side_by_side_stands_in_the_strip_too(site, page):
    site.session.settings.change(mode="side_by_side")
    expect(part(page, "caption-right")).to_be_visible()
    take(page)
    expect(entries(page)).to_have_count(1)
    assert entries(page).locator("canvas").evaluate("(canvas) => canvas.width / canvas.height") > 2


def test_the_object_url_of_a_saved_file_is_revoked(site, clock_tabs):
    page = wait_until_mounted(clock_tabs.open(site.url))
    page.evaluate("""() => {
      globalThis.kept = 0;
      const [make, drop] = [URL.createObjectURL, URL.revokeObjectURL];
      URL.createObjectURL = (file) => (globalThis.kept += 1, make.call(URL, file));
      URL.revokeObjectURL = (address) => (globalThis.kept -= 1, drop.call(URL, address));
    }""")
    take(page)
    assert page.evaluate("globalThis.kept") == 1
    page.clock.run_for(16_000)
    assert page.evaluate("globalThis.kept") == 0
