// @ts-check
/**
 * The maps of the three likeliest classes at once, as small pictures; a click explains that class.
 *
 * The server makes them on demand, so they are asked for only while they are to be seen.
 *
 * @typedef {import("./screen.js").ClassScore & {evidence: boolean}} MapScore
 */

import { address, choose } from "./ask.js";
import { press } from "./in_hand.js";
import { onKey } from "./keys.js";
import { cameraFirst, isCameraAwaited } from "./own_first.js";
import { pause } from "./pause.js";
import { change } from "./settings.js";

const EVERY_MS = 330;
const FAILED_PAUSE_MS = 1000;
const ANSWER_LIMIT_MS = 15000;
const MAPS = 3;

/** One small picture, and the words under it. */
class SmallMap {
  /** @param {(index: number) => void} explain */
  constructor(explain) {
    this.button = document.createElement("button");
    this.canvas = this.button.appendChild(document.createElement("canvas"));
    this.words = this.button.appendChild(document.createElement("span"));
    this.button.type = "button";
    this.button.title = "Explain this class";
    this.button.disabled = true;
    this.button.onclick = () => explain(Number(this.button.dataset.index));
  }

  /**
   * Shows one of the panes side by side in a picture.
   *
   * @param {ImageBitmap} panes
   * @param {number} rank
   * @param {MapScore} score
   */
  show(panes, rank, score) {
    // A class that is being clicked keeps its place.
    if (this.button.matches(":active")) return;
    const width = Math.floor(panes.width / MAPS);
    if (this.canvas.width !== width || this.canvas.height !== panes.height) {
      Object.assign(this.canvas, { width, height: panes.height });
    }
    this.canvas.getContext("2d")?.drawImage(panes, -rank * width, 0);
    const none = score.evidence ? "" : ", no evidence";
    const text = `${score.label} ${(100 * score.probability).toFixed(0)} %${none}`;
    if (this.words.textContent !== text) this.words.textContent = text;
    // Without the percentage, which would be read aloud thrice a second.
    const name = `${score.label}${none}`;
    if (this.button.ariaLabel !== name) this.button.ariaLabel = name;
    this.button.dataset.index = String(score.index);
    this.button.disabled = false;
  }
}

/** The three maps of one picture, and the button that opens them. */
class TopMaps {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.asking = false;
    this.button = root.appendChild(document.createElement("button"));
    this.row = root.appendChild(document.createElement("div"));
    this.maps = Array.from({ length: MAPS }, () => new SmallMap((index) => change(root, { target: index })));
    this.button.type = "button";
    this.button.className = "live-button";
    this.button.dataset.live = "three-maps";
    this.button.textContent = "Three maps";
    this.button.title = "The maps of the three likeliest classes at once";
    this.button.onclick = () => this.open(this.button.ariaExpanded !== "true");
    this.row.className = "live-maps";
    this.row.append(...this.maps.map((map) => map.button));
    this.open(false);
  }

  /** @param {boolean} opens */
  open(opens) {
    if (opens && cameraFirst("No maps")) return;
    this.row.hidden = !opens;
    this.button.ariaExpanded = String(opens);
    if (opens && !this.asking) this.follow();
  }

  /** Shows one answer after the other while it is open. */
  async follow() {
    this.asking = true;
    while (!this.row.hidden && this.root.isConnected) {
      const beginMs = performance.now();
      const asks = !document.hidden && !isCameraAwaited();
      const failed = asks && !(await this.show().catch(() => false));
      await pause(beginMs + (failed ? FAILED_PAUSE_MS : EVERY_MS) - performance.now());
    }
    this.asking = false;
  }

  /** Shows the newest maps, and tells whether there were any. */
  async show() {
    const url = choose(address("top.jpg"), this.root);
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    if (!answer.ok) return false;
    /** @type {{top: MapScore[]}} */
    const { top } = JSON.parse(answer.headers.get("X-Live-Cam") ?? "");
    const panes = await createImageBitmap(await answer.blob());
    this.maps.forEach((map, rank) => map.show(panes, rank, top[rank]));
    panes.close();
    return true;
  }
}

/** Brings the small maps of one picture to life. @param {HTMLElement} root */
export function mount(root) {
  new TopMaps(root);
  onKey("p", "three maps at once", () => press("three-maps"), "Ask", '[data-live="three-maps"]');
}
