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
      return {
        state: event.reason === "timed_out" ? "timed_out" : "ended", ended_at: event.at, stage: [], requests: [], invitations: [],
      };
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
        invitations: withoutInvitation(space, person.id),
      };
    }
    case "room.stage_left":
      return { stage: withoutMember(space, event.person_id) };
    case "room.muted":
      return { stage: withMember(space, event.person_id, { muted: true }) };
    case "room.unmuted":
      return { stage: withMember(space, event.person_id, { muted: false, hand_raised: false }) };
    case "room.removed":
      return {
        stage: withoutMember(space, event.person_id),
        requests: withoutRequest(space, event.person_id),
        invitations: withoutInvitation(space, event.person_id),
        removed: [...new Set([...space.removed, event.person_id])],
      };
    case "room.readmitted":
      return { removed: space.removed.filter((id) => id !== event.person_id) };
    case "room.settings_changed":
      return { settings: event.settings };
    case "room.rescheduled":
      return { scheduled_start: event.scheduled_start };
    case "room.invited": {
      const { person, invitation } = event;
      const others = withoutInvitation(space, person.id);
      return {
        invitations: invitation ? [...others, invitation] : space.invitations ?? [],
        invited: [...new Set([...(space.invited ?? []), person.id])],
      };
    }
    case "room.invitation_closed":
      return { invitations: withoutInvitation(space, event.person_id) };
    case "room.hand_raised":
      return { stage: withMember(space, event.person_id, { hand_raised: true }) };
    case "room.hand_lowered":
      return { stage: withMember(space, event.person_id, { hand_raised: false }) };
    case "room.cohost_appointed":
      return { stage: withMember(space, event.person_id, { role: "cohost" }) };
    case "room.cohost_dismissed":
      return { stage: withMember(space, event.person_id, { role: "speaker" }) };
    case "room.host_changed": {
      const stage = withoutMember(space, event.previous_id);
      return { host: event.host, stage: withMember({ ...space, stage }, event.host.id, { role: "host" }) };
    }
    case "room.arrived":
      return { stage: withMember(space, event.person_id, { lost_until: null }) };
    case "room.lost":
      return { stage: withMember(space, event.person_id, { lost_until: event.until }) };
    case "room.request_held":
      return {
        requests: space.requests.map((request) =>
          request.person.id === event.person_id ? { ...request, lost_until: event.until } : request),
      };
    case "room.pinned":
      return { pins: [...(space.pins ?? []), event.pin] };
    case "room.unpinned":
      return { pins: (space.pins ?? []).filter((pin) => pin.id !== event.pin_id) };
    default:
      return {};
  }
}

/** @param {Space} space @param {string} id */
const withoutMember = (space, id) => space.stage.filter((member) => member.person.id !== id);
/** @param {Space} space @param {string} id */
const withoutRequest = (space, id) => space.requests.filter((request) => request.person.id !== id);
/** @param {Space} space @param {string} id */
const withoutInvitation = (space, id) => (space.invitations ?? []).filter((one) => one.person.id !== id);
/** @param {Space} space @param {string} id @param {Partial<import("./types.js").Member>} change */
const withMember = (space, id, change) =>
  space.stage.map((member) => (member.person.id === id ? { ...member, ...change } : member));
