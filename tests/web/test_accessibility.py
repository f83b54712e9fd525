"""Whether all can use the page: axe-core, a keyboard, and a wish for less motion, in a real Chromium."""

from __future__ import annotations

from itertools import pairwise

import pytest

pytestmark = pytest.mark.slow

DESKTOP = {"width": 1280, "height": 800}
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Presses all that unfolds further controls.
UNFOLD = """() => {
  document.querySelectorAll(".label-wrap:not(.open)").forEach((fold) => fold.click());
  document.querySelectorAll("details").forEach((fold) => (fold.open = true));
}"""
RUN_AXE = "(tags) => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })"

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
TELL_STOPS = """async () => {
  document.activeElement.blur();
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  scrollTo(0, 0);
  return stops.map(({ element, focused }) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    const name = element.ariaLabel || element.textContent.trim() || element.id || element.outerHTML.slice(0, 90);
    return { name, left, top, right, bottom, shown: focused !== linesOf(element) };
  });
}"""


@pytest.fixture(scope="module")
def chromium(launch_chromium):
    """A browser with two cameras of its own, which the visitor's page can show."""
    with launch_chromium("--use-fake-device-for-media-stream=device-count=2") as browser:
        yield browser


@pytest.fixture(params=["one source", "two sources", "visitors", "kiosk"])
def open_view(request, serve_session, fake_source, fake_explainer, chromium, size):
    """Opens one kind of page once it shows pictures: `open_view(theme="light", **options of the context)`."""
    names = {"two sources": ["Left", "Right"], "visitors": []}.get(request.param, ["Camera"])
    sources = [fake_source(name=name) for name in names]
    places = 0 if sources else 1
    site = serve_session(sources, fake_explainer(), most_visitors=places, kiosk=request.param == "kiosk")
    contexts = []

    def open_(theme="light", **options):
        contexts.append(chromium.new_context(viewport=size, permissions=["camera"], **options))
        page = contexts[-1].new_page()
        page.goto(f"{site.url}?__theme={theme}")
        if not sources:
            page.get_by_role("button", name="Show my camera").click()
        for number in range(len(sources) or 1):
            page.wait_for_selector(f'.live-stage[data-feed="{number}"][data-seq]', timeout=20_000)
        return page

    yield open_
    for context in contexts:
        context.close()


def violations(page, node_folder) -> list[str]:
    """Says what axe-core finds against a page as it is."""
    page.add_script_tag(path=node_folder / "node_modules" / "axe-core" / "axe.min.js")
    return [
        f"{rule['id']} ({rule['impact']}): {node['target']}: {node['failureSummary']}"
        for rule in page.evaluate(RUN_AXE, STANDARDS)["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_against_the_page(open_view, node_folder, theme):
    page = open_view(theme)
    found = violations(page, node_folder)
    page.evaluate(UNFOLD)
    found += violations(page, node_folder)
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_against_the_page_before_a_visitor_shows_a_camera(
    serve_session, fake_explainer, chromium, node_folder, size, theme
):
    site = serve_session([], fake_explainer(), most_visitors=1)
    context = chromium.new_context(viewport=size)
    page = context.new_page()
    page.goto(f"{site.url}?__theme={theme}")
    page.wait_for_selector('[data-live="own-start"]:enabled')
    found = violations(page, node_folder)
    context.close()
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_against_the_list_of_keys(site, chromium, node_folder, theme):
    context = chromium.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(f"{site.url}?__theme={theme}")
    page.wait_for_selector(".live-stage[data-seq]", timeout=20_000)
    page.wait_for_function("document.querySelector('[data-live=keys]').onclick != null")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    found = violations(page, node_folder)
    context.close()
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize("size", [DESKTOP], ids=["desktop"])
def test_whatever_takes_the_focus_has_a_name_for_screen_readers(open_view):
    page = open_view()
    page.evaluate(UNFOLD)
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    takers = [
        node
        for node in nodes
        if any(p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", ()))
        and node["role"]["value"] != "RootWebArea"
    ]
    assert len(takers) > 2
    assert [node["role"]["value"] for node in takers if not node["name"]["value"].strip()] == []


def test_the_focus_goes_the_way_the_eye_reads_and_is_always_seen(open_view):
    page = open_view(reduced_motion="reduce")
    page.evaluate(UNFOLD)
    page.evaluate(LINES_OF)
    page.keyboard.press("Tab")
    while page.evaluate(NOTE_STOP):
        page.keyboard.press("Tab")
    stops = page.evaluate(TELL_STOPS)
    assert len(stops) > 2
    for before, after in pairwise(stops):
        # Up goes only who begins the next column, left only who begins the next row.
        up_in_the_column = after["bottom"] <= before["top"] and after["left"] < before["right"]
        left_in_the_row = after["right"] <= before["left"] and after["top"] < before["bottom"]
        assert not up_in_the_column, (before, after)
        assert not left_in_the_row, (before, after)
    assert [stop["name"] for stop in stops if not stop["shown"]] == []


@pytest.mark.parametrize("size", [DESKTOP], ids=["desktop"])
def test_nothing_moves_by_itself_for_those_who_ask_for_less_motion(open_view):
    page = open_view(reduced_motion="reduce")
    page.evaluate(UNFOLD)
    assert page.evaluate(MOTIONS) == []
