// @ts-check
/** The sentences beside the image: how much evidence there is, and what the map shows and does not show. */

/** @typedef {import("./picture.js").FramePayload} FramePayload */
/** @typedef {import("./picture.js").ExplanationPayload} ExplanationPayload */
/** @typedef {import("./picture.js").Model} Model */
/** @typedef {{index: number, label: string, contribution: number, logit: number}} Vote */

const CLASS_AGNOSTIC = ["eigencam"];
const CLEAR_EVIDENCE = 0.35;
const STRONG_EVIDENCE = 0.75;
/** What is less would be written as zero. */
const MIN_VOTE = 0.005;
/** @type {Record<string, string>} */
const REGIONS = { heatmap: "Bright regions", contours: "Regions inside the lines", spotlight: "Regions left bright" };
/** @type {Record<string, string>} */
const AREAS = { heatmap: "bright area", contours: "area inside the lines", spotlight: "area left bright" };
/** What follows from a test of the map. @type {Record<string, string>} */
const VERDICTS = {
  faithful: ": the map is right.",
  unfaithful: ", and a random one no less: the map is wrong.",
  doubtful: ", and a random one nearly as much: do not rely on the map.",
};

/** A probability; what is not zero is not shown as zero. @param {number} probability */
export function percent(probability) {
  const whole = (100 * probability).toFixed(0);
  return whole === "0" && probability > 0 ? "<1 %" : `${whole} %`;
}

/** The two classes that a place speaks for most, and what it adds to the logit of each. @param {Vote[]} votes */
export function votesCaption(votes) {
  const added = votes.filter(({ contribution }) => contribution >= MIN_VOTE).slice(0, 2);
  const words = added.map(({ label, contribution }) => `${label} +${contribution.toFixed(2)}`);
  return words.length ? `This place: ${words.join(", ")}` : "This place speaks for no class";
}

/** Whether a method's map does not depend on the class. @param {string} method */
export function isClassAgnostic(method) {
  return CLASS_AGNOSTIC.includes(method);
}

/** The model or both, by name. @param {Model[]} models */
export function modelCaption(models) {
  return models.map(({ name }) => name).join(" and ");
}

/** The method, as its paper writes it. @param {Record<string, string>} names @param {string} method @param {Model} model */
export function methodTitle(names, method, { explained_by }) {
  return explained_by === "recipro-cam" && !isClassAgnostic(method) ? "Recipro-CAM" : names[method];
}

/** How a map came about. @param {Record<string, string>} names @param {ExplanationPayload} explanation @param {Model} model */
export function howCaption(names, { method, layer }, model) {
  const how = `${methodTitle(names, method, model)} at ${layer}`;
  if (isClassAgnostic(method) || model.explained_by === "gradients") return how;
  if (model.explained_by === "cam") return `${how}, from the weights behind it`;
  return `${how}: this file has no gradients`;
}

/** The target in a few words. @param {ExplanationPayload} explanation */
export function targetCaption({ method, target, contrast, counterfactual }) {
  if (isClassAgnostic(method)) return "whatever the class";
  if (counterfactual) return `against ${target.label}`;
  return contrast ? `${target.label}, not ${contrast.label}` : target.label;
}

/** The evidence in a word. @param {ExplanationPayload} explanation */
export function evidenceWord({ evidence, has_evidence }) {
  if (!has_evidence) return "none";
  if (evidence < CLEAR_EVIDENCE) return "weak";
  return evidence < STRONG_EVIDENCE ? "clear" : "strong";
}

/** What there is no evidence for; empty if there is evidence. @param {ExplanationPayload} explanation */
export function noEvidenceCaption({ method, target, contrast, counterfactual, has_evidence }) {
  if (has_evidence) return "";
  if (isClassAgnostic(method)) return "There is nothing in this image that the layer responds to.";
  if (counterfactual) return `Nothing in this image speaks against ${target.label}.`;
  const over = contrast ? ` over ${contrast.label}` : "";
  return `There is no evidence for ${target.label}${over} in this image.`;
}

/** What the test of a map hides. @param {Pick<FramePayload, "style" | "colormap">} frame */
export function hiddenArea({ style, colormap }) {
  return style === "heatmap" && colormap === "jet" ? "red area" : AREAS[style];
}

/**
 * Whether the map can be trusted.
 *
 * @param {FramePayload} frame
 * @param {import("./picture.js").Faithfulness | null} faithfulness Null before the first measurement.
 */
export function trustCaption(frame, faithfulness) {
  const { target, contrast, counterfactual, has_evidence } = frame;
  if (!has_evidence) return noEvidenceCaption(frame);
  if (!faithfulness) return "The map is not tested yet.";
  const { verdict, reason, probability, probability_drop } = faithfulness;
  if (verdict === "inconclusive") return `Whether the map is right is not known: ${reason}`;
  const chances = [probability, probability - probability_drop].map((chance) => (counterfactual ? 1 - chance : chance));
  const [before, after] = chances.map((chance) => percent(Math.min(1, Math.max(0, chance))));
  const name = contrast ? `${target.label} against ${contrast.label}` : target.label;
  const falls = chances[1] < chances[0] ? "drops" : "raises";
  const change = before === after ? `leaves ${name} at ${before}` : `${falls} ${name} from ${before} to ${after}`;
  return `Hiding the ${hiddenArea(frame)} ${change}${VERDICTS[verdict]}`;
}

/** What the map shows, and what it does not. @param {FramePayload} frame */
export function mapCaption({ method, target, contrast, counterfactual, second, comparison, style, colormap }) {
  const regions = style === "heatmap" && colormap === "jet" ? "Red regions" : REGIONS[style];
  if (isClassAgnostic(method)) {
    return `${regions} are those the layer responds to most, whatever the class. They do not show why a class was chosen.`;
  }
  if (counterfactual) {
    return `${regions} are those whose features speak against ${target.label}. They made this network doubt, which need not be wrong.`;
  }
  if (contrast) {
    return `${regions} are those whose features speak for ${target.label} more than for ${contrast.label}. What both have in common does not show.`;
  }
  if (second && comparison) {
    return `${regions} are those whose features speak for the class named above each image. They are what each network used, not the objects themselves nor their outlines.`;
  }
  if (second) {
    return `${regions} are those whose features speak for the class named above each image. They are what this network used, not the objects themselves nor their outlines.`;
  }
  return `${regions} are those whose features speak for ${target.label}. They are what this network used, not the ${target.label} itself nor its outline.`;
}
