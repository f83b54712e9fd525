// @ts-check
/** Requests to the server's routes, with errors as messages for people. */

const REQUEST_LIMIT_MS = 15000;
const ACCESS_LIMIT_MS = 1000;
const CLIENT_ID_KEY = "live-cam-client-id";
/** Identifies this page to the server, which alone learns it. */
const CLIENT_ID = clientId();
/** @type {Record<number, string>} */
const MESSAGES = { 401: "load this page again, with its token" };
/** Statuses of the access guard. */
const DENIED = [401, 403];

/** A new identifier, or after a reload the one before: with it goes what a visitor has taught. */
function clientId() {
  const created = [...crypto.getRandomValues(new Uint32Array(4))].map((word) => word.toString(36)).join("");
  // A duplicate of a tab has the same storage, and is another visitor.
  const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  try {
    const kept = navigation?.type === "reload" ? sessionStorage.getItem(CLIENT_ID_KEY) : null;
    sessionStorage.setItem(CLIENT_ID_KEY, kept ?? created);
    return kept ?? created;
  } catch {
    return created; // in browsers that store nothing for pages
  }
}

/**
 * The URL of a route, whatever path a proxy serves the page under.
 *
 * @param {string} route
 * @param {HTMLElement} [part] An element with the number of the feed that the request is for; a visitor's stands for
 *   the visitor's own camera.
 */
export function apiUrl(route, part) {
  const url = new URL(route, location.origin + location.pathname.replace(/[^/]*$/, ""));
  if (!part) return url;
  if ("own" in part.dataset) url.searchParams.set("visitor", CLIENT_ID);
  else url.searchParams.set("feed", part.dataset.feed ?? "0");
  return url;
}

/**
 * Sends a request for something that a person is waiting for.
 *
 * @param {URL} url
 * @param {"GET" | "POST" | "PATCH"} method
 * @param {Record<number, string>} messages Error messages by status.
 * @param {string | Blob} [body] JSON, or a file.
 * @param {number} [limitMs] How long to wait for the response.
 * @returns {Promise<Response>} A successful response; otherwise throws an error whose message is for people.
 */
export async function request(url, method, messages = {}, body = undefined, limitMs = REQUEST_LIMIT_MS) {
  const response = await fetch(url, { method, body, signal: AbortSignal.timeout(limitMs) }).catch(() => {
    throw new Error("no connection to live_cam");
  });
  if (response.ok) return response;
  throw new Error(await errorMessage(response, messages));
}

/**
 * Checks whether the server denies this page access, which a refused WebSocket does not reveal.
 *
 * @returns {Promise<string>} Why; empty if access is not denied.
 */
export async function accessError() {
  const signal = AbortSignal.timeout(ACCESS_LIMIT_MS);
  const response = await fetch(apiUrl("stats"), { signal }).catch(() => null);
  return response && DENIED.includes(response.status) ? errorMessage(response) : "";
}

/** @param {Response} response @param {Record<number, string>} messages */
async function errorMessage(response, messages = {}) {
  const isText = (response.headers.get("Content-Type") ?? "").startsWith("text/plain");
  const known = messages[response.status] ?? MESSAGES[response.status];
  return known ?? ((isText && (await response.text())) || `live_cam returned status ${response.status}`);
}
