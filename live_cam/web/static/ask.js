// @ts-check
/** Asking live_cam: where the routes beside the page are, whose picture they give, and what went wrong, in words. */

const ANSWER_LIMIT_MS = 15000;
const USUAL_REFUSALS = { 401: "load this page again, with its token" };

/** The address of a route, wherever a proxy has put the page. @param {string} route */
export function address(route) {
  return new URL(route, location.origin + location.pathname.replace(/[^/]*$/, ""));
}

/**
 * Says in an address which picture is wanted: that of a feed or, where visitors show their own cameras, the visitor's.
 *
 * @param {URL} url
 * @param {HTMLElement} part An element of the page that carries the feed's number.
 */
export function choose(url, part) {
  if ("own" in part.dataset) url.searchParams.set("visitor", globalThis.liveCamVisitor);
  else url.searchParams.set("feed", part.dataset.feed ?? "0");
  return url;
}

/**
 * Asks for something because a person wants it now.
 *
 * @param {URL} url
 * @param {"GET" | "POST"} method
 * @param {Record<number, string>} refusals What to say to a status of the answer.
 * @returns {Promise<Response>} The answer; a refusal is thrown, its message a few words for the person.
 */
export async function ask(url, method, refusals = {}) {
  const answer = await fetch(url, { method, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }).catch(() => {
    throw new Error("no connection to live_cam");
  });
  if (answer.ok) return answer;
  const isText = (answer.headers.get("Content-Type") ?? "").startsWith("text/plain");
  const words = { ...USUAL_REFUSALS, ...refusals }[answer.status] ?? (isText && (await answer.text()));
  throw new Error(words || `live_cam answered ${answer.status}`);
}
