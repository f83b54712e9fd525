// @ts-check
/** Kiosk mode: only the class can be chosen. After a while without input the choice is undone and a visitor's camera is closed. */

import { clearAll } from "./occlusion.js";
import { changeSettings, onSettings, pendingSettings } from "./settings.js";

const CHECK_EVERY_MS = 250;

/** @param {HTMLElement} root Its `data-idle-s` is the time without input after which the page returns to the top class. */
export function mount(root) {
  const stage = /** @type {HTMLElement} */ (document.querySelector(".live-stage"));
  let lastInputMs = performance.now();
  /** @type {number | null | undefined} */
  let target;
  // A choice made on any page of the kiosk counts as input.
  onSettings((settings) => {
    if (settings.target !== target) lastInputMs = performance.now();
    target = settings.target;
  });
  document.addEventListener("pointerdown", () => (lastInputMs = performance.now()), { capture: true });
  document.addEventListener("contextmenu", (event) => event.preventDefault());
  setInterval(() => {
    const idleMs = performance.now() - lastInputMs;
    if (idleMs < 1000 * Number(root.dataset.idleS)) return;
    lastInputMs = performance.now();
    clearAll();
    // Whoever opened the camera has left, and the next visitor has not consented.
    /** @type {HTMLElement | null} */ (document.querySelector('[data-live="own-stop"]:not([hidden])'))?.click();
    if (pendingSettings()?.target != null) changeSettings(stage, { target: null });
  }, CHECK_EVERY_MS);
}
