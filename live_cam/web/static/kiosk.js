// @ts-check
/** The page in front of strangers: nothing but the classes can be chosen. When nobody is there that ends, and a visitor's camera goes off. */

import { showAll } from "./occlusion.js";
import { change, onSettings, wanted } from "./settings.js";

const LOOK_EVERY_MS = 250;

/** @param {HTMLElement} root Its `data-idle-s` tells after how many seconds without a touch the likeliest class is back. */
export function mount(root) {
  const stage = /** @type {HTMLElement} */ (document.querySelector(".live-stage"));
  let touchedMs = performance.now();
  /** @type {number | null | undefined} */
  let target;
  // On whichever page of the kiosk somebody has chosen, somebody is there.
  onSettings((settings) => {
    if (settings.target !== target) touchedMs = performance.now();
    target = settings.target;
  });
  document.addEventListener("pointerdown", () => (touchedMs = performance.now()), { capture: true });
  document.addEventListener("contextmenu", (event) => event.preventDefault());
  setInterval(() => {
    const idleMs = performance.now() - touchedMs;
    if (idleMs < 1000 * Number(root.dataset.idleS)) return;
    touchedMs = performance.now();
    showAll();
    // Whoever showed a camera has left, and who comes next has not been asked.
    /** @type {HTMLElement | null} */ (document.querySelector('[data-live="own-stop"]:not([hidden])'))?.click();
    if (wanted()?.target != null) change(stage, { target: null });
  }, LOOK_EVERY_MS);
}
