// @ts-check
/**
 * The canvas of one feed and the text that belongs to it.
 *
 * What the server sends; see pipeline/payload.py and `ExplanationPayload` in types.py.
 *
 * @typedef {{index: number, label: string}} ClassPayload
 * @typedef {ClassPayload & {probability: number}} ClassScore
 * @typedef {{top: ClassScore[], target: ClassPayload, contrast: ClassPayload | null, counterfactual: boolean,
 *   layer: string, method: string, evidence: number, has_evidence: boolean, precision: string}} ExplanationPayload
 * @typedef {{probability: number, probability_drop: number, random_drop: number, measured: number, verdict: string,
 *   reason: string, words: string, age_s: number}} Faithfulness
 * @typedef {{name: string, explained_by: "gradients" | "cam" | "recipro-cam"}} Model
 * @typedef {{agree: boolean, words: string, note: string}} Comparison
 * @typedef {{models: Model[], source: string, state: string, message: string, retry_s: number | null, fps: number,
 *   settings: import("./settings.js").Settings, preparing: string, faithfulness: Faithfulness | null, precision_words: string,
 *   recording: import("./recording.js").Recording | null}} StatePayload
 * @typedef {StatePayload & ExplanationPayload & {seq: number, revision: number, caption: string, age_ms: number,
 *   second: ExplanationPayload | null, comparison: Comparison | null, style: string, opacity: number, colormap: string}} FramePayload
 * @typedef {Pick<StatePayload, "source" | "state" | "message" | "fps"> & Partial<FramePayload> &
 *   {display_latency_ms?: number | null}} State Of a frame, of a feed, or the refusal of a further visitor.
 */

import { evidenceWord, howCaption, isClassAgnostic, mapCaption, modelCaption, percent, targetCaption } from "./captions.js";
import { drawPanes } from "./panes.js";
import { showQuestions } from "./questions.js";
import { RECORDING_EVENT } from "./recording.js";
import { pendingSettings, receiveSettings } from "./settings.js";
import { showTrust } from "./trust.js";

/** Labels with more characters take two lines. */
const LONG_LABEL = 12;
/** Of a pause before the next attempt; a person would hardly be faster than a shorter one. */
const LONG_PAUSE_S = 3;

/** Whether the caption would only repeat the top class. @param {FramePayload} frame */
function isPlain({ top, target, contrast, counterfactual, second, method, has_evidence }) {
  const isTop = target.index === top[0].index && has_evidence;
  return isTop && !contrast && !counterfactual && !second && !isClassAgnostic(method);
}

/** Paints frames and text into the elements of one feed. */
export class Picture {
  /** @param {HTMLElement} root The stage. */
  constructor(root) {
    this.root = root;
    /** Gradio's page is built while the first one is still there. */
    this.page = root.closest("gradio-app") ?? document;
    this.canvas = /** @type {HTMLCanvasElement} */ (root.querySelector("canvas"));
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    this.displayLatencyKnown = false;
    /** The newest frame. @type {FramePayload | null} */
    this.frame = null;
    /** Names of the methods by identifier. @type {Record<string, string>} */
    this.names = JSON.parse(root.dataset.names ?? "{}");
  }

  /** @param {string} name @returns {HTMLElement | null} */
  part(name) {
    return this.page.querySelector(`[data-feed="${this.root.dataset.feed}"] [data-live="${name}"]`);
  }

  /** @param {string} name @param {string} text */
  write(name, text) {
    const part = this.part(name);
    if (part && part.textContent !== text) part.textContent = text;
  }

  /** Writes a text; an empty one hides its element. @param {string} name @param {string} text */
  show(name, text) {
    this.write(name, text);
    const part = this.part(name);
    if (part && part.hidden === Boolean(text)) part.hidden = !text;
  }

  /** Writes the source's name wherever it belongs. @param {string} name */
  showSource(name) {
    for (const place of document.querySelectorAll(`[data-feed="${this.root.dataset.feed}"] [data-live="source"]`)) {
      if (place.textContent !== name) place.textContent = name;
    }
  }

  /** @param {ImageBitmap} bitmap @param {FramePayload} header */
  paint(bitmap, header) {
    const stacked = drawPanes(this.canvas, this.context, bitmap, header.second !== null);
    this.root.toggleAttribute("data-stacked", stacked);
    this.root.style.setProperty("--picture-ratio", String(this.canvas.width / this.canvas.height));
    this.root.dataset.seq = String(header.seq);
    this.showExplanation(header);
    this.showState(header);
  }

  /** @param {FramePayload} header */
  showExplanation(header) {
    const { second, comparison, models } = header;
    this.frame = header;
    header.top.forEach((score, rank) => this.showClass(score, rank, header.settings.target === score.index));
    this.showRows(header.top.length);
    this.write("big-name", header.top[0].label);
    this.part("big")?.toggleAttribute("data-long", header.top[0].label.length > LONG_LABEL);
    this.write("big-percent", percent(header.top[0].probability));
    const targets = second ? `${targetCaption(header)} and ${targetCaption(second)}` : targetCaption(header);
    this.write("target", targets);
    this.canvas.ariaLabel = `Live overlay of the map for ${targets}`;
    this.show("caption", this.paneCaption(header, comparison && models[0]));
    this.part("caption")?.toggleAttribute("data-plain", isPlain(header));
    this.show("caption-right", second ? this.paneCaption(second, comparison && models[1]) : "");
    this.show("scene", header.caption);
    this.write("meaning", header.has_evidence || second?.has_evidence ? mapCaption(header) : "");
    this.showEvidence(header);
    this.write("how", howCaption(this.names, header, models[0]));
    this.showLegend(header.style, header.colormap);
    if (second && comparison) this.showSecondModel(header, second, comparison);
    if (this.root.dataset.feed === "0") showQuestions(header);
  }

