// @ts-check
/** The page in front of strangers: nothing but the classes can be chosen, and that choice ends when nobody is there. */

import { change, wanted } from "./settings.js";

const LOOK_EVERY_MS = 250;

/** @param {HTMLElement} root Its `data-idle-s` tells after how many seconds without a touch the likeliest class is back. */
export function mount(root) {
  const stage = /** @type {HTMLElement} */ (document.querySelector(".live-stage"));
  let touchedMs = performance.now();
  document.addEventListener("pointerdown", () => (touchedMs = performance.now()), { capture: true });
  document.addEventListener("contextmenu", (event) => event.preventDefault());
  setInterval(() => {
    const idleMs = performance.now() - touchedMs;
    if (idleMs < 1000 * Number(root.dataset.idleS) || wanted()?.target == null) return;
    touchedMs = performance.now();
    change(stage, { target: null });
  }, LOOK_EVERY_MS);
}
