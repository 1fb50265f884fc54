/** What the HTTP API takes and answers. Written from the contracts by `make contracts`; do not edit. */

/** A reaction that instances take unless they are told otherwise. */
export type Reaction = "laughing" | "surprised" | "crying" | "purple_heart" | "hundred" | "clap" | "fist" | "thumbs_up" | "thumbs_down" | "wave";

/** Coming on stage. Without consent one is heard live, and is in no recording and no transcript. */
export interface Acceptance {
  consent_to_recording?: boolean;
}

/** Whether others than the host may download. */
export interface Allowed {
  allowed: boolean;
}

/** What a suspended person has to say about their suspension; one appeal each. */
export interface Appeal {
  answer: string;
  at: string;
  decided_at: string | null;
  explanation: string;
  person_id: string;
  reason: string;
  state: AppealState;
  suspended_at: string;
  text: string;
}

/** Where an appeal stands. */
export type AppealState = "open" | "granted" | "rejected" | "lapsed";

/** A page of appeals, newest first. */
export interface Appeals {
  appeals: Appeal[];
  next_cursor: string | null;
}

/** Why, for the log and for whom it concerns. */
export interface Because {
  explanation?: string;
}

/** One final caption: what one person said without a pause of note. */
export interface Caption {
  corrected_by: string | null;
  correction_rejected: boolean;
  end_at: string;
  heard: string | null;
  id: string;
  lang: string;
  person: PersonRef;
  start_at: string;
  text: string;
  words: Word[];
}

/** Another address, or other events; what is left out stays. */
export interface ChangedWebhook {
  events?: string[] | null;
  url?: string | null;
}

/**
 * What is to be otherwise; what is left out stays. Whether it is recorded, captioned or ephemeral is chosen before
 * the start.
 */
export interface Changes {
  captions?: boolean | null;
  ephemeral?: boolean | null;
  lang?: string | null;
  recorded?: boolean | null;
  title?: string | null;
  topics?: string[] | null;
  who_can_join?: WhoCanJoin | null;
  who_can_speak?: WhoCanSpeak | null;
}

/** A chapter of a replay. */
export interface Chapter {
  person: PersonRef | null;
  seconds: number;
  title: string;
  url: string | null;
}

/** The chapters of a replay, in order. */
export interface Chapters {
  chapters: Chapter[];
  seconds: number;
  space_id: string;
}

/** A token for a client of somebody. */
export interface ClientToken {
  expires_at: string;
  person_id: string;
  token: string;
}

/** What becomes of a report: `dismissed` or `acted`. */
export interface Closing {
  explanation?: string;
  outcome: ReportState;
}

/** The account's handle or id, typed by whoever deletes it. */
export interface Confirmed {
  confirmation: string;
}

/** What somebody said, in words. */
export interface CopiedCaption {
  end_at: string;
  id: string;
  person_id: string;
  start_at: string;
  text: string;
}

/** A pinned link. */
export interface CopiedPin {
  person_id: string;
  text: string;
  url: string;
}

/** What somebody said of themself. */
export interface CopiedProfile {
  bio: string;
  handle: string;
  links: string[];
  name: string;
}

/** What became of one piece of a report. */
export type CopyState = "awaited" | "kept" | "deleted" | "unseen" | "given_up" | "destroyed";

/** What was said, in the host's words. */
export interface Corrected {
  text: string;
}

/** A page of attempts, newest first. */
export interface Deliveries {
  deliveries: Delivery[];
  next: number | null;
}

/** One attempt to tell a webhook of an event. What was sent is not kept, nor is the answer. */
export interface Delivery {
  at: string;
  attempt: number;
  error: string;
  event_at: string;
  id: number;
  message_id: string;
  milliseconds: number;
  outcome: Outcome;
  space_id: string | null;
  status: number | null;
  type: string;
}

/** How far somebody's erasure is. */
export interface Erasure {
  erased_at: string;
  forgotten_at: string | null;
  handle_free_at: string | null;
  person_id: string;
}

/**
 * Where what is reported can be seen or heard. What it refers to is copied as it is then (`LookAtCopy`), and the
 * safety copy of its Space is kept longer while the report is open.
 */
