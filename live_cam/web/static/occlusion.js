// @ts-check
/**
 * Hiding a place of the picture, to see what the network makes of the rest.
 *
 * A mouse over the picture hides the square under it. A tap of a finger or a pen hides one until the next tap: there, and
 * the square is gone; elsewhere in the picture, and it moves. The arrow keys move it while the switch has the focus.
 *
 * @typedef {import("./hidden_place.js").Place} Place
 */

import { HiddenPlace } from "./hidden_place.js";
import { onKey } from "./keys.js";

const TAP_PX = 12;
const STEP = 0.05;
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
const MIDDLE = { x: 0.5, y: 0.5 };

/** @param {number} value */
const within = (value) => Math.min(1, Math.max(0, value));

/** Whether pictures heed the pointer; one switch for all of them. */
let on = true;
/** The pictures of the page. @type {Set<Occlusion>} */
const all = new Set();

/** What pointer and keys do to one picture. */
class Occlusion {
  /** @param {HTMLElement} stage */
  constructor(stage) {
    this.stage = stage;
    this.canvas = /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas"));
    this.hidden = new HiddenPlace(stage);
    /** Where a finger or a pen came down. @type {PointerEvent | null} */
    this.down = null;
  }

  /** Where in the frame the pointer is; null beside the picture. @param {PointerEvent} event @returns {Place | null} */
  under(event) {
    if (!(event.target instanceof Element) || !this.stage.contains(event.target)) return null;
    if (event.target.closest("button, a")) return null;
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    // The picture lies in the middle of the canvas, as large as it can be.
    const scale = Math.min(width / this.canvas.width, height / this.canvas.height);
    const x = 0.5 + (event.clientX - left - width / 2) / (scale * this.canvas.width);
    const y = 0.5 + (event.clientY - top - height / 2) / (scale * this.canvas.height);
    if (!(x >= 0 && x < 1 && y >= 0 && y < 1)) return null;
    return { x: this.hidden.across(x), y };
  }

  /** @param {Place | null} place */
  hide(place) {
    if (place && on) this.hidden.move(place);
    else this.hidden.clear();
  }

  /** A finger or a pen was lifted. @param {PointerEvent} event */
  lift(event) {
    const still = this.down && Math.hypot(event.clientX - this.down.clientX, event.clientY - this.down.clientY) < TAP_PX;
    if (event.pointerType === "mouse" || !still) return;
    const place = this.under(event);
    this.hide(place && this.hidden.covers(place) ? null : place);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const arrow = ARROWS[event.key];
    if (event.key === "Escape") this.hide(null);
    if (!arrow) return;
    const { x, y } = this.hidden.place ?? MIDDLE;
    this.hide({ x: within(x + arrow[0]), y: within(y + arrow[1]) });
    event.preventDefault();
  }

  /** Listens until the picture leaves the page. */
  listen() {
    const left = new AbortController();
    const { signal } = left;
    const ofMouse = (/** @type {PointerEvent} */ event) => event.pointerType === "mouse";
    this.stage.addEventListener("pointermove", (event) => ofMouse(event) && this.hide(this.under(event)), { signal });
    this.stage.addEventListener("pointerleave", (event) => ofMouse(event) && this.hide(null), { signal });
    document.addEventListener("pointerdown", (event) => (this.down = event), { signal });
    // No click: browsers tell of none where nothing can be clicked. A finger that scrolls is lifted without this event.
    const lifted = (/** @type {PointerEvent} */ event) => {
      if (this.stage.isConnected) this.lift(event);
      else if (all.delete(this)) left.abort();
    };
    document.addEventListener("pointerup", lifted, { signal });
    all.add(this);
  }
}

/** Takes every hidden square away. */
export function showAll() {
  all.forEach((occlusion) => occlusion.hide(null));
}

function toggle() {
  on = !on;
  if (!on) showAll();
  showSwitches();
}

function showSwitches() {
  for (const button of document.querySelectorAll('[data-live="occlude"]')) button.setAttribute("aria-pressed", String(on));
}

/** The switch that an event is about. @param {Event} event @returns {HTMLElement | null} */
function switchOf(event) {
  return event.target instanceof Element ? event.target.closest('[data-live="occlude"]') : null;
}

/** The picture of a switch, or the first. @param {HTMLElement | null} button */
function pictureOf(button) {
  if (!button) return undefined;
  const feed = /** @type {HTMLElement | null} */ (button.closest("[data-feed]"))?.dataset.feed ?? "0";
  return [...all].find(({ stage }) => stage.isConnected && stage.dataset.feed === feed);
}

// On the page, since a switch may come later than the picture.
document.addEventListener("click", (event) => switchOf(event) && toggle());
document.addEventListener("keydown", (event) => pictureOf(switchOf(event))?.press(event));
document.addEventListener("focusout", (event) => pictureOf(switchOf(event))?.hide(null));

/** Lets a place of one picture be hidden. @param {HTMLElement} stage */
export function mount(stage) {
  new Occlusion(stage).listen();
  showSwitches();
  onKey("o", "hide a square under the pointer, or not", toggle, "Ask", '[data-live="occlude"]');
}
