// @ts-check
/**
 * A class that is taught: its name, the button to hold while it is shown, its pictures and its mean map.
 *
 * @typedef {import("./teaching.js").TaughtClass} TaughtClass
 * @typedef {import("./teaching.js").Teaching} Teaching
 */

import { onHold } from "./hold.js";

const MAX_THUMBNAILS = 4;
/** Of a map, where it is empty and where it is strongest. */
const [WEAK, STRONG] = [
  [33, 20, 70],
  [253, 231, 37],
];

/** @template {keyof HTMLElementTagNameMap} K @param {K} tag @param {string} name Its class. @returns {HTMLElementTagNameMap[K]} */
const create = (tag, name) => Object.assign(document.createElement(tag), { className: name });

/** @param {number} count @param {string} word */
const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** Draws a map, a pixel for each of its places. @param {HTMLCanvasElement} canvas @param {number[][]} map */
function drawMap(canvas, map) {
  const [width, height] = [map[0].length, map.length];
  const most = Math.max(...map.flat(), 1e-9);
  const rgba = map.flat().flatMap((value) => [...WEAK.map((weak, i) => weak + (value / most) * (STRONG[i] - weak)), 255]);
  Object.assign(canvas, { width, height });
  canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(rgba), width, height), 0, 0);
}

/** The rows of all classes. */
export class TaughtClassList {
  /** @param {HTMLElement} list @param {Teaching} teaching @param {boolean} areFixed Whether the classes are given. */
  constructor(list, teaching, areFixed = false) {
    this.list = list;
    this.teaching = teaching;
    this.areFixed = areFixed;
    /** By class. @type {Map<number, TaughtClassRow>} */
    this.rows = new Map();
  }

  /** @param {import("./teaching.js").TeachingState} state */
  show({ classes, showing }) {
    const ids = new Set(classes.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.root.remove();
      this.rows.delete(id);
    }
    classes.forEach((taught, place) => {
      const row = this.rows.get(taught.id) ?? new TaughtClassRow(this.teaching, taught, this.areFixed);
      this.rows.set(taught.id, row);
      if (!row.root.isConnected) this.list.append(row.root);
      row.show(taught, place, showing === taught.id);
    });
  }
}

/** Lists the warnings, where they are others: a live region would be read again. @param {HTMLElement} list @param {TaughtClass[]} classes */
export function showWarnings(list, classes) {
  const warnings = classes.map(({ warning }) => warning).filter(Boolean);
  if ([...list.children].map(({ textContent }) => textContent).join("\n") === warnings.join("\n")) return;
  list.replaceChildren(...warnings.map((warning) => Object.assign(document.createElement("li"), { textContent: warning })));
}

/** The row of one class; `show` updates it. */
class TaughtClassRow {
  /** @param {Teaching} teaching @param {TaughtClass} taught @param {boolean} isFixed Whether the class keeps its name. */
  constructor(teaching, taught, isFixed) {
    this.teaching = teaching;
    this.taught = taught;
    /** The name that is shown. */
    this.label = "";
    this.root = create("li", "live-taught");
    this.number = this.root.appendChild(create("span", "live-taught-number"));
    this.name = this.root.appendChild(isFixed ? create("b", "live-taught-name") : this.nameField());
    this.button = this.root.appendChild(create("button", "live-button live-hold"));
    this.button.type = "button";
    onHold(this.button, { start: () => teaching.hold(this.taught.id), stop: () => teaching.release(this.taught.id) });
    this.pictures = this.root.appendChild(create("div", "live-taught-pictures"));
    this.map = create("canvas", "live-taught-map");
    this.map.setAttribute("role", "img");
    this.count = create("span", "");
    this.pictures.append(this.map, this.count);
    this.drop = create("button", "live-taught-drop");
    this.drop.type = "button";
    this.drop.onclick = () => teaching.do({ action: this.taught.pictures ? "clear" : "remove", class: this.taught.id });
    if (!isFixed) this.pictures.append(this.drop);
  }

  /** A name that can be changed; one that does not do stays in the field, to be mended. */
  nameField() {
    const field = create("input", "live-taught-name");
    Object.assign(field, { type: "text", maxLength: 40, autocomplete: "off" });
    field.onchange = () => this.teaching.do({ action: "rename", class: this.taught.id, label: field.value });
    field.onkeydown = ({ key }) => {
      if (key === "Escape") field.value = this.taught.label;
      if (key === "Escape" || key === "Enter") field.blur();
    };
    return field;
  }

  /** @param {TaughtClass} taught @param {number} place From 0. @param {boolean} isShown */
  show(taught, place, isShown) {
    this.taught = taught;
    this.number.textContent = String((place + 1) % 10);
    this.showName(taught.label, place);
    this.button.toggleAttribute("data-on", isShown);
    this.button.textContent = isShown ? "showing…" : "hold to show";
    this.button.ariaLabel = isShown ? `Showing ${taught.label}` : `Hold to show ${taught.label}`;
    this.button.setAttribute("aria-keyshortcuts", this.number.textContent);
    this.count.textContent = `${counted(taught.pictures, "picture")}, ${counted(taught.takes.length, "take")}`;
    this.drop.textContent = taught.pictures ? "Clear" : "Remove";
    this.drop.ariaLabel = `${this.drop.textContent} ${taught.label}`;
    this.map.hidden = !taught.map;
    if (taught.map) {
      drawMap(this.map, taught.map);
      this.map.title = this.map.ariaLabel = `Where the evidence for ${taught.label} lies, in the mean over its takes`;
    }
    this.showThumbnails(taught);
  }

  /** Shows the name; what is being typed stays until there is another. @param {string} label @param {number} place */
  showName(label, place) {
    if (this.name instanceof HTMLInputElement) {
      if (label !== this.label) this.name.value = label;
      this.name.ariaLabel = `Name of class ${place + 1}`;
    } else this.name.textContent = label;
    this.label = label;
  }

  /** Shows the newest picture of each of the last takes. @param {TaughtClass} taught */
  showThumbnails({ takes }) {
    const shown = takes.filter(({ pictures }) => pictures).slice(-MAX_THUMBNAILS);
    const known = new Map([...this.pictures.querySelectorAll("img")].map((image) => [image.dataset.take, image]));
    for (const take of shown) {
      const id = String(take.id);
      const image = known.get(id) ?? Object.assign(document.createElement("img"), { alt: "" });
      known.delete(id);
      image.dataset.take = id;
      const url = this.teaching.pictureUrl(take);
      if (image.src !== url) image.src = url;
      if (!image.isConnected) this.map.before(image);
    }
    known.forEach((image) => image.remove());
  }
}
