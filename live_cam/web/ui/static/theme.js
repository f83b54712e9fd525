// @ts-check
/** Light or dark: the system's theme until another is chosen on this page. */

import { onKey } from "./keys.js";

const STORAGE_KEY = "live-cam-theme";

/** The stored theme; reading throws in browsers that store nothing for pages. @returns {string | null} */
function storedTheme() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

/** Gradio's dark mode is the body's class `dark`, which it sets to the system's theme once the page is built. */
function apply() {
  const theme = storedTheme();
  const dark = document.body.classList.contains("dark");
  if (theme && dark !== (theme === "dark")) document.body.classList.toggle("dark", theme === "dark");
}

function toggle() {
  const theme = document.body.classList.contains("dark") ? "light" : "dark";
  try {
    localStorage.setItem(STORAGE_KEY, theme);
  } catch {
    // The choice lasts for this visit.
  }
  document.body.classList.toggle("dark", theme === "dark");
}

new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ["class"] });
apply();
document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest('[data-live="theme"]')) toggle();
});
onKey("t", "light or dark", toggle, "Page", '[data-live="theme"]');
