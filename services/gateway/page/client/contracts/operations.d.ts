/** What the HTTP API's operations take and answer. Written from the contracts by `make contracts`; do not edit. */

import type {
  Acceptance,
  Allowed,
  Appeal,
  AppealState,
  Appeals,
  Because,
  ChangedWebhook,
  Changes,
  Chapters,
  ClientToken,
  Closing,
  Confirmed,
  Corrected,
  Deliveries,
  Erasure,
  Grant,
  HostingAnswer,
  HostingPolicy,
  HowToSignIn,
  InvitationCode,
  InvitationCodes,
  InvitedTo,
  Languages,
  Leaked,
  LinesTaken,
  LivePage,
  LogPage,
  ManyPeople,
  MirroredPeople,
  NewAppeal,
  NewBrowser,
  NewChapters,
  NewCode,
  NewInvitation,
  NewJar,
  NewPerson,
  NewPin,
  NewPolicy,
  NewPrivacy,
  NewProfile,
  NewReaction,
  NewRemoval,
  NewReport,
  NewRequest,
  NewSession,
  NewSpace,
  NewStart,
  NewSuspension,
  NewTip,
  NewWebhook,
  Offences,
  OverviewFigures,
  OwnLanguage,
  Participants,
  PassedOver,
  PastSpace,
  PeopleFound,
  Person,
  Providers,
  Reactions,
  Reminders,
  Replay,
  ReplayView,
  Replayed,
  Report,
  ReportEvidence,
  ReportState,
  Reports,
  Rotation,
  Sanction,
  SentTest,
  SentencePage,
  SessionOpened,
  SignedLink,
  SignedUp,
  Somebody,
  SpaceCards,
  SpaceConnections,
  SpaceFigures,
  SpacePage,
  SpacePeople,
  SpaceView,
  Subscription,
  Subscriptions,
  Suspension,
  Tip,
  TipJar,
  Tips,
  ToldOfOne,
  Topics,
  Transcript,
  Verdict,
  Wanted,
  WantedToken,
  Webhook,
  WebhookWithSecret,
  Webhooks,
  WordList,
} from "./api.js";

/** What can be said of any call. */
export interface Options {
  /** `Idempotency-Key` of a command; a fresh one by default. */
  key?: string;
  /** Not again where nobody answers. */
  once?: boolean;
  /** Only the head of the answer to a GET. */
  head?: boolean;
  /** Also while the page goes away. */
  keepalive?: boolean;
  /** In milliseconds. */
  timeout?: number;
  /** As whose it is, instead of the client's; null: as nobody. */
  token?: string | null;
}

