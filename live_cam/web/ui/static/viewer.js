// @ts-check
/**
 * The connection of one feed, which paints its frames.
 *
 * Frames arrive over a WebSocket, one binary message each: the length of the header (uint32, little-endian), the header
 * (JSON), and a JPEG, which is empty if the message holds only the state. Each painted frame is acknowledged, and the
 * server limits the number in flight. After several failed sockets the page polls over HTTP instead.
 *
 * The server requests frames of a visitor's camera by {"request": number}, and the page responds in the same format:
 * {"response": number, "age_ms": milliseconds since the capture} and a JPEG.
 *
 * @typedef {import("./picture.js").FramePayload} FramePayload
 */

import { accessError, apiUrl, request } from "./api.js";
import { OwnCamera } from "./own_camera.js";
import { takeStart } from "./own_mode.js";
import { Picture } from "./picture.js";
import { acceptAnyRevision, fetchSettings } from "./settings.js";
import { pause } from "./ui.js";

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 8000;
const SOCKETS_BEFORE_POLLING = 3;
const SILENCE_LIMIT_MS = 5000;
const POLLING_MS = 60000;
const REQUEST_LIMIT_MS = 15000;
const CHECK_EVERY_MS = 250;
const FULL_CODE = 1013;
const FULL_PAUSE_MS = 5000;
const POST_PAUSE_MS = 50;