export interface Evidence {
  from_seconds?: number | null;
  kind: EvidenceKind;
  reference?: string;
  space_id?: string | null;
  to_seconds?: number | null;
}

/** What a piece of evidence refers to. */
export type EvidenceKind = "moment" | "caption" | "pin" | "request" | "profile" | "title";

/** One thing that was reported. */
export interface EvidencePiece {
  at: string | null;
  captions: CopiedCaption[];
  kind: EvidenceKind;
  message: string;
  number: number;
  pin: CopiedPin | null;
  profile: CopiedProfile | null;
  reference: string;
  sound: KeptSound | null;
  sound_since: string | null;
  sound_until: string | null;
  space_id: string | null;
  state: CopyState;
  title: string;
}

/** One thing that is wrong with a request. */
export interface Fault {
  what: string;
  where: string;
}

/** A chapter as a host sets it. */
export interface GivenChapter {
  person_id?: string | null;
  seconds: number;
  title?: string;
  url?: string | null;
}

/** What somebody may do in a Space right now. */
export interface Grant {
  blocked_on_stage: PersonRef[];
  captions: boolean;
  consent_to_recording: boolean;
  may_publish: boolean;
  muted: boolean;
  person: PersonRef | null;
  recorded: boolean;
  role: Role;
  space_id: string;
  version: number;
}

/** Before which event a reader of a process stands, because it cannot read it. */
export interface Halted {
  event_id: string;
  reader: string;
  sequence: number;
  subject: string;
  why: string;
}

/** Whether a person may host. */
export interface HostingAnswer {
  allowed: boolean;
  first_time: boolean;
  person_id: string;
  reason: HostingReason;
  sentence: string;
  since: string | null;
}

/** Who may host. */
export interface HostingPolicy {
  platforms: PlatformRule[];
  rule: HostingRule;
  since: string | null;
}

/** Why somebody may host, or may not. */
export type HostingReason = "allowed" | "suspended" | "protected" | "too_few_followers" | "not_listed" | "not_yet" | "platform_closed" | "nobody";

/** One rule. Somebody suspended or protected hosts under none. */
export interface HostingRule {
  followers?: number;
  percentage?: number;
  who?: WhoMayHost;
}

/** How people prove who they are here. */
export interface HowToSignIn {
  mode: "development" | "tokens" | "oidc";
  sign_in: string | null;
  sign_out: string | null;
}

/** Somebody who was invited on stage and has not answered yet. */
export interface Invitation {
  expires_at: string;
  invited_by: string | null;
  person: PersonRef;
}

/** A code and what is left of it. */
export interface InvitationCode {
  code: string;
  expires_at: string | null;
  note: string;
  revoked: boolean;
  used: number;
  uses: number;
}

/** Every code, newest first. */
export interface InvitationCodes {
  codes: InvitationCode[];
}

/** What somebody is invited to. */
export type InvitedTo = "speak" | "join";

/** Sound that belongs to a piece. */
export interface KeptSound {
  address: string | null;
  began_at: string | null;
  people: PersonRef[];
  seconds: number;
  state: SoundState;
}

/** What it is for. */
export type Kind = "space" | "conversation";

/** What captions are made of. */
export interface Languages {
  languages: string[];
}

/** A token that got into the wrong hands. */
export interface Leaked {
  token: string;
}

/** What became of the lines. */
export interface LinesTaken {
  faults: RefusedLine[];
  lines: number;
  refused: number;
}

/** Live Spaces, in order of their ids, whoever may join them. */
export interface LivePage {
  next: string | null;
  spaces: SpaceCard[];
}

/** One moderation act, of operators or of the hosts of a Space: who, what, when, why. */
export interface LogEntry {
  act: string;
  actor: PersonRef | null;
  actor_id: string | null;
  after: string;
  api_key: string | null;
  api_key_name: string;
  at: string;
  before: string;
  explanation: string;
  id: string;
  person: PersonRef | null;
  person_id: string | null;
  reason: string;
  report_id: string | null;
  space_id: string | null;
  title: string;
  undoable: boolean;
  undone_by: string | null;
  what: string;
}

