// @ts-check
/** Being reminded of a Space: asking for it, and the notice when it is time. */

import { api, identity, orNull, pause } from "../lib/api.js";
import { dueWords } from "../lib/format.js";
import { attempt, tell } from "../lib/messages.js";
import { bar } from "../model/bar.js";
import { signUp } from "./account.js";

/** @import { LiveEvent } from "../client/contracts/events.js" */
/** @import { Room } from "../model/room.js" */

/** A gateway that did not answer is asked again after that long. */
const ASK_AGAIN_MS = 5000;

/** Of which Spaces one is reminded. Event: `change`. */
class Wanted extends EventTarget {
  /** As the gateway said. @type {Set<string>} */
  #ids = new Set();
  /** What was changed here, which is newer. @type {Map<string, boolean>} */
  #noted = new Map();
  #asked = false;

  constructor() {
    super();
    identity.addEventListener("change", () => {
      this.#ids = new Set();
      this.#noted.clear();
      this.#asked = false;
      this.dispatchEvent(new Event("change"));
    });
  }

  /** @param {string} id */
  has(id) {
    if (!this.#asked && identity.token) this.#ask();
    return this.#noted.get(id) ?? this.#ids.has(id);
  }

  async #ask() {
    this.#asked = true;
    const token = identity.token;
    const known = await orNull(api.getReminders());
    if (!known) await pause(ASK_AGAIN_MS);
    if (token !== identity.token) return;
    if (known) this.#ids = new Set(known.reminders.map((one) => one.space_id));
    else this.#asked = false; // whoever is told looks, and so asks again
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} id @param {boolean} is */
  note(id, is) {
    this.#noted.set(id, is);
    this.dispatchEvent(new Event("change"));
  }
}

export const wanted = new Wanted();

/** @param {Room} room */
export async function remind(room) {
  if (!await signUp("To be reminded you need a handle and a name.")) return;
  await api.setReminder(room.id);
  wanted.note(room.id, true);
  tell("You will be reminded when it starts.", { action: { label: "Undo", act: () => attempt(() => forget(room)) } });
}

/** @param {Room} room */
export async function forget(room) {
  await api.clearReminder(room.id);
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
