"""A page whose server goes away and comes back: it says so and heals, without being loaded again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

NOTICE = '[data-live="notice"]'


def test_a_page_outlives_its_server_and_its_controls_work_with_the_next_one(
    serve_session, fake_source, fake_explainer, open_page, unfold
):
    first = serve_session(fake_source(), fake_explainer())
    page = open_page(first.url)
    page.evaluate("globalThis.sameDocument = true")
    unfold(page, "look")
    for _ in range(3):
        page.keyboard.press("h")
    page.keyboard.press("a")
    expect(page.locator('[data-live="caption"]')).to_have_text("against lion")
    first.stop()
    expect(page.locator(NOTICE)).to_contain_text("No connection to live_cam", timeout=10_000)
    page.get_by_text("Spotlight").click()
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator('[data-live="toast"]')).to_contain_text("no connection to live_cam")
    assert page.get_by_text("Connection to the server was lost").count() == 0
    second = serve_session(fake_source(), fake_explainer(), port=first.port)
    expect(page.locator(NOTICE)).to_be_hidden(timeout=15_000)
    expect(page.locator('[data-live="caption"]')).to_have_text("lion")
    expect(page.get_by_role("radio", name="Heat map")).to_be_checked()
    page.get_by_text("Contour lines").click()
    expect(page.locator('[data-live="legend"]')).to_have_attribute("data-style", "contours")
    assert second.session.controls.settings.style == "contours"
    assert page.evaluate("globalThis.sameDocument")
