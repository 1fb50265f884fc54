// @ts-check
/** A copy of everything that there is about oneself. */

import { api, Problem, signed } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { tell } from "../lib/messages.js";

const ALL_PARTS_MS = 60_000;
/** @type {Record<number, string>} */
const WHY = {
  429: "You have had several copies within the hour. Try again later.",
  503: "A part of the system is away, and the copy would lack it. Try again in a while.",
};

/** Saves it as a file. Throws a Problem where it cannot be had now. */
export async function downloadMine() {
  try {
    // A download that is refused would tell nobody why.
    await api.exportMe({ head: true, once: true, timeout: ALL_PARTS_MS });
  } catch (error) {
    const why = error instanceof Problem ? WHY[error.status] : undefined;
    throw error instanceof Problem && why ? new Problem(error.status, error.reason, why) : error;
  }
  h("a", { href: await signed(api.at.exportMe()), download: true }).click();
  tell("Your data is being downloaded.");
}
