"""Teaching on the page: classes are named and shown, and the live picture answers in them."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from live_cam.explain.explainer import Explainer
from live_cam.models.taught_head import read_head
from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from tests.clocks import ShiftedClock
from tests.teach.camera import ColourCamera
from tests.teach.colours import PURPLE, TEAL
from tests.web.browser import DESKTOP, PHONE, part, wait_until, wait_until_mounted
from tests.web.ui.test_accessibility import violations

pytestmark = pytest.mark.slow

GREY, DARK = (90, 90, 90), (20, 20, 20)
LEFT, MIDDLE, RIGHT = (10, 8), (16, 8), (22, 9)
ATTACK = "${globalThis.attacked = 1}"


@pytest.fixture(scope="module")
def explainer(colour_models):
    return Explainer(colour_models[0], precision="float32", smooth=True)


@pytest.fixture
def camera() -> ColourCamera:
    return ColourCamera(rate_fps=10.0)  # few frames for a browser to paint


def add(page: Page, label: str) -> None:
    field = page.get_by_label("Add a class")
    field.fill(label)
    field.press("Enter")


def open_panel(page: Page) -> None:
    """Opens the panel of a page that shows no frame yet, once its script is there."""
    page.locator('gradio-app:not([inert]) [data-live="teach"][data-keys]').click()


def row(page: Page, label: str):
    return page.locator(".live-taught").filter(
        has=page.get_by_role("button", name=re.compile(f"how(ing)? {re.escape(label)}"))
    )


def pictures(page: Page, label: str) -> int:
    return int(row(page, label).locator(".live-taught-pictures > span").inner_text().split()[0])


def shows(page: Page, site, label: str, press, release) -> None:
    """Shows a class until it has three pictures more, and it is learnt."""
    site.wait_until_live()
    before = pictures(page, label)
    press()
    page.wait_for_function(
        "([label, count]) => [...document.querySelectorAll('.live-taught')].some((row) =>"
        " row.querySelector('.live-hold').ariaLabel === `Showing ${label}`"
        " && parseInt(row.querySelector('.live-taught-pictures > span').textContent) >= count)",
        arg=[label, before + 3],
    )
    release()
    expect(row(page, label).get_by_role("button", name=f"Hold to show {label}")).to_be_visible()
    expect(part(page, "teach-accuracy")).not_to_contain_text("Learning")


def by_mouse(page: Page, label: str):
    page.get_by_role("button", name=f"Hold to show {label}").hover()
    return page.mouse.down, page.mouse.up


def by_key(page: Page, label: str, key: str):
    """Holds a number key, or a key of the button that has the focus."""
    if key.isdigit():
        page.get_by_role("heading", name="Teach").click()
    else:
        page.get_by_role("button", name=f"Hold to show {label}").focus()
    return lambda: page.keyboard.down(key), lambda: page.keyboard.up(key)


def by_click(page: Page, label: str):
    """Starts and stops as a screen reader does, which can't hold a button."""
    button = row(page, label).locator(".live-hold")
    return (lambda: button.evaluate("(button) => button.click()"),) * 2


