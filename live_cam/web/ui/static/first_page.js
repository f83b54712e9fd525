// @ts-check
/** The page before Gradio's, which is built behind this one, as soon as the server has it, and takes its place. */

import { apiUrl } from "./api.js";
import { mount as mountClassList } from "./class_list.js";
import { markOwn } from "./own_mode.js";
import { parseLink } from "./permalink.js";
import { mount as mountQuestions } from "./questions.js";
import { mount as mountTools } from "./tools.js";
import { notify, pause } from "./ui.js";
import { mount as mountStage } from "./viewer.js";

const CHECK_EVERY_MS = 100;
const PAGE_HEADER = "X-Live-Cam-Page";
/** What does nothing before its script comes, with Gradio's page. */
const LATER = '.live-toolbar > :not([data-live="freeze"]), .live-tile .live-tools, .live-head-buttons > :not([data-live="theme"]), [data-live="teach"], .live-kiosk-teach button';
const BUILD_LIMIT_MS = 60000;

const all = (/** @type {string} */ selector) => /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(selector));

/** Waits until the server has Gradio's page, and returns it. @returns {Promise<Document>} */
async function fetchPage() {
  for (;; await pause(CHECK_EVERY_MS)) {
    const response = await fetch(apiUrl(""), { headers: { [PAGE_HEADER]: "gradio" } }).catch(() => null);
    if (!response?.ok || response.headers.has(PAGE_HEADER)) continue;
    return new DOMParser().parseFromString(await response.text(), "text/html");
  }
}

/**
 * Runs the scripts of a page, which a parser alone would not: inline ones at once, the others when they are loaded.
 *
 * @param {Iterable<HTMLScriptElement>} scripts
 */
function runScripts(scripts) {
  for (const script of scripts) {
    if (!script.src) {
      (0, eval)(script.text); // eslint-disable-line no-eval -- the policy lets no inline script run that comes later
      continue;
    }
    const running = document.createElement("script");
    for (const { name, value } of script.attributes) running.setAttribute(name, value);
    document.head.append(running);
  }
}

/**
 * Whether Gradio's page can take the place of this one: it shows a frame, if this one does, and has applied the link that
 * the page was opened with or asks whether it may. Until then the stages of both count as this page's viewers.
 *
 * @param {HTMLElement} gradio
 */
function isReady(gradio) {
  const isLinked = Object.keys(parseLink(new URL(location.href).searchParams).sources).length > 0;
  const isShown = gradio.querySelector(all(".live-stage[data-seq]").length ? ".live-stage[data-seq]" : ".live-stage");
  return isShown && (!isLinked || gradio.querySelector("dialog[open], .live-kiosk")); // a kiosk applies none
}

/** Builds Gradio's page, unseen, and shows it in place of this one. */
async function becomeGradiosPage() {
  const own = [...document.head.querySelectorAll("style"), ...document.body.children];
  const page = await fetchPage();
  document.head.append(...page.head.querySelectorAll("base, style, link[rel=stylesheet]"));
  document.documentElement.style.cssText = page.documentElement.style.cssText;
  document.body.style.cssText = page.body.style.cssText;
  const gradio = /** @type {HTMLElement} */ (page.querySelector("gradio-app"));
  const shown = gradio.style.cssText;
  gradio.inert = true;
  gradio.style.cssText = `${shown}; position: absolute; inset: 0 0 auto; opacity: 0`;
  document.body.append(gradio);
  runScripts(page.scripts);
  for (const endMs = performance.now() + BUILD_LIMIT_MS; !isReady(gradio); await pause(CHECK_EVERY_MS)) {
    if (performance.now() > endMs) throw new Error("Gradio's page is not built");
  }
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.live : undefined;
  own.forEach((element) => element.remove());
  gradio.inert = false;
  gradio.style.cssText = shown;
  if (focused) /** @type {HTMLElement | null} */ (gradio.querySelector(`[data-live="${focused}"]`))?.focus();
}

document.body.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
import("./theme.js");
markOwn(document.body);
all(".live-stage:not([data-own])").forEach(mountStage);
all(".live-class-list").forEach(mountClassList);
all(".live-questions").forEach(mountQuestions);
all(".live-run, .live-tools:not(.live-tile *)").forEach(mountTools);
all(LATER).forEach((control) => (control.inert = true));
becomeGradiosPage().catch((error) => {
  console.warn("live_cam", error);
  notify("The controls did not load; reload this page");
});
