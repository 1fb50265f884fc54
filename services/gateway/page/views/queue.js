// @ts-check
/** Who asks to speak, for those who decide. */

import { button, h, icon, keyed, write } from "../lib/dom.js";
import { attempt } from "../lib/messages.js";
import { avatar, named } from "./parts.js";
import { reportSheet } from "./report.js";

/** @import { SpeakRequest } from "../client/contracts/api.js" */

export class SpaceQueue extends HTMLElement {
  /** @type {import("../model/room.js").Room | null} */
  room = null;
  #title = h("h2", { "aria-live": "polite" }, "Requests to speak");
  #list = h("ul", { class: "queue", "data-testid": "queue" });

  connectedCallback() {
    this.replaceChildren(h("section", { class: "panel", "aria-label": "Requests to speak" }, h("header", {}, this.#title), this.#list));
    this.draw();
  }

  draw() {
    const requests = this.room?.space?.requests ?? [];
    this.hidden = !this.room?.hosts || requests.length === 0;
    write(this.#title, `Requests to speak (${requests.length})`);
    keyed(this.#list, requests, (one) => named(one.person), (one) => this.#create(one));
  }

  /** @param {SpeakRequest} one */
  #create({ person, message, consent_to_recording: consents }) {
    const room = /** @type {import("../model/room.js").Room} */ (this.room);
    return h("li", { "data-testid": "request", "data-person": person.id }, avatar(person),
      h("span", { class: "by" }, h("strong", {}, person.name), message && h("q", {}, message),
        room.space?.settings.recorded && !consents && h("small", {}, "Does not want to be recorded")),
      button({
        class: "small primary", "data-testid": "accept", "aria-label": `Let ${person.name} speak`,
        onclick: () => attempt(() => room.orders.accept(person.id)),
      }, "Accept"),
      button({
        class: "small quiet", "data-testid": "decline", "aria-label": `Decline ${person.name}`,
        onclick: () => attempt(() => room.orders.decline(person.id)),
      }, "Decline"),
      message && button({
        class: "plain", "data-testid": "report-request", "aria-label": `Report what ${person.name} wrote`, title: "Report",
        onclick: () => reportSheet(room, person, { kind: "request", title: `Report what ${person.name} wrote`, text: message }),
      }, icon("flag")));
  }
}

customElements.define("space-queue", SpaceQueue);
