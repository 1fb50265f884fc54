// @ts-check
/**
 * A stream of live events: of one Space, or of one's live bar. The browser's EventSource resumes with `Last-Event-ID`
 * by itself while it can; where it gives up (a refusal, a gateway that is down behind a proxy) this asks `revive` what
 * became of us and opens anew at the same place.
 */

import { EVENTS } from "../client/contracts/events.js";
import { pause } from "../lib/api.js";

/** @import { EventName, LiveEvent } from "../client/contracts/events.js" */

/**
 * Events that the page does nothing about. Every other one has a handler in `Room` or in `LiveBar`, else the type check
 * fails.
 *
 * @satisfies {readonly EventName[]}
 */
const IGNORED = /** @type {const} */ ([
  "discovery.bars_changed", // everybody is told of their own as `bar_changed`
  "media.connected", "media.quality", "media.space_quality", // the connection says so itself
  "people.appeal_decided", "people.hosting_allowed", "people.hosting_withdrawn", "people.reinstated",
  "people.suspended", // in no stream of the page; whoever is suspended is refused everything
  "room.created", // in every snapshot
  "room.removal_recorded", // for the log of the hosts, which the page does not show
  "tipping.jar_changed", // jars are asked for when somebody tips
]);

/** @typedef {Exclude<EventName, typeof IGNORED[number]>} Heard */
/** @typedef {"discovery.bar_changed" | "people.reminder_due"} HeardByBar */
/** @typedef {LiveEvent<HeardByBar | "room.invited" | "room.uninvited" | "transcription.own_caption_corrected">} BarEvent */
/** @typedef {LiveEvent<Exclude<Heard, HeardByBar>>} SpaceEvent */
/** What changes the Space itself. @typedef {Extract<SpaceEvent, {type: `room.${string}`}>} RoomEvent */
/** What people may be told of. @typedef {RoomEvent | Extract<SpaceEvent, {type: "media.disconnected" | `tipping.${string}`}>} Note */
/** News of the replay or the transcript. @typedef {Extract<SpaceEvent["type"], `recording.${string}` | "transcription.completed" | "transcription.deleted">} Kept */

const NAMES = EVENTS.filter((name) => !(/** @type {readonly string[]} */ (IGNORED).includes(name)));
const WAITS_MS = [500, 1000, 2000, 4000, 8000];

/** Events: `snapshot`, `reset`, `event` (with the `LiveEvent` as its detail), `connection` (gained or lost). */
export class Live extends EventTarget {
  /** @type {EventSource | null} */
  #source = null;
  /** @type {string | null} */
  #session = null;
  #last = "";
  #tries = 0;
  #generation = 0;
  /** Whether events arrive now. */
  connected = false;

  /**
   * @param {(place: {session: string | null, last_event_id: string}) => string} address of the stream from a place on
   * @param {() => Promise<string | null | undefined>} revive the session to come back with (null: none), or
   *   undefined where there is nothing to come back to
   */
  constructor(address, revive) {
    super();
    this.address = address;
    this.revive = revive;
  }

  /**
   * @param {string | null} [session] that the stream keeps alive
   * @param {{aside?: boolean}} [options] `aside`: only while somebody looks at the page, which then catches up. Browsers
   *   allow six connections to a server at a time, and open pages in the background would use them up.
   */
  open(session = null, { aside = false } = {}) {
    this.close();
    this.#session = session;
    if (aside) document.addEventListener("visibilitychange", this.#turn);
    if (!aside || !document.hidden) this.#connect();
  }

  close() {
    document.removeEventListener("visibilitychange", this.#turn);
    this.#disconnect();
  }

  #turn = () => {
    this.#disconnect();
    if (!document.hidden) this.#connect();
  };

  #connect() {
    this.#disconnect();
    const generation = this.#generation;
    const source = new EventSource(this.address({ session: this.#session, last_event_id: this.#last }));
    this.#source = source;
    source.addEventListener("open", () => this.#is(true));
    source.addEventListener("error", () => {
      this.#is(false);
      if (source.readyState === EventSource.CLOSED) this.#again(generation);
    });
    for (const name of ["snapshot", "reset", ...NAMES]) source.addEventListener(name, (message) => this.#receive(name, message));
  }

  #disconnect() {
    this.#generation += 1;
    this.#source?.close();
    this.#source = null;
    this.#is(false);
  }

  /** @param {string} name @param {MessageEvent<string>} message */
  #receive(name, message) {
    this.#tries = 0;
    this.#is(true);
    if (message.lastEventId) this.#last = message.lastEventId;
    const body = message.data ? JSON.parse(message.data) : {};
    if (name === "reset") this.#last = message.lastEventId || "";
    this.dispatchEvent(new CustomEvent(name === "snapshot" || name === "reset" ? name : "event",
      { detail: name === "snapshot" ? body : { ...body, type: name } }));
  }

  /** @param {number} generation */
  async #again(generation) {
    await pause((WAITS_MS[Math.min(this.#tries, WAITS_MS.length - 1)] ?? 0) * (0.75 + Math.random() / 2));
    this.#tries += 1;
    if (generation !== this.#generation) return;
    try {
      const session = await this.revive();
      if (generation !== this.#generation || session === undefined) return;
      this.#session = session;
      this.#connect();
    } catch {
      if (generation === this.#generation) this.#again(generation);
    }
  }

  /** @param {boolean} connected */
  #is(connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.dispatchEvent(new Event("connection"));
  }
}
