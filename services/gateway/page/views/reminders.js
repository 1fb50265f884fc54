// @ts-check
/** Being reminded of a Space: asking for it, and the notice when it is time. */

import { getOrNull, identity, put, remove } from "../lib/api.js";
import { dueWords } from "../lib/format.js";
import { attempt, tell } from "../lib/messages.js";
import { bar } from "../model/bar.js";
import { signUp } from "./account.js";

/** @import { Reminders } from "../contracts/api.js" */
/** @import { LiveEvent } from "../contracts/events.js" */
/** @import { Room } from "../model/room.js" */

/** Of which Spaces one is reminded: their ids, null until it is known. Event: `change`. */
class Wanted extends EventTarget {
  /** @type {Set<string> | null} */
  #ids = null;
  #asked = false;

  constructor() {
    super();
    identity.addEventListener("change", () => {
      this.#ids = null;
      this.#asked = false;
      this.dispatchEvent(new Event("change"));
    });
  }

  /** @param {string} id */
  has(id) {
    if (!this.#asked && identity.token) this.#ask();
    return this.#ids?.has(id) ?? false;
  }

  async #ask() {
    this.#asked = true;
    const token = identity.token;
    /** @type {Reminders | null} */
    const known = await getOrNull("/v1/me/reminders");
    if (!known || token !== identity.token) return;
    this.#ids = new Set([...known.reminders.map((one) => one.space_id), ...(this.#ids ?? [])]);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} id @param {boolean} is */
  note(id, is) {
    this.#ids ??= new Set();
    if (is) this.#ids.add(id);
    else this.#ids.delete(id);
    this.dispatchEvent(new Event("change"));
  }
}

export const wanted = new Wanted();

/** @param {Room} room */
export async function remind(room) {
  if (!await signUp("To be reminded you need a handle and a name.")) return;
  await put(`${room.path}/reminder`);
  wanted.note(room.id, true);
  tell("You will be reminded when it starts.", { action: { label: "Undo", act: () => attempt(() => forget(room)) } });
}

/** @param {Room} room */
export async function forget(room) {
  await remove(`${room.path}/reminder`);
  wanted.note(room.id, false);
}

/** Tells of what is due, on whichever page one is then. */
export function tellOfReminders() {
  bar.addEventListener("due", (event) => {
    const due = /** @type {CustomEvent<LiveEvent<"people.reminder_due">>} */ (event).detail;
    const path = `/spaces/${due.space_id}`;
    tell(dueWords(due), { stay: true, ...(location.pathname !== path && { link: { label: "Go there", href: path } }) });
  });
}
