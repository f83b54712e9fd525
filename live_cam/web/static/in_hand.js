// @ts-check
/** Which of several pictures a key is about: the one with the focus, the one under the pointer, or the first. */

/** Presses a button of the picture in hand. @param {string} name What its `data-live` says. */
export function press(name) {
  const found = [".live-tile:focus-within", ".live-tile:hover", ":root"]
    .map((where) => /** @type {HTMLElement | null} */ (document.querySelector(`${where} [data-live="${name}"]`)))
    .find((element) => element !== null);
  found?.click();
}
