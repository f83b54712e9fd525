// @ts-check
/**
 * A hidden place of a picture: a square drawn over it, and beside each class what the network makes of the rest.
 *
 * @typedef {import("./screen.js").ClassScore} ClassScore
 * @typedef {{x: number, y: number}} Place In 0..1 of the frame.
 * @typedef {{before: ClassScore[], after: ClassScore[], box: [number, number, number, number]}} Answer
 */

import { address, ask, choose } from "./ask.js";
import { pause } from "./pause.js";

/** Between questions about new places, and about the same one again, since the picture moves. */
const MOVED_PAUSE_MS = 125;
const SAME_PAUSE_MS = 250;
const FAILED_PAUSE_MS = 1000;
/** How long a place is kept before it is spoken of. */
const REST_MS = 800;
/** Between two panes, as a part of a pane's width; see render/panes.py. */
const GAP = 1 / 80;
const SVG = "http://www.w3.org/2000/svg";

/** @param {ClassScore} score */
const percent = (score) => `${(100 * score.probability).toFixed(0)} %`;

/** The hidden place of one picture. */
export class HiddenPlace {
  /** @param {HTMLElement} stage */
  constructor(stage) {
    this.stage = stage;
    this.canvas = /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas"));
    const layer = /** @type {HTMLElement} */ (stage.querySelector(".live-occlusion"));
    this.drawing = layer.appendChild(document.createElementNS(SVG, "svg"));
    this.drawing.setAttribute("aria-hidden", "true");
    this.spoken = layer.appendChild(document.createElement("p"));
    this.spoken.setAttribute("role", "status");
    /** What is to be hidden. @type {Place | null} */
    this.place = null;
    this.movedMs = 0;
    /** Called when the place has changed. @type {(value?: unknown) => void} */
    this.wake = () => {};
    this.asking = false;
    /** What is shown. @type {Answer | null} */
    this.answer = null;
    // The words beside the picture change with it, and so do those of the hidden place.
    this.watch = new MutationObserver(() => this.write());
  }

  /** Where the frame is to be seen: once, or twice side by side. @returns {number[]} In widths of a pane. */
  get panes() {
    return this.stage.querySelector('[data-live="caption-right"]:not([hidden])') ? [0, 1 + GAP] : [0];
  }

  /** How many panes would fill the canvas. */
  get span() {
    return (this.panes.at(-1) ?? 0) + 1;
  }

  /** From a place across the canvas to that across the frame, both in 0..1. @param {number} x */
  across(x) {
    const left = this.panes.findLast((pane) => pane <= x * this.span) ?? 0;
    return Math.min(1, x * this.span - left);
  }

  /** @param {Place} place */
  move(place) {
    if (!this.stage.dataset.seq) return;
    this.place = place;
    this.movedMs = performance.now();
    this.spoken.textContent = "";
    this.wake();
    if (!this.asking) this.follow();
  }

  /** Takes the square away, and the words with it. */
  clear() {
    if (!this.place) return;
    this.place = this.answer = null;
    this.wake();
    this.watch.disconnect();
    this.drawing.replaceChildren();
    this.spoken.textContent = "";
    this.write();
  }

  /** Whether a place lies in the square that is shown. @param {Place} place */
  covers({ x, y }) {
    const [left, top, right, bottom] = this.answer?.box ?? [1, 1, 0, 0];
    return x >= left && x <= right && y >= top && y <= bottom;
  }

  /** Asks about the newest place, one question at a time, until there is none. */
  async follow() {
    this.asking = true;
    while (this.place && this.stage.isConnected) {
      const place = this.place;
      const beginMs = performance.now();
      const moved = new Promise((resolve) => (this.wake = resolve));
      const failed = !document.hidden && !(await this.look(place));
      await pause(beginMs + (failed ? FAILED_PAUSE_MS : MOVED_PAUSE_MS) - performance.now());
      await Promise.race([moved, pause(beginMs + SAME_PAUSE_MS - performance.now())]);
    }
    this.asking = false;
  }

  /** Asks about one place and shows the answer; tells whether there was one. @param {Place} place */
  async look(place) {
    const url = choose(address("occlusion"), this.stage);
    url.searchParams.set("x", place.x.toFixed(4));
    url.searchParams.set("y", place.y.toFixed(4));
    /** @type {Answer | null} */
    const answer = await ask(url, "POST").then(
      (found) => found.json(),
      () => null,
    );
    if (!this.place) return true;
    this.answer = answer;
    this.watch.observe(this.stage, { attributeFilter: ["data-seq"] });
    this.draw();
    this.write();
    if (place === this.place) this.speak();
    return answer !== null;
  }

  /** Draws the square into each pane. */
  draw() {
    const { width, height } = this.canvas;
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const [left, top, right, bottom] = this.answer?.box ?? [0, 0, 0, 0];
    const paneWidth = width / this.span;
    const squares = (this.answer ? this.panes : []).map((pane) => {
      const square = document.createElementNS(SVG, "rect");
      square.setAttribute("x", String((pane + left) * paneWidth));
      square.setAttribute("y", String(top * height));
      square.setAttribute("width", String((right - left) * paneWidth));
      square.setAttribute("height", String((bottom - top) * height));
      return square;
    });
    this.drawing.replaceChildren(...squares);
  }

  /** Writes beside each class shown what is left of it, where the answer tells. */
  write() {
    const ranks = document.querySelectorAll(`[data-feed="${this.stage.dataset.feed}"] [data-live^="hidden-"]`);
    for (const words of ranks) {
      const row = words.closest("li");
      const shown = /** @type {HTMLElement | null | undefined} */ (row?.querySelector("[data-index]"));
      const left = this.answer?.after.find((score) => String(score.index) === shown?.dataset.index);
      const text = left ? `→ ${percent(left)}` : "";
      if (words.textContent !== text) words.textContent = text;
      const track = /** @type {HTMLElement | null | undefined} */ (row?.querySelector(".live-track"));
      if (left) track?.style.setProperty("--hidden", String(left.probability));
      track?.toggleAttribute("data-hidden", left !== undefined);
    }
  }

  /** Says once what comes of a place that is kept for a while. */
  speak() {
    if (!this.answer || this.spoken.textContent || performance.now() - this.movedMs < REST_MS) return;
    const { before, after } = this.answer;
    const moves = after.map((left, rank) => `${left.label} ${percent(before[rank])}, now ${percent(left)}`);
    this.spoken.textContent = `With the square hidden: ${moves.join("; ")}`;
  }
}
