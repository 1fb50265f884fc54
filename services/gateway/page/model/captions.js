// @ts-check
/** Captions in order of when they were spoken; a final one replaces the partial ones with its id. */

/** @typedef {import("./types.js").Caption & {final: boolean}} Line */

const KEPT = 200;
/** A partial caption that nothing follows (its speaker was muted mid-word, say) goes away. */
const STALE_MS = 12_000;

export class Captions extends EventTarget {
  /** @type {Map<string, Line>} */
  #lines = new Map();
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();

  /** Oldest first. */
  get lines() {
    return [...this.#lines.values()].sort((a, b) => Date.parse(a.start_at) - Date.parse(b.start_at));
  }

  /** @param {{caption_id: string, person: import("./types.js").Person, text: string, start_at: string}} partial */
  partial({ caption_id: id, person, text, start_at }) {
    if (this.#lines.get(id)?.final) return;
    this.#lines.set(id, { id, person, text, start_at, final: false });
    clearTimeout(this.#timers.get(id));
    this.#timers.set(id, setTimeout(() => this.#forget(id), STALE_MS));
    this.dispatchEvent(new Event("change"));
  }

  /** @param {import("./types.js").Caption} caption */
  final(caption) {
    clearTimeout(this.#timers.get(caption.id));
    this.#timers.delete(caption.id);
    this.#lines.set(caption.id, { ...caption, final: true });
    if (this.#lines.size > KEPT) this.#lines.delete(this.lines[0]?.id ?? "");
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
