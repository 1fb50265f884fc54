// @ts-check
/** Deleting one's account. */

import { api, identity } from "../lib/api.js";
import { busy, button, h } from "../lib/dom.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { field } from "./parts.js";

/** @import { Confirmed, PersonRef } from "../client/contracts/api.js" */

/** Deletes somebody's own account, once they typed its handle. @param {PersonRef} me */
export async function deleteAccount(me) {
  await sheet("Delete your account", (close) => {
    const typed = h("input", {
      name: "confirmation", required: true, pattern: `[ ]*@?${caseless(me.handle)}[ ]*`, autocomplete: "off",
      autocapitalize: "none", spellcheck: "false", autofocus: true, title: `@${me.handle}`, "data-testid": "erase-handle",
    });
    const send = h("button", { class: "danger", "data-testid": "erase-send" }, "Delete for ever");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, () => attempt(async () => {
        /** @type {Confirmed} */
        const wanted = { confirmation: typed.value.trim() };
        await api.deleteMe(wanted);
        close();
        identity.become(null);
        tell("Your account is deleted.");
      }));
    };
    return [h("form", { class: "form", onsubmit: submit },
      h("p", {}, h("strong", {}, "Nobody can undo this.")),
      h("p", {}, "You are signed out everywhere and leave every Space. A Space that you host goes to a co-host, or ends; "
        + "what you scheduled is canceled."),
      h("p", {}, "Your name, profile, words and voice are removed, from transcripts and replays too. "
        + "Nobody else gets your handle for some weeks."),
      h("p", {}, "What somebody reported stays for those who look into the report."),
      field(`Type @${me.handle} to delete it`, typed),
      h("div", { class: "row end" }, button({ onclick: close }, "Keep it"), send))];
  }, { testid: "erase-sheet" });
}

/** A pattern of a handle in any case: letters, digits and underscores. @param {string} handle */
function caseless(handle) {
  return [...handle].map((letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`).join("");
}