@contextmanager
def touch(page: Page) -> Iterator[Callable[..., None]]:
    """Yields what sends events of one finger: `send("touchStart", x, y)`, `send("touchEnd")`."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def send(kind: str, *point: float) -> None:
        points = [dict(zip("xy", point, strict=True))] if point else []
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    yield send
    devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    devtools.detach()


def test_two_classes_are_taught_and_the_page_answers_in_them(
    serve_session, explainer, camera, open_page, node_folder, tmp_path
):
    clock = ShiftedClock()
    site = serve_session(camera, explainer, clock=clock)
    page = open_page(site.url)
    message, accuracy = part(page, "teach-message"), part(page, "teach-accuracy")
    part(page, "teach").click()
    expect(part(page, "label-0")).to_be_hidden()
    held = []
    page.route("**/teach*", lambda route: held.append(route))
    add(page, "purple")
    wait_until(page, lambda: held)
    page.get_by_label("Add a class").fill("TEAL")
    for route in held:
        route.continue_()
    page.unroute("**/teach*")
    expect(page.locator(".live-taught")).to_have_count(1)
    expect(page.get_by_label("Add a class")).to_have_value("TEAL")
    add(page, "TEAL")
    expect(page.locator(".live-taught")).to_have_count(2)
    for label, refusal in (("teal", "There is a class 'TEAL' already; give another name"), ("a/b", "is no name for a")):
        add(page, label)
        expect(message).to_contain_text(refusal)
        expect(page.get_by_label("Add a class")).to_have_value(label)
    name = page.get_by_label("Name of class 2")
    name.fill("teal")
    name.press("Enter")
    expect(row(page, "teal")).to_be_visible()
    expect(message).to_be_hidden()

    # A pointer, a number key, a key of the button, and a finger; too short a press is told.
    camera.show(PURPLE, DARK, LEFT)
    shows(page, site, "purple", *by_mouse(page, "purple"))
    expect(accuracy).to_contain_text("Show two classes")
    camera.show(TEAL, DARK, RIGHT)
    shows(page, site, "teal", *by_key(page, "teal", "2"))
    expect(part(page, "caption")).to_contain_text("teal")
    camera.show(PURPLE, (40, 40, 40), RIGHT)
    shows(page, site, "purple", *by_key(page, "purple", " "))
    expect(part(page, "caption")).to_contain_text("purple")
    camera.show(TEAL, (40, 40, 40), MIDDLE)
    box = page.get_by_role("button", name="Hold to show teal").bounding_box()
    with touch(page) as send:
        shows(page, site, "teal", lambda: send("touchStart", box["x"] + 9, box["y"] + 9), lambda: send("touchEnd"))
    expect(accuracy).to_contain_text("Right on 4 of 4 takes that it had not seen (95 % interval 51% to 100%)")
    expect(part(page, "teach-warnings").locator("li")).to_have_count(0)
    for label in ("purple", "teal"):
        own = row(page, label)
        expect(own.locator("img")).to_have_count(2)
        page.wait_for_function("[...document.querySelectorAll('.live-taught img')].every((each) => each.naturalWidth)")
        expect(own.get_by_role("img", name=f"Where the evidence for {label} lies")).to_be_visible()
        expect(own).to_contain_text("2 takes")
    assert not (found := violations(page, node_folder, "#live-teach")), found
    page.set_viewport_size(PHONE)
    assert not (found := violations(page, node_folder, "#live-teach")), found
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size(DESKTOP)

    # What can be kept.
    for button, file in (("Save", "mine.npz"), ("Save examples", "examples.zip")):
        with page.expect_download() as download:
            page.get_by_role("button", name=button, exact=True).click()
        download.value.save_as(tmp_path / file)
    assert read_head(tmp_path / "mine.npz").labels == ("purple", "teal")
    with zipfile.ZipFile(tmp_path / "examples.zip") as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"purple", "teal"}
    expect(page.get_by_role("button", name="Export .keras")).to_have_count(0)  # of an ONNX file

    # All else asks about the taught classes.
    page.keyboard.press("d")
    expect(part(page, "label-0")).to_have_text("teal")
    expect(part(page, "label-1")).to_have_text("purple")
    expect(part(page, "label-2")).to_be_hidden()
    expect(part(page, "mode-contrast")).to_have_text("Why teal, not purple?")
    page.keyboard.press("/")
    expect(page.locator("li[role=option]")).to_have_text(["✓ the top class", "✓ purple", "✓ teal"])
    page.get_by_role("option", name="purple").click()
    expect(part(page, "caption")).to_contain_text("purple")
    page.keyboard.press("0")
    page.keyboard.press("3")  # of the row that is hidden
    page.get_by_role("button", name="Top 3").click()
    expect(page.locator(".live-maps button:enabled span")).to_have_count(2)
    page.keyboard.press("p")
    expect(part(page, "toast")).to_be_empty()

    # The page is loaded again in the midst of a take.
    part(page, "teach").click()
    before = pictures(page, "teal")
    by_mouse(page, "teal")[0]()
    page.wait_for_function(
        f"parseInt(document.querySelectorAll('.live-taught-pictures > span')[1].textContent) > {before}"
    )
    page.reload()
    page.mouse.up()
    wait_until_mounted(page)
    clock.advance(4)
    part(page, "teach").click()
    expect(row(page, "teal")).to_contain_text("3 takes")
    expect(page.get_by_text("showing…")).to_have_count(0)
    assert pictures(page, "teal") > before
    expect(row(page, "purple")).to_contain_text("2 takes")

    # Back.
    page.get_by_role("button", name="Undo take").click()
    expect(row(page, "teal")).to_contain_text("2 takes")
    page.get_by_role("button", name="Use these classes").click()
    expect(page.get_by_role("button", name="Use these classes", pressed=False)).to_be_visible()
    expect(part(page, "mode-class")).to_have_text(re.compile("Why (green|blue)"))
    page.get_by_role("button", name="Clear purple").click()
    expect(row(page, "purple")).to_contain_text("0 pictures")
    page.get_by_role("button", name="Add “nothing”").click()
    name = page.get_by_label("Name of class 1")
    name.fill(ATTACK)
    name.press("Enter")
    expect(page.get_by_role("button", name=f"Hold to show {ATTACK}")).to_be_visible()
    assert page.evaluate("globalThis.attacked") is None
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("button", name="Keep them").click()
    expect(page.locator(".live-taught")).to_have_count(3)
    page.get_by_role("button", name="Start over").click()
    page.get_by_role("dialog").get_by_role("button", name="Start over").click()
    expect(page.locator(".live-taught")).to_have_count(0)
    page.keyboard.press("d")
    page.keyboard.press("/")
    expect(page.locator("li[role=option]")).to_have_text(["✓ the top class", "✓ red", "✓ green", "✓ blue"])
    page.get_by_role("option", name="the top class").click()


def expect_votes(page: Page, site, occlusions: list[str]) -> None:
    """Points at a corner of a frozen picture, with and without hiding what is there."""
    effect, patch = page.locator(".live-effect"), page.locator(".live-occlusion rect")
    box = page.locator(".live-view canvas").bounding_box()
    corner = box["x"] + 0.1 * box["width"], box["y"] + 0.9 * box["height"]
    best, other = site.http.get("votes", params={"x": 0.1, "y": 0.9}).json()["votes"]
    assert best["contribution"] > 0.01 > other["contribution"]
    votes = f"This place: {best['label']} +{best['contribution']:.2f}"
    page.mouse.move(*corner)
    expect(effect.locator("div")).to_have_text(re.compile(r"^teal \d+ % → \d+ %$"))
    expect(effect.locator("small")).to_have_text(votes)
    page.keyboard.press("o")
    expect(effect).to_be_hidden()
    occlusions.clear()
    page.mouse.move(corner[0] + 1, corner[1])
    expect(effect).to_have_text(votes)
    expect(patch).to_have_css("fill", "none")
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] - 5)
    expect(effect).to_be_hidden()
    with touch(page) as send:
        for shown in (votes, ""):
            send("touchStart", *corner)
            send("touchEnd")
            expect(effect).to_have_text(shown)
    page.mouse.move(0, 0)
    assert occlusions == []


def test_a_planted_background_is_told_and_so_is_what_could_not_be_done(
    serve_session, explainer, camera, open_page, requests_of
):
    site = serve_session(camera, explainer)
    page = open_page(site.url)
    page.keyboard.press("d")
    for label in ("purple", "teal"):
        add(page, label)
    # The same thing before two backgrounds, which alone tell the classes apart.
    for label, background in (("purple", PURPLE), ("teal", TEAL)):
        camera.show(GREY, background)
        shows(page, site, label, by_mouse(page, label)[0], lambda: page.evaluate("dispatchEvent(new Event('blur'))"))
        page.mouse.up()
        shows(page, site, label, *by_click(page, label))
    expect(part(page, "teach-warnings").locator("li")).to_contain_text(
        re.compile(r"^purple may rest on the background: the border holds \d\d% of its evidence, in each of 2 takes")
    )
    page.keyboard.press("f")
    expect(part(page, "frozen")).to_be_visible()
    expect_votes(page, site, requests_of(page, "occlusion?"))
    before = pictures(page, "teal")
    press, release = by_mouse(page, "teal")
    press()
    release()
    expect(part(page, "teach-message")).to_contain_text("No picture came: hold the button longer")
    assert pictures(page, "teal") == before
    for number in range(8):
        site.http.post("teach", json={"action": "add", "label": f"class {number}"})
    expect(page.get_by_label("Add a class")).to_be_hidden()
    expect(page.locator(".live-taught")).to_have_count(10)


def test_a_visitor_teaches_the_webcam_and_a_reload_loses_nothing(serve_session, explainer, tabs):
    site = serve_session([], explainer, max_visitors=2)
    page = tabs.open(site.url, DESKTOP, camera=True)
    open_panel(page)
    add(page, "lion")
    press, release = by_mouse(page, "lion")
    press()
    expect(part(page, "toast")).to_have_text("Nothing to show: show your camera first")
    release()
    page.get_by_role("button", name="Show my camera").click()
    wait_until_mounted(page)
    by_mouse(page, "lion")
    press()
    expect(row(page, "lion")).to_contain_text(re.compile(r"([3-9]|\d\d) pictures"))
    page.reload()
    page.mouse.up()
    open_panel(page)
    expect(row(page, "lion")).to_contain_text("1 take")
    assert pictures(page, "lion") >= 3
    another = tabs.open(site.url, DESKTOP, camera=True)
    open_panel(another)
    expect(another.get_by_label("Add a class")).to_be_visible()
    expect(another.locator(".live-taught")).to_have_count(0)


def test_teaching_is_offered_where_it_is_possible(explainer, camera, fake_explainer, colour_explainers):
    from live_cam.web.ui.page import build_page

    def offers(sources, *explainers, kiosk=False):
        second = explainers[1] if len(explainers) > 1 else None
        page = build_page(Session(sources, explainers[0], second=second), CameraOptions(), kiosk)
        return "live-teach-title" in json.dumps(page.get_config_file())

    assert offers([camera], explainer)
    assert not offers([camera], explainer, kiosk=True)
    assert not offers([camera, ColourCamera()], explainer)
    assert not offers([camera], *colour_explainers())
    assert not offers([camera], fake_explainer())