/** A page of the log, newest first. */
export interface LogPage {
  entries: LogEntry[];
  next_cursor: string | null;
}

/** Up to 500 people. */
export interface ManyPeople {
  people: ToldOfOneOfMany[];
}

/** Listeners over one minute. */
export interface MinuteCount {
  listeners: number;
  minute: number;
}

/** In the order in which they were told of. */
export interface MirroredPeople {
  people: MirroredPerson[];
}

/** Who somebody is here, or why nothing was taken over. */
export interface MirroredPerson {
  detail: string | null;
  person_id: string | null;
  reason: string | null;
  subject: string;
}

/** What one has to say about one's suspension. */
export interface NewAppeal {
  text: string;
}

/** What `PushManager.subscribe` gave (its `endpoint` is the address), and of what one wants to be told. */
export interface NewBrowser {
  address: string;
  auth: string;
  live?: boolean;
  p256dh: string;
  reminders?: boolean;
}

/** All chapters, in order. */
export interface NewChapters {
  chapters: GivenChapter[];
}

/** A code with which `uses` people may sign up. */
export interface NewCode {
  expires_at?: string | null;
  note?: string;
  uses?: number;
}

/** Whom to invite: to speak, or only to join where only invited people can. */
export interface NewInvitation {
  person_id: string;
  to?: InvitedTo;
}

/**
 * A tip jar, replacing the one before: names by provider. They become public, and that must be acknowledged to
 * enable it.
 */
export interface NewJar {
  enabled: boolean;
  names: Record<string, string>;
  public_names_acknowledged?: boolean;
}

/** Sign-up in development mode. */
export interface NewPerson {
  handle: string;
  invitation?: string | null;
  name: string;
}

/** A link and its preview text. */
export interface NewPin {
  text?: string;
  url: string;
}

/** Who may host from now on. */
export interface NewPolicy {
  explanation?: string;
  platforms?: PlatformRule[];
  rule?: HostingRule;
}

/** What is left out stays as it is. */
export interface NewPrivacy {
  hides_listening?: boolean | null;
  protected?: boolean | null;
}

/** What is left out stays as it is. */
export interface NewProfile {
  bio?: string | null;
  handle?: string | null;
  links?: string[] | null;
  name?: string | null;
}

/** One of the configured reactions; a skin tone (Fitzpatrick modifier) where it takes one. */
export interface NewReaction {
  reaction: string;
  skin_tone?: number | null;
}

/** Removing somebody for good; the reason is for the hosts and the moderation log. */
export interface NewRemoval {
  person_id: string;
  reason?: string;
}

/** A complaint about a person, a Space, or a person in a Space; `reason` is one of `GET /v1/reports/reasons`. */
export interface NewReport {
  comment?: string;
  evidence?: Evidence[];
  person_id?: string | null;
  reason: string;
  space_id?: string | null;
}

/** Asking to speak. Without consent one is heard live, and is in no recording and no transcript. */
export interface NewRequest {
  consent_to_recording?: boolean;
  message?: string;
}

/**
 * Joining a Space: on what, and from where. Who signed up while listening names the anonymous session that this
 * one `replaces`, so that one listener stays one.
 */
export interface NewSession {
  hidden?: boolean;
  platform?: string;
  replaces?: string | null;
  source?: string;
}

/** A Space to be created; it is live at once unless `scheduled_start` (at most 30 days ahead) is given. */
export interface NewSpace {
  captions?: boolean;
  ephemeral?: boolean;
  kind?: Kind;
  lang?: string;
  platform?: string;
  recorded?: boolean;
  scheduled_start?: string | null;
  title: string;
  topics?: string[];
  who_can_join?: WhoCanJoin;
  who_can_speak?: WhoCanSpeak;
  words?: string[];
}

/** Another start, at most 30 days ahead. */
export interface NewStart {
  scheduled_start: string;
}

/** Why somebody is suspended, and for how long. */
export interface NewSuspension {
  explanation?: string;
  reason: string;
  report_id?: string | null;
  until?: string | null;
}

