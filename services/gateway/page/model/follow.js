// @ts-check
/** How the page keeps a Space up to date: a snapshot, then every event with a higher version. Pure. */

/** @import { PersonRef, SpaceView, StageMember } from "../client/contracts/api.js" */
/** @import { RoomEvent } from "./live.js" */

/** So many of those who were removed or invited are told with a Space, the newest ones. */
const TOLD = 100;
/** The title of a Space of which nothing is left. */
const TITLE_REMOVED = "[removed]";

/**
 * The Space after `event`; the same object for an event that it already contains or that does not concern it.
 *
 * @param {SpaceView} space
 * @param {RoomEvent} event
 * @returns {SpaceView}
 */
export function follow(space, event) {
  if (event.space_id !== space.id || event.version <= space.version) return space;
  return { ...space, ...change(space, event), version: event.version };
}

/**
 * @param {SpaceView} space
 * @param {RoomEvent} event
 * @returns {Partial<SpaceView>}
 */
function change(space, event) {
  switch (event.type) {
    case "room.started":
      return {
        state: "live", started_at: event.at, host: event.host, settings: event.settings,
        stage: [onStage(event.host, "host", event.at, true)],
      };
    case "room.ended":
      return {
        state: event.reason === "timed_out" ? "timed_out" : "ended", ended_at: event.at, stage: [], requests: [], invitations: [],
        ...leftOf(space),
      };
    case "room.canceled":
      return { state: "canceled", ended_at: event.at, ...leftOf(space) };
    case "room.deleted":
      return { state: "deleted", ...nothing(space) };
    case "room.speak_requested": {
      const { person, message, consent_to_recording } = event;
      const request = { person, message, consent_to_recording, requested_at: event.at, lost_until: null };
      return { requests: [...space.requests, request] };
    }
    case "room.request_canceled":
    case "room.request_declined":
      return { requests: withoutRequest(space, event.person_id) };
    case "room.stage_joined": {
      const { person, role, consent_to_recording } = event;
      return {
        stage: [...withoutMember(space, person.id), { ...onStage(person, role, event.at, consent_to_recording), lang: event.lang ?? null }],
        requests: withoutRequest(space, person.id),
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
        removed: [...new Set([...space.removed, event.person_id])].slice(-TOLD),
      };
    case "room.readmitted":
      return { removed: space.removed.filter((id) => id !== event.person_id) };
    case "room.settings_changed":
      return { settings: event.settings };
    case "room.words_changed":
      return { words: event.words };
    case "room.rescheduled":
      return { scheduled_start: event.scheduled_start };
    case "room.invited": {
      const { person, invitation } = event;
      const others = withoutInvitation(space, person.id);
      return {
        invitations: invitation ? [...others, invitation] : space.invitations,
        invited: [...new Set([...space.invited, person.id])].slice(-TOLD),
      };
    }
    case "room.invitation_closed":
      return { invitations: withoutInvitation(space, event.person_id) };
    case "room.uninvited":
      return {
        invitations: withoutInvitation(space, event.person_id),
        invited: space.invited.filter((id) => id !== event.person_id),
      };
    case "room.language_chosen":
      return { stage: withMember(space, event.person_id, { lang: event.lang }) };
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
      return { pins: [...space.pins, event.pin] };
    case "room.unpinned":
      return { pins: space.pins.filter((pin) => pin.id !== event.pin_id) };
    default:
      /** @satisfies {never} */ (event);
      return {};
  }
}

/**
 * What is otherwise once a Space is over: of an ephemeral one nothing is left that anybody wrote or did.
 *
 * @param {SpaceView} space
 * @returns {Partial<SpaceView>}
 */
function leftOf(space) {
  return space.settings.ephemeral ? nothing(space) : {};
}

/** @param {SpaceView} space @returns {Partial<SpaceView>} */
function nothing(space) {
  const settings = { ...space.settings, title: TITLE_REMOVED, topics: [] };
  return { settings, pins: [], words: [], removed: [], invited: [] };
}

/**
 * The Space with the names that people have now; the same object where nobody has a new one.
 *
 * @param {SpaceView} space
 * @param {ReadonlyMap<string, PersonRef>} names those of people who changed theirs, by id
 * @returns {SpaceView}
 */
export function renamed(space, names) {
  if (!names.size) return space;
  /** @template {{person: PersonRef}} T @param {T[]} all @returns {T[]} */
  const each = (all) => all.map((one) => ({ ...one, person: names.get(one.person.id) ?? one.person }));
  return {
    ...space, host: names.get(space.host.id) ?? space.host, stage: each(space.stage), requests: each(space.requests),
    invitations: each(space.invitations), pins: each(space.pins),
  };
}

/**
 * Somebody who has just come on stage, muted.
 *
 * @param {StageMember["person"]} person @param {StageMember["role"]} role @param {string} at @param {boolean} consents
 * @returns {StageMember}
 */
const onStage = (person, role, at, consents) => ({
  person, role, muted: true, consent_to_recording: consents, joined_at: at, hand_raised: false, lost_until: null, lang: null,
});
/** @param {SpaceView} space @param {string} id */
const withoutMember = (space, id) => space.stage.filter((member) => member.person.id !== id);
/** @param {SpaceView} space @param {string} id */
const withoutRequest = (space, id) => space.requests.filter((request) => request.person.id !== id);
/** @param {SpaceView} space @param {string} id */
const withoutInvitation = (space, id) => space.invitations.filter((one) => one.person.id !== id);
/** @param {SpaceView} space @param {string} id @param {Partial<StageMember>} change */
const withMember = (space, id, change) =>
  space.stage.map((member) => (member.person.id === id ? { ...member, ...change } : member));
