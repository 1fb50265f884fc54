// @ts-check
/** Finding people by name, and inviting them: to come in, where only invited people may, or to speak. */

import { api } from "../lib/api.js";
import { button, h, icon, replace, write } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { attempt, sheet } from "../lib/messages.js";
import { avatar } from "./parts.js";

/** @import { PersonRef } from "../client/contracts/api.js" */
/** @import { Room } from "../model/room.js" */

/** Nobody looks for what is still being typed. */
const REST_MS = 250;

/** Whether only invited people may come in. @param {Room} room */
const closed = (room) => room.space?.settings.who_can_join === "invited";

/** Whether this person can invite anybody now: to speak while it is live, to come in also before. @param {Room} room */
export const invites = (room) => (room.isLive ? room.hosts : room.space?.state === "scheduled" && room.mine && closed(room));

/** @param {Room} room */
export async function inviteSheet(room) {
  await sheet("Invite people", () => {
    const words = h("input", {
      type: "search", name: "q", maxlength: 50, autofocus: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false",
      placeholder: "Name or handle", "aria-label": "Name or handle", "data-testid": "find-people",
    });
    const state = h("p", { class: "empty", role: "status", "data-testid": "found-people-count" });
    const list = h("ul", { class: "queue", "aria-label": "People", "data-testid": "found-people" });
    let asked = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let rest;
    const look = () => attempt(async () => {
      clearTimeout(rest);
      const mine = (asked += 1);
      const sought = words.value.trim();
      const { people } = sought ? await api.findPeople({ query: { q: sought } }) : { people: [] };
      if (mine !== asked) return; // somebody typed on
      replace(list, people.map((person) => row(room, person)));
      write(state, !sought ? "" : people.length ? `${count(people.length, "person", "people")} found` : "Nobody is called that.");
    });
    words.addEventListener("input", () => { clearTimeout(rest); rest = setTimeout(look, REST_MS); });
    return [h("form", { class: "form", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); return look(); } },
      h("p", {}, closed(room) ? "Whoever you let in can open this Space, and is told so. Nobody else is." : "They are asked whether they come on stage, once they are here."),
      words, state, list)];
  }, { testid: "invite-sheet" });
}

/** @param {Room} room @param {PersonRef} person */
function row(room, person) {
  const place = h("span", { class: "row end" });
  const draw = () => {
    const { space } = room;
    const onStage = space?.stage.some((one) => one.person.id === person.id);
    const asked = space?.invitations.some((one) => one.person.id === person.id);
    const invited = space?.invited.includes(person.id);
    const act = (/** @type {"join" | "speak"} */ to, /** @type {string} */ words, /** @type {string} */ told) => button({
      class: "small", "data-testid": `invite-${to}`, "aria-label": told,
      onclick: () => attempt(async () => {
        await room.orders.invite(person.id, to);
        draw();
        place.querySelector("button")?.focus();
      }),
    }, words);
    const undo = button({
      class: "small", "data-testid": "invite-undo", "aria-label": `Let ${person.name} in no longer`,
      onclick: () => attempt(async () => {
        await room.orders.shutOut(person.id);
        draw();
        place.querySelector("button")?.focus();
      }),
    }, "Undo");
    replace(place,
      onStage ? done("On stage") : [
        closed(room) && (invited ? done("Let in") : act("join", "Let in", `Let ${person.name} in`)),
        closed(room) && invited && undo,
        room.isLive && (asked ? done("Invited to speak") : act("speak", "To speak", `Invite ${person.name} to speak`)),
      ]);
  };
  draw();
  return h("li", { "data-testid": "found-person" }, avatar(person), h("span", { class: "by" }, h("strong", {}, person.name), h("small", {}, `@${person.handle}`)), place);
}

/** @param {string} words */
const done = (words) => h("span", { class: "done", role: "status", "data-testid": "invited" }, icon("check"), words);
