// @ts-check
/**
 * The film strip: the last snapshots taken on this page, newest first; a click saves one again.
 *
 * Picture and words are those of the file itself, since the page may have shown another picture by the time it came.
 */

import { fileIn, save } from "./files.js";

const MOST = 8;
const HEIGHT_PX = 144;

/** @param {ImageBitmap} bitmap */
function small(bitmap) {
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
    fileIn(zip, (file) => file === overlay),
    fileIn(zip, (file) => file.endsWith(".json")),
  ]);
  const { time, top } = JSON.parse(await json.text());
  const bitmap = await createImageBitmap(png);
  const button = document.createElement("button");
  const words = document.createElement("span");
  const moment = document.createElement("time");
  words.textContent = `${top[0].label} ${(100 * top[0].probability).toFixed(0)} %`;
  moment.dateTime = time;
  moment.textContent = new Date(time).toLocaleTimeString();
  button.type = "button";
  button.title = "Save this snapshot again";
  button.setAttribute("aria-label", `Save again: ${words.textContent}, ${moment.textContent}`);
  button.append(small(bitmap), words, moment);
  button.onclick = () => save(name, zip);
  bitmap.close();
  const entry = document.createElement("li");
  entry.append(button);
  return entry;
}

/**
 * Puts a snapshot first in the strip, in place of the oldest once there are `MOST`.
 *
 * @param {HTMLElement} strip
 * @param {string} name
 * @param {Blob} zip
 */
export async function keep(strip, name, zip) {
  const entry = await item(name, zip);
  let list = strip.querySelector("ol");
  if (!list) {
    list = strip.appendChild(document.createElement("ol"));
    list.setAttribute("aria-label", "The last snapshots, newest first");
  }
  list.prepend(entry);
  while (list.children.length > MOST) list.lastElementChild?.remove();
}
