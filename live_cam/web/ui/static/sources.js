// @ts-check
/**
 * The menu of sources: what all viewers see, what somebody sends, and this browser's camera.
 *
 * @typedef {{id: string, name: string, is_current: boolean}} Source
 * @typedef {{sources: Source[], in_place_of_camera: boolean, max_upload_bytes: number}} Sources
 */

import { apiUrl, request } from "./api.js";
import { showInvitation } from "./invitation.js";
import { onKey } from "./keys.js";
import { isOwn, leaveOwnCamera, offersOwn, showOwnCamera } from "./own_mode.js";
import { Popup } from "./popup.js";
import { receiveFiles, sendFile } from "./send_file.js";
import { notify, press } from "./ui.js";

/** The server gives up earlier. */
const OPENING_LIMIT_MS = 30000;

/** The menu of one feed. */
class Menu {
  /** @param {HTMLElement} root What holds the name of the source. */
  constructor(root) {
    this.root = root;
    this.maxBytes = Infinity;
    const name = /** @type {HTMLElement} */ (root.querySelector('[data-live="source"]'));
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "live-source-button", title: "Show something else" });
    button.dataset.live = "sources";
    button.append(name);
    this.input = document.createElement("input");
    Object.assign(this.input, { type: "file", accept: "image/*,video/*", hidden: true, ariaLabel: "Picture or video" });
    this.input.onchange = () => this.send(this.input.files?.[0]);
    root.append(button, this.input);
    this.popup = new Popup(button, `live-sources-${root.dataset.feed}`, "Sources");
    this.popup.onOpen(() => this.refresh()); // cameras come and go
    // Others switch, too.
    new MutationObserver(() => this.refresh()).observe(name, { childList: true, characterData: true, subtree: true });
    this.refresh();
  }

  /** Asks for the sources, and shows them. */
  async refresh() {
    const url = apiUrl("sources");
    url.searchParams.set("feed", this.root.dataset.feed ?? "0"); // also on the page of the own camera
    const response = await request(url, "GET").catch((error) => console.warn("live_cam: no list of sources", error));
    if (response) this.show(await response.json());
  }

  /** @param {Sources} sources */
  show(sources) {
    const isSingle = !this.root.closest(".live-tile");
    this.maxBytes = sources.max_upload_bytes;
    this.popup.show(isOwn() ? this.wayBack(sources) : this.choices(sources, isSingle && offersOwn()));
    if (isSingle && !isOwn()) showInvitation(sources.in_place_of_camera);
  }

  /** On the page of the own camera. @param {Sources} sources @returns {import("./popup.js").Choice[]} */
  wayBack({ sources }) {
    const shared = sources.find((source) => source.is_current);
    return [{ text: `Back to ${shared?.name ?? "what all see"}`, act: leaveOwnCamera }];
  }

  /** @param {Sources} sources @param {boolean} own Whether to offer the own camera. @returns {import("./popup.js").Choice[]} */
  choices({ sources }, own) {
    const camera = { text: "This browser's camera", note: "Only you see it", act: showOwnCamera };
    return [
      ...sources.map(({ id, name, is_current }) => ({ text: name, current: is_current, act: () => this.choose(id, name) })),
      ...(own ? [camera] : []),
      { text: "Picture or video …", note: "Or drop it here, or paste it", act: () => this.input.click() },
    ];
  }

  /** @param {string} id @param {string} name */
  choose(id, name) {
    notify(`Opening ${name}`);
    const url = apiUrl("source", this.root);
    url.searchParams.set("source", id);
    return this.showResult(request(url, "POST", {}, undefined, OPENING_LIMIT_MS), name);
  }

  /** Has the server show a file. @param {File | undefined} file */
  async send(file) {
    this.popup.close();
    if (file) await this.showResult(sendFile(this.root, file, this.maxBytes), file.name);
    this.input.value = "";
  }

  /** @param {Promise<Response>} response @param {string} name */
  async showResult(response, name) {
    try {
      this.show(await (await response).json());
      notify(`Now showing ${name}`);
    } catch (error) {
      notify(`Not shown: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** @param {HTMLElement} root */
export function mount(root) {
  const menu = new Menu(root);
  onKey("i", "show another source", () => press("sources"), "Camera", '[data-live="sources"]');
  if (!isOwn()) receiveFiles(root, (file) => menu.send(file));
}
