// @ts-check
/** The button and the key that save what is seen, with all that is needed to repeat it. */

import { address, ask, choose } from "./ask.js";
import { save } from "./files.js";
import { keep } from "./film.js";
import { press } from "./in_hand.js";
import { onKey } from "./keys.js";

const SAID_MS = 6000;
const OWN_REFUSALS = { 404: "show your camera first" };

/** Saves the newest picture, and gives the name of the file. @param {HTMLElement} tools */
async function take(tools) {
  const refusals = "own" in tools.dataset ? OWN_REFUSALS : {};
  const answer = await ask(choose(address("snapshot"), tools), "GET", refusals);
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "live_cam.zip";
  const zip = await answer.blob();
  save(name, zip);
  const strip = /** @type {HTMLElement | null} */ (document.querySelector(".live-strip"));
  const kept = strip ? keep(strip, name, zip) : null;
  await kept?.catch((error) => console.warn("live_cam: a snapshot is not in the strip", error));
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
  onKey("s", "save a snapshot", () => press("snapshot"), "Keep", '[data-live="snapshot"]');
}
