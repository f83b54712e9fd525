// @ts-check
/**
 * A link that restores the settings, such as `?question=versus&target=lion&other=tiger`.
 *
 * It names those that differ from the settings live_cam was started with, and whoever opens it gets all the others as they
 * were at the start. Its words are taken off the address bar once they have been heeded, so that loading the page again
 * undoes nothing that was changed since. Words that are no settings are left alone: they are Gradio's, or a proxy's.
 *
 * @typedef {Record<string, string | number | null>} Words The settings by name; classes by theirs, null for the likeliest.
 */

import { address, ask, choose } from "./ask.js";
import { onKey } from "./keys.js";
import { hear } from "./settings.js";
import { say } from "./toast.js";

const CLASSES = ["target", "other"];
const NAMES = ["question", ...CLASSES, "layer", "method", "style", "opacity", "colormap"];
const LIKELIEST = "likeliest";

/** Where the settings are. */
const route = () => choose(address("settings"), /** @type {HTMLElement} */ (document.querySelector(".live-stage")));

/** @param {Record<string, any>} told Settings as live_cam tells them. @returns {Words} */
function words(told) {
  /** @type {Words} */
  const named = { ...told, target: told.target_label, other: told.other_label };
  return Object.fromEntries(NAMES.map((name) => [name, named[name]]));
}

/** The settings in force, and those of the start. */
async function current() {
  const told = await (await ask(route(), "GET")).json();
  return { now: words(told), start: words(told.start) };
}

/** Writes the link to the settings in force. */
async function write() {
  const { now, start } = await current();
  const link = new URL(location.origin + location.pathname);
  for (const name of NAMES) {
    if (now[name] !== start[name]) link.searchParams.set(name, String(now[name] ?? LIKELIEST));
  }
  return link.href;
}

/** Reads one setting off an address. @param {string} name @param {string} word */
function read(name, word) {
  if (name === "opacity") return Number.parseFloat(word);
  return CLASSES.includes(name) && word === LIKELIEST ? null : word;
}

/** Changes settings, and tells whether it was done. @param {Words} settings */
async function change(settings) {
  const answer = await ask(route(), "PATCH", {}, JSON.stringify(settings)).catch(() => null);
  if (answer) hear(await answer.json());
  return answer !== null;
}

/**
 * Heeds the link that the page was opened with.
 *
 * @returns {Promise<string[]>} Those of its words that could not be.
 */
async function restore() {
  const here = new URL(location.href);
  const names = NAMES.filter((name) => here.searchParams.has(name));
  if (!names.length) return [];
  const wanted = Object.fromEntries(names.map((name) => [name, read(name, here.searchParams.get(name) ?? "")]));
  const { start } = await current();
  /** @type {string[]} */
  const refused = [];
  if (!(await change({ ...start, ...wanted }))) {
    await change(start);
    for (const name of names) {
      if (!(await change({ [name]: wanted[name] }))) refused.push(`${name}=${here.searchParams.get(name)}`);
    }
  }
  names.forEach((name) => here.searchParams.delete(name));
  history.replaceState(history.state, "", here);
  return refused;
}

/** Copies the link, or else shows it. @param {HTMLElement} button */
async function copy(button) {
  const link = write();
  try {
    // At once, with the text to come: some browsers let a page copy only while the click is being heard.
    const text = link.then((href) => new Blob([href], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
    say("Link copied");
  } catch {
    await link.then(
      (href) => offer(button, href),
      (error) => say(`No link: ${error.message}`),
    );
  }
}

/** Shows the link beside its button, to be copied by hand where the page may not. @param {HTMLElement} button @param {string} href */
function offer(button, href) {
  const found = button.parentElement?.querySelector("input");
  const field = found ?? document.createElement("input");
  field.className = "live-link";
  field.readOnly = true;
  field.value = href;
  field.ariaLabel = "Link to these settings";
  button.after(field);
  field.focus();
  field.select();
  say("This page may not copy; the link is selected for you to copy");
}

/** Brings the button to life, and heeds the link that the page was opened with. @param {HTMLElement} button */
export function mount(button) {
  button.onclick = () => copy(button);
  onKey("k", "copy a link to these settings", () => copy(button), "Keep", '[data-live="link"]');
  restore().then(
    (refused) => refused.length && say(`Not understood in this link: ${refused.join(", ")}`),
    (error) => say(`The settings of this link were not restored: ${error.message}`),
  );
}
