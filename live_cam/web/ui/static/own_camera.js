// @ts-check
/**
 * A visitor's camera: opened by a button, reopened when it fails, and closed by Stop.
 *
 * Nothing is sent from here; the viewer captures a frame when the server requests one.
 */

import { onKey } from "./keys.js";
import { pause } from "./ui.js";

const DEFAULT_SIZE = { width: 640, height: 480 };
const DEFAULT_RATE_FPS = 30;
const JPEG_QUALITY = 0.85;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 1000;
const FRAME_LIMIT_MS = 900;
const MAX_SENT = 16;
const MAX_SIDE_PX = 1920;

/** The message for an error of `getUserMedia`. @param {unknown} error */
function errorMessage(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return "This page may not use the camera; allow it in the browser, then press the button";
  if (name === "NotFoundError") return "The browser finds no camera on this device";
  if (name === "NotReadableError") return "Another program is using the camera";
  return `The camera cannot be opened (${error instanceof Error ? error.message || name : error})`;
}

/** Encodes synchronously; `toBlob` waits for the browser to be idle, up to 50 ms. @param {HTMLCanvasElement} canvas */
function encode(canvas) {
  const text = atob(canvas.toDataURL("image/jpeg", JPEG_QUALITY).split(",")[1]);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Captures frames of the visitor's camera. */
export class OwnCamera {
  /**
   * @param {HTMLElement} root The stage, whose data attributes hold the requested size and rate.
   * @param {(text: string) => void} showNotice Shows a message over the image.
   */
  constructor(root, showNotice) {
    this.root = root;
    this.showNotice = showNotice;
    /** Whether the visitor has switched the camera on. */
    this.running = false;
    this.facing = "environment";
    /** Counts openings, so that one that was superseded releases its stream. */
    this.opening = 0;
    /** @type {MediaStream | null} */
    this.stream = null;
    this.video = document.createElement("video");
    this.video.muted = this.video.playsInline = true;
    this.canvas = document.createElement("canvas");
    /** Capture time of the newest frame, and of the last one that was captured here. */
    this.frameMs = 0;
    this.sentFrameMs = 0;
    /** The capture in progress; the next one waits for it. @type {Promise<unknown>} */
    this.capturing = Promise.resolve();
    /** Called on each new frame. @type {(value?: unknown) => void} */
    this.onFrame = () => {};
    /** Capture times of the frames sent, by number. @type {Map<number, number>} */
    this.sent = new Map();
    this.part("own-start").onclick = () => this.start();
    this.part("own-stop").onclick = () => this.stop();
    this.part("own-switch").onclick = () => this.switchCamera();
    this.part("own-start").disabled = false;
    onKey("x", "other camera", () => this.part("own-switch").hidden || this.switchCamera(), "Camera", '[data-live="own-switch"]');
  }

  /** @param {string} name @returns {HTMLButtonElement} */
  part(name) {
    return /** @type {HTMLButtonElement} */ (this.root.querySelector(`[data-live="${name}"]`));
  }

  /** Waits until the camera is open and the page is visible. */
  async ready() {
    while (this.root.isConnected && (!this.stream || document.hidden)) await pause(50);
  }

  async start() {
    if (!navigator.mediaDevices) {
      const hint = "start live-cam with --https and open the https address";
      this.showNotice(`Browsers open cameras for secure pages only: ${hint}`);
      return;
    }
    this.running = true;
    this.show();
    this.showNotice("Waiting for the camera");
    await this.open();
  }

  stop() {
    this.running = false;
    this.close();
    this.show();
    this.showNotice("The camera is off");
  }

  /** Switches between the front and the back camera. */
  async switchCamera() {
    this.facing = this.facing === "environment" ? "user" : "environment";
    this.close();
    await this.open();
  }

  /** Opens the camera, and retries with growing pauses until it opens or is switched off. */
  async open() {
    const { width, height, rate } = this.root.dataset;
    const video = {
      width: { ideal: Number(width) || DEFAULT_SIZE.width },
      height: { ideal: Number(height) || DEFAULT_SIZE.height },
      frameRate: { ideal: Number(rate) || DEFAULT_RATE_FPS },
      facingMode: { ideal: this.facing },
    };
    const opening = ++this.opening;
    const current = () => this.running && opening === this.opening;
    for (let pauseMs = FIRST_PAUSE_MS; current(); pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
      /** @type {MediaStream | null} */
      let stream = null;
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
        if (current()) await this.play(stream, current);
      } catch (error) {
        if (current()) this.fail(error);
      }
      if (stream && this.stream === stream) return;
      stream?.getTracks().forEach((track) => track.stop());
      await pause(pauseMs);
    }
  }

  /**
   * Uses a stream, if it is still current once it plays.
   * @param {MediaStream} stream @param {() => boolean} current
   */
  async play(stream, current) {
    this.video.srcObject = stream;
    await this.video.play();
    const devices = await navigator.mediaDevices.enumerateDevices();
    if (!current()) return;
    this.stream = stream;
    stream.getVideoTracks()[0].onended = () => this.reopen(stream);
    this.watchFrames(stream);
    this.part("own-switch").hidden = devices.filter((device) => device.kind === "videoinput").length < 2;
  }

  /** Shows why there is no camera; a denied one is not requested again. @param {unknown} error */
  fail(error) {
    this.showNotice(errorMessage(error));
    if (error instanceof Error && error.name === "NotAllowedError") {
      this.running = false;
      this.show();
    }
  }

  /** Reopens a camera that was unplugged or taken by another program. @param {MediaStream} stream */
  async reopen(stream) {
    if (this.stream !== stream) return;
    this.close();
    this.showNotice("Your camera has stopped; reopening it");
    await this.open();
  }

  /** Keeps the capture time of the newest frame. @param {MediaStream} stream */
  watchFrames(stream) {
    if (!this.video.requestVideoFrameCallback) return;
    this.video.requestVideoFrameCallback((nowMs, frame) => {
      if (this.stream !== stream) return;
      const delayMs = nowMs - (frame.captureTime ?? nowMs);
      this.frameMs = delayMs >= 0 && delayMs < 1000 ? nowMs - delayMs : nowMs;
      this.onFrame();
      this.watchFrames(stream);
    });
  }

  close() {
    this.opening += 1;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    this.frameMs = this.sentFrameMs = 0;
  }

  show() {
    this.part("own-start").hidden = this.running;
    this.part("own-stop").hidden = !this.running;
    if (!this.running) this.part("own-switch").hidden = true;
  }

  /**
   * Returns the newest frame, each at most once; null if the camera has none.
   * @param {number} number @returns {Promise<{jpeg: Uint8Array<ArrayBuffer>, ageMs: number} | null>}
   */
  capture(number) {
    const frame = this.capturing.then(() => this.captureNow(number));
    this.capturing = frame.catch(() => null);
    return frame;
  }

  /** @param {number} number @returns {Promise<{jpeg: Uint8Array<ArrayBuffer>, ageMs: number} | null>} */
  async captureNow(number) {
    const hasFrameTimes = "requestVideoFrameCallback" in this.video;
    if (hasFrameTimes && this.frameMs === this.sentFrameMs) {
      await Promise.race([new Promise((resolve) => (this.onFrame = resolve)), pause(FRAME_LIMIT_MS)]);
      if (this.frameMs === this.sentFrameMs) return null;
    }
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth || !videoHeight) return null;
    const scale = Math.min(1, MAX_SIDE_PX / Math.max(videoWidth, videoHeight));
    const [width, height] = [Math.round(scale * videoWidth), Math.round(scale * videoHeight)];
    if (!hasFrameTimes) this.frameMs = performance.now();
    const capturedMs = (this.sentFrameMs = this.frameMs);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    const mirrored = this.root.dataset.mirror === "true";
    context.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? width : 0, 0);
    context.drawImage(this.video, 0, 0, width, height);
    const jpeg = encode(this.canvas);
    this.sent.set(number, capturedMs);
    if (this.sent.size > MAX_SENT) this.sent.delete(this.sent.keys().next().value ?? -1);
    return { jpeg, ageMs: performance.now() - capturedMs };
  }

  /** Milliseconds since a sent frame was captured. @param {number} number @returns {number | undefined} */
  latencyMs(number) {
    const capturedMs = this.sent.get(number);
    return capturedMs === undefined ? undefined : performance.now() - capturedMs;
  }
}
