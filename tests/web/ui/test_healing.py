"""A page whose server goes away and comes back: it reports that and heals, without being reloaded."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.browser import part, unfold, wait_for_frame, wait_frames, wait_until

pytestmark = pytest.mark.slow


def test_a_page_outlives_its_server_and_its_controls_work_with_the_next_one(
    serve_session, fake_source, fake_explainer, open_page
):
    first = serve_session(fake_source(), fake_explainer())
    page = open_page(first.url)
    page.evaluate("globalThis.sameDocument = true")
    unfold(page)
    for key in "hhha":
        page.keyboard.press(key)
    expect(part(page, "caption")).to_have_text("against lion")
    expect(page.locator(".live-figures")).to_be_visible()
    page.wait_for_load_state("networkidle")  # all scripts are there
    first.stop()
    expect(part(page, "notice")).to_contain_text("No connection to live_cam")
    expect(page.locator(".live-figures")).to_be_hidden()
    page.get_by_text("Spotlight").click()
    page.get_by_role("button", name="Freeze").click()
    expect(part(page, "toast")).to_contain_text("no connection to live_cam")
    assert page.get_by_text("Connection to the server was lost").count() == 0
    second = serve_session(fake_source(), fake_explainer(), port=first.port)
    expect(part(page, "notice")).to_be_hidden()
    expect(part(page, "caption")).to_have_text("lion")
    expect(page.get_by_role("radio", name="Heat map")).to_be_checked()
    page.get_by_text("Contour lines").click()
    expect(part(page, "legend")).to_have_attribute("data-style", "contours")
    assert second.settings.style == "contours"
    assert page.evaluate("globalThis.sameDocument")


def test_a_page_polls_where_sockets_fail_and_is_back_on_its_socket_once_they_pass(
    serve_session, fake_source, fake_explainer, clock_tabs, requests_of
):
    first = serve_session(fake_source(), fake_explainer())
    page = clock_tabs.open(first.url)
    wait_for_frame(page)
    polls = requests_of(page, "frame.jpg")
    page.wait_for_load_state("networkidle")  # all scripts are there
    first.stop()
    expect(part(page, "notice")).to_contain_text("No connection to live_cam")
    serve_session(fake_source(), fake_explainer(), port=first.port)
    expect(part(page, "notice")).to_be_hidden()
    # It polls for a minute where sockets have failed, before it tries another.

    def is_back() -> bool:
        page.clock.fast_forward(61_000)
        polls.clear()
        wait_frames(page, 5)
        return not polls

    wait_until(page, is_back)


def test_a_page_whose_token_has_changed_says_so_and_heals_once_it_is_opened_with_the_new_one(
    serve_session, fake_source, fake_explainer, tabs
):
    first = serve_session(fake_source(), fake_explainer(), token="first-token")
    page = tabs.open(f"{first.url}?token=first-token")
    wait_for_frame(page)
    page.wait_for_load_state("networkidle")  # all scripts are there
    first.stop()
    second = serve_session(fake_source(), fake_explainer(), token="second-token", port=first.port)
    notice = part(page, "notice")
    expect(notice).to_have_text("No video: load this page again, with its token")
    tabs.open(f"{second.url}?token=second-token")
    expect(notice).to_be_hidden()


def test_a_page_polls_where_sockets_are_blocked(site, tabs, requests_of):
    page = tabs.open(site.url, sockets_pass=False)
    polls = requests_of(page, "frame.jpg")
    wait_for_frame(page)
    wait_until(page, lambda: len(polls) >= 10)


def test_a_view_that_is_removed_from_the_page_closes_its_socket(site, open_page, eventually):
    page = open_page(site.url)
    eventually(lambda: site.http.get("stats").json()["viewers"] == 1)
    page.evaluate("document.querySelector('.live-stage').remove()")
    eventually(lambda: site.http.get("stats").json()["viewers"] == 0)


def test_the_page_works_behind_a_proxy_that_serves_it_under_a_prefix(
    serve_session, fake_source, fake_explainer, open_page, monkeypatch, eventually
):
    def proxy(app):
        async def strip_prefix(scope, receive, send):
            if scope["type"] != "lifespan":
                if not scope["path"].startswith("/cam/"):
                    await send({"type": "http.response.start", "status": 404, "headers": []})
                    await send({"type": "http.response.body"})
                    return
                path = scope["path"].removeprefix("/cam")
                scope = {**scope, "path": path, "raw_path": path.encode()}
            await app(scope, receive, send)

        return strip_prefix

    monkeypatch.setenv("GRADIO_ROOT_PATH", "/cam")
    site = serve_session(fake_source(), fake_explainer(), wrap=proxy)
    page = open_page(f"{site.url}cam/")
    unfold(page)
    page.locator("#live-opacity input[type=number]").fill("0.2")
    page.locator("#live-opacity input[type=number]").press("Enter")
    eventually(lambda: site.settings.opacity == 0.2)
