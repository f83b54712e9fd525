// @ts-check
/**
 * Occlusion of a patch by pointer and keys, to see how the probabilities change, and the votes of the place there.
 *
 * A mouse occludes the patch under it. A tap of a finger or a pen occludes one until the next tap: on the patch, which
 * removes it, or elsewhere, which moves it. The arrow keys move it while the switch has the focus. With the switch off, the
 * votes of a place are shown all the same, where it has some, and nothing is occluded.
 *
 * @typedef {import("./occlusion_session.js").Place} Place
 */

import { onKey } from "./keys.js";
import { OcclusionSession } from "./occlusion_session.js";

const TAP_PX = 12;
const STEP = 0.05;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
const MIDDLE = { x: 0.5, y: 0.5 };

/** @param {number} value */
const clamp = (value) => Math.min(1, Math.max(0, value));

/** Whether pointers occlude; one switch for all feeds. */
let enabled = true;
/** @type {Set<Occlusion>} */
const all = new Set();

/** Pointer and keys over one feed. */
class Occlusion {
  /** @param {HTMLElement} stage */
  constructor(stage) {
    this.stage = stage;
    this.canvas = /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas"));
    this.session = new OcclusionSession(stage);
    /** Where a finger or a pen went down. @type {PointerEvent | null} */
    this.down = null;
  }

  /** The place in the frame under the pointer; null outside of it. @param {PointerEvent} event @returns {Place | null} */
  placeOf(event) {
    if (!(event.target instanceof Element) || !this.stage.contains(event.target)) return null;
    if (event.target.closest("button, a")) return null;
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    // The image is centred in the canvas, as large as fits.
    const scale = Math.min(width / this.canvas.width, height / this.canvas.height);
    const x = 0.5 + (event.clientX - left - width / 2) / (scale * this.canvas.width);
    const y = 0.5 + (event.clientY - top - height / 2) / (scale * this.canvas.height);
    if (!(x >= 0 && x < 1 && y >= 0 && y < 1)) return null;
    return this.session.inPane({ x, y });
  }

  /** @param {Place | null} place */
  occlude(place) {
    if (place && (enabled || this.session.hasVotes)) this.session.move(place, enabled);
    else this.session.clear();
  }

  /** Handles a finger or a pen that was lifted. @param {PointerEvent} event */
  lift(event) {
    const still = this.down && Math.hypot(event.clientX - this.down.clientX, event.clientY - this.down.clientY) < TAP_PX;
    if (event.pointerType === "mouse" || !still) return;
    const place = this.placeOf(event);
    this.occlude(place && this.session.covers(place) ? null : place);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const arrow = ARROWS[event.key];
    if (event.key === "Escape") this.occlude(null);
    if (!arrow) return;
    const { x, y } = this.session.place ?? MIDDLE;
    this.occlude({ x: clamp(x + arrow[0]), y: clamp(y + arrow[1]) });
    event.preventDefault();
  }

  /** Listens until the stage leaves the page. */
  listen() {
    const removal = new AbortController();
    const { signal } = removal;
    const isMouse = (/** @type {PointerEvent} */ event) => event.pointerType === "mouse";
    this.stage.addEventListener("pointermove", (event) => isMouse(event) && this.occlude(this.placeOf(event)), { signal });
    this.stage.addEventListener("pointerleave", (event) => isMouse(event) && this.occlude(null), { signal });
    document.addEventListener("pointerdown", (event) => (this.down = event), { signal });
    // Not `click`, which browsers do not fire on elements that are not clickable. A finger that scrolls fires no `pointerup`.
    const onPointerUp = (/** @type {PointerEvent} */ event) => {
      if (this.stage.isConnected) this.lift(event);
      else if (all.delete(this)) removal.abort();
    };
    document.addEventListener("pointerup", onPointerUp, { signal });
    all.add(this);
  }
}

/** Removes all patches. */
export function clearAll() {
  all.forEach((occlusion) => occlusion.occlude(null));
}

function toggle() {
  enabled = !enabled;
  clearAll();
  showSwitches();
}

function showSwitches() {
  for (const button of document.querySelectorAll('[data-live="occlude"]')) button.setAttribute("aria-pressed", String(enabled));
}

/** The switch that an event targets. @param {Event} event @returns {HTMLElement | null} */
function switchOf(event) {
  return event.target instanceof Element ? event.target.closest('[data-live="occlude"]') : null;
}

/** The occlusion of a switch's feed. @param {HTMLElement | null} button */
function occlusionOf(button) {
  if (!button) return undefined;
  const feed = /** @type {HTMLElement | null} */ (button.closest("[data-feed]"))?.dataset.feed ?? "0";
  return [...all].find(({ stage }) => stage.isConnected && stage.dataset.feed === feed);
}

// On the document, since a switch may be built later than the stage.
document.addEventListener("click", (event) => switchOf(event) && toggle());
document.addEventListener("keydown", (event) => occlusionOf(switchOf(event))?.press(event));
document.addEventListener("focusout", (event) => occlusionOf(switchOf(event))?.occlude(null));

/** @param {HTMLElement} stage */
export function mount(stage) {
  new Occlusion(stage).listen();
  showSwitches();
  onKey("o", "switch occlusion on or off", toggle, "Explain", '[data-live="occlude"]');
}
