"""A page that stays open for the next test: it comes back to its initial state, or is loaded anew."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.browser import DESKTOP, PHONE, choose_everything, part, pick, unfold, wait_frames
from tests.web.initial_state import describe, restore

pytestmark = pytest.mark.slow

# Each is beyond what is undone, and taken back by the second.
LASTING = [
    ("Object.defineProperty(navigator, 'clipboard', { configurable: true })", "delete navigator.clipboard"),
    ("document.body.dataset.own = 1", "delete document.body.dataset.own"),
    ("document.querySelector('.live-stage').remove()", ""),
]


def test_what_a_person_has_done_is_undone(site, shared_sites, open_page, tabs):
    page = open_page(site.url)
    page.evaluate("globalThis.mark = document.body.mark = 1")
    unfold(page)
    pick(page, "live-target", "teapot")
    with page.expect_download():
        choose_everything(page)
    for key in "vhctpo":  # some of which give a notice, for six seconds
        page.locator("body").press(key)
    page.keyboard.press("?")
    expect(part(page, "toast")).not_to_be_empty()
    expect(page.locator(".live-maps button").first).to_be_enabled()
    page.set_viewport_size(PHONE)
    page.evaluate("scrollTo(0, 500)")
    assert tabs.close(keeps_one=True) == []

    shared_sites.get("camera")
    again = tabs.resume(site.url, DESKTOP)
    assert again is page
    assert page.evaluate("[document.body.mark, globalThis.mark, scrollY, localStorage.length]") == [1, None, 0, 0]
    for name in ("toast", "snapshot-status"):
        expect(part(page, name)).to_be_empty()
    expect(page.locator("dialog[open], .live-strip li, .dark, .label-wrap.open")).to_have_count(0)
    expect(part(page, "three-maps")).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("button", name="Hide an area")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#live-target input")).to_have_value("the top class")


def test_a_page_that_stays_changed_is_not_used_again(site, open_page):
    page = open_page(site.url)
    wait_frames(page)
    initial = describe(page)
    for change, take_back in LASTING:
        assert restore(page, initial)
        page.evaluate(change)
        assert not restore(page, initial), change
        page.evaluate(take_back)
