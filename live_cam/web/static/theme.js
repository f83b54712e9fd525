// @ts-check
/** Light or dark: as the system has it, until somebody chooses otherwise on this page. */

import { onKey } from "./keys.js";

const REMEMBERED_AS = "live-cam-theme";

/** What was chosen; a browser that keeps nothing for pages throws. @returns {string | null} */
function chosen() {
  try {
    return localStorage.getItem(REMEMBERED_AS);
  } catch {
    return null;
  }
}

/** Gradio takes the class `dark` of the body for dark mode, and sets it by the system when it has built the page. */
function apply() {
  const theme = chosen();
  const dark = document.body.classList.contains("dark");
  if (theme && dark !== (theme === "dark")) document.body.classList.toggle("dark", theme === "dark");
}

function turn() {
  const theme = document.body.classList.contains("dark") ? "light" : "dark";
  try {
    localStorage.setItem(REMEMBERED_AS, theme);
  } catch {
    // It holds for this visit, then.
  }
  document.body.classList.toggle("dark", theme === "dark");
}

new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ["class"] });
apply();
document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest('[data-live="theme"]')) turn();
});
onKey("t", "light or dark", turn, "Page", '[data-live="theme"]');
