/** Names of keys, and which presses count. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { keyName, pressedKey, titleWithKeys } from "../../../../live_cam/web/ui/static/keys.js";

const press = (changes) => pressedKey({ repeat: false, ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, ...changes });

test("keys are named as printed on them", () => {
  assert.deepEqual(["w", " ", "?", "+", "1"].map(keyName), ["W", "Space", "?", "+", "1"]);
});

test("a title lists the keys of its control", () => {
  assert.equal(titleWithKeys("Record, or stop recording", ["R"]), "Record, or stop recording (key R)");
  assert.equal(titleWithKeys("", ["W", "V"]), "Key W, V");
});

test("a plain key counts, with caps lock too", () => {
  assert.equal(press({ key: "f" }), "f");
  assert.equal(press({ key: "F" }), "f");
  assert.equal(press({ key: " " }), " ");
});

test("the shift key is needed for signs and excludes letters", () => {
  assert.equal(press({ key: "?", shiftKey: true }), "?");
  assert.equal(press({ key: "+", shiftKey: true }), "+");
  assert.equal(press({ key: "F", shiftKey: true }), "");
});

test("presses with other modifiers and repetitions do not count", () => {
  for (const modifier of ["ctrlKey", "altKey", "metaKey", "repeat"]) {
    assert.equal(press({ key: "f", [modifier]: true }), "", modifier);
  }
});
