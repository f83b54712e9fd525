// @ts-check
/**
 * A link to the settings, such as `?mode=contrast&target=lion&other=tiger`.
 *
 * It holds the settings that differ from those live_cam was started with; opening it changes these and no others, and
 * asks first if somebody else watches, who would see the change. The parameters are removed from the address bar once
 * they are applied or declined, so that reloading the page undoes no later change. Unknown parameters are left alone: they
 * belong to Gradio or a proxy.
 *
 * @typedef {Record<string, string | number | null>} Values Settings by name; classes by label, null for the automatic choice.
 */

import { apiUrl, request } from "./api.js";
import { askToChange } from "./ask.js";
import { onKey } from "./keys.js";
import { receiveSettings } from "./settings.js";
import { notify, pause } from "./ui.js";

const CLASSES = ["target", "other"];
const NAMES = ["mode", ...CLASSES, "layer", "method", "style", "opacity", "colormap"];
const AUTO = "auto";
/** Settings as the page's controls are labelled, where that is another word. @type {Record<string, string>} */
const TITLES = { target: "A", other: "B", colormap: "colours" };
const CONNECTING_MS = 100;
/** Names and values in links of earlier versions. @type {Record<string, string>} */
const OLD_NAMES = { question: "mode" };
/** @type {Record<string, Record<string, string>>} */
const OLD_VALUES = {
  mode: { why: "class", versus: "contrast", against: "counterfactual", beside: "side_by_side" },
  target: { likeliest: AUTO },
  other: { likeliest: AUTO },
};

/** @param {string} name @param {string} text */
function parseValue(name, text) {
  const value = OLD_VALUES[name]?.[text] ?? text;
  if (name === "opacity") return Number.parseFloat(value);
  return CLASSES.includes(name) && value === AUTO ? null : value;
}

/**
 * Reads the settings in a link's parameters, and the parameters that they were read from.
 *
 * @param {URLSearchParams} parameters
 * @returns {{values: Values, sources: Record<string, string>}} `sources` has the parameter's name by setting.
 */
export function parseLink(parameters) {
  /** @type {Record<string, string>} */
  const sources = {};
  for (const name of NAMES) {
    const source = [name, ...Object.keys(OLD_NAMES).filter((old) => OLD_NAMES[old] === name)].find((key) => parameters.has(key));
    if (source) sources[name] = source;
  }
  const values = Object.entries(sources).map(([name, source]) => [name, parseValue(name, parameters.get(source) ?? "")]);
  return { values: Object.fromEntries(values), sources };
}

/** The settings in a link that are not the current ones. @param {Values} values @param {Values} current @returns {Values} */
export function changesOf(values, current) {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== current[name]));
}

/** The parameters of a link to `current` on a server started with `start`. @param {Values} current @param {Values} start */
export function linkParameters(current, start) {
  const changed = NAMES.filter((name) => current[name] !== start[name]);
  return new URLSearchParams(changed.map((name) => [name, String(current[name] ?? AUTO)]));
}

/** @param {Record<string, any>} settings As the server describes them. @returns {Values} */
function valuesOf(settings) {
  /** @type {Values} */
  const labelled = { ...settings, target: settings.target_label, other: settings.other_label };
  return Object.fromEntries(NAMES.map((name) => [name, labelled[name]]));
}

/** The elements of all feeds. */
const stages = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".live-stage")]);

const settingsUrl = () => apiUrl("settings", stages()[0]);

/** Whether somebody else watches these settings, which visitors with cameras of their own share with nobody. */
async function isWatchedByOthers() {
  if ("own" in stages()[0].dataset) return false;
  // Until this page itself is among the viewers.
  while (stages().some(({ dataset }) => !dataset.state || dataset.state === "disconnected")) await pause(CONNECTING_MS);
  const { viewers } = await (await request(apiUrl("stats"), "GET")).json();
  return viewers > stages().filter(({ dataset }) => "socket" in dataset).length;
}

/** Asks before others see the changes. @param {Values} changes @returns {Promise<boolean>} Whether they may be made. */
async function mayChange(changes) {
  if (!(await isWatchedByOthers())) return true;
  const lines = Object.entries(changes).map(([name, value]) => `${TITLES[name] ?? name}: ${value ?? "automatic"}`);
  return askToChange(lines);
}

/** The current settings, and those of the start. */
async function fetchValues() {
  const settings = await (await request(settingsUrl(), "GET")).json();
  return { current: valuesOf(settings), start: valuesOf(settings.start) };
}

/** The link to the current settings. */
async function createLink() {
  const { current, start } = await fetchValues();
  const link = new URL(location.origin + location.pathname);
  link.search = linkParameters(current, start).toString();
  return link.href;
}

/** Changes settings, and returns whether the server accepted. @param {Values} values */
async function apply(values) {
  const response = await request(settingsUrl(), "PATCH", {}, JSON.stringify(values)).catch(() => null);
  if (response) receiveSettings(await response.json());
  return response !== null;
}

/** Changes those settings that the server accepts. @param {Values} values @returns {Promise<string[]>} The names of the others. */
async function applyValid(values) {
  /** @type {string[]} */
  const refused = [];
  if (await apply(values)) return refused;
  for (const [name, value] of Object.entries(values)) {
    if (!(await apply({ [name]: value }))) refused.push(name);
  }
  return refused;
}

/**
 * Applies the link that the page was opened with.
 *
 * @returns {Promise<string[]>} The parameters that the server refused.
 */
async function restore() {
  const here = new URL(location.href);
  const { values, sources } = parseLink(here.searchParams);
  if (!Object.keys(values).length) return [];
  const changes = changesOf(values, (await fetchValues()).current);
  const refused = Object.keys(changes).length && (await mayChange(changes)) ? await applyValid(changes) : [];
  const texts = refused.map((name) => `${sources[name]}=${here.searchParams.get(sources[name])}`);
  Object.values(sources).forEach((name) => here.searchParams.delete(name));
  history.replaceState(history.state, "", here);
  return texts;
}

/** Copies the link, or shows it where the page may not copy. @param {HTMLElement} button */
async function copy(button) {
  const link = createLink();
  try {
    // A promise of the text: some browsers allow copying only while the click is being handled.
    const text = link.then((href) => new Blob([href], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
    notify("Link copied");
  } catch {
    await link.then(
      (href) => showLink(button, href),
      (error) => notify(`No link: ${error.message}`),
    );
  }
}

/** Shows the link beside its button, selected, to be copied by hand. @param {HTMLElement} button @param {string} href */
function showLink(button, href) {
  const field = button.parentElement?.querySelector("input") ?? document.createElement("input");
  field.className = "live-link";
  field.readOnly = true;
  field.value = href;
  field.ariaLabel = "Link to these settings";
  button.after(field);
  field.focus();
  field.select();
  notify("This page may not copy; the link is selected for you to copy");
}

/** @param {HTMLElement} button */
export function mount(button) {
  button.onclick = () => copy(button);
  onKey("k", "copy a link to these settings", () => copy(button), "Save", '[data-live="link"]');
  restore().then(
    (refused) => refused.length && notify(`Not understood in this link: ${refused.join(", ")}`),
    (error) => notify(`The settings of this link were not applied: ${error.message}`),
  );
}
