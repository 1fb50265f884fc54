// @ts-check
/** Being invited: to speak, with the question and both answers, and to come in, of which one is told wherever one is. */

import { identity, orNull, spaceNow } from "../lib/api.js";
import { button, h, icon, replace } from "../lib/dom.js";
import { attempt, say, tell } from "../lib/messages.js";
import { bar } from "../model/bar.js";
import { NOTHING_KEPT, tick } from "./parts.js";

/** @import { BarEvent } from "../model/live.js" */

/** Tells of invitations to join a Space, on whichever page one is then. */
export function tellOfInvitations() {
  bar.addEventListener("invited", async (e) => {
    const event = /** @type {CustomEvent<BarEvent>} */ (e).detail;
    if (event.type !== "room.invited") return;
    const path = `/spaces/${event.space_id}`;
    const space = await orNull(spaceNow(event.space_id)); // taken back meanwhile
    if (!space) return;
    tell(`${space.host.name} lets you into “${space.settings.title}”.`, { stay: true, link: { label: "Go there", href: path } });
  });
}

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
      room.space?.settings.ephemeral && h("p", { class: "kept", "data-testid": "nothing-kept" }, icon("hourglass"), NOTHING_KEPT),
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
