// @ts-check
/** A sentence at the edge of the page for a while: what went wrong with a control. */

const SHOWN_MS = 6000;
let forgetting = 0;

/** @param {string} text */
export function say(text) {
  const place = /** @type {HTMLElement | null} */ (document.querySelector('[data-live="toast"]'));
  if (!place) return;
  place.textContent = text;
  clearTimeout(forgetting);
  forgetting = setTimeout(() => (place.textContent = ""), SHOWN_MS);
}
