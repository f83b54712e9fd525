/** The questions, in the names of the classes. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { question, questionClasses } from "../../../../live_cam/web/ui/static/questions.js";

const [LION, LYNX, OTTER] = [{ index: 291, label: "lion" }, { index: 287, label: "lynx" }, { index: 360, label: "otter" }];

function frame(changes = {}, other = null) {
  return { top: [LION, LYNX], target: LION, contrast: null, second: null, comparison: null, settings: { target: null, other }, ...changes };
}

test("each mode is a question", () => {
  const asked = ["class", "contrast", "counterfactual", "side_by_side"].map((mode) => question(mode, "lion", "lynx"));
  assert.deepEqual(asked, ["Why lion?", "Why lion, not lynx?", "What speaks against lion?", "Lion beside lynx"]);
});

test("the classes are the explained one and the other that is chosen, or the runner-up", () => {
  assert.deepEqual(questionClasses(frame()), ["lion", "lynx"]);
  assert.deepEqual(questionClasses(frame({ target: LYNX })), ["lynx", "lion"]);
  assert.deepEqual(questionClasses(frame({}, OTTER.index)), ["lion", "another class"]);
  assert.deepEqual(questionClasses(frame({ contrast: OTTER }, OTTER.index)), ["lion", "otter"]);
  assert.deepEqual(questionClasses(frame({}, OTTER.index)), ["lion", "otter"], "its name was seen before");
  assert.deepEqual(questionClasses(frame({ second: { target: OTTER } })), ["lion", "otter"]);
  assert.deepEqual(questionClasses(frame({ second: { target: OTTER }, comparison: {} })), ["lion", "lynx"], "of another model");
});
