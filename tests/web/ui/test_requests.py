"""What the page requests in each mode: nothing that the server refuses, and nothing of Gradio's queue and files."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page

from tests.web.browser import part, unfold, wait_until, wait_until_mounted
from tests.web.sites import TOKEN

pytestmark = pytest.mark.slow


def use(page: Page, mode: str) -> None:
    """Does what leads to requests, as far as a mode offers it."""
    if mode == "visitors":
        part(page, "own-start").click()
    wait_until_mounted(page)
    part(page, "label-1").first.click()
    if mode == "kiosk":
        return
    part(page, "snapshot").first.click()
    page.locator(".live-top button").first.click()
    page.locator(".live-view canvas").first.hover()
    unfold(page)
    page.locator("#live-opacity input[type=number]").fill("0.3")
    page.locator("#live-opacity input[type=number]").press("Enter")
    if mode != "visitors":
        part(page, "record").click()


@pytest.mark.parametrize("mode", ["site", "two_cameras", "visitors", "kiosk", "guarded"])
def test_the_page_requests_nothing_that_is_refused(mode, request, tabs, requests_of):
    site = request.getfixturevalue(mode)
    page = tabs.open("about:blank", camera=mode == "visitors")
    requested = requests_of(page, "")
    tabs.go(page, f"{site.url}?token={TOKEN}" if mode == "guarded" else site.url)
    use(page, mode)
    wait_until(page, lambda: mode == "kiosk" or any("occlusion?" in url for url in requested))
    assert [url for url in requested if "gradio_api" in url] == []


def test_a_page_that_requests_what_is_refused_is_found_out(site, warm_tabs):
    page = warm_tabs.open(site.url)
    page.evaluate("async () => { await fetch('gradio_api/info'); await fetch('stats', { method: 'POST' }); }")
    assert warm_tabs.close() == [f"404: GET {site.url}gradio_api/info", f"405: POST {site.url}stats"]


def test_the_event_loop_does_not_poll_the_queue_that_the_page_does_not_use(site, monkeypatch, eventually):
    from gradio.queueing import Queue

    polls = []
    count = Queue.__len__
    monkeypatch.setattr(Queue, "__len__", lambda queue: polls.append(queue) or count(queue))
    frames, start_s = site.session.metrics.read().explained, time.monotonic()
    eventually(lambda: site.session.metrics.read().explained > frames + 5)
    assert len(polls) <= 2 * (time.monotonic() - start_s) + 2


def test_a_page_that_was_loaded_before_transfers_no_script_again(site, open_page):
    page = open_page(site.url)
    page.goto(site.url)
    transfers = wait_until_mounted(page).evaluate(
        "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js'))"
        ".map(({ name, transferSize }) => [name, transferSize])"
    )
    assert len(transfers) > 20
    assert [name for name, num_bytes in transfers if num_bytes] == []
