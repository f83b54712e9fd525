// @ts-check
/** The classes in the list are buttons: one that is pressed is explained until it is pressed again. */

import { cameraFirst } from "./own_first.js";
import { change, wanted } from "./settings.js";

/** @param {HTMLElement} root */
export function mount(root) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".live-class"))) {
    // What was under the finger when it came down, though the list may have changed before it went up.
    let meant = button.dataset.index;
    button.onpointerdown = () => (meant = button.dataset.index);
    button.onclick = (event) => {
      const index = Number(event.detail ? meant : button.dataset.index);
      if (!Number.isInteger(index)) cameraFirst("Nothing to explain");
      else change(root, { target: wanted()?.target === index ? null : index });
    };
  }
  const unlock = /** @type {HTMLElement} */ (root.querySelector('[data-live="unlock"]'));
  unlock.onclick = () => {
    change(root, { target: null });
    /** @type {HTMLElement} */ (root.querySelector(".live-class")).focus(); // this button is about to go
  };
}
