// @ts-check
/** What a visitor has to do before there is anything to ask about. */

import { say } from "./toast.js";

/** Whether this is a visitor who shows no camera. */
export function isCameraAwaited() {
  return document.querySelector('[data-live="own-start"]:not([hidden])') !== null;
}

/**
 * Tells whether this is a visitor who shows no camera, and says then what comes first.
 *
 * @param {string} undone What is not done, in a few words.
 */
export function cameraFirst(undone) {
  const awaited = isCameraAwaited();
  if (awaited) say(`${undone}: show your camera first`);
  return awaited;
}
