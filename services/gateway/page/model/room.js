// @ts-check
/**
 * One Space as this person sees it: the state that views draw, being there, hearing and speaking.
 *
 * Events: `change` (draw again), `reacted` (counts by kind), `captioned`, `note` (something that may be worth telling),
 * `kept` (the replay or the transcript is another), `gone`.
 */

import { LAST_WORD, Problem, api, identity, orNull, probe, quietly, spaceNow } from "../lib/api.js";
import { Ears, Mouth } from "./audio.js";
import { Captions } from "./captions.js";
import { follow, renamed } from "./follow.js";
import { Live } from "./live.js";
import { Names } from "./names.js";
import { Orders } from "./orders.js";
import { heed } from "./peer.js";
import { Presence } from "./presence.js";
import { Speaking } from "./speaking.js";

/** @import { Role, SpaceView } from "../client/contracts/api.js" */
/** @import { LiveEvent } from "../client/contracts/events.js" */
/** @import { Note, SpaceEvent } from "./live.js" */

/** Reasons for which a lost media connection is not set up again. */
const FINAL = new Set(["closed", "removed", "ended", "replaced"]);

export class Room extends EventTarget {
  /** @type {SpaceView | null} */
  space = null;
  listeners = 0;
  speaking = new Speaking();
  names = new Names();
  captions = new Captions(this.names);
  /** @type {Ears | null} */
  ears = null;
  /** @type {Mouth | null} */
  mouth = null;
  /** A browser that wants another tap before it makes sound. */
  silenced = false;
  #drawing = false;
  #closed = false;

