// @ts-check
/** Small pieces that several views draw. */

import { identity, signed } from "../lib/api.js";
import { h, icon } from "../lib/dom.js";
import { hue, initials, topicName } from "../lib/format.js";
import { attempt } from "../lib/messages.js";

/** @import { PersonRef, State } from "../client/contracts/api.js" */

/**
 * A person as their picture, or a coloured circle with initials; decoration, their name stands beside it.
 *
 * @param {PersonRef} person
 */
export function avatar({ id, name, picture }) {
  const circle = h("span", { class: "avatar", "aria-hidden": "true", "--hue": hue(id) }, initials(name));
  // Over the initials, which stay where it does not load.
  if (picture) circle.append(h("img", { src: `${picture}&size=128`, alt: "", loading: "lazy", onerror: without }));
  return circle;
}

/** @param {Event} event */
const without = (event) => /** @type {HTMLElement} */ (event.currentTarget).remove();

/**
 * The key of what shows somebody: another one when they are called something else, so that it is drawn anew.
 *
 * @param {PersonRef} person
 */
export const named = ({ id, handle, name, picture }) => `${id} ${handle} ${name} ${picture ?? ""}`;

/** @param {PersonRef[]} people @param {number} [most] */
export function avatars(people, most = 5) {
  return h("span", { class: "avatars", "aria-hidden": "true" }, people.slice(0, most).map(avatar),
    people.length > most && h("span", { class: "avatar more" }, `+${people.length - most}`));
}

/** What everybody is told of an ephemeral Space. */
export const NOTHING_KEPT = "Nothing of this Space is kept: when it ends, everything said and written in it is destroyed.";

/** @param {{state: State, recorded: boolean, captions: boolean, ephemeral: boolean}} of */
export function badges({ state, recorded, captions, ephemeral }) {
  const states = { live: "Live", scheduled: "Scheduled", ended: "Ended", timed_out: "Ended", canceled: "Canceled", deleted: "Deleted" };
  return h("span", { class: "badges" },
    h("span", { class: `badge ${state}`, "data-testid": "state" }, states[state] ?? state),
    recorded && h("span", { class: "badge", "data-testid": "recorded", title: "People on stage are recorded" },
      h("span", { class: state === "live" ? "dot" : "dot still", "aria-hidden": "true" }), "Recorded"),
    ephemeral && h("span", { class: "badge", "data-testid": "ephemeral", title: NOTHING_KEPT }, icon("hourglass"), "Ephemeral"),
    captions && h("span", { class: "badge" }, icon("captions"), "Captions"));
}

/** @param {string[]} topics */
export const topics = (topics) =>
  topics.length > 0 && h("ul", { class: "topics", "aria-label": "Topics" }, topics.map((one) => h("li", {}, topicName(one))));

let hints = 0;

/**
 * A labelled field. A `name` of the control that is the API's has the API's complaints shown there.
 *
 * @param {string} label @param {HTMLElement} control @param {import("../lib/dom.js").Child} [hint]
 */
export function field(label, control, hint) {
  const below = hint && h("small", { id: `hint-${hints += 1}` }, hint);
  if (below) control.setAttribute("aria-describedby", below.id);
  return h("div", { class: "field" }, h("label", {}, h("span", {}, label), control), below);
}

/**
 * @template {string} T
 * @param {[T, string][]} options value and label @param {string} testid @param {T} [chosen] @param {string} [name] of the field
 * @returns {HTMLSelectElement & {value: T}}
 */
export const choice = (options, testid, chosen, name) => /** @type {HTMLSelectElement & {value: T}} */ (h("select",
  { "data-testid": testid, name }, options.map(([value, label]) => h("option", { value, selected: value === chosen }, label))));

/** @param {string} label @param {HTMLInputElement} control @param {string} [hint] */
export const tick = (label, control, hint) =>
  h("label", { class: "tick" }, control, h("span", {}, label, hint && h("small", {}, hint)));

/**
 * A link to a file, which is given a signature of its own when it is followed.
 *
 * @param {string} address @param {import("../lib/dom.js").Props} props @param {...import("../lib/dom.js").Child} content
 */
export const signedLink = (address, props, ...content) => h("a", { ...props, href: address, onclick: (event) => {
  if (!identity.token) return; // it opens without
  event.preventDefault();
  attempt(async () => h("a", { href: await signed(address), download: props.download }).click());
} }, ...content);
