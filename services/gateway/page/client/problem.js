// @ts-check
/** Why the server refused something, or that nobody answered. */

/** @import { Fault } from "./contracts/api.js" */

/** A refusal or failure with a sentence a person can act on. `status` 0: nobody answered. */
export class Problem extends Error {
  /**
   * @param {number} status @param {string} reason @param {string} detail
   * @param {Fault[]} [faults] what is wrong with which fields
   */
  constructor(status, reason, detail, faults = []) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.reason = reason;
    this.faults = faults;
  }

  /** Whether the same thing may go through a little later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const unreachable = () => new Problem(0, "unreachable", "The server cannot be reached. Check your connection.");

/** What a problem document (RFC 9457) says. @param {Response} response */
export async function problemOf(response) {
  const said = await response.json().catch(() => null);
  return new Problem(
    response.status,
    typeof said?.reason === "string" ? said.reason : "unknown",
    typeof said?.detail === "string" ? said.detail : said?.title ?? `The server answered ${response.status}.`,
    Array.isArray(said?.faults) ? said.faults : [],
  );
}
