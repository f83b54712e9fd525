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

const CLASSES = ["target", "other"];
const NAMES = ["question", ...CLASSES, "layer", "method", "style", "opacity", "colormap"];
const LIKELIEST = "likeliest";
const SAID_MS = 6000;

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
  if (name === "opacity") return Number(word);
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

/** The button that copies the link, and what is said about links. */
class Link {
  /** @param {HTMLElement} button */
  constructor(button) {
    this.said = document.createElement("p");
    this.said.className = "live-said";
    this.said.setAttribute("role", "status");
    this.forgetting = 0;
    button.after(this.said);
    button.onclick = () => this.copy();
  }

  /** @param {(string | Node)[]} parts */
  say(...parts) {
    clearTimeout(this.forgetting);
    this.said.replaceChildren(...parts);
  }

  async copy() {
    const link = write();
    try {
      // At once, with the text to come: some browsers let a page copy only while the click is being heard.
      const text = link.then((href) => new Blob([href], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
      this.say("Link copied");
      this.forgetting = setTimeout(() => this.say(), SAID_MS);
    } catch {
      await link.then(
        (href) => this.offer(href),
        (error) => this.say(`No link: ${error.message}`),
      );
    }
  }

  /** Shows the link to be copied by hand, where the page may not. @param {string} href */
  offer(href) {
    const field = document.createElement("input");
    field.className = "live-link";
    field.readOnly = true;
    field.value = href;
    field.setAttribute("aria-label", "Link to these settings");
    this.say(field);
    field.focus();
    field.select();
  }

  async restore() {
    try {
      const refused = await restore();
      if (refused.length) this.say(`Not understood in this link: ${refused.join(", ")}`);
    } catch (error) {
      this.say(`This link's settings were not restored: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** Brings the button to life, and heeds the link that the page was opened with. @param {HTMLElement} button */
export function mount(button) {
  const link = new Link(button);
  onKey("k", "copy a link to these settings", () => link.copy(), "Keep");
  link.restore();
}
