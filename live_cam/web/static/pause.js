// @ts-check
/** Waiting. */

/** @param {number} milliseconds @returns {Promise<unknown>} */
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
