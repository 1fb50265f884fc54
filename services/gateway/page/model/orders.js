// @ts-check
/** What a person can order in a Space, beside listening and speaking; the server decides, and says how it is then. */

import { post, remove } from "../lib/api.js";

/** @typedef {import("./types.js").Space} Space */

export class Orders {
  /**
   * @param {string} path of the Space
   * @param {(space: Space | null) => void} see takes the Space as it is afterwards
   */
  constructor(path, see) {
    this.path = path;
    this.see = see;
  }

  async start() { this.see(await post(`${this.path}/start`)); }
  async cancel() { this.see(await post(`${this.path}/cancel`)); }
  async end() { this.see(await post(`${this.path}/end`)); }

  /** @param {string} message @param {boolean} consent to being recorded */
  async ask(message, consent) {
    this.see(await post(`${this.path}/requests`, { message, consent_to_recording: consent }));
  }
  async unask() { this.see(await remove(`${this.path}/requests/me`)); }
  /** @param {string} person */
  async accept(person) { this.see(await post(`${this.path}/requests/${person}/accept`)); }
  /** @param {string} person */
  async decline(person) { this.see(await post(`${this.path}/requests/${person}/decline`)); }

  /** @param {string} person */
  async mute(person) { this.see(await post(`${this.path}/stage/${person}/mute`)); }
  /** Steps down, or moves somebody back to the listeners. @param {string} person */
  async offStage(person) { this.see(await remove(`${this.path}/stage/${person}`)); }
  /** For good. @param {string} person @param {string} reason */
  async removePerson(person, reason) { this.see(await post(`${this.path}/removals`, { person_id: person, reason })); }

  /** @param {string} reaction @param {number | null} tone Fitzpatrick type */
  async react(reaction, tone) {
    await post(`${this.path}/reactions`, tone ? { reaction, skin_tone: tone } : { reaction });
  }
}
