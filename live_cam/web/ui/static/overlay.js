// @ts-check
/** The page for OBS's browser source. */

import { mount } from "./viewer.js";

mount(/** @type {HTMLElement} */ (document.querySelector(".live-stage")));
