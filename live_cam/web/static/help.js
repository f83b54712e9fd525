// @ts-check
/** The list of keys, in a dialog of the browser's own, which keeps the focus inside and gives it back. */

import { keyName, keysByGroup, onKey } from "./keys.js";

/** @template {keyof HTMLElementTagNameMap} K @param {K} tag @param {string} text */
function make(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/** @param {[string, import("./keys.js").Key][]} keys @param {string} group */
function section(keys, group) {
  const part = document.createElement("section");
  const list = document.createElement("dl");
  for (const [key, { does }] of keys) {
    const term = document.createElement("dt");
    term.append(make("kbd", keyName(key)));
    list.append(term, make("dd", does));
  }
  part.append(make("h3", group), list);
  return part;
}

/** Brings the dialog to life. @param {HTMLDialogElement} dialog */
export function mount(dialog) {
  const places = /** @type {HTMLElement} */ (dialog.querySelector('[data-live="help-groups"]'));
  const turn = () => {
    if (dialog.open) {
      dialog.close();
      return;
    }
    places.replaceChildren(...keysByGroup().map(([group, keys]) => section(keys, group)));
    dialog.showModal();
  };
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  const button = /** @type {HTMLElement | null} */ (document.querySelector('[data-live="keys"]'));
  if (button) button.onclick = turn;
  onKey("?", "show these keys, or close them", turn, "Page", '[data-live="keys"]');
}
