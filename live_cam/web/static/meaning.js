// @ts-check
/** What the words beside the picture say about the map: how much there is to it, and what it shows and what not. */

/** @typedef {import("./screen.js").Header} Header */

const CLASSLESS = ["eigencam"];
/** @type {Record<string, string>} */
const PLACES = { heatmap: "Bright places", contours: "Places inside the lines", spotlight: "Places left bright" };

/** Whether a method gives the same map whatever class is asked about. @param {string} [method] */
export function isClassless(method = "") {
  return CLASSLESS.includes(method);
}

/** The question in a few words. @param {Header} header */
export function question(header) {
  if (isClassless(header.method)) return "whatever the class";
  if (header.against) return `against ${header.target}`;
  return header.versus ? `${header.target}, not ${header.versus}` : (header.target ?? "");
}

/** How much evidence there is, in a word. @param {Header} header */
export function strengthWord(header) {
  const strength = header.strength ?? 0;
  if (!header.evidence) return "none";
  if (strength < 0.35) return "weak";
  return strength < 0.75 ? "clear" : "strong";
}

/** What is missing when there is no evidence. @param {Header} header */
export function nothing(header) {
  if (header.evidence) return "";
  if (isClassless(header.method)) return "There is nothing in this picture that the layer responds to.";
  if (header.against) return `There is no evidence against ${header.target} in this picture.`;
  const over = header.versus ? ` over ${header.versus}` : "";
  return `There is no evidence for ${header.target}${over} in this picture.`;
}

/** What the map shows, and what it does not. @param {Header} header */
export function meaning(header) {
  const places = header.style === "heatmap" && header.colormap === "jet" ? "Red places" : PLACES[header.style ?? "heatmap"];
  if (isClassless(header.method)) {
    return `${places} are those the layer responds to most, whatever the class. They say nothing about why a class was chosen.`;
  }
  if (header.against) {
    return `${places} are those whose features speak against ${header.target}. They are what made this network doubt, which need not be wrong.`;
  }
  if (header.versus) {
    return `${places} are those whose features speak for ${header.target} more than for ${header.versus}. What both have in common does not show.`;
  }
  if (header.beside) {
    return `${places} are those whose features speak for the class named above each picture. They are what this network used, not the things themselves, and not where their outlines run.`;
  }
  return `${places} are those whose features speak for ${header.target}. They are what this network used, not the ${header.target} itself, and not where its outline runs.`;
}
