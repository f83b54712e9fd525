// @ts-check
/**
 * A link that restores the settings, such as `?mode=contrast&target=lion&other=tiger`.
 *
 * It holds the settings that differ from those live_cam was started with; opening it resets all others to the start. The
 * parameters are removed from the address bar once applied, so that reloading the page undoes no later change. Unknown
 * parameters are left alone: they belong to Gradio or a proxy.
 *
 * @typedef {Record<string, string | number | null>} Values Settings by name; classes by label, null for the automatic choice.
 */

import { apiUrl, request } from "./api.js";
import { onKey } from "./keys.js";
import { receiveSettings } from "./settings.js";
import { notify } from "./ui.js";

const CLASSES = ["target", "other"];
const NAMES = ["mode", ...CLASSES, "layer", "method", "style", "opacity", "colormap"];
const AUTO = "auto";
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

/** The parameters that restore `current` on a server started with `start`. @param {Values} current @param {Values} start */
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

const settingsUrl = () => apiUrl("settings", /** @type {HTMLElement} */ (document.querySelector(".live-stage")));

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

/**
 * Applies the link that the page was opened with.
 *
 * @returns {Promise<string[]>} The parameters that the server refused.
 */
async function restore() {
  const here = new URL(location.href);
  const { values, sources } = parseLink(here.searchParams);
  if (!Object.keys(values).length) return [];
  const { start } = await fetchValues();
  /** @type {string[]} */
  const refused = [];
  if (!(await apply({ ...start, ...values }))) {
    await apply(start);
    for (const [name, value] of Object.entries(values)) {
      if (!(await apply({ [name]: value }))) refused.push(`${sources[name]}=${here.searchParams.get(sources[name])}`);
    }
  }
  Object.values(sources).forEach((name) => here.searchParams.delete(name));
  history.replaceState(history.state, "", here);
  return refused;
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
    (error) => notify(`The settings of this link were not restored: ${error.message}`),
  );
}
