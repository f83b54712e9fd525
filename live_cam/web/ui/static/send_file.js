// @ts-check
/** Pictures and videos that are dropped, pasted or chosen, on their way to the server. */

import { apiUrl, request } from "./api.js";
import { notify } from "./ui.js";

/** The server waits 20 s for the file, and 20 s for its first frame. */
const LIMIT_MS = 45000;
const MIB = 2 ** 20;

/**
 * Sends a file, which the server then shows.
 *
 * @param {HTMLElement} part An element of the feed.
 * @param {File} file
 * @param {number} maxBytes
 * @returns {Promise<Response>} See `request`.
 */
export async function sendFile(part, file, maxBytes) {
  if (file.size > maxBytes) {
    throw new Error(`${file.name} is larger than ${maxBytes / MIB} MiB; give a smaller one, or a part of it`);
  }
  notify(`Sending ${file.name || "the picture"}`);
  const url = apiUrl("source/file", part);
  url.searchParams.set("name", file.name);
  return await request(url, "POST", {}, file, LIMIT_MS);
}

/**
 * Calls `onFile` with what is dropped on the feed, or pasted.
 *
 * @param {HTMLElement} root An element of the feed; of several feeds the first takes what is dropped beside all.
 * @param {(file: File | undefined) => void} onFile
 */
export function receiveFiles(root, onFile) {
  const removal = new AbortController();
  const isHere = (/** @type {Event} */ event) => {
    if (!root.isConnected) removal.abort();
    const tile = event.target instanceof Element ? event.target.closest(".live-tile") : null;
    return root.isConnected && (tile ? tile.contains(root) : root.dataset.feed === "0");
  };
  const listen = (/** @type {string} */ name, /** @type {(event: any) => void} */ act) =>
    document.addEventListener(name, (event) => isHere(event) && act(event), { signal: removal.signal });

  listen("dragover", (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.dataset.dropping = "";
  });
  listen("dragleave", (/** @type {DragEvent} */ event) => {
    if (!event.relatedTarget) delete document.body.dataset.dropping;
  });
  listen("drop", (/** @type {DragEvent} */ event) => {
    delete document.body.dataset.dropping;
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    onFile(event.dataTransfer.files[0]);
  });
  listen("paste", (/** @type {ClipboardEvent} */ event) => {
    if (event.clipboardData?.files.length) onFile(event.clipboardData.files[0]);
  });
}
