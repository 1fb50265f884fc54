// @ts-check
/** Who is signed in, and the client of the HTTP API that speaks for them. */

import { Rostrum } from "../client/index.js";
import { store, stored } from "./stored.js";

export { pause, Problem } from "../client/index.js";

/** @import { PersonRef, SpaceView } from "../client/contracts/api.js" */

const KEY = "rostrum.identity";

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

/** The page's way to the server. Whoever is refused with their token is signed in no more. */
export const api = new Rostrum("", {
  token: () => identity.token,
  refused: (problem, token) => { if (problem.status === 401 && token && identity.token === token) identity.become(null); },
});

/** Of a last word, also while the page goes away. What it would bring about happens later by itself when it is lost. */
export const LAST_WORD = Object.freeze({ once: true, keepalive: true });

/** What becomes of it is no matter. @param {Promise<unknown>} asked */
export function quietly(asked) { asked.catch(() => undefined); }

/** For what the page can do without. @template T @param {Promise<T>} asked @returns {Promise<T | null>} */
export const orNull = (asked) => asked.catch(() => null);

/** A Space as it is now. @param {string} id */
export const spaceNow = (id) => /** @type {Promise<SpaceView>} */ (api.getSpace(id));

/** Whether a stream is given; EventSource does not tell why it was refused. Throws the Problem where not. @param {Promise<Response>} asked */
export async function probe(asked) { await (await asked).body?.cancel(); }

/**
 * An address that opens one file for a short time, for what cannot carry a header (downloads, audio elements).
 *
 * @param {string} address
 * @returns {Promise<string>}
 */
export async function signed(address) {
  return identity.token ? (await api.makeLink({ address })).url : address;
}
