"""What the page requests: nothing that the server refuses, which `tabs` sees to in all tests, and no script twice."""

from __future__ import annotations

import time

import pytest

from tests.web.browser import part, unfold, wait_until, wait_until_mounted
from tests.web.sites import TOKEN

pytestmark = pytest.mark.slow


def test_a_page_behind_a_token_requests_nothing_that_is_refused(guarded, tabs):
    page = tabs.open("about:blank")
    statuses = []
    page.on("response", lambda response: statuses.append((response.status, response.url)))
    tabs.go(page, f"{guarded.url}?token={TOKEN}")
    wait_until_mounted(page)
    part(page, "label-1").click()
    part(page, "snapshot").click()
    part(page, "three-maps").click()
    page.locator(".live-view canvas").hover()
    unfold(page)
    page.locator("#live-opacity input[type=number]").fill("0.3")
    page.locator("#live-opacity input[type=number]").press("Enter")
    part(page, "record").click()
    for name in ("snapshot", "top.jpg", "occlusion", "settings", "recordings"):
        wait_until(page, lambda name=name: any(f"{guarded.url}{name}" in url for _, url in statuses))
    assert [each for each in statuses if each[0] >= 400] == []


def test_a_page_that_requests_what_is_refused_is_found_out(site, warm_tabs):
    page = warm_tabs.open(site.url)
    page.evaluate("async () => { await fetch('gradio_api/info'); await fetch('stats', { method: 'POST' }); }")
    url = f"{site.url}gradio_api/info"
    assert warm_tabs.close() == [url, f"404: GET {url}", f"405: POST {site.url}stats"]


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
