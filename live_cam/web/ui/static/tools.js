// @ts-check
/** The buttons that freeze the frame and start or stop the source. */

import { onKey } from "./keys.js";
import { isOwn } from "./own_mode.js";
import { changeSettings, onSettings, pendingSettings } from "./settings.js";
import { notifyCameraMissing } from "./ui.js";

/** An element of the feed whose settings these are. */
const stage = () => /** @type {HTMLElement} */ (document.querySelector(".live-stage"));

/** @param {"frozen" | "running"} name */
function toggle(name) {
  const settings = pendingSettings();
  if (!settings || (name === "frozen" && !settings.frozen && notifyCameraMissing("Not frozen"))) return;
  changeSettings(stage(), { [name]: !settings[name] });
}

/** Starts or stops the source or, where visitors show their own cameras, this visitor's. */
function startOrStop() {
  const own = document.querySelector('.live-own :is([data-live="own-start"], [data-live="own-stop"]):not([hidden])');
  if (own instanceof HTMLElement) own.click();
  else toggle("running");
}

/** Writes on a button what a press does. @param {HTMLElement} button @param {boolean} isOn @param {string} word */
function show(button, isOn, word) {
  button.toggleAttribute("data-on", isOn);
  const text = /** @type {HTMLElement} */ (button.querySelector("span"));
  if (text.textContent !== word) text.textContent = word;
}

/** @param {HTMLElement} root The button that stops the source, or the tools. */
export function mount(root) {
  const run = /** @type {HTMLElement | null} */ (root.closest('[data-live="run"]'));
  const freeze = /** @type {HTMLElement | null} */ (root.querySelector('[data-live="freeze"]'));
  if (run && isOwn()) return run.remove(); // the camera's own button stops it
  if (run) run.onclick = () => toggle("running");
  if (freeze) freeze.onclick = () => toggle("frozen");
  onSettings(({ frozen, running }) => {
    if (run) show(run, !running, running ? "Stop" : "Start");
    if (freeze) show(freeze, frozen, frozen ? "Resume" : "Freeze");
  });
  if (!freeze) return;
  onKey("f", "freeze or resume", () => toggle("frozen"), "Camera", '[data-live="freeze"]');
  onKey(" ", "start or stop", startOrStop, "Camera", '[data-live="run"], [data-live="own-start"], [data-live="own-stop"]');
}
