// @ts-check
/**
 * The button and the key that record, and how the recording is. It is the same one for all who watch: what the server
 * tells with each picture and state is shown here.
 *
 * @typedef {{state: "recording" | "finishing" | "finished" | "failed", file: string, files: string[], seconds: number,
 *   bytes: number, free_bytes: number, dropped: number, message: string}} Recording
 */

import { address, ask } from "./ask.js";
import { onKey } from "./keys.js";
import { say } from "./toast.js";

/** Where viewers tell how the recording is; its detail is a `Recording`, or null before the first. */
export const HEARD = "live-cam-recording";
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Minutes and seconds, and hours when there are any. @param {number} seconds */
function duration(seconds) {
  const [h, m, s] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
  return h ? `${h}:${String(m).padStart(2, "0")}:${String(s).padStart(2, "0")}` : `${m}:${String(s).padStart(2, "0")}`;
}

/** @param {number} bytes */
function amount(bytes) {
  const unit = Math.max(1, UNITS.findLastIndex((_, power) => bytes >= 1000 ** power));
  return `${(bytes / 1000 ** unit).toFixed(unit > 1 ? 1 : 0)} ${UNITS[unit]}`;
}

/** How it goes, which changes all the time. @param {Recording} recording */
function figures(recording) {
  const words = [duration(recording.seconds), amount(recording.bytes), `${amount(recording.free_bytes)} free`];
  if (recording.dropped) words.push(`${recording.dropped} pictures left out`);
  return words.join(" · ");
}

/** How it is, which changes seldom and is read aloud. @param {Recording} recording */
function summary(recording) {
  const { state, message } = recording;
  if (state === "failed") return `Not recorded: ${message}`;
  const words = {
    recording: message ? "The others are still recorded" : "Recording",
    finishing: "Finishing the file",
    finished: `Recorded ${duration(recording.seconds)}, ${amount(recording.bytes)}`,
  }[state];
  return message ? `${message}. ${words}` : words;
}

/** @param {string} name */
function fileLink(name) {
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  link.href = address(`recordings/${encodeURIComponent(name)}`).href;
  link.download = link.textContent = name;
  return item;
}

/** The controls of the recording, and the words about it. */
class Panel {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.button = /** @type {HTMLButtonElement} */ (this.part("record"));
    this.view = /** @type {HTMLSelectElement} */ (this.part("record-view"));
    /** @type {Recording | null} */
    this.recording = null;
    this.told = "";
    this.busy = false;
    this.button.onclick = () => this.toggle();
    this.letGoAfterPointer();
  }

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    return /** @type {HTMLElement} */ (this.root.querySelector(`[data-live="${name}"]`));
  }

  /** Gives the focus back after a choice by pointer: a list that has it takes all keys. */
  letGoAfterPointer() {
    let byPointer = false;
    this.view.onpointerdown = () => (byPointer = true);
    this.view.onkeydown = () => (byPointer = false);
    this.view.onchange = () => byPointer && this.view.blur();
  }

  async toggle() {
    if (this.busy || this.recording?.state === "finishing") return;
    this.busy = true;
    const stops = this.recording?.state === "recording";
    const url = address(stops ? "recordings/stop" : `recordings?view=${this.view.value}`);
    try {
      this.show(await (await ask(url, "POST")).json());
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      this.part("record-words").textContent = `Not ${stops ? "stopped" : "recorded"}: ${reason}`;
      say(`Not ${stops ? "stopped" : "recorded"}: ${reason}`);
    }
    this.busy = false;
  }

  /** Chooses what comes after the present choice of what is recorded, and after the last one the first. */
  nextView() {
    if (this.view.hidden) return;
    this.view.selectedIndex = (this.view.selectedIndex + 1) % this.view.length;
    say(`Recorded is ${this.view.selectedOptions[0].textContent}`);
  }

  /** @param {Recording | null} recording Null before the first, and after live_cam was started anew. */
  show(recording) {
    this.recording = recording;
    const state = recording?.state ?? "";
    const active = state === "recording" || state === "finishing";
    const words = recording && active ? figures(recording) : "";
    if (this.part("record-figures").textContent !== words) this.part("record-figures").textContent = words;
    const told = recording ? [state, recording.file, recording.message].join() : "";
    if (told === this.told) return;
    if (recording && this.told && (!active || recording.message)) say(summary(recording));
    this.told = told;
    this.tell(recording, state, active);
  }

  /** Says how it is, when that has changed. @param {Recording | null} recording @param {string} state @param {boolean} active */
  tell(recording, state, active) {
    this.root.dataset.state = state;
    this.view.hidden = active;
    this.button.textContent = state === "recording" ? "Stop recording" : "Record";
    this.button.setAttribute("aria-disabled", String(state === "finishing"));
    this.part("record-words").textContent = recording ? summary(recording) : "";
    const files = recording && state === "finished" ? recording.files : [];
    this.part("record-files").replaceChildren(...files.map(fileLink));
  }
}

/** Brings the controls to life. @param {HTMLElement} root */
export function mount(root) {
  const panel = new Panel(root);
  const left = new AbortController();
  const hear = (/** @type {Event} */ event) => {
    if (!root.isConnected) left.abort();
    else if (!panel.busy) panel.show(/** @type {CustomEvent} */ (event).detail ?? null);
  };
  document.addEventListener(HEARD, hear, { signal: left.signal });
  onKey("r", "record, or stop recording", () => panel.button.click(), "Keep", '[data-live="record"]');
  onKey("e", "what is recorded", () => panel.nextView(), "Keep", '[data-live="record-view"]');
}