  /** What is written over a pane. @param {ExplanationPayload} explanation @param {Model | null} model One of two. */
  paneCaption(explanation, model) {
    const none = explanation.counterfactual ? ": nothing" : ": no evidence";
    const target = `${targetCaption(explanation)}${explanation.has_evidence ? "" : none}`;
    return model ? `${model.name}: ${target}` : target;
  }

  /** @param {FramePayload} header @param {ExplanationPayload} second @param {Comparison} comparison */
  showSecondModel(header, second, { agree, words, note }) {
    header.models.forEach(({ name }, number) => this.write(`model-${number}`, name));
    second.top.forEach((score, rank) => this.showScore("second-", score, rank));
    this.write("agreement", `${words[0].toUpperCase()}${words.slice(1)}`);
    this.part("agreement")?.toggleAttribute("data-agree", agree);
    this.show("agreement-note", note);
    const hows = [header, second].map((each, number) => `${header.models[number].name}: ${howCaption(this.names, each, header.models[number])}`);
    this.write("how", hows.join("; "));
  }

  /** @param {string} style @param {string} colormap */
  showLegend(style, colormap) {
    const legend = this.part("legend");
    if (!legend || (legend.dataset.style === style && legend.dataset.colormap === colormap)) return;
    Object.assign(legend.dataset, { style, colormap });
    const [weak, strong] = JSON.parse(legend.dataset.ends ?? "{}")[style] ?? ["weak", "strong"];
    this.write("legend-weak", weak);
    this.write("legend-strong", strong);
  }

  /** @param {ClassScore} score @param {number} rank @param {boolean} locked */
  showClass(score, rank, locked) {
    this.showScore("", score, rank);
    const button = this.part(`label-${rank}`);
    if (!button) return;
    button.dataset.index = String(score.index);
    button.toggleAttribute("data-long", score.label.length > LONG_LABEL);
    if (button.ariaPressed !== String(locked)) button.ariaPressed = String(locked);
  }

  /** Shows as many rows as there are classes, of which fewer may have been taught. @param {number} count */
  showRows(count) {
    for (let rank = 0, button; (button = this.part(`label-${rank}`)); rank += 1) {
      const row = /** @type {HTMLElement} */ (button.closest("li"));
      if (row.hidden !== rank >= count) row.hidden = rank >= count;
      if (row.hidden) delete button.dataset.index; // a key still presses it
    }
  }

  /** Shows a row of one of the lists. @param {"" | "second-"} list @param {ClassScore} score @param {number} rank */
  showScore(list, score, rank) {
    this.write(`${list}label-${rank}`, score.label);
    this.write(`${list}percent-${rank}`, percent(score.probability));
    const bar = this.part(`${list}bar-${rank}`);
    if (bar) bar.style.width = `${(100 * score.probability).toFixed(0)}%`;
  }

  /** @param {ExplanationPayload} header */
  showEvidence(header) {
    const full = header.has_evidence ? Math.round(100 * header.evidence) : 0;
    const word = evidenceWord(header);
    const [meter, bar] = [this.part("meter"), this.part("meter-bar")];
    if (meter) Object.assign(meter, { ariaValueNow: String(full), ariaValueText: word });
    if (bar) bar.style.width = `${full}%`;
    this.write("evidence-word", word);
  }

  /** Shows the state of the source. @param {State} header */
  showState(header) {
    this.showSource(header.source);
    if (header.models) this.write("models", modelCaption(header.models));
    this.write("fps", header.fps.toFixed(0));
    // Only acknowledged frames have a display latency; without acknowledgements the age at sending is shown.
    this.displayLatencyKnown ||= header.display_latency_ms != null;
    const latencyMs = header.display_latency_ms ?? (this.displayLatencyKnown ? undefined : header.age_ms);
    if (latencyMs !== undefined) this.write("latency", `${latencyMs.toFixed(0)} ms`);
    this.root.dataset.state = header.state;
    this.showNotice(header.state === "live" ? "" : header.message);
    const retry = this.part("retry");
    if (retry) retry.hidden = !(Number(header.retry_s) > LONG_PAUSE_S);
    if (header.settings) this.showSettings(header.settings);
    this.showFigures(header.state === "live" && !pendingSettings()?.frozen);
    this.showWork(header);
  }

  /** Shows what goes on beside the frames. @param {State} header */
  showWork({ preparing, recording, faithfulness, precision_words: precision }) {
    this.show("preparing", preparing ?? "");
    this.show("recorded", recording?.state === "recording" ? "Recording" : "");
    showTrust(this, this.frame, faithfulness ?? null);
    this.show("precision", precision ? `Precision: ${precision}` : "");
    // One recording holds all feeds, so only one viewer passes its status on.
    if (this.root.dataset.feed === "0") document.dispatchEvent(new CustomEvent(RECORDING_EVENT, { detail: recording }));
  }

  /** Shows new settings at once, before the first frame explained with them. @param {import("./settings.js").Settings} settings */
  showSettings(settings) {
    receiveSettings(settings);
    const { frozen, target } = pendingSettings() ?? settings;
    this.show("frozen", frozen ? "Frozen" : "");
    const explained = this.part("explained");
    if (explained) explained.hidden = target === null;
  }

  /** Shows a message over a stopped image; an empty one removes it. @param {string} text */
  showNotice(text) {
    this.write("notice", text);
    const notice = this.part("notice");
    if (notice) notice.hidden = !text;
    this.showFigures(!text);
  }

  /** Shows frame rate and latency, or hides them where they would be wrong. @param {boolean} live */
  showFigures(live) {
    const figures = this.part("fps")?.closest("p");
    if (figures) figures.hidden = !live;
  }
}
