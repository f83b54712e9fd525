// @ts-check
/** Whether the map can be trusted: one sentence, with the two figures that it rests on. */

import { hiddenArea, methodTitle, trustCaption } from "./captions.js";

/** @typedef {import("./picture.js").FramePayload} FramePayload */
/** @typedef {import("./picture.js").Faithfulness} Faithfulness */

/** A change in percentage points. @param {number} drop */
function points(drop) {
  const whole = Math.round(100 * drop);
  return whole > 0 ? `−${whole}` : `+${-whole}`.replace("+0", "0");
}

/** What the sentence stands for: the verdict, "none" without evidence, or empty. @param {FramePayload | null} frame @param {Faithfulness | null} tested */
function verdictOf(frame, tested) {
  if (frame && !frame.has_evidence) return "none";
  return tested?.verdict ?? "";
}

/** @param {import("./picture.js").Picture} picture @param {string} name @param {number | undefined} drop */
function showDrop(picture, name, drop) {
  picture.write(name, drop === undefined ? "–" : points(drop));
  const bar = picture.part(`${name}-bar`);
  if (bar) bar.style.width = `${Math.max(0, 100 * (drop ?? 0)).toFixed(0)}%`;
}

/** What was hidden, and how the map was made. @param {import("./picture.js").Picture} picture @param {FramePayload} frame @param {Faithfulness | null} tested */
function showTest(picture, frame, tested) {
  const [model, second] = frame.models;
  const method = methodTitle(picture.names, frame.method, model);
  picture.write("drop-area", `${hiddenArea(frame).replace("area", "fifth")} hidden`);
  picture.write("tested", tested ? `In percentage points; ${method}${second ? ` of ${model.name}` : ""}, ${tested.age_s} s ago` : "");
}

/**
 * @param {import("./picture.js").Picture} picture
 * @param {FramePayload | null} frame The newest; null before the first.
 * @param {Faithfulness | null} faithfulness
 */
export function showTrust(picture, frame, faithfulness) {
  const tested = frame?.has_evidence ? faithfulness : null;
  const sentence = frame ? trustCaption(frame, tested) : "The map is not tested yet.";
  const place = picture.part("trust");
  if (place) place.dataset.verdict = verdictOf(frame, tested);
  picture.write("verdict", sentence);
  picture.write("big-sentence", sentence);
  showDrop(picture, "drop", tested?.probability_drop);
  showDrop(picture, "random", tested?.random_drop);
  if (frame) showTest(picture, frame, tested);
}
