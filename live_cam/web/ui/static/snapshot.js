// @ts-check
/** The button and the key that save a snapshot as a picture, and beside them a menu with everything that belongs to it. */

import { apiUrl, request } from "./api.js";
import { save } from "./files.js";
import { addSnapshot } from "./history.js";
import { onKey } from "./keys.js";
import { Popup } from "./popup.js";
import { drawSnapshot, readSnapshot } from "./snapshot_picture.js";
import { press } from "./ui.js";

const STATUS_MS = 6000;
const VISITOR_MESSAGES = { 404: "show your camera first" };

/** @typedef {{name: string, zip: Blob, png: Blob}} Snapshot Its name is without suffix. */

/** Takes a snapshot of the newest frame, and adds it to the last ones. @param {HTMLElement} tools @returns {Promise<Snapshot>} */
async function take(tools) {
  const messages = "own" in tools.dataset ? VISITOR_MESSAGES : {};
  const response = await request(apiUrl("snapshot", tools), "GET", messages);
  const name = /filename="([^"]+)\.zip"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "live_cam";
  const zip = await response.blob();
  const read = await readSnapshot(name, zip);
  const png = await drawSnapshot(read);
  const strip = /** @type {HTMLElement | null} */ (document.querySelector(".live-strip"));
  if (strip) addSnapshot(strip, read, () => save(`${name}.png`, png));
  read.overlay.close();
  return { name, zip, png };
}

/** Copies a picture, where the page may. @param {Promise<Blob>} png @returns {Promise<boolean>} Whether it is copied. */
async function copy(png) {
  png.catch(() => {}); // told by whoever saves it
  try {
    // A promise: some browsers allow copying only while the press is being handled.
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    return true;
  } catch {
    return false;
  }
}

/** Saves and copies the picture, and returns what was done. @param {Promise<Snapshot>} taking */
async function savePicture(taking) {
  const copying = copy(taking.then(({ png }) => png));
  const { name, png } = await taking;
  save(`${name}.png`, png);
  return `Saved ${name}.png${(await copying) ? ", and copied" : ""}`;
}

/** Saves overlay, frame and description, and returns what was done. @param {Promise<Snapshot>} taking */
async function saveEverything(taking) {
  const { name, zip } = await taking;
  save(`${name}.zip`, zip);
  return `Saved ${name}.zip`;
}

/** @param {HTMLElement} tools */
export function mount(tools) {
  const button = /** @type {HTMLButtonElement} */ (tools.querySelector('[data-live="snapshot"]'));
  const status = /** @type {HTMLElement} */ (tools.querySelector('[data-live="snapshot-status"]'));
  let clearing = 0;
  let busy = false;

  /** @param {(taking: Promise<Snapshot>) => Promise<string>} act */
  const run = async (act) => {
    if (busy) return;
    busy = true;
    clearTimeout(clearing);
    status.textContent = await act(take(tools)).catch((error) => `No snapshot: ${error.message}`);
    clearing = setTimeout(() => (status.textContent = ""), STATUS_MS);
    busy = false;
  };
  button.onclick = () => run(savePicture);
  const more = document.createElement("button");
  Object.assign(more, { type: "button", className: "live-button live-more", title: "Save more of this frame", ariaLabel: "Save more of this frame" });
  button.after(more);
  const menu = new Popup(more, `live-snapshot-${tools.dataset.feed}`, "Snapshot");
  menu.show([
    { text: "Picture", note: "Saved as PNG, and copied", act: () => run(savePicture) },
    { text: "Everything", note: "ZIP: overlay, frame, and what reproduces it", act: () => run(saveEverything) },
  ]);
  onKey("s", "save a snapshot", () => press("snapshot"), "Save", '[data-live="snapshot"]');
}
