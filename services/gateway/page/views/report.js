// @ts-check
/** Reporting a person, a Space, or one thing that somebody said or wrote to those who run this place. */

import { api } from "../lib/api.js";
import { busy, button, h } from "../lib/dom.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { atMost } from "../lib/words.js";
import { signUp } from "./account.js";
import { field } from "./parts.js";

/** @import { NewReport, PersonRef } from "../client/contracts/api.js" */

/**
 * @typedef {object} Piece one thing that somebody said or wrote
 * @property {"caption" | "pin" | "request"} kind
 * @property {string} [id] of the caption or the pin
 * @property {string} title what it is
 * @property {string} text what it says
 */

/** @param {string} reason a code of the instance */
const words = (reason) => reason.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());

/**
 * Where nothing is named, the last minute of what is live is kept as evidence.
 *
 * @param {import("../model/room.js").Room} room
 * @param {PersonRef | null} person null: the Space itself
 * @param {Piece | null} [piece]
 */
export async function reportSheet(room, person, piece = null) {
  if (!await signUp("To report something you need a handle and a name.")) return;
  const { reasons } = await api.getReportReasons();
  await sheet(piece ? piece.title : person ? `Report ${person.name}` : "Report this Space", (close) => {
    const reason = h("select", { name: "reason", "data-testid": "report-reason", autofocus: true },
      reasons.map((one) => h("option", { value: one }, words(one))));
    const comment = atMost(1000, h("textarea", { name: "comment", rows: 3, "data-testid": "report-comment" }));
    const send = h("button", { class: "danger", "data-testid": "report-send" }, "Report");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, () => attempt(async () => {
        const began = Date.parse(room.space?.started_at ?? "");
        const now = (Date.now() - began) / 1000;
        /** @type {NewReport} */
        const report = {
          person_id: person?.id ?? null, space_id: room.id, reason: reason.value, comment: comment.value.trim(),
          evidence: piece ? [{ kind: piece.kind, space_id: room.id, reference: piece.id ?? "" }] : room.isLive && now >= 0
            ? [{ kind: "moment", space_id: room.id, from_seconds: Math.max(0, now - 60), to_seconds: now }] : [],
        };
        await api.report(report);
        close();
        tell("Thank you. Those who run this place will look at it.");
      }));
    };
    return [piece && h("blockquote", { dir: "auto", "data-testid": "report-piece" }, piece.text),
      h("form", { class: "form", onsubmit: submit },
      field("What is wrong?", reason), field("In your words (optional)", comment),
      h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
  }, { testid: "report" });
}
