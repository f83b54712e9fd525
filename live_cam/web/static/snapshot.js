// @ts-check
/** The button and the key that save what is seen, with all that is needed to repeat it. */

import { address, choose } from "./address.js";
import { onKey } from "./keys.js";

const ANSWER_LIMIT_MS = 15000;
const SAID_MS = 6000;
const UNAUTHORIZED = 401;
const NOT_FOUND = 404;

/** Why there is no snapshot, in words that help. @param {Response} answer @param {boolean} own */
async function explain(answer, own) {
  if (answer.status === UNAUTHORIZED) return "load this page again, with its token";
  if (answer.status === NOT_FOUND && own) return "show your camera first";
  const isText = (answer.headers.get("Content-Type") ?? "").startsWith("text/plain");
  return (isText && (await answer.text())) || `live_cam answered ${answer.status}`;
}

/** Hands a file to the person. @param {string} name @param {Blob} file */
function save(name, file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // Not at once: some browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), ANSWER_LIMIT_MS);
}

/** Brings one picture's button to life. @param {HTMLElement} tools */
export function mount(tools) {
  const button = /** @type {HTMLButtonElement} */ (tools.querySelector('[data-live="snapshot"]'));
  const words = /** @type {HTMLElement} */ (tools.querySelector('[data-live="snapshot-words"]'));
  let forgetting = 0;
  let busy = false;

  /** @param {string} text */
  function tell(text) {
    words.textContent = text;
    clearTimeout(forgetting);
    forgetting = setTimeout(() => (words.textContent = ""), SAID_MS);
  }

  async function take() {
    try {
      const url = choose(address("snapshot"), tools);
      const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
      if (!answer.ok) return tell(`No snapshot: ${await explain(answer, "own" in tools.dataset)}`);
      const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "live_cam.zip";
      save(name, await answer.blob());
      tell(`Saved ${name}`);
    } catch {
      tell("No snapshot: no connection to live_cam");
    }
  }

  button.onclick = async () => {
    if (busy) return;
    busy = true;
    await take();
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
