// @ts-check
/**
 * Kiosk mode: only the class can be chosen. After a while without input the choice is undone, and so is what was taught, and
 * a visitor's camera is closed.
 */

import { clearAll } from "./occlusion.js";
import { changeSettings, onSettings, pendingSettings } from "./settings.js";

const CHECK_EVERY_MS = 250;
let lastInputMs = performance.now();
/** @type {Set<() => void>} */
const idleListeners = new Set();

/** Takes something for input, so that the page does not yet return to the start. */
export function noteInput() {
  lastInputMs = performance.now();
}

/** Calls `listener` when nobody has touched the page for a while. @param {() => void} listener */
export function onIdle(listener) {
  idleListeners.add(listener);
}

/** @param {HTMLElement} root Its `data-idle-s` is the time without input after which the page returns to the top class. */
export function mount(root) {
  const stage = /** @type {HTMLElement} */ (document.querySelector(".live-stage"));
  noteInput();
  /** @type {number | null | undefined} */
  let target;
  // A choice made on any page of the kiosk counts as input.
  onSettings((settings) => {
    if (settings.target !== target) noteInput();
    target = settings.target;
  });
  document.addEventListener("pointerdown", noteInput, { capture: true });
  document.addEventListener("contextmenu", (event) => event.preventDefault());
  setInterval(() => {
    const idleMs = performance.now() - lastInputMs;
    if (idleMs < 1000 * Number(root.dataset.idleS)) return;
    noteInput();
    clearAll();
    idleListeners.forEach((listener) => listener());
    // Whoever opened the camera has left, and the next visitor has not consented.
    /** @type {HTMLElement | null} */ (document.querySelector('[data-live="own-stop"]:not([hidden])'))?.click();
    if (pendingSettings()?.target != null) changeSettings(stage, { target: null });
  }, CHECK_EVERY_MS);
}
