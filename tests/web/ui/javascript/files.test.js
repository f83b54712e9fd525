/** Files in a ZIP. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { fileInZip } from "../../../../live_cam/web/ui/static/files.js";

/** A ZIP's local file header with its data. */
function entry(name, data, method) {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(method, 8);
  header.writeUInt32LE(data.length, 18);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, Buffer.from(name), data]);
}

const TEXT = "lion ".repeat(100);
const ZIP = new Blob([entry("a.png", Buffer.from("stored"), 0), entry("a.json", deflateRawSync(TEXT), 8), Buffer.from("PK\x01\x02".padEnd(46))]);

test("stored and deflated files are extracted", async () => {
  assert.equal(await (await fileInZip(ZIP, (name) => name === "a.png")).text(), "stored");
  assert.equal(await (await fileInZip(ZIP, (name) => name.endsWith(".json"))).text(), TEXT);
});

test("a missing file is an error", async () => {
  await assert.rejects(fileInZip(ZIP, (name) => name === "b.png"), /no such file/);
});
