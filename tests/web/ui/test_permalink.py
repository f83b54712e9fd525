"""Links that restore the settings."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from live_cam.pipeline.settings import Settings
from tests.web.browser import part, wait_frames, wait_until_mounted
from tests.web.sites import TOKEN

pytestmark = pytest.mark.slow

TIGER, LION = 292, 291


def copy_link(page: Page) -> str:
    """Presses the key, and returns what the clipboard then holds."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("document.querySelector('[data-live=toast]').textContent = ''")
    page.keyboard.press("k")
    expect(part(page, "toast")).to_have_text("Link copied")
    return page.evaluate("navigator.clipboard.readText()")


def test_a_link_has_what_differs_from_the_start_and_restores_it(site, open_page, eventually):
    page = open_page(site.url)
    assert copy_link(page) == site.url
    changes = {"mode": "contrast", "target": "lion", "other": "tiger", "style": "contours", "colormap": "magma"}
    site.http.patch("settings", json={**changes, "opacity": 0.5, "frozen": True})
    expect(part(page, "frozen")).to_be_visible()
    link = copy_link(page)
    assert {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()} == {**changes, "opacity": "0.5"}
    site.http.patch("settings", json={"mode": "class", "method": "layercam", "frozen": False})
    page = open_page(link)
    expected = Settings("contrast", LION, TIGER, style="contours", opacity=0.5, colormap="magma")
    eventually(lambda: site.settings == expected)
    expect(part(page, "target")).to_have_text("lion, not tiger")
    page.wait_for_function("location.search === ''")


def test_reloading_the_page_undoes_no_later_change(site, open_page, eventually):
    page = open_page(f"{site.url}?style=spotlight")
    eventually(lambda: site.settings.style == "spotlight")
    page.wait_for_function("location.search === ''")
    site.session.settings.change(style="contours")
    page.reload()
    wait_frames(wait_until_mounted(page), 10)
    assert site.settings.style == "contours"


def test_invalid_values_are_reported_and_the_others_applied(site, open_page):
    page = open_page(f"{site.url}?target=lyon&style=contours&opacity=much&layer=conv9&method=layercam")
    expect(part(page, "toast")).to_have_text("Not understood in this link: target=lyon, layer=conv9, opacity=much")
    assert site.settings == Settings(style="contours", method="layercam")


def test_parameters_of_others_are_left_alone(site, open_page, eventually):
    page = open_page(f"{site.url}?__theme=dark&style=contours")
    eventually(lambda: site.settings.style == "contours")
    page.wait_for_function("location.search === '?__theme=dark'")
    assert copy_link(page) == f"{site.url}?style=contours"
    expect(page.locator("body")).to_have_class("dark")


def test_a_page_that_may_not_copy_shows_the_link_selected(site, open_page):
    page = open_page(site.url)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    site.http.patch("settings", json={"target": "great white shark"})
    page.keyboard.press("k")
    field = page.get_by_label("Link to these settings")
    expect(field).to_be_visible()
    expect(field).to_have_value(f"{site.url}?target=great+white+shark")
    expect(field).to_be_focused()
    assert page.evaluate("getSelection().toString()") == field.input_value()
    expect(part(page, "toast")).to_contain_text("selected for you to copy")


def test_a_link_holds_for_somebody_who_has_to_enter_the_token_first_and_never_has_the_token(guarded, tabs, eventually):
    page = tabs.open(f"{guarded.url}?mode=contrast&target=lion&other=tiger")
    field = page.get_by_label("Token")
    expect(page.get_by_role("alert")).to_have_count(0)
    field.fill("a-guess")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    field.fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    wait_until_mounted(page)
    eventually(lambda: guarded.settings == Settings("contrast", LION, TIGER))
    page.wait_for_function("location.search === ''")
    assert copy_link(page) == f"{guarded.url}?mode=contrast&target=lion&other=tiger"
