// @ts-check
/**
 * A place of one feed: the patch that is occluded there, drawn over the frame, with the probabilities that remain beside
 * the classes; and where the head is linear, the classes that the place speaks for.
 *
 * @typedef {import("./picture.js").ClassScore} ClassScore
 * @typedef {import("./panes.js").Place} Place In 0..1 of the frame.
 * @typedef {[number, number, number, number]} Box
 * @typedef {{before: ClassScore[], after: ClassScore[], box: Box}} Result
 * @typedef {{votes: import("./captions.js").Vote[], box: Box}} Votes
 */

import { apiUrl, request } from "./api.js";
import { percent, votesCaption } from "./captions.js";
import { paneCorners } from "./panes.js";
import { pause } from "./ui.js";

/** Between requests for different places, and for the same one, since the frames change. */
const MOVED_PAUSE_MS = 125;
const SAME_PAUSE_MS = 250;
const FAILED_PAUSE_MS = 1000;
/** How long a place is kept before its result is read aloud. */
const REST_MS = 800;
/** Beneath a patch that ends lower there is no room for text. */
const LOWEST = 0.7;
const SVG = "http://www.w3.org/2000/svg";

/** Requests and shows the result of occluding one patch at a time, and the votes of its place. */
export class OcclusionSession {
  /** @param {HTMLElement} stage */
  constructor(stage) {
    this.stage = stage;
    this.canvas = /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas"));
    const layer = /** @type {HTMLElement} */ (stage.querySelector(".live-occlusion"));
    this.drawing = layer.appendChild(document.createElementNS(SVG, "svg"));
    this.drawing.setAttribute("aria-hidden", "true");
    /** The change of the top class, beside the patch, and the votes. */
    this.effect = layer.appendChild(document.createElement("div"));
    this.effect.className = "live-effect";
    this.effect.ariaHidden = "true";
    this.change = this.effect.appendChild(document.createElement("div"));
    this.voting = this.effect.appendChild(document.createElement("small"));
    this.spoken = layer.appendChild(document.createElement("p"));
    this.spoken.setAttribute("role", "status");
    this.hasVotes = "votes" in stage.dataset;
    /** The place under the pointer. @type {Place | null} */
    this.place = null;
    this.occludes = true;
    this.movedMs = 0;
    /** Called when the place has changed. @type {(value?: unknown) => void} */
    this.wake = () => {};
    this.polling = false;
    /** What is shown. @type {Result | null} */
    this.result = null;
    /** @type {Votes | null} */
    this.votes = null;
    // The class list changes with each frame, and so do the probabilities beside it.
    this.frames = new MutationObserver(() => this.write());
  }

  /** The upper left corners of the panes that show the frame, in sizes of a pane. */
  get panes() {
    const hasTwo = this.stage.querySelector('[data-live="caption-right"]:not([hidden])') !== null;
    return paneCorners(this.canvas, hasTwo, "stacked" in this.stage.dataset);
  }

  /** The size of the canvas, in sizes of a pane. @returns {Place} */
  get span() {
    const { x, y } = /** @type {Place} */ (this.panes.at(-1));
    return { x: x + 1, y: y + 1 };
  }

  /** Maps a place in the canvas, in 0..1, to one in the frame. @param {Place} place @returns {Place} */
  inPane({ x, y }) {
    const { span } = this;
    const at = { x: x * span.x, y: y * span.y };
    const corner = /** @type {Place} */ (this.panes.findLast((pane) => pane.x <= at.x && pane.y <= at.y));
    return { x: Math.min(1, at.x - corner.x), y: Math.min(1, at.y - corner.y) };
  }

  /** @param {Place} place @param {boolean} occludes Whether it is occluded, too. */
  move(place, occludes) {
    if (!this.stage.dataset.seq) return;
    Object.assign(this, { place, occludes });
    this.movedMs = performance.now();
    this.spoken.textContent = "";
    this.wake();
    if (!this.polling) this.poll();
  }

  /** Removes the patch and its result. */
  clear() {
    if (!this.place) return;
    this.place = this.result = this.votes = null;
    this.wake();
    this.frames.disconnect();
    this.draw();
    this.spoken.textContent = "";
    this.write();
  }

  /** The patch that is shown, or else the place that votes. */
  get box() {
    return (this.result ?? this.votes)?.box ?? null;
  }

  /** Whether a place lies in the box that is shown. @param {Place} place */
  covers({ x, y }) {
    const [left, top, right, bottom] = this.box ?? [1, 1, 0, 0];
    return x >= left && x <= right && y >= top && y <= bottom;
  }

