// @ts-check
/** The wall: small pictures of those cameras that are in view, and one large on demand. */

import { apiUrl } from "./api.js";
import { percent } from "./captions.js";
import { pause, write } from "./ui.js";

const EVERY_MS = 700;
const LIMIT_MS = 10000;
const PAUSE_MS = 1000;

/**
 * @typedef {{ number: number, name: string, state: string, message: string, label: string, probability: number,
 *   age_ms: number | null, fps: number, bytes: number }} Camera
 */

const wall = /** @type {HTMLElement} */ (document.querySelector("#wall"));
const large = /** @type {HTMLDialogElement} */ (document.querySelector("#large"));
const count = /** @type {HTMLElement} */ (document.querySelector("#count"));
const notice = /** @type {HTMLElement} */ (document.querySelector("#notice"));
const total = Number(wall.dataset.cameras);
/** @type {Set<number>} */
const inView = new Set();
let opened = -1;

const tiles = Array.from({ length: total }, (_, number) => {
  const tile = document.createElement("li");
  const button = document.createElement("button");
  const words = document.createElement("span");
  words.className = "words";
  const canvas = document.createElement("canvas");
  canvas.width = 240;
  canvas.height = 180;
  canvas.ariaHidden = "true";
  for (const name of ["name", "answer", "message"]) {
    const line = document.createElement("span");
    line.className = name;
    words.append(line);
  }
  button.append(canvas, words);
  button.addEventListener("click", () => open(number));
  tile.append(button);
  tile.dataset.number = String(number);
  part(tile, ".name").textContent = `Camera ${number + 1}`;
  return tile;
});
wall.append(...tiles);

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const number = Number(/** @type {HTMLElement} */ (entry.target).dataset.number);
    if (entry.isIntersecting) inView.add(number);
    else inView.delete(number);
  }
});
for (const tile of tiles) observer.observe(tile);

/** @param {Element} whole @param {string} selector */
function part(whole, selector) {
  return /** @type {HTMLElement} */ (whole.querySelector(selector));
}

/** @param {string} route @param {Record<string, number>} query */
async function get(route, query) {
  const url = apiUrl(route);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) });
  if (!response.ok) throw new Error(response.status === 401 ? "load this page again, with its token" : "no connection");
  return response;
}

/** @param {HTMLElement} whole A tile, or the dialog. @param {Camera} camera */
function describe(whole, camera) {
  const isKnown = camera.label !== "";
  whole.dataset.state = camera.state;
  write(part(whole, ".answer"), isKnown ? `${camera.label} ${percent(camera.probability)}` : "");
  write(part(whole, ".message"), camera.state === "live" ? "" : camera.message || camera.state);
}

/** @param {HTMLElement} whole @param {Blob} jpeg */
async function paint(whole, jpeg) {
  const bitmap = await createImageBitmap(jpeg);
  const canvas = /** @type {HTMLCanvasElement} */ (part(whole, "canvas"));
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  bitmap.close();
  whole.dataset.painted = String(Number(whole.dataset.painted ?? 0) + 1);
}

/** Requests what is in view, and paints it. @param {number} after @param {string} range What was requested last. */
async function refresh(after, range) {
  const first = inView.size ? Math.min(...inView) : 0;
  const inRange = inView.size ? Math.max(...inView) - first + 1 : 0;
  const current = `${first} ${inRange}`;
  const response = await get("wall", { first, count: inRange, after: current === range ? after : 0 });
  const message = await response.arrayBuffer();
  const start = 4 + new DataView(message).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(message.slice(4, start)));
  write(count, `${header.live} of ${total} cameras live`);
  write(notice, header.notice);
  let at = start;
  /** @type {Promise<void>[]} */
  const painted = [];
  for (const camera of /** @type {Camera[]} */ (header.cameras)) {
    const tile = tiles[camera.number];
    write(part(tile, ".name"), camera.name);
    describe(tile, camera);
    if (camera.bytes) painted.push(paint(tile, new Blob([message.slice(at, at + camera.bytes)])));
    at += camera.bytes;
  }
  await Promise.all(painted);
  return /** @type {const} */ ([header.version, current]);
}

async function watch() {
  let after = 0;
  let range = "";
  for (;;) {
    try {
      if (!document.hidden) [after, range] = await refresh(after, range);
      await pause(EVERY_MS);
    } catch (error) {
      write(notice, `live_cam does not answer: ${error instanceof Error ? error.message : error}`);
      await pause(PAUSE_MS);
    }
  }
}

/** Shows a camera large, until the dialog is closed or another opened. @param {number} number */
async function open(number) {
  opened = number;
  write(part(large, "h2"), part(tiles[number], ".name").textContent ?? "");
  delete large.dataset.painted;
  const canvas = /** @type {HTMLCanvasElement} */ (part(large, "canvas"));
  canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
  large.showModal();
  let after = 0;
  while (large.open && opened === number) {
    try {
      const response = await get("large.jpg", { camera: number, after });
      const camera = JSON.parse(response.headers.get("X-Live-Cam") ?? "{}");
      after = camera.version;
      describe(large, camera);
      if (response.status === 200 && opened === number) await paint(large, await response.blob());
    } catch {
      await pause(PAUSE_MS); // `watch` says it
    }
  }
}

large.addEventListener("close", () => (opened = -1));
void watch();
