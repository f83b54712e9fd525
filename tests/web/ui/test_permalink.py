"""Links to the settings."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from live_cam.pipeline.settings import Settings
from tests.web.browser import PHONE, part, wait_frames, wait_until_mounted
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


def test_a_link_has_what_differs_from_the_start_and_changes_that_alone(site, open_page, eventually):
    page = open_page(site.url)
    assert copy_link(page) == site.url
    changes = {"mode": "contrast", "target": "lion", "other": "tiger", "style": "contours", "colormap": "magma"}
    site.http.patch("settings", json={**changes, "opacity": 0.5, "frozen": True})
    expect(part(page, "frozen")).to_be_visible()
    link = copy_link(page)
    assert {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()} == {**changes, "opacity": "0.5"}
    site.http.patch("settings", json={"mode": "class", "method": "layercam", "frozen": False})
    page.goto(link)
    wait_until_mounted(page)
    expected = Settings("contrast", LION, TIGER, method="layercam", style="contours", opacity=0.5, colormap="magma")
    eventually(lambda: site.settings == expected)
    expect(part(page, "target")).to_have_text("lion, not tiger")
    page.wait_for_function("location.search === ''")


def test_a_link_asks_before_it_changes_what_others_see(site, open_page, tabs, eventually):
    site.session.settings.change(opacity=0.25, method="layercam")
    before = site.settings
    watched = open_page(site.url)
    link = f"{site.url}?style=contours&target=lion&opacity=0.25"
    page = wait_until_mounted(tabs.open(link, PHONE))
    dialog = page.get_by_role("dialog", name="Change it for everybody?")
    expect(dialog.get_by_role("listitem")).to_have_text(["A: lion", "style: contours"])
    expect(dialog.get_by_role("button", name="Leave as it is")).to_be_focused()
    page.keyboard.press("Escape")
    page.wait_for_function("location.search === ''")
    wait_frames(page)
    assert site.settings == before
    page.goto(link)
    dialog.get_by_role("button", name="Change for everybody").click()
    eventually(lambda: site.settings == replace(before, style="contours", target=LION))
    page.goto(link)  # which now changes nothing
    wait_until_mounted(page)
    page.wait_for_function("location.search === ''")
    expect(dialog).to_be_hidden()
    expect(part(watched, "target")).to_have_text("lion")


def test_a_visitor_with_a_camera_is_not_asked_since_nobody_shares_the_settings(visitors, tabs):
    tabs.open(visitors.url, whole=False)
    page = tabs.open(f"{visitors.url}?style=contours")
    page.wait_for_function("location.search === ''")
    expect(page.get_by_role("dialog")).to_have_count(0)


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
