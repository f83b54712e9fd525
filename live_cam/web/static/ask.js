// @ts-check
/** Asking live_cam: where the routes beside the page are, whose picture they give, and what went wrong, in words. */

const ANSWER_LIMIT_MS = 15000;
const REFUSAL_LIMIT_MS = 1000;
/** @type {Record<number, string>} */
const USUAL_REFUSALS = { 401: "load this page again, with its token" };
/** Statuses that come from live_cam's guard, which lets this page have nothing. */
const SHUT_OUT = [401, 403];

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
 * @param {"GET" | "POST" | "PATCH"} method
 * @param {Record<number, string>} refusals What to say to a status of the answer.
 * @param {string} [body] JSON.
 * @returns {Promise<Response>} The answer; a refusal is thrown, its message a few words for the person.
 */
export async function ask(url, method, refusals = {}, body = undefined) {
  const answer = await fetch(url, { method, body, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }).catch(() => {
    throw new Error("no connection to live_cam");
  });
  if (answer.ok) return answer;
  throw new Error(await reason(answer, refusals));
}

/**
 * Finds out whether live_cam is there and lets this page have nothing, which a refused WebSocket doesn't tell.
 *
 * @returns {Promise<string>} Why, in a few words for the person; empty when it is not so.
 */
export async function refusal() {
  const signal = AbortSignal.timeout(REFUSAL_LIMIT_MS);
  const answer = await fetch(address("stats"), { signal }).catch(() => null);
  return answer && SHUT_OUT.includes(answer.status) ? reason(answer) : "";
}

/** What a refusal means for the person. @param {Response} answer @param {Record<number, string>} refusals */
async function reason(answer, refusals = {}) {
  const isText = (answer.headers.get("Content-Type") ?? "").startsWith("text/plain");
  const words = refusals[answer.status] ?? USUAL_REFUSALS[answer.status] ?? (isText ? await answer.text() : "");
  return words || `live_cam answered ${answer.status}`;
}
