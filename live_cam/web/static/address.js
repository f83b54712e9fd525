// @ts-check
/** Where the routes beside the page are, and whose picture they give. */

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
