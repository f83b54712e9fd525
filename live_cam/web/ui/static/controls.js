// @ts-check
/** Connects Gradio's components and the keys to the settings. */

import { isClassAgnostic } from "./captions.js";
import { fetchChoices } from "./choices.js";
import { onKey } from "./keys.js";
import { RUNNER_UP, TOP } from "./questions.js";
import { changeSettings, onSettings, pendingSettings } from "./settings.js";
import { notify, press } from "./ui.js";

/** @typedef {import("./settings.js").Settings} Settings */

/** The component's value for null. */
const AUTO = -1;
const OPACITY_STEP = 0.1;
const RETRY_MS = 100;
const BUILD_LIMIT_MS = 5000;
/** A component in use, whose value must not change meanwhile. */
const IN_USE = '#live-side :is(input[type="range"]:active, input[type="number"]:focus, input[aria-expanded="true"])';

/** An element of the feed whose settings these are. */
const part = () => /** @type {HTMLElement} */ (document.querySelector(".live-stage"));

/** The methods as their papers write them. @returns {Record<string, string>} */
const methodNames = () => JSON.parse(part().dataset.names ?? "{}");

/** @param {Partial<Settings>} changes */
const set = (changes) => changeSettings(part(), changes);

/** Chooses the next value, and the first one after the last. @param {"layer" | "method" | "style" | "colormap"} name */
async function next(name) {
  const choices = await fetchChoices().catch((error) => notify(`Not changed: ${error.message}`));
  const settings = pendingSettings();
  if (!settings || !choices) return;
  if (name === "layer" && settings.method === "layercam-fused") {
    notify("This method has layers of its own");
    return;
  }
  const names = methodNames();
  const offered = choices[name];
  if (offered.length === 1) {
    notify(`There is one ${name} only: ${offered[0]}`);
    return;
  }
  const value = offered[(offered.indexOf(settings[name]) + 1) % offered.length];
  set({ [name]: value });
  notify(`${name[0].toUpperCase()}${name.slice(1)}: ${names[value] ?? value}`);
}

/** Notifies that the current method has one map for all classes, and returns whether it does. */
function notifyClassAgnostic() {
  if (!isClassAgnostic(pendingSettings()?.method ?? "")) return false;
  notify("This method gives one map, whatever the class");
  return true;
}

/** @param {import("./settings.js").Mode} mode */
function setMode(mode) {
  if (!notifyClassAgnostic()) set({ mode });
}

/** @param {number} step */
function fade(step) {
  const settings = pendingSettings();
  if (settings) set({ opacity: Math.round(100 * Math.min(1, Math.max(0, settings.opacity + step))) / 100 });
}

/** Focuses the search of a class. @param {"target" | "other"} which */
async function search(which) {
  if (notifyClassAgnostic()) return;
  const field = () => /** @type {HTMLInputElement | null} */ (document.querySelector(`#live-${which} input`));
  if (which === "other" && !["contrast", "side_by_side"].includes(pendingSettings()?.mode ?? "")) await set({ mode: "contrast" });
  const deadlineMs = performance.now() + BUILD_LIMIT_MS;
  while (!field()?.checkVisibility() && performance.now() < deadlineMs) await new Promise(requestAnimationFrame);
  field()?.focus();
}

/** Writes for the style sheet what the folded controls hold, which may not be there yet. @param {Settings} settings */
function showAdvanced({ method, layer, style, colormap }) {
  const layers = method === "layercam-fused" ? "" : `, ${layer}`;
  const text = `${methodNames()[method] ?? method}${layers}, ${style === "heatmap" ? colormap : style}`;
  document.body.style.setProperty("--live-advanced", JSON.stringify(text));
}

/** Updates Gradio's components; null until they are built. @type {(() => void) | null} */
let updateComponents = null;
let syncing = 0;
/** What drop-downs are to list from their next update on. @type {Record<string, [string, string | number][]>} */
let lists = {};
/** How often the classes had been replaced when the drop-downs were filled. */
let listed = 0;

/** Lists the classes and layers that can be chosen now. */
async function fillLists() {
  const choices = await fetchChoices();
  /** @type {[string, number][]} */
  const classes = choices.class.map((name, index) => [name, index]);
  lists = { target: [[TOP, AUTO], ...classes], other: [[RUNNER_UP, AUTO], ...classes], layer: choices.layer.map((name) => [name, name]) };
  sync();
}

/** Updates Gradio's components, as soon as none of them is in use. */
function sync() {
  clearTimeout(syncing);
  if (!updateComponents || !pendingSettings()) return;
  if (document.querySelector(IN_USE)) syncing = setTimeout(sync, RETRY_MS);
  else updateComponents();
}

/** Registers how to update Gradio's components. @param {() => void} update */
export function onSync(update) {
  updateComponents = update;
  sync();
}

/** Called by Gradio's components. */
globalThis.liveCam = {
  choose: (name, value) => void set({ [name]: value === AUTO ? null : value }),
  values: (names) => {
    const settings = /** @type {Settings} */ (pendingSettings());
    const updated = lists;
    lists = {};
    return names.map((name) => {
      const value = settings[/** @type {keyof Settings} */ (name)] ?? AUTO;
      return updated[name] ? { __type__: "update", choices: updated[name], value } : value;
    });
  },
};

onSettings((settings) => {
  const { mode, method } = settings;
  Object.assign(document.body.dataset, { mode, method, classAgnostic: isClassAgnostic(method) });
  showAdvanced(settings);
  if (settings.classes !== listed) fillLists().catch((error) => notify(`The classes are not listed: ${error.message}`));
  listed = settings.classes;
  sync();
});

// What is typed into a drop-down replaces what stands there, though the release of a pointer puts the cursor into it.
document.addEventListener("focusin", ({ target }) => {
  if (!(target instanceof HTMLInputElement) || !target.matches("#live-side input[aria-expanded]:focus")) return;
  target.select();
  target.addEventListener("click", () => target.select(), { once: true });
});

for (const rank of [0, 1, 2]) {
  const label = `label-${rank}`;
  onKey(`${rank + 1}`, `explain class ${rank + 1} of the list, or unlock it`, () => press(label), "Explain", `[data-live="${label}"]`);
}
onKey("0", "explain the top class", () => set({ target: null }), "Explain", '[data-live="unlock"]');
onKey("/", "search all classes for A", () => search("target"), "Explain", "#live-target");
onKey("n", "search all classes for B", () => search("other"), "Explain", "#live-other");
onKey("w", "why A", () => setMode("class"), "Explain", '[data-live="mode-class"]');
onKey("v", "why A and not B", () => setMode("contrast"), "Explain", '[data-live="mode-contrast"]');
onKey("a", "what speaks against A", () => setMode("counterfactual"), "Explain", '[data-live="mode-counterfactual"]');
onKey("b", "A and B side by side", () => setMode("side_by_side"), "Explain", '[data-live="mode-side_by_side"]');
onKey("m", "next method", () => next("method"), "Explain", "#live-method");
onKey("l", "next layer", () => next("layer"), "Explain", "#live-layer");
onKey("h", "heat map, contours or spotlight", () => next("style"), "Overlay", "#live-style");
onKey("c", "next colours", () => next("colormap"), "Overlay", "#live-colormap");
onKey("+", "more opaque", () => fade(OPACITY_STEP), "Overlay", "#live-opacity");
onKey("-", "less opaque", () => fade(-OPACITY_STEP), "Overlay", "#live-opacity");
