// @ts-check
/** What people speak, and the words that captions should know. */

import { api, identity, spaceNow } from "../lib/api.js";
import { busy, button, h, write } from "../lib/dom.js";
import { attempt, sheet, tell } from "../lib/messages.js";
import { choice, field } from "./parts.js";

/** @import { SpaceView } from "../client/contracts/api.js" */
/** @import { Room } from "../model/room.js" */

/** A short list; the API takes any BCP 47 tag. */
const OFFERED = ["en", "de", "es", "fr", "it", "nl", "pl", "pt", "tr", "uk", "ar", "hi", "ja", "ko", "zh"];
const UNKNOWN = "und";
const WORDS_MAX = 50;

/** A language by its own name. @param {string} tag */
export function languageName(tag) {
  try {
    const name = new Intl.DisplayNames([tag], { type: "language" }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag;
  }
}

/** @param {string} [chosen] @returns {[string, string][]} */
const offered = (chosen) => [...new Set([...OFFERED, ...chosen && chosen !== UNKNOWN ? [chosen] : []])].map((tag) => [tag, languageName(tag)]);

/** @type {Promise<readonly string[]> | null} */
let asked = null;

/** The languages that there are captions in, as primary subtags; none while that is not known. */
const captioned = () => asked ??= (async () => {
  try {
    const { languages } = await api.getCaptionLanguages();
    return languages;
  } catch {
    asked = null;
    return [];
  }
})();

/**
 * What stands below the choice of a language: nothing, or that there are no captions in it.
 *
 * @param {string} meaning what that means to whoever chooses @param {() => string} tag the choice
 */
function warningOf(meaning, tag) {
  const warning = h("small", { role: "status", "data-testid": "not-understood" });
  const warn = async () => {
    const known = await captioned(), chosen = tag();
    const missing = chosen !== UNKNOWN && known.length && !known.includes(chosen.replace(/-.*/, "").toLowerCase());
    write(warning, missing ? `There are no captions in ${languageName(chosen)} here: ${meaning}.` : "");
  };
  void warn();
  return { warning, warn };
}

/**
 * What is mostly spoken in a Space: the control, its field, and what stands below where there are no captions in that.
 *
 * @param {string} testid @param {string} chosen
 */
export function languageOfSpace(testid, chosen) {
  const control = choice([...offered(chosen), [UNKNOWN, "Several: find out"]], testid, chosen, "lang");
  const { warning, warn } = warningOf("what is said in it will not be written down", () => control.value);
  control.addEventListener("change", warn);
  return { control, field: field("What is mostly spoken", control), warning };
}

/** The language that a new Space is likely to be in. */
export const likely = () => OFFERED.find((tag) => tag === navigator.language.split("-")[0]) ?? "en";

/** @param {string} text as typed, with commas or in lines @returns {string[]} */
export const wordsOf = (text) => [...new Set(text.split(/[,\n]/).map((word) => word.trim()).filter(Boolean))];

/** The field of a word list: its control, and what stands below it. @param {string} testid @param {readonly string[]} [words] */
export function wordsField(testid, words = []) {
  const control = h("textarea", { name: "words", rows: 3, autocomplete: "off", spellcheck: "false", placeholder: "Dashwood, PostgreSQL", "data-testid": testid });
  control.value = words.join(", ");
  const count = h("small", { "aria-hidden": "true" });
  const draw = () => write(count, `${wordsOf(control.value).length} of ${WORDS_MAX}`);
  control.addEventListener("input", draw);
  draw();
  return { control, field: field("Names and words for the captions", control,
    h("span", {}, "Names, brands and terms that will be said, with commas between them. Only hosts see them. ", count)) };
}

/** The word list of a Space, for its hosts. @param {Room} room */
export async function wordsSheet(room) {
  /** @type {SpaceView} whoever has just become a co-host knows no list yet */
  const space = await spaceNow(room.id);
  await sheet("Words for the captions", (close) => {
    const words = wordsField("new-words", space.words);
    const send = h("button", { class: "primary", "data-testid": "words-save" }, "Save");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, () => attempt(async () => {
        await room.orders.words(wordsOf(words.control.value));
        close();
        tell("Saved. It helps with what is said from now on.");
      }));
    };
    return [h("form", { class: "form", onsubmit: submit }, words.field,
      h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
  }, { testid: "words-sheet" });
}

/** "I speak …", as a button says it. @param {Room} room */
export function iSpeak(room) {
  const mine = room.member?.lang ?? room.space?.settings.lang ?? UNKNOWN;
  return mine === UNKNOWN ? "I speak… (found out)" : `I speak ${languageName(mine)}`;
}

/** What somebody on stage speaks, for their own captions. @param {Room} room */
export async function languageSheet(room) {
  const whole = room.space?.settings.lang ?? UNKNOWN;
  const mine = room.space?.stage.find((one) => one.person.id === identity.person?.id)?.lang ?? "";
  await sheet("I speak", (close) => {
    const same = whole === UNKNOWN ? "As the Space: found out" : `As the Space: ${languageName(whole)}`;
    const select = choice([["", same], ...offered(mine), [UNKNOWN, "Find out what I speak"]], "my-language", mine, "lang");
    const { warning, warn } = warningOf("what you say will not be written down", () => select.value || whole);
    select.addEventListener("change", warn);
    const send = h("button", { class: "primary", "data-testid": "my-language-save" }, "Save");
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      return busy(send, () => attempt(async () => { await room.orders.speak(select.value || null); close(); }));
    };
    return [h("form", { class: "form", onsubmit: submit },
      field("Language of my captions", select, "It holds from your next sentence. Languages other than English appear when a sentence is over."),
      warning, h("div", { class: "row end" }, button({ onclick: close }, "Cancel"), send))];
  }, { testid: "language-sheet" });
}