/** A tip for the host or a speaker. The amount is in the currency's minor unit. */
export interface NewTip {
  amount_minor?: number | null;
  currency?: string | null;
  note?: string;
  provider: string;
  to: string;
}

/**
 * An address, and the types of events it wants (`room.started`, `room.*`); without any, all that the key's rights
 * open.
 */
export interface NewWebhook {
  events?: string[];
  url: string;
}

/** One media node: its sessions, and packets since it started. */
export interface NodeFigures {
  address: string;
  capacity: number;
  draining: boolean;
  node_id: string;
  sessions: number;
}

/** The reasons for which one may report and suspend here. */
export interface Offences {
  reasons: string[];
}

/** What became of an attempt. */
export type Outcome = "delivered" | "failed" | "given_up" | "left_out";

/** The instance now. A figure that its service did not tell in time is None. */
export interface OverviewFigures {
  dead_letters: number;
  lost: number;
  lost_lately: number | null;
  media: Record<string, number>;
  next: string | null;
  nodes: NodeFigures[] | null;
  packets: number;
  people_connected: number | null;
  position: string;
  services: Status[];
  spaces: SpaceCard[];
  spaces_live: number | null;
  streams: number;
}

/** A BCP 47 tag; `und` or `auto` to have it found out; null for the language of the Space. */
export interface OwnLanguage {
  lang: string | null;
}

/** Somebody who is there now. */
export interface Participant {
  person: PersonRef;
  role: Role;
}

/** A page of who is there, each person once; anonymous and hidden people are only counted. */
export interface Participants {
  listeners: number;
  next: string | null;
  people: Participant[];
  space_id: string;
}

/** The event that readers go on without, and why, for the log. */
export interface PassedOver {
  event_id: string;
  explanation?: string;
}

/** A Space as it was at an earlier moment, without what was erased since. How many listened then nobody keeps. */
export interface PastSpace {
  created_at: string;
  ended_at: string | null;
  host: PersonRef;
  id: string;
  invitations: Invitation[];
  invited: string[];
  newest: number;
  pins: Pin[];
  removed: string[];
  requests: SpeakRequest[];
  scheduled_start: string | null;
  settings: Settings;
  since: string;
  stage: StageMember[];
  started_at: string | null;
  state: State;
  version: number;
  words: string[];
}

/** Why nothing is sent. */
export type PauseReason = "asked" | "failing" | "gone" | "key_revoked";

/** People by their names: whose handle it is first, then by name. */
export interface PeopleFound {
  people: PersonRef[];
}

/** A profile as everybody may see it. */
export interface Person {
  bio: string;
  followers: number;
  following: number;
  handle: string;
  hides_listening: boolean;
  id: string;
  links: string[];
  name: string;
  picture: string | null;
  protected: boolean;
  version: number;
}

/** A person as others see them. */
export interface PersonRef {
  handle: string;
  id: string;
  name: string;
  picture: string | null;
}

/** A link with its preview text, for everybody in the Space. */
export interface Pin {
  id: string;
  person: PersonRef;
  pinned_at: string;
  text: string;
  url: string;
}

/** A rule for those who come with one kind of client. */
export interface PlatformRule {
  followers?: number;
  percentage?: number;
  platform: string;
  who?: WhoMayHost;
}

/** A problem document (RFC 9457). `reason` is stable and meant for programs, `detail` for people. */
export interface Problem {
  detail: string;
  faults: Fault[] | null;
  instance: string;
  reason: string;
  status: number;
  title: string;
  trace_id: string | null;
  type: string;
}

/** Where a tip is paid: what a client needs to ask for a name there, and for an amount. */
export interface Provider {
  currency: string | null;
  id: string;
  label: string;
  name_example: string;
  name_hint: string;
  name_pattern: string;
  takes_amount: boolean;
}

/** Every provider, in the order in which they are shown. */
export interface Providers {
  providers: Provider[];
}

/** What a connection's receiver reports said of the last seconds, where it is poor: the worst few of a Space. */
export interface Quality {
  at: string;
  direction: "publish" | "subscribe";
  fraction_lost: number;
  jitter_ms: number;
  node_id: string;
  person_id: string | null;
  round_trip_ms: number | null;
  session_id: string;
  space_id: string;
}

