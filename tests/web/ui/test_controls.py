"""The controls of the page, by hand and by key: their effect on the overlay and on other pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from live_cam.pipeline.settings import Settings
from tests.web.browser import both_sizes, part, phone, pick, unfold, wait_frames, wait_until

pytestmark = pytest.mark.slow

PAGE_DOC = Path(__file__).parents[3] / "docs" / "page.md"
# Whether the canvas differs from the one that was remembered, in some of its pixels.
REMEMBER = """globalThis.pixels = () => {
  const canvas = document.querySelector(".live-stage canvas");
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
};
globalThis.before = pixels();
globalThis.changed = () => {
  const now = pixels();
  for (let i = 0; i < now.length; i += 61) if (Math.abs(now[i] - before[i]) > 5) return true;
  return false;
};"""
CHANGED = "changed()"
FOLDED = """(text) =>
  getComputedStyle(document.querySelector("#live-advanced > button"), "::after").content === JSON.stringify(text)"""
KEYS_OF_CONTROLS = """() => Object.fromEntries([...document.querySelectorAll("[data-keys]")].map((control) =>
  [control.id || control.dataset.live, { keys: control.dataset.keys.split(" "), title: control.title }]))"""
# The keys and the settings they lead to, in this order.
KEYS = {
    "v": ("mode", "contrast"),
    "a": ("mode", "counterfactual"),
    "b": ("mode", "side_by_side"),
    "w": ("mode", "class"),
    "2": ("target", 293),
    "0": ("target", None),
    "m": ("method", "hirescam"),
    "l": ("layer", "conv4_block6_out"),
    "h": ("style", "contours"),
    "c": ("colormap", "inferno"),
    "+": ("opacity", 0.8),
    "-": ("opacity", 0.7),
    "f": ("frozen", True),
    " ": ("running", False),
}


@pytest.fixture
def site(site):
    """The site with a camera whose frames are all alike."""
    site.source.level = 128
    site.source.frozen_after_s = None
    return site


@pytest.fixture
def page(site, open_page) -> Page:
    return open_page(site.url)


def expect_checked(page: Page, label: str) -> None:
    expect(page.get_by_role("radio", name=label, exact=True)).to_be_checked()


def test_classes_are_searched_by_name_and_the_questions_name_them(site, page):
    bar = page.get_by_role("group", name="What to explain")
    expect(bar.locator("label")).to_have_text(
        ["Why lion?", "Why lion, not cheetah?", "What speaks against lion?", "Lion beside cheetah"]
    )
    expect(page.locator("#live-other")).to_be_hidden()
    pick(page, "live-target", "teapot")
    caption, right = part(page, "caption"), part(page, "caption-right")
    expect(caption).to_have_text("teapot")
    part(page, "mode-contrast").click()
    expect(page.locator("#live-other")).to_be_visible()
    pick(page, "live-other", "coffee mug")
    expect(caption).to_have_text("teapot, not coffee mug")
    expect_checked(page, "Why teapot, not coffee mug?")
    part(page, "mode-counterfactual").click()
    expect(caption).to_have_text("against teapot")
    part(page, "mode-side_by_side").click()
    expect(right).to_have_text("coffee mug")
    pick(page, "live-other", "the runner-up")
    pick(page, "live-target", "the top class")
    bar.get_by_role("radio", checked=True).press("Home")  # moves nothing, as in every group of radio buttons
    for _ in range(3):
        bar.get_by_role("radio", checked=True).press("ArrowLeft")
    expect_checked(page, "Why teapot?")
    expect(right).to_be_hidden()
    wait_until(page, lambda: site.settings == Settings())


@pytest.mark.parametrize(
    ("way", "typed", "name", "label"),
    [
        ("mouse", "wombat", "wombat", "wombat"),
        ("finger", "king of beasts", "lion – king of beasts, Panthera leo", "lion"),
        ("keyboard", "felis concolor", "cougar – puma, catamount, mountain lion", "cougar"),
    ],
)
def test_classes_are_searched_by_any_name_which_replaces_what_stands_there(page, way, typed, name, label):
    field = page.locator("#live-target input")
    if way == "keyboard":
        field.focus()
    else:
        field.scroll_into_view_if_needed()
        box = field.bounding_box()
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        if way == "mouse":
            page.mouse.click(**point)
        else:
            devtools = page.context.new_cdp_session(page)
            devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
            for kind, points in (("touchStart", [point]), ("touchEnd", [])):
                devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
            devtools.detach()
    expect(field).to_be_focused()
    page.keyboard.type(typed)
    expect(field).to_have_value(typed)
    option = page.get_by_role("option", name=name)
    expect(option).to_have_count(1)
    if way == "keyboard":
        page.keyboard.press("Enter")
    else:
        option.click()
    expect(part(page, "caption")).to_have_text(label)


def test_method_and_layer_have_a_note_each(page):
    unfold(page)
    note = page.locator('[data-setting="method"]:visible')
    expect(note).to_contain_text("the usual choice to start with")
    pick(page, "live-method", "HiResCAM")
    expect(note).to_contain_text("Shows only positions that contribute")
    expect(part(page, "how")).to_have_text("HiResCAM at conv5_block3_out")
    pick(page, "live-layer", "conv4_block6_out")
    expect(page.locator('[data-setting="layer"]:visible')).to_contain_text("parts of objects")
    expect(part(page, "how")).to_have_text("HiResCAM at conv4_block6_out")


def test_controls_that_do_not_apply_to_a_method_are_hidden(page):
    unfold(page)
    layer = [page.locator("#live-layer"), page.locator('[data-setting="layer"]')]
    for method, hidden in (("LayerCAM, fused", layer), ("Eigen-CAM", [page.locator("#live-target")])):
        pick(page, "live-method", method)
        for control in hidden:
            expect(control).to_be_hidden()
        expect(page.get_by_role("radio", name="What speaks against")).to_be_enabled(enabled=method != "Eigen-CAM")
        if method == "Eigen-CAM":
            page.locator("body").press("v")
            expect(part(page, "toast")).to_have_text("This method gives one map, whatever the class")
        else:
            expect(page.locator('[data-setting="method"]:visible')).to_contain_text("three layers of its own")
        pick(page, "live-method", "Grad-CAM")
        for control in hidden:
            expect(control).to_be_visible()


def test_style_opacity_and_colours_change_the_pixels(site, page):
    unfold(page)
    slider = page.locator("#live-opacity input[type=range]")
    for act in (
        lambda: slider.fill("0"),
        lambda: slider.fill("0.7"),
        page.get_by_text("Contour lines").click,
        page.get_by_text("Spotlight").click,
        page.get_by_text("Heat map").click,
        lambda: pick(page, "live-colormap", "inferno"),
    ):
        page.evaluate(REMEMBER)
        act()
        page.wait_for_function(CHANGED)
    assert (site.settings.style, site.settings.opacity, site.settings.colormap) == ("heatmap", 0.7, "inferno")


def test_settings_that_one_viewer_chooses_show_on_the_controls_of_all(site, page, open_page):
    other = open_page(site.url)
    other.wait_for_function(FOLDED, arg="Grad-CAM, conv5_block3_out, viridis")
    page.keyboard.press("m")
    other.wait_for_function(FOLDED, arg="HiResCAM, conv5_block3_out, viridis")
    unfold(other)
    part(page, "mode-side_by_side").click()
    expect_checked(other, "Lion beside cheetah")
    page.keyboard.press("h")
    expect_checked(other, "Contour lines")
    pick(page, "live-target", "teapot")
    expect(other.locator("#live-target input")).to_have_value("teapot")
    page.keyboard.press("Escape")
    part(page, "caption").click(force=True)
    page.keyboard.press("-")
    expect(other.locator("#live-opacity input[type=number]")).to_have_value("0.6")
    page.keyboard.press("f")
    expect(other.get_by_role("button", name="Resume")).to_be_visible()
    expect(other.locator(".live-icon-resume")).to_be_visible()


def test_controls_follow_while_three_maps_are_open(page):
    page.keyboard.press("p")
    expect(part(page, "three-maps")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_a_key_focuses_the_search_of_the_contrast_class(site, page):
    page.keyboard.press("n")
    expect(page.locator("#live-other input")).to_be_focused()
    assert site.settings.mode == "contrast"
    page.keyboard.type("teapot")
    page.keyboard.press("Enter")
    expect(part(page, "caption")).to_have_text("lion, not teapot")


def test_controls_that_are_unfolded_later_show_the_settings_chosen_before(site, page):
    site.session.settings.change(mode="counterfactual", target=849, style="spotlight", opacity=0.25)
    expect(part(page, "caption")).to_have_text("against teapot")
    unfold(page)
    expect_checked(page, "What speaks against teapot?")
    expect_checked(page, "Spotlight")
    expect(page.locator("#live-target input")).to_have_value("teapot")
    expect(page.locator("#live-opacity input[type=number]")).to_have_value("0.25")


def test_a_slider_that_is_being_dragged_is_not_moved_by_others(site, page, eventually):
    unfold(page)
    slider = page.locator("#live-opacity input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.7 * box["width"], middle)
    page.mouse.down()
    for place in (0.6, 0.4, 0.3, 0.2):
        page.mouse.move(box["x"] + place * box["width"], middle)
    held = float(slider.input_value())
    eventually(lambda: site.settings.opacity == held)
    site.session.settings.change(opacity=0.9)
    wait_frames(page, 15)
    assert float(slider.input_value()) == held
    page.mouse.up()
    expect(slider).to_have_value("0.9")


def test_every_setting_has_a_key(site, page, eventually):
    for key, (name, value) in KEYS.items():
        page.keyboard.press(key)
        eventually(lambda name=name, value=value: getattr(site.settings, name) == value)


@both_sizes
def test_the_keys_are_listed_in_a_dialog_that_traps_and_restores_the_focus(site, page, size):
    theme = page.get_by_role("button", name="Theme")
    theme.focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    for text in ("explain the top class", "freeze or resume", "record", "snapshot", "Space"):
        expect(dialog).to_contain_text(text)
    listed = dialog.locator("kbd").all_inner_texts()
    assert len(listed) == len(set(listed))
    for key in (*KEYS, "1", "3", "/", "?", "t", "r", "s", "o", "p", "k", "g"):
        assert (key.upper() if key.strip() else "Space") in listed
    page.keyboard.press("f")
    assert not site.settings.frozen, "keys do nothing while the list is open"
    for _ in range(3):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(theme).to_be_focused()
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    if size["width"] > 1000:
        page.get_by_role("button", name="Keys").click()
        expect(dialog).to_be_visible()


@phone
def test_no_label_shows_through_the_view_that_stays_in_sight(page):
    unfold(page)
    label = page.locator("#live-method").get_by_text("Method", exact=True)
    expect(label).to_be_visible()
    label.evaluate("(label) => scrollBy(0, label.getBoundingClientRect().top - 100)")
    page.wait_for_function("""() => {
      const labels = [...document.querySelectorAll("#live-method span")];
      const label = labels.find((part) => part.textContent.trim() === "Method");
      const { left, top, width, height } = label.getBoundingClientRect();
      const seen = document.elementFromPoint(left + width / 2, top + height / 2);
      return top > 50 && top < 200 && seen.closest(".live-stage") !== null;
    }""")


def test_the_dialog_the_controls_and_the_documentation_agree_on_the_keys(page):
    unfold(page)
    for built_late in ("#live-layer input", "#live-colormap input"):
        expect(page.locator(built_late)).to_be_visible()
    for control in page.locator("#live-page :is(.live-class, input, select, button):visible").all():
        control.dispatch_event("focusin")
    page.locator("#live-other").dispatch_event("focusin")
    on_controls = page.evaluate(KEYS_OF_CONTROLS)
    assert on_controls["record"] == {"keys": ["R"], "title": "Record, or stop recording (key R)"}
    assert on_controls["mode-contrast"] == {"keys": ["V"], "title": "Key V"}
    expect(page.get_by_role("radio", name="Why lion?", exact=True)).to_have_attribute("aria-keyshortcuts", "W")
    expect(page.get_by_role("button", name="Theme")).to_have_attribute("aria-keyshortcuts", "T")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    listed = set(dialog.locator("kbd").all_inner_texts())
    assert {key for control in on_controls.values() for key in control["keys"]} == listed
    rows = re.findall(r"^\| \*\*.* \| ([^|]+) \|$", PAGE_DOC.read_text("utf-8"), re.MULTILINE)
    documented = {key.replace("−", "-") for row in rows for key in re.findall(r"space|[^\s,]", row)}
    # X is for visitors, who have their own cameras; D for networks that classes can be taught to.
    assert {key.capitalize() for key in documented} == listed | {"X", "D"}


def test_no_key_acts_while_a_class_is_typed(site, page):
    page.keyboard.press("/")
    field = page.locator("#live-target input")
    expect(field).to_be_focused()
    page.keyboard.type("wombat")
    page.get_by_role("option", name="wombat", exact=True).click()
    expect(part(page, "caption")).to_have_text("wombat")
    assert (site.settings.mode, site.settings.method, site.settings.running) == ("class", "gradcam", True)


def test_the_space_bar_on_a_button_presses_the_button(site, page, eventually):
    part(page, "freeze").focus()
    page.keyboard.press(" ")
    eventually(lambda: site.settings.frozen)
    assert site.settings.running


def test_keys_pressed_faster_than_responses_come_all_count(site, page, eventually):
    for _ in range(5):
        page.keyboard.press("-")
    eventually(lambda: site.settings.opacity == 0.2)


def test_controls_act_on_a_frozen_frame(page):
    part(page, "freeze").click()
    expect(part(page, "frozen")).to_be_visible()
    part(page, "mode-counterfactual").click()
    expect(part(page, "caption")).to_have_text("against lion")
    part(page, "mode-class").click()
    expect(part(page, "caption")).to_have_text("lion")
    for key in ("h", "h", "h", "c", "-"):
        page.evaluate(REMEMBER)
        page.locator("body").press(key)
        page.wait_for_function(CHANGED)
    part(page, "freeze").click()
    expect(part(page, "frozen")).to_be_hidden()
