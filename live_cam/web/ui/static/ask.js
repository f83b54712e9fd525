// @ts-check
/** Questions before something changes for others, or is lost, in a native dialog. */

/**
 * Opens a dialog with a question, and returns whether the answer was yes, whose button has a value; closing it is no.
 *
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<boolean>}
 */
export function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue !== ""), { once: true }));
}

/**
 * Asks whether to change settings that others see.
 *
 * @param {string[]} changes What would change, a line for each.
 * @returns {Promise<boolean>} Whether the answer was yes.
 */
export function askToChange(changes) {
  const dialog = /** @type {HTMLDialogElement} */ (document.querySelector(".live-ask:has(ul)"));
  const lines = changes.map((change) => {
    const line = document.createElement("li");
    line.textContent = change;
    return line;
  });
  dialog.querySelector("ul")?.replaceChildren(...lines);
  return ask(dialog);
}
