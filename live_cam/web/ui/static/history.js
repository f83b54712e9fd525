// @ts-check
/**
 * The last snapshots taken on this page, newest first; a click saves one again.
 *
 * Thumbnail and label are read from the file, since the page may show another frame by the time the file arrives.
 */

import { percent } from "./captions.js";
import { fileInZip, save } from "./files.js";

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

/** @param {string} name The ZIP's. @param {Blob} zip */
async function item(name, zip) {
  const overlay = `${name.replace(/\.zip$/, "")}.png`;
  const [png, json] = await Promise.all([
    fileInZip(zip, (file) => file === overlay),
    fileInZip(zip, (file) => file.endsWith(".json")),
  ]);
  const { time, top } = JSON.parse(await json.text());
  const bitmap = await createImageBitmap(png);
  const button = document.createElement("button");
  const label = document.createElement("span");
  const moment = document.createElement("time");
  label.textContent = `${top[0].label} ${percent(top[0].probability)}`;
  moment.dateTime = time;
  moment.textContent = new Date(time).toLocaleTimeString();
  button.type = "button";
  button.title = "Save this snapshot again";
  button.setAttribute("aria-label", `Save again: ${label.textContent}, ${moment.textContent}`);
  button.append(thumbnail(bitmap), label, moment);
  button.onclick = () => save(name, zip);
  bitmap.close();
  const entry = document.createElement("li");
  entry.append(button);
  return entry;
}

/**
 * Adds a snapshot, and removes the oldest beyond `MAX_SNAPSHOTS`.
 *
 * @param {HTMLElement} strip
 * @param {string} name
 * @param {Blob} zip
 */
export async function addSnapshot(strip, name, zip) {
  const entry = await item(name, zip);
  let list = strip.querySelector("ol");
  if (!list) {
    list = strip.appendChild(document.createElement("ol"));
    list.setAttribute("aria-label", "The last snapshots, newest first");
  }
  list.prepend(entry);
  while (list.children.length > MAX_SNAPSHOTS) list.lastElementChild?.remove();
}
