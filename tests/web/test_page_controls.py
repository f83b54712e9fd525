"""What somebody at the page turns, by hand and by key, and what comes of it on the picture and on other pages."""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"
CAPTION = '[data-live="caption"]'
EFFECT_LIMIT_MS = 200
# Whether the picture differs from the one that was remembered, in some of its places.
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
# Does something and tells after how many milliseconds it is to be seen.
TIMED = """async ([act, holds]) => {
  const beginMs = performance.now();
  await eval(act);
  while (!eval(holds)) {
    if (performance.now() - beginMs > 5000) return Infinity;
    await new Promise((later) => setTimeout(later, 2));
  }
  return performance.now() - beginMs;
}"""


@pytest.fixture
def site(serve_session, fake_source, fake_explainer):
    source = fake_source(size_px=(640, 480))
    source.level = 128
    source.frozen_after_s = None
    return serve_session(source, fake_explainer())


def chosen(page: Page, label: str) -> None:
    expect(page.get_by_role("radio", name=label, exact=True)).to_be_checked()


def settings(site):
    return site.session.controls.settings


def test_questions_are_asked_about_classes_that_are_searched_by_name(site, open_page, unfold, pick):
    page = open_page(site.url)
    unfold(page, "ask")
    expect(page.locator("#live-other")).to_be_hidden()
    pick(page, "live-target", "teapot")
    expect(page.locator(CAPTION)).to_have_text("teapot")
    page.get_by_text("Why A and not B").click()
    expect(page.locator("#live-other")).to_be_visible()
    pick(page, "live-other", "coffee mug")
    expect(page.locator(CAPTION)).to_have_text("teapot, not coffee mug")
    page.get_by_text("What speaks against A").click()
    expect(page.locator(CAPTION)).to_have_text("against teapot")
    page.get_by_text("A and B side by side").click()
    expect(page.locator('[data-live="caption-right"]')).to_have_text("coffee mug")
    pick(page, "live-other", "the runner-up")
    pick(page, "live-target", "the likeliest class")
    page.get_by_text("Why A", exact=True).click()
    expect(page.locator('[data-live="caption-right"]')).to_be_hidden()
    assert (settings(site).question, settings(site).target, settings(site).other) == ("why", None, None)


def test_method_and_layer_each_say_in_a_line_what_they_are_for(site, open_page, unfold, pick):
    page = open_page(site.url)
    unfold(page, "ask")
    note = page.locator('[data-setting="method"] span:visible')
    expect(note).to_contain_text("the usual choice to begin with")
    pick(page, "live-method", "HiResCAM")
    expect(note).to_contain_text("Lights up only the places")
    expect(page.locator('[data-live="how"]')).to_have_text("HiResCAM at conv5_block3_out")
    pick(page, "live-layer", "conv4_block6_out")
    expect(page.locator('[data-setting="layer"] span:visible')).to_contain_text("parts of things")
    expect(page.locator('[data-live="how"]')).to_have_text("HiResCAM at conv4_block6_out")


def test_no_layer_is_offered_for_a_method_that_has_layers_of_its_own(site, open_page, unfold, pick):
    page = open_page(site.url)
    unfold(page, "ask")
    layer, note = page.locator("#live-layer"), page.locator('[data-setting="layer"]')
    expect(layer).to_be_visible()
    pick(page, "live-method", "LayerCAM, fused")
    for part in (layer, note):
        expect(part).to_be_hidden()
    expect(page.locator('[data-setting="method"] span:visible')).to_contain_text("three layers of its own")
    pick(page, "live-method", "Grad-CAM")
    for part in (layer, note):
        expect(part).to_be_visible()


def test_no_class_is_asked_for_with_a_method_that_has_one_map_for_all(site, open_page, unfold, pick):
    page = open_page(site.url)
    unfold(page, "ask")
    asked = [page.locator(f"#live-{name}") for name in ("question", "target")]
    pick(page, "live-method", "Eigen-CAM")
    for part in asked:
        expect(part).to_be_hidden()
    page.locator("body").press("v")
    expect(page.locator(".live-toast")).to_have_text("This method gives one map, whatever the class")
    pick(page, "live-method", "Grad-CAM")
    for part in asked:
        expect(part).to_be_visible()


def test_style_opacity_and_colours_change_the_pixels(site, open_page, unfold, pick):
    page = open_page(site.url)
    unfold(page, "look")
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
    assert (settings(site).style, settings(site).opacity, settings(site).colormap) == ("heatmap", 0.7, "inferno")


