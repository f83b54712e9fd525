// @ts-check
/** The list of top classes, whose buttons lock the explained class, and the notes under the controls. */

import { fetchChoices } from "./choices.js";
import { changeSettings, onSettings, pendingSettings } from "./settings.js";
import { notifyCameraMissing } from "./ui.js";

/** @param {HTMLElement} root */
function mountList(root) {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(".live-class"))) {
    // The class under the pointer when it went down: the list may change before it goes up.
    let pressed = button.dataset.index;
    button.onpointerdown = () => (pressed = button.dataset.index);
    button.onclick = (event) => {
      const index = Number(event.detail ? pressed : button.dataset.index);
      if (!Number.isInteger(index)) notifyCameraMissing("Nothing to explain");
      else changeSettings(root, { target: pendingSettings()?.target === index ? null : index });
    };
  }
  const unlock = /** @type {HTMLElement} */ (root.querySelector('[data-live="unlock"]'));
  unlock.onclick = () => {
    changeSettings(root, { target: null });
    /** @type {HTMLElement} */ (root.querySelector(".live-class")).focus(); // this button is about to be hidden
  };
}

/** Shows the note on the current value of a setting. @param {HTMLElement} note */
async function mountNote(note) {
  const name = /** @type {keyof import("./settings.js").Settings} */ (note.dataset.setting);
  const notes = (await fetchChoices()).notes[name];
  onSettings((settings) => (note.textContent = notes[String(settings[name])] ?? ""));
}

/** @param {HTMLElement} root */
export function mount(root) {
  if (root.matches(".live-note")) mountNote(root).catch((error) => console.warn("live_cam: no notes", error));
  else mountList(root);
}
