// @ts-check
/**
 * The panel where classes are taught: it takes the place of the answers, and tells what was learnt.
 *
 * @typedef {import("./teaching.js").TeachingState} TeachingState
 */

import { apiUrl, request } from "./api.js";
import { ask } from "./ask.js";
import { save } from "./files.js";
import { onKey, shortcutKey } from "./keys.js";
import { showWarnings, TaughtClassList } from "./taught_class.js";
import { Teaching } from "./teaching.js";
import { write } from "./ui.js";

/** The server starts TensorFlow, and builds the network. */
const EXPORT_LIMIT_MS = 300_000;
const MAX_CLASSES = 10;

/** @param {string} text */
const capitalised = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** The panel of one page. */
class Panel {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.said = "";
    this.teaching = new Teaching(
      root,
      (state) => this.show(state),
      (message) => this.say(message),
    );
    this.classes = new TaughtClassList(this.part("classes"), this.teaching);
    this.form = /** @type {HTMLFormElement} */ (this.part("add"));
    this.field = /** @type {HTMLInputElement} */ (this.form.querySelector("input"));
    this.form.onsubmit = (event) => {
      event.preventDefault();
      this.add(this.field.value);
    };
    /** @type {HTMLElement} */ (this.part("nothing").querySelector("button")).onclick = () => this.add("nothing");
    this.onPress("undo", () => this.teaching.do({ action: "undo" }));
    this.onPress("use", () => this.teaching.do({ action: "use", taught: !this.teaching.state?.in_use }));
    this.onPress("reset", () => this.startOver());
    this.onPress("save", () => this.download("mine.npz"));
    this.onPress("zip", () => this.download("examples.zip"));
    this.onPress("keras", () => this.download("mine.keras"));
    /** The classes of the number keys that are held. @type {Map<string, number>} */
    this.digits = new Map();
    document.addEventListener("keydown", (event) => this.pressDigit(event), { capture: true });
    document.addEventListener("keyup", ({ key }) => this.releaseDigit(key));
  }

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    return /** @type {HTMLElement} */ (this.root.querySelector(`[data-live="teach-${name}"]`));
  }

  /** @param {string} name @param {() => void} act */
  onPress(name, act) {
    const button = this.part(name);
    if (button) button.onclick = act;
  }

  toggle() {
    this.root.hidden = !this.root.hidden;
    document.body.toggleAttribute("data-teaching", !this.root.hidden);
    for (const button of document.querySelectorAll('[data-live="teach"]')) button.ariaExpanded = String(!this.root.hidden);
    if (this.root.hidden) this.teaching.unfollow();
    else this.teaching.follow();
  }

  /** Adds a class; a name that does not do stays in the field. @param {string} label */
  async add(label) {
    const added = await this.teaching.do({ action: "add", label });
    // Unless the next name is being typed.
    if (added && this.field.value === label) this.form.reset();
  }

  async startOver() {
    if (await ask(/** @type {HTMLDialogElement} */ (this.root.querySelector("dialog")))) this.teaching.do({ action: "reset" });
  }

  /** @param {string} name */
  async download(name) {
    this.say(name.endsWith(".keras") ? "Exporting the model, which takes a while" : "");
    try {
      const response = await request(apiUrl(`teach/${name}`, this.root), "GET", {}, undefined, EXPORT_LIMIT_MS);
      save(name, await response.blob());
      this.say(`Saved ${name}`);
    } catch (error) {
      this.say(`Not saved: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Shows the class of a number key for as long as it is held. @param {KeyboardEvent} event */
  pressDigit(event) {
    const key = this.root.hidden ? "" : shortcutKey(event);
    const taught = /^\d$/.test(key) ? this.teaching.state?.classes[(Number(key) + 9) % 10] : undefined;
    if (!taught) return;
    event.preventDefault();
    this.digits.set(key, taught.id);
    this.teaching.hold(taught.id);
  }

  /** @param {string} key */
  releaseDigit(key) {
    const id = this.digits.get(key);
    if (id !== undefined) this.teaching.release(id);
    this.digits.delete(key);
  }

  /** Says in a line what was done, or why it was not. @param {string} text */
  say(text) {
    this.said = text;
    write(this.part("message"), capitalised(text || (this.teaching.state?.message ?? "")));
  }

  /** @param {TeachingState} state */
  show(state) {
    this.classes.show(state);
    this.say(this.said);
    const has = { classes: state.classes.length > 0, takes: state.classes.some(({ takes }) => takes.length) };
    this.form.hidden = state.classes.length >= MAX_CLASSES;
    this.part("nothing").hidden = this.form.hidden || !has.classes || state.classes.some(({ label }) => label.toLowerCase() === "nothing");
    for (const name of ["undo", "zip"]) this.enable(name, has.takes);
    for (const name of ["save", "keras"]) this.enable(name, state.words !== "");
    this.enable("reset", has.classes);
    this.enable("use", state.words !== "");
    this.part("use").ariaPressed = String(state.in_use);
    this.showLearnt(state);
  }

  /** @param {string} name @param {boolean} isEnabled */
  enable(name, isEnabled) {
    const button = /** @type {HTMLButtonElement | null} */ (this.part(name));
    if (button) button.disabled = !isEnabled;
  }

  /** @param {TeachingState} state */
  showLearnt({ classes, accuracy, words, fitting }) {
    const place = this.part("accuracy");
    // Better than guessing, at 95 %.
    place.dataset.verdict = accuracy && accuracy.low > 1 / classes.length ? "faithful" : "";
    const text = fitting ? "Learning …" : capitalised(words) || "Show two classes, and it answers in them";
    write(/** @type {Element} */ (place.querySelector("span")), text);
    showWarnings(this.part("warnings"), classes);
  }
}

/** @type {Panel | null} */
let panel = null;

// On the document, since the button may be built later than the panel.
document.addEventListener("click", ({ target }) => {
  if (target instanceof Element && target.closest('[data-live="teach"]')) panel?.toggle();
});

/** @param {HTMLElement} root */
export function mount(root) {
  panel = new Panel(root);
  onKey("d", "teach classes of your own", () => panel?.toggle(), "Explain", '[data-live="teach"]');
}
