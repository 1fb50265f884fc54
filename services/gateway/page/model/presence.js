// @ts-check
/** Being in a Space: a session, which counts among those who are there until it is given back or forgotten. */

import { LAST_WORD, Problem, api, identity, quietly } from "../lib/api.js";

/** @import { Room } from "./room.js" */

export class Presence {
  /** @type {string | null} */
  session = null;
  #anonymous = true;
  /** The session, once it is there. @type {Promise<string>} */
  entered = Promise.reject(new Error("not joined"));

  /** @param {string} id of the Space */
  constructor(id) {
    this.entered.catch(() => {});
    this.id = id;
  }

  /**
   * @param {string | null} [replaces] the session that one had before signing up
   * @returns {Promise<string>} the session
   */
  enter(replaces = null) {
    this.entered = this.#open(replaces);
    return this.entered;
  }

  /** Opens one where there is none. A conversation lets in only who is on its stage. @param {Room} room */
  async beThere(room) {
    if (this.session || !room.isLive || (room.space?.settings.kind === "conversation" && !room.member)) return;
    room.stay(await this.enter());
    room.changed();
  }

  /** Makes sure that the session is known, also after an upgrade. @returns {Promise<string | null>} the session */
  async renew() {
    if (!this.session) return null;
    try {
      await api.renewSession(this.id, this.session);
    } catch (error) {
      if (!(error instanceof Problem) || error.reason !== "session_unknown") throw error;
      return this.enter();
    }
    return this.session;
  }

  /** Ends it: for who has signed up in favour of the next one. @returns {string | null} what that one replaces */
  yield() {
    const { session } = this;
    if (!session || !this.#anonymous || identity.person === null) {
      this.exit();
      return null;
    }
    this.session = null;
    return session;
  }

  /** Goes without a trace, also when the page goes away. */
  exit() {
    if (!this.session) return;
    quietly(api.closeSession(this.id, this.session, LAST_WORD));
    this.session = null;
  }

  /** @param {string | null} replaces */
  async #open(replaces) {
    const anonymous = identity.person === null;
    const opened = await api.openSession(this.id, { platform: "web", source: "link", ...(replaces && { replaces }) });
    this.session = opened.session_id;
    this.#anonymous = anonymous;
    return opened.session_id;
  }
}
