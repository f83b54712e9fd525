// @ts-check
/** The button and the key that save a snapshot. */

import { apiUrl, request } from "./api.js";
import { save } from "./files.js";
import { addSnapshot } from "./history.js";
import { onKey } from "./keys.js";
import { press } from "./ui.js";

const STATUS_MS = 6000;
const VISITOR_MESSAGES = { 404: "show your camera first" };

/** Saves a snapshot of the newest frame, and returns the file's name. @param {HTMLElement} tools */
async function takeSnapshot(tools) {
  const messages = "own" in tools.dataset ? VISITOR_MESSAGES : {};
  const response = await request(apiUrl("snapshot", tools), "GET", messages);
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "live_cam.zip";
  const zip = await response.blob();
  save(name, zip);
  const strip = /** @type {HTMLElement | null} */ (document.querySelector(".live-strip"));
  const added = strip ? addSnapshot(strip, name, zip) : null;
  await added?.catch((error) => console.warn("live_cam: could not show a snapshot", error));
  return name;
}

/** @param {HTMLElement} tools */
export function mount(tools) {
  const button = /** @type {HTMLButtonElement} */ (tools.querySelector('[data-live="snapshot"]'));
  const status = /** @type {HTMLElement} */ (tools.querySelector('[data-live="snapshot-status"]'));
  let clearing = 0;
  let busy = false;

  button.onclick = async () => {
    if (busy) return;
    busy = true;
    clearTimeout(clearing);
    status.textContent = await takeSnapshot(tools).then(
      (name) => `Saved ${name}`,
      (error) => `No snapshot: ${error.message}`,
    );
    clearing = setTimeout(() => (status.textContent = ""), STATUS_MS);
    busy = false;
  };
  onKey("s", "save a snapshot", () => press("snapshot"), "Save", '[data-live="snapshot"]');
}
