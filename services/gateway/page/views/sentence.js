// @ts-check
/** A sentence that was found, between the ones before and after it, as a link to the moment it was said. */

import { h } from "../lib/dom.js";
import { clock, when } from "../lib/format.js";
import { avatar } from "./parts.js";

/** @import { Sentence, SentenceFound, SpaceCard } from "../client/contracts/api.js" */

const WORD = /([\p{L}\p{N}]+)/u;

/**
 * @param {SentenceFound} one @param {SpaceCard | undefined} card of the Space it was said in
 * @param {string} sought words to mark
 */
export function sentence(one, card, sought) {
  const place = one.replay ? `#t=${one.seconds.toFixed(1)}` : "";
  const live = card?.state === "live";
  return h("li", { class: "sentence-found", "data-testid": "sentence-hit" }, avatar(one.person), h("div", { class: "by" },
    h("p", {}, h("strong", {}, one.person.name), " ",
      h("small", {}, live ? "live now" : `at ${clock(one.seconds)}`, one.corrected && ", corrected by the host")),
    beside(one.before, one, "before"),
    h("a", { href: `/spaces/${one.space_id}${place}`, "data-testid": "sentence-link" }, h("q", {}, marked(one.text, sought))),
    beside(one.after, one, "after"),
    h("small", {}, card ? `${card.title} · ` : "", when(one.start_at))));
}

/** A neighbour, with its speaker where that is somebody else. @param {Sentence | null} other @param {Sentence} one @param {string} which */
const beside = (other, one, which) => other && h("p", { class: "beside", "data-testid": `sentence-${which}` },
  other.person.id !== one.person.id && `${other.person.name}: `, h("q", {}, other.text));

/**
 * The text with the words that were looked for marked, as the search compares them: without case and accents.
 *
 * @param {string} text @param {string} sought
 */
function marked(text, sought) {
  const words = new Set(sought.split(WORD).map(plain).filter((word) => WORD.test(word)));
  return text.split(WORD).map((part) => (words.has(plain(part)) ? h("mark", {}, part) : part));
}

/** @param {string} word */
const plain = (word) => word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