  /** @param {string} id */
  constructor(id) {
    super();
    this.id = id;
    this.presence = new Presence(id);
    this.live = new Live((place) => api.at.spaceEvents(id, { ...place, access_token: identity.token }), () => this.#revive());
    this.live.addEventListener("snapshot", (e) => this.#see(/** @type {CustomEvent<SpaceView>} */ (e).detail));
    this.live.addEventListener("reset", () => { this.names.clear(); this.captions.clear(); });
    this.live.addEventListener("event", (e) => this.#apply(/** @type {CustomEvent<SpaceEvent>} */ (e).detail));
    this.live.addEventListener("connection", () => this.changed());
    this.orders = new Orders(id, (space) => this.#see(space), () => this.presence.beThere(this));
    this.captions.addEventListener("change", () => this.dispatchEvent(new Event("captioned")));
  }

  get member() {
    const me = identity.person?.id;
    return this.space?.stage.find((member) => member.person.id === me) ?? null;
  }

  get request() {
    const me = identity.person?.id;
    return this.space?.requests.find((request) => request.person.id === me) ?? null;
  }

  /** @returns {Role} */
  get role() {
    return this.member?.role ?? "listener";
  }

  get hosts() {
    return this.role === "host" || this.role === "cohost";
  }

  /** Whether this person hosts it, also before it begins and after its end. */
  get mine() {
    return identity.person !== null && this.space?.host.id === identity.person.id;
  }

  get isLive() {
    return this.space?.state === "live";
  }

  /** Whether what is said here can be heard. */
  get onAir() {
    return this.member?.muted === false && this.mouth !== null;
  }

  get joined() {
    return this.presence.session !== null;
  }

  /** Reads the Space and follows it. Throws Problem where it may not be seen. */
  async open() {
    this.#see(await spaceNow(this.id));
    this.stay(null);
    if (!this.isLive || !this.space?.settings.captions) return;
    this.captions.recall(orNull(api.getTranscript(this.id)));
  }

  /** Joins and listens; begins in the hand of the person, because sound must. */
  async join() {
    if (this.#closed) return;
    this.silenced = false;
    if (this.ears?.state === "refused") this.#deafen();
    if (!this.ears) {
      this.ears = new Ears(this.id, () => this.presence.entered);
      this.ears.addEventListener("change", () => this.changed());
      this.ears.addEventListener("silenced", () => { this.silenced = true; this.changed(); });
    }
    const entered = this.joined ? null : this.presence.enter();
    this.ears.start();
    this.changed();
    if (!entered) return;
    try {
      this.stay(await entered);
    } catch (error) {
      this.#deafen();
      throw error;
    } finally {
      this.changed();
    }
  }

  /** Leaves, without a trace. @param {{reloads?: boolean}} [options] the page may be back: a place in the queue is kept */
  close({ reloads = false } = {}) {
    if (this.#closed) return;
    this.#closed = true;
    this.live.close();
    if (this.onAir && this.member) quietly(api.mute(this.id, this.member.person.id, LAST_WORD));
    this.mouth?.stop();
    this.#deafen();
    if (!(reloads && this.request)) this.presence.exit();
  }

  /** Somebody signed up or out while here: ask for everything again as who they are now. */
  async reopen() {
    const listening = this.ears !== null;
    this.live.close();
    this.mouth?.stop();
    this.mouth = null;
    const before = this.presence.yield();
    this.#see(await spaceNow(this.id), { anew: true });
    this.stay(this.isLive && listening ? await this.presence.enter(before) : null);
    this.ears?.restart();
  }

  async unmute() {
    const mine = this.#mouth();
    if (!(await mine.prepareMicrophone())) return; // stopped while the browser asked
    this.#see(await api.unmute(this.id, identity.person?.id ?? ""));
    mine.open(this.member?.muted === false);
  }

  async mute() {
    this.mouth?.open(false);
    this.#see(await api.mute(this.id, identity.person?.id ?? ""));
  }

  /** Leaves the stage, and the Space with it: whoever is looked for on stage should be there. */
  async leave() {
    if (this.member && this.role !== "host") await this.orders.offStage(this.member.person.id);
  }

  /** Draws at most once a frame, whatever arrives in between. */
  changed() {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      if (!this.#closed) this.dispatchEvent(new Event("change"));
    });
  }

  /** Follows what can still happen, unless one has left. Over, that is a replay that comes or goes. @param {string | null} session */
  stay(session) {
    if (this.#closed) return this.presence.exit();
    const over = this.space?.state === "ended" || this.space?.state === "timed_out";
    if (this.space?.state !== "canceled" && (!over || this.space?.settings.recorded)) this.live.open(session, { aside: over });
  }

  /** Live events were refused: finds out why. */
  async #revive() {
    try {
      this.#see(await spaceNow(this.id));
      await probe(api.spaceEvents(this.id, { once: true }));
      return this.isLive ? await this.presence.renew() : null;
    } catch (error) {
      if (!(error instanceof Problem) || error.passing) throw error;
      this.#out(error);
      return undefined;
    }
  }

  /**
   * @param {SpaceView | null} space as the server says it is; ignored where it says nothing or is older than what we have
   * @param {{anew?: boolean}} [options]
   */
  #see(space, { anew = false } = {}) {
    if (!space || typeof space.version !== "number") return;
    if (typeof space.listeners === "number") this.listeners = space.listeners;
    if (anew || !this.space || space.version >= this.space.version) this.#take(space);
  }

  /** @param {SpaceEvent} event */
  #apply(event) {
    switch (event.type) {
      case "presence.counted":
        this.listeners = event.listeners;
        break;
      case "presence.reacted":
        this.dispatchEvent(new CustomEvent("reacted", { detail: event.counts }));
        return;
      case "media.speaking":
        if (!this.speaking.apply(event)) return;
        break;
      case "media.node_lost": case "media.node_draining":
        heed(event, [this.ears, this.mouth]);
        return;
      case "media.disconnected":
        this.#disconnected(event);
        return;
      case "captions.partial": case "transcription.captioned":
      case "transcription.caption_corrected": case "transcription.caption_restored": case "transcription.caption_deleted":
        this.captions.apply(event);
        return;
      case "recording.began": case "recording.failed": case "recording.replay_ready": case "recording.replay_deleted":
      case "recording.chapters_changed": case "transcription.completed": case "transcription.deleted":
        this.dispatchEvent(new CustomEvent("kept", { detail: event.type }));
        return;
      case "transcription.own_caption_corrected":
        return; // the live bar tells of it, wherever one is
      case "people.profile_changed":
        this.captions.rename(this.names.apply(event));
        if (this.space) this.space = renamed(this.space, this.names);
        break;
      case "tipping.tip_offered": case "tipping.tip_opened": case "tipping.tip_confirmed":
        this.#note(event);
        return;
      default:
        if (this.space) this.#take(follow(this.space, event));
        this.#note(event);
    }
    this.changed();
  }

  /** @param {Note} event */
  #note(event) { this.dispatchEvent(new CustomEvent("note", { detail: event })); }

  /** @param {SpaceView} space */
  #take(space) {
    const before = this.space;
    this.space = renamed(space, this.names);
    const me = identity.person?.id;
    if (me && space.removed.includes(me)) {
      this.#out(new Problem(403, "removed", "You were removed from this Space."));
      return;
    }
    if (!this.member && this.mouth) {
      this.mouth.stop();
      this.mouth = null;
    }
    if (this.member?.muted) this.mouth?.open(false);
    if (before?.state === "live" && space.state !== "live") {
      this.#deafen();
      this.presence.session = null;
      this.speaking.clear();
    }
    this.changed();
  }

  /** @param {LiveEvent<"media.disconnected">} event */
  #disconnected(event) {
    const peer = [this.ears, this.mouth].find((one) => one?.sessionId && one.sessionId === event.session_id);
    if (peer && !FINAL.has(event.reason)) peer.restart();
    if (peer === this.mouth && event.reason === "replaced") {
      this.mouth?.stop();
      this.mouth = null;
      this.changed();
      this.#note(event);
    }
  }

  #mouth() {
    if (this.mouth) return this.mouth;
    const mouth = new Mouth(this.id);
    mouth.addEventListener("change", () => this.changed());
    mouth.addEventListener("unplugged", () => this.mute().catch(() => this.changed()));
    this.mouth = mouth;
    return mouth;
  }

  #deafen() {
    this.ears?.stop();
    this.ears = null;
  }

  /** @param {Problem} problem */
  #out(problem) {
    this.close();
    this.dispatchEvent(new CustomEvent("gone", { detail: problem }));
  }
}
