// @ts-check
/** A question before something changes for others, in a native dialog. */

/**
 * Asks whether to change settings that others see.
 *
 * @param {string[]} changes What would change, a line for each.
 * @returns {Promise<boolean>} Whether the answer was yes; closing the dialog is no.
 */
export function askToChange(changes) {
  const dialog = /** @type {HTMLDialogElement} */ (document.querySelector(".live-ask"));
  const lines = changes.map((change) => {
    const line = document.createElement("li");
    line.textContent = change;
    return line;
  });
  dialog.querySelector("ul")?.replaceChildren(...lines);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "change"), { once: true });
  });
}
