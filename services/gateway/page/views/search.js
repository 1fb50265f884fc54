// @ts-check
/** Looking for words: Spaces by headline, host and topics, and sentences that were said, live or in replays. */

import { api } from "../lib/api.js";
import { busy, button, h, replace } from "../lib/dom.js";
import { attempt, say } from "../lib/messages.js";
import { avatar, badges, field } from "./parts.js";
import { sentence } from "./sentence.js";

/** @import { SpaceCard } from "../client/contracts/api.js" */

/**
 * A page of what was found.
 *
 * @typedef {{hits: HTMLElement[], next: string | null, note?: string}} Found
 */

/** A field, and below it what was found. */
export function search() {
  const words = h("input", { type: "search", maxlength: 200, placeholder: "Search Spaces and what was said", "aria-label": "Search", "data-testid": "search" });
  const speaker = h("input", { maxlength: 26, autocomplete: "off", autocapitalize: "none", placeholder: "@handle", "data-testid": "search-speaker" });
  const from = h("input", { type: "date", "data-testid": "search-from" });
  const to = h("input", { type: "date", "data-testid": "search-to" });
  const send = h("button", { class: "small" }, "Search");

  const spaces = new Results("Spaces", "found", async (cursor) => {
    const page = await api.browse({ query: { q: words.value.trim(), state: "all", spoken: false, limit: 10, cursor } });
    return { hits: page.spaces.map(hit), next: page.next_cursor };
  });
  const sentences = new Results("What was said", "sentences", async (cursor) => {
    const query = {
      q: words.value.trim(), speaker: speaker.value.trim(), from: day(from.value, 0), to: day(to.value, 1), limit: 10, cursor,
    };
    const page = await api.searchTranscripts({ query });
    const cards = new Map(page.spaces.map((one) => [one.id, one]));
    const note = page.guessed ? "Nobody said exactly that; this comes close."
      : page.approximate ? "Many sentences have these words: these are from the newest Spaces." : "";
    return { hits: page.sentences.map((one) => sentence(one, cards.get(one.space_id), page.guessed ? "" : words.value)), next: page.next_cursor, note };
  });

  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    return busy(send, () => attempt(async () => {
      const wanted = [words.value.trim() && spaces, (words.value.trim() || speaker.value.trim()) && sentences];
      for (const results of [spaces, sentences]) if (!wanted.includes(results)) results.clear();
      const counts = await Promise.all(wanted.map((results) => (results ? results.look("") : 0)));
      const all = counts.reduce((sum, count) => sum + count, 0);
      if (wanted.some(Boolean)) say(all ? `${all} found` : "Nothing was found");
    }));
  };
  return h("form", { class: "search", role: "search", onsubmit: submit },
    h("div", { class: "row" }, words, send),
    h("details", { class: "narrow" }, h("summary", { "data-testid": "search-narrow" }, "Who said it, and when"),
      h("div", { class: "trio" }, field("Speaker", speaker), field("From", from), field("Until", to))),
    h("div", { class: "results" }, spaces.element, sentences.element));
}

/** A list that goes on when asked. */
class Results {
  #list = h("ul", { class: "found" });
  #note = h("p", { class: "empty", hidden: true });
  #more = h("div", { class: "row" });
  /** Counts searches: the answer to an older one comes too late. */
  #asked = 0;

  /** @param {string} title @param {string} testid @param {(cursor: string) => Promise<Found>} find */
  constructor(title, testid, find) {
    this.find = find;
    this.#list.dataset.testid = testid;
    this.element = h("section", { "aria-label": title, hidden: true }, h("h2", {}, title), this.#note, this.#list, this.#more);
  }

  clear() {
    this.#asked += 1;
    this.element.hidden = true;
    replace(this.#list);
  }

  /** How many there are now. @param {string} cursor empty: from the beginning */
  async look(cursor) {
    const asked = (this.#asked += 1);
    const { hits, next, note = "" } = await this.find(cursor);
    if (asked !== this.#asked) return 0;
    if (!cursor) replace(this.#list);
    this.#list.append(...hits);
    const count = this.#list.childElementCount;
    replace(this.#note, count ? note : "Nothing was found.");
    this.#note.hidden = count > 0 && !note;
    replace(this.#more, next && button({ class: "small", "data-testid": `${this.#list.dataset.testid}-more`, onclick: () => attempt(() => this.look(next)) }, "Show more"));
    this.element.hidden = false;
    return count;
  }
}

/** The first moment of a day here, or of a day after it. @param {string} date `2026-01-31`, or empty @param {number} later days */
function day(date, later) {
  if (!date) return "";
  const [year = 0, month = 1, number = 1] = date.split("-").map(Number);
  return new Date(year, month - 1, number + later).toISOString();
}

/** @param {SpaceCard} one */
function hit(one) {
  return h("li", { "data-testid": "hit" }, avatar(one.host), h("span", { class: "by" }, badges(one),
    h("a", { href: `/spaces/${one.id}`, "data-testid": "hit-link" }, one.title), h("small", {}, one.host.name)));
}
