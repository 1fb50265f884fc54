// @ts-check
/**
 * One Space as this person sees it: the state that views draw, being there, hearing and speaking.
 *
 * Events: `change` (draw again), `reacted` (counts by kind), `captioned`, `note` (something to be told), `gone`.
 */

import { Problem, get, identity, post, probe, quietly } from "../lib/api.js";
import { Ears, Mouth } from "./audio.js";
import { Captions } from "./captions.js";
import { follow } from "./follow.js";
import { Live } from "./live.js";
import { Orders } from "./orders.js";
import { heed } from "./peer.js";

/** @typedef {import("./types.js").Space} Space */
/** @typedef {import("./types.js").LiveEvent} LiveEvent */

/** Reasons for which a lost media connection is not set up again. */
const FINAL = new Set(["closed", "removed", "ended", "replaced"]);

export class Room extends EventTarget {
  /** @type {Space | null} */
  space = null;
  listeners = 0;
  /** @type {Set<string>} ids of people who are heard now */
  speaking = new Set();
  /** @type {string | null} id of who spoke last, for tips */
  spokeLast = null;
  captions = new Captions();
  /** @type {Ears | null} */
  ears = null;
  /** @type {Mouth | null} */
  mouth = null;
  /** A browser that wants another tap before it makes sound. */
  silenced = false;
  /** @type {string | null} */
  #session = null;
  /** The session, once it is there. @type {Promise<string>} */
  #entered = Promise.reject(new Error("not joined"));
  /** The media node at which `speaking` was heard. */
  #heardAt = "";
  #drawing = false;
  #closed = false;

