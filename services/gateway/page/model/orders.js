// @ts-check
/** What a person can order in a Space, beside listening and speaking; the server decides, and says how it is then. */

import { call, post, put, remove } from "../lib/api.js";

/** @import { Changes, SpaceView } from "../contracts/api.js" */

export class Orders {
  /**
   * @param {string} path of the Space
   * @param {(space: SpaceView | null) => void} see takes the Space as it is afterwards
   * @param {() => Promise<void>} [beThere] opens a session where there is none, for what needs one
   */
  constructor(path, see, beThere = async () => {}) {
    this.path = path;
    this.see = see;
    this.beThere = beThere;
  }

  async start() { this.see(await post(`${this.path}/start`)); }
  async cancel() { this.see(await post(`${this.path}/cancel`)); }
  async end() { this.see(await post(`${this.path}/end`)); }

  /** @param {string} message @param {boolean} consent to being recorded */
  async ask(message, consent) {
    await this.beThere();
    this.see(await post(`${this.path}/requests`, { message, consent_to_recording: consent }));
  }
  async unask() { this.see(await remove(`${this.path}/requests/me`)); }
  /** @param {string} person */
  async accept(person) { this.see(await post(`${this.path}/requests/${person}/accept`)); }
  /** @param {string} person */
  async decline(person) { this.see(await post(`${this.path}/requests/${person}/decline`)); }

  /** @param {string} person @param {"speak" | "join"} [to] `join`: only to come in, where invited people alone can */
  async invite(person, to = "speak") { this.see(await post(`${this.path}/invitations`, { person_id: person, to })); }
  /** @param {string} person */
  async uninvite(person) { this.see(await remove(`${this.path}/invitations/${person}`)); }
  /** Takes back that they may come in, and speak. @param {string} person */
  async shutOut(person) { this.see(await remove(`${this.path}/invitations/${person}?to=join`)); }
  /** @param {boolean} consent to being recorded */
  async acceptInvitation(consent) {
    await this.beThere();
    this.see(await post(`${this.path}/invitations/me/accept`, { consent_to_recording: consent }));
  }
  async declineInvitation() { this.see(await post(`${this.path}/invitations/me/decline`)); }

  /** @param {string} person */
  async appoint(person) { this.see(await put(`${this.path}/cohosts/${person}`)); }
  /** @param {string} person */
  async dismiss(person) { this.see(await remove(`${this.path}/cohosts/${person}`)); }
  /** The host leaves, and a co-host is the host. @param {string} person */
  async handOver(person) { this.see(await post(`${this.path}/hand-over`, { person_id: person })); }
  /** @param {Changes} settings those that change */
  async change(settings) { this.see(await call("PATCH", this.path, settings)); }
  /** @param {string[]} words all of them, for the captions */
  async words(words) { this.see(await put(`${this.path}/words`, { words })); }
  /** @param {string | null} lang that one speaks, a BCP 47 tag; null: that of the Space */
  async speak(lang) { this.see(await put(`${this.path}/languages/me`, { lang })); }
  /** @param {string} start ISO 8601 */
  async reschedule(start) { this.see(await post(`${this.path}/reschedule`, { scheduled_start: start })); }

  /** @param {string} caption @param {string} text */
  async correct(caption, text) { await call("PATCH", this.#caption(caption), { text }); }
  /** @param {string} caption */
  async rejectCorrection(caption) { await remove(`${this.#caption(caption)}/correction`); }
  /** The Space, for good. */
  async deleteSpace() { await remove(this.path); }
  /** For good. @param {string} caption */
  async deleteCaption(caption) { await remove(this.#caption(caption)); }
  /** @param {string} id */
  #caption(id) { return `${this.path}/transcript/captions/${id}`; }

  async raiseHand() { this.see(await put(`${this.path}/hands/me`)); }
  /** @param {string} person */
  async lowerHand(person) { this.see(await remove(`${this.path}/hands/${person}`)); }
  /** @param {string} url @param {string} text */
  async pin(url, text) { this.see(await post(`${this.path}/pins`, { url, text })); }
  /** @param {string} pin */
  async unpin(pin) { this.see(await remove(`${this.path}/pins/${pin}`)); }

  async muteAll() { this.see(await post(`${this.path}/mute-all`)); }
  /** @param {string} person */
  async mute(person) { this.see(await post(`${this.path}/stage/${person}/mute`)); }
  /** Steps down, or moves somebody back to the listeners. @param {string} person */
  async offStage(person) { this.see(await remove(`${this.path}/stage/${person}`)); }
  /** For good. @param {string} person @param {string} reason */
  async removePerson(person, reason) { this.see(await post(`${this.path}/removals`, { person_id: person, reason })); }

  /** @param {string} reaction @param {number | null} tone Fitzpatrick type */
  async react(reaction, tone) {
    await this.beThere();
    await post(`${this.path}/reactions`, tone ? { reaction, skin_tone: tone } : { reaction });
  }
}
