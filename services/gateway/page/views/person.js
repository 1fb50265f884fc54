// @ts-check
/** What one can do with somebody on stage. */

import { api, identity } from "../lib/api.js";
import { button, h, icon } from "../lib/dom.js";
import { roleName } from "../lib/format.js";
import { attempt, confirm, sheet, tell } from "../lib/messages.js";
import { store, stored } from "../lib/stored.js";
import { signUp } from "./account.js";
import { avatar } from "./parts.js";
import { about } from "./profile.js";
import { reportSheet } from "./report.js";
import { tipSheet } from "./tips.js";

/** @import { PersonRef } from "../client/contracts/api.js" */
/** @import { Room } from "../model/room.js" */

/** Whom this device has followed; the API does not list them. */
const FOLLOWED = "rostrum.followed";

/** @returns {Set<string>} */
function followed() {
  try {
    return new Set(JSON.parse(stored(`${FOLLOWED}.${identity.person?.id}`) ?? "[]"));
  } catch {
    return new Set();
  }
}

/** @param {PersonRef} person */
async function toggleFollow(person) {
  if (!await signUp(`To follow ${person.name} you need a handle and a name.`)) return;
  const all = followed();
  if (all.has(person.id)) {
    await api.unfollow(person.id);
    all.delete(person.id);
    tell(`You no longer follow ${person.name}.`);
  } else {
    await api.follow(person.id);
    all.add(person.id);
    tell(`You follow ${person.name}. Their Spaces are on your live bar.`);
  }
  store(`${FOLLOWED}.${identity.person?.id}`, JSON.stringify([...all]));
}

/** @param {Room} room @param {PersonRef} person */
export async function personSheet(room, person) {
  const member = () => room.space?.stage.find((one) => one.person.id === person.id);
  const me = person.id === identity.person?.id;
  const role = member()?.role ?? "listener";
  const invited = (room.space?.invitations ?? []).some((one) => one.person.id === person.id);
  const mayModerate = room.hosts && !me && role !== "host" && (room.role === "host" || role !== "cohost");
  await sheet(person.name, (close) => {
    /** @param {() => Promise<unknown>} act */
    const then = (act) => async () => { close(); await attempt(act); };
    return [
      h("p", { class: "who" }, avatar(person), h("span", {}, h("strong", {}, person.name),
        h("small", {}, `@${person.handle} · ${roleName(role)}`))),
      about(person.id),
      h("div", { class: "actions" },
        !me && button({ "data-testid": "follow", onclick: then(() => toggleFollow(person)) }, icon("plus"),
          followed().has(person.id) ? "Unfollow" : "Follow"),
        !me && room.isLive && button({ onclick: then(() => tipSheet(room, person.id)) }, icon("tip"), "Send a tip"),
        room.hosts && !me && member()?.muted === false && (mayModerate || room.role === "host") && button(
          { "data-testid": "mute-other", onclick: then(() => room.orders.mute(person.id)) }, icon("mic-off"), "Mute"),
        room.hosts && !me && !member() && button(
          { "data-testid": "invite", onclick: then(() => (invited ? room.orders.uninvite(person.id) : room.orders.invite(person.id))) },
          icon("mic"), invited ? "Take the invitation back" : "Invite to speak"),
        room.role === "host" && !me && role === "speaker" && button(
          { "data-testid": "appoint", onclick: then(() => room.orders.appoint(person.id)) }, icon("people"), "Make co-host"),
        room.role === "host" && role === "cohost" && button(
          { "data-testid": "dismiss", onclick: then(() => room.orders.dismiss(person.id)) }, icon("people"), "No longer co-host"),
        room.hosts && !me && member()?.hand_raised && button(
          { "data-testid": "lower-hand", onclick: then(() => room.orders.lowerHand(person.id)) }, icon("hand"), "Lower their hand"),
        mayModerate && member() && button({ "data-testid": "move", onclick: then(() => room.orders.offStage(person.id)) }, icon("listen"),
          "Move to the listeners"),
        mayModerate && button({ class: "danger", "data-testid": "remove", onclick: then(() => removeFor(room, person)) },
          icon("close"), "Remove from this Space"),
        !me && button({ "data-testid": "block", onclick: then(() => block(person)) }, icon("close"), "Block"),
        !me && button({ "data-testid": "report-person", onclick: then(() => reportSheet(room, person)) }, icon("end"), "Report"),
        me && role !== "host" && member() && button({ "data-testid": "step-down", onclick: then(() => room.orders.offStage(person.id)) },
          icon("listen"), "Step down from the stage")),
      me && h("p", {}, "That is you."),
    ];
  }, { testid: "person" });
}

/** Account-wide. @param {PersonRef} person */
async function block(person) {
  if (!await signUp(`To block ${person.name} you need a handle and a name.`)) return;
  const sure = await confirm(`Block ${person.name}?`,
    `${person.name} cannot join your Spaces, nor you theirs, and you do not follow each other any more.`, "Block");
  if (!sure) return;
  await api.block(person.id);
  tell(`You blocked ${person.name}.`, { action: { label: "Undo", act: () => attempt(() => api.unblock(person.id)) } });
}

/** @param {Room} room @param {PersonRef} person */
async function removeFor(room, person) {
  const sure = await confirm(`Remove ${person.name}?`,
    `${person.name} will be out of this Space at once and cannot come back, not even to the replay.`, "Remove");
  if (sure) await room.orders.removePerson(person.id, "");
}
