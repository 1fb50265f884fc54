// @ts-check
/**
 * A method for each operation of the HTTP API, and the address of each that is read: JSON in and out, problems
 * (RFC 9457) as errors, commands that may be sent twice and happen once.
 */

import { OPERATIONS } from "./contracts/operations.js";
import { Problem, problemOf, unreachable } from "./problem.js";

export { Problem };

/** @import { Addresses, Calls, Options } from "./contracts/operations.js" */
/** @typedef {string | number | boolean | null | undefined} Scalar */
/** @typedef {Options & { query?: Record<string, Scalar>, body?: unknown }} Given */

const TIMEOUT_MS = 15_000;
const RETRY_AFTER_MS = [300, 1000, 2500];
const JSON_TYPE = "application/json";

/** A fresh Idempotency-Key. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Client {
  /** Where each operation is, for what asks by itself: live events, audio elements, downloads. @type {Addresses} */
  at;

  /**
   * @param {string} [base] of the server: scheme and host; in a page of its own it is empty
   * @param {object} [options]
   * @param {string | null | (() => string | null)} [options.token] of a person, or an API key
   * @param {(problem: Problem, token: string | null) => void} [options.refused] told of every refusal
   */
  constructor(base = "", { token = null, refused = () => {} } = {}) {
    this.base = base.replace(/\/$/, "");
    this.tokenNow = typeof token === "function" ? token : () => token;
    this.refused = refused;
    this.at = /** @type {Addresses} */ (/** @type {unknown} */ (Object.fromEntries(
      Object.entries(OPERATIONS).map(([name, [, address = ""]]) => [name, (/** @type {any[]} */ ...given) => {
        const parts = given.splice(0, parametersOf(address).length);
        return this.base + filled(address, parts, given[0]);
      }]),
    )));
  }

  /**
   * Asks or orders, again after a short wait where nobody answered; an order keeps its key, so it happens once.
   *
   * @param {string} name of the operation
   * @param {string[]} path
   * @param {Given} given
   */
  async call(name, path, given) {
    const [verb = "GET", address = "", sends = "", answer] = OPERATIONS[name] ?? [];
    const method = given.head ? "HEAD" : verb;
    const key = given.key ?? (verb === "GET" ? undefined : newKey());
    for (let attempt = 0; ; attempt += 1) {
      try {
        const response = await this.#exchange(method, filled(address, path, given.query), sends, { ...given, ...(key && { key }) });
        if (answer === "raw") return response;
        const text = await response.text().catch(() => { throw unreachable(); });
        return text ? JSON.parse(text) : null;
      } catch (error) {
        const again = error instanceof Problem && error.passing && error.status !== 500 && !given.once;
        if (!again || attempt >= RETRY_AFTER_MS.length) throw error;
        await pause(RETRY_AFTER_MS[attempt] ?? 0);
      }
    }
  }

  /**
   * One exchange, once.
   *
   * @param {string} method @param {string} path @param {string} sends what kind of body
   * @param {Given} given
   * @returns {Promise<Response>} with a 2xx status
   */
  async #exchange(method, path, sends, { body, key, keepalive = false, timeout = TIMEOUT_MS, token = this.tokenNow() }) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json, application/problem+json, */*;q=0.1" };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (key) headers["Idempotency-Key"] = key;
    const has = body !== undefined && body !== null;
    const json = sends === "json";
    if (has) headers["Content-Type"] = json ? JSON_TYPE : body instanceof Blob ? body.type : sends;
    const payload = !has ? null : json ? JSON.stringify(body) : body instanceof Blob ? body : String(body);
    /** @type {Response} */
    let response;
    try {
      response = await fetch(this.base + path, { method, headers, body: payload, keepalive, signal: AbortSignal.timeout(timeout) });
    } catch {
      throw unreachable();
    }
    if (response.ok) return response;
    const problem = await problemOf(response);
    this.refused(problem, token);
    throw problem;
  }
}

for (const [name, [, address = "", sends]] of Object.entries(OPERATIONS)) {
  const parts = parametersOf(address).length;
  Object.defineProperty(Client.prototype, name, {
    /** @this {Client} @param {any[]} given the parts of the address, then the body where there is one, then options */
    value(...given) {
      const path = given.splice(0, parts);
      const body = sends ? given.shift() : undefined;
      return this.call(name, path, { ...given[0], body });
    },
  });
}

/** The names in an address that stand for something. @param {string} address */
function parametersOf(address) {
  return address.match(/\{\w+\}/g) ?? [];
}

/** @param {string} address @param {string[]} parts @param {Record<string, Scalar>} [query] what is null is left out */
function filled(address, parts, query = {}) {
  const path = parametersOf(address).reduce((text, name, n) => text.replace(name, encodeURIComponent(parts[n] ?? "")), address);
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== null && value !== undefined && value !== "") asked.set(name, String(value));
  return asked.size ? `${path}?${asked}` : path;
}

/** Its methods are the operations. @typedef {Client & Calls} Rostrum */
export const Rostrum = /** @type {new (...given: ConstructorParameters<typeof Client>) => Rostrum} */ (/** @type {unknown} */ (Client));
