// @ts-check
/** The button and the key that save what is seen, with all that is needed to repeat it. */

import { address, ask, choose } from "./ask.js";
import { onKey } from "./keys.js";

const SAID_MS = 6000;
const KEPT_MS = 15000;
const OWN_REFUSALS = { 404: "show your camera first" };

/** Hands a file to the person. @param {string} name @param {Blob} file */
function save(name, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // Not at once: some browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/** Saves the newest picture, and gives the name of the file. @param {HTMLElement} tools */
async function take(tools) {
  const refusals = "own" in tools.dataset ? OWN_REFUSALS : {};
  const answer = await ask(choose(address("snapshot"), tools), "GET", refusals);
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "live_cam.zip";
  save(name, await answer.blob());
  return name;
}

/** Brings one picture's button to life. @param {HTMLElement} tools */
export function mount(tools) {
  const button = /** @type {HTMLButtonElement} */ (tools.querySelector('[data-live="snapshot"]'));
  const words = /** @type {HTMLElement} */ (tools.querySelector('[data-live="snapshot-words"]'));
  let forgetting = 0;
  let busy = false;

  button.onclick = async () => {
    if (busy) return;
    busy = true;
    clearTimeout(forgetting);
    words.textContent = await take(tools).then(
      (name) => `Saved ${name}`,
      (error) => `No snapshot: ${error.message}`,
    );
    forgetting = setTimeout(() => (words.textContent = ""), SAID_MS);
    busy = false;
  };
  onKey("s", "snapshot", press);
}

/** Presses the button of the picture in hand: the one with the focus, the one under the pointer, or the first. */
function press() {
  const button = [".live-tile:focus-within", ".live-tile:hover", ":root"]
    .map((where) => document.querySelector(`${where} [data-live="snapshot"]`))
    .find((found) => found !== null);
  /** @type {HTMLButtonElement | undefined} */ (button)?.click();
}