/** Receives frames until its element leaves the page. */
class Viewer {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.picture = new Picture(root);
    this.root = root;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** The newest frame that is not yet painted. @type {{header: FramePayload, jpeg: Blob} | null} */
    this.waiting = null;
    this.painting = false;
    this.lastMessageMs = performance.now();
    this.full = false;
    const retry = this.picture.part("retry");
    if (retry) retry.onclick = () => request(apiUrl("retry", root), "POST").catch((error) => this.picture.showNotice(error.message));
    this.camera = "own" in root.dataset ? new OwnCamera(root, this.picture.showNotice.bind(this.picture)) : null;
  }

  get removed() {
    return !this.root.isConnected;
  }

  /** Whether the visitor has switched the camera off; frames still in flight are then not shown. */
  get off() {
    return this.camera?.running === false;
  }

  async run() {
    const removal = new AbortController();
    document.addEventListener("visibilitychange", () => this.sendHidden(), { signal: removal.signal });
    let failures = 0;
    let failedSockets = 0;
    if (this.camera) fetchSettings(this.root);
    while (!this.removed) {
      await this.camera?.ready();
      const received = await this.receiveFromSocket();
      if (this.full) {
        await pause(FULL_PAUSE_MS);
        continue;
      }
      if (this.off) continue;
      failedSockets = received ? 0 : failedSockets + 1;
      const polled = failedSockets >= SOCKETS_BEFORE_POLLING && (await (this.camera ? this.post() : this.poll()));
      failures = received || polled ? 0 : failures + 1;
      if (polled) continue; // one more socket, then polling again if it fails
      if (this.removed) break;
      this.root.dataset.state = "disconnected";
      await this.pauseDisconnected(Math.min(FIRST_PAUSE_MS * 2 ** failures, MAX_PAUSE_MS));
    }
    removal.abort();
    this.camera?.stop();
  }

  /** Waits for the next attempt, and shows why there are no frames. @param {number} pauseMs */
  async pauseDisconnected(pauseMs) {
    const paused = pause(pauseMs);
    this.picture.showFigures(false);
    const error = await accessError();
    const retry = `No connection to live_cam; retrying in ${Math.ceil(pauseMs / 1000)} s`;
    this.picture.showNotice(error ? `No video: ${error}` : retry);
    await paused;
  }

  sendHidden() {
    this.lastMessageMs = performance.now(); // a hidden page receives nothing, which is no failure
    this.send({ hidden: document.hidden });
  }

  /** Receives over one socket until it closes; returns whether any message arrived. @returns {Promise<boolean>} */
  receiveFromSocket() {
    return new Promise((resolve) => {
      const url = apiUrl("frames", this.root);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      let received = false;
      this.socket = socket;
      this.lastMessageMs = performance.now();
      const watchdog = setInterval(() => {
        const silent = !document.hidden && performance.now() - this.lastMessageMs > SILENCE_LIMIT_MS;
        if (this.removed || silent || this.off) socket.close();
      }, CHECK_EVERY_MS);
      socket.onopen = () => {
        acceptAnyRevision();
        this.sendHidden();
      };
      socket.onmessage = (message) => {
        received = true;
        this.root.dataset.socket = ""; // the server counts this viewer
        this.lastMessageMs = performance.now();
        this.onMessage(message.data);
      };
      socket.onclose = (event) => {
        clearInterval(watchdog);
        delete this.root.dataset.socket;
        this.full = event.code === FULL_CODE;
        this.socket = null;
        resolve(received);
      };
    });
  }

  /** Polls frames over HTTP for a while; returns whether any response arrived. @returns {Promise<boolean>} */
  async poll() {
    acceptAnyRevision();
    let [seq, revision] = [-1, 0];
    let received = false;
    const endMs = performance.now() + POLLING_MS;
    while (!this.removed && performance.now() < endMs) {
      try {
        const url = apiUrl("frame.jpg", this.root);
        url.searchParams.set("after", String(seq));
        url.searchParams.set("revision", String(revision));
        const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
        if (!response.ok) return received;
        const header = JSON.parse(response.headers.get("X-Live-Cam") ?? "");
        received = true;
        if (response.status === 200) {
          ({ seq, revision } = header);
          await this.paint({ header, jpeg: await response.blob() });
        } else {
          this.picture.showState(header);
        }
        while (document.hidden && !this.removed) await pause(200);
      } catch {
        return received;
      }
    }
    return received;
  }

  /** Sends frames of the visitor's camera over HTTP for a while; returns whether any response arrived. */
  async post() {
    acceptAnyRevision();
    let received = false;
    const endMs = performance.now() + POLLING_MS;
    for (let number = 0; this.camera?.running && !this.removed && performance.now() < endMs; number += 1) {
      while (document.hidden && !this.removed) await pause(200);
      const frame = await this.camera.capture(number);
      if (!frame) {
        await pause(POST_PAUSE_MS);
        continue;
      }
      if (!(await this.postFrame(number, frame).catch(() => false))) return received;
      received = true;
    }
    return received;
  }

  /**
   * Sends one frame and shows the response; returns whether the server accepts further frames.
   * @param {number} number @param {{jpeg: Uint8Array<ArrayBuffer>, ageMs: number}} frame
   */
  async postFrame(number, frame) {
    const url = apiUrl("visit", this.root);
    url.searchParams.set("age_ms", frame.ageMs.toFixed(1));
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    const response = await fetch(url, { method: "POST", body: frame.jpeg, signal });
    if (response.status === 401) return false;
    if (!response.ok) {
      this.picture.showNotice(await response.text());
      await pause(FULL_PAUSE_MS);
      return true;
    }
    const header = JSON.parse(response.headers.get("X-Live-Cam") ?? "");
    if (response.status === 200) {
      await this.paint({ header, jpeg: await response.blob() });
      header.display_latency_ms = this.camera?.latencyMs(number);
    }
    if (!this.off) this.picture.showState(header);
    return true;
  }

  /** @param {ArrayBuffer} message */
  onMessage(message) {
    if (this.off) return;
    const length = new DataView(message).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, length)));
    if (header.request !== undefined) {
      this.sendFrame(header.request);
      return;
    }
    if (message.byteLength === 4 + length) {
      // While the camera is being opened, the browser's messages matter more.
      if (!this.camera || this.camera.stream) this.picture.showState(header);
      return;
    }
    this.waiting = { header, jpeg: new Blob([new Uint8Array(message, 4 + length)], { type: "image/jpeg" }) };
    if (!this.painting) this.paintWaiting();
  }

  /** Paints the newest frame until none is waiting. */
  async paintWaiting() {
    this.painting = true;
    while (this.waiting) {
      const frame = this.waiting;
      this.waiting = null;
      try {
        await this.paint(frame);
      } catch (error) {
        console.warn("live_cam: could not paint a frame", error);
      }
      const { seq, revision } = frame.header;
      this.send({ painted: seq, revision, age_ms: this.camera?.latencyMs(seq) });
    }
    this.painting = false;
  }

  /** @param {{header: FramePayload, jpeg: Blob}} frame */
  async paint(frame) {
    const bitmap = await createImageBitmap(frame.jpeg);
    // Hidden tabs get no animation frames.
    if (!document.hidden) await new Promise(requestAnimationFrame);
    if (!this.off) this.picture.paint(bitmap, frame.header);
    bitmap.close();
  }

  /** Sends the newest frame of the visitor's camera. @param {number} number */
  async sendFrame(number) {
    const frame = await this.camera?.capture(number);
    if (!frame || this.socket?.readyState !== WebSocket.OPEN) return;
    const header = new TextEncoder().encode(JSON.stringify({ response: number, age_ms: frame.ageMs }));
    this.socket.send(new Blob([new Uint32Array([header.length]), header, frame.jpeg]));
  }

  /** @param {{painted?: number, revision?: number, age_ms?: number, hidden?: boolean}} message */
  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}

/** @param {HTMLElement} root */
export function mount(root) {
  const viewer = new Viewer(root);
  viewer.run();
  if (viewer.camera && takeStart()) viewer.camera.start();
}
