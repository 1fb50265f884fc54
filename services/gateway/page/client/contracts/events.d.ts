/** What the events carry that a person may be shown. Written from the contracts by `make contracts`; do not edit. */

/** Where an appeal stands. */
export type AppealState = "open" | "granted" | "rejected" | "lapsed";

/** One final caption: what one person said without a pause of note. */
export interface Caption {
  id: string;
  person: PersonRef;
  lang: string;
  text: string;
  start_at: string;
  end_at: string;
  words: Word[];
  corrected_by: string | null;
  heard: string | null;
  correction_rejected: boolean;
}

/** Somebody who was invited on stage and has not answered yet. */
export interface Invitation {
  person: PersonRef;
  invited_by: string | null;
  expires_at: string;
}

/** What somebody is invited to. */
export type InvitedTo = "speak" | "join";

/** What it is for. */
export type Kind = "space" | "conversation";

/** A person as others see them. */
export interface PersonRef {
  id: string;
  handle: string;
  name: string;
  picture: string | null;
}

/** A link with its preview text, for everybody in the Space. */
export interface Pin {
  id: string;
  url: string;
  text: string;
  person: PersonRef;
  pinned_at: string;
}

/** What somebody is reminded of. */
export type ReminderKind = "soon" | "start";

/** What somebody is in a Space. */
export type Role = "host" | "cohost" | "speaker" | "listener";

/** What the host chooses. */
export interface Settings {
  title: string;
  topics: string[];
  lang: string;
  recorded: boolean;
  captions: boolean;
  who_can_join: WhoCanJoin;
  who_can_speak: WhoCanSpeak;
  kind: Kind;
  ephemeral: boolean;
}

/** A Space in a list. */
export interface SpaceCard {
  id: string;
  title: string;
  state: State;
  host: PersonRef;
  speakers: PersonRef[];
  listeners: number;
  topics: string[];
  lang: string;
  recorded: boolean;
  captions: boolean;
  ephemeral: boolean;
  scheduled_start: string | null;
  started_at: string | null;
  ended_at: string | null;
  because: PersonRef[];
  official: boolean;
}

/** How a figure is spread over connections. */
export interface Spread {
  p50: number;
  p95: number;
  worst: number;
}

/** Lifecycle of a Space. */
export type State = "scheduled" | "live" | "ended" | "canceled" | "timed_out" | "deleted";

/** One speaker's own audio, Opus as it was received. */
export interface Track {
  person: PersonRef;
  object: string;
  offset_seconds: number;
  seconds: number;
  bytes: number;
}

/** Who may listen. */
export type WhoCanJoin = "everyone" | "followers" | "invited";

/** Who may come on stage without being let in. */
export type WhoCanSpeak = "everyone" | "followed" | "invited";

/** One word of a caption. Times are in seconds after the caption's `start_at`. */
export interface Word {
  text: string;
  start: number;
  end: number;
  confidence: number | null;
}

