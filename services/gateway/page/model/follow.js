// @ts-check
/** How the page keeps a Space up to date: a snapshot, then every event with a higher version. Pure. */

/** @typedef {import("./types.js").Space} Space */
/** @typedef {import("./types.js").LiveEvent} LiveEvent */

/**
 * The Space after `event`; the same object for an event that it already contains or that does not concern it.
 *
 * @param {Space} space
 * @param {LiveEvent} event
 * @returns {Space}
 */
export function follow(space, event) {
  if (!event.type.startsWith("room.") || event.space_id !== space.id || event.version <= space.version) return space;
  return { ...space, ...change(space, event), version: event.version };
}

/**
 * @param {Space} space
 * @param {LiveEvent} event
 * @returns {Partial<Space>}
 */
function change(space, event) {
  switch (event.type) {
    case "room.started": {
      const host = { person: event.host, role: "host", muted: true, consent_to_recording: true, joined_at: event.at };
      return {
        state: "live", started_at: event.at, host: event.host, settings: event.settings,
        stage: [/** @type {import("./types.js").Member} */ (host)],
      };
    }
    case "room.ended":
      return { state: event.reason === "timed_out" ? "timed_out" : "ended", ended_at: event.at, stage: [], requests: [] };
    case "room.canceled":
      return { state: "canceled", ended_at: event.at };
    case "room.speak_requested": {
      const { person, message = "", consent_to_recording = true } = event;
      return { requests: [...space.requests, { person, message, consent_to_recording, requested_at: event.at }] };
    }
    case "room.request_canceled":
    case "room.request_declined":
      return { requests: withoutRequest(space, event.person_id) };
    case "room.stage_joined": {
      const { person, role, consent_to_recording = true } = event;
      const member = { person, role, muted: true, consent_to_recording, joined_at: event.at };
      return {
        stage: [...withoutMember(space, person.id), member], requests: withoutRequest(space, person.id),
      };
    }
    case "room.stage_left":
      return { stage: withoutMember(space, event.person_id) };
    case "room.muted":
      return { stage: withMuted(space, event.person_id, true) };
    case "room.unmuted":
      return { stage: withMuted(space, event.person_id, false) };
    case "room.removed":
      return {
        stage: withoutMember(space, event.person_id),
        requests: withoutRequest(space, event.person_id),
        removed: [...new Set([...space.removed, event.person_id])],
      };
    default:
      return {};
  }
}

/** @param {Space} space @param {string} id */
const withoutMember = (space, id) => space.stage.filter((member) => member.person.id !== id);
/** @param {Space} space @param {string} id */
const withoutRequest = (space, id) => space.requests.filter((request) => request.person.id !== id);
/** @param {Space} space @param {string} id @param {boolean} muted */
const withMuted = (space, id, muted) =>
  space.stage.map((member) => (member.person.id === id ? { ...member, muted } : member));
