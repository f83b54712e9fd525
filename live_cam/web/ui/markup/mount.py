"""What connects the elements of a `gr.HTML` to the page's scripts."""

from __future__ import annotations

from typing import Final

from live_cam.web.ui.scripts import FOLDER

_FOLDER = f"""
const folder = location.origin + location.pathname.replace(/[^/]*$/, "{FOLDER}");
"""
MOUNT: Final = (
    _FOLDER
    + """
const modules = {
  viewer: ".live-stage",
  occlusion: ".live-stage",
  questions: ".live-questions",
  tools: ".live-run, .live-tools:not(.live-tile *)",
  top_maps: ".live-top",
  class_list: ".live-class-list, .live-note",
  snapshot: ".live-tools:has([data-live=snapshot])",
  recording: ".live-recording",
  permalink: '[data-live="link"]',
  sources: ".live-sources",
  present: '[data-live="present"]',
  teach: "#live-teach",
  kiosk_teach: ".live-kiosk-teach",
  help: ".live-help",
  kiosk: ".live-kiosk",
};
import(new URL("own_mode.js", folder)).then(({ markOwn }) => {
  markOwn(element);
  for (const [name, selector] of Object.entries(modules)) {
    const found = element.querySelectorAll(selector);
    if (found.length) import(new URL(`${name}.js`, folder)).then((module) => found.forEach(module.mount));
  }
});
"""
)
"""Calls the `mount` of each module with the elements of a `gr.HTML` that match its selector."""

SYNC: Final = (
    _FOLDER
    + """
import(new URL("controls.js", folder)).then((module) => module.onSync(() => trigger("change")));
"""
)
"""Lets the page's scripts trigger the change event of a `gr.HTML`, which updates Gradio's components."""
