// @ts-check
/** Making a Space, now or for later. */

import { post } from "../lib/api.js";
import { busy, button, h, write } from "../lib/dom.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { signUp } from "./account.js";
import { JOIN, SPEAK } from "./manage.js";
import { choice, field, tick } from "./parts.js";

const TITLE_MAX = 70;
const TOPICS_MAX = 3;

/** @param {string} text as typed, with commas @returns {string[]} as the API takes them */
export function topicsOf(text) {
  const slugs = text.toLowerCase().split(",").map((topic) =>
    topic.trim().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40));
  return [...new Set(slugs.filter(Boolean))].slice(0, TOPICS_MAX);
}

/** @param {(path: string) => void} go */
export async function createSpace(go) {
  if (!await signUp("To host a Space you need a handle and a name.")) return;
  await sheet("Start a Space", (close) => {
    const title = h("input", {
      name: "title", required: true, maxlength: TITLE_MAX, autofocus: true, autocomplete: "off", "data-testid": "title",
      placeholder: "What do you want to talk about?",
    });
    const left = h("small", { "aria-hidden": "true" }, `${TITLE_MAX}`);
    title.addEventListener("input", () => write(left, `${TITLE_MAX - title.value.length}`));
    const topics = h("input", { name: "topics", autocomplete: "off", placeholder: "music, open source", "data-testid": "topics" });
    const recorded = h("input", { type: "checkbox", "data-testid": "record" });
    const captions = h("input", { type: "checkbox", checked: true, "data-testid": "caption" });
    const join = choice(JOIN, "who-join");
    const speak = choice(SPEAK, "who-speak");
    const start = h("input", { type: "datetime-local", name: "start" });
    const send = h("button", { class: "primary", "data-testid": "create" }, "Start now");
    start.addEventListener("input", () => write(send, start.value ? "Schedule" : "Start now"));
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, () => attempt(async () => {
        const space = await post("/v1/spaces", {
          title: title.value.trim(), topics: topicsOf(topics.value), lang: "en",
          recorded: recorded.checked, captions: captions.checked, who_can_join: join.value, who_can_speak: speak.value,
          ...(start.value ? { scheduled_start: new Date(start.value).toISOString() } : {}),
        });
        close();
        go(`/spaces/${space.id}`);
      }));
    };
    return [h("form", { class: "form", onsubmit: submit },
      field("Title", title, left),
      field("Topics", topics, "Up to three, with commas between them."),
      h("div", { class: "pair" }, field("Who can listen", join), field("Who can speak", speak)),
      tick("Record it", recorded, "Only people on stage are recorded, and each is told. A replay stays."),
      tick("Live captions", captions, "What is said, as text, while it is said."),
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
