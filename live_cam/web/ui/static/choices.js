// @ts-check
/**
 * The values that the server offers for each setting, and notes on some of them.
 *
 * @typedef {Record<"mode" | "class" | "layer" | "method" | "style" | "colormap", string[]> &
 *   {notes: Record<string, Record<string, string>>}} Choices
 */

import { apiUrl, request } from "./api.js";
import { pendingSettings } from "./settings.js";

/** @type {Promise<Choices> | null} */
let fetched = null;
/** How often the classes had been replaced when they were requested. */
let classes = 0;

/** Requests them once, and again when classes were replaced. @returns {Promise<Choices>} */
export function fetchChoices() {
  const newest = pendingSettings()?.classes ?? 0;
  if (newest !== classes) [fetched, classes] = [null, newest];
  const stage = /** @type {HTMLElement} */ (document.querySelector(".live-stage"));
  fetched ??= request(apiUrl("choices", stage), "GET").then((response) => response.json());
  fetched.catch(() => (fetched = null));
  return fetched;
}
