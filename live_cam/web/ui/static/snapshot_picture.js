// @ts-check
/**
 * The picture of a snapshot: the overlay, and beneath it the names that belong to it.
 *
 * Both are read from the file, since the page may show another frame by the time that arrives; and drawn here, since a
 * browser has a font for whatever script the labels are in.
 */

import { percent, targetCaption } from "./captions.js";
import { fileInZip } from "./files.js";

/** Of the smallest picture that the names are readable in. */
const MIN_WIDTH_PX = 640;
const ROWS = 3;
const [BACKGROUND, TEXT, SUBDUED, BAR, TRACK] = ["#ffffff", "#111827", "#475569", "#0f766e", "#cbd5e1"];

/** @typedef {import("./picture.js").ExplanationPayload & {model: {name: string}}} Explained What the file says of an explanation. */
/** @typedef {{overlay: ImageBitmap, description: Explained & {time: string, second: Explained | null}}} Contents */

/** Reads a snapshot's file. @param {string} name Its name without suffix. @param {Blob} zip @returns {Promise<Contents>} */
export async function readSnapshot(name, zip) {
  const overlay = `${name}.png`;
  const [png, json] = await Promise.all([
    fileInZip(zip, (file) => file === overlay),
    fileInZip(zip, (file) => file.endsWith(".json")),
  ]);
  return { overlay: await createImageBitmap(png), description: JSON.parse(await json.text()) };
}

/**
 * Draws the classes of one explanation into a column.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Explained} explanation
 * @param {{left: number, top: number, width: number, line: number}} column In pixels.
 */
function drawClasses(context, explanation, { left, top, width, line }) {
  const font = (/** @type {number} */ size, /** @type {number} */ weight) => `${weight} ${size * line}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.fillStyle = SUBDUED;
  context.font = font(0.5, 400);
  context.fillText(`Explained: ${targetCaption(explanation)} (${explanation.model.name})`, left, top + 0.4 * line, width);
  explanation.top.slice(0, ROWS).forEach(({ label, probability }, rank) => {
    const middle = top + (rank + 1.3) * line;
    context.fillStyle = TEXT;
    context.font = font(0.6, rank ? 400 : 700);
    const number = percent(probability);
    const numberWidth = context.measureText(number).width;
    context.fillText(number, left + width - numberWidth, middle);
    context.fillText(label, left, middle, width - numberWidth - line / 2);
    context.fillStyle = TRACK;
    context.fillRect(left, middle + 0.38 * line, width, 0.1 * line);
    context.fillStyle = BAR;
    context.fillRect(left, middle + 0.38 * line, width * probability, 0.1 * line);
  });
}

/** Draws the picture as a PNG. @param {Contents} contents @returns {Promise<Blob>} */
export function drawSnapshot({ overlay, description }) {
  const scale = Math.max(1, Math.ceil(MIN_WIDTH_PX / overlay.width));
  const [width, height] = [scale * overlay.width, scale * overlay.height];
  const line = Math.max(28, width / 24);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height: Math.ceil(height + (ROWS + 1.2) * line) });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  context.fillStyle = BACKGROUND;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  context.drawImage(overlay, 0, 0, width, height);
  const explained = description.second ? [description, description.second] : [description];
  const columnWidth = width / explained.length;
  explained.forEach((explanation, number) =>
    drawClasses(context, explanation, {
      left: number * columnWidth + line / 2,
      top: height + line / 4,
      width: columnWidth - line,
      line,
    }),
  );
  return new Promise((resolve, reject) =>
    canvas.toBlob((png) => (png ? resolve(png) : reject(new Error("the browser made no picture"))), "image/png"),
  );
}
