// @ts-check
/**
 * Teaching in a kiosk: classes that are given, with buttons for fingers, forgotten when nobody is there any more.
 *
 * @typedef {import("./teaching.js").TeachingState} TeachingState
 */

import { noteInput, onIdle } from "./kiosk.js";
import { showWarnings, TaughtClassList } from "./taught_class.js";
import { Teaching } from "./teaching.js";
import { write } from "./ui.js";

/** What was learnt, in a sentence. @param {TeachingState} state */
function learnt({ fitting, words, accuracy }) {
  if (fitting) return "Learning …";
  if (accuracy) return `It was right on ${accuracy.right} of ${accuracy.takes} showings that it had not learnt from.`;
  return words && "Show each once more, in another place, and it says how often it is right.";
}

/** @param {HTMLElement} root */
export function mount(root) {
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(`[data-live="teach-${name}"]`));
  const say = (/** @type {string} */ message) => write(part("message"), message);
  let pictures = 0;
  const teaching = new Teaching(root, show, say);
  const classes = new TaughtClassList(part("classes"), teaching, true);

  /** @param {TeachingState} state */
  function show(state) {
    classes.show(state);
    write(part("accuracy"), learnt(state));
    showWarnings(part("warnings"), state.classes);
    /** @type {HTMLButtonElement} */ (part("reset")).disabled = !teaching.pictures;
    // Somebody teaches, at whatever page of the kiosk.
    if (teaching.pictures !== pictures) noteInput();
    pictures = teaching.pictures;
  }

  part("reset").onclick = () => teaching.do({ action: "reset" });
  onIdle(() => teaching.pictures && teaching.do({ action: "reset" }));
  teaching.follow();
}
