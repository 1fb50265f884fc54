// @ts-check
/** What people are called who changed that while one looks. */

import { identity } from "../lib/api.js";

/** @import { PersonRef } from "../client/contracts/api.js" */
/** @import { LiveEvent } from "../client/contracts/events.js" */

/** Those people, by id. @extends {Map<string, PersonRef>} */
export class Names extends Map {
  /**
   * Takes in what somebody is called from now on, also where that is oneself.
   * @param {LiveEvent<"people.profile_changed">} event
   * @returns {PersonRef}
   */
  apply({ person_id: id, handle, display_name: name, picture = null }) {
    const person = { id, handle, name, picture };
    this.set(id, person);
    identity.rename(person);
    return person;
  }
}
