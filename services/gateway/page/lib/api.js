// @ts-check
/**
 * Talking to the gateway: JSON in and out, problems (RFC 9457) as errors, commands that may be sent twice and
 * happen once.
 */

import { store, stored } from "./stored.js";

/** @import { Fault, PersonRef } from "../contracts/api.js" */

const KEY = "rostrum.identity";
const TIMEOUT_MS = 15_000;
const RETRY_AFTER_MS = [300, 1000, 2500];

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

/** Events: `change` (somebody else, or nobody), `renamed`. */
class Identity extends EventTarget {
  /** @type {{token: string, person: PersonRef} | null} */
  #now = null;

  constructor() {
    super();
    try {
      this.#now = JSON.parse(stored(KEY) ?? "null");
    } catch {
      this.#now = null; // it holds something else: a guest
    }
  }

  get token() {
    return this.#now?.token ?? null;
  }

  get person() {
    return this.#now?.person ?? null;
  }

  /** @param {{token: string, person: PersonRef} | null} next */
  become(next) {
    this.#keep(next);
    this.dispatchEvent(new Event("change"));
  }

  /** The same person is called something else, or has another picture. @param {PersonRef} person */
  rename({ id, handle, name, picture = null }) {
    if (this.#now?.person.id !== id) return;
    this.#keep({ token: this.#now.token, person: { id, handle, name, picture } });
    this.dispatchEvent(new Event("renamed"));
  }

  /** @param {{token: string, person: PersonRef} | null} next */
  #keep(next) {
    this.#now = next;
    store(KEY, next && JSON.stringify(next));
  }
}

export const identity = new Identity();

/** A fresh Idempotency-Key. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * One exchange, once.
 *
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, type?: string, key?: string | undefined, keepalive?: boolean, timeout?: number,
 *   token?: string | null}} [options] `token`: as whose it is, or as nobody, instead of whoever is signed in
 * @returns {Promise<Response>} with a 2xx status
 */
export async function exchange(method, path, options = {}) {
  const { body, type = "application/json", key, keepalive = false, timeout = TIMEOUT_MS, token = identity.token } = options;
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json, application/problem+json, */*;q=0.1" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = type;
  const payload = body === undefined ? null : body instanceof Blob ? body
    : type === "application/json" ? JSON.stringify(body) : String(body);
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, { method, headers, body: payload, keepalive, signal: AbortSignal.timeout(timeout) });
  } catch {
    throw unreachable();
  }
  if (response.ok) return response;
  throw await problemOf(response, token);
}

const unreachable = () => new Problem(0, "unreachable", "The server cannot be reached. Check your connection.");

/** @param {Response} response @param {string | null} token with which it was asked */
async function problemOf(response, token) {
  const said = await response.json().catch(() => null);
  const problem = new Problem(
    response.status,
    typeof said?.reason === "string" ? said.reason : "unknown",
    typeof said?.detail === "string" ? said.detail : said?.title ?? `The server answered ${response.status}.`,
    Array.isArray(said?.faults) ? said.faults : [],
  );
  if (response.status === 401 && token && identity.token === token) identity.become(null);
  return problem;
}

/**
 * Asks or orders, again after a short wait where nobody answered; an order keeps its key, so it happens once.
 *
 * @template [T=unknown]
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<T>} null for an answer without a body
 */
export async function call(method, path, body) {
  const key = method === "GET" ? undefined : newKey();
  for (let attempt = 0; ; attempt += 1) {
    try {
      const response = await exchange(method, path, { body, key });
      const text = await response.text().catch(() => { throw unreachable(); });
      return /** @type {T} */ (text ? JSON.parse(text) : null);
    } catch (error) {
      const again = error instanceof Problem && error.passing && error.status !== 500;
      if (!again || attempt >= RETRY_AFTER_MS.length) throw error;
      await pause(RETRY_AFTER_MS[attempt] ?? 0);
    }
  }
}

/**
 * A last word, also while the page goes away. What it would bring about happens later by itself when it is lost.
 *
 * @param {string} method @param {string} path
 */
export function quietly(method, path) {
  exchange(method, path, { keepalive: true, key: newKey() }).catch(() => undefined);
}

/**
 * Whether a stream would be given; EventSource does not tell why it was refused. Throws the Problem where not.
 *
 * @param {string} path
 */
export async function probe(path) {
  const response = await exchange("GET", path);
  await response.body?.cancel();
}

/** @template [T=unknown] @param {string} path @returns {Promise<T>} */
export const get = (path) => call("GET", path);
/** For what the page can do without. @template [T=unknown] @param {string} path @returns {Promise<T | null>} */
export const getOrNull = (path) => /** @type {Promise<T | null>} */ (get(path)).catch(() => null);
/** @template [T=unknown] @param {string} path @param {unknown} [body] @returns {Promise<T>} */
export const post = (path, body = {}) => call("POST", path, body);
/** @template [T=unknown] @param {string} path @param {unknown} [body] @returns {Promise<T>} */
export const put = (path, body) => call("PUT", path, body);
/** @template [T=unknown] @param {string} path @param {unknown} body @returns {Promise<T>} */
export const patch = (path, body) => call("PATCH", path, body);
/** @template [T=unknown] @param {string} path @param {unknown} [body] @returns {Promise<T>} */
export const remove = (path, body) => call("DELETE", path, body);

/**
 * An address that opens one file for a short time, for what cannot carry a header (downloads, audio elements).
 *
 * @param {string} address
 * @returns {Promise<string>}
 */
export async function signed(address) {
  if (!identity.token) return address;
  /** @type {{url: string}} */
  const link = await post("/v1/links", { address });
  return link.url;
}

/**
 * For live events, which cannot carry a header.
 *
 * @param {string} path
 * @param {Record<string, string | null | undefined>} [more]
 */
export function withToken(path, more = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...more, access_token: identity.token })) if (value) query.set(name, value);
  return query.size ? `${path}?${query}` : path;
}
