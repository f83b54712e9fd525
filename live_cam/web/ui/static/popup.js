// @ts-check
/** A list of choices that a button opens, under it. */

/** @typedef {{text: string, note?: string, current?: boolean, act: () => void}} Choice */

const MARGIN_PX = 8;

/** @param {Choice} choice */
function item({ text, note = "", current = false, act }) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (note) button.append(Object.assign(document.createElement("small"), { textContent: note }));
  if (current) button.setAttribute("aria-current", "true");
  button.onclick = act;
  return button;
}

/** Closed by a choice, by Escape and by a press elsewhere. */
export class Popup {
  /**
   * @param {HTMLButtonElement} button What opens it.
   * @param {string} id
   * @param {string} label
   */
  constructor(button, id, label) {
    this.button = button;
    this.list = document.createElement("div");
    Object.assign(this.list, { id, className: "live-popup", popover: "auto", ariaLabel: label });
    this.list.setAttribute("role", "group");
    button.setAttribute("popovertarget", id);
    (button.closest("h2, p") ?? button).after(this.list); // a heading is no place for it
    this.list.addEventListener("toggle", () => this.place());
  }

  /** Calls `listener` when it is about to be opened. @param {() => void} listener */
  onOpen(listener) {
    this.list.addEventListener("beforetoggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "open") listener();
    });
  }

  close() {
    if (this.list.matches(":popover-open")) this.list.hidePopover();
  }

  /** Fills it; what had the focus keeps it. @param {Choice[]} choices */
  show(choices) {
    const focused = [...this.list.children].findIndex((child) => child === document.activeElement);
    const items = choices.map((choice) => item({ ...choice, act: () => (this.close(), choice.act()) }));
    this.list.replaceChildren(...items);
    items[focused]?.focus();
    this.place();
  }

  /** Puts it under its button, or above where there is more room, within the window. */
  place() {
    const { left, top, bottom } = this.button.getBoundingClientRect();
    const { offsetWidth, offsetHeight, style } = this.list;
    const fitsBelow = bottom + offsetHeight + MARGIN_PX <= innerHeight || bottom < innerHeight - top;
    style.left = `${Math.max(MARGIN_PX, Math.min(left, innerWidth - offsetWidth - MARGIN_PX))}px`;
    style.top = `${fitsBelow ? bottom + MARGIN_PX / 2 : Math.max(MARGIN_PX, top - offsetHeight - MARGIN_PX / 2)}px`;
  }
}