  /** Requests the newest place, one request at a time, until it is cleared. */
  async poll() {
    this.polling = true;
    while (this.place && this.stage.isConnected) {
      const place = this.place;
      const startMs = performance.now();
      const moved = new Promise((resolve) => (this.wake = resolve));
      const failed = !document.hidden && !(await this.update(place));
      await pause(startMs + (failed ? FAILED_PAUSE_MS : MOVED_PAUSE_MS) - performance.now());
      await Promise.race([moved, pause(startMs + SAME_PAUSE_MS - performance.now())]);
    }
    this.polling = false;
  }

  /** Requests one place and shows the result; returns whether there was one. @param {Place} place */
  async update(place) {
    const [result, votes] = await Promise.all([
      this.occludes ? this.fetch("occlusion", "POST", place) : null,
      this.hasVotes ? this.fetch("votes", "GET", place) : null,
    ]);
    if (!this.place) return true;
    Object.assign(this, { result, votes });
    this.frames.observe(this.stage, { attributeFilter: ["data-seq"] });
    this.draw();
    this.write();
    if (place === this.place) this.speak();
    return result !== null || votes !== null;
  }

  /** Requests what there is to a place; null if that fails. @param {string} route @param {"GET" | "POST"} method @param {Place} place */
  async fetch(route, method, place) {
    const url = apiUrl(route, this.stage);
    url.searchParams.set("x", place.x.toFixed(4));
    url.searchParams.set("y", place.y.toFixed(4));
    const response = await request(url, method).catch(() => null);
    return response?.json() ?? null;
  }

  /** Draws the patch, or the outline of the place that votes, into each pane. */
  draw() {
    const { width, height } = this.canvas;
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const { box, span } = this;
    const [left, top, right, bottom] = box ?? [0, 0, 0, 0];
    const [paneWidth, paneHeight] = [width / span.x, height / span.y];
    const patches = (box ? this.panes : []).map((pane) => {
      const patch = document.createElementNS(SVG, "rect");
      patch.setAttribute("x", String((pane.x + left) * paneWidth));
      patch.setAttribute("y", String((pane.y + top) * paneHeight));
      patch.setAttribute("width", String((right - left) * paneWidth));
      patch.setAttribute("height", String((bottom - top) * paneHeight));
      patch.toggleAttribute("data-voting", !this.result);
      return patch;
    });
    this.drawing.replaceChildren(...patches);
    this.showEffect();
  }

  /** Writes under the first patch, or over one at the lower edge, what hiding it does to the top class, and the votes. */
  showEffect() {
    const { result, votes, box, span } = this;
    const [[before], [after]] = result ? [result.before, result.after] : [[], []];
    this.change.textContent = result ? `${before.label} ${percent(before.probability)} → ${percent(after.probability)}` : "";
    this.voting.textContent = votes ? votesCaption(votes.votes) : "";
    if (!box) return;
    const [left, top, right, bottom] = box;
    const isBelow = bottom < LOWEST;
    const [middle, edge] = [(left + right) / 2, isBelow ? bottom : top];
    this.effect.toggleAttribute("data-above", !isBelow);
    this.effect.style.left = `${(100 * Math.min(0.8, Math.max(0.2, middle))) / span.x}%`;
    this.effect.style.top = `${(100 * edge) / span.y}%`;
  }

  /** Writes beside each listed class the probability that remains, where the result has one. */
  write() {
    const ranks = document.querySelectorAll(`[data-feed="${this.stage.dataset.feed}"] [data-live^="occluded-"]`);
    for (const element of ranks) {
      const row = element.closest("li");
      const button = /** @type {HTMLElement | null | undefined} */ (row?.querySelector("[data-index]"));
      const after = this.result?.after.find((score) => String(score.index) === button?.dataset.index);
      const text = after ? `→ ${percent(after.probability)}` : "";
      if (element.textContent !== text) element.textContent = text;
      const track = /** @type {HTMLElement | null | undefined} */ (row?.querySelector(".live-track"));
      if (after) track?.style.setProperty("--occluded", String(after.probability));
      track?.toggleAttribute("data-occluded", after !== undefined);
    }
  }

  /** Has the result read aloud once, if the place was kept for a while. */
  speak() {
    if (!this.box || this.spoken.textContent || performance.now() - this.movedMs < REST_MS) return;
    const { before, after } = this.result ?? { before: [], after: [] };
    const changes = after.map((score, rank) => `${score.label} ${percent(before[rank].probability)}, now ${percent(score.probability)}`);
    const occluded = changes.length ? `With the patch occluded: ${changes.join("; ")}` : "";
    this.spoken.textContent = [occluded, this.voting.textContent].filter(Boolean).join(". ");
  }
}
