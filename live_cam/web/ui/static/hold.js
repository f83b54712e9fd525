// @ts-check
/**
 * A button that acts for as long as it is held.
 *
 * @typedef {{start: () => void, stop: () => void}} Held
 */

const isPress = (/** @type {KeyboardEvent} */ { key }) => key === " " || key === "Enter";

/**
 * Calls `start` when a button is pressed by a pointer, the space bar or Enter, and `stop` when it is let go.
 *
 * A click without either, as of a screen reader, starts; the next one stops.
 *
 * @param {HTMLButtonElement} button
 * @param {Held} held
 */
export function onHold(button, { start, stop }) {
  let isHeld = false;
  const set = (/** @type {boolean} */ value) => {
    if (value === isHeld) return;
    isHeld = value;
    (isHeld ? start : stop)();
  };
  button.onpointerdown = (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture(event.pointerId);
    set(true);
  };
  // After each pointerup and pointercancel.
  button.onlostpointercapture = () => set(false);
  button.onkeydown = (event) => {
    if (!isPress(event)) return;
    event.preventDefault();
    if (!event.repeat) set(true);
  };
  button.onkeyup = (event) => {
    if (!isPress(event)) return;
    event.preventDefault();
    set(false);
  };
  button.onblur = () => set(false);
  button.onclick = ({ detail }) => detail === 0 && set(!isHeld);
  button.oncontextmenu = (event) => event.preventDefault(); // of a long touch
}
