// @ts-check
/**
 * The keys that do something on the page, in one place.
 *
 * None acts while somebody types, in a dialog, or together with a modifier, which would be the browser's or the
 * system's; and none at all in a kiosk.
 */

/** @typedef {{does: string, act: () => void, group: string}} Key */

/** @type {Map<string, Key>} */
const keys = new Map();
const TYPED_INTO = "input:not([type=range], [type=button], [type=checkbox], [type=radio]), textarea, select, [contenteditable=true]";
/** What has a use of its own for some keys: those keys are not taken from it. */
const USED_BY = [
  { keys: [" "], elements: "button, a[href], summary, input, [role=button], [role=tab]" },
];

/**
 * Gives a key something to do, in place of what it did before.
 *
 * @param {string} key As `KeyboardEvent.key` has it, letters small.
 * @param {string} does What the key does, in a few words for the list of keys.
 * @param {() => void} act
 * @param {string} [group] Where it stands in the list.
 */
export function onKey(key, does, act, group = "Picture") {
  keys.set(key, { does, act, group });
}

/** All keys by group, in the order in which they were given. @returns {Map<string, [string, Key][]>} */
export function keysByGroup() {
  /** @type {Map<string, [string, Key][]>} */
  const groups = new Map();
  for (const entry of keys) groups.set(entry[1].group, [...(groups.get(entry[1].group) ?? []), entry]);
  return groups;
}

/** What is written on a key. @param {string} key */
export function keyName(key) {
  return key === " " ? "Space" : key.toUpperCase();
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
  const { target } = event;
  if (document.querySelector(".live-kiosk") || !(target instanceof Element) || target.closest(TYPED_INTO)) return;
  const key = event.key.toLowerCase();
  if (document.querySelector("dialog[open]") && key !== "?") return;
  if (USED_BY.some((user) => user.keys.includes(key) && target.closest(user.elements))) return;
  const found = keys.get(key);
  if (!found) return;
  event.preventDefault();
  found.act();
});
