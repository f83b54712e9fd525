// @ts-check
/** What joins Gradio's components and the keys to the settings. */

import { press } from "./in_hand.js";
import { onKey } from "./keys.js";
import { isClassless } from "./meaning.js";
import { cameraFirst } from "./own_first.js";
import { change, onSettings, wanted } from "./settings.js";
import { say } from "./toast.js";

/** @typedef {import("./settings.js").Settings} Settings */

/** What stands for null among a component's values. */
const LIKELIEST = -1;
const OPACITY_STEP = 0.1;
const TRY_AGAIN_MS = 100;
const BUILT_WITHIN_MS = 5000;
/** A component in somebody's hand, which must not be given another value meanwhile. */
const IN_HAND = '#live-side :is(input[type="range"]:active, input[type="number"]:focus, input[aria-expanded="true"])';

/** The element that tells whose settings. */
const part = () => /** @type {HTMLElement} */ (document.querySelector(".live-stage"));

/** What the settings may be, by their names, as the server offers them. @returns {Record<string, string[]>} */
const choices = () => JSON.parse(/** @type {HTMLElement} */ (document.querySelector("[data-choices]")).dataset.choices ?? "{}");

/** @param {Partial<Settings>} changes */
const set = (changes) => change(part(), changes);

/** @param {"frozen" | "running"} name */
function toggle(name) {
  const settings = wanted();
  if (!settings || (name === "frozen" && !settings.frozen && cameraFirst("Not frozen"))) return;
  set({ [name]: !settings[name] });
}

/** Starts or stops the source or, where visitors show their own cameras, this visitor's. */
function startOrStop() {
  const own = document.querySelector('.live-own :is([data-live="own-start"], [data-live="own-stop"]):not([hidden])');
  if (own instanceof HTMLElement) own.click();
  else toggle("running");
}

/** Takes what comes after the present value, and after the last one the first. @param {"layer" | "method" | "style" | "colormap"} name */
function next(name) {
  const settings = wanted();
  if (!settings) return;
  if (name === "layer" && settings.method === "layercam-fused") {
    say("This method has layers of its own");
    return;
  }
  const named = /** @type {HTMLElement | null} */ (document.querySelector("[data-names]"));
  const names = JSON.parse(named?.dataset.names ?? "{}");
  const offered = choices()[name];
  const value = offered[(offered.indexOf(settings[name]) + 1) % offered.length];
  set({ [name]: value });
  say(`${name[0].toUpperCase()}${name.slice(1)}: ${names[value] ?? value}`);
}

/** Tells so where the method in use has one answer to all questions. */
function classless() {
  if (!isClassless(wanted()?.method)) return false;
  say("This method gives one map, whatever the class");
  return true;
}

/** @param {import("./settings.js").Question} question */
function ask(question) {
  if (!classless()) set({ question });
}

/** @param {number} step */
function fade(step) {
  const settings = wanted();
  if (settings) set({ opacity: Math.round(100 * Math.min(1, Math.max(0, settings.opacity + step))) / 100 });
}

/**
 * Opens the controls for the question, which are built when they are first opened, and goes to the search of a class.
 *
 * @param {"target" | "other"} which
 */
async function search(which) {
  if (classless()) return;
  const field = () => /** @type {HTMLInputElement | null} */ (document.querySelector(`#live-${which} input`));
  if (which === "other" && !["versus", "beside"].includes(wanted()?.question ?? "")) await set({ question: "versus" });
  /** @type {HTMLElement | null} */ (document.querySelector("#live-ask > button:not(.open)"))?.click();
  const limitMs = performance.now() + BUILT_WITHIN_MS;
  while (!field()?.checkVisibility() && performance.now() < limitMs) await new Promise(requestAnimationFrame);
  field()?.focus();
  field()?.select();
}

/** Gives Gradio's components the values in force, as soon as none is in anybody's hand. */
let syncing = 0;
function sync() {
  clearTimeout(syncing);
  const button = /** @type {HTMLElement | null} */ (document.querySelector("#live-sync"));
  if (document.querySelector(".live-kiosk")) return;
  if (button && !document.querySelector(IN_HAND)) button.click();
  else syncing = setTimeout(sync, TRY_AGAIN_MS);
}

/** What Gradio's components call. */
globalThis.liveCam = {
  choose: (name, value) => void set({ [name]: value === LIKELIEST ? null : value }),
  toggle,
  values: (names) => {
    const settings = /** @type {Settings} */ (wanted());
    const values = names.map((name) => settings[/** @type {keyof Settings} */ (name)] ?? LIKELIEST);
    return [...values, settings.frozen ? "Let it run" : "Freeze", settings.running ? "Stop" : "Start"];
  },
};

onSettings((settings) => {
  const { question, method } = settings;
  Object.assign(document.body.dataset, { question, method, classless: isClassless(method) });
  sync();
});

for (const rank of [0, 1, 2]) {
  const label = `label-${rank}`;
  onKey(`${rank + 1}`, `explain class ${rank + 1} of the list, or let go of it`, () => press(label), "Ask", `[data-live="${label}"]`);
}
onKey("0", "explain the likeliest class", () => set({ target: null }), "Ask", '[data-live="unlock"]');
onKey("/", "search all classes for A", () => search("target"), "Ask", "#live-target");
onKey("n", "search all classes for B", () => search("other"), "Ask", "#live-other");
onKey("w", "why A", () => ask("why"), "Ask", "#live-question");
onKey("v", "why A and not B", () => ask("versus"), "Ask", "#live-question");
onKey("a", "what speaks against A", () => ask("against"), "Ask", "#live-question");
onKey("b", "A and B side by side", () => ask("beside"), "Ask", "#live-question");
onKey("m", "next method", () => next("method"), "Ask", "#live-method");
onKey("l", "next layer", () => next("layer"), "Ask", "#live-layer");
onKey("h", "heat map, contours or spotlight", () => next("style"), "Look", "#live-style");
onKey("c", "next colours", () => next("colormap"), "Look", "#live-colormap");
onKey("+", "more opaque", () => fade(OPACITY_STEP), "Look", "#live-opacity");
onKey("-", "less opaque", () => fade(-OPACITY_STEP), "Look", "#live-opacity");
onKey("f", "freeze, or let it run", () => toggle("frozen"), "Picture", "#live-freeze");
onKey(" ", "start or stop", startOrStop, "Picture", '#live-run, [data-live="own-start"], [data-live="own-stop"]');