  /** @param {string} id */
  constructor(id) {
    super();
    this.#entered.catch(() => {});
    this.id = id;
    this.live = new Live(`/v1/spaces/${id}/events`, () => this.#revive());
    this.live.addEventListener("snapshot", (e) => this.#see(/** @type {CustomEvent<Space>} */ (e).detail));
    this.live.addEventListener("reset", () => this.captions.clear());
    this.live.addEventListener("event", (e) => this.#apply(/** @type {CustomEvent<LiveEvent>} */ (e).detail));
    this.live.addEventListener("connection", () => this.changed());
    this.orders = new Orders(this.path, (space) => this.#see(space));
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

  /** @returns {import("./types.js").Role} */
  get role() {
    return this.member?.role ?? "listener";
  }

  get hosts() {
    return this.role === "host" || this.role === "cohost";
  }

  get isLive() {
    return this.space?.state === "live";
  }

  /** Whether what is said here can be heard. */
  get onAir() {
    return this.member?.muted === false && this.mouth !== null;
  }

  get joined() {
    return this.#session !== null;
  }

  get path() {
    return `/v1/spaces/${this.id}`;
  }

  /** Reads the Space and follows it. Throws Problem where it may not be seen. */
  async open() {
    this.#see(await get(this.path));
    if (this.space?.state === "live" || this.space?.state === "scheduled") this.live.open(null);
    if (this.isLive && this.space?.settings.captions) this.#recall();
  }

  /** Joins and listens; begins in the hand of the person, because sound must. */
  async join() {
    this.silenced = false;
    if (this.ears?.state === "refused") this.#deafen();
    if (!this.ears) {
      this.ears = new Ears(this.id, () => this.#entered);
      this.ears.addEventListener("change", () => this.changed());
      this.ears.addEventListener("silenced", () => { this.silenced = true; this.changed(); });
    }
    const entering = !this.joined;
    if (entering) this.#entered = this.#enter();
    this.ears.start();
    this.changed();
    if (!entering) return;
    try {
      this.live.open(await this.#entered);
    } catch (error) {
      this.#deafen();
      throw error;
    } finally {
      this.changed();
    }
  }

  /** Leaves, without a trace; also when the page goes away. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.live.close();
    if (this.onAir) quietly("POST", `${this.path}/stage/${identity.person?.id}/mute`);
    this.mouth?.stop();
    this.#deafen();
    this.#exit();
  }

  /** Somebody signed up or out while here: ask for everything again as who they are now. */
  async reopen() {
    const listening = this.ears !== null;
    this.live.close();
    this.mouth?.stop();
    this.mouth = null;
    this.#exit();
    this.#see(await get(this.path), { anew: true });
    if (this.isLive && listening) this.#entered = this.#enter();
    this.live.open(this.isLive && listening ? await this.#entered : null);
    this.ears?.restart();
  }

  async unmute() {
    const mine = this.#mouth();
    await mine.prepareMicrophone();
    this.#see(await post(`${this.path}/stage/${identity.person?.id}/unmute`));
    mine.open(this.member?.muted === false);
  }

  async mute() {
    this.mouth?.open(false);
    this.#see(await post(`${this.path}/stage/${identity.person?.id}/mute`));
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

  /** @returns {Promise<string>} */
  async #enter() {
    /** @type {{session_id: string}} */
    const session = await post(`${this.path}/sessions`, { platform: "web", source: "link" });
    this.#session = session.session_id;
    return session.session_id;
  }

  #exit() {
    if (!this.#session) return;
    quietly("DELETE", `${this.path}/sessions/${this.#session}`);
    this.#session = null;
  }

  /** Live events were refused: finds out why. */
  async #revive() {
    try {
      this.#see(await get(this.path));
      await probe(`${this.path}/events`);
      return this.isLive ? this.#session : null;
    } catch (error) {
      if (!(error instanceof Problem) || error.passing) throw error;
      this.#out(error);
      return undefined;
    }
  }

  /** What was captioned before we came. */
  async #recall() {
    const transcript = await get(`${this.path}/transcript`).catch(() => null);
    for (const caption of transcript?.captions?.slice(-30) ?? []) this.captions.final(caption);
  }

  /**
   * @param {Space | null} space as the server says it is; ignored where it says nothing or is older than what we have
   * @param {{anew?: boolean}} [options]
   */
  #see(space, { anew = false } = {}) {
    if (!space || typeof space.version !== "number") return;
    if (typeof space.listeners === "number") this.listeners = space.listeners;
    if (anew || !this.space || space.version >= this.space.version) this.#take(space);
  }

  /** @param {LiveEvent} event */
  #apply(event) {
    switch (event.type) {
      case "presence.counted":
        this.listeners = event.listeners;
        break;
      case "presence.reacted":
        this.dispatchEvent(new CustomEvent("reacted", { detail: event.counts }));
        return;
      case "media.speaking":
        // A node that people have just left hears nobody any more; that says nothing of where they are now.
        if (!event.person_ids.length && event.node_id !== this.#heardAt) return;
        this.#heardAt = event.node_id;
        this.speaking = new Set(event.person_ids);
        this.spokeLast = event.person_ids[0] ?? this.spokeLast;
        break;
      case "media.node_lost":
      case "media.node_draining":
        heed(event, [this.ears, this.mouth]);
        return;
      case "media.disconnected":
        this.#disconnected(event);
        return;
      case "captions.partial":
        this.captions.partial(/** @type {any} */ (event));
        return;
      case "transcription.captioned":
        this.captions.final(event.caption);
        return;
      default:
        if (this.space) this.#take(follow(this.space, event));
        this.dispatchEvent(new CustomEvent("note", { detail: event }));
    }
    this.changed();
  }

  /** @param {Space} space */
  #take(space) {
    const before = this.space;
    this.space = space;
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
      this.#session = null;
      this.speaking = new Set();
    }
    this.changed();
  }

  /** @param {LiveEvent} event */
  #disconnected(event) {
    const peer = [this.ears, this.mouth].find((one) => one?.sessionId && one.sessionId === event.session_id);
    if (peer && !FINAL.has(event.reason)) peer.restart();
    if (peer === this.mouth && event.reason === "replaced") {
      this.mouth?.stop();
      this.mouth = null;
      this.changed();
      this.dispatchEvent(new CustomEvent("note", { detail: event }));
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
