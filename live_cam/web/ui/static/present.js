// @ts-check
/**
 * Presenting: picture, name and one sentence, as large as the screen.
 *
 * Where the browser refuses full screen, as on phones, they fill the window.
 */

import { onKey } from "./keys.js";

/** Ends the presentation; null outside of one. @type {(() => void) | null} */
let leave = null;

/** The stage in use, or the first. @returns {HTMLElement | null} */
function stageInUse() {
  const tile = document.querySelector(".live-tile:focus-within") ?? document.querySelector(".live-tile:hover");
  return (tile ?? document).querySelector(".live-stage");
}

function toggle() {
  if (leave) leave();
  else present();
}

function present() {
  const stage = stageInUse();
  if (!stage) return;
  const focused = document.activeElement;
  const removal = new AbortController();
  leave = () => {
    leave = null;
    removal.abort();
    delete document.body.dataset.presenting;
    delete stage.dataset.presented;
    if (document.fullscreenElement) document.exitFullscreen();
    if (focused instanceof HTMLElement) focused.focus();
  };
  document.body.dataset.presenting = stage.dataset.presented = "";
  const button = /** @type {HTMLElement} */ (stage.querySelector('[data-live="leave"]'));
  button.onclick = leave;
  button.focus();
  const { signal } = removal;
  document.addEventListener("keydown", ({ key }) => key === "Escape" && leave?.(), { signal });
  // In full screen the browser keeps the key, and only says that it has left.
  document.addEventListener("fullscreenchange", () => document.fullscreenElement || leave?.(), { signal });
  document.documentElement.requestFullscreen?.().catch(() => {}); // it fills the window
}

/** @param {HTMLElement} button */
export function mount(button) {
  button.onclick = toggle;
  onKey("g", "present, as large as the screen", toggle, "Page", '[data-live="present"]');
}