/** The list of reactions that this instance takes. */
export interface Reactions {
  reactions: string[];
  with_skin_tone: string[];
}

/** A line that changed nothing. */
export interface RefusedLine {
  detail: string;
  line: number;
  reason: string;
}

/** A Space that somebody is reminded of. */
export interface Reminder {
  scheduled_start: string;
  space_id: string;
  title: string;
}

/** Somebody's reminders of Spaces that are scheduled, the next one first. */
export interface Reminders {
  reminders: Reminder[];
}

/** One event, or those since a time, or of those the ones alone that were given up. */
export interface Replay {
  failed?: boolean;
  message_id?: string | null;
  since?: string | null;
}

/** How far a replay is. */
export type ReplayState = "none" | "recording" | "processing" | "ready" | "failed";

/** How far the replay is, and where its parts are. */
export interface ReplayView {
  began_at: string | null;
  bytes: number;
  downloads: boolean;
  forms: string[];
  mix: string | null;
  seconds: number;
  state: ReplayState;
  tracks: TrackView[];
}

/** What is sent again. */
export interface Replayed {
  events: number;
  more: boolean;
}

/** A complaint about a person, a Space, or somebody in a Space, with what was true when it was made. */
export interface Report {
  at: string;
  closed_at: string | null;
  closed_by: string | null;
  comment: string;
  evidence: Evidence[];
  explanation: string;
  handle: string;
  host_id: string | null;
  id: string;
  name: string;
  person: PersonRef | null;
  person_id: string | null;
  reason: string;
  reporter: PersonRef | null;
  reporter_id: string;
  space_id: string | null;
  state: ReportState;
  title: string;
}

/** What was reported, as it was then. */
export interface ReportEvidence {
  destroyed_at: string | null;
  people: PersonRef[];
  pieces: EvidencePiece[];
  report_id: string;
}

/** What became of a report. */
export type ReportState = "open" | "dismissed" | "acted";

/** A page of reports, newest first. */
export interface Reports {
  next_cursor: string | null;
  reports: Report[];
}

/** What somebody is in a Space. */
export type Role = "host" | "cohost" | "speaker" | "listener";

/** For how long the secret before signs too. */
export interface Rotation {
  keep_seconds?: number;
}

/** Why an act is done to somebody or to a Space, and the report that is answered by it. */
export interface Sanction {
  explanation?: string;
  reason: string;
  report_id?: string | null;
}

/** What became of a test. */
export interface SentTest {
  error: string;
  message_id: string;
  milliseconds: number;
  outcome: Outcome;
  status: number | null;
}

/** What one person said without a pause of note, as its final caption has it or as the host corrected it. */
export interface Sentence {
  caption_id: string;
  corrected: boolean;
  end_at: string;
  lang: string;
  person: PersonRef;
  start_at: string;
  text: string;
}

/** A sentence that answers to a search, with its neighbours. */
export interface SentenceFound {
  after: Sentence | null;
  before: Sentence | null;
  caption_id: string;
  corrected: boolean;
  end_at: string;
  lang: string;
  person: PersonRef;
  replay: boolean;
  seconds: number;
  space_id: string;
  start_at: string;
  text: string;
}

/** A part of the sentences that were found, best first. */
export interface SentencePage {
  approximate: boolean;
  guessed: boolean;
  next_cursor: string | null;
  sentences: SentenceFound[];
  spaces: SpaceCard[];
}

/**
 * A live presence. It ends `lease_seconds` after its last renewal; an open event stream with it renews it.
 *
 * Its id is good for whoever opened it, and an anonymous client's secret.
 */
export interface SessionOpened {
  blocked_on_stage: PersonRef[];
  lease_seconds: number;
  role: Role;
  session_id: string;
}

/** What the host chooses. */
export interface Settings {
  captions: boolean;
  ephemeral: boolean;
  kind: Kind;
  lang: string;
  recorded: boolean;
  title: string;
  topics: string[];
  who_can_join: WhoCanJoin;
  who_can_speak: WhoCanSpeak;
}

