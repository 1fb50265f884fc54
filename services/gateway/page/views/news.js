// @ts-check
/** What somebody in a Space is told of what happens there. */

import { identity } from "../lib/api.js";

/** @import { Note } from "../model/live.js" */
/** @import { Room } from "../model/room.js" */

/**
 * @param {Room} room as it is after the event
 * @param {Note} event
 * @returns {string | undefined} undefined where the page shows enough by itself
 */
export function news(room, event) {
  const me = identity.person?.id;
  switch (event.type) {
    case "room.speak_requested":
      return room.hosts && event.person.id !== me ? `${event.person.name} asks to speak.` : undefined;
    case "room.hand_raised":
      return room.hosts && event.person_id !== me ? `${nameOf(room, event.person_id)} raises a hand.` : undefined;
    case "room.request_declined":
      return event.person_id === me ? "The host did not let you speak this time." : undefined;
    case "room.stage_joined":
      return event.person.id === me && event.actor !== me ? "You are on stage, muted. Unmute when you are ready to speak." : undefined;
    case "room.stage_left":
      return event.person_id === me && event.reason === "moved" ? "You are a listener again." : undefined;
    case "room.muted":
      return event.person_id === me && event.actor !== me ? "The host muted you." : undefined;
    case "room.host_changed":
      return event.host.id === me ? "You are the host now." : `${event.host.name} is the host now.`;
    case "room.cohost_appointed":
      return event.person_id === me ? "You are a co-host now." : undefined;
    case "room.ended":
      return "The Space has ended.";
    case "media.disconnected":
      return "You speak from another window now.";
    default:
      return undefined;
  }
}

/** @param {Room} room @param {string} id */
const nameOf = (room, id) => room.space?.stage.find((one) => one.person.id === id)?.person.name ?? "Somebody";
