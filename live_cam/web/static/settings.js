// @ts-check
/**
 * The settings in force: heard with each picture and state, and changed by one road, whoever changes them.
 *
 * @typedef {"why" | "versus" | "against" | "beside"} Question
 * @typedef {"heatmap" | "contours" | "spotlight"} Style
 * @typedef {{question: Question, target: number | null, other: number | null, layer: string, method: string,
 *   style: Style, opacity: number, colormap: string, frozen: boolean, running: boolean, revision: number}} Settings
 */

import { address, ask, choose } from "./ask.js";
import { say } from "./toast.js";

/** @type {Settings | null} */
let newest = null;
/** Whether the server may have been started anew, and count its changes from the beginning. */
let mayStartOver = false;
/** What is being sent, and what waits for that. @type {[Partial<Settings>, Partial<Settings>]} */
let [sent, waiting] = [{}, {}];
let sending = false;
/** @type {Set<(settings: Settings) => void>} */
const listeners = new Set();

/** The settings as they will be once everything that was changed here has been answered. @returns {Settings | null} */
export function wanted() {
  return newest && { ...newest, ...sent, ...waiting };
}

/** Calls `listener` now and after each change of the settings in force. @param {(settings: Settings) => void} listener */
export function onSettings(listener) {
  listeners.add(listener);
  if (newest) listener(newest);
}

/** Takes the settings out of a message; an older one than the newest was overtaken. @param {Settings} heard */
export function hear(heard) {
  if (newest && !mayStartOver && heard.revision <= newest.revision) return;
  mayStartOver = false;
  newest = heard;
  tell();
}

/** Asks for the settings, where no picture brings them yet. @param {HTMLElement} part The element that tells whose. */
export async function fetchSettings(part) {
  const answer = await ask(choose(address("settings"), part), "GET").catch(() => null);
  if (answer) hear(await answer.json());
}

function tell() {
  for (const listener of newest ? listeners : []) listener(/** @type {Settings} */ (newest));
}

/** Lets the next settings count, whatever their number: the connection was lost. */
export function startOver() {
  mayStartOver = true;
}

/**
 * Changes some settings. While one change is on its way, those that follow wait and then go together.
 *
 * @param {HTMLElement} part The element that tells whose settings.
 * @param {Partial<Settings>} changes
 */
export async function change(part, changes) {
  waiting = { ...waiting, ...changes };
  if (sending) return;
  sending = true;
  while (Object.keys(waiting).length) {
    [sent, waiting] = [waiting, {}];
    try {
      const answer = await ask(choose(address("settings"), part), "PATCH", {}, JSON.stringify(sent));
      hear(await answer.json());
    } catch (error) {
      say(`Not changed: ${error instanceof Error ? error.message : error}`);
      [sent, waiting] = [{}, {}];
      tell(); // what shows the choice takes it back
    }
    sent = {};
  }
  sending = false;
}
