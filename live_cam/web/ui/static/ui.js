// @ts-check
/** Helpers that several modules of the page share. */

const TOAST_MS = 6000;
let clearing = 0;

/** Waits. @param {number} milliseconds @returns {Promise<unknown>} */
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Writes a text where it is another: a live region would be read again. @param {Element} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows a message at the edge of the page for a while. @param {string} text */
export function notify(text) {
  // Of the first page and of Gradio's, which may be about to take its place.
  const toasts = document.querySelectorAll('[data-live="toast"]');
  toasts.forEach((toast) => (toast.textContent = text));
  clearTimeout(clearing);
  clearing = setTimeout(() => toasts.forEach((toast) => (toast.textContent = "")), TOAST_MS);
}

/** Presses a button of the focused tile, of the one under the pointer, or of the first. @param {string} name Its `data-live`. */
export function press(name) {
  const button = [".live-tile:focus-within", ".live-tile:hover", ":root"]
    .map((scope) => /** @type {HTMLElement | null} */ (document.querySelector(`${scope} [data-live="${name}"]`)))
    .find((element) => element !== null);
  button?.click();
}

/** Whether this is a visitor whose camera is off. */
export function isCameraMissing() {
  return document.querySelector('[data-live="own-start"]:not([hidden])') !== null;
}

/**
 * Notifies a visitor whose camera is off, and returns whether it is.
 *
 * @param {string} failure What was not done, in a few words.
 */
export function notifyCameraMissing(failure) {
  const missing = isCameraMissing();
  if (missing) notify(`${failure}: show your camera first`);
  return missing;
}
