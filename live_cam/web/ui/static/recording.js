// @ts-check
/**
 * The controls and the status of the recording, which all viewers share: the server sends its status with each frame
 * and state.
 *
 * @typedef {{state: "recording" | "finishing" | "finished" | "failed", file: string, files: string[], seconds: number,
 *   bytes: number, free_bytes: number, dropped: number, message: string}} Recording
 */

import { apiUrl, request } from "./api.js";
import { onKey } from "./keys.js";
import { isOwn } from "./own_mode.js";
import { notify } from "./ui.js";

/** Dispatched on the document with each status; its detail is a `Recording`, or null before the first. */
export const RECORDING_EVENT = "live-cam-recording";
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** As m:ss, or h:mm:ss. @param {number} seconds */
export function formatDuration(seconds) {
  const [h, m, s] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
  return h ? `${h}:${String(m).padStart(2, "0")}:${String(s).padStart(2, "0")}` : `${m}:${String(s).padStart(2, "0")}`;
}

/** @param {number} bytes */
export function formatBytes(bytes) {
  const unit = Math.max(1, UNITS.findLastIndex((_, power) => bytes >= 1000 ** power));
  return `${(bytes / 1000 ** unit).toFixed(unit > 1 ? 1 : 0)} ${UNITS[unit]}`;
}

/** The figures, which change all the time. @param {Recording} recording */
export function recordingFigures({ seconds, bytes, free_bytes, dropped }) {
  const figures = [formatDuration(seconds), formatBytes(bytes), `${formatBytes(free_bytes)} free`];
  if (dropped) figures.push(`${dropped} dropped frames`);
  return figures.join(" · ");
}

/** The state in a sentence, which changes seldom and is read aloud. @param {Recording} recording */
export function recordingSummary({ state, message, seconds, bytes }) {
  if (state === "failed") return `Not recorded: ${message}`;
  const summary = {
    recording: message ? "The others are still recorded" : "Recording",
    finishing: "Finishing the file",
    finished: `Recorded ${formatDuration(seconds)}, ${formatBytes(bytes)}`,
  }[state];
  return message ? `${message}. ${summary}` : summary;
}

/** @param {string} name */
function fileLink(name) {
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  link.href = apiUrl(`recordings/${encodeURIComponent(name)}`).href;
  link.download = link.textContent = name;
  return item;
}

/** The controls of the recording and its status. */
class Panel {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.button = /** @type {HTMLButtonElement} */ (this.part("record"));
    this.view = /** @type {HTMLSelectElement} */ (this.part("record-view"));
    /** @type {Recording | null} */
    this.recording = null;
    /** Identifies the status shown last. */
    this.shown = "";
    /** Whether one has run while this page was open, or the one before was asked for. */
    this.witnessed = false;
    this.busy = false;
    this.button.onclick = () => this.toggle();
    this.part("record-last").onclick = () => this.showLast();
    this.blurAfterPointer();
  }

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    return /** @type {HTMLElement} */ (this.root.querySelector(`[data-live="${name}"]`));
  }

  /** Releases the focus after a choice by pointer: a focused list takes all keys. */
  blurAfterPointer() {
    let byPointer = false;
    this.view.onpointerdown = () => (byPointer = true);
    this.view.onkeydown = () => (byPointer = false);
    this.view.onchange = () => byPointer && this.view.blur();
  }

  async toggle() {
    if (this.busy || this.recording?.state === "finishing") return;
    this.busy = true;
    const stops = this.recording?.state === "recording";
    const url = apiUrl(stops ? "recordings/stop" : `recordings?view=${this.view.value}`);
    try {
      this.show(await (await request(url, "POST")).json());
    } catch (error) {
      const message = `Not ${stops ? "stopped" : "recorded"}: ${error instanceof Error ? error.message : error}`;
      this.part("record-status").textContent = message;
      notify(message);
    }
    this.busy = false;
  }

  /** Chooses the next view, and the first one after the last. */
  nextView() {
    if (this.view.hidden) return;
    this.view.selectedIndex = (this.view.selectedIndex + 1) % this.view.length;
    notify(`Recorded view: ${this.view.selectedOptions[0].textContent}`);
  }

  /** @param {Recording | null} recording Null before the first, and after the server was restarted. */
  show(recording) {
    this.recording = recording;
    const state = recording?.state ?? "";
    const active = state === "recording" || state === "finishing";
    const figures = recording && active ? recordingFigures(recording) : "";
    if (this.part("record-figures").textContent !== figures) this.part("record-figures").textContent = figures;
    this.witnessed ||= active;
    const status = recording ? [state, recording.file, recording.message].join() : "";
    if (status === this.shown) return;
    if (recording && this.shown && (!active || recording.message)) notify(recordingSummary(recording));
    this.shown = status;
    this.showStatus(recording, state, active);
  }

  /** @param {Recording | null} recording @param {string} state @param {boolean} active */
  showStatus(recording, state, active) {
    this.root.dataset.state = state;
    this.view.hidden = active;
    this.part("record-word").textContent = state === "recording" ? "Stop recording" : "Record";
    this.button.setAttribute("aria-disabled", String(state === "finishing"));
    const files = recording && state === "finished" ? recording.files : [];
    this.part("record-last").hidden = this.witnessed || !files.length;
    if (!this.witnessed) return;
    this.part("record-status").textContent = recording ? recordingSummary(recording) : "";
    this.part("record-files").replaceChildren(...files.map(fileLink));
  }

  /** Shows the files of a recording that had ended before this page was opened. */
  showLast() {
    if (!this.recording) return;
    this.witnessed = true;
    this.showStatus(this.recording, this.recording.state, false);
    this.part("record-files").querySelector("a")?.focus(); // the button is hidden now
  }
}

/** @param {HTMLElement} root */
export function mount(root) {
  if (isOwn()) {
    root.querySelectorAll('[data-live^="record"]').forEach((part) => part.remove()); // visitors' cameras are not recorded
    return;
  }
  const panel = new Panel(root);
  const removal = new AbortController();
  const onRecording = (/** @type {Event} */ event) => {
    if (!root.isConnected) removal.abort();
    else if (!panel.busy) panel.show(/** @type {CustomEvent} */ (event).detail ?? null);
  };
  document.addEventListener(RECORDING_EVENT, onRecording, { signal: removal.signal });
  onKey("r", "record, or stop recording", () => panel.button.click(), "Save", '[data-live="record"]');
  onKey("e", "recorded view", () => panel.nextView(), "Save", '[data-live="record-view"]');
}
