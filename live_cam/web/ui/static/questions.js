// @ts-check
/** The bar of questions, in the names of the classes shown: one radio button for each mode. */

import { isClassAgnostic } from "./captions.js";
import { changeSettings, onSettings, pendingSettings } from "./settings.js";

/** @typedef {import("./settings.js").Mode} Mode */
/** @typedef {import("./picture.js").FramePayload} FramePayload */

export const TOP = "the top class";
export const RUNNER_UP = "the runner-up";
/** The labels of the classes shown so far: settings hold numbers. @type {Map<number, string>} */
const labels = new Map();
/** How often the classes had been replaced by then. */
let classes = 0;

/** A question in words. @param {Mode} mode @param {string} a @param {string} b */
export function question(mode, a, b) {
  if (mode === "contrast") return `Why ${a}, not ${b}?`;
  if (mode === "counterfactual") return `What speaks against ${a}?`;
  if (mode === "side_by_side") return `${a[0].toUpperCase()}${a.slice(1)} beside ${b}`;
  return `Why ${a}?`;
}

/** The classes A and B of the questions about a frame, by name. @param {FramePayload} frame @returns {[string, string]} */
export function questionClasses({ top, target, contrast, second, comparison, settings }) {
  if (settings.classes !== classes) labels.clear();
  classes = settings.classes;
  const other = contrast ?? (comparison ? null : second?.target);
  for (const { index, label } of [...top, target, ...(other ? [other] : [])]) labels.set(index, label);
  const runnerUp = top.find(({ index }) => index !== target.index)?.label ?? RUNNER_UP;
  const chosen = settings.other === null ? undefined : (labels.get(settings.other) ?? "another class");
  return [target.label, other?.label ?? chosen ?? runnerUp];
}

/** Writes the questions. @param {HTMLElement} root @param {string} a @param {string} b */
function write(root, a, b) {
  for (const radio of /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll("input"))) {
    const words = radio.nextElementSibling;
    const text = question(/** @type {Mode} */ (radio.value), a, b);
    if (words && words.textContent !== text) words.textContent = text;
  }
}

/** Names the classes of the first feed; of several, those alone that a person has chosen for all. @param {FramePayload} frame */
export function showQuestions(frame) {
  const [a, b] = questionClasses(frame);
  const { target, other } = frame.settings;
  for (const root of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".live-questions"))) {
    const several = "several" in root.dataset;
    write(root, several && target === null ? TOP : a, several && other === null ? RUNNER_UP : b);
  }
}

/** Scrolls a bar, and not the page, to one of its buttons. @param {HTMLElement} bar @param {HTMLElement} button */
function showWhole(bar, button) {
  const [outer, inner] = [bar, button].map((element) => element.getBoundingClientRect());
  bar.scrollLeft += Math.max(0, inner.right - outer.right) - Math.max(0, outer.left - inner.left);
}

/** @param {HTMLElement} root */
export function mount(root) {
  const bar = /** @type {HTMLFieldSetElement} */ (root.querySelector("fieldset"));
  const radios = /** @type {NodeListOf<HTMLInputElement>} */ (root.querySelectorAll("input"));
  if (!radios[0]?.nextElementSibling?.textContent) write(root, TOP, RUNNER_UP);
  bar.onchange = ({ target }) => changeSettings(root, { mode: /** @type {Mode} */ (/** @type {HTMLInputElement} */ (target).value) });
  onSettings(() => {
    const { mode, method } = /** @type {import("./settings.js").Settings} */ (pendingSettings());
    bar.disabled = isClassAgnostic(method);
    for (const radio of radios) {
      if (radio.value === mode && !radio.checked) showWhole(bar, /** @type {HTMLElement} */ (radio.parentElement));
      radio.checked = radio.value === mode;
    }
  });
}
