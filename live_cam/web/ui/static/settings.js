// @ts-check
/**
 * The current settings: received with each frame and state, and changed in one place, by whatever control.
 *
 * @typedef {"class" | "contrast" | "counterfactual" | "side_by_side"} Mode
 * @typedef {"heatmap" | "contours" | "spotlight"} Style
 * @typedef {{mode: Mode, target: number | null, other: number | null, layer: string, method: string,
 *   style: Style, opacity: number, colormap: string, frozen: boolean, running: boolean, revision: number,
 *   classes: number}} Settings
 */

import { apiUrl, request } from "./api.js";
import { notify } from "./ui.js";

/** @type {Settings | null} */
let current = null;
/** Whether the server may have been restarted, which restarts its revisions. */
let acceptsAnyRevision = false;
/** Changes in flight, and those that wait for their response. @type {[Partial<Settings>, Partial<Settings>]} */
let [sent, waiting] = [{}, {}];
let sending = false;
/** @type {Set<(settings: Settings) => void>} */
const listeners = new Set();

/** The settings as they will be once the server has accepted all changes made here. @returns {Settings | null} */
export function pendingSettings() {
  return current && { ...current, ...sent, ...waiting };
}

/** Calls `listener` now and after each change of the current settings. @param {(settings: Settings) => void} listener */
export function onSettings(listener) {
  listeners.add(listener);
  if (current) listener(current);
}

/** Updates the settings from a message, unless they are older than the current ones. @param {Settings} settings */
export function receiveSettings(settings) {
  if (current && !acceptsAnyRevision && settings.revision <= current.revision) return;
  acceptsAnyRevision = false;
  current = settings;
  notifyListeners();
}

/** Requests the settings, where no frame brings them yet. @param {HTMLElement} part An element of the feed. */
export async function fetchSettings(part) {
  const response = await request(apiUrl("settings", part), "GET").catch(() => null);
  if (response) receiveSettings(await response.json());
}

function notifyListeners() {
  for (const listener of current ? listeners : []) listener(/** @type {Settings} */ (current));
}

/** Accepts the next settings whatever their revision: the connection was lost. */
export function acceptAnyRevision() {
  acceptsAnyRevision = true;
}

/**
 * Changes some settings. Changes made while others are in flight wait and are then sent together.
 *
 * @param {HTMLElement} part An element of the feed.
 * @param {Partial<Settings>} changes
 */
export async function changeSettings(part, changes) {
  waiting = { ...waiting, ...changes };
  if (sending) return;
  sending = true;
  while (Object.keys(waiting).length) {
    [sent, waiting] = [waiting, {}];
    try {
      const response = await request(apiUrl("settings", part), "PATCH", {}, JSON.stringify(sent));
      receiveSettings(await response.json());
    } catch (error) {
      notify(`Not changed: ${error instanceof Error ? error.message : error}`);
      [sent, waiting] = [{}, {}];
      notifyListeners(); // the controls return to the current values
    }
    sent = {};
  }
  sending = false;
}
