// @ts-check
/**
 * The maps of the top classes at once, as thumbnails; a click explains that class.
 *
 * The server renders them on demand, so they are requested only while they are visible.
 *
 * @typedef {import("./picture.js").ClassScore & {has_evidence: boolean}} MapScore
 */

import { apiUrl } from "./api.js";
import { percent } from "./captions.js";
import { onKey } from "./keys.js";
import { changeSettings } from "./settings.js";
import { isCameraMissing, notifyCameraMissing, pause, press } from "./ui.js";

const EVERY_MS = 330;
const FAILED_PAUSE_MS = 1000;
const REQUEST_LIMIT_MS = 15000;

/** One thumbnail and its label. */
class Thumbnail {
  /** @param {(index: number) => void} explain */
  constructor(explain) {
    this.button = document.createElement("button");
    this.canvas = this.button.appendChild(document.createElement("canvas"));
    this.label = this.button.appendChild(document.createElement("span"));
    this.button.type = "button";
    this.button.title = "Explain this class";
    this.button.disabled = true;
    this.button.onclick = () => explain(Number(this.button.dataset.index));
  }

  /**
   * Shows one of the panes of an image.
   *
   * @param {ImageBitmap} panes
   * @param {number} rank
   * @param {MapScore[]} top Of which there may be fewer.
   */
  show(panes, rank, top) {
    const score = top[rank];
    this.button.disabled = !score;
    if (!score) return;
    // A class that is being clicked keeps its place.
    if (this.button.matches(":active")) return;
    const width = Math.floor(panes.width / top.length);
    if (this.canvas.width !== width || this.canvas.height !== panes.height) {
      Object.assign(this.canvas, { width, height: panes.height });
    }
    this.canvas.getContext("2d")?.drawImage(panes, -rank * width, 0);
    const none = score.has_evidence ? "" : ", no evidence";
    const text = `${score.label} ${percent(score.probability)}${none}`;
    if (this.label.textContent !== text) this.label.textContent = text;
    // Without the percentage, which screen readers would read aloud three times a second.
    const name = `${score.label}${none}`;
    if (this.button.ariaLabel !== name) this.button.ariaLabel = name;
    this.button.dataset.index = String(score.index);
  }
}

/** The maps of one feed, and the button that opens them. */
class TopMaps {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.polling = false;
    this.button = root.appendChild(document.createElement("button"));
    this.row = root.appendChild(document.createElement("div"));
    const count = Number(root.dataset.maps);
    this.maps = Array.from({ length: count }, () => new Thumbnail((index) => changeSettings(root, { target: index })));
    this.button.type = "button";
    this.button.className = "live-button";
    this.button.dataset.live = "three-maps";
    this.button.textContent = `Top ${count}`;
    this.button.title = "The maps of the top classes at once";
    this.button.onclick = () => this.open(this.button.ariaExpanded !== "true");
    this.row.className = "live-maps";
    this.row.append(...this.maps.map((map) => map.button));
    this.open(false);
  }

  /** @param {boolean} opens */
  open(opens) {
    if (opens && notifyCameraMissing("No maps")) return;
    this.row.hidden = !opens;
    this.button.ariaExpanded = String(opens);
    if (opens && !this.polling) this.poll();
  }

  /** Requests new maps until it is closed. */
  async poll() {
    this.polling = true;
    while (!this.row.hidden && this.root.isConnected) {
      const startMs = performance.now();
      const visible = !document.hidden && !isCameraMissing();
      const failed = visible && !(await this.update().catch(() => false));
      await pause(startMs + (failed ? FAILED_PAUSE_MS : EVERY_MS) - performance.now());
    }
    this.polling = false;
  }

  /** Shows the newest maps, and returns whether there were any. */
  async update() {
    const response = await fetch(apiUrl("top.jpg", this.root), { signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
    if (!response.ok) return false;
    /** @type {{top: MapScore[]}} */
    const { top } = JSON.parse(response.headers.get("X-Live-Cam") ?? "");
    const panes = await createImageBitmap(await response.blob());
    this.maps.forEach((map, rank) => map.show(panes, rank, top));
    panes.close();
    return true;
  }
}

/** @param {HTMLElement} root */
export function mount(root) {
  new TopMaps(root);
  onKey("p", "three maps at once", () => press("three-maps"), "Explain", '[data-live="three-maps"]');
}
