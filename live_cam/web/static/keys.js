// @ts-check
/**
 * The keys that do something on the page, in one place.
 *
 * None acts while somebody types, nor together with a modifier, which would be the browser's or the system's.
 */

/** @type {Map<string, {does: string, act: () => void}>} */
const keys = new Map();
const TYPED_INTO = "input:not([type=range], [type=button], [type=checkbox]), textarea, select, [contenteditable=true]";

/**
 * Gives a key something to do, in place of what it did before.
 *
 * @param {string} key As `KeyboardEvent.key` has it, in small letters.
 * @param {string} does What the key does, in a word or two for the list of keys on the page.
 * @param {() => void} act
 */
export function onKey(key, does, act) {
  keys.set(key, { does, act });
  list();
}

/** Writes the list of keys wherever the page has a place for it. */
function list() {
  const words = [...keys].sort().map(([key, { does }]) => `${key.toUpperCase()} ${does}`);
  for (const place of document.querySelectorAll('[data-live="keys"]')) place.textContent = `Keys: ${words.join(" · ")}`;
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  if (event.target instanceof Element && event.target.closest(TYPED_INTO)) return;
  keys.get(event.key.toLowerCase())?.act();
});