def test_what_one_viewer_chooses_shows_on_the_controls_of_all(site, open_page, unfold, pick):
    one, other = open_page(site.url), open_page(site.url)
    unfold(one, "ask")
    unfold(other, "ask", "look")
    one.get_by_text("A and B side by side").click()
    chosen(other, "A and B side by side")
    one.keyboard.press("h")
    chosen(other, "Contour lines")
    pick(one, "live-target", "teapot")
    expect(other.locator("#live-target input")).to_have_value("teapot")
    one.keyboard.press("Escape")
    one.locator(CAPTION).click(force=True)
    one.keyboard.press("-")
    expect(other.locator("#live-opacity input[type=number]")).to_have_value("0.6")
    one.keyboard.press("f")
    expect(other.get_by_role("button", name="Let it run")).to_be_visible()


def test_controls_follow_while_three_maps_are_open(site, open_page):
    page = open_page(site.url)
    page.keyboard.press("p")
    expect(page.locator('[data-live="three-maps"]')).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Let it run")).to_be_visible()


def test_a_key_goes_to_the_search_of_the_other_class(site, open_page):
    page = open_page(site.url)
    page.keyboard.press("n")
    expect(page.locator("#live-other input")).to_be_focused()
    assert settings(site).question == "versus"
    page.keyboard.type("teapot")
    page.keyboard.press("Enter")
    expect(page.locator(CAPTION)).to_have_text("lion, not teapot")


def test_controls_that_are_unfolded_later_show_what_was_chosen_before(site, open_page, unfold):
    page = open_page(site.url)
    site.session.controls.change(question="against", target=849, style="spotlight", opacity=0.25)
    expect(page.locator(CAPTION)).to_have_text("against teapot")
    unfold(page, "ask", "look")
    chosen(page, "What speaks against A")
    chosen(page, "Spotlight")
    expect(page.locator("#live-target input")).to_have_value("teapot")
    expect(page.locator("#live-opacity input[type=number]")).to_have_value("0.25")


