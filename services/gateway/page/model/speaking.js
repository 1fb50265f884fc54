// @ts-check
/** Who is heard now, as the media nodes tell. */

/** @import { LiveEvent } from "../client/contracts/events.js" */

export class Speaking {
  /** @type {Set<string>} ids of people */
  now = new Set();
  /** @type {string | null} id of who spoke last, for tips */
  last = null;
  /** The media node at which they were heard. */
  #node = "";

  /**
   * Takes in who is heard at a node; false where that tells nothing new.
   * @param {LiveEvent<"media.speaking">} event
   */
  apply(event) {
    // A node that people have just left hears nobody any more; that says nothing of where they are now.
    if (!event.person_ids.length && event.node_id !== this.#node) return false;
    this.#node = event.node_id;
    this.now = new Set(event.person_ids);
    this.last = event.person_ids[0] ?? this.last;
    return true;
  }

  /** Nobody is heard any more. */
  clear() {
    this.now = new Set();
  }
}
