// @ts-check
/**
 * What is taught, as the server has it, and the take that is shown from this page.
 *
 * @typedef {{id: number, pictures: number}} Take
 * @typedef {{id: number, label: string, pictures: number, takes: Take[], map: number[][] | null, warning: string}} TaughtClass
 * @typedef {{right: number, takes: number, low: number, high: number}} Accuracy
 * @typedef {{classes: TaughtClass[], showing: number | null, in_use: boolean, fitting: boolean, accuracy: Accuracy | null,
 *   words: string, message: string, bytes: number, limit_bytes: number}} TeachingState
 * @typedef {{action: string, class?: number, label?: string, taught?: boolean}} Action
 */

import { apiUrl, request } from "./api.js";
import { notifyCameraMissing, pause } from "./ui.js";

/** A take has to be confirmed every 3 s. */
const CONFIRM_MS = 400;
const BUSY_MS = 300;
const IDLE_MS = 1500;

/** Requests the state while it is followed, and takes one picture after another while a class is held. */
export class Teaching {
  /**
   * @param {HTMLElement} root An element of the feed.
   * @param {(state: TeachingState) => void} onState
   * @param {(message: string) => void} onMessage Why something was not done; empty when something is.
   */
  constructor(root, onState, onMessage) {
    this.root = root;
    this.onState = onState;
    this.onMessage = onMessage;
    /** @type {TeachingState | null} */
    this.state = null;
    /** The class that is held. @type {number | null} */
    this.held = null;
    this.following = false;
    /** Called when the held class is let go. @type {(value?: unknown) => void} */
    this.wake = () => {};
    const release = () => this.release();
    addEventListener("blur", release);
    document.addEventListener("visibilitychange", release);
  }

  /** Has the server do something, and returns whether it did. @param {Action} action */
  async act(action) {
    try {
      const response = await request(apiUrl("teach", this.root), "POST", {}, JSON.stringify(action));
      this.show(await response.json());
      return true;
    } catch (error) {
      this.onMessage(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** Has the server do what a person asked for. @param {Action} action */
  do(action) {
    this.onMessage("");
    return this.act(action);
  }

  /** Follows the state until `unfollow`. */
  async follow() {
    if (this.following) return;
    this.following = true;
    while (this.following && this.root.isConnected) {
      if (this.held === null && !document.hidden) await this.refresh();
      await pause(this.state?.fitting || this.state?.showing != null ? BUSY_MS : IDLE_MS);
    }
  }

  unfollow() {
    this.following = false;
    this.release();
  }

  async refresh() {
    const response = await request(apiUrl("teach", this.root), "GET").catch(() => null);
    if (response && this.held === null) this.show(await response.json());
  }

  /** @param {TeachingState} state */
  show(state) {
    this.state = state;
    this.onState(state);
  }

  /** Shows a class until it is let go. @param {number} id */
  async hold(id) {
    if (this.held !== null || notifyCameraMissing("Nothing to show")) return;
    this.held = id;
    this.onMessage("");
    const before = this.pictures;
    let accepted = true;
    while (accepted && this.held === id) {
      const released = new Promise((resolve) => (this.wake = resolve));
      accepted = await this.act({ action: "start", class: id });
      if (this.held === id) await Promise.race([released, pause(CONFIRM_MS)]);
    }
    if (this.held === id) this.held = null;
    // Another class that is held by now has ended the take.
    if (!accepted || this.held !== null || !(await this.act({ action: "stop" }))) return;
    if (this.pictures === before) this.onMessage("No picture came: hold the button longer, while the view is live");
    while (this.state?.fitting) {
      await pause(BUSY_MS);
      await this.refresh();
    }
  }

  /** Ends the take of a class, if that is the one held here. @param {number | null} id */
  release(id = this.held) {
    if (id !== this.held) return;
    this.held = null;
    this.wake();
  }

  get pictures() {
    return (this.state?.classes ?? []).reduce((sum, { pictures }) => sum + pictures, 0);
  }

  /** The newest picture of a take. @param {Take} take */
  pictureUrl({ id, pictures }) {
    return apiUrl(`teach/pictures/${id}/${pictures - 1}.jpg`, this.root).href;
  }
}
