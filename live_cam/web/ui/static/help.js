// @ts-check
/** The list of keys, in a native dialog, which traps the focus and restores it. */

import { keyName, keysByGroup, onKey } from "./keys.js";

/** @template {keyof HTMLElementTagNameMap} K @param {K} tag @param {string} text */
function create(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/** @param {[string, import("./keys.js").Key][]} keys @param {string} group */
function section(keys, group) {
  const part = document.createElement("section");
  const list = document.createElement("dl");
  for (const [key, { description }] of keys) {
    const term = document.createElement("dt");
    term.append(create("kbd", keyName(key)));
    list.append(term, create("dd", description));
  }
  part.append(create("h3", group), list);
  return part;
}

/** @param {HTMLDialogElement} dialog */
export function mount(dialog) {
  const groups = /** @type {HTMLElement} */ (dialog.querySelector('[data-live="help-groups"]'));
  const toggle = () => {
    if (dialog.open) {
      dialog.close();
      return;
    }
    groups.replaceChildren(...keysByGroup().map(([group, keys]) => section(keys, group)));
    dialog.showModal();
  };
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  const button = /** @type {HTMLElement | null} */ (dialog.parentElement?.querySelector('[data-live="keys"]'));
  if (button) button.onclick = toggle;
  onKey("?", "show or close this list", toggle, "Page", '[data-live="keys"]');
}
