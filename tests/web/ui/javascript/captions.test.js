/** What the page says about a map. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { evidenceWord, isClassAgnostic, mapCaption, noEvidenceCaption, percent, targetCaption, trustCaption, votesCaption } from "../../../../live_cam/web/ui/static/captions.js";

const LION = { index: 291, label: "lion" };
const CHEETAH = { index: 293, label: "cheetah" };

/** A frame explained with the default settings, but for some fields. */
function frame(changes = {}) {
  const explanation = {
    top: [], target: LION, contrast: null, counterfactual: false, layer: "conv5_block3_out", method: "gradcam",
    evidence: 0.5, has_evidence: true,
  };
  return { ...explanation, second: null, style: "heatmap", opacity: 0.6, colormap: "viridis", ...changes };
}

const MODES = {
  class: { changes: {}, target: "lion", map: /speak for lion\./, none: "There is no evidence for lion in this image." },
  contrast: {
    changes: { contrast: CHEETAH }, target: "lion, not cheetah", map: /for lion more than for cheetah/,
    none: "There is no evidence for lion over cheetah in this image.",
  },
  counterfactual: {
    changes: { counterfactual: true }, target: "against lion", map: /speak against lion/, none: "Nothing in this image speaks against lion.",
  },
  "side by side": {
    changes: { second: frame({ target: CHEETAH }) }, target: "lion", map: /for the class named above each image/,
    none: "There is no evidence for lion in this image.",
  },
};

for (const [name, { changes, target, map, none }] of Object.entries(MODES)) {
  test(`mode ${name}: names the target, what the map shows, and missing evidence`, () => {
    assert.equal(targetCaption(frame(changes)), target);
    assert.match(mapCaption(frame(changes)), map);
    assert.equal(noEvidenceCaption(frame(changes)), "");
    const without = frame({ ...changes, has_evidence: false });
    assert.equal(noEvidenceCaption(without), none);
  });
}

test("a probability that is not zero is not shown as zero", () => {
  assert.deepEqual([0, 1e-9, 0.0049, 0.0051, 0.5, 0.999].map(percent), ["0 %", "<1 %", "<1 %", "1 %", "50 %", "100 %"]);
});

test("a class-agnostic method names no class", () => {
  const eigencam = frame({ method: "eigencam", contrast: CHEETAH, has_evidence: false });
  assert.equal(isClassAgnostic("eigencam"), true);
  assert.equal(isClassAgnostic("gradcam"), false);
  for (const caption of [targetCaption(eigencam), mapCaption(eigencam), noEvidenceCaption(eigencam)]) {
    assert.doesNotMatch(caption, /lion|cheetah/);
  }
  assert.equal(targetCaption(eigencam), "whatever the class");
});

test("regions are described as the style draws them", () => {
  assert.match(mapCaption(frame()), /^Bright regions /);
  assert.match(mapCaption(frame({ colormap: "jet" })), /^Red regions /);
  assert.match(mapCaption(frame({ style: "contours", colormap: "jet" })), /^Regions inside the lines /);
  assert.match(mapCaption(frame({ style: "spotlight" })), /^Regions left bright /);
});

test("evidence is a word from none to strong", () => {
  const words = [0, 0.34, 0.35, 0.74, 0.75, 1].map((evidence) => evidenceWord(frame({ evidence })));
  assert.deepEqual(words, ["weak", "weak", "clear", "clear", "strong", "strong"]);
  assert.equal(evidenceWord(frame({ evidence: 0, has_evidence: false })), "none");
});

const TESTED = { probability: 0.996, probability_drop: 0.99, random_drop: 0.1, measured: 8, verdict: "faithful", reason: "", words: "", age_s: 1 };

test("one sentence says whether the map can be trusted", () => {
  const right = "Hiding the bright area drops lion from 100 % to 1 %: the map is right.";
  assert.equal(trustCaption(frame(), TESTED), right);
  assert.equal(
    trustCaption(frame(), { ...TESTED, verdict: "unfaithful", probability_drop: -0.002, probability: 0.7 }),
    "Hiding the bright area leaves lion at 70 %, and a random one no less: the map is wrong.",
  );
  assert.match(trustCaption(frame({ contrast: CHEETAH }), TESTED), /drops lion against cheetah from 100 % to 1 %/);
  assert.match(trustCaption(frame({ counterfactual: true }), TESTED), /raises lion from <1 % to 99 %: the map is right/);
  assert.match(trustCaption(frame({ style: "contours" }), TESTED), /^Hiding the area inside the lines /);
  const unknown = { ...TESTED, verdict: "inconclusive", reason: "measuring continues." };
  assert.equal(trustCaption(frame(), unknown), "Whether the map is right is not known: measuring continues.");
  assert.equal(trustCaption(frame({ has_evidence: false }), TESTED), "There is no evidence for lion in this image.");
  assert.equal(trustCaption(frame(), null), "The map is not tested yet.");
});

test("a place names the classes that it speaks for, and what it adds to each", () => {
  const votes = [["lion", 0.424], ["lynx", 0.1], ["cat", 0.02], ["cup", 0.004], ["mug", -0.3]].map(([label, contribution]) => ({ label, contribution }));
  assert.equal(votesCaption(votes), "This place: lion +0.42, lynx +0.10");
  assert.equal(votesCaption(votes.slice(3)), "This place speaks for no class");
  assert.equal(votesCaption([]), "This place speaks for no class");
});
