// @ts-check
/**
 * The visitor's own camera: opened when the visitor says so, opened again when it fails, and closed for good on Stop.
 *
 * Nothing is sent from here; the viewer asks for pictures when the server asks for them.
 */

import { onKey } from "./keys.js";
import { pause } from "./pause.js";

const USUAL_SIZE = { width: 640, height: 480 };
const USUAL_RATE_FPS = 30;
const JPEG_QUALITY = 0.85;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 1000;
const FRAME_LIMIT_MS = 900;
const REMEMBERED = 16;
const LONGEST_SIDE_PX = 1920;

/** Why a browser gives no camera, in words that help. @param {unknown} error */
function explain(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") return "This page may not use the camera; allow it in the browser, then press the button";
  if (name === "NotFoundError") return "This device has no camera that the browser knows of";
  if (name === "NotReadableError") return "Another program is using the camera";
  return `The camera can't be opened (${error instanceof Error ? error.message || name : error})`;
}

/** Encodes at once; `toBlob` would wait for the browser to be idle, 50 ms now and then. @param {HTMLCanvasElement} canvas */
function encode(canvas) {
  const text = atob(canvas.toDataURL("image/jpeg", JPEG_QUALITY).split(",")[1]);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export class OwnCamera {
  /**
   * @param {HTMLElement} root The stage, whose data attributes tell what to ask of the camera.
   * @param {(text: string) => void} notice Lays a sentence over the picture.
   */
  constructor(root, notice) {
    this.root = root;
    this.notice = notice;
    /** Whether the visitor wants the camera to be seen. */
    this.running = false;
    this.facing = "environment";
    /** Counts openings, so that one that was overtaken lets go of what it got. */
    this.opening = 0;
    /** @type {MediaStream | null} */
    this.stream = null;
    this.video = document.createElement("video");
    this.video.muted = this.video.playsInline = true;
    this.canvas = document.createElement("canvas");
    this.frameMs = 0;
    this.sentFrameMs = 0;
    /** The picture that is being taken; the next one waits for it. @type {Promise<unknown>} */
    this.taking = Promise.resolve();
    /** Called when a frame has come. @type {(value?: unknown) => void} */
    this.arrive = () => {};
    /** When the pictures that were sent had been taken, by their numbers. @type {Map<number, number>} */
    this.taken = new Map();
    this.part("own-start").onclick = () => this.start();
    this.part("own-stop").onclick = () => this.stop();
    this.part("own-turn").onclick = () => this.turn();
    this.part("own-start").disabled = false;
    onKey("x", "other camera", () => this.part("own-turn").hidden || this.turn(), "Picture", '[data-live="own-turn"]');
  }

  /** @param {string} name @returns {HTMLButtonElement} */
  part(name) {
    return /** @type {HTMLButtonElement} */ (this.root.querySelector(`[data-live="${name}"]`));
  }

  /** Waits until the visitor shows the camera. */
  async wanted() {
    while (this.root.isConnected && (!this.stream || document.hidden)) await pause(50);
  }

  async start() {
    if (!navigator.mediaDevices) {
      const hint = "start live-cam with --https and open the address that begins with https";
      this.notice(`Browsers give cameras to secure pages only: ${hint}`);
      return;
    }
    this.running = true;
    this.show();
    this.notice("Waiting for the camera");
    await this.open();
  }

  stop() {
    this.running = false;
    this.close();
    this.show();
    this.notice("The camera is off");
  }

  /** Changes between the front and the back camera. */
  async turn() {
    this.facing = this.facing === "environment" ? "user" : "environment";
    this.close();
    await this.open();
  }

  /** Opens the camera, and tries again with growing pauses until it opens or is no longer wanted. */
  async open() {
    const { width, height, rate } = this.root.dataset;
    const video = {
      width: { ideal: Number(width) || USUAL_SIZE.width },
      height: { ideal: Number(height) || USUAL_SIZE.height },
      frameRate: { ideal: Number(rate) || USUAL_RATE_FPS },
      facingMode: { ideal: this.facing },
    };
    const opening = ++this.opening;
    const current = () => this.running && opening === this.opening;
    for (let pauseMs = FIRST_PAUSE_MS; current(); pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
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
   * Takes a camera into use, if it is still wanted when it gives pictures.
   * @param {MediaStream} stream @param {() => boolean} current
   */
  async play(stream, current) {
    this.video.srcObject = stream;
    await this.video.play();
    const devices = await navigator.mediaDevices.enumerateDevices();
    if (!current()) return;
    this.stream = stream;
    stream.getVideoTracks()[0].onended = () => this.reopen(stream);
    this.countFrames(stream);
    this.part("own-turn").hidden = devices.filter((device) => device.kind === "videoinput").length < 2;
  }

  /** Says why there is no camera; one that was refused is not asked for again. @param {unknown} error */
  fail(error) {
    this.notice(explain(error));
    if (error instanceof Error && error.name === "NotAllowedError") {
      this.running = false;
      this.show();
    }
  }

  /** The camera was unplugged, or taken by another program. @param {MediaStream} stream */
  async reopen(stream) {
    if (this.stream !== stream) return;
    this.close();
    this.notice("Your camera has stopped; trying again");
    await this.open();
  }

  /** Notes when each new frame was taken. @param {MediaStream} stream */
  countFrames(stream) {
    if (!this.video.requestVideoFrameCallback) return;
    this.video.requestVideoFrameCallback((nowMs, frame) => {
      if (this.stream !== stream) return;
      const tookMs = nowMs - (frame.captureTime ?? nowMs);
      this.frameMs = tookMs >= 0 && tookMs < 1000 ? nowMs - tookMs : nowMs;
      this.arrive();
      this.countFrames(stream);
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
    if (!this.running) this.part("own-turn").hidden = true;
  }

  /**
   * Gives the newest frame, one that was not given before, or nothing when the camera gives none.
   * @param {number} number @returns {Promise<{jpeg: Uint8Array<ArrayBuffer>, ageMs: number} | null>}
   */
  picture(number) {
    const picture = this.taking.then(() => this.take(number));
    this.taking = picture.catch(() => null);
    return picture;
  }

  /** @param {number} number @returns {Promise<{jpeg: Uint8Array<ArrayBuffer>, ageMs: number} | null>} */
  async take(number) {
    const counts = "requestVideoFrameCallback" in this.video;
    if (counts && this.frameMs === this.sentFrameMs) {
      await Promise.race([new Promise((resolve) => (this.arrive = resolve)), pause(FRAME_LIMIT_MS)]);
      if (this.frameMs === this.sentFrameMs) return null;
    }
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth || !videoHeight) return null;
    const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(videoWidth, videoHeight));
    const [width, height] = [Math.round(scale * videoWidth), Math.round(scale * videoHeight)];
    if (!counts) this.frameMs = performance.now();
    const takenMs = (this.sentFrameMs = this.frameMs);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    const mirrored = this.root.dataset.mirror === "true";
    context.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? width : 0, 0);
    context.drawImage(this.video, 0, 0, width, height);
    const jpeg = encode(this.canvas);
    this.taken.set(number, takenMs);
    if (this.taken.size > REMEMBERED) this.taken.delete(this.taken.keys().next().value ?? -1);
    return { jpeg, ageMs: performance.now() - takenMs };
  }

  /** How long ago a picture that was sent had been taken. @param {number} number @returns {number | undefined} */
  age(number) {
    const takenMs = this.taken.get(number);
    return takenMs === undefined ? undefined : performance.now() - takenMs;
  }
}