/** A method for each operation. */
export interface Calls {
  /** Come on stage. */
  acceptInvitation(space_id: string, body?: Acceptance | null, options?: Options): Promise<SpaceView>;
  /** Let somebody in. */
  acceptRequest(space_id: string, person_id: string, options?: Options): Promise<SpaceView>;
  /** Whether one may join, and whom on stage one has blocked, to be warned before joining. */
  admission(space_id: string, options?: Options): Promise<Grant>;
  /** The host lets everybody who may play the replay download it, or keeps that to themselves, as it is at first. */
  allowDownloads(space_id: string, body: Allowed, options?: Options): Promise<null>;
  /** Put somebody on the list of those who may host. */
  allowHosting(person_id: string, options?: Options): Promise<null>;
  /** Appeal against one's suspension, once. */
  appeal(body: NewAppeal, options?: Options): Promise<Appeal>;
  /** The host makes somebody on stage a co-host. */
  appointCohost(space_id: string, person_id: string, options?: Options): Promise<SpaceView>;
  /** Block somebody: neither joins the other's Spaces. Again is fine. */
  block(person_id: string, options?: Options): Promise<null>;
  /**
   * Spaces that one may join: live ones by listeners, scheduled ones by their start, ended ones newest first; with
   * words by relevance.
   */
  browse(options?: Options & { query?: { state?: "live" | "scheduled" | "ended" | "all" | null | undefined; q?: string | null | undefined; spoken?: boolean | null | undefined; topic?: string | null | undefined; lang?: string | null | undefined; creator?: string | null | undefined; from?: string | null | undefined; to?: string | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined } }): Promise<SpacePage>;
  /** Leave the queue. */
  cancelRequest(space_id: string, options?: Options): Promise<SpaceView>;
  /** The host cancels a scheduled Space. */
  cancelSpace(space_id: string, options?: Options): Promise<SpaceView>;
  /** Choose who may host from now on. */
  changeHostingPolicy(body: NewPolicy, options?: Options): Promise<HostingPolicy>;
  /**
   * Upload one's picture: JPEG, PNG or WebP, 2 MB at most. Its middle is kept as a square, and nothing of the file
   * besides, such as where a photo was taken. Others see it everywhere at once.
   */
  changePicture(body: string | Blob, options?: Options): Promise<Person>;
  /** Protect one's account, or hide which Spaces one listens to. */
  changePrivacy(body: NewPrivacy, options?: Options): Promise<Person>;
  /** Change one's handle, name, bio or links. Others see it everywhere at once; the old handle is free for them. */
  changeProfile(body: NewProfile, options?: Options): Promise<Person>;
  /** The host chooses otherwise. */
  changeSpace(space_id: string, body: Changes, options?: Options): Promise<SpaceView>;
  /** A host or co-host chooses the word list anew; it helps with what is said next. */
  changeWords(space_id: string, body: WordList, options?: Options): Promise<SpaceView>;
  /** Say on stage what one speaks, for one's captions; it holds from what one says next. */
  chooseLanguage(space_id: string, body: OwnLanguage, options?: Options): Promise<SpaceView>;
  /** Be reminded no longer; fine also where one was not to be. */
  clearReminder(space_id: string, options?: Options): Promise<null>;
  /** Dismiss a report, or say that something was done. */
  closeReport(report_id: string, body: Closing, options?: Options): Promise<Report>;
  /**
   * Leave, also the queue; fine also where the session is gone already. Who has signed up meanwhile may close the
   * session that they had before.
   */
  closeSession(space_id: string, session_id: string, options?: Options): Promise<null>;
  /** The recipient says that it arrived. */
  confirmTip(tip_id: string, options?: Options): Promise<Tip>;
  /** The host puts other words in place of what was heard; what was heard takes that back. */
  correctCaption(space_id: string, caption_id: string, body: Corrected, options?: Options): Promise<null>;
  /** Create a Space with oneself as host. */
  createSpace(body: NewSpace, options?: Options): Promise<SpaceView>;
  /** Grant somebody's open appeal, which ends their suspension, or reject it. */
  decideAppeal(person_id: string, body: Verdict, options?: Options): Promise<Appeal>;
  /** Say no. */
  declineInvitation(space_id: string, options?: Options): Promise<SpaceView>;
  /** Say no. */
  declineRequest(space_id: string, person_id: string, options?: Options): Promise<SpaceView>;
  /** Who said it, or the host, deletes it for good; again is fine. */
  deleteCaption(space_id: string, caption_id: string, options?: Options): Promise<null>;
  /**
   * Delete one's account for ever, also while it is suspended: nothing of it can be had back.
   *
   * All tokens open nothing any more from now on, and nobody is shown the person. What they wrote and said is unreadable
   * within minutes.
   */
  deleteMe(body: Confirmed, options?: Options): Promise<Erasure>;
  /** Delete somebody's account for ever. The log keeps ids, and reports keep what was reported. */
  deletePerson(person_id: string, body: Confirmed, options?: Options): Promise<Erasure>;
  /** The host deletes the replay, its tracks and its transcript; again is fine. */
  deleteReplay(space_id: string, options?: Options): Promise<null>;
  /**
   * The host deletes a Space that is scheduled or over, with everything that was said and written in it; operators
   * any. Of its replay a safety copy is kept for reports, sealed, for its time.
   */
  deleteSpace(space_id: string, options?: Options): Promise<null>;
  /** The host deletes the transcript, and keeps the replay; again is fine. */
  deleteTranscript(space_id: string, options?: Options): Promise<null>;
  /** The host makes a co-host a speaker again. */
  dismissCohost(space_id: string, person_id: string, options?: Options): Promise<SpaceView>;
  /**
   * The mix as a file, where the host lets the asker have it; ranges are served.
   *
   * A file is made when it is first asked for. Until it is there the answer is 409, `not_ready`: ask again.
   */
  downloadMix(space_id: string, form: string, options?: Options & { query?: { access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<Response>;
  /** One speaker's own audio as a file, where the host lets the asker have it; ranges are served. */
  downloadTrack(space_id: string, person_id: string, options?: Options & { query?: { access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<Response>;
  /** The host ends it. */
  endSpace(space_id: string, options?: Options): Promise<SpaceView>;
  /** End a Space, at once. */
  endSpaceByPlatform(space_id: string, body: Sanction, options?: Options): Promise<SpaceView>;
  /**
   * A copy of everything that there is about oneself, also while one is suspended; a few times an hour.
   *
   * A part of the system that is away is named (503): there is no copy without its part. HEAD tells whether it could be
   * had, and counts for nothing.
   */
  exportMe(options?: Options & { query?: { link?: string | null | undefined } }): Promise<Response>;
  /** A copy of everything that there is about somebody, for operators. That it is made is put on the log. */
  exportPerson(person_id: string, options?: Options & { query?: { access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<Response>;
  /** Fill, change or close one's tip jar. */
  fillTipJar(body: NewJar, options?: Options): Promise<TipJar>;
  /**
   * People by name or handle, to invite them: not oneself, nobody suspended, nobody between whom and oneself is a
   * block.
   */
  findPeople(options: Options & { query: { q: string; limit?: number | null | undefined } }): Promise<PeopleFound>;
  /** Follow somebody; again is fine. */
  follow(person_id: string, options?: Options): Promise<null>;
  /** Figures of a Space, for its host. */
  getAnalytics(space_id: string, options?: Options): Promise<SpaceFigures>;
  /** Appeals, newest first; those who are no operators see their own. */
  getAppeals(options?: Options & { query?: { state?: AppealState | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined } }): Promise<Appeals>;
  /** What languages there are captions in; whoever speaks another one has none. */
  getCaptionLanguages(options?: Options): Promise<Languages>;
  /** The chapters of the replay, as its host set them; none until then. */
  getChapters(space_id: string, options?: Options & { query?: { access_token?: string | null | undefined } }): Promise<Chapters>;
  /** The chapters as players read them: JSON as in Podcasting 2.0, or WebVTT. */
  getChaptersFile(space_id: string, format: string, options?: Options & { query?: { access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<Response>;
  /** How far somebody's erasure is. */
  getErasure(person_id: string, options?: Options): Promise<Erasure>;
  /** Who may host; no secret. */
  getHostingPolicy(options?: Options): Promise<HostingPolicy>;
  /** How to sign in. */
  getIdentity(options?: Options): Promise<HowToSignIn>;
  /** The codes to sign up with. */
  getInvitations(options?: Options): Promise<InvitationCodes>;
  /** Every live Space in which somebody one follows is on stage. */
  getLiveBar(options?: Options & { query?: { limit?: number | null | undefined } }): Promise<SpaceCards>;
  /** What players read before any part. */
  getLiveHeader(space_id: string, options: Options & { query: { key: string } }): Promise<Response>;
  /** A third of a second of what is said; the one that is made now, once it is. */
  getLivePart(space_id: string, number: string, options: Options & { query: { key: string } }): Promise<Response>;
  /**
   * The low-latency HLS playlist of a live Space: all of a recorded one from its start, and the last half minute of
   * any other.
   *
   * A Space that is not recorded is mixed from the first request on; the answer waits for its first segment (2 s). With
   * `_HLS_msn` the answer waits for what is made next. Whoever may not listen any more is refused at once.
   */
  getLivePlaylist(space_id: string, options?: Options & { query?: { _HLS_msn?: number | null | undefined; _HLS_part?: number | null | undefined; _HLS_skip?: "YES" | "v2" | null | undefined; access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<Response>;
  /** Two seconds of what is said. */
  getLiveSegment(space_id: string, number: string, options: Options & { query: { key: string } }): Promise<Response>;
  /** Everything that is live, invitation-only Spaces too, a page at a time. */
  getLiveSpaces(options?: Options & { query?: { after?: string | null | undefined; limit?: number | null | undefined; access_token?: string | null | undefined } }): Promise<LivePage>;
  /** The signed-in person. */
  getMe(options?: Options): Promise<Person>;
  /** The mix; ranges are served. */
  getMix(space_id: string, options?: Options & { query?: { access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<Response>;
  /** Who did what to whom, when and why, newest first: operators everywhere, hosts in their Spaces. */
  getModerationLog(options?: Options & { query?: { person_id?: string | null | undefined; space_id?: string | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined } }): Promise<LogPage>;
  /** One's appeals, newest first. */
  getMyAppeals(options?: Options): Promise<Appeals>;
  /** The instance now: services, live Spaces, people, media. */
  getOverview(options?: Options & { query?: { access_token?: string | null | undefined } }): Promise<OverviewFigures>;
  /** One profile. */
  getPerson(person_id: string, options?: Options): Promise<Person>;
  /** Somebody's picture, as WebP. Whoever knows its address may have it. */
  getPicture(person_id: string, options?: Options & { query?: { size?: "128" | "512" | null | undefined; v?: string | null | undefined } }): Promise<Response>;
  /**
   * A host's recorded Spaces that everybody may join: those to come, those that are live, and replays.
   *
   * Its addresses need no token, and whether they may be read is decided each time. Those of a replay that was deleted
   * are gone (410).
   */
  getPodcast(person_id: string, options?: Options): Promise<Response>;
  /** The browsers in which one is told, and the `applicationServerKey` with which another one subscribes. */
  getPush(options?: Options): Promise<Subscriptions>;
  /** The scheduled Spaces one is reminded of, the next one first. */
  getReminders(options?: Options): Promise<Reminders>;
  /** How far the replay is, and where its parts are. */
  getReplay(space_id: string, options?: Options & { query?: { access_token?: string | null | undefined } }): Promise<ReplayView>;
  /** What was reported, as it was then. That it is read is put on the log. */
  getReportEvidence(report_id: string, options?: Options): Promise<ReportEvidence>;
  /** What one may report here. */
  getReportReasons(options?: Options): Promise<Offences>;
  /** Reports, newest first. */
  getReports(options?: Options & { query?: { state?: ReportState | null | undefined; person_id?: string | null | undefined; space_id?: string | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined } }): Promise<Reports>;
  /** One Space as one may see it; for those who may join it, and once it is over for who stood on stage. */
  getSpace(space_id: string, options?: Options & { query?: { at?: string | null | undefined } }): Promise<SpaceView | PastSpace>;
  /** How a Space's connections fare now, at each media node that has listeners of it; the worst of them singly. */
  getSpaceQuality(space_id: string, options?: Options & { query?: { access_token?: string | null | undefined } }): Promise<SpaceConnections[]>;
  /** A person's tip jar; names only where it is enabled, or for its owner. */
  getTipJar(person_id: string, options?: Options): Promise<TipJar>;
  /** Where tips can be paid. */
  getTipProviders(options?: Options): Promise<Providers>;
  /** The tips of a Space that one gave or was offered. */
  getTips(space_id: string, options?: Options): Promise<Tips>;
  /** One speaker's own audio; ranges are served. */
  getTrack(space_id: string, person_id: string, options?: Options & { query?: { access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<Response>;
  /** Every final caption so far. */
  getTranscript(space_id: string, options?: Options & { query?: { access_token?: string | null | undefined } }): Promise<Transcript>;
  /** The transcript as a file: WebVTT, SubRip, plain text or JSON. */
  getTranscriptFile(space_id: string, format: string, options?: Options & { query?: { access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<Response>;
  /** The host leaves, and a co-host is the host from now on. */
  handOver(space_id: string, body: Somebody, options?: Options): Promise<SpaceView>;
  /** Close a connection. */
  hangUp(resource_id: string, options?: Options): Promise<null>;
  /** The sound of a piece; ranges are served. All that one operator asks for within an hour is one look. */
  hearReportEvidence(report_id: string, piece: string, options?: Options & { query?: { access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<null>;
  /** The mix; ranges are served. */
  hearSafetyCopy(space_id: string, options: Options & { query: { report: string; access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<null>;
  /** What one person said; ranges are served. */
  hearSafetyCopyOf(space_id: string, person_id: string, options: Options & { query: { report: string; access_token?: string | null | undefined; link?: string | null | undefined } }): Promise<null>;
  /** Invite somebody. */
  invite(space_id: string, body: NewInvitation, options?: Options): Promise<SpaceView>;
  /** Everybody who is invited, for the hosts, a page at a time. */
  invitedPeople(space_id: string, options?: Options & { query?: { limit?: number | null | undefined; after?: string | null | undefined } }): Promise<SpacePeople>;
  /** Make a code to sign up with. */
  issueInvitation(body: NewCode, options?: Options): Promise<InvitationCode>;
  /** Step down, or as a host move somebody back to the listeners. */
  leaveStage(space_id: string, person_id: string, options?: Options): Promise<SpaceView>;
  /**
   * Changes of one's live bar, and what one is told wherever one is: reminders, invitations to join a Space, and
   * corrections of one's words.
   */
  liveBarEvents(options?: Options & { query?: { last_event_id?: string | null | undefined; access_token?: string | null | undefined } }): Promise<Response>;
  /** Lower one's hand, or as a host anybody's. */
  lowerHand(space_id: string, person_id: string, options?: Options): Promise<SpaceView>;
  /**
   * Make a link that opens one file as oneself for a quarter of an hour, or a playlist for six hours.
   *
   * Whether one may have the file is decided when the link is used: whoever is suspended may have their data alone.
   */
  makeLink(body: Wanted, options?: Options): Promise<SignedLink>;
  /** Whether one may host, why not, since when, and whether it would be the first time. */
  mayIHost(options?: Options & { query?: { platform?: string | null | undefined } }): Promise<HostingAnswer>;
  /** Whether somebody may host. */
  mayTheyHost(person_id: string, options?: Options & { query?: { platform?: string | null | undefined } }): Promise<HostingAnswer>;
  /** What a connection takes. */
  mediaOptions(resource_id: string, options?: Options): Promise<null>;
  /** Mute oneself, or as a host anybody. */
  mute(space_id: string, person_id: string, options?: Options): Promise<SpaceView>;
  /** A host mutes everybody else on stage. */
  muteAll(space_id: string, options?: Options): Promise<SpaceView>;
  /** Tip the host or a speaker. */
  offerTip(space_id: string, body: NewTip, options?: Options): Promise<Tip>;
  /** Join: open a session, anonymously without a token. */
  openSession(space_id: string, body?: NewSession | null, options?: Options): Promise<SessionOpened>;
  /** The payer followed the link. */
  openTip(tip_id: string, options?: Options): Promise<Tip>;
  /** Everything that is for those who run the instance. */
  operatorEvents(options?: Options & { query?: { last_event_id?: string | null | undefined; access_token?: string | null | undefined } }): Promise<Response>;
  /** Who is there now, a page at a time; anonymous and hidden people are only counted. */
  participants(space_id: string, options?: Options & { query?: { limit?: number | null | undefined; after?: string | null | undefined } }): Promise<Participants>;
  /** Let whoever stands before an event that they cannot read go on without it; the log says so. */
  passOverEvent(body: PassedOver, options?: Options): Promise<null>;
  /** Pin a link for everybody; for people on stage. */
  pin(space_id: string, body: NewPin, options?: Options): Promise<SpaceView>;
  /**
   * For the host, chapters that the replay could have: where something was pinned, and where somebody else leads the
   * talk. Nobody else is shown them before the host sets them.
   */
  proposeChapters(space_id: string, options?: Options & { query?: { access_token?: string | null | undefined } }): Promise<Chapters>;
  /** Raise a hand; it stays until it is lowered or one unmutes. */
  raiseHand(space_id: string, options?: Options): Promise<SpaceView>;
  /** React. */
  react(space_id: string, body: NewReaction, options?: Options): Promise<null>;
  /** How one can react. */
  reactions(options?: Options): Promise<Reactions>;
  /** Undo a removal. */
  readmitPerson(space_id: string, person_id: string, options?: Options): Promise<SpaceView>;
  /** End somebody's suspension. */
  reinstate(person_id: string, body?: Because | null, options?: Options): Promise<null>;
  /** The speaker has what was heard shown instead of the host's words, for good; again is fine. */
  rejectCorrection(space_id: string, caption_id: string, options?: Options): Promise<null>;
  /** Remove somebody for good. */
  removePerson(space_id: string, body: NewRemoval, options?: Options): Promise<SpaceView>;
  /** Have no picture any more; again is fine. */
  removePicture(options?: Options): Promise<Person>;
  /** Everybody who is out, for the hosts, a page at a time. */
  removedPeople(space_id: string, options?: Options & { query?: { limit?: number | null | undefined; after?: string | null | undefined } }): Promise<SpacePeople>;
  /** Say that one is still there; not needed while an event stream is open with the session. */
  renewSession(space_id: string, session_id: string, options?: Options): Promise<null>;
  /** Look at a report again. */
  reopenReport(report_id: string, body?: Because | null, options?: Options): Promise<Report>;
  /** Report a person or a Space to those who run this place. */
  report(body: NewReport, options?: Options): Promise<Report>;
  /** Ask to speak. */
  requestToSpeak(space_id: string, body?: NewRequest | null, options?: Options): Promise<SpaceView>;
  /** The host chooses another start. */
  rescheduleSpace(space_id: string, body: NewStart, options?: Options): Promise<SpaceView>;
  /** Make a code worthless. */
  revokeInvitation(code: string, options?: Options): Promise<InvitationCode>;
  /** Sign out here: the token that is sent opens nothing any more, and what it opened ends. */
  revokeMyToken(options?: Options): Promise<null>;
  /** Sign out everywhere: none of one's tokens opens anything any more. */
  revokeMyTokens(options?: Options): Promise<null>;
  /** Take back one token, whoever's it is. */
  revokeToken(body: Leaked, options?: Options): Promise<null>;
  /** Take back all tokens of somebody; they may sign in again, which suspending them would prevent. */
  revokeTokensOf(person_id: string, options?: Options): Promise<null>;
  /**
   * Sentences that were said in Spaces, live or over, whose transcript one may read: each with its neighbours and
   * the second to jump to, best first.
   */
  searchTranscripts(options?: Options & { query?: { q?: string | null | undefined; speaker?: string | null | undefined; space?: string | null | undefined; from?: string | null | undefined; to?: string | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined; access_token?: string | null | undefined } }): Promise<SentencePage>;
  /** Have an address told of events from now on. The secret that signs them is shown once. */
  serverAddWebhook(body: NewWebhook, options?: Options): Promise<WebhookWithSecret>;
  /**
   * Change who follows and blocks whom: a JSON object in each line, 2 MiB at most, applied in order.
   *
   * A line that was applied before changes nothing. So send a body again if it was not answered: an import of millions
   * continues with the first such body. It is fastest if the lines of one person follow each other.
   */
  serverChangeRelations(body: string | Blob, options?: Options): Promise<LinesTaken>;
  /** Choose another address or other events. */
  serverChangeWebhook(webhook_id: string, body: ChangedWebhook, options?: Options): Promise<Webhook>;
  /** Create a Space with somebody as its host, who may host as by themself. */
  serverCreateSpace(body: NewSpace, options: Options & { query: { subject: string } }): Promise<SpaceView>;
  /** The attempts of the last days, newest first. */
  serverDeliveries(webhook_id: string, options?: Options & { query?: { before?: number | null | undefined; failed?: boolean | null | undefined; message_id?: string | null | undefined; limit?: number | null | undefined } }): Promise<Deliveries>;
  /** Erase somebody for ever, as if they had deleted their account. Told of again, they are somebody new. */
  serverErasePerson(options: Options & { query: { subject: string } }): Promise<Erasure>;
  /**
   * Everything that happens in all Spaces, as their hosts are told it.
   *
   * A stream that is resumed has all that was missed, as fast as it is read. After `reset` something may be missing. It
   * ends when the key is revoked, or no longer good after it was rotated.
   */
  serverEvents(options?: Options & { query?: { types?: string | null | undefined; space?: string | null | undefined; last_event_id?: string | null | undefined } }): Promise<Response>;
  /** Somebody as they are here. */
  serverGetPerson(options: Options & { query: { subject: string } }): Promise<Person>;
  /** Make a short-lived token with which a client acts as somebody. */
  serverMakeToken(body: WantedToken | null, options: Options & { query: { subject: string } }): Promise<ClientToken>;
  /** Send nothing for now; what happens waits. */
  serverPauseWebhook(webhook_id: string, options?: Options): Promise<Webhook>;
  /** Say who many people are. Each is told of in its place; again is fine. */
  serverPutPeople(body: ManyPeople, options?: Options): Promise<MirroredPeople>;
  /** Say who somebody is; whoever is new is registered. Again is fine. */
  serverPutPerson(body: ToldOfOne, options: Options & { query: { subject: string } }): Promise<Person>;
  /** End somebody's suspension. */
  serverReinstate(body: Because | null, options: Options & { query: { subject: string } }): Promise<null>;
  /** Forget a webhook, with its secrets and everything that waits for it. */
  serverRemoveWebhook(webhook_id: string, options?: Options): Promise<Webhook>;
  /** Send events again that are kept, with the ids they had. */
  serverReplayDeliveries(webhook_id: string, body: Replay, options?: Options): Promise<Replayed>;
  /** Send again, beginning with what waits; at once, also where it fails. */
  serverResumeWebhook(webhook_id: string, options?: Options): Promise<Webhook>;
  /** Make another secret, which is shown once. The one before signs too for a day, or as long as you say. */
  serverRotateWebhookSecret(webhook_id: string, body?: Rotation | null, options?: Options): Promise<WebhookWithSecret>;
  /** Take back all tokens of somebody: they leave every Space, and what they opened ends. */
  serverSignOut(options: Options & { query: { subject: string } }): Promise<null>;
  /** Refuse somebody everywhere, at once. */
  serverSuspend(body: Suspension, options: Options & { query: { subject: string } }): Promise<null>;
  /** Send an event of the type `test` at once, and say what became of it. */
  serverTestWebhook(webhook_id: string, options?: Options): Promise<SentTest>;
  /** The webhooks that this API key added. */
  serverWebhooks(options?: Options): Promise<Webhooks>;
  /** The host sets the chapters, in place of those before; an empty list removes them. */
  setChapters(space_id: string, body: NewChapters, options?: Options): Promise<null>;
  /** Be reminded of a scheduled Space that one may see; again is fine. */
  setReminder(space_id: string, options?: Options): Promise<null>;
  /** Sign up, and get a token (development identity only). */
  signUp(body: NewPerson, options?: Options): Promise<SignedUp>;
  /**
   * The live events of a Space, as far as one may see them.
   *
   * The same as messages of a WebSocket: `/v1/spaces/{space_id}/live`, with the same parameters, each
   * `{"id", "event", "data"}`.
   *
   * Between them, without an id and only to whoever has a connection at that media node: `media.node_lost` (the node is
   * gone: connect again) and `media.node_draining` (connect again, and hang up when that is done), with
   * `{"node_id", "sessions"}` as data; a session is the first part of a connection's address. An anonymous listener is
   * known by giving the same `session` here and to WHEP.
   */
  spaceEvents(space_id: string, options?: Options & { query?: { session?: string | null | undefined; last_event_id?: string | null | undefined; access_token?: string | null | undefined } }): Promise<Response>;
  /** The host starts a scheduled Space. */
  startSpace(space_id: string, options?: Options): Promise<SpaceView>;
  /**
   * Be told in this browser, until one signs out there; again changes of what. Who used it before is told there no
   * more. Beyond 10 browsers, the one that was added first is told no more.
   */
  subscribePush(body: NewBrowser, options?: Options): Promise<Subscription>;
  /** Refuse somebody everywhere, at once. */
  suspend(person_id: string, body: NewSuspension, options?: Options): Promise<null>;
  /** Remove somebody's picture, for good: it is shown nowhere from then on. They may have another one. */
  takePictureAway(person_id: string, body?: Because | null, options?: Options): Promise<null>;
  /** The token of whoever has just come back from signing in, once, for the page of this site alone. */
  takeToken(options?: Options): Promise<SignedUp>;
  /** What a Space may be about. */
  topics(options?: Options): Promise<Topics>;
  /** Trickle ICE candidates (RFC 8840) into the ICE session named by `If-Match`, or begin another with `*`. */
  trickle(resource_id: string, body: string | Blob, options?: Options): Promise<Response>;
  /** Lift a block; fine also where there is none. */
  unblock(person_id: string, options?: Options): Promise<null>;
  /** Take an act back, where it can be. */
  undoAct(entry_id: string, body?: Because | null, options?: Options): Promise<null>;
  /** Follow somebody no longer; fine also where one did not. */
  unfollow(person_id: string, options?: Options): Promise<null>;
  /** Open one's own microphone. */
  unmute(space_id: string, person_id: string, options?: Options): Promise<SpaceView>;
  /** Take a link away: one's own, or as a host any. */
  unpin(space_id: string, pin_id: string, options?: Options): Promise<SpaceView>;
  /** Be told in no browser any more. */
  unsubscribeAllPush(options?: Options): Promise<null>;
  /** Be told no longer in one browser; fine also where one was not. */
  unsubscribePush(subscription_id: string, options?: Options): Promise<null>;
  /** Listen: offer one to three audio tracks to receive; anonymously without a token. */
  whep(space_id: string, body: string | Blob, options?: Options & { query?: { session?: string | null | undefined } }): Promise<Response>;
  /** What WHEP takes. */
  whepOptions(space_id: string, options?: Options): Promise<null>;
  /** Speak: offer one audio track. */
  whip(space_id: string, body: string | Blob, options?: Options & { query?: { session?: string | null | undefined } }): Promise<Response>;
  /** What WHIP takes. */
  whipOptions(space_id: string, options?: Options): Promise<null>;
  /** Take somebody off the list of those who may host. */
  withdrawHosting(person_id: string, options?: Options): Promise<null>;
  /** Take an invitation back: to speak, or to join. Whoever is there already stays. */
  withdrawInvitation(space_id: string, person_id: string, options?: Options & { query?: { to?: InvitedTo | null | undefined } }): Promise<SpaceView>;
}

/** Where each of them is, for what asks by itself: live events, audio elements, downloads. */
export interface Addresses {
  admission(space_id: string): string;
  browse(query?: { state?: "live" | "scheduled" | "ended" | "all" | null | undefined; q?: string | null | undefined; spoken?: boolean | null | undefined; topic?: string | null | undefined; lang?: string | null | undefined; creator?: string | null | undefined; from?: string | null | undefined; to?: string | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined }): string;
  downloadMix(space_id: string, form: string, query?: { access_token?: string | null | undefined; link?: string | null | undefined }): string;
  downloadTrack(space_id: string, person_id: string, query?: { access_token?: string | null | undefined; link?: string | null | undefined }): string;
  exportMe(query?: { link?: string | null | undefined }): string;
  exportPerson(person_id: string, query?: { access_token?: string | null | undefined; link?: string | null | undefined }): string;
  findPeople(query: { q: string; limit?: number | null | undefined }): string;
  getAnalytics(space_id: string): string;
  getAppeals(query?: { state?: AppealState | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined }): string;
  getCaptionLanguages(): string;
  getChapters(space_id: string, query?: { access_token?: string | null | undefined }): string;
  getChaptersFile(space_id: string, format: string, query?: { access_token?: string | null | undefined; link?: string | null | undefined }): string;
  getErasure(person_id: string): string;
  getHostingPolicy(): string;
  getIdentity(): string;
  getInvitations(): string;
  getLiveBar(query?: { limit?: number | null | undefined }): string;
  getLiveHeader(space_id: string, query: { key: string }): string;
  getLivePart(space_id: string, number: string, query: { key: string }): string;
  getLivePlaylist(space_id: string, query?: { _HLS_msn?: number | null | undefined; _HLS_part?: number | null | undefined; _HLS_skip?: "YES" | "v2" | null | undefined; access_token?: string | null | undefined; link?: string | null | undefined }): string;
  getLiveSegment(space_id: string, number: string, query: { key: string }): string;
  getLiveSpaces(query?: { after?: string | null | undefined; limit?: number | null | undefined; access_token?: string | null | undefined }): string;
  getMe(): string;
  getMix(space_id: string, query?: { access_token?: string | null | undefined; link?: string | null | undefined }): string;
  getModerationLog(query?: { person_id?: string | null | undefined; space_id?: string | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined }): string;
  getMyAppeals(): string;
  getOverview(query?: { access_token?: string | null | undefined }): string;
  getPerson(person_id: string): string;
  getPicture(person_id: string, query?: { size?: "128" | "512" | null | undefined; v?: string | null | undefined }): string;
  getPodcast(person_id: string): string;
  getPush(): string;
  getReminders(): string;
  getReplay(space_id: string, query?: { access_token?: string | null | undefined }): string;
  getReportEvidence(report_id: string): string;
  getReportReasons(): string;
  getReports(query?: { state?: ReportState | null | undefined; person_id?: string | null | undefined; space_id?: string | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined }): string;
  getSpace(space_id: string, query?: { at?: string | null | undefined }): string;
  getSpaceQuality(space_id: string, query?: { access_token?: string | null | undefined }): string;
  getTipJar(person_id: string): string;
  getTipProviders(): string;
  getTips(space_id: string): string;
  getTrack(space_id: string, person_id: string, query?: { access_token?: string | null | undefined; link?: string | null | undefined }): string;
  getTranscript(space_id: string, query?: { access_token?: string | null | undefined }): string;
  getTranscriptFile(space_id: string, format: string, query?: { access_token?: string | null | undefined; link?: string | null | undefined }): string;
  hearReportEvidence(report_id: string, piece: string, query?: { access_token?: string | null | undefined; link?: string | null | undefined }): string;
  hearSafetyCopy(space_id: string, query: { report: string; access_token?: string | null | undefined; link?: string | null | undefined }): string;
  hearSafetyCopyOf(space_id: string, person_id: string, query: { report: string; access_token?: string | null | undefined; link?: string | null | undefined }): string;
  invitedPeople(space_id: string, query?: { limit?: number | null | undefined; after?: string | null | undefined }): string;
  liveBarEvents(query?: { last_event_id?: string | null | undefined; access_token?: string | null | undefined }): string;
  mayIHost(query?: { platform?: string | null | undefined }): string;
  mayTheyHost(person_id: string, query?: { platform?: string | null | undefined }): string;
  operatorEvents(query?: { last_event_id?: string | null | undefined; access_token?: string | null | undefined }): string;
  participants(space_id: string, query?: { limit?: number | null | undefined; after?: string | null | undefined }): string;
  proposeChapters(space_id: string, query?: { access_token?: string | null | undefined }): string;
  reactions(): string;
  removedPeople(space_id: string, query?: { limit?: number | null | undefined; after?: string | null | undefined }): string;
  searchTranscripts(query?: { q?: string | null | undefined; speaker?: string | null | undefined; space?: string | null | undefined; from?: string | null | undefined; to?: string | null | undefined; cursor?: string | null | undefined; limit?: number | null | undefined; access_token?: string | null | undefined }): string;
  serverDeliveries(webhook_id: string, query?: { before?: number | null | undefined; failed?: boolean | null | undefined; message_id?: string | null | undefined; limit?: number | null | undefined }): string;
  serverEvents(query?: { types?: string | null | undefined; space?: string | null | undefined; last_event_id?: string | null | undefined }): string;
  serverGetPerson(query: { subject: string }): string;
  serverWebhooks(): string;
  spaceEvents(space_id: string, query?: { session?: string | null | undefined; last_event_id?: string | null | undefined; access_token?: string | null | undefined }): string;
  topics(): string;
}

export const OPERATIONS: Readonly<Record<string, readonly string[]>>;
