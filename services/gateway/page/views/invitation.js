// @ts-check
/** Being invited to speak: the question, and both answers. */

import { identity } from "../lib/api.js";
import { button, h, replace } from "../lib/dom.js";
import { attempt, say } from "../lib/messages.js";
import { tick } from "./parts.js";

export class SpaceInvitation extends HTMLElement {
  /** @type {import("../model/room.js").Room | null} */
  room = null;
  #drawn = "";

  draw() {
    const { room } = this;
    const me = identity.person?.id;
    const mine = room?.isLive ? (room.space?.invitations ?? []).find((one) => one.person.id === me) : undefined;
    this.hidden = !mine;
    const looks = mine ? mine.expires_at : "";
    if (!room || looks === this.#drawn) return;
    this.#drawn = looks;
    if (!mine) {
      replace(this);
      return;
    }
    const consent = h("input", { type: "checkbox", checked: true, "data-testid": "invitation-consent" });
    replace(this, h("section", { class: "panel", "aria-label": "Invitation to speak", "data-testid": "invitation" },
      h("header", {}, h("h2", {}, "You are invited to speak")),
      h("p", {}, "You come on stage muted, and decide yourself when you are heard."),
      room.space?.settings.recorded && tick("Record me", consent, "Without this tick you are heard live, and are in no recording."),
      h("div", { class: "row end" },
        button({ "data-testid": "invitation-decline", onclick: () => attempt(() => room.orders.declineInvitation()) }, "Not now"),
        button({
          class: "primary", "data-testid": "invitation-accept",
          onclick: () => attempt(async () => {
            await room.orders.acceptInvitation(consent.checked);
            if (!room.ears) await room.join();
          }),
        }, "Come on stage"))));
    say("You are invited to speak.");
  }
}

customElements.define("space-invitation", SpaceInvitation);
