// @ts-check
/**
 * The elements of the page that a moving picture and its words are painted into.
 *
 * @typedef {{index: number, label: string, probability: number}} ClassScore
 * @typedef {{verdict: string, words: string}} Faithfulness
 * @typedef {{source: string, state: string, message: string, fps: number, preparing?: string,
 *   settings?: import("./settings.js").Settings, faithfulness?: Faithfulness | null,
 *   painted_age_ms?: number | null, seq?: number, age_ms?: number, top?: ClassScore[], target?: string,
 *   target_index?: number, versus?: string | null, against?: boolean, beside?: string | null, beside_evidence?: boolean, strength?: number,
 *   evidence?: boolean, layer?: string, method?: string, style?: string, opacity?: number, colormap?: string,
 *   ask?: number, recording?: import("./recording.js").Recording | null}} Header
 */

import { meaning, nothing, question, strengthWord } from "./meaning.js";
import { HEARD } from "./recording.js";
import { hear, wanted } from "./settings.js";

/** Names with more characters take two lines. */
const LONG = 12;

/** Paints pictures and words into the page's elements. */
export class Screen {
  /** @param {HTMLElement} root The stage. */
  constructor(root) {
    this.root = root;
    this.canvas = /** @type {HTMLCanvasElement} */ (root.querySelector("canvas"));
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    this.paintedAgeKnown = false;
    /** The question that was answered last, in words. */
    this.asked = "";
    /** The methods' names, by what the server calls them. @type {Record<string, string>} */
    this.names = JSON.parse(/** @type {HTMLElement | null} */ (document.querySelector("[data-names]"))?.dataset.names ?? "{}");
  }

  /** @param {string} name @returns {HTMLElement | null} */
  part(name) {
    return document.querySelector(`[data-feed="${this.root.dataset.feed}"] [data-live="${name}"]`);
  }

  /** @param {string} name @param {string} text */
  write(name, text) {
    const part = this.part(name);
    if (part && part.textContent !== text) part.textContent = text;
  }

  /** Writes a text, and hides its place while there is none. @param {string} name @param {string} text */
  show(name, text) {
    this.write(name, text);
    const part = this.part(name);
    if (part && part.hidden === Boolean(text)) part.hidden = !text;
  }

  /** @param {ImageBitmap} bitmap @param {Header} header */
  paint(bitmap, header) {
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
      this.root.style.setProperty("--picture-ratio", String(bitmap.width / bitmap.height));
    }
    this.context.drawImage(bitmap, 0, 0);
    this.root.dataset.seq = String(header.seq);
    this.describe(header);
    this.tell(header);
  }

  /** Says what is to be seen in a picture. @param {Header} header */
  describe(header) {
    (header.top ?? []).forEach((score, rank) => this.list(score, rank, header.settings?.target === score.index));
    const asked = question(header);
    this.asked = asked;
    this.write("target", header.beside ? `${asked} and ${header.beside}` : asked);
    const none = header.evidence ? "" : ": no evidence";
    this.show("caption", `${asked}${none}`);
    const noneBeside = header.beside_evidence ? "" : ": no evidence";
    this.show("caption-right", header.beside ? `${header.beside}${noneBeside}` : "");
    this.canvas.ariaLabel = `Live picture with the map for ${asked}${header.beside ? ` and ${header.beside}` : ""}`;
    this.show("evidence", nothing(header));
    this.write("meaning", header.evidence || header.beside_evidence ? meaning(header) : "");
    this.measure(header);
    this.write("how", `${this.names[header.method ?? ""]} at ${header.layer}`);
    this.colour(header.style ?? "", header.colormap ?? "");
  }

  /** Says what the colours mean. @param {string} style @param {string} colormap */
  colour(style, colormap) {
    const legend = this.part("legend");
    if (!legend || (legend.dataset.style === style && legend.dataset.colormap === colormap)) return;
    Object.assign(legend.dataset, { style, colormap });
    const [weak, strong] = JSON.parse(legend.dataset.ends ?? "{}")[style] ?? ["weak", "strong"];
    this.write("legend-weak", weak);
    this.write("legend-strong", strong);
  }

  /** Puts a class into the list. @param {ClassScore} score @param {number} rank @param {boolean} locked */
  list(score, rank, locked) {
    const percent = (100 * score.probability).toFixed(0);
    this.write(`label-${rank}`, score.label);
    this.write(`percent-${rank}`, `${percent} %`);
    const bar = this.part(`bar-${rank}`);
    if (bar) bar.style.width = `${percent}%`;
    const button = this.part(`label-${rank}`);
    if (!button) return;
    button.dataset.index = String(score.index);
    button.toggleAttribute("data-long", score.label.length > LONG);
    if (button.ariaPressed !== String(locked)) button.ariaPressed = String(locked);
  }

  /** Shows how much evidence there is. @param {Header} header */
  measure(header) {
    const percent = header.evidence ? Math.round(100 * (header.strength ?? 0)) : 0;
    const word = strengthWord(header);
    const [meter, bar] = [this.part("meter"), this.part("strength")];
    if (meter) Object.assign(meter, { ariaValueNow: String(percent), ariaValueText: word });
    if (bar) bar.style.width = `${percent}%`;
    this.write("strength-word", word);
  }

  /** Says how the source is. @param {Header} header */
  tell(header) {
    this.write("source", header.source);
    this.write("fps", header.fps.toFixed(0));
    // The age when it was painted is the true one; where nobody acknowledges, that at sending has to do.
    this.paintedAgeKnown ||= header.painted_age_ms != null;
    const age = header.painted_age_ms ?? (this.paintedAgeKnown ? undefined : header.age_ms);
    if (age !== undefined) this.write("age", `${age.toFixed(0)} ms`);
    this.root.dataset.state = header.state;
    this.notice(header.state === "live" ? "" : header.message);
    if (header.settings) this.set(header.settings);
    this.figures(header.state === "live" && !wanted()?.frozen);
    this.show("preparing", header.preparing ?? "");
    this.show("recorded", header.recording?.state === "recording" ? "Recording" : "");
    this.judge(header);
    // There is one recording of all feeds, so one viewer tells of it.
    if (this.root.dataset.feed === "0") document.dispatchEvent(new CustomEvent(HEARD, { detail: header.recording }));
  }

  /** Says whether the map has passed its test. @param {Header} header */
  judge({ faithfulness, method, settings }) {
    const tested = this.names[method ?? settings?.method ?? ""] ?? "the map";
    const whose = settings?.question === "beside" && this.asked ? ` for ${this.asked}` : "";
    const words = faithfulness ? `${faithfulness.verdict}. ${faithfulness.words}` : "not yet measured.";
    this.write("faithfulness", `Test of ${tested}${whose}: ${words}`);
  }

  /** Shows what was chosen, before the first picture made with it. @param {import("./settings.js").Settings} settings */
  set(settings) {
    hear(settings);
    const { frozen, target } = wanted() ?? settings;
    this.show("frozen", frozen ? "Frozen" : "");
    const unlock = this.part("unlock");
    if (unlock) unlock.hidden = target === null;
  }

  /** Lays a sentence over a picture that stands still, or takes it away from one that moves. @param {string} text */
  notice(text) {
    this.write("notice", text);
    const notice = this.part("notice");
    if (notice) notice.hidden = !text;
    this.figures(!text);
  }

  /** Shows how fast the picture is and how old, which of one that stands still would be untrue. @param {boolean} moves */
  figures(moves) {
    const figures = this.part("fps")?.closest("p");
    if (figures) figures.hidden = !moves;
  }
}
