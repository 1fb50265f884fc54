// @ts-check
/**
 * A stream of live events: of one Space, or of one's live bar. The browser's EventSource resumes with `Last-Event-ID` by itself while it can; where it
 * gives up (a refusal, a gateway that is down behind a proxy) this asks `revive` what became of us and opens anew at
 * the same place.
 */

import { pause, withToken } from "../lib/api.js";

const NAMES = [
  "room.created", "room.started", "room.ended", "room.canceled", "room.speak_requested", "room.request_canceled",
  "room.request_declined", "room.stage_joined", "room.stage_left", "room.muted", "room.unmuted", "room.removed",
  "room.readmitted", "room.rescheduled", "room.settings_changed", "room.invited", "room.invitation_closed",
  "room.hand_raised", "room.hand_lowered", "room.cohost_appointed", "room.cohost_dismissed", "room.host_changed",
  "room.arrived", "room.lost", "room.request_held", "room.pinned", "room.unpinned",
  "presence.counted", "presence.reacted", "media.speaking", "media.connected", "media.disconnected",
  "media.node_lost", "media.node_draining", // for this client alone, without an id
  "captions.partial", "transcription.captioned", "transcription.completed",
  "recording.began", "recording.replay_ready", "recording.failed",
  "tipping.tip_offered", "tipping.tip_opened", "tipping.tip_confirmed", "discovery.bar_changed",
];
const WAITS_MS = [500, 1000, 2000, 4000, 8000];

export class Live extends EventTarget {
  /** @type {EventSource | null} */
  #source = null;
  #last = "";
  #tries = 0;
  #generation = 0;
  /** Whether events arrive now. */
  connected = false;

  /**
   * @param {string} path
   * @param {() => Promise<string | null | undefined>} revive the session to come back with (null: none), or
   *   undefined where there is nothing to come back to
   */
  constructor(path, revive) {
    super();
    this.path = path;
    this.revive = revive;
  }

  /** @param {string | null} [session] that the stream keeps alive */
  open(session = null) {
    this.close();
    const generation = this.#generation;
    const source = new EventSource(withToken(this.path, { session, last_event_id: this.#last }));
    this.#source = source;
    source.addEventListener("open", () => this.#is(true));
    source.addEventListener("error", () => {
      this.#is(false);
      if (source.readyState === EventSource.CLOSED) this.#again(generation);
    });
    for (const name of ["snapshot", "reset", ...NAMES]) {
      source.addEventListener(name, (message) => this.#receive(name, /** @type {MessageEvent} */ (message)));
    }
  }

  close() {
    this.#generation += 1;
    this.#source?.close();
    this.#source = null;
  }

  /** @param {string} name @param {MessageEvent} message */
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
      if (generation === this.#generation && session !== undefined) this.open(session);
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
