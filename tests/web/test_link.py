"""A link that restores the settings: a real Chromium."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from live_cam.pipeline.controls import Settings

TIGER, LION = 292, 291
slow = pytest.mark.slow
desktop = pytest.mark.parametrize("size", [{"width": 1280, "height": 800}], ids=["desktop"])


def test_the_settings_of_the_start_are_told_beside_those_in_force(site):
    start = httpx.get(f"{site.url}settings").json()["start"]
    httpx.patch(f"{site.url}settings", json={"target": "tiger", "style": "contours"})
    told = httpx.get(f"{site.url}settings").json()
    assert told["start"] == start
    assert (start["target"], start["target_label"], start["style"]) == (None, None, "heatmap")


def ready(page):
    page.wait_for_function("document.querySelector('[data-live=link]')?.onclick != null")
    return page


def toast(page):
    return page.locator('[data-live="toast"]')


def copied(page):
    """Presses the key and gives what the clipboard then holds."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("k")
    expect(toast(page)).to_have_text("Link copied")
    return page.evaluate("navigator.clipboard.readText()")


def opened_by(link, site, open_page):
    """Opens a link as somebody does who was given it."""
    page = open_page(site.url)
    page.goto(link)
    page.wait_for_selector(".live-stage[data-seq]", timeout=20_000)
    return ready(page)


@slow
def test_a_link_names_what_differs_from_the_start_and_restores_it(site, open_page, eventually):
    page = open_page(site.url)
    assert copied(page) == site.url
    changes = {"question": "versus", "target": "lion", "other": "tiger", "style": "contours", "colormap": "magma"}
    httpx.patch(f"{site.url}settings", json={**changes, "opacity": 0.5, "frozen": True})
    page.evaluate("document.querySelector('[data-live=toast]').textContent = ''")
    link = copied(page)
    words = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert words == {**changes, "opacity": "0.5"}
    httpx.patch(f"{site.url}settings", json={"question": "why", "method": "layercam", "frozen": False})
    page = opened_by(link, site, open_page)
    wanted = Settings("versus", LION, TIGER, style="contours", opacity=0.5, colormap="magma")
    eventually(lambda: site.session.controls.settings == wanted)
    expect(page.locator('[data-live="target"]')).to_have_text("lion, not tiger")
    page.wait_for_function("location.search === ''")


@slow
def test_loading_the_page_again_undoes_nothing_that_was_changed_since(site, open_page, eventually):
    page = opened_by(f"{site.url}?style=spotlight", site, open_page)
    eventually(lambda: site.session.controls.settings.style == "spotlight")
    page.wait_for_function("location.search === ''")
    site.session.controls.change(style="contours")
    page.reload()
    page.wait_for_selector(".live-stage[data-seq]", timeout=20_000)
    ready(page)
    page.wait_for_timeout(500)
    assert site.session.controls.settings.style == "contours"


@slow
@desktop
def test_words_that_mean_nothing_are_told_and_the_others_hold(site, open_page, eventually):
    link = f"{site.url}?target=lyon&style=contours&opacity=much&layer=conv9&method=layercam"
    page = opened_by(link, site, open_page)
    expect(toast(page)).to_have_text("Not understood in this link: target=lyon, layer=conv9, opacity=much")
    assert site.session.controls.settings == Settings(style="contours", method="layercam")


@slow
@desktop
def test_words_of_others_in_the_address_are_left_alone(site, open_page, eventually):
    page = opened_by(f"{site.url}?__theme=dark&style=contours", site, open_page)
    eventually(lambda: site.session.controls.settings.style == "contours")
    page.wait_for_function("location.search === '?__theme=dark'")
    assert copied(page) == f"{site.url}?style=contours"
    expect(page.locator("body")).to_have_class("dark")


@slow
def test_a_page_that_may_not_copy_shows_the_link_selected(site, open_page):
    page = open_page(site.url)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    httpx.patch(f"{site.url}settings", json={"target": "great white shark"})
    page.keyboard.press("k")
    field = page.get_by_label("Link to these settings")
    expect(field).to_be_visible()
    expect(field).to_have_value(f"{site.url}?target=great+white+shark")
    expect(field).to_be_focused()
    assert page.evaluate("getSelection().toString()") == field.input_value()
    expect(toast(page)).to_contain_text("selected for you to copy")


@slow
def test_a_link_never_holds_the_token(serve_session, fake_source, fake_explainer, chromium):
    site = serve_session(fake_source(), fake_explainer(), token="secret-token")
    page = chromium.new_page()
    page.goto(f"{site.url}?token=secret-token")
    page.wait_for_selector(".live-stage[data-seq]", timeout=20_000)
    assert copied(ready(page)) == site.url
    page.context.close()


@slow
def test_a_link_holds_for_somebody_who_has_to_give_the_token_first(
    serve_session, fake_source, fake_explainer, chromium, eventually, size
):
    site = serve_session(fake_source(), fake_explainer(), token="secret-token")
    page = chromium.new_page(viewport=size)
    page.goto(f"{site.url}?question=versus&target=lion&other=tiger")
    field = page.get_by_label("Token")
    expect(page.get_by_role("alert")).to_have_count(0)
    for word in ("a-guess", "secret-token"):
        field.fill(word)
        page.get_by_role("button", name="Watch").click()
        if word == "a-guess":
            expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    page.wait_for_selector(".live-stage[data-seq]", timeout=20_000)
    eventually(lambda: site.session.controls.settings == Settings("versus", LION, TIGER), within_s=20)
    page.context.close()
