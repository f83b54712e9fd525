"""The page in front of strangers: a picture, words, and classes to touch."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

CAPTION = '[data-live="caption"]'


@pytest.fixture
def kiosk(serve_session, fake_source, fake_explainer, open_page):
    site = serve_session(fake_source(size_px=(640, 480)), fake_explainer(), kiosk=True)
    return site, open_page(site.url)


def test_strangers_find_nothing_to_turn_or_to_save_but_the_classes(kiosk):
    _, page = kiosk
    assert page.locator("input, select, textarea, a[href], details, summary").count() == 0
    names = [button.get_attribute("data-live") for button in page.locator("button").all()]
    assert names == ["label-0", "label-1", "label-2", "unlock"]
    expect(page.locator('[data-live="meaning"]')).to_contain_text("speak for lion")
    expect(page.locator('[data-live="legend"]')).to_be_visible()


def test_a_touch_on_a_class_explains_it_and_when_nobody_is_there_that_ends(kiosk, eventually):
    site, page = kiosk
    label = page.locator('[data-live="label-1"]')
    assert label.bounding_box()["height"] >= 44, "as large as a finger"
    label.click()
    expect(page.locator(CAPTION)).to_have_text("cheetah")
    page.locator(".live-kiosk").evaluate("(root) => (root.dataset.idleS = '1')")
    eventually(lambda: site.session.controls.settings.target is None)
    expect(page.locator('[data-live="unlock"]')).to_be_hidden()


def test_a_choice_made_on_one_page_is_not_undone_by_another_that_nobody_touches(kiosk, open_page):
    site, tablet = kiosk
    projector = open_page(site.url)
    for page in (tablet, projector):
        page.locator(".live-kiosk").evaluate("(root) => (root.dataset.idleS = '6')")
    projector.dispatch_event("body", "pointerdown")
    projector.wait_for_timeout(5000)
    tablet.locator('[data-live="label-1"]').click()
    expect(projector.locator(CAPTION)).to_have_text("cheetah")
    projector.wait_for_timeout(2000)
    assert site.session.controls.settings.target == 293


def test_keys_the_context_menu_and_the_selection_of_text_do_nothing(kiosk):
    site, page = kiosk
    for key in "wvabmlhcfs0123?rt ":
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert site.session.controls.revision == 0
    assert page.evaluate("document.querySelectorAll('dialog[open]').length") == 0
    stopped = "!document.body.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true }))"
    page.wait_for_function(stopped)
    page.locator('[data-live="meaning"]').dblclick()
    assert page.evaluate("getSelection().toString()") == ""


def test_a_touch_that_came_to_nothing_is_told(kiosk):
    _, page = kiosk
    page.route("**/settings*", lambda route: route.abort())
    page.locator('[data-live="label-1"]').click()
    toast = page.locator('[data-live="toast"]')
    expect(toast).to_have_text("Not changed: no connection to live_cam")
    expect(toast).to_be_visible()
