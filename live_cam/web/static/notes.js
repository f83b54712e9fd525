// @ts-check
/** The line under a control that says what the chosen value is for. */

import { onSettings } from "./settings.js";

/** @param {HTMLElement} place */
export function mount(place) {
  const name = /** @type {keyof import("./settings.js").Settings} */ (place.dataset.setting);
  onSettings((settings) => {
    for (const line of /** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll("[data-value]"))) {
      line.hidden = line.dataset.value !== settings[name];
    }
  });
}
