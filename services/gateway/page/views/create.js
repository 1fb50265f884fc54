// @ts-check
/** Making a Space, now or for later. */

import { api } from "../lib/api.js";
import { busy, button, h, write } from "../lib/dom.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { atMost, lengthOf } from "../lib/words.js";
import { signUp } from "./account.js";
import { languageOfSpace, likely, wordsField, wordsOf } from "./languages.js";
import { JOIN, SPEAK } from "./manage.js";
import { choice, field, tick } from "./parts.js";
import { TopicPicker } from "./topics.js";

/** @import { NewSpace } from "../client/contracts/api.js" */

const TITLE_MAX = 70;

/** @param {(path: string) => void} go */
export async function createSpace(go) {
  if (!await signUp("To host a Space you need a handle and a name.")) return;
  await sheet("Start a Space", (close) => {
    const title = atMost(TITLE_MAX, h("input", {
      name: "title", required: true, autofocus: true, autocomplete: "off", "data-testid": "title",
      placeholder: "What do you want to talk about?",
    }));
    const left = h("small", { "aria-hidden": "true" }, `${TITLE_MAX}`);
    title.addEventListener("input", () => write(left, `${TITLE_MAX - lengthOf(title.value)}`));
    const topics = new TopicPicker();
    const recorded = h("input", { type: "checkbox", "data-testid": "record" });
    const ephemeral = h("input", { type: "checkbox", "data-testid": "keep-nothing", name: "ephemeral" });
    // It is one or the other.
    recorded.addEventListener("change", () => { if (recorded.checked) ephemeral.checked = false; });
    ephemeral.addEventListener("change", () => { if (ephemeral.checked) recorded.checked = false; });
    const captions = h("input", { type: "checkbox", checked: true, "data-testid": "caption" });
    const language = languageOfSpace("language", likely());
    const words = wordsField("words");
    const spoken = h("details", {}, h("summary", {}, "Language and words"),
      h("div", { class: "form" }, language.field, words.field));
    captions.addEventListener("change", () => { spoken.hidden = language.warning.hidden = !captions.checked; });
    const join = choice(JOIN, "who-join", "everyone", "who_can_join");
    const speak = choice(SPEAK, "who-speak", "invited", "who_can_speak");
    const start = h("input", { type: "datetime-local", name: "scheduled_start" });
    const send = h("button", { class: "primary", "data-testid": "create" }, "Start now");
    start.addEventListener("input", () => write(send, start.value ? "Schedule" : "Start now"));
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, () => attempt(async () => {
        /** @satisfies {NewSpace} */
        const wanted = {
          title: title.value.trim(), topics: topics.chosen, lang: language.control.value, recorded: recorded.checked, captions: captions.checked,
          ephemeral: ephemeral.checked,
          who_can_join: join.value, who_can_speak: speak.value,
          words: captions.checked ? wordsOf(words.control.value) : [],
          scheduled_start: start.value ? new Date(start.value).toISOString() : null,
        };
        const space = await api.createSpace(wanted);
        close();
        go(`/spaces/${space.id}`);
      }));
    };
    return [h("form", { class: "form", onsubmit: submit },
      field("Title", title, left),
      topics.element,
      h("div", { class: "pair" }, field("Who can listen", join), field("Who can speak", speak)),
      tick("Record it", recorded, "Only people on stage are recorded, and each is told. A replay stays."),
      tick("Keep nothing of it", ephemeral, "When it ends, everything said and written in it is destroyed: no replay, no transcript, no title."),
      tick("Live captions", captions, "What is said, as text, while it is said."),
      spoken, language.warning,
      h("details", {}, h("summary", {}, "Schedule it for later"), field("Starts at", start)),
      h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
  }, { testid: "create-sheet" });
}

/** The link to give away. */
export const address = () => `${location.origin}${location.pathname}`;

/** Gives a link away in the way this device has. @param {string} title */
export async function share(title) {
  const url = address();
  if (navigator.share && matchMedia("(pointer: coarse)").matches) {
    await navigator.share({ title, url }).catch(() => undefined); // closed without choosing
    return;
  }
  try {
    await navigator.clipboard.writeText(url);
    tell("Link copied.");
  } catch {
    await sheet("Share this Space", () => [field("Link", h("input", { readonly: true, value: url, autofocus: true }))]);
  }
}
