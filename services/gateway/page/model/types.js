// @ts-check
/**
 * What goes over the wire, as far as the page uses it; `contracts` is the original.
 *
 * @typedef {{id: string, handle: string, name: string}} Person
 * @typedef {"host" | "cohost" | "speaker" | "listener"} Role
 * @typedef {"scheduled" | "live" | "ended" | "canceled" | "timed_out"} State
 * @typedef {{title: string, topics: string[], lang: string, recorded: boolean, captions: boolean,
 *   who_can_join: string, who_can_speak: string,
 *   kind?: "space" | "conversation"}} Settings
 * @typedef {{person: Person, role: Role, muted: boolean, consent_to_recording: boolean, joined_at: string,
 *   hand_raised?: boolean, lost_until?: string | null}} Member
 * @typedef {{person: Person, message: string, consent_to_recording: boolean, requested_at: string,
 *   lost_until?: string | null}} SpeakRequest
 * @typedef {{person: Person, invited_by: string | null, expires_at: string}} Invitation
 * @typedef {{id: string, url: string, text: string, person: Person, pinned_at: string}} Pin
 * @typedef {{id: string, version: number, state: State, host: Person, settings: Settings, created_at: string,
 *   scheduled_start: string | null, started_at: string | null, ended_at: string | null, stage: Member[],
 *   requests: SpeakRequest[], removed: string[], invitations?: Invitation[], invited?: string[], pins?: Pin[],
 *   listeners?: number}} Space
 * @typedef {{id: string, title: string, state: State, host: Person, speakers: Person[], listeners: number,
 *   topics: string[], recorded: boolean, captions: boolean, scheduled_start: string | null,
 *   started_at: string | null, ended_at: string | null, because: Person[]}} Card
 * @typedef {{id: string, person: Person, text: string, start_at: string, end_at?: string}} Caption
 * @typedef {{state: "none" | "recording" | "processing" | "ready" | "failed", began_at: string | null,
 *   seconds: number, bytes: number, mix: string | null,
 *   tracks: {person: Person, url: string, seconds: number, bytes: number}[]}} Replay
 * @typedef {{person_id: string, enabled: boolean, names: Record<string, string>}} Jar
 * @typedef {{id: string, provider: string, amount_minor: number | null, currency: string | null,
 *   link: string, state: string}} Tip
 *
 * A live event: `type` is `<context>.<name>`, the rest is its contract.
 * @typedef {Record<string, any> & {type: string, at: string}} LiveEvent
 */

export {};