/** An address that opens one thing without a token, until it ends. */
export interface SignedLink {
  ends_at: string;
  url: string;
}

/** A new person and the token that proves to be them. */
export interface SignedUp {
  person: Person;
  token: string;
}

/** Whom it is about. */
export interface Somebody {
  person_id: string;
}

/** What became of the sound of one piece of a report. */
export type SoundState = "awaited" | "kept" | "none" | "given_up";

/** A Space in a list. */
export interface SpaceCard {
  because: PersonRef[];
  captions: boolean;
  ended_at: string | null;
  ephemeral: boolean;
  host: PersonRef;
  id: string;
  lang: string;
  listeners: number;
  official: boolean;
  recorded: boolean;
  scheduled_start: string | null;
  speakers: PersonRef[];
  started_at: string | null;
  state: State;
  title: string;
  topics: string[];
}

/** A page of Spaces. */
export interface SpaceCards {
  spaces: SpaceCard[];
}

/** A Space's connections at one node. */
export interface SpaceConnections {
  summary: SpaceQuality;
  worst: Quality[];
}

/** What a host asks about a Space. */
export interface SpaceFigures {
  duration_seconds: number;
  listeners_by_minute: MinuteCount[];
  peak_listeners: number;
  reactions: Record<string, number>;
  sources: Record<string, number>;
  space_id: string;
  speakers: number;
  talk_seconds_by_speaker: Record<string, number>;
  through_sequence: number;
  tips_confirmed: number;
  tips_offered: number;
  total_listeners: number;
}

/** A part of what was found, in order. */
export interface SpacePage {
  approximate: boolean;
  next_cursor: string | null;
  spaces: SpaceCard[];
  spoken: Spoken[];
  states: State[];
}

/** A page of people whom a Space keeps on a list, in order of their ids. */
export interface SpacePeople {
  ids: string[];
  next: string | null;
  people: PersonRef[];
  space_id: string;
  version: number;
}

/** How a Space's listeners at one node fare, every ten seconds or so while any of them reports. */
export interface SpaceQuality {
  at: string;
  fraction_lost: Spread | null;
  jitter_ms: Spread | null;
  listeners: number;
  lost: number;
  node_id: string;
  packets: number;
  reporting: number;
  round_trip_ms: Spread | null;
  space_id: string;
}

/** A Space as the asker may see it, and how many listen now. */
export interface SpaceView {
  captions_in: string[] | null;
  created_at: string;
  ended_at: string | null;
  host: PersonRef;
  id: string;
  invitations: Invitation[];
  invited: string[];
  listeners: number;
  pins: Pin[];
  removed: string[];
  requests: SpeakRequest[];
  scheduled_start: string | null;
  settings: Settings;
  stage: StageMember[];
  started_at: string | null;
  state: State;
  version: number;
  words: string[];
}

/** Somebody waiting to speak; the queue is in order of `requested_at`. */
export interface SpeakRequest {
  consent_to_recording: boolean;
  lost_until: string | null;
  message: string;
  person: PersonRef;
  requested_at: string;
}

/** A sentence of a replay that has the words. */
export interface Spoken {
  caption_id: string;
  seconds: number;
  space_id: string;
  text: string;
}

/** How a figure is spread over connections. */
export interface Spread {
  p50: number;
  p95: number;
  worst: number;
}

/** Somebody with a place on stage. */
export interface StageMember {
  consent_to_recording: boolean;
  hand_raised: boolean;
  joined_at: string;
  lang: string | null;
  lost_until: string | null;
  muted: boolean;
  person: PersonRef;
  role: Role;
}

/** Lifecycle of a Space. */
export type State = "scheduled" | "live" | "ended" | "canceled" | "timed_out" | "deleted";

/** One process: whether it is ready, and if not, what is missing. */
export interface Status {
  halted: Halted[];
  health_port: number;
  instance: string;
  missing: Record<string, string>;
  pid: number;
  ready: boolean;
  service: string;
}

/** A browser that is told. */
export interface Subscription {
  created_at: string;
  id: string;
  live: boolean;
  reminders: boolean;
  service: string;
}