def test_a_slider_in_somebodys_hand_is_not_moved_by_others(site, open_page, eventually, unfold):
    page = open_page(site.url)
    unfold(page, "look")
    slider = page.locator("#live-opacity input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.7 * box["width"], middle)
    page.mouse.down()
    for part in (0.6, 0.4, 0.3, 0.2):
        page.mouse.move(box["x"] + part * box["width"], middle)
    held = float(slider.input_value())
    eventually(lambda: settings(site).opacity == held)
    site.session.controls.change(opacity=0.9)
    page.wait_for_timeout(500)
    assert float(slider.input_value()) == held
    page.mouse.up()
    expect(slider).to_have_value("0.9")


KEYS = {
    "v": ("question", "versus"),
    "a": ("question", "against"),
    "b": ("question", "beside"),
    "w": ("question", "why"),
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


def test_every_setting_has_a_key(site, open_page, eventually):
    page = open_page(site.url)
    for key, (name, value) in KEYS.items():
        page.keyboard.press(key)
        eventually(lambda name=name, value=value: getattr(settings(site), name) == value)


def test_the_keys_are_listed_in_a_dialog_that_keeps_the_focus_and_gives_it_back(site, open_page, size):
    page = open_page(site.url)
    theme = page.get_by_role("button", name="Theme")
    theme.focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    for words in ("explain the likeliest class", "freeze, or let it run", "record", "snapshot", "Space"):
        expect(dialog).to_contain_text(words)
    listed = dialog.locator("kbd").all_inner_texts()
    assert len(listed) == len(set(listed))
    for key in (*KEYS, "1", "3", "/", "?", "t", "r", "s", "o", "p", "k"):
        assert (key.upper() if key.strip() else "Space") in listed
    page.keyboard.press("f")
    assert not settings(site).frozen, "keys mean nothing while the list is open"
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


SAID_ON_CONTROLS = """() => Object.fromEntries([...document.querySelectorAll("[data-keys]")].map((control) =>
  [control.id || control.dataset.live, { keys: control.dataset.keys.split(" "), title: control.title }]))"""


@pytest.mark.parametrize("size", [{"width": 390, "height": 844}], ids=["phone"])
def test_no_label_shows_through_the_picture_that_stays_in_sight(site, open_page, unfold):
    page = open_page(site.url)
    unfold(page, "ask")
    label = page.locator("#live-question").get_by_text("Question", exact=True)
    expect(label).to_be_visible()
    label.evaluate("(label) => scrollBy(0, label.getBoundingClientRect().top - 100)")
    page.wait_for_function("""() => {
      const labels = [...document.querySelectorAll("#live-question span")];
      const label = labels.find((part) => part.textContent.trim() === "Question");
      const { left, top, width, height } = label.getBoundingClientRect();
      const seen = document.elementFromPoint(left + width / 2, top + height / 2);
      return top > 50 && top < 200 && seen.closest(".live-stage") !== null;
    }""")


def test_the_list_the_controls_and_the_readme_agree_on_the_keys(site, open_page, unfold):
    page = open_page(site.url)
    unfold(page, "ask", "look")
    for built_late in ("#live-layer input", "#live-colormap input"):
        expect(page.locator(built_late)).to_be_visible()
    for control in page.locator("#live-side :is(.live-class, input, select, button):visible").all():
        control.dispatch_event("focusin")
    page.locator("#live-other").dispatch_event("focusin")
    said = page.evaluate(SAID_ON_CONTROLS)
    assert said["record"] == {"keys": ["R"], "title": "Record, or stop recording (key R)"}
    assert said["live-question"] == {"keys": ["W", "V", "A", "B"], "title": "Key W, V, A, B"}
    expect(page.get_by_role("radio", name="Why A", exact=True)).to_have_attribute("aria-keyshortcuts", "W V A B")
    expect(page.get_by_role("button", name="Theme")).to_have_attribute("aria-keyshortcuts", "T")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    listed = set(dialog.locator("kbd").all_inner_texts())
    assert {key for control in said.values() for key in control["keys"]} == listed
    rows = re.findall(r"^\| \*\*.* \| ([^|]+) \|$", README.read_text("utf-8"), re.MULTILINE)
    told = {key.replace("−", "-") for row in rows for key in re.findall(r"space|[^\s,]", row)}
    assert {key.capitalize() for key in told} == listed | {"X"}, "X is for visitors, who have cameras of their own"


def test_no_key_acts_while_somebody_types_a_class(site, open_page):
    page = open_page(site.url)
    page.keyboard.press("/")
    field = page.locator("#live-target input")
    expect(field).to_be_focused()
    page.keyboard.type("wombat")
    page.get_by_role("option", name="wombat", exact=True).click()
    expect(page.locator(CAPTION)).to_have_text("wombat")
    changed = settings(site)
    assert (changed.question, changed.method, changed.running) == ("why", "gradcam", True)


def test_space_on_a_button_presses_the_button(site, open_page, eventually):
    page = open_page(site.url)
    page.locator("#live-freeze").focus()
    page.keyboard.press(" ")
    eventually(lambda: settings(site).frozen)
    assert settings(site).running


def test_keys_pressed_faster_than_answers_come_all_count(site, open_page, eventually):
    page = open_page(site.url)
    for _ in range(5):
        page.keyboard.press("-")
    eventually(lambda: settings(site).opacity == 0.2)


def test_any_control_shows_its_effect_within_200_ms(site, open_page, unfold):
    page = open_page(site.url)
    unfold(page, "ask", "look")
    press = "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '%s', bubbles: true }))"
    radio = "[...document.querySelectorAll('#live-question label')].find((l) => l.textContent.trim() === '%s').click()"
    caption = """document.querySelector('[data-live="caption"]').textContent === '%s'"""
    freeze = "document.querySelector('#live-freeze').click()"
    frozen = """document.querySelector('[data-live="frozen"]').hidden === %s"""
    steps = [
        (radio % "What speaks against A", caption % "against lion"),
        (radio % "Why A", caption % "lion"),
        *[(press % key, CHANGED) for key in ("h", "h", "h", "c", "-")],
        (freeze, frozen % "false"),
        (radio % "Why A and not B", caption % "lion, not cheetah"),
        (press % "h", CHANGED),
        (freeze, frozen % "true"),
        (radio % "Why A", caption % "lion"),
    ]
    medians_ms = []
    # What the machine does beside slows down one round, a slow page slows down all.
    while len(medians_ms) < 3 and min(medians_ms, default=EFFECT_LIMIT_MS) >= EFFECT_LIMIT_MS:
        site.session.controls.change(style="heatmap", opacity=0.7)
        took_ms = []
        for act, holds in steps:
            page.evaluate(REMEMBER)
            took_ms.append(page.evaluate(TIMED, [act, holds]))
            time.sleep(0.2)
        medians_ms.append(statistics.median(took_ms))
    assert min(medians_ms) < EFFECT_LIMIT_MS, medians_ms
