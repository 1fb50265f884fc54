// @ts-check
/** Small pieces that several views draw. */

import { h, icon } from "../lib/dom.js";
import { hue, initials, topicName } from "../lib/format.js";

/** @typedef {import("../model/types.js").Person} Person */

/**
 * A person as a coloured circle with initials; decoration, their name stands beside it.
 *
 * @param {Person} person
 */
export const avatar = (person) =>
  h("span", { class: "avatar", "aria-hidden": "true", "--hue": hue(person.id) }, initials(person.name));

/** @param {Person[]} people @param {number} [most] */
export function avatars(people, most = 5) {
  return h("span", { class: "avatars", "aria-hidden": "true" }, people.slice(0, most).map(avatar),
    people.length > most && h("span", { class: "avatar more" }, `+${people.length - most}`));
}

/** @param {{state: string, recorded: boolean, captions: boolean}} of */
export function badges({ state, recorded, captions }) {
  const states = { live: "Live", scheduled: "Scheduled", ended: "Ended", timed_out: "Ended", canceled: "Canceled" };
  const word = states[/** @type {keyof typeof states} */ (state)] ?? state;
  return h("span", { class: "badges" },
    h("span", { class: `badge ${state}`, "data-testid": "state" }, word),
    recorded && h("span", { class: "badge", "data-testid": "recorded", title: "People on stage are recorded" },
      h("span", { class: state === "live" ? "dot" : "dot still", "aria-hidden": "true" }), "Recorded"),
    captions && h("span", { class: "badge" }, icon("captions"), "Captions"));
}

/** @param {string[]} topics */
export const topics = (topics) =>
  topics.length > 0 && h("ul", { class: "topics", "aria-label": "Topics" }, topics.map((one) => h("li", {}, topicName(one))));

/**
 * A labelled field. @param {string} label @param {HTMLElement} control @param {import("../lib/dom.js").Child} [hint]
 */
export const field = (label, control, hint) =>
  h("label", { class: "field" }, h("span", {}, label), control, hint && h("small", {}, hint));

/** @param {[string, string][]} options value and label @param {string} testid @param {string} [chosen] */
export const choice = (options, testid, chosen) => h("select", { "data-testid": testid },
  options.map(([value, label]) => h("option", { value, selected: value === chosen }, label)));

/** @param {string} label @param {HTMLInputElement} control @param {string} [hint] */
export const tick = (label, control, hint) =>
  h("label", { class: "tick" }, control, h("span", {}, label, hint && h("small", {}, hint)));
