// @ts-check
/**
 * The keys that do something on the page, in one place: what acts on them, lists them and writes them on the controls.
 *
 * None acts while somebody types, in a dialog, or together with a modifier, which would be the browser's or the
 * system's; and none at all in a kiosk.
 */

/**
 * @typedef {"Ask" | "Look" | "Picture" | "Keep" | "Page"} Group
 * @typedef {{does: string, act: () => void, group: Group, control: string}} Key
 */

/** @type {Map<string, Key>} */
const keys = new Map();
const TYPED_INTO = "input:not([type=range], [type=button], [type=checkbox], [type=radio]), textarea, select, [contenteditable=true]";
/** In the order of the list. @type {Group[]} */
const GROUPS = ["Ask", "Look", "Picture", "Keep", "Page"];
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
 * @param {Group} group Where it stands in the list.
 * @param {string} control The selector of what does the same on the page.
 */
export function onKey(key, does, act, group, control) {
  keys.set(key, { does, act, group, control });
  document.querySelectorAll(controls()).forEach(tellKeys);
}

/** The selector of all that has a key. */
const controls = () => [...keys.values()].map(({ control }) => control).join();

/** Writes a control's keys where pointers and screen readers find them. @param {Element} control */
function tellKeys(control) {
  if (!(control instanceof HTMLElement) || document.querySelector(".live-kiosk")) return;
  const names = [...keys].filter(([, key]) => control.matches(key.control)).map(([key]) => keyName(key));
  if (control.dataset.keys === names.join(" ")) return;
  control.dataset.keys = names.join(" ");
  control.dataset.says ??= control.title;
  control.title = control.dataset.says ? `${control.dataset.says} (key ${names.join(", ")})` : `Key ${names.join(", ")}`;
  const fields = control.matches("button, select") ? [control] : control.querySelectorAll("input");
  fields.forEach((field) => field.setAttribute("aria-keyshortcuts", names.join(" ")));
}

/** Some are built late, so each is told its keys when somebody comes to it, too. @param {Event} event */
function tellOnArrival(event) {
  const control = event.target instanceof Element ? event.target.closest(controls()) : null;
  if (control) tellKeys(control);
}
document.addEventListener("pointerover", tellOnArrival);
document.addEventListener("focusin", tellOnArrival);

/** All keys by group. @returns {[string, [string, Key][]][]} */
export function keysByGroup() {
  return GROUPS.map((group) => [group, [...keys].filter(([, key]) => key.group === group)]);
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
  if (event.shiftKey && key !== event.key) return; // a capital letter; + and ? need the shift key, too
  if (document.querySelector("dialog[open]") && key !== "?") return;
  if (USED_BY.some((user) => user.keys.includes(key) && target.closest(user.elements))) return;
  const found = keys.get(key);
  if (!found) return;
  event.preventDefault();
  found.act();
});
