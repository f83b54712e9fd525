// @ts-check
/**
 * A page of this viewer's own camera, on a server that shows something else to all: the same page with `?own`.
 *
 * Its elements are marked as a visitor's before their scripts see them, so that all they request and change is the
 * visitor's own.
 */

const PARAMETER = "own";
/** In the session's storage: set by a press, so that no link from elsewhere opens the camera. */
const START_KEY = "live-cam-own-start";
const NOTICE = "Your pictures go to this server, which explains them. Nobody else sees them, and nothing of them is kept";
const BUTTONS = { "own-start": "Show my camera", "own-switch": "Other camera", "own-stop": "Stop" };

/** Whether viewers may show their own camera here; a kiosk's may not. */
export const offersOwn = () => document.querySelector('meta[name="live-cam-own"]') !== null;

/** Whether this page shows this viewer's own camera. */
export const isOwn = () => offersOwn() && new URLSearchParams(location.search).has(PARAMETER);

/** The address of this page with the viewer's own camera, or without. @param {boolean} own */
function address(own) {
  const url = new URL(location.href);
  if (own) url.searchParams.set(PARAMETER, "");
  else url.searchParams.delete(PARAMETER);
  return url.href;
}

/** Goes to the page of the own camera, which opens it. */
export function showOwnCamera() {
  sessionStorage.setItem(START_KEY, "1");
  location.assign(address(true));
}

/** Goes back to what all viewers see. */
export function leaveOwnCamera() {
  location.assign(address(false));
}

/** Whether a press has led here, once. */
export function takeStart() {
  const starts = isOwn() && sessionStorage.getItem(START_KEY) !== null;
  sessionStorage.removeItem(START_KEY);
  return starts;
}

/** Marks the elements of the feed as the visitor's, where this is a page of the own camera. @param {HTMLElement} root */
export function markOwn(root) {
  if (!isOwn()) return;
  document.body.dataset.own = "";
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll('[data-feed="0"]'))) part.dataset.own = "";
  root.querySelectorAll(".live-stage").forEach(addButtons);
}

/** Adds what opens and closes the camera to a stage. @param {Element} stage */
function addButtons(stage) {
  const poster = stage.querySelector("img");
  if (poster) poster.src = "poster.jpg?feed=-1"; // a photograph, not what others see
  const notice = stage.querySelector('[data-live="notice"]');
  if (notice) notice.textContent = NOTICE;
  const row = document.createElement("div");
  row.className = "live-own";
  for (const [name, text] of Object.entries(BUTTONS)) {
    const button = row.appendChild(document.createElement("button"));
    Object.assign(button, { type: "button", textContent: text, hidden: name !== "own-start" });
    button.dataset.live = name;
  }
  stage.querySelector(".live-own")?.remove(); // of the shared source
  notice?.after(row);
}
