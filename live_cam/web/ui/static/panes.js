// @ts-check
/**
 * The panes of an overlay: one, or two. The server puts two side by side; on a narrow page they are stacked.
 *
 * @typedef {{x: number, y: number}} Place
 */

/** Between two panes, as a fraction of a pane's width; see render/layout.py. */
const GAP = 1 / 80;
const NARROW = "(max-width: 768px)";

/**
 * Draws an overlay, whose size the canvas takes; returns whether its panes are stacked.
 *
 * @param {HTMLCanvasElement} canvas @param {CanvasRenderingContext2D} context @param {ImageBitmap} bitmap
 * @param {boolean} hasTwo
 */
export function drawPanes(canvas, context, bitmap, hasTwo) {
  const stacked = hasTwo && matchMedia(NARROW).matches;
  const gap = 2 * Math.max(1, Math.round(bitmap.width / (2 + GAP) / 160));
  const paneWidth = (bitmap.width - gap) / 2;
  const [width, height] = stacked ? [paneWidth, 2 * bitmap.height + gap] : [bitmap.width, bitmap.height];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.drawImage(bitmap, 0, 0);
  if (stacked) {
    context.clearRect(0, bitmap.height, width, gap);
    context.drawImage(bitmap, -paneWidth - gap, bitmap.height + gap);
  }
  return stacked;
}

/**
 * The upper left corners of the panes, in sizes of a pane.
 *
 * @param {HTMLCanvasElement} canvas @param {boolean} hasTwo @param {boolean} stacked @returns {Place[]}
 */
export function paneCorners({ width, height }, hasTwo, stacked) {
  const first = { x: 0, y: 0 };
  if (!hasTwo) return [first];
  const gap = GAP * width;
  return [first, stacked ? { x: 0, y: 1 + (2 * gap) / (height - gap) } : { x: 1 + GAP, y: 0 }];
}
