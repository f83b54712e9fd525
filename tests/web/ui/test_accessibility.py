"""Accessibility: axe-core, a keyboard, and reduced motion."""

from __future__ import annotations

from itertools import pairwise

import pytest
from playwright.sync_api import Page

from tests.web.browser import DESKTOP, PHONE, wait_for_frame

pytestmark = pytest.mark.slow

# So that browsers of visitors have time.
_EXPLAIN_S = 0.1
KINDS = ["camera", "two cameras", "visitors", "kiosk"]
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Opens everything that folds.
UNFOLD = """() => {
  document.querySelectorAll(".label-wrap:not(.open)").forEach((fold) => fold.click());
  document.querySelectorAll("details").forEach((fold) => (fold.open = true));
}"""
# What folds, and what opens above the page.
FOLDS, POPUP, DIALOG = "#live-advanced, details", ".live-popup:popover-open", "dialog[open]"
RUN_AXE = "([within, only]) => axe.run(within, { runOnly: only, resultTypes: ['violations'] })"

# The longest that a transition or an animation of an element, or of what CSS puts before or behind it, lasts.
MOTIONS = """() => {
  const seconds = (list) => Math.max(...list.split(",").map(parseFloat));
  const found = [];
  for (const element of document.querySelectorAll("*"))
    for (const pseudo of [null, "::before", "::after"]) {
      const style = getComputedStyle(element, pseudo);
      const moves = style.animationName === "none" ? 0 : seconds(style.animationDuration);
      const changes = style.transitionProperty === "none" ? 0 : seconds(style.transitionDuration);
      if (Math.max(moves, changes) > 0.01) found.push(`${element.tagName}.${element.className}${pseudo ?? ""}`);
      if (style.scrollBehavior === "smooth") found.push(`${element.tagName} scrolls smoothly`);
    }
  return found;
}"""

# Remembers the elements that get the focus, and which lines are drawn around each and what holds it meanwhile.
LINES_OF = """
globalThis.linesOf = (element) => {
  const lines = [];
  for (let at = element; at && lines.length < 10; at = at.parentElement)
    for (const pseudo of [null, "::after"]) {
      const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(at, pseudo);
      lines.push(outlineStyle === "none" || parseFloat(outlineWidth) < 2 ? "" : outlineColor);
    }
  return lines.join("\\n");
};
globalThis.stops = [];
// From the top of the page, wherever a button was pressed before.
document.body.tabIndex = -1;
document.body.focus();"""
NOTE_STOP = """async () => {
  // Gradio's parts draw their focus a moment later.
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const element = document.activeElement;
  if (stops.some((stop) => stop.element === element)) return false;
  // Between two stops the focus may be on the list of a drop-down, which scrolls, and is gone when it leaves the field.
  if (element !== document.body) stops.push({ element, focused: linesOf(element) });
  return true;
}"""
READ_STOPS = """async () => {
  document.activeElement.blur();
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  scrollTo(0, 0);
  return stops.map(({ element, focused }) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    const name = element.ariaLabel || element.textContent.trim() || element.id || element.outerHTML.slice(0, 90);
    const pinned = element.closest(".live-toolbar, .live-grid + .live-controls") !== null;
    return { name, left, top, right, bottom, pinned, shown: focused !== linesOf(element) };
  });
}"""


@pytest.fixture
def load(request, playwright, shared_sites):
    """Loads a kind of page, with reduced motion: `load("camera")`; visitors have two cameras."""

    def load_(kind: str) -> Page:
        tabs = request.getfixturevalue("two_camera_tabs" if kind == "visitors" else "tabs")
        page = tabs.open("about:blank", DESKTOP, camera=kind == "visitors")
        page.emulate_media(reduced_motion="reduce")
        site = shared_sites.get(kind)
        site.explainer.delay_s = _EXPLAIN_S
        tabs.go(page, site.url)
        page.wait_for_selector('[data-live="own-start"]:enabled' if kind == "visitors" else ".live-stage[data-seq]")
        return page

    return load_


def show_frames(page: Page) -> None:
    """Waits until all feeds show frames; a visitor shows the camera first."""
    if page.locator('[data-live="own-start"]').count():
        page.get_by_role("button", name="Show my camera").click()
    wait_for_frame(page)
    page.wait_for_function("[...document.querySelectorAll('.live-stage')].every((stage) => stage.dataset.seq)")


def violations(page: Page, node_folder, within: str = "html") -> list[str]:
    """Returns the violations that axe-core finds on a page or in parts of it, and those of its dark colours."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate((node_folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    found = []
    for dark, only in ((True, ["color-contrast"]), (False, STANDARDS)):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        found += [
            f"{rule['id']} ({rule['impact']}): {node['target']}: {node['failureSummary']}"
            for rule in page.evaluate(RUN_AXE, [within, only])["violations"]
            for node in rule["nodes"]
        ]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_accessible_on_a_desktop_and_on_a_phone(load, node_folder, kind):
    page = load(kind)
    found = violations(page, node_folder) if kind == "visitors" else []
    show_frames(page)
    # All else is there when they are open, too.
    if page.locator(FOLDS).count():
        found += violations(page, node_folder, FOLDS)
    page.evaluate(UNFOLD)
    assert page.evaluate(MOTIONS) == []
    expect_names(page)
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        wait_for_frame(page, after=wait_for_frame(page))
        found += violations(page, node_folder)
        expect_visible_focus_in_reading_order(page)
        if kind == "camera":
            found += violations_above(page, node_folder)
    assert not found, "\n".join(["", *found])


def violations_above(page: Page, node_folder) -> list[str]:
    """Returns the violations in the menu of sources and in the list of keys."""
    page.wait_for_function("document.querySelector('[data-live=keys]').onclick != null")
    page.wait_for_selector('[data-live="sources"]')
    found = []
    for key, above in (("i", POPUP), ("?", DIALOG)):
        page.keyboard.press(key)
        page.wait_for_selector(f"{above} :is(button, kbd)")
        found += violations(page, node_folder, above)
        page.keyboard.press("Escape")
        page.wait_for_selector(above, state="detached")
    return found


def expect_visible_focus_in_reading_order(page: Page) -> None:
    """Walks through the page with Tab."""
    page.evaluate(LINES_OF)
    page.keyboard.press("Tab")
    while page.evaluate(NOTE_STOP):
        page.keyboard.press("Tab")
    stops = page.evaluate(READ_STOPS)
    assert len(stops) > 2
    for before, after in pairwise(stops):
        if before["pinned"] != after["pinned"]:
            continue  # a bar at the edge of the window is in no column
        # The focus moves up only to start the next column, and left only to start the next row.
        up_in_the_column = after["bottom"] <= before["top"] and after["left"] < before["right"]
        left_in_the_row = after["right"] <= before["left"] and after["top"] < before["bottom"]
        assert not up_in_the_column, (before, after)
        assert not left_in_the_row, (before, after)
    assert [stop["name"] for stop in stops if not stop["shown"]] == []


def expect_names(page: Page) -> None:
    """Fails unless everything that takes the focus has a name for screen readers."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    focusable = [
        node
        for node in nodes
        if any(p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", ()))
        and node["role"]["value"] != "RootWebArea"
    ]
    assert len(focusable) > 2
    assert [node["role"]["value"] for node in focusable if not node["name"]["value"].strip()] == []
