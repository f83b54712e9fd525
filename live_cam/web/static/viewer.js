// @ts-check
/**
 * A moving picture and the words that belong to it.
 *
 * Pictures come over a WebSocket, one binary message each: the length of the header (uint32, little-endian), the
 * header (JSON) and a JPEG, which is empty when only the state is told. Each picture painted is acknowledged, and the
 * server sends no more than it has room for. After several failed sockets the same pictures are polled over HTTP.
 *
 * Where visitors show their own cameras, the server asks for a picture ({"ask": number}), and the page answers in the
 * same form: {"answer": number, "age_ms": milliseconds since it was taken} and a JPEG.
 *
 * @typedef {import("./screen.js").Header} Header
 */

import { address, choose, refusal } from "./ask.js";
import { OwnCamera } from "./own_camera.js";
import { pause } from "./pause.js";
import { Screen } from "./screen.js";
import { fetchSettings, startOver } from "./settings.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
const SOCKETS_BEFORE_POLLING = 3;
const SILENCE_LIMIT_MS = 5000;
const POLLING_MS = 60000;
const WATCH_EVERY_MS = 250;
const FULL_CODE = 1013;
const FULL_PAUSE_MS = 5000;
const POST_PAUSE_MS = 50;

/** Fetches pictures for one screen until its element leaves the page. */
class Viewer {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.screen = new Screen(root);
    this.root = root;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {{header: Header, jpeg: Blob} | null} */
    this.waiting = null;
    this.painting = false;
    this.lastWordMs = performance.now();
    this.full = false;
    this.camera = "own" in root.dataset ? new OwnCamera(root, this.screen.notice.bind(this.screen)) : null;
  }

  get gone() {
    return !this.root.isConnected;
  }

  /** Whether the visitor has switched the camera off; what is still on its way is not shown any more. */
  get off() {
    return this.camera?.running === false;
  }

  async run() {
    const left = new AbortController();
    document.addEventListener("visibilitychange", () => this.tellWhetherHidden(), { signal: left.signal });
    let failures = 0;
    let failedSockets = 0;
    if (this.camera) fetchSettings(this.root);
    while (!this.gone) {
      await this.camera?.wanted();
      const heard = await this.watchSocket();
      if (this.full) {
        await pause(FULL_PAUSE_MS);
        continue;
      }
      if (this.off) continue;
      failedSockets = heard ? 0 : failedSockets + 1;
      const polled = failedSockets >= SOCKETS_BEFORE_POLLING && (await (this.camera ? this.post() : this.poll()));
      failures = heard || polled ? 0 : failures + 1;
      if (polled) continue; // one more socket, and back to polling where sockets still don't pass
      if (this.gone) break;
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
      this.root.dataset.state = "disconnected";
      await this.rest(pauseMs);
    }
    left.abort();
    this.camera?.stop();
  }

  /** Waits for the next try and says why there is no picture. @param {number} pauseMs */
  async rest(pauseMs) {
    const rested = pause(pauseMs);
    const seconds = Math.ceil(pauseMs / 1000);
    this.screen.figures(false);
    const refused = await refusal();
    this.screen.notice(refused ? `No picture: ${refused}` : `No connection to live_cam; trying again in ${seconds} s`);
    await rested;
  }

  tellWhetherHidden() {
    this.lastWordMs = performance.now(); // a hidden page is sent nothing, and that is no silence
    this.say({ hidden: document.hidden });
  }

  /** Watches over one socket and tells whether anything came. @returns {Promise<boolean>} */
  watchSocket() {
    return new Promise((resolve) => {
      const url = choose(address("frames"), this.root);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      let spoke = false;
      this.socket = socket;
      this.lastWordMs = performance.now();
      const watchdog = setInterval(() => {
        const silent = !document.hidden && performance.now() - this.lastWordMs > SILENCE_LIMIT_MS;
        if (this.gone || silent || this.off) socket.close();
      }, WATCH_EVERY_MS);
      socket.onopen = () => {
        startOver();
        this.tellWhetherHidden();
      };
      socket.onmessage = (message) => {
        spoke = true;
        this.lastWordMs = performance.now();
        this.receive(message.data);
      };
      socket.onclose = (closing) => {
        clearInterval(watchdog);
        this.full = closing.code === FULL_CODE;
        this.socket = null;
        resolve(spoke);
      };
    });
  }

  /** Asks for one picture after the other over HTTP for a while, and tells whether any came. @returns {Promise<boolean>} */
  async poll() {
    startOver();
    let seq = -1;
    let spoke = false;
    const endMs = performance.now() + POLLING_MS;
    while (!this.gone && performance.now() < endMs) {
      try {
        const url = choose(address("frame.jpg"), this.root);
        url.searchParams.set("after", String(seq));
        const answer = await fetch(url, { signal: AbortSignal.timeout(15000) });
        if (!answer.ok) return spoke;
        /** @type {Header} */
        const header = JSON.parse(answer.headers.get("X-Live-Cam") ?? "");
        spoke = true;
        if (answer.status === 200) {
          seq = header.seq ?? -1;
          await this.paint({ header, jpeg: await answer.blob() });
        } else {
          this.screen.tell(header);
        }
        while (document.hidden && !this.gone) await pause(200);
      } catch {
        return spoke;
      }
    }
    return spoke;
  }

  /** Sends one picture after the other over HTTP for a while, and tells whether any was answered. */
  async post() {
    startOver();
    let spoke = false;
    const endMs = performance.now() + POLLING_MS;
    for (let number = 0; this.camera?.running && !this.gone && performance.now() < endMs; number += 1) {
      while (document.hidden && !this.gone) await pause(200);
      const picture = await this.camera.picture(number);
      if (!picture) {
        await pause(POST_PAUSE_MS);
        continue;
      }
      if (!(await this.postOne(number, picture).catch(() => false))) return spoke;
      spoke = true;
    }
    return spoke;
  }

  /**
   * Sends one picture, shows what comes back, and tells whether live_cam lets this page go on.
   * @param {number} number @param {{jpeg: Uint8Array<ArrayBuffer>, ageMs: number}} picture
   */
  async postOne(number, picture) {
    const url = choose(address("visit"), this.root);
    url.searchParams.set("age_ms", picture.ageMs.toFixed(1));
    const answer = await fetch(url, { method: "POST", body: picture.jpeg, signal: AbortSignal.timeout(15000) });
    if (answer.status === 401) return false;
    if (!answer.ok) {
      this.screen.notice(await answer.text());
      await pause(FULL_PAUSE_MS);
      return true;
    }
    /** @type {Header} */
    const header = JSON.parse(answer.headers.get("X-Live-Cam") ?? "");
    if (answer.status === 200) {
      await this.paint({ header, jpeg: await answer.blob() });
      header.painted_age_ms = this.camera?.age(number);
    }
    if (!this.off) this.screen.tell(header);
    return true;
  }

  /** @param {ArrayBuffer} message */
  receive(message) {
    if (this.off) return;
    const length = new DataView(message).getUint32(0, true);
    /** @type {Header} */
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, length)));
    if (header.ask !== undefined) {
      this.answer(header.ask);
      return;
    }
    if (message.byteLength === 4 + length) {
      // While the camera is being opened, what the browser says of it is the better news.
      if (!this.camera || this.camera.stream) this.screen.tell(header);
      return;
    }
    this.waiting = { header, jpeg: new Blob([new Uint8Array(message, 4 + length)], { type: "image/jpeg" }) };
    if (!this.painting) this.paintWaiting();
  }

  /** Paints the newest picture that has come, until none waits. */
  async paintWaiting() {
    this.painting = true;
    while (this.waiting) {
      const picture = this.waiting;
      this.waiting = null;
      try {
        await this.paint(picture);
      } catch (error) {
        console.warn("live_cam: a picture could not be painted", error);
      }
      const ageMs = this.camera?.age(picture.header.seq ?? -1);
      this.say(ageMs === undefined ? { painted: picture.header.seq } : { painted: picture.header.seq, age_ms: ageMs });
    }
    this.painting = false;
  }

  /** @param {{header: Header, jpeg: Blob}} picture */
  async paint(picture) {
    const bitmap = await createImageBitmap(picture.jpeg);
    // Not in a hidden tab, where no animation frame ever comes.
    if (!document.hidden) await new Promise(requestAnimationFrame);
    if (!this.off) this.screen.paint(bitmap, picture.header);
    bitmap.close();
  }

  /** Sends the newest picture of the visitor's camera. @param {number} number */
  async answer(number) {
    const picture = await this.camera?.picture(number);
    if (!picture || this.socket?.readyState !== WebSocket.OPEN) return;
    const words = new TextEncoder().encode(JSON.stringify({ answer: number, age_ms: picture.ageMs }));
    this.socket.send(new Blob([new Uint32Array([words.length]), words, picture.jpeg]));
  }

  /** @param {{painted?: number, age_ms?: number, hidden?: boolean}} words */
  say(words) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(words));
  }
}

/** Brings a viewer's element to life. @param {HTMLElement} root */
export function mount(root) {
  new Viewer(root).run();
}
