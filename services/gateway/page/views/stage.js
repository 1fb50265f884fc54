// @ts-check
/** Everybody on stage: who they are, who is heard, who is muted. */

import { h, icon, keyed, set, write } from "../lib/dom.js";
import { roleName } from "../lib/format.js";
import { identity } from "../lib/api.js";
import { avatar, named } from "./parts.js";
import { personSheet } from "./person.js";

/** @import { StageMember } from "../client/contracts/api.js" */

export class SpaceStage extends HTMLElement {
  /** @type {import("../model/room.js").Room | null} */
  room = null;
  #list = h("ul", { class: "stage", "aria-label": "On stage", "data-testid": "stage" });

  connectedCallback() {
    this.replaceChildren(this.#list);
  }

  draw() {
    const { room } = this;
    if (!room?.space) return;
    keyed(this.#list, room.space.stage, (one) => named(one.person), (one) => this.#create(one), (item, one) => this.#update(item, one));
  }

  /** @param {StageMember} one */
  #create(one) {
    const act = h("button", { type: "button", class: "member", "data-testid": "member", "data-person": one.person.id },
      h("span", { class: "face" }, avatar(one.person), h("span", { class: "flag", "aria-hidden": "true" }, icon("mic-off")),
        h("span", { class: "flag hand", "aria-hidden": "true" }, icon("hand"))),
      h("span", { class: "name" }, one.person.name),
      h("span", { class: "role" }),
      h("span", { class: "hidden-visually state" }));
    act.addEventListener("click", () => this.room && personSheet(this.room, one.person));
    return h("li", {}, act);
  }

  /** @param {HTMLElement} item @param {StageMember} one */
  #update(item, one) {
    const room = /** @type {import("../model/room.js").Room} */ (this.room);
    const speaking = !one.muted && room.speaking.now.has(one.person.id);
    const act = /** @type {HTMLElement} */ (item.firstElementChild);
    const mine = one.person.id === identity.person?.id;
    set(act, { "data-muted": String(one.muted), "data-speaking": String(speaking), "data-role": one.role });
    act.classList.toggle("speaking", speaking);
    act.classList.toggle("muted", one.muted);
    act.classList.toggle("raised", Boolean(one.hand_raised));
    act.classList.toggle("lost", Boolean(one.lost_until));
    write(/** @type {Element} */ (act.querySelector(".role")), one.lost_until ? "Reconnecting…" : mine ? `${roleName(one.role)} · you` : roleName(one.role));
    const hand = one.hand_raised ? ", hand raised" : "";
    const off = one.consent_to_recording || !room.space?.settings.recorded ? "" : ", not recorded";
    write(/** @type {Element} */ (act.querySelector(".state")), `, ${speaking ? "speaking" : one.muted ? "muted" : "microphone on"}${hand}${off}`);
  }
}

customElements.define("space-stage", SpaceStage);
