// @ts-check
/** What one can do with somebody on stage. */

import { identity, put, remove } from "../lib/api.js";
import { button, h, icon } from "../lib/dom.js";
import { roleName } from "../lib/format.js";
import { attempt, confirm, sheet, tell } from "../lib/messages.js";
import { signUp } from "./account.js";
import { avatar } from "./parts.js";
import { tipSheet } from "./tips.js";

/** @typedef {import("../model/types.js").Person} Person */
/** @typedef {import("../model/room.js").Room} Room */

/** Whom this device has followed; the API does not list them. */
const FOLLOWED = "rostrum.followed";

/** @returns {Set<string>} */
function followed() {
  try {
    return new Set(JSON.parse(localStorage.getItem(`${FOLLOWED}.${identity.person?.id}`) ?? "[]"));
  } catch {
    return new Set();
  }
}

/** @param {Person} person */
async function toggleFollow(person) {
  if (!await signUp(`To follow ${person.name} you need a handle and a name.`)) return;
  const all = followed();
  if (all.has(person.id)) {
    await remove(`/v1/me/following/${person.id}`);
    all.delete(person.id);
    tell(`You no longer follow ${person.name}.`);
  } else {
    await put(`/v1/me/following/${person.id}`);
    all.add(person.id);
    tell(`You follow ${person.name}. Their Spaces are on your live bar.`);
  }
  localStorage.setItem(`${FOLLOWED}.${identity.person?.id}`, JSON.stringify([...all]));
}

/** @param {Room} room @param {Person} person */
export async function personSheet(room, person) {
  const member = () => room.space?.stage.find((one) => one.person.id === person.id);
  const me = person.id === identity.person?.id;
  const role = member()?.role ?? "listener";
  const mayModerate = room.hosts && !me && role !== "host" && (room.role === "host" || role !== "cohost");
  await sheet(person.name, (close) => {
    /** @param {() => Promise<unknown>} act */
    const then = (act) => async () => { close(); await attempt(act); };
    return [
      h("p", { class: "who" }, avatar(person), h("span", {}, h("strong", {}, person.name),
        h("small", {}, `@${person.handle} · ${roleName(role)}`))),
      h("div", { class: "actions" },
        !me && button({ "data-testid": "follow", onclick: then(() => toggleFollow(person)) }, icon("plus"),
          followed().has(person.id) ? "Unfollow" : "Follow"),
        !me && room.isLive && button({ onclick: then(() => tipSheet(room, person.id)) }, icon("tip"), "Send a tip"),
        room.hosts && !me && member()?.muted === false && (mayModerate || room.role === "host") && button(
          { "data-testid": "mute-other", onclick: then(() => room.orders.mute(person.id)) }, icon("mic-off"), "Mute"),
        mayModerate && button({ "data-testid": "move", onclick: then(() => room.orders.offStage(person.id)) }, icon("listen"),
          "Move to the listeners"),
        mayModerate && button({ class: "danger", "data-testid": "remove", onclick: then(() => removeFor(room, person)) },
          icon("close"), "Remove from this Space"),
        me && role !== "host" && button({ "data-testid": "step-down", onclick: then(() => room.orders.offStage(person.id)) },
          icon("listen"), "Step down from the stage")),
      me && h("p", {}, "That is you."),
    ];
  }, { testid: "person" });
}

/** @param {Room} room @param {Person} person */
async function removeFor(room, person) {
  const sure = await confirm(`Remove ${person.name}?`,
    `${person.name} will be out of this Space at once and cannot come back, not even to the replay.`, "Remove");
  if (sure) await room.orders.removePerson(person.id, "");
}
