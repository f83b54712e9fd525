// @ts-check
/** The last snapshots taken on this page, newest first; a click saves one again. */

import { percent } from "./captions.js";

const MAX_SNAPSHOTS = 8;
const HEIGHT_PX = 144;

/** @param {ImageBitmap} bitmap */
function thumbnail(bitmap) {
  const canvas = document.createElement("canvas");
  canvas.height = HEIGHT_PX;
  canvas.width = Math.max(1, Math.round((HEIGHT_PX * bitmap.width) / bitmap.height));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** @param {import("./snapshot_picture.js").Contents} snapshot @param {() => void} save */
function item({ overlay, description: { time, top } }, save) {
  const button = document.createElement("button");
  const label = document.createElement("span");
  const moment = document.createElement("time");
  label.textContent = `${top[0].label} ${percent(top[0].probability)}`;
  moment.dateTime = time;
  moment.textContent = new Date(time).toLocaleTimeString();
  button.type = "button";
  button.title = "Save this snapshot again";
  button.setAttribute("aria-label", `Save again: ${label.textContent}, ${moment.textContent}`);
  button.append(thumbnail(overlay), label, moment);
  button.onclick = save;
  const entry = document.createElement("li");
  entry.append(button);
  return entry;
}

/**
 * Adds a snapshot, and removes the oldest beyond `MAX_SNAPSHOTS`.
 *
 * @param {HTMLElement} strip
 * @param {import("./snapshot_picture.js").Contents} snapshot
 * @param {() => void} save Saves it again.
 */
export function addSnapshot(strip, snapshot, save) {
  const entry = item(snapshot, save);
  let list = strip.querySelector("ol");
  if (!list) {
    list = strip.appendChild(document.createElement("ol"));
    list.setAttribute("aria-label", "The last snapshots, newest first");
  }
  list.prepend(entry);
  while (list.children.length > MAX_SNAPSHOTS) list.lastElementChild?.remove();
}
