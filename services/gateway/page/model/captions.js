// @ts-check
/** Captions in order of when they were spoken; a final one replaces the partial ones with its id. */

/** @import { Caption, PersonRef, Transcript } from "../client/contracts/api.js" */
/** @import { LiveEvent, Payloads } from "../client/contracts/events.js" */

/** @typedef {"transcription.caption_corrected" | "transcription.caption_restored"} Reworded */
/** @typedef {LiveEvent<"transcription.captioned" | "transcription.caption_deleted" | Reworded>} Told */
/** @typedef {Pick<Caption, "id" | "person" | "lang" | "text" | "start_at"> & Partial<Caption> & {final: boolean}} Line */

const KEPT = 200;
/** How many from before we came are shown. */
const RECALLED = 30;
/** A partial caption that nothing follows (its speaker was muted mid-word, say) goes away. */
const STALE_MS = 12_000;

/** Events: `change` (draw again), `corrected` (a caption, or it was deleted; also one that is not among these). */
export class Captions extends EventTarget {
  /** @type {Map<string, Line>} */
  #lines = new Map();
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();
  /** What was told since the transcript was asked for, until it is there. @type {Told[] | null} */
  #told = null;

  /** @param {ReadonlyMap<string, PersonRef>} [names] of people who changed theirs, by id */
  constructor(names = new Map()) {
    super();
    this.names = names;
  }

  /** Oldest first. */
  get lines() {
    return [...this.#lines.values()].sort((a, b) => Date.parse(a.start_at) - Date.parse(b.start_at));
  }

  /** @param {Told | LiveEvent<"captions.partial">} event */
  apply(event) {
    switch (event.type) {
      case "captions.partial":
        this.#partial(event);
        break;
      default:
        if (this.#told && this.#told.push(event) > KEPT) this.#told.shift();
        this.#take(event);
        if (event.type !== "transcription.captioned") this.dispatchEvent(new Event("corrected"));
    }
  }

  /** @param {Told} event */
  #take(event) {
    if (event.type === "transcription.captioned") this.final(event.caption);
    else if (event.type === "transcription.caption_deleted") this.#forget(event.caption_id);
    else this.#correct(event);
  }

  /**
   * Takes in what was captioned before we came. What is told while that is asked for is newer than the answer.
   *
   * @param {Promise<Transcript | null>} asked
   */
  async recall(asked) {
    this.#told = [];
    const transcript = await asked;
    const told = this.#told ?? [];
    this.#told = null;
    for (const caption of transcript?.captions.slice(-RECALLED) ?? []) this.final(caption);
    for (const event of told) this.#take(event);
  }

  /** @param {Payloads["captions.partial"]} partial */
  #partial({ caption_id: id, person, lang, text, start_at }) {
    if (this.#lines.get(id)?.final) return;
    this.#lines.set(id, { id, person: this.names.get(person.id) ?? person, lang, text, start_at, final: false });
    clearTimeout(this.#timers.get(id));
    this.#timers.set(id, setTimeout(() => this.#forget(id), STALE_MS));
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Caption} caption */
  final(caption) {
    clearTimeout(this.#timers.get(caption.id));
    this.#timers.delete(caption.id);
    if (!caption.text) return this.#forget(caption.id); // it was erased
    this.#lines.set(caption.id, { ...caption, person: this.names.get(caption.person.id) ?? caption.person, final: true });
    if (this.#lines.size > KEPT) this.#lines.delete(this.lines[0]?.id ?? "");
    this.dispatchEvent(new Event("change"));
  }

  /**
   * The host's words, or what was heard again.
   *
   * @param {Payloads[Reworded]} event
   */
  #correct(event) {
    const line = this.#lines.get(event.caption_id);
    if (!line) return;
    if (!event.text) return this.#forget(line.id); // the words were erased
    const heard = line.corrected_by ? line.heard ?? null : line.text;
    this.#lines.set(line.id, { ...line, text: event.text, ..."by" in event ? { corrected_by: event.by, heard }
      : { corrected_by: null, heard: null, correction_rejected: event.reason === "rejected" } });
    this.dispatchEvent(new Event("change"));
  }

  /** Somebody is called something else from now on. @param {PersonRef} person */
  rename(person) {
    for (const line of this.#lines.values()) if (line.person.id === person.id) this.#lines.set(line.id, { ...line, person });
    this.dispatchEvent(new Event("change"));
  }

  clear() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#lines.clear();
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} id */
  #forget(id) {
    this.#timers.delete(id);
    this.#lines.delete(id);
    this.dispatchEvent(new Event("change"));
  }
}
