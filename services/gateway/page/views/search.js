// @ts-check
/** Looking for Spaces by words: of the headline, the host, the topics, and of what was said in replays. */

import { get } from "../lib/api.js";
import { busy, button, h, replace } from "../lib/dom.js";
import { clock } from "../lib/format.js";
import { attempt, say } from "../lib/messages.js";
import { avatar, badges } from "./parts.js";

/** @typedef {import("../model/types.js").Card} Card */
/** @typedef {{space_id: string, seconds: number, text: string}} Spoken */

/** A field, and below it what was found. */
export function search() {
  const words = h("input", { type: "search", maxlength: 200, placeholder: "Search Spaces and what was said", "aria-label": "Search", "data-testid": "search" });
  const send = h("button", { class: "small" }, "Search");
  const list = h("ul", { class: "found", "data-testid": "found" });
  const more = h("div", { class: "row" });
  /** @param {string} cursor */
  const look = async (cursor) => {
    const query = new URLSearchParams({ q: words.value.trim(), state: "all", limit: "10", ...(cursor ? { cursor } : {}) });
    /** @type {{spaces: Card[], spoken: Spoken[], next_cursor: string | null}} */
    const { spaces, spoken, next_cursor: next } = await get(`/v1/spaces?${query}`);
    const said = new Map(spoken.map((one) => [one.space_id, one]));
    if (!cursor) replace(list);
    for (const one of spaces) list.append(hit(one, said.get(one.id)));
    replace(more, next && button({ class: "small", onclick: () => attempt(() => look(next)) }, "Show more"));
    say(spaces.length ? `${list.childElementCount} found` : "Nothing was found");
    if (!list.childElementCount) list.append(h("li", { class: "empty" }, "Nothing was found."));
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (words.value.trim()) return busy(send, () => attempt(() => look("")));
    replace(list);
    replace(more);
    return undefined;
  };
  return h("form", { class: "search", role: "search", onsubmit: submit }, h("div", { class: "row" }, words, send), list, more);
}

/** @param {Card} one @param {Spoken | undefined} said */
function hit(one, said) {
  const place = said ? `#t=${said.seconds.toFixed(1)}` : "";
  return h("li", { "data-testid": "hit" }, avatar(one.host), h("span", { class: "by" }, badges(one),
    h("a", { href: `/spaces/${one.id}${place}`, "data-testid": "hit-link" }, one.title),
    said ? h("q", {}, said.text) : h("small", {}, one.host.name), said && h("small", {}, `said at ${clock(said.seconds)}`)));
}