export interface Payloads {
  /** Text so far of a caption that is still being spoken; replaced by the next with the same `caption_id`. */
  "captions.partial": {
    at: string;
    space_id: string;
    caption_id: string;
    person: PersonRef;
    lang: string;
    text: string;
    start_at: string;
  };
  /** The live bar of a person gained, changed or lost this Space (`card` None); sent while they are connected. */
  "discovery.bar_changed": {
    at: string;
    person_id: string;
    space_id: string;
    card: SpaceCard | null;
  };
  /** The same for many people at once, who all see the same card. Each is shown `to(person_id)`, never the others. */
  "discovery.bars_changed": {
    at: string;
    person_ids: string[];
    space_id: string;
    card: SpaceCard | null;
  };
  /** ICE and DTLS are done: audio can flow. Hosts are told of those who speak only. */
  "media.connected": {
    at: string;
    space_id: string;
    node_id: string;
    session_id: string;
    person_id: string | null;
    direction: "publish" | "subscribe";
    setup_ms: number;
  };
  /** The connection is gone. Hosts are told of those who spoke only. */
  "media.disconnected": {
    at: string;
    space_id: string;
    node_id: string;
    session_id: string;
    person_id: string | null;
    direction: "publish" | "subscribe";
    reason: "closed" | "expired" | "removed" | "ended" | "replaced" | "failed";
    packets: number;
    lost: number;
    boot: string;
    number: number;
  };
  /** What a gateway tells a client about a node that it is connected to; no event of the stream, so without an id. */
  "media.node_draining": {
    node_id: string;
    sessions: string[];
  };
  /** What a gateway tells a client about a node that it is connected to; no event of the stream, so without an id. */
  "media.node_lost": {
    node_id: string;
    sessions: string[];
  };
  /** What a connection's receiver reports said of the last seconds, where it is poor: the worst few of a Space. */
  "media.quality": {
    at: string;
    space_id: string;
    node_id: string;
    session_id: string;
    person_id: string | null;
    direction: "publish" | "subscribe";
    fraction_lost: number;
    jitter_ms: number;
    round_trip_ms: number | null;
  };
  /** How a Space's listeners at one node fare, every ten seconds or so while any of them reports. */
  "media.space_quality": {
    at: string;
    space_id: string;
    node_id: string;
    listeners: number;
    reporting: number;
    packets: number;
    lost: number;
    fraction_lost: Spread | null;
    jitter_ms: Spread | null;
    round_trip_ms: Spread | null;
  };
  /** Who is heard now, loudest first; at most every 100 ms, and only when it changed. Empty when all fell silent. */
  "media.speaking": {
    at: string;
    space_id: string;
    node_id: string;
    person_ids: string[];
  };
  /** An appeal was granted (`reinstated` follows) or rejected. */
  "people.appeal_decided": {
    at: string;
    person_id: string;
    version: number;
    state: AppealState;
    answer: string;
  };
  /** The person is on the list of those who may host. */
  "people.hosting_allowed": {
    at: string;
    person_id: string;
    version: number;
  };
  /** The person is on the list of those who may host no longer. */
  "people.hosting_withdrawn": {
    at: string;
    person_id: string;
    version: number;
  };
  /**
   * The person changed their profile. These are their handle, name and picture from now on, wherever they are named.
   *
   * Told in every Space in which they are named at that moment.
   */
  "people.profile_changed": {
    at: string;
    person_id: string;
    version: number;
    handle: string;
    display_name: string;
    picture: string | null;
  };
  /** The person's suspension is over. */
  "people.reinstated": {
    at: string;
    person_id: string;
    version: number;
    explanation: string;
    lapsed: boolean;
  };
  /** Somebody is reminded now: once of each kind and start. */
  "people.reminder_due": {
    at: string;
    person_id: string;
    version: number;
    space_id: string;
    kind: ReminderKind;
    title: string;
    scheduled_start: string;
  };
  /** From now on the person is refused everywhere: no command, no stream, no stage. Who did it is on the log only. */
  "people.suspended": {
    at: string;
    person_id: string;
    version: number;
    reason: string;
    explanation: string;
    until: string | null;
  };
  /**
   * How many are there, from live leases; at most once a second per Space, and when it changed. Listeners count while
   * they have a media connection or an event stream.
   */
  "presence.counted": {
    at: string;
    space_id: string;
    listeners: number;
    on_stage: number;
  };
  /** Reactions since the last such event (about 250 ms), counted by kind. */
  "presence.reacted": {
    at: string;
    space_id: string;
    counts: Record<string, number>;
    window_ms: number;
  };
  /** From now on people on stage who consented are recorded. */
  "recording.began": {
    at: string;
    space_id: string;
    version: number;
  };
  /** The host set the chapters of the replay; `ChaptersQuery` tells them. */
  "recording.chapters_changed": {
    at: string;
    space_id: string;
    version: number;
    chapters: number;
  };
  /** There will be no replay. */
  "recording.failed": {
    at: string;
    space_id: string;
    version: number;
    reason: "nothing_captured" | "storage" | "unreadable";
    detail: string;
  };
  /** Nobody is shown the replay, its tracks and its transcript any more. */
  "recording.replay_deleted": {
    at: string;
    space_id: string;
    version: number;
    reason: "host" | "expired" | "platform";
  };
  /**
   * The replay can be played and downloaded; told again when its mix was made again, without somebody who was
   * erased.
   */
  "recording.replay_ready": {
    at: string;
    space_id: string;
    version: number;
    seconds: number;
    bytes: number;
    mix: string;
    tracks: Track[];
    began_at: string;
  };
  /** Somebody on stage is connected, for the first time or again. */
  "room.arrived": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** A scheduled Space will not take place. `never_started`: nobody started it within two hours of its time. */
  "room.canceled": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    reason: "host" | "platform" | "never_started" | "erased";
  };
  /** Somebody on stage is a co-host now. */
  "room.cohost_appointed": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** A co-host is a speaker again. */
  "room.cohost_dismissed": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** A Space exists; it is `scheduled` until it starts. */
  "room.created": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    host: PersonRef;
    settings: Settings;
    scheduled_start: string | null;
  };
  /** Nobody is shown it any more, nor what was said and written in it. */
  "room.deleted": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
  };
  /**
   * It is over. `timed_out` when the host was lost and nobody could take over, `erased` when they were erased and
   * nobody could.
   */
  "room.ended": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    reason: "host" | "platform" | "timed_out" | "erased";
  };
  /** A hand is down again. */
  "room.hand_lowered": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** Somebody on stage raised a hand; it stays until it is lowered or they unmute. */
  "room.hand_raised": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** A co-host is the host now; the one before left the stage. */
  "room.host_changed": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    host: PersonRef;
    previous_id: string;
    reason: "handed_over" | "lost" | "erased";
  };
  /** An invitation to speak is over, and was not accepted. */
  "room.invitation_closed": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
    reason: "declined" | "withdrawn" | "expired";
  };
  /** Somebody was invited: `invitation` to speak until it lapses, or only to be there. */
  "room.invited": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person: PersonRef;
    to: InvitedTo;
    invitation: Invitation | null;
  };
  /** Somebody on stage said what they speak from now on: `und` to have it found out, None for the Space's language. */
  "room.language_chosen": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
    lang: string | null;
  };
  /** The connection of somebody on stage dropped; back before `until`, they find everything as it was. */
  "room.lost": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
    until: string;
  };
  /** From now on nothing of this person is forwarded. */
  "room.muted": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** A link was pinned for everybody. */
  "room.pinned": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    pin: Pin;
  };
  /** A removal was undone, or what it was for has ended: they may come again, as a listener. */
  "room.readmitted": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
    listened: boolean;
  };
  /** Why a person was removed; for the hosts' eyes and the moderation log. */
  "room.removal_recorded": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
    explanation: string;
  };
  /**
   * Somebody is out of the Space: off the stage, out of the queue, refused by every edge.
   *
   * For good where a host said so; while a block between them and the host, or their suspension, lasts.
   */
  "room.removed": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
    because: "removed" | "blocked" | "suspended" | "erased";
    listened: boolean;
  };
  /** Somebody left the queue. */
  "room.request_canceled": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** A host said no. */
  "room.request_declined": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** The connection of somebody in the queue dropped, and their place is held `until` then; None: they are back. */
  "room.request_held": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
    until: string | null;
  };
  /** A scheduled Space starts at another time. */
  "room.rescheduled": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    scheduled_start: string;
  };
  /** The host chose otherwise; `settings` are all of them as they are now. */
  "room.settings_changed": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    settings: Settings;
  };
  /** Somebody joined the queue to speak. */
  "room.speak_requested": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person: PersonRef;
    message: string;
    consent_to_recording: boolean;
  };
  /** Somebody got a place on stage (leaves the queue, if they were in it); always muted at first. */
  "room.stage_joined": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person: PersonRef;
    role: Role;
    consent_to_recording: boolean;
    lang: string | null;
  };
  /** Somebody left the stage and is a listener, or gone. `lost`: their connection dropped, and the grace is over. */
  "room.stage_left": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
    reason: "stepped_down" | "moved" | "left" | "lost";
  };
  /** It is live; the host stands on stage, muted. */
  "room.started": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    host: PersonRef;
    settings: Settings;
  };
  /** Somebody is invited no longer, neither to speak nor to be there. */
  "room.uninvited": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** The person opened their microphone. */
  "room.unmuted": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    person_id: string;
  };
  /** A link is pinned no longer. */
  "room.unpinned": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    pin_id: string;
  };
  /** The hosts' word list, all of it as it is now. */
  "room.words_changed": {
    at: string;
    space_id: string;
    version: number;
    actor: string | null;
    words: string[];
  };
  /** A person filled, changed or closed their tip jar. */
  "tipping.jar_changed": {
    at: string;
    person_id: string;
    version: number;
    enabled: boolean;
    providers: string[];
  };
  /** The recipient says that it arrived. */
  "tipping.tip_confirmed": {
    at: string;
    person_id: string;
    version: number;
    tip_id: string;
    space_id: string;
    payer: string;
  };
  /** Somebody wants to tip; they were given the link. */
  "tipping.tip_offered": {
    at: string;
    person_id: string;
    version: number;
    tip_id: string;
    space_id: string;
    payer: PersonRef;
    provider: string;
    amount_minor: number | null;
    currency: string | null;
    note: string;
  };
  /** The payer followed the link. */
  "tipping.tip_opened": {
    at: string;
    person_id: string;
    version: number;
    tip_id: string;
    space_id: string;
    payer: string;
  };
  /** The host put other words in place of what was heard; they are shown from now on, marked as the host's. */
  "transcription.caption_corrected": {
    at: string;
    space_id: string;
    version: number;
    caption_id: string;
    person_id: string;
    text: string;
    by: string;
  };
  /** What was said is shown to nobody any more, nor what a host put in its place. */
  "transcription.caption_deleted": {
    at: string;
    space_id: string;
    version: number;
    caption_id: string;
    person_id: string;
    by: string | null;
  };
  /** What was heard is shown again. */
  "transcription.caption_restored": {
    at: string;
    space_id: string;
    version: number;
    caption_id: string;
    person_id: string;
    text: string;
    reason: "rejected" | "withdrawn";
  };
  /** A final caption; replaces the partial ones with its id. */
  "transcription.captioned": {
    at: string;
    space_id: string;
    version: number;
    caption: Caption;
  };
  /** Everything that was captured has been transcribed. */
  "transcription.completed": {
    at: string;
    space_id: string;
    version: number;
    captions: number;
    words: number;
  };
  /** The whole transcript is shown to nobody any more; the replay is kept. */
  "transcription.deleted": {
    at: string;
    space_id: string;
    version: number;
    by: string | null;
  };
  /** Tells a speaker that the host corrected what they said, which they can reject. */
  "transcription.own_caption_corrected": {
    at: string;
    space_id: string;
    version: number;
    caption_id: string;
    person_id: string;
    text: string;
    heard: string;
    by: string;
  };
}

export type EventName = keyof Payloads;

/** An event as the page hands it on: its name beside what it carries. */
export type LiveEvent<N extends EventName = EventName> = { [T in N]: Payloads[T] & { type: T } }[N];

export const EVENTS: readonly EventName[];
