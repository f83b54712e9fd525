// @ts-check
/**
 * The values that the server offers for each setting, and notes on some of them.
 *
 * @typedef {Record<"mode" | "layer" | "method" | "style" | "colormap", string[]> &
 *   {notes: Record<string, Record<string, string>>}} Choices
 */

import { apiUrl, request } from "./api.js";

/** @type {Promise<Choices> | null} */
let fetched = null;

/** Requests them once. @returns {Promise<Choices>} */
export function fetchChoices() {
  fetched ??= request(apiUrl("choices"), "GET").then((response) => response.json());
  fetched.catch(() => (fetched = null));
  return fetched;
}
