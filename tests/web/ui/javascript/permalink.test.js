/** The parameters of links to the settings. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { changesOf, linkParameters, parseLink } from "../../../../live_cam/web/ui/static/permalink.js";

const START = {
  mode: "class", target: null, other: null, layer: "conv5_block3_out", method: "gradcam", style: "heatmap",
  opacity: 0.6, colormap: "viridis",
};

const parse = (text) => parseLink(new URLSearchParams(text));

test("a link holds what differs from the start, and is parsed back", () => {
  const changes = { mode: "contrast", target: "great white shark", other: "tiger", opacity: 0.25, colormap: "magma" };
  const parameters = linkParameters({ ...START, ...changes }, START);
  assert.equal(String(parameters), "mode=contrast&target=great+white+shark&other=tiger&opacity=0.25&colormap=magma");
  assert.deepEqual(parse(String(parameters)).values, changes);
});

test("a link to the settings of the start is empty", () => {
  assert.equal(String(linkParameters(START, START)), "");
  assert.deepEqual(parse("").values, {});
});

test("what a link holds is changed where it differs, and nothing else", () => {
  const current = { ...START, target: "lion", method: "layercam", opacity: 0.25 };
  assert.deepEqual(changesOf({ opacity: 0.25, style: "contours", target: null }, current), { style: "contours", target: null });
  assert.deepEqual(Object.keys(changesOf({ opacity: NaN }, current)), ["opacity"], "the server refuses it");
});

test("the automatic choice of a class is a value of its own", () => {
  const parameters = linkParameters(START, { ...START, target: "lion", other: "tiger" });
  assert.equal(String(parameters), "target=auto&other=auto");
  assert.deepEqual(parse("target=auto&other=auto").values, { target: null, other: null });
  assert.deepEqual(parse("layer=auto").values, { layer: "auto" });
});

test("links of earlier versions are understood", () => {
  const modes = { why: "class", versus: "contrast", against: "counterfactual", beside: "side_by_side" };
  for (const [question, mode] of Object.entries(modes)) {
    const { values, sources } = parse(`question=${question}&target=likeliest&other=likeliest`);
    assert.deepEqual(values, { mode, target: null, other: null });
    assert.equal(sources.mode, "question", "the parameter that is removed from the address bar");
  }
  assert.deepEqual(parse("question=versus&mode=side_by_side").values, { mode: "side_by_side" });
});

test("unknown parameters are ignored, and invalid values left to the server", () => {
  assert.deepEqual(parse("__theme=dark&style=contours").values, { style: "contours" });
  assert.deepEqual(parse("target=lyon").values, { target: "lyon" });
  assert.ok(Number.isNaN(parse("opacity=much").values.opacity));
});
