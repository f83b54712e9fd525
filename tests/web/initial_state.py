"""Brings a page that stays open back to the state in which it was loaded, as far as that can be proven.

It is proven by what stands in the document: all elements with their attributes, texts and values, the focus, the scroll
position, the storage, what media queries say, and what scripts have replaced. A page that differs is not used again.
"""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

# How many frames a page gets to come back, and how long without any.
_FRAMES = 8
_LIMIT_MS = 3000


@dataclass(frozen=True)
class PageState:
    """What a page keeps itself: the names that scripts have given to the window, and a description of all else."""

    names: list[str]
    description: str


# What a person would do, or remove. It can do nothing about the mouse, which the caller moves away.
_UNDO = """(names) => {
  const all = (parts, act) => document.querySelectorAll(parts).forEach(act);
  all("dialog[open]", (dialog) => dialog.close());
  all("details[open]", (fold) => (fold.open = false));
  all(`.label-wrap.open, [data-live="three-maps"][aria-expanded="true"], [data-live="occlude"][aria-pressed="false"]`,
    (button) => button.click());
  all(".live-maps button", (map) => {
    Object.assign(map, { disabled: true, ariaLabel: null });
    map.lastChild.textContent = "";
    delete map.dataset.index;
  });
  all(`[data-live="toast"], [data-live="snapshot-status"]`, (status) => (status.textContent = ""));
  all(".live-strip ol", (list) => list.remove());
  Object.keys(globalThis).filter((name) => !names.includes(name)).forEach((name) => delete globalThis[name]);
  localStorage.clear();
  document.body.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
  document.activeElement?.blur();
  getSelection().removeAllRanges();
  scrollTo(0, 0);
}"""

# Left out are what every frame brings anew, and so the page does not keep: figures, bars, whether to trust the map; and
# what is built when it is first opened, and then stays: Gradio's accordion and the dialogs, while they are closed.
_DESCRIBE = r"""() => {
  const ignored = new Set(["id", "style", "d", "viewBox", "width", "height", "data-seq"]);
  const brought = `.live-trust, .live-figures, [data-live="big-sentence"]`;
  const built = "dialog:not([open]), #live-advanced > button:not(.open) ~ *";
  const media = ["(hover: none)", "(pointer: coarse)", "(prefers-color-scheme: dark)", "(prefers-reduced-motion)"];
  const lines = media.map((query) => matchMedia(query).matches);
  lines.push(document.fullscreenElement?.tagName, document.activeElement?.tagName, location.search);
  lines.push(scrollX > 0, scrollY > 0);
  const describe = (element) => {
    if (element.matches(`${brought}, ${built}`)) return;
    const { tagName, attributes, childNodes, hidden, value, checked, open } = element;
    const named = [...attributes].filter((each) => each.value && !ignored.has(each.name));
    const texts = [...childNodes].filter((node) => node instanceof Text).map((node) => node.data);
    const attributed = named.map((each) => `${each.name}=${each.value}`).sort();
    lines.push(JSON.stringify([tagName, attributed, texts, hidden, value, checked, open]));
    [...element.children].forEach(describe);
  };
  describe(document.body);
  for (const kept of [localStorage, sessionStorage, globalThis]) lines.push(Object.keys(kept).sort().join());
  lines.push(getSelection().toString());
  for (const owner of [navigator, navigator.clipboard, URL, Element.prototype, File.prototype])
    for (const [name, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(owner ?? {}))) {
      const part = get ?? value;
      const isNative = typeof part !== "function" || /\[native code\]/.test(part);
      if (owner === navigator || !isNative) lines.push(`${name} is replaced`);
    }
  return { names: Object.keys(globalThis), description: lines.join("\n").replace(/\d+/g, "0") };
}"""

# The settings come back with a frame, Gradio's parts follow, and what was requested before may still come: so the page
# has to be as it was before anything is undone once more.
_RESTORE = f"""async ({{ names, description }}) => {{
  const seq = () => document.querySelector(".live-stage")?.dataset.seq;
  const endMs = performance.now() + {_LIMIT_MS};
  for (let frame = 0; frame < {_FRAMES}; frame++) {{
    if (({_DESCRIBE})().description === description) return true;
    ({_UNDO})(names);
    for (const last = seq(); seq() === last; await new Promise(requestAnimationFrame))
      if (performance.now() > endMs) return false;
  }}
  return false;
}}"""


def describe(page: Page) -> PageState:
    """Describes the state of a page."""
    return PageState(**page.evaluate(_DESCRIBE))


def restore(page: Page, initial: PageState) -> bool:
    """Undoes what a person has done on a page, and returns whether it is then in its initial state."""
    return page.evaluate(_RESTORE, vars(initial))
