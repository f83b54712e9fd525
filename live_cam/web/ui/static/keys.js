// @ts-check
/**
 * The keyboard shortcuts: acts on them, lists them, and writes them on the controls.
 *
 * None acts while somebody types, in a dialog, or with a modifier, which belongs to the browser or the system; and none
 * in a kiosk.
 *
 * @typedef {"Explain" | "Overlay" | "Camera" | "Save" | "Page"} Group
 * @typedef {{description: string, act: () => void, group: Group, control: string}} Key
 */

/** @type {Map<string, Key>} */
const keys = new Map();
const TEXT_FIELDS = "input:not([type=range], [type=button], [type=checkbox], [type=radio]), textarea, select, [contenteditable=true]";
/** In the order of the list. @type {Group[]} */
const GROUPS = ["Explain", "Overlay", "Camera", "Save", "Page"];
/** Elements that the space bar activates. */
const SPACE_ACTIVATES = "button, a[href], summary, input, [role=button], [role=tab]";
let listening = false;

/**
 * Registers a key, in place of what it did before.
 *
 * @param {string} key `KeyboardEvent.key`, letters in lower case.
 * @param {string} description What the key does, in a few words.
 * @param {() => void} act
 * @param {Group} group
 * @param {string} control The selector of the controls that do the same.
 */
export function onKey(key, description, act, group, control) {
  if (!listening) listen();
  keys.set(key, { description, act, group, control });
  document.querySelectorAll(controls()).forEach(describeKeys);
}

function listen() {
  listening = true;
  document.addEventListener("keydown", onKeyDown);
  // Gradio builds some controls late, so each is described again on arrival.
  document.addEventListener("pointerover", onArrival);
  document.addEventListener("focusin", onArrival);
}

/** The selector of all controls with keys. */
const controls = () => [...keys.values()].map(({ control }) => control).join();

/** Writes a control's keys into its title, and for screen readers. @param {Element} control */
function describeKeys(control) {
  if (!(control instanceof HTMLElement) || document.querySelector(".live-kiosk")) return;
  const names = [...keys].filter(([, key]) => control.matches(key.control)).map(([key]) => keyName(key));
  if (control.dataset.keys === names.join(" ")) return;
  control.dataset.keys = names.join(" ");
  control.dataset.title ??= control.title;
  control.title = titleWithKeys(control.dataset.title, names);
  const fields = control.matches("button, select") ? [control] : control.querySelectorAll("input");
  fields.forEach((field) => field.setAttribute("aria-keyshortcuts", names.join(" ")));
}

/** @param {Event} event */
function onArrival(event) {
  const control = event.target instanceof Element ? event.target.closest(controls()) : null;
  if (control) describeKeys(control);
}

/** A control's title with its keys. @param {string} title @param {string[]} names */
export function titleWithKeys(title, names) {
  return title ? `${title} (key ${names.join(", ")})` : `Key ${names.join(", ")}`;
}

/** All keys by group. @returns {[string, [string, Key][]][]} */
export function keysByGroup() {
  return GROUPS.map((group) => [group, [...keys].filter(([, key]) => key.group === group)]);
}

/** What is written on a key. @param {string} key */
export function keyName(key) {
  return key === " " ? "Space" : key.toUpperCase();
}

/**
 * The registered form of a pressed key; empty for a press with a modifier, and for a repetition.
 *
 * @param {Pick<KeyboardEvent, "key" | "repeat" | "ctrlKey" | "altKey" | "metaKey" | "shiftKey">} event
 */
export function pressedKey(event) {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return "";
  const key = event.key.toLowerCase();
  return event.shiftKey && key !== event.key ? "" : key; // a capital letter; + and ? need the shift key
}

/** The pressed key if it is a shortcut where it was pressed; else empty. @param {KeyboardEvent} event */
export function shortcutKey(event) {
  const key = pressedKey(event);
  const { target } = event;
  if (event.defaultPrevented || document.querySelector(".live-kiosk")) return "";
  if (!(target instanceof Element) || target.closest(TEXT_FIELDS)) return "";
  if (document.querySelector("dialog[open]") && key !== "?") return "";
  return key === " " && target.closest(SPACE_ACTIVATES) ? "" : key;
}

/** @param {KeyboardEvent} event */
function onKeyDown(event) {
  const registered = keys.get(shortcutKey(event));
  if (!registered) return;
  event.preventDefault();
  registered.act();
}
