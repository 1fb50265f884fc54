// @ts-check
/** What hosts, and whoever is on stage, can do with a Space as a whole. */

import { identity } from "../lib/api.js";
import { busy, button, h, icon } from "../lib/dom.js";
import { attempt, confirm, sheet, tell } from "../lib/messages.js";
import { atMost } from "../lib/words.js";
import { inviteSheet, invites } from "./invite.js";
import { iSpeak, languageOfSpace, languageSheet, wordsSheet } from "./languages.js";
import { choice, field } from "./parts.js";
import { reportSheet } from "./report.js";
import { TopicPicker } from "./topics.js";

/** @import { WhoCanJoin, WhoCanSpeak } from "../client/contracts/api.js" */
/** @import { Room } from "../model/room.js" */

export const JOIN = /** @type {[WhoCanJoin, string][]} */ ([["everyone", "Everyone"], ["followers", "People who follow me"], ["invited", "People I invite"]]);
export const SPEAK = /** @type {[WhoCanSpeak, string][]} */ ([["invited", "People I let in"], ["followed", "People I follow"], ["everyone", "Everyone"]]);

/** @param {Room} room */
export async function manageSheet(room) {
  const host = room.space?.host.id === identity.person?.id;
  const cohosts = (room.space?.stage ?? []).filter((one) => one.role === "cohost");
  await sheet("More", (close) => {
    /** @param {() => Promise<unknown>} act */
    const then = (act) => async () => { close(); await attempt(act); };
    return [h("div", { class: "actions" },
      room.hosts && room.isLive && button({ "data-testid": "mute-all", onclick: then(() => room.orders.muteAll()) }, icon("mic-off"), "Mute everybody else"),
      invites(room) && button({ "data-testid": "invite-people", onclick: then(() => inviteSheet(room)) }, icon("plus"), "Invite people"),
      room.member && button({ "data-testid": "pin-link", onclick: then(() => pinSheet(room)) }, icon("link"), "Pin a link"),
      room.member && room.isLive && room.space?.settings.captions && button({ "data-testid": "i-speak", onclick: then(() => languageSheet(room)) },
        icon("mic"), iSpeak(room)),
      (host || room.hosts) && (room.isLive || room.space?.state === "scheduled") && room.space?.settings.captions
        && button({ "data-testid": "words-open", onclick: then(() => wordsSheet(room)) }, icon("captions"), "Words for the captions"),
      host && button({ "data-testid": "settings", onclick: then(() => settingsSheet(room)) }, icon("people"), "Headline, topics, who can listen and speak"),
      host && room.space?.state === "scheduled" && button({ "data-testid": "reschedule", onclick: then(() => rescheduleSheet(room)) },
        icon("clock"), "Another time"),
      room.role === "host" && cohosts.map(({ person }) => button({ "data-testid": "hand-over", onclick: then(async () => {
        const sure = await confirm(`Leave, and hand over to ${person.name}?`, `${person.name} will be the host, and you leave the stage.`, "Hand over");
        if (sure) await room.orders.handOver(person.id);
      }) }, icon("leave"), `Hand over to ${person.name}`)),
      !host && button({ "data-testid": "report-space", onclick: then(() => reportSheet(room, null)) }, icon("end"), "Report this Space"))];
  }, { testid: "manage" });
}

/** @param {Room} room */
async function pinSheet(room) {
  await sheet("Pin a link", (close) => {
    const url = h("input", { name: "url", type: "url", required: true, maxlength: 2000, autofocus: true, placeholder: "https://", "data-testid": "pin-url" });
    const text = atMost(280, h("input", { name: "text", autocomplete: "off", "data-testid": "pin-text" }));
    const send = h("button", { class: "primary", "data-testid": "pin-send" }, "Pin");
    return [form(send, async () => { await room.orders.pin(url.value, text.value.trim()); close(); },
      field("Link", url, "Everybody here sees it."), field("What it is (optional)", text),
      h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
  }, { testid: "pin-sheet" });
}

/** @param {Room} room */
async function settingsSheet(room) {
  const before = room.space?.settings;
  if (!before) return;
  await sheet("This Space", (close) => {
    const title = atMost(70, h("input", { name: "title", required: true, value: before.title, autofocus: true, autocomplete: "off", "data-testid": "new-title" }));
    const topics = new TopicPicker(before.topics);
    const join = choice(JOIN, "new-who-join", before.who_can_join, "who_can_join");
    const speak = choice(SPEAK, "new-who-speak", before.who_can_speak, "who_can_speak");
    const language = languageOfSpace("new-language", before.lang);
    const send = h("button", { class: "primary", "data-testid": "settings-save" }, "Save");
    return [form(send, async () => {
      await room.orders.change({ title: title.value.trim(), topics: topics.chosen, who_can_join: join.value, who_can_speak: speak.value, lang: language.control.value });
      close();
    }, field("Title", title), topics.element, before.captions && language.field, before.captions && language.warning,
    h("div", { class: "pair" }, field("Who can listen", join), field("Who can speak", speak)),
    h("p", {}, h("small", {}, "It holds for those who come; whoever is here stays.")),
    h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
  }, { testid: "settings-sheet" });
}

/** @param {Room} room */
async function rescheduleSheet(room) {
  await sheet("Another time", (close) => {
    const start = h("input", { name: "scheduled_start", type: "datetime-local", required: true, autofocus: true, "data-testid": "new-start" });
    const send = h("button", { class: "primary", "data-testid": "reschedule-send" }, "Move it");
    return [form(send, async () => {
      await room.orders.reschedule(new Date(start.value).toISOString());
      close();
      tell("Moved. Whoever set a reminder is reminded at the new time.");
    }, field("Starts at", start), h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
  }, { testid: "reschedule-sheet" });
}

/** @param {HTMLButtonElement} send @param {() => Promise<unknown>} act @param {...import("../lib/dom.js").Child} parts */
const form = (send, act, ...parts) => h("form", {
  class: "form", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); return busy(send, () => attempt(act)); },
}, parts);
