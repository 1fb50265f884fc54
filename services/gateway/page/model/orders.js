// @ts-check
/** What a person can order in a Space, beside listening and speaking; the server decides, and says how it is then. */

import { api } from "../lib/api.js";

/** @import { Changes, SpaceView } from "../client/contracts/api.js" */

export class Orders {
  /**
   * @param {string} id of the Space
   * @param {(space: SpaceView | null) => void} see takes the Space as it is afterwards
   * @param {() => Promise<void>} [beThere] opens a session where there is none, for what needs one
   */
  constructor(id, see, beThere = async () => {}) {
    this.id = id;
    this.see = see;
    this.beThere = beThere;
  }

  async start() { this.see(await api.startSpace(this.id)); }
  async cancel() { this.see(await api.cancelSpace(this.id)); }
  async end() { this.see(await api.endSpace(this.id)); }

  /** @param {string} message @param {boolean} consent to being recorded */
  async ask(message, consent) {
    await this.beThere();
    this.see(await api.requestToSpeak(this.id, { message, consent_to_recording: consent }));
  }
  async unask() { this.see(await api.cancelRequest(this.id)); }
  /** @param {string} person */
  async accept(person) { this.see(await api.acceptRequest(this.id, person)); }
  /** @param {string} person */
  async decline(person) { this.see(await api.declineRequest(this.id, person)); }

  /** @param {string} person @param {"speak" | "join"} [to] `join`: only to come in, where invited people alone can */
  async invite(person, to = "speak") { this.see(await api.invite(this.id, { person_id: person, to })); }
  /** @param {string} person */
  async uninvite(person) { this.see(await api.withdrawInvitation(this.id, person)); }
  /** Takes back that they may come in, and speak. @param {string} person */
  async shutOut(person) { this.see(await api.withdrawInvitation(this.id, person, { query: { to: "join" } })); }
  /** @param {boolean} consent to being recorded */
  async acceptInvitation(consent) {
    await this.beThere();
    this.see(await api.acceptInvitation(this.id, { consent_to_recording: consent }));
  }
  async declineInvitation() { this.see(await api.declineInvitation(this.id)); }

  /** @param {string} person */
  async appoint(person) { this.see(await api.appointCohost(this.id, person)); }
  /** @param {string} person */
  async dismiss(person) { this.see(await api.dismissCohost(this.id, person)); }
  /** The host leaves, and a co-host is the host. @param {string} person */
  async handOver(person) { this.see(await api.handOver(this.id, { person_id: person })); }
  /** @param {Changes} settings those that change */
  async change(settings) { this.see(await api.changeSpace(this.id, settings)); }
  /** @param {string[]} words all of them, for the captions */
  async words(words) { this.see(await api.changeWords(this.id, { words })); }
  /** @param {string | null} lang that one speaks, a BCP 47 tag; null: that of the Space */
  async speak(lang) { this.see(await api.chooseLanguage(this.id, { lang })); }
  /** @param {string} start ISO 8601 */
  async reschedule(start) { this.see(await api.rescheduleSpace(this.id, { scheduled_start: start })); }

  /** @param {string} caption @param {string} text */
  async correct(caption, text) { await api.correctCaption(this.id, caption, { text }); }
  /** @param {string} caption */
  async rejectCorrection(caption) { await api.rejectCorrection(this.id, caption); }
  /** The Space, for good. */
  async deleteSpace() { await api.deleteSpace(this.id); }
  /** For good. @param {string} caption */
  async deleteCaption(caption) { await api.deleteCaption(this.id, caption); }

  async raiseHand() { this.see(await api.raiseHand(this.id)); }
  /** @param {string} person */
  async lowerHand(person) { this.see(await api.lowerHand(this.id, person)); }
  /** @param {string} url @param {string} text */
  async pin(url, text) { this.see(await api.pin(this.id, { url, text })); }
  /** @param {string} pin */
  async unpin(pin) { this.see(await api.unpin(this.id, pin)); }

  async muteAll() { this.see(await api.muteAll(this.id)); }
  /** @param {string} person */
  async mute(person) { this.see(await api.mute(this.id, person)); }
  /** Steps down, or moves somebody back to the listeners. @param {string} person */
  async offStage(person) { this.see(await api.leaveStage(this.id, person)); }
  /** For good. @param {string} person @param {string} reason */
  async removePerson(person, reason) { this.see(await api.removePerson(this.id, { person_id: person, reason })); }

  /** @param {string} reaction @param {number | null} tone Fitzpatrick type */
  async react(reaction, tone) {
    await this.beThere();
    await api.react(this.id, tone ? { reaction, skin_tone: tone } : { reaction });
  }
}