/** A person's browsers, oldest first, and what another one needs to subscribe. */
export interface Subscriptions {
  key: string;
  subscriptions: Subscription[];
}

/** Why somebody is suspended, and for how long. */
export interface Suspension {
  explanation?: string;
  reason: string;
  until?: string | null;
}

/** One tip. Amounts are integers in the currency's minor unit; None where the provider takes no amount. */
export interface Tip {
  amount_minor: number | null;
  currency: string | null;
  id: string;
  link: string;
  note: string;
  offered_at: string;
  payer: string;
  provider: string;
  recipient: string;
  space_id: string;
  state: TipState;
  version: number;
}

/** A person's names at the providers; public once enabled. */
export interface TipJar {
  enabled: boolean;
  names: Record<string, string>;
  person_id: string;
  version: number;
}

/** How far a tip is known to be. Never `paid` on the payer's word. */
export type TipState = "offered" | "opened" | "confirmed" | "withdrawn";

/** Tips of a Space, oldest first. */
export interface Tips {
  tips: Tip[];
}

/** What the product says of somebody; what is left out is not said. */
export interface ToldOfOne {
  handle?: string | null;
  name?: string | null;
  protected?: boolean | null;
}

/** The same, with the product's own id of the person. */
export interface ToldOfOneOfMany {
  handle?: string | null;
  name?: string | null;
  protected?: boolean | null;
  subject: string;
}

/** The list of topics a Space may be about. */
export interface Topics {
  topics: string[];
}

/** One speaker's own audio. */
export interface TrackView {
  bytes: number;
  offset_seconds: number;
  person: PersonRef;
  seconds: number;
  url: string;
}

/** Final captions of a Space in order of `start_at`: all of them, or as many as one answer carries. */
export interface Transcript {
  captions: Caption[];
  languages: string[];
  more: boolean;
  space_id: string;
  state: "none" | "open" | "complete";
  version: number;
}

/** The answer to an appeal. */
export interface Verdict {
  answer?: string;
  granted: boolean;
}

/** What a link is wanted for. */
export interface Wanted {
  address: string;
}

/** A token for a client of somebody. */
export interface WantedToken {
  rights?: ("listen" | "take_part" | "host" | "account")[];
  seconds?: number;
}

/** An address that is told of events. Its secrets are told once, when they are made. */
export interface Webhook {
  created_at: string;
  events: string[];
  failing_since: string | null;
  former_secret_until: string | null;
  id: string;
  key_id: string | null;
  next_attempt_at: string | null;
  paused_because: PauseReason | null;
  retried: number;
  rights: ("people" | "relations" | "moderation" | "spaces" | "tokens" | "events" | "webhooks")[];
  state: WebhookState;
  url: string;
  waiting: number;
}

/** Whether events are sent. */
export type WebhookState = "active" | "failing" | "paused";

/** A webhook whose secret was made just now. */
export interface WebhookWithSecret {
  created_at: string;
  events: string[];
  failing_since: string | null;
  former_secret_until: string | null;
  id: string;
  key_id: string | null;
  next_attempt_at: string | null;
  paused_because: PauseReason | null;
  retried: number;
  rights: ("people" | "relations" | "moderation" | "spaces" | "tokens" | "events" | "webhooks")[];
  secret: string;
  state: WebhookState;
  url: string;
  waiting: number;
}

/** Webhooks, oldest first. */
export interface Webhooks {
  webhooks: Webhook[];
}

/** Who may listen. */
export type WhoCanJoin = "everyone" | "followers" | "invited";

/** Who may come on stage without being let in. */
export type WhoCanSpeak = "everyone" | "followed" | "invited";

/** The kinds of rule. */
export type WhoMayHost = "everyone" | "followers" | "listed" | "percentage" | "nobody";

/** One word of a caption. Times are in seconds after the caption's `start_at`. */
export interface Word {
  confidence: number | null;
  end: number;
  start: number;
  text: string;
}

/** Names, brands and terms that captions should be able to write: up to 50, each of up to 40 characters. */
export interface WordList {
  words: string[];
}

