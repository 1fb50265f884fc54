// @ts-check
/**
 * Other words for a caption: the host puts them there, everybody sees whose they are, the speaker may reject them. Both
 * may delete it.
 */

import { identity } from "../lib/api.js";
import { busy, button, h, icon, replace, write } from "../lib/dom.js";
import { attempt, confirm, sheet, tell } from "../lib/messages.js";
import { atMost } from "../lib/words.js";
import { bar } from "../model/bar.js";
import { Orders } from "../model/orders.js";
import { field } from "./parts.js";
import { reportSheet } from "./report.js";

/** @import { Caption } from "../client/contracts/api.js" */
/** @import { LiveEvent } from "../client/contracts/events.js" */
/** @import { Room } from "../model/room.js" */

/** @typedef {Pick<Caption, "id" | "person" | "text"> & Partial<Caption>} Said */

/** Whose words these are: empty for what was heard. */
export const mark = () => h("small", { class: "mark", "data-testid": "mark", hidden: true });

/** What one can do about them: empty for whom that is not. */
export const tools = () => h("span", { class: "tools" });

/**
 * Draws both beside a caption.
 *
 * @param {Element} item @param {Room} room @param {Said} said
 */
export function drawCorrection(item, room, said) {
  const me = identity.person?.id;
  const host = room.space?.host.id === me;
  const own = said.person.id === me;
  const corrected = Boolean(said.corrected_by);
  const note = /** @type {HTMLElement} */ (item.querySelector(".mark"));
  const heard = corrected && said.heard && (host || own) ? ` What was heard: “${said.heard}”` : "";
  write(note, corrected ? `Corrected by the host.${heard}`
    : said.correction_rejected && host ? `${own ? "You" : "The speaker"} rejected a correction.` : "");
  note.hidden = !note.textContent;
  const looks = JSON.stringify([host, own, corrected, said.correction_rejected]);
  const place = /** @type {HTMLElement} */ (item.querySelector(".tools"));
  if (place.dataset.looks === looks) return;
  place.dataset.looks = looks;
  // The caption may be another one by the time somebody clicks.
  const now = () => ({ ...said, text: item.querySelector("q")?.textContent ?? said.text });
  replace(place,
    host && !said.correction_rejected && button({
      class: "plain", "data-testid": "correct", "aria-label": `Correct what ${said.person.name} said`, title: "Correct",
      onclick: () => correctionSheet(room, now()),
    }, icon("edit")),
    own && corrected && !host && button({
      class: "small quiet", "data-testid": "reject-correction", onclick: () => reject(room.orders, said.id),
    }, "Reject"),
    (host || own) && button({
      class: "plain", "data-testid": "delete-caption", "aria-label": `Delete what ${said.person.name} said`, title: "Delete",
      onclick: () => deleteCaption(room.orders, now()),
    }, icon("close")),
    !own && button({
      class: "plain", "data-testid": "report-caption", "aria-label": `Report what ${said.person.name} said`, title: "Report",
      onclick: () => reportSheet(room, said.person, { kind: "caption", id: said.id, title: `Report what ${said.person.name} said`, text: now().text }),
    }, icon("flag")));
}

/** Tells whoever spoke that a host corrected them, on whichever page they are then; they can reject it there. */
export function tellOfCorrections() {
  bar.addEventListener("corrected", (event) => {
    const { space_id: space, caption_id: caption, text } = /** @type {CustomEvent<LiveEvent<"transcription.own_caption_corrected">>} */ (event).detail;
    const path = `/spaces/${space}`;
    tell(`The host corrected what you said: “${text}”`, {
      stay: true,
      action: { label: "Reject", act: () => reject(new Orders(space, () => undefined), caption) },
      ...(location.pathname !== path && { link: { label: "Go there", href: path } }),
    });
  });
}

/** @param {Orders} orders @param {string} caption */
async function reject(orders, caption) {
  const sure = await confirm("Show what was heard?", "What was heard is shown again instead of the host's words, and the host cannot correct it any more.", "Reject the correction");
  if (sure) await attempt(() => orders.rejectCorrection(caption));
}

/** @param {Orders} orders @param {Said} said */
async function deleteCaption(orders, said) {
  const sure = await confirm("Delete this caption?", `“${said.text}” is gone for good, here and in the transcript. The replay keeps the sound.`, "Delete");
  if (sure) await attempt(() => orders.deleteCaption(said.id));
}

/** @param {Room} room @param {Said} said */
async function correctionSheet(room, said) {
  await sheet(`What ${said.person.name} said`, (close) => {
    const text = atMost(2000, h("textarea", { name: "text", rows: 4, required: true, autofocus: true, "data-testid": "correction" }));
    text.value = said.text;
    const send = h("button", { class: "primary", "data-testid": "correction-send" }, "Save");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, () => attempt(async () => {
        await room.orders.correct(said.id, text.value);
        close();
      }));
    };
    return [h("form", { class: "form", onsubmit: submit },
      field("In the right words", text, `Everybody sees that the words are yours. ${said.person.name} is told, and may reject them.`),
      h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
  }, { testid: "correction-sheet" });
}
