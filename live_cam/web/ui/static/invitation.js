// @ts-check
/** The invitation to this browser's camera, over the demo that is shown since no camera was found. */

import { offersOwn, showOwnCamera } from "./own_mode.js";

/** Whether it was declined on this page. */
let declined = false;

/** @param {string} text @param {string} title @param {() => void} act */
function button(text, title, act) {
  const element = Object.assign(document.createElement("button"), { type: "button", textContent: text, title, ariaLabel: title });
  element.onclick = act;
  return element;
}

/** Shows it, or removes it; a page that browsers let open no camera shows none. @param {boolean} isShown */
export function showInvitation(isShown) {
  const earlier = document.querySelector(".live-invitation");
  if (!isShown || declined || !offersOwn() || !navigator.mediaDevices) return earlier?.remove();
  if (earlier) return;
  const root = document.createElement("div");
  root.className = "live-invitation";
  const text = Object.assign(document.createElement("p"), { textContent: "No camera was found where live_cam runs" });
  const use = button("Use this browser's camera", "Use this browser's camera, which only you see", showOwnCamera);
  const decline = button("✕", "Watch the demo", () => {
    declined = true;
    root.remove();
  });
  root.append(text, use, decline);
  [...document.querySelectorAll(".live-stage")].at(-1)?.append(root); // of this page, which may be built behind the first one
}
