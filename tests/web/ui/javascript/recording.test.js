/** What the page says about the recording. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatBytes, formatDuration, recordingFigures, recordingSummary } from "../../../../live_cam/web/ui/static/recording.js";

const RECORDING = {
  state: "recording", file: "a.mp4", files: [], seconds: 75, bytes: 12_345_678, free_bytes: 2e11, dropped: 0, message: "",
};
const summary = (changes) => recordingSummary({ ...RECORDING, ...changes });

test("durations have hours where there are any", () => {
  assert.deepEqual([0, 9.9, 75, 3599, 3661].map(formatDuration), ["0:00", "0:09", "1:15", "59:59", "1:01:01"]);
});

test("amounts have the largest unit below them", () => {
  assert.deepEqual([0, 999, 12_345, 12_345_678, 2e11, 5e15].map(formatBytes), ["0 kB", "1 kB", "12 kB", "12.3 MB", "200.0 GB", "5000.0 TB"]);
});

test("figures count dropped frames if there are any", () => {
  assert.equal(recordingFigures(RECORDING), "1:15 · 12.3 MB · 200.0 GB free");
  assert.equal(recordingFigures({ ...RECORDING, dropped: 3 }), "1:15 · 12.3 MB · 200.0 GB free · 3 dropped frames");
});

test("every state has a sentence, with the server's message", () => {
  assert.equal(summary({}), "Recording");
  assert.equal(summary({ message: "left: The disk is nearly full" }), "left: The disk is nearly full. The others are still recorded");
  assert.equal(summary({ state: "finishing" }), "Finishing the file");
  assert.equal(summary({ state: "finished" }), "Recorded 1:15, 12.3 MB");
  assert.equal(summary({ state: "finished", message: "The disk is full" }), "The disk is full. Recorded 1:15, 12.3 MB");
  assert.equal(summary({ state: "failed", message: "the folder is not writable" }), "Not recorded: the folder is not writable");
});
