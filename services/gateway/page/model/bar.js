// @ts-check
/** The live bar: Spaces in which people one follows are on stage, and what one is told wherever one is. */

import { Problem, api, identity, orNull, probe } from "../lib/api.js";
import { Live } from "./live.js";

/** @import { SpaceCard, SpaceCards } from "../client/contracts/api.js" */
/** @import { BarEvent } from "./live.js" */

/**
 * Events: `change` (draw again), `due` (a reminder), `invited` (to join a Space, or no longer) and `corrected` (one's own
 * words), each the event's detail.
 */
class LiveBar extends EventTarget {
  /** By id. @type {Map<string, SpaceCard>} */
  spaces = new Map();
  /** @type {Live | null} */
  #live = null;

  /** Follows the bar of whoever is signed in, from now on. */
  start() {
    identity.addEventListener("change", () => this.#follow());
    this.#follow();
  }

  #follow() {
    this.#live?.close();
    this.#live = null;
    this.#hold([]);
    if (!identity.token) return;
    const live = (this.#live = new Live((place) => api.at.liveBarEvents({ ...place, access_token: identity.token }), revive));
    let known = false;
    live.addEventListener("snapshot", (e) => {
      known = true;
      this.#hold(/** @type {CustomEvent<SpaceCards>} */ (e).detail.spaces);
    });
    live.addEventListener("connection", () => { if (known && live.connected) this.#catchUp(live); });
    live.addEventListener("event", (e) => this.#apply(/** @type {CustomEvent<BarEvent>} */ (e).detail));
    live.open(null, { aside: true });
  }

  /** Changes of a bar are only told while it is followed; reminders are kept and come by themselves. @param {Live} live */
  async #catchUp(live) {
    const now = await orNull(api.getLiveBar()); // away again: asked anew when it is back
    if (now && live === this.#live) this.#hold(now.spaces);
  }

  /** @param {SpaceCard[]} spaces */
  #hold(spaces) {
    this.spaces = new Map(spaces.map((one) => [one.id, one]));
    this.dispatchEvent(new Event("change"));
  }

  /** @param {BarEvent} event */
  #apply(event) {
    switch (event.type) {
      case "discovery.bar_changed":
        if (event.card) this.spaces.set(event.space_id, event.card);
        else this.spaces.delete(event.space_id);
        this.dispatchEvent(new Event("change"));
        break;
      case "people.reminder_due":
        this.dispatchEvent(new CustomEvent("due", { detail: event }));
        break;
      case "room.invited": case "room.uninvited":
        this.dispatchEvent(new CustomEvent("invited", { detail: event }));
        break;
      case "transcription.own_caption_corrected":
        this.dispatchEvent(new CustomEvent("corrected", { detail: event }));
        break;
      default:
        /** @satisfies {never} */ (event);
    }
  }
}

/** Whether it may still be followed. */
async function revive() {
  try {
    await probe(api.liveBarEvents({ once: true }));
    return null;
  } catch (error) {
    if (!(error instanceof Problem) || error.passing) throw error;
    return undefined;
  }
}

export const bar = new LiveBar();
