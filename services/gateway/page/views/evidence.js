// @ts-check
/** What was reported, as it was then: for operators, who see and hear it once they ask for it, since that is on the log. */

import { api, signed } from "../lib/api.js";
import { button, h, replace } from "../lib/dom.js";
import { when } from "../lib/format.js";
import { attempt } from "../lib/messages.js";

/** @import { EvidencePiece, PersonRef } from "../client/contracts/api.js" */

const KINDS = /** @type {Record<string, string>} */ ({
  moment: "What was said", caption: "A caption", pin: "A pinned link", request: "A request to speak",
  profile: "The profile", title: "The title",
});
const STATES = /** @type {Record<string, string>} */ ({
  awaited: "It is still being copied; look again in a moment.",
  deleted: "It was deleted before it could be copied.",
  unseen: "Who reported it could not see it.",
  given_up: "It could not be copied.",
  destroyed: "The copy is destroyed: its time is over.",
});
const SOUNDS = /** @type {Record<string, string>} */ ({
  awaited: "The sound is still being copied.", none: "No sound was captured.", given_up: "The sound could not be copied.",
});

/**
 * A button that shows what was reported.
 *
 * @param {string} report
 */
export function evidence(report) {
  const shown = h("div", { class: "evidence" });
  const look = () => attempt(async () => {
    const found = await api.getReportEvidence(report);
    const called = calls(found.people);
    replace(shown, h("ul", { "data-testid": "evidence" }, found.pieces.map((one) => piece(one, called)),
      !found.pieces.length && h("li", { class: "empty" }, "Nothing was copied.")), open("Look again"));
  });
  const open = (/** @type {string} */ label) => button({ class: "small", "data-testid": "show-evidence", onclick: look }, label);
  replace(shown, open("Show what was reported"));
  return shown;
}

/**
 * @param {EvidencePiece} one
 * @param {(id: string) => string} called
 */
function piece(one, called) {
  return h("li", { "data-testid": "evidence-piece", "data-kind": one.kind }, h("strong", {}, KINDS[one.kind] ?? one.kind),
    one.at && h("small", {}, ` · copied ${when(one.at)}`),
    STATES[one.state] && h("p", {}, STATES[one.state]),
    one.title && h("p", {}, one.title),
    one.message && h("q", {}, one.message),
    one.captions.map((caption) => {
      const line = [h("span", {}, `${called(caption.person_id)}: `), caption.text];
      return h("p", {}, caption.id === one.reference ? h("mark", {}, line) : line);
    }),
    // No link: operators need not go where it leads.
    one.pin && h("p", {}, `${called(one.pin.person_id)}: ${one.pin.text} (${one.pin.url})`),
    one.profile && h("p", {}, [`${one.profile.name} (@${one.profile.handle})`, one.profile.bio, ...one.profile.links].filter(Boolean).join(" · ")),
    sound(one));
}

/** @param {EvidencePiece} one */
function sound({ sound: kept }) {
  if (!kept) return null;
  const { address } = kept;
  if (!address) return h("p", {}, SOUNDS[kept.state] ?? kept.state);
  const place = h("div", { class: "row" });
  const listen = () => attempt(async () => {
    replace(place, h("audio", { controls: true, autoplay: true, src: await signed(address), "data-testid": "evidence-sound" }));
  });
  replace(place, button({ class: "small", "data-testid": "hear-evidence", onclick: listen }, "Listen"),
    h("small", {}, kept.people.map(({ name }) => name).join(", ")));
  return place;
}

/**
 * What somebody is called, by their id.
 *
 * @param {PersonRef[]} people
 * @returns {(id: string) => string}
 */
function calls(people) {
  const names = new Map(people.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? "Somebody whose account is gone";
}
